"""The events of an opened box: counted by cut, and kept apart from everything that is blind."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from na64.datasets.catalogue.build import Catalogue, verify
from na64.datasets.instrument.columns import EventColumns
from na64.processors.counting import counting
from na64.processors.events.segment import read_segment, warm_up
from na64.processors.events.visible_events import (
    VisibleEvents,
    derivation_of,
    features_of,
    hidden_by,
    runs_of,
    seen_under,
)
from na64.processors.execution.backend import Backend
from na64.processors.execution.ledger import Partial, decode
from na64.processors.execution.tasks import Done, Options, Task, Work, package_code
from na64.processors.features.feature_table import Skip
from na64.processors.features.rows import take_rows
from na64.processors.job import FileContext, Job
from na64.processors.reread_events import EventBatch, read_tasks, with_columns
from na64.processors.segments import Piece, place_of, plan, plan_by_run
from na64.selections.hidden import opened_mask
from na64.selections.histograms import Axis
from na64.selections.planes import ENERGIES
from na64.selections.selection import Selection
from na64.selections.signal_box import SignalBox, Unblinding

NUMBERS = ("run", "spill", "event")
"""What names an event."""

STAGES = ("before any cut", "after all cuts")
"""Stages of the events that the opened plane has."""

BIN = 1.0
"""GeV, width of a bin of the opened plane in both directions."""

_N_BINS = 150


def opened_axes(selection: Selection) -> tuple[Axis, Axis]:
    """Axes of the plane of opened events: energies in ECAL and HCAL in bins of `BIN`.

    Where the selection has no plane of these they are those of its first plane.
    """
    x, y = ENERGIES
    usual = (Axis(x, _N_BINS, 0.0, BIN * _N_BINS, ""), Axis(y, _N_BINS, 0.0, BIN * _N_BINS, ""))
    planes = {tuple(axis.feature for axis in plane.axes): plane.axes for plane in selection.planes}
    return usual if ENERGIES in planes or not planes else selection.planes[0].axes


def edges_of(axis: Axis) -> NDArray[np.float64]:
    """Edges of the bins of an axis, (bins + 1,) float64."""
    return np.array(axis.edges) if axis.edges else np.linspace(axis.low, axis.high, axis.bins + 1)


@dataclass(frozen=True, slots=True)
class Opening:
    """What is opened, and who decided it.

    Attributes
    ----------
    job : Job
        The boxes of the search of its selection are opened.
    unblinding : Unblinding
    before : frozenset of str
        Searches whose boxes are open already: theirs do not keep an event closed.
    """

    job: Job
    unblinding: Unblinding
    before: frozenset[str] = frozenset()

    def kept_closed(self, run: int) -> tuple[SignalBox, ...]:
        """The boxes of a run that stay closed: those of other searches that were not opened before."""
        opened = {self.job.selection.search, *self.before}
        return tuple(box for box in self.job.runs[run].boxes if box.search not in opened)


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Opened events that pass all cuts.

    Attributes
    ----------
    numbers : (3, n_events) int64
        Rows as `NUMBERS`.
    values : (n_features, n_events) float32
        Rows as in `na64.selections.selection.Selection.index`.
    """

    numbers: NDArray[np.int64]
    values: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Opened:
    """What was in the box; there is no way to add it to anything blind.

    Attributes
    ----------
    counts : dict of int to tuple of int
        By run: events in the box, then after every cut.
    failures : tuple of str
        What was not read and why, one line each.
    plane : (2, n_x, n_y) int64
        Events in the bins of `opened_axes`, at each of `STAGES`.
    candidates : Candidates
        By run, spill and event.
    """

    counts: dict[int, tuple[int, ...]]
    failures: tuple[str, ...]
    plane: NDArray[np.int64] = field(compare=False)
    candidates: Candidates = field(compare=False)

    @property
    def total(self) -> tuple[int, ...]:
        """Sum of all runs."""
        return tuple(sum(column) for column in zip(*self.counts.values(), strict=True))


def open_box(catalogue: Catalogue, opening: Opening, backend: Backend) -> Opened:
    """Read the raw cells of all runs of a job again and count the events in the box, cut by cut.

    Nothing of it is kept in a ledger or a feature store.

    Parameters
    ----------
    catalogue : Catalogue
    opening : Opening
    backend : Backend
    """
    job = opening.job
    counts = {run: np.zeros(len(job.selection.cuts) + 1, np.int64) for run in sorted(job.runs)}
    x, y = opened_axes(job.selection)
    plane, failures = np.zeros((len(STAGES), x.bins, y.bins), np.int64), []
    found: list[Candidates] = []
    work = Work(count_opened, opening, prepare, Options(), package_code())
    for task, report in backend.map(work, plan(catalogue, job)):
        if isinstance(report, Done):
            partial = decode(task.key, report.data)
            for run in partial.header["runs"]:
                counts[int(run)] += partial.arrays[f"{run}/passed"]
                found.append(Candidates(partial.arrays[f"{run}/numbers"], partial.arrays[f"{run}/values"]))
            plane += partial.arrays.get("plane", 0)
        else:
            failures.append(f"{place_of(task)}: {report.reason}")
    totals = {run: tuple(passed.tolist()) for run, passed in counts.items()}
    return Opened(totals, tuple(sorted(failures)), plane, _in_order(found, len(job.selection.index)))


