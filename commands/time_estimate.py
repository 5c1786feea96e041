"""How long a job would take, from a few pieces of it that are read and forgotten."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from na64.processors.events.feature_store import FeatureStore
from na64.processors.events.segment import process_segment, warm_up
from na64.processors.execution.ledger import Ledger
from na64.processors.execution.tasks import Task
from na64.processors.job import Job
from na64.processors.segments import feature_key

_PIECES = 3
_EVENTS_OF_A_PIECE = 50_000


@dataclass(frozen=True, slots=True)
class TimedSample:
    """What a few pieces took.

    Attributes
    ----------
    n_events : int
    n_visible : int
        Of them, those whose features are kept.
    cpu, wall : float, s
    n_bytes : int
        Of their features on disk.
    """

    n_events: int
    n_visible: int
    cpu: float
    wall: float
    n_bytes: int


def sample(job: Job, tasks: Sequence[Task]) -> TimedSample:
    """Read, count and forget the beginnings of a few segments, in this process.

    Parameters
    ----------
    job : Job
    tasks : sequence of Task
        At least one.
    """
    warm_up(job)
    chosen = sorted(tasks, key=lambda task: (task.path, task.start))
    chosen = [chosen[number * len(chosen) // _PIECES] for number in range(min(_PIECES, len(chosen)))]
    n_events = n_visible = 0
    with TemporaryDirectory(prefix="na64-estimate-") as folder:
        cpu, wall = time.process_time(), time.perf_counter()
        for task in chosen:
            stop = min(task.stop, task.start + _EVENTS_OF_A_PIECE)
            piece = task.payload
            store = FeatureStore(Path(folder))
            tallies = process_segment(piece.record, task.start, stop, job, piece.file, store=store)
            n_events += stop - task.start
            n_visible += sum(tally.visible for tally in tallies.values())
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        n_bytes = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
    return TimedSample(n_events, n_visible, cpu, wall, n_bytes)


def estimate(
    job: Job, tasks: Iterable[Task], *, ledger: Ledger | None, store: FeatureStore | None, workers: int
) -> Iterator[str]:
    """Remaining work of a job, and the time and space that it would take, line by line.

    Parameters
    ----------
    job : Job
    tasks : iterable of Task
    ledger : Ledger or None
        What was counted before; None: nothing.
    store : FeatureStore or None
        What it has is not read from cells; None: nothing.
    workers : int
    """
    missing = [task for task in tasks if ledger is None or not ledger.path(task.key).exists()]
    cells = [task for task in missing if store is None or not store.path(feature_key(task, job)).exists()]
    n_missing, n_cells = (sum(task.n_events for task in each) for each in (missing, cells))
    yield f"to be counted: {n_missing:,} events, {n_cells:,} of them from cells"
    if missing and not cells:
        yield "from features alone a worker counts some millions of events a second"
    if not cells:
        return
    found = sample(job, cells)
    cpu, wall = found.cpu / found.n_events, found.wall / found.n_events
    yield f"sample: {found.n_events:,} events, {1e9 * cpu:,.0f} ns of CPU each, {1e9 * wall:,.0f} ns of time"
    crew = f"{workers} worker{'s' * (workers > 1)}"
    yield f"from cells: {_duration(n_cells * cpu)} of CPU, {_duration(n_cells * wall / workers)} on {crew}"
    # A visible event's, for every event: how many of the sample are hidden is not to be told.
    yield f"feature store: at most {_size(n_cells * found.n_bytes / max(found.n_visible, 1))}"


def _duration(seconds: float) -> str:
    for unit, length in (("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:,.1f} {unit}"
    return f"{seconds:.1f} s"


def _size(n_bytes: float) -> str:
    return f"{n_bytes / 1e9:,.1f} GB" if n_bytes >= 1e9 else f"{n_bytes / 1e6:,.1f} MB"
