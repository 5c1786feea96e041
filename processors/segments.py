"""The segments of a catalogue as tasks: which there are, what they are called, and how one is divided."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace

from na64.datasets.basics.identity import identity
from na64.datasets.catalogue.build import Catalogue, FileRecord
from na64.processors.execution.tasks import Task
from na64.processors.job import FileContext, Job, file_context

SMALLEST_PART = 1000
"""Events that a part has at least of a segment that ends its workers."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What a worker needs to know of a segment, or a part of one, besides its range."""

    record: FileRecord
    file: FileContext
    is_part: bool = False


def plan(catalogue: Catalogue, job: Job, *, limit: int | None = None) -> list[Task]:
    """Return the segments to be counted, largest first.

    Parameters
    ----------
    catalogue : Catalogue
    job : Job
    limit : int, optional
        Events a run; a file of several runs is read until none of them wants more.
    """
    tasks = _tasks(catalogue.good, job, limit)
    return sorted(tasks, key=lambda task: (-task.n_events, task.path, task.start))


def plan_by_run(
    catalogue: Catalogue, job: Job, runs: Collection[int] | None, *, limit: int | None = None
) -> list[Task]:
    """Return the segments that hold some runs, or all of the job, by run, file and entry.

    Parameters
    ----------
    catalogue, job, limit
        As `plan` takes them.
    runs : collection of int or None
    """
    wanted = set(job.runs if runs is None else runs)
    chosen = []
    for task in plan(catalogue, job, limit=limit):
        piece: Piece = task.payload
        if of_file := tuple(run for run in piece.file.runs if run in wanted):
            chosen.append(replace(task, payload=Piece(piece.record, replace(piece.file, runs=of_file))))
    return sorted(chosen, key=lambda task: (task.payload.file.runs, task.path, task.start))


def identity_of(tasks: Iterable[Task]) -> str:
    """Name the result of tasks: by the keys of all of them."""
    return identity(sorted(task.key for task in tasks))


def feature_key(task: Task, job: Job) -> str:
    """Name of the visible features of a segment."""
    return job.feature_key(task.payload.file, task.start, task.stop)


def place_of(task: Task) -> str:
    """Name of the file of a segment, without its folder, and the range of events, as a message has it."""
    return f"{task.payload.record.name}, events {task.start} to {task.stop}"


def halves(task: Task, smallest: int = SMALLEST_PART) -> tuple[tuple[int, int], ...]:
    """Ranges of events of the halves of a segment; none if they would have fewer events than the smallest."""
    middle = (task.start + task.stop) // 2
    return () if task.n_events < 2 * smallest else ((task.start, middle), (middle, task.stop))


def _tasks(records: Iterable[FileRecord], job: Job, limit: int | None) -> Iterator[Task]:
    wanted = dict.fromkeys(job.runs, limit)
    # By path: which events a limit leaves must not follow from the content of the files.
    for record in sorted(records, key=lambda record: record.path):
        file = file_context(record, job)
        key = job.result_keys(file)
        for start, stop in record.segments if file.runs else ():
            end = stop
            if limit is not None:
                most = max(wanted[run] or 0 for run in file.runs)
                end = min(stop, start + most) if len(record.runs) == 1 else stop
                wanted |= {run: max((wanted[run] or 0) - (end - start), 0) for run in file.runs}
                if most == 0:
                    continue
            yield Task(key(start, end), record.path, start, end, Piece(record, file))
