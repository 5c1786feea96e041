"""Events to tallies: of columns, and of a segment of a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from na64.datasets.columns import COLUMNS, EventColumns, Shape
from na64.datasets.layout import Kind
from na64.datasets.read import Record, read
from na64.processors import counting, features
from na64.processors.job import FileContext, Job
from na64.processors.result import Tally, fixed_point
from na64.processors.visible import VisibleEvents, visible_events


def process_columns(events: EventColumns, job: Job, file: FileContext) -> dict[int, Tally]:
    """Count the events of a chunk, run by run.

    Parameters
    ----------
    events : EventColumns
    job : Job
    file : FileContext
        Where the events are from.

    Returns
    -------
    dict of int to Tally
        By run; a run without events is not there.
    """
    return {part.run: tally_of(part, job) for part in visible_events(events, job, file)}


def tally_of(visible: VisibleEvents, job: Job) -> Tally:
    """Count the visible events of one run.

    Raises
    ------
    ValueError
        Weights that are not finite or too large to be summed exactly.
    """
    tally = counting.count_events(job.selection, visible.values, _extra_layers(visible))
    return replace(tally, accounting=visible.accounting)


def _extra_layers(visible: VisibleEvents) -> NDArray[np.int64]:
    if visible.weight is None:
        return np.zeros((0, visible.values.shape[1]), np.int64)
    try:
        return fixed_point(visible.weight)
    except ValueError as error:
        raise ValueError(f"run {visible.run}: {error}") from error


def process_segment(
    record: Record | str | Path,
    start: int,
    stop: int,
    job: Job,
    file: FileContext,
    *,
    chunk_events: int | None = None,
) -> dict[int, Tally]:
    """Read and count events ``start`` to ``stop`` (half open) of a run file.

    Parameters
    ----------
    record : Record, str or Path
        The file, as `na64.datasets.read.read` takes it.
    start, stop : int
    job : Job
    file : FileContext
    chunk_events : int, optional
        Events in memory at a time; all of them by default. The result does not depend on it.

    Returns
    -------
    dict of int to Tally
        By run; a run without events is not there.
    """
    step = max(stop - start, 1) if chunk_events is None else chunk_events
    tallies: dict[int, Tally] = {}
    for first in range(start, stop, step):
        last = min(first + step, stop)
        events = read(record, job.layouts[file.layout], first, last, columns=needed_columns(job))
        tallies = join(tallies, process_columns(events, job, file))
    return tallies


def join(one: Mapping[int, Tally], other: Mapping[int, Tally]) -> dict[int, Tally]:
    """Add tallies run by run, ordered by run."""
    runs = sorted({*one, *other})
    return {
        run: one[run] + other[run] if run in one and run in other else one.get(run) or other[run]
        for run in runs
    }


def needed_columns(job: Job) -> tuple[str, ...]:
    """Return the columns that a job looks at, whether or not a file has them."""
    unused = {"truth_component"} if job.weighted else {"truth_component", "weight"}
    return tuple(name for name in COLUMNS if name not in unused)


def warm_up(job: Job) -> None:
    """Compile, or load from the cache, what a job needs: once a worker, before the first task."""
    variants = {
        (Shape.HITS if detector.kind is Kind.HITS else Shape.CELLS, dtype)
        for layout in job.layouts.values()
        for detector in layout.detectors.values()
        for dtype in detector.columns["energy"].types
    }
    for setup in {context.setup for context in job.runs.values()}:
        features.warm_up(setup, sorted(variants, key=str))
    values = np.zeros((len(job.selection.index), 1), np.float32)
    counting.count_events(job.selection, values, np.zeros((job.n_layers - 1, 1), np.int64))


def empty_tally(job: Job) -> Tally:
    """Return the tally of no event."""
    return counting.empty_tally(job.selection, job.n_layers)
