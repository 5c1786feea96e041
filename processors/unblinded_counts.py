"""The events of an opened box: counted by cut, and kept apart from everything that is blind."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from na64.datasets.catalogue.build import Catalogue, FileRecord
from na64.datasets.catalogue.inspection import check_content
from na64.datasets.instrument.columns import EventColumns
from na64.datasets.instrument.features import FEATURES
from na64.datasets.reading.read import read_batches
from na64.processors.counting import counting
from na64.processors.events.segment import needed_columns, warm_up
from na64.processors.events.visible_events import features_of, runs_of
from na64.processors.execution.backend import Backend
from na64.processors.execution.ledger import Partial, decode
from na64.processors.execution.tasks import Done, Options, Task, Work, package_code
from na64.processors.features.compute import Skip
from na64.processors.features.rows import take_rows
from na64.processors.job import FileContext, Job, file_context
from na64.selections.signal_box import Unblinding, opened_mask


@dataclass(frozen=True, slots=True)
class Opening:
    """What is opened, and who decided it."""

    job: Job
    unblinding: Unblinding


@dataclass(frozen=True, slots=True)
class Opened:
    """What was in the box; there is no way to add it to anything blind.

    Attributes
    ----------
    counts : dict of int to tuple of int
        By run: events in the box, then after every cut.
    failures : tuple of str
        What was not read and why, one line each.
    """

    counts: dict[int, tuple[int, ...]]
    failures: tuple[str, ...]

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
    failures = []
    work = Work(count_opened, opening, prepare, Options(), package_code())
    for task, report in backend.map(work, _tasks(catalogue.good, job)):
        if isinstance(report, Done):
            for run, found in decode(task.key, report.data).arrays.items():
                counts[int(run)] += found
        else:
            failures.append(f"{task.payload[0].name}, events {task.start} to {task.stop}: {report.reason}")
    return Opened({run: tuple(found.tolist()) for run, found in counts.items()}, tuple(sorted(failures)))


def _tasks(records: Iterable[FileRecord], job: Job) -> Iterator[Task]:
    for record in records:
        file = file_context(record, job)
        for start, stop in record.segments if file.runs else ():
            yield Task(job.result_key(file, start, stop), record.path, start, stop, (record, file))


def prepare(opening: Opening) -> None:
    """Make a worker ready."""
    warm_up(opening.job)


def count_opened(task: Task, opening: Opening) -> Partial:
    """Count the opened events of one segment, in a worker."""
    record, file = task.payload
    job = opening.job
    nominal = replace(job.selection, variations=())
    counts: dict[str, NDArray[np.int64]] = {}
    check_content(record)
    layout, columns = job.layouts[file.layout], needed_columns(job)
    for events in read_batches(record, layout, task.start, task.stop, columns=columns):
        for run, values in opened_events(events, opening, file):
            none = np.zeros((0, values.shape[1]), np.int64)
            passed = counting.count_events(nominal, values, none).passed()[0]
            counts[str(run)] = counts[str(run)] + passed if str(run) in counts else passed
    return Partial({}, counts)


def opened_events(
    events: EventColumns, opening: Opening, file: FileContext
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Yield the run and the features, (n_features, n_events) float32, of the opened events of each run."""
    for run in sorted(set(file.runs).intersection(runs_of(events))):
        part = take_rows(events, np.flatnonzero(events.event["run"] == run))
        yield run, _opened_of_run(part, run, opening, file)


def _opened_of_run(
    events: EventColumns, run: int, opening: Opening, file: FileContext
) -> NDArray[np.float32]:
    job = opening.job
    context = job.runs[run]
    table = features_of(events, context.setup, job, file)
    opened = opened_mask(
        table.values,
        box=context.box,
        run_type=context.type,
        trigger=events.event.get("trigger"),
        nonfinite=table.skip != Skip.NONE,
        place=(run, events.event["spill"]),
        unblinding=opening.unblinding,
    )
    values: NDArray[np.float32] = np.compress(opened, table.values, axis=1)
    if job.plugin is None:
        return values
    return np.concatenate([values, job.plugin.compute(values, tuple(FEATURES))])
