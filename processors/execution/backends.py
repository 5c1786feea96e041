"""The choice of a backend: this process, several of this machine, or a Dask cluster."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from enum import Enum
from typing import cast

from na64.processors.execution.backend import Answers, Backend
from na64.processors.execution.processes import ProcessesBackend
from na64.processors.execution.tasks import Task, Work, Worker


class ExecutorKind(Enum):
    """The backends by the name a user gives."""

    ITERATIVE = "iterative"
    PROCESSES = "processes"
    DASK = "dask"


def open_backend(
    kind: ExecutorKind,
    *,
    workers: int = 1,
    scheduler: str | None = None,
    insecure: bool = False,
    memory: int | None = None,
) -> Backend:
    """Return a backend by kind.

    Parameters
    ----------
    kind : ExecutorKind
    workers : int
        Worker processes on this machine; without meaning for a scheduler that exists already.
    scheduler : str or None
        Address of a Dask scheduler that exists already.
    insecure : bool
        Accept a scheduler on another host without encryption.
    memory : int or None, bytes
        Of a worker process of our own, see `ProcessesBackend` and `DaskBackend`.
    """
    if scheduler is not None and kind is not ExecutorKind.DASK:
        raise ValueError(f"scheduler {scheduler} given with the {kind.value} executor: expected dask")
    if kind is ExecutorKind.ITERATIVE:
        return IterativeBackend()
    if kind is ExecutorKind.PROCESSES:
        return ProcessesBackend(workers, memory=memory)
    # distributed is slow to import
    module = importlib.import_module("na64.processors.execution.dask_backend")
    backend = module.DaskBackend(workers=workers, scheduler=scheduler, insecure=insecure, memory=memory)
    return cast("Backend", backend)


class IterativeBackend(Backend):
    """One task after the other, in this process.

    A task that misses its deadline is left behind in a thread of its own.
    """

    def map(self, work: Work, tasks: Iterable[Task]) -> Answers:
        """Perform tasks in order; see `Backend.map`."""
        worker = Worker(work)
        for task in tasks:
            yield task, worker.perform(task)
