"""Executor that pays for a job of its size: workers of their own take seconds to start."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace

from na64.outputs.analysis.workers import Workers
from na64.processors.events.feature_store import FeatureStore
from na64.processors.execution.ledger import Ledger
from na64.processors.execution.tasks import Task
from na64.processors.job import Job

_FROM_CELLS = 2e5
_FROM_STORE = 4e6
"""Events a second of one core, cautiously; docs/speed.md has what was measured."""

_START = 4.0
"""Seconds that a cluster of this machine takes to be ready, its workers side by side."""


def seconds_left(
    tasks: Iterable[Task], job: Job, ledger: Ledger | None, store: FeatureStore, *, fresh: bool = False
) -> list[float]:
    """About how long each segment takes on one core that is not in the ledger yet.

    Parameters
    ----------
    tasks : iterable of Task
        As `na64.processors.segments.plan` lists them.
    job : Job
    ledger : Ledger or None
        None: nothing was counted before.
    store : FeatureStore
        A segment of which it has the features is counted much faster.
    fresh : bool
        Both are passed over.
    """
    left = [task for task in tasks if fresh or ledger is None or not ledger.path(task.key).exists()]
    files = {task.payload.file.sha256: task.payload.file for task in left}
    keys = {sha256: job.feature_keys(file) for sha256, file in files.items()}
    found = []
    for task in left:
        key = keys[task.payload.file.sha256](task.start, task.stop)
        is_stored = not fresh and store.path(key).exists()
        found.append(task.n_events / (_FROM_STORE if is_stored else _FROM_CELLS))
    return found


def choose(workers: Workers, seconds: list[float]) -> tuple[Workers, str]:
    """Workers with an executor, and what is to be said if it was chosen here.

    A local Dask cluster is chosen where it saves more than it takes to start, and where an option needs it;
    this process otherwise.

    Parameters
    ----------
    workers : Workers
        Those with an executor are returned as they are.
    seconds : list of float
        Of every segment, see `seconds_left`.
    """
    if workers.executor is not None:
        return workers, ""
    if workers.needs_dask:
        return replace(workers, executor="dask"), ""
    if not seconds:
        return replace(workers, executor="iterative"), ""
    total, n_workers = sum(seconds), min(workers.count, len(seconds), os.cpu_count() or 1)
    saved = total - max(total / max(n_workers, 1), max(seconds, default=0.0))
    executor = "dask" if saved > _START else "iterative"
    where = f"a Dask cluster of {n_workers} workers" if executor == "dask" else "this process"
    said = f"about {total:.0f} s of work in {len(seconds):,} segments, done in {where}"
    return replace(workers, executor=executor), f"{said}; --executor chooses another"
