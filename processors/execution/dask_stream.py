"""Tasks in flight on a Dask cluster, and what comes back of them."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from queue import Empty, SimpleQueue
from typing import Any, TypeAlias

import cloudpickle
from distributed import Client, Future, KilledWorker
from distributed.scheduler import NoValidWorkerError, NoWorkerError

from na64.processors.execution.backend import Answers, WorkersLostError
from na64.processors.execution.dask_worker import Answer, ender, performer
from na64.processors.execution.tasks import Failed, Task

GONE = (OSError, TimeoutError)
"""What a scheduler that has gone shows itself by."""

_TASKS_A_THREAD = 2
_GLANCE = 1.0
_ALLOWED_FALSE_STARTS = 4
_LONGEST_BUNDLE = 16
_BUSY = 0.25
_SENT_ANEW = 25.0
"""Seconds after which Dask has long sent a job in place of one that ended (`lost-worker-timeout`: 15 s)."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Flight:
    """A submission in flight.

    Attributes
    ----------
    future : Future
    tasks : list of Task
    places : frozenset of str or None
        Addresses of the workers that may do it; None: all.
    """

    future: Future[Any]
    tasks: list[Task]
    places: frozenset[str] | None


Capacity: TypeAlias = Callable[[], int]


class Stream:
    """Submissions in flight and what comes back.

    Attributes
    ----------
    lost_tasks : list of Task
        Those that were on a worker when it ended.
    """

    def __init__(
        self,
        client: Client,
        plugin: str,
        patience: float,
        revive: Callable[[], None],
        jobs_fault: Callable[[float], str],
    ) -> None:
        self.lost_tasks: list[Task] = []
        self._client = client
        self._perform = performer(plugin)
        self._patience = patience
        self._revive = revive
        self._jobs_fault = jobs_fault
        self._arrived: SimpleQueue[Future[Any]] = SimpleQueue()
        self._flying: dict[str, _Flight] = {}
        self._refused: set[str] = set()
        self._threads: dict[str, int] = {}
        self._n_finished = 0
        self._seconds_a_task = _BUSY
        self._n_ended = 0
        self._seen = -_GLANCE

    def capacity(self) -> int:
        """Return how many submissions keep all workers busy at the moment."""
        if time.monotonic() - self._seen >= _GLANCE:
            self._revive()
            try:
                self._glance()
            except GONE:
                raise WorkersLostError("the scheduler has gone") from None
        return _TASKS_A_THREAD * max(1, sum(self._threads.values()))

    def bundle_size(self) -> int:
        """Return how many tasks keep a worker busy for a while, as far as is known."""
        return max(1, min(_LONGEST_BUNDLE, int(_BUSY / max(self._seconds_a_task, 1e-6))))

    def _glance(self) -> None:
        """See which workers are there, those aside that were refused."""
        known = self._client.nthreads()
        self._refused &= known.keys()
        self._threads = {place: n for place, n in known.items() if place not in self._refused}
        self._seen = time.monotonic()

    def answers(self, bundles: Iterator[list[Task]], capacity: Capacity) -> Answers:
        """Submit bundles, never more than the capacity at a time, and give back their tasks as they come."""
        while True:
            for bundle in islice(bundles, max(0, capacity() - len(self._flying))):
                self._submit(bundle)
            if not self._flying:
                return
            future = self._next()
            if future is not None:
                yield from self._unpack(self._flying.pop(str(future.key)))

    def _submit(self, bundle: list[Task]) -> None:
        """Submit a bundle: to any worker as long as none was refused, else to the others."""
        places = self._others() if self._refused else None
        packed = cloudpickle.dumps(bundle)  # unpacked by our code there: a worker may have no na64
        chosen = {} if places is None else {"workers": sorted(places), "allow_other_workers": False}
        future = self._client.submit(self._perform, packed, pure=False, **chosen)
        self._watch(_Flight(future, bundle, places))

    def _others(self) -> frozenset[str]:
        """Return the workers that were not refused, as soon as there are some."""
        end = time.monotonic() + self._patience
        while True:
            self.capacity()
            if self._threads:
                return frozenset(self._threads)
            self._look_at_jobs()
            if time.monotonic() > end:
                refused = f" but {len(self._refused)} that are refused" if self._refused else ""
                raise WorkersLostError(f"no workers for {self._patience:g} s{refused}")
            time.sleep(_GLANCE)

    def _watch(self, flight: _Flight) -> None:
        self._flying[str(flight.future.key)] = flight
        flight.future.add_done_callback(self._arrived.put)

    def _next(self) -> Future[Any] | None:
        """Return the next submission that is done with; None if all that were left were withdrawn."""
        last = time.monotonic()
        while True:
            try:
                future = self._arrived.get(timeout=_GLANCE)
            except Empty:
                self._revive()
                if self._has_workers():
                    last = time.monotonic()
                else:
                    self._look_at_jobs()
                if time.monotonic() - last > self._patience:
                    raise WorkersLostError(f"no workers for {self._patience:g} s") from None
                self._give_up_stranded()
            else:
                if str(future.key) in self._flying:
                    return future
            if not self._flying:
                return None

    def _has_workers(self) -> bool:
        try:
            self._glance()
        except GONE:
            return False
        return bool(self._threads)

    def _look_at_jobs(self) -> None:
        """End when all workers were jobs that have ended, and none is sent in their place."""
        if fault := self._jobs_fault(_SENT_ANEW):
            raise WorkersLostError(fault)

    def _give_up_stranded(self) -> None:
        """Withdraw what none of the workers that are left may do: those that might have have ended."""
        here = self._threads.keys()
        for key, flight in list(self._flying.items()):
            if flight.places is not None and not flight.places & here and not flight.future.done():
                del self._flying[key]
                with suppress(*GONE):
                    flight.future.cancel(force=True)
                self._keep_lost(flight.tasks)

    def _unpack(self, flight: _Flight) -> Answers:
        tasks, answer = flight.tasks, self._fetch(flight.future)
        if answer is None:
            self._watch(flight)
        elif isinstance(answer, Exception):
            yield from self._excuse(answer, tasks)
        elif answer.fault:
            flight.future.release()
            self._refuse(answer)
            self._submit(tasks)
        else:
            flight.future.release()  # or it would be made again when its worker is replaced
            self._n_finished += 1
            self._seconds_a_task = (self._seconds_a_task + answer.seconds / len(tasks)) / 2
            yield from zip(tasks, answer.reports, strict=True)
            if any(isinstance(report, Failed) and report.abandoned for report in answer.reports):
                self._replace(answer.worker)

    def _refuse(self, answer: Answer) -> None:
        """Worker nothing more: it came late and has another na64, or none."""
        if answer.worker not in self._refused:
            _log.warning("worker %s %s: it is given nothing to do", answer.worker, answer.fault)
        self._refused.add(answer.worker)
        self._threads.pop(answer.worker, None)

    def _fetch(self, future: Future[Any]) -> Answer | Exception | None:
        """Return what a submission gave, or None if that was lost with its worker and is being made again."""
        try:
            return Answer(*future.result(timeout=self._patience))
        except TimeoutError:
            return None
        except Exception as error:
            return error

    def _excuse(self, error: BaseException, tasks: list[Task]) -> Answers:
        if isinstance(error, KilledWorker):
            self._keep_lost(tasks)
        elif isinstance(error, NoWorkerError | NoValidWorkerError):
            raise WorkersLostError("the scheduler has no workers")
        elif isinstance(error, CancelledError):
            raise WorkersLostError("the scheduler has gone")
        else:  # on the way to or from our code: the text is not about events, but may be long
            for task in tasks:
                yield task, Failed(f"{type(error).__name__} on the way to or from a worker")

    def _keep_lost(self, tasks: list[Task]) -> None:
        self.lost_tasks.extend(tasks)
        self._n_ended += 1
        if not self._n_finished and self._n_ended > _ALLOWED_FALSE_STARTS:
            raise WorkersLostError(f"{self._n_ended} workers ended and nothing was done")

    def _replace(self, address: str) -> None:
        """End a worker with a task that hangs, and go on: who watches over it starts another in its place."""
        ask = {"workers": [address], "nanny": True, "on_error": "ignore", "callback_timeout": self._patience}
        with suppress(*GONE, KeyError):  # it may have gone already
            if not self._client.sync(self._client.run, ender(), **ask):
                self._client.retire_workers([address], close_workers=True)  # nobody watches over it

    def drop(self) -> None:
        """Withdraw what is in flight."""
        futures = [flight.future for flight in self._flying.values()]
        self._flying.clear()
        if futures:
            with suppress(*GONE):
                self._client.cancel(futures, force=True)