def _in_order(parts: list[Candidates], n_features: int) -> Candidates:
    nothing = Candidates(np.zeros((3, 0), np.int64), np.zeros((n_features, 0), np.float32))
    numbers = np.concatenate([part.numbers for part in (nothing, *parts)], axis=1)
    values = np.concatenate([part.values for part in (nothing, *parts)], axis=1)
    order = np.lexsort(numbers[::-1])
    return Candidates(numbers[:, order], values[:, order])


def prepare(opening: Opening) -> None:
    """Make a worker ready."""
    warm_up(opening.job)


def count_opened(task: Task, opening: Opening) -> Partial:
    """Count the opened events of one segment, and keep those that pass all cuts, in a worker."""
    arrays: dict[str, NDArray[np.generic]] = {}
    for part in _of_segment(task, opening, cells=False):
        nominal = replace(opening.job.selection_in(part.run), variations=())
        for name, found in _counted(part, nominal).items():
            if name not in arrays:
                arrays[name] = found
            elif name.endswith(("/numbers", "/values")):
                arrays[name] = np.concatenate([arrays[name], found], axis=1)
            else:
                arrays[name] = arrays[name] + found  # type: ignore[operator]
    return Partial({"runs": sorted({name.partition("/")[0] for name in arrays} - {"plane"})}, arrays)


def _counted(part: EventBatch, selection: Selection) -> dict[str, NDArray[np.generic]]:
    """Count opened events of one run by cut and in the plane; give number and features of what passes."""
    values, numbers = part.values, np.stack([part.columns.event[name] for name in NUMBERS]).astype(np.int64)
    passed = counting.count_events(selection, values, np.zeros((0, values.shape[1]), np.int64)).passed()[0]
    chosen = counting.apply_cuts(selection, values).first == len(selection.cuts)
    axes = opened_axes(selection)
    x, y = (values[selection.index[axis.feature]].astype(np.float64) for axis in axes)
    bins = [edges_of(axis) for axis in axes]
    plane = [np.histogram2d(x[which], y[which], bins)[0] for which in (slice(None), chosen)]
    return {
        f"{part.run}/passed": passed,
        f"{part.run}/numbers": numbers[:, chosen],
        f"{part.run}/values": values[:, chosen],
        "plane": np.stack(plane).astype(np.int64),
    }


def read_opened_events(
    catalogue: Catalogue,
    opening: Opening,
    *,
    runs: Collection[int] | None = None,
    cells: bool = False,
) -> Iterator[EventBatch]:
    """Read the opened events again, by run, file and entry.

    Raises
    ------
    ReadError
        A file has changed or cannot be read; names the file.
    """
    warm_up(opening.job)
    tasks = plan_by_run(catalogue, opening.job, runs)
    return read_tasks(tasks, lambda task: _of_segment(task, opening, cells=cells), blind=True)


def _of_segment(task: Task, opening: Opening, *, cells: bool) -> Iterator[EventBatch]:
    piece: Piece = task.payload
    verify(piece.record)
    first = task.start
    for events in read_segment(piece.record, task.start, task.stop, opening.job, piece.file):
        for run, rows, values in opened_events(events, opening, piece.file):
            part = VisibleEvents(run, values, None, {}, rows)
            yield with_columns(part, events, piece.file, piece.record.name, first, cells=cells)
        first += events.n_events


def opened_events(
    events: EventColumns, opening: Opening, file: FileContext
) -> Iterator[tuple[int, NDArray[np.int64], NDArray[np.float32]]]:
    """Yield the opened events of each run: their rows, and their features, (n_features, n_events) float32."""
    for run in sorted(set(file.runs).intersection(runs_of(events))):
        rows = np.flatnonzero(events.event["run"] == run)
        opened, values = _opened_of_run(take_rows(events, rows), run, opening, file)
        yield run, rows[opened], values


def _opened_of_run(
    events: EventColumns, run: int, opening: Opening, file: FileContext
) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    job = opening.job
    context = job.runs[run]
    table = features_of(events, context.setup, job, file)
    boxes, kept = job.opened_boxes(run), opening.kept_closed(run)
    if not boxes:
        raise ValueError(f"run {run} has no signal box of search {job.selection.search}")
    also_closed = None
    for other in context.others:
        closed = ~seen_under(other, events, context, job, file)[0]
        also_closed = closed if also_closed is None else also_closed | closed
    opened = opened_mask(
        table.values,
        boxes=boxes,
        run_type=context.type,
        trigger=events.event.get("trigger"),
        nonfinite=table.skip != Skip.NONE,
        place=(run, events.event["spill"]),
        unblinding=opening.unblinding,
        also_closed=also_closed,
        index=table.index,
        kept_closed=hidden_by(kept, events, context, job, file) if kept else None,
    )
    values: NDArray[np.float32] = np.compress(opened, table.values, axis=1)
    return opened, derivation_of(events, opened, run, job, file).extended(values)
