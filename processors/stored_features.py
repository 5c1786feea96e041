"""Visible events of a job as features, a part at a time: from the feature store, or else from the cells."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from na64.datasets.catalogue.build import Catalogue, verify
from na64.processors.events.feature_store import FeatureStore
from na64.processors.events.segment import read_segment, warm_up
from na64.processors.events.visible_events import VisibleEvents, visible_events
from na64.processors.execution.ledger import DamagedError
from na64.processors.execution.tasks import Options, Task, describe
from na64.processors.features.varied_features import feature_rows
from na64.processors.job import Job
from na64.processors.reread_events import ReadError
from na64.processors.segments import Piece, feature_key, place_of, plan

T = TypeVar("T")


def gather_features(
    catalogue: Catalogue,
    job: Job,
    take: Callable[[VisibleEvents], T],
    *,
    store: Path,
    limit: int | None = None,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> list[T]:
    """What a function makes of the visible events of a job, part by part; memory is that of what it makes.

    Parameters
    ----------
    catalogue : Catalogue
    job : Job
        Of this catalogue.
    take : callable
        Gets events of one run, with the rows of ``job.selection.index``; it copies what it keeps.
    store : Path
        Folder of the feature store. What it lacks is read from the cells, and kept in it.
    limit : int, optional
        Events a run that the job reads, as in `na64.processors.segments.plan`.
    progress : callable
        Takes the numbers of events done and of all.

    Raises
    ------
    ReadError
        A file has changed or cannot be read, or a plug-in failed; names the file.
    """
    tasks = plan(catalogue, job, limit=limit)
    n_events, done, found = sum(task.n_events for task in tasks), 0, []
    kept = FeatureStore(store)
    is_warm = False
    progress(0, n_events)
    for task in sorted(tasks, key=lambda task: task.key):
        parts = _stored(task, job, take, kept)
        if parts is None:
            if not is_warm:
                warm_up(job)
                is_warm = True
            parts = _from_cells(task, job, take, kept)
        found += parts
        done += task.n_events
        progress(done, n_events)
    return found


def _stored(task: Task, job: Job, take: Callable[[VisibleEvents], T], store: FeatureStore) -> list[T] | None:
    """Take a segment from the store; None if it is not there or damaged."""
    key, names = feature_key(task, job), tuple(job.selection.index)
    try:
        return [take(part) for part in store.read(key, names)]
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, DamagedError) as error:
        store.set_aside(key, error)
        return None


def _from_cells(task: Task, job: Job, take: Callable[[VisibleEvents], T], store: FeatureStore) -> list[T]:
    failure = ""
    try:
        return _computed(task, job, take, store)
    except Exception as error:
        failure = describe(error, Options(blind=not job.simulation)).reason
    # Raised out here, so that no exception whose text may hold values of events is attached to it.
    raise ReadError(f"{place_of(task)}: {failure}")


def _computed(task: Task, job: Job, take: Callable[[VisibleEvents], T], store: FeatureStore) -> list[T]:
    piece: Piece = task.payload
    verify(piece.record)
    batches = read_segment(piece.record, task.start, task.stop, job, piece.file)
    with store.writing(feature_key(task, job), tuple(feature_rows(job.selection)), job.plugin_text) as keep:
        return [take(keep(part)) for events in batches for part in visible_events(events, job, piece.file)]
