"""Tasks in flight on a Dask cluster, and what comes back of them."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import suppress
from itertools import islice
from queue import Empty, SimpleQueue
from typing import TypeAlias, cast

from distributed import Client, Future, KilledWorker, WorkerPlugin, get_worker
from distributed.scheduler import NoValidWorkerError, NoWorkerError

from na64.processors.execution.backend import Answers, WorkersLostError
from na64.processors.execution.tasks import Failed, Report, Task, Worker

GONE = (OSError, TimeoutError)
"""What a scheduler that has gone shows itself by."""

_TASKS_A_THREAD = 2
_GLANCE = 1.0
_ALLOWED_FALSE_STARTS = 4
_LONGEST_BUNDLE = 16
_BUSY = 0.25

_Answer: TypeAlias = tuple[str, float, list[Report]]


class Desk(WorkerPlugin):  # type: ignore[misc]
    """The work as it stands on every worker of the cluster, those included that come later."""

    def __init__(self, packed: bytes) -> None:
        self.name = f"na64-{hashlib.sha256(packed).hexdigest()}"
        self._packed = packed
        self._worker: Worker | None = None

    def perform(self, tasks: list[Task]) -> list[Report]:
        """Do tasks one after the other, after unpacking the work for the first of them."""
        if self._worker is None:
            self._worker = Worker(self._packed)
        return [self._worker.perform(task) for task in tasks]


def _perform(desk: str, tasks: list[Task]) -> _Answer:
    worker = get_worker()
    start = time.monotonic()
    reports = cast("Desk", worker.plugins[desk]).perform(tasks)
    return worker.address, time.monotonic() - start, reports


class Stream:
    """Submissions in flight and what comes back.

    Attributes
    ----------
    suspects : list of Task
        Those that were on a worker when it ended.
    """

    def __init__(self, client: Client, desk: str, patience: float, revive: Callable[[], None]) -> None:
        self.suspects: list[Task] = []
        self._client = client
        self._desk = desk
        self._patience = patience
        self._revive = revive
        self._arrived: SimpleQueue[Future] = SimpleQueue()
        self._flying: dict[str, tuple[Future, list[Task]]] = {}
        self._n_threads = 0
        self._n_finished = 0
        self._seconds_a_task = _BUSY
        self._n_ended = 0
        self._seen = -_GLANCE

    def capacity(self) -> int:
        """Return how many submissions keep all workers busy at the moment."""
        if time.monotonic() - self._seen >= _GLANCE:
            self._revive()
            try:
                self._n_threads = self._count_threads()
            except GONE:
                raise WorkersLostError("the scheduler has gone") from None
            self._seen = time.monotonic()
        return _TASKS_A_THREAD * max(1, self._n_threads)

    def bundle_size(self) -> int:
        """Return how many tasks keep a worker busy for a while, as far as is known."""
        return max(1, min(_LONGEST_BUNDLE, int(_BUSY / max(self._seconds_a_task, 1e-6))))

    def _count_threads(self) -> int:
        return sum(self._client.nthreads().values())

    def answers(self, bundles: Iterator[list[Task]], capacity: Callable[[], int]) -> Answers:
        """Submit bundles, never more than the capacity at a time, and give back their tasks as they come."""
        while True:
            for bundle in islice(bundles, max(0, capacity() - len(self._flying))):
                self._submit(bundle)
            if not self._flying:
                return
            future = self._next()
            _, tasks = self._flying.pop(str(future.key))
            yield from self._unpack(future, tasks)

    def _submit(self, bundle: list[Task]) -> None:
        self._watch(self._client.submit(_perform, self._desk, bundle, pure=False), bundle)

    def _watch(self, future: Future, bundle: list[Task]) -> None:
        self._flying[str(future.key)] = (future, bundle)
        future.add_done_callback(self._arrived.put)

    def _next(self) -> Future:
        last = time.monotonic()
        while True:
            try:
                return self._arrived.get(timeout=_GLANCE)
            except Empty:
                self._revive()
                if self._has_workers():
                    last = time.monotonic()
                if time.monotonic() - last > self._patience:
                    raise WorkersLostError(f"no workers for {self._patience:g} s") from None

    def _has_workers(self) -> bool:
        try:
            return self._count_threads() > 0
        except GONE:
            return False

    def _unpack(self, future: Future, tasks: list[Task]) -> Answers:
        answer = self._fetch(future)
        if answer is None:
            self._watch(future, tasks)
        elif isinstance(answer, Exception):
            yield from self._excuse(answer, tasks)
        else:
            future.release()  # or it would be made again when its worker is replaced
            address, seconds, reports = answer
            self._n_finished += 1
            self._seconds_a_task = (self._seconds_a_task + seconds / len(tasks)) / 2
            yield from zip(tasks, reports, strict=True)
            if any(isinstance(report, Failed) and report.abandoned for report in reports):
                self._replace(address)

    def _fetch(self, future: Future) -> _Answer | Exception | None:
        """Return what a submission gave, or None if that was lost with its worker and is being made again."""
        try:
            answer: _Answer = future.result(timeout=self._patience)
        except TimeoutError:
            return None
        except Exception as error:
            return error
        return answer

    def _excuse(self, error: BaseException, tasks: list[Task]) -> Answers:
        if isinstance(error, KilledWorker):
            self._suspect(tasks)
        elif isinstance(error, NoWorkerError | NoValidWorkerError):
            raise WorkersLostError("the scheduler has no workers")
        elif isinstance(error, CancelledError):
            raise WorkersLostError("the scheduler has gone")
        else:  # on the way to or from our code: the text is not about events, but may be long
            for task in tasks:
                yield task, Failed(f"{type(error).__name__} on the way to or from a worker")

    def _suspect(self, tasks: list[Task]) -> None:
        self.suspects.extend(tasks)
        self._n_ended += 1
        if not self._n_finished and self._n_ended > _ALLOWED_FALSE_STARTS:
            raise WorkersLostError(f"{self._n_ended} workers ended and nothing was done")

    def _replace(self, address: str) -> None:
        try:
            self._client.restart_workers([address], timeout=self._patience, raise_for_error=False)
        except ValueError:  # nobody watches over this worker
            self._client.retire_workers([address], close_workers=True)

    def drop(self) -> None:
        """Withdraw what is in flight."""
        futures = [future for future, _ in self._flying.values()]
        self._flying.clear()
        if futures:
            with suppress(*GONE):
                self._client.cancel(futures, force=True)
