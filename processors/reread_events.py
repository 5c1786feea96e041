"""Visible events of a catalogue, read again with their numbers and cells: to look at single events."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from na64.datasets.catalogue.build import Catalogue, verify
from na64.datasets.instrument.columns import EventColumns
from na64.processors.events.segment import read_segment, warm_up
from na64.processors.events.visible_events import VisibleEvents, visible_events
from na64.processors.execution.tasks import Options, Task, describe
from na64.processors.features.rows import take_rows
from na64.processors.job import FileContext, Job
from na64.processors.segments import Piece, place_of, plan_by_run

_NUMBERS = ("run", "spill", "event", "trigger", "weight", "truth_component")


class ReadError(RuntimeError):
    """Events that were asked for could not be read; of data the text says no more than where."""


@dataclass(frozen=True, slots=True, eq=False)
class EventBatch:
    """Some visible events of one run and one file.

    Attributes
    ----------
    run : int
    file : FileContext
        Where they are from.
    name : str
        Of the file.
    entry : (n_events,) int64
        Where in the file each of them is.
    columns : EventColumns
        Of these events and of no others; without detectors unless cells were asked for.
    values : (n_features, n_events) float32
        Rows as in `na64.selections.selection.Selection.index`.
    """

    run: int
    file: FileContext
    name: str
    entry: NDArray[np.int64]
    columns: EventColumns
    values: NDArray[np.float32]

    def take(self, rows: NDArray[np.int64]) -> EventBatch:
        """Copy some of the events; ``rows`` ascend."""
        columns = take_rows(self.columns, rows)
        return replace(self, entry=self.entry[rows], columns=columns, values=self.values[:, rows])


def read_visible_events(
    catalogue: Catalogue,
    job: Job,
    *,
    runs: Collection[int] | None = None,
    limit: int | None = None,
    cells: bool = False,
) -> Iterator[EventBatch]:
    """Read the visible events of a job again, by run, file and entry; memory does not grow with their number.

    Every file is checked to be the one that was registered before any of its events is used.

    Parameters
    ----------
    catalogue : Catalogue
    job : Job
        Of this catalogue.
    runs : collection of int, optional
        Only these.
    limit : int, optional
        Events a run that the job reads, as in `na64.processors.segments.plan`.
    cells : bool
        Give the columns of the detectors too.

    Raises
    ------
    ReadError
        A file has changed or cannot be read, or a plug-in failed; names the file.
    """
    warm_up(job)
    tasks = plan_by_run(catalogue, job, runs, limit=limit)
    return read_tasks(tasks, lambda task: _of_segment(task, job, cells=cells), blind=not job.simulation)


def read_tasks(
    tasks: Iterable[Task], read: Callable[[Task], Iterator[EventBatch]], *, blind: bool
) -> Iterator[EventBatch]:
    """Yield the events of segments; what goes wrong is said without values of events if they are blind.

    Raises
    ------
    ReadError
        Names file and events.
    """
    for task in tasks:
        failure = ""
        try:
            yield from read(task)
        except Exception as error:
            failure = describe(error, Options(blind=blind)).reason
        # Raised out here, so that no exception whose text may hold values of events is attached to it.
        if failure:
            raise ReadError(f"{place_of(task)}: {failure}")


def _of_segment(task: Task, job: Job, *, cells: bool) -> Iterator[EventBatch]:
    piece: Piece = task.payload
    verify(piece.record)
    truth = ("truth_component",) if job.simulation else ()
    first = task.start
    for events in read_segment(piece.record, task.start, task.stop, job, piece.file, more=truth):
        for part in visible_events(events, job, piece.file):
            nominal = part.values[: len(job.selection.index)]  # what variations change comes after
            visible, name = replace(part, values=nominal), piece.record.name
            yield with_columns(visible, events, piece.file, name, first, cells=cells)
        first += events.n_events


def with_columns(
    part: VisibleEvents, events: EventColumns, file: FileContext, name: str, first: int, *, cells: bool
) -> EventBatch:
    """Add the columns of events that may be seen, out of those they are among.

    Parameters
    ----------
    part : VisibleEvents
        Visible, or opened.
    events : EventColumns
        Those that were read.
    file : FileContext
    name : str
        Of the file.
    first : int
        Where in the file they begin.
    cells : bool
        Give the columns of the detectors too.
    """
    rows = np.zeros(0, np.int64) if part.rows is None else part.rows
    if cells:
        columns = take_rows(events, rows)
    else:
        numbers = {name: column[rows] for name, column in events.event.items() if name in _NUMBERS}
        columns = EventColumns(len(rows), numbers, {})
    return EventBatch(part.run, file, name, rows + first, columns, part.values)
