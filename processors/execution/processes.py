"""A pool of processes of this machine in which the loss of a process is the loss of one task."""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
import time
from collections import Counter, deque
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from multiprocessing.connection import Connection, wait
from typing import TypeAlias

import cloudpickle

from na64.datasets.basics.parent_process import end_with_parent
from na64.processors.execution.backend import (
    Answers,
    Backend,
    WorkersLostError,
    interrupts_blocked,
    safe_path,
)
from na64.processors.execution.tasks import Failed, Report, Task, Work, Worker, overdue

_ALLOWED_DEATHS = 2
_ALLOWED_FALSE_STARTS = 3
_PATIENCE = 5.0
_CONNECTION_LOST = (EOFError, ConnectionError)


def _limit_memory(memory: int | None) -> None:
    """Let a process that asks for too much have an error, before the system ends it or another."""
    most = memory or os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    _, highest = resource.getrlimit(resource.RLIMIT_DATA)
    limit = most if highest == resource.RLIM_INFINITY else min(most, highest)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, highest))


def _serve(connection: Connection, memory: int | None) -> None:
    _limit_memory(memory)
    end_with_parent()
    worker: Worker | None = None
    with suppress(*_CONNECTION_LOST):  # the driver has gone
        while True:
            message: bytes | Task = connection.recv()
            if isinstance(message, bytes):
                worker = Worker(message)
                connection.send(None)
            elif worker is not None:
                connection.send(worker.perform(message))


_Message: TypeAlias = Report | None


class _Process:
    """A worker process and the task it has."""

    def __init__(self, memory: int | None) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, memory), daemon=True)
        with interrupts_blocked(), safe_path():
            self._process.start()
        theirs.close()
        self.task: Task | None = None
        self.since: float | None = None
        self._work: bytes | None = None

    def send(self, work: bytes, task: Task) -> None:
        """Send a task, after the work if that is new to this process."""
        self.task = task
        with suppress(*_CONNECTION_LOST):  # an end of the process is seen when it is listened to
            if work is not self._work:
                self._work, self.since = work, None
                self.connection.send(work)
            else:
                self.since = time.monotonic()
            self.connection.send(task)

    def receive(self) -> _Message:
        """Return the report that has come; None if the process has only become ready."""
        message: _Message = self.connection.recv()
        if message is None:
            self.since = time.monotonic()
        else:
            self.task = None
        return message

    def age(self) -> float:
        """Return for how long the task has been worked on, in s."""
        return 0.0 if self.since is None else time.monotonic() - self.since

    def end(self, *, patience: float = 0.0) -> str:
        """End the process and say how it ended."""
        self.connection.close()
        self._process.join(patience)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        code = self._process.exitcode or 0
        self._process.close()
        return f"by signal {signal.Signals(-code).name}" if code < 0 else f"with code {code}"


class ProcessesBackend(Backend):
    """Processes of this machine, each with a pipe of its own.

    A pool of `concurrent.futures` fails every task in flight when one process ends; here it is known which
    process ended, so that its task alone is tried twice more and then given up.

    Parameters
    ----------
    workers : int
    memory : int or None, bytes
        Of a process, at most; None: what the machine has.
    """

    def __init__(self, workers: int, *, memory: int | None = None) -> None:
        if workers < 1 or (memory is not None and memory < 1):
            raise ValueError(f"workers are {workers}, memory is {memory}: expected at least 1")
        self._n_workers = workers
        self._memory = memory
        self._workers: list[_Process] = []

    def close(self) -> None:
        """End the processes."""
        while self._workers:
            process = self._workers.pop()
            process.end(patience=0.0 if process.task else _PATIENCE)

    def map(self, work: Work, tasks: Iterable[Task]) -> Answers:
        """Perform tasks; see `Backend.map`."""
        pool = _WorkerPool(self._workers, self._n_workers, self._memory, work, tasks)
        try:
            while pool.assign_tasks():
                yield from pool.collect()
        finally:
            pool.drop()


class _WorkerPool:
    """One map over a pool of worker processes."""

    def __init__(
        self,
        workers: list[_Process],
        n_workers: int,
        memory: int | None,
        work: Work,
        tasks: Iterable[Task],
    ) -> None:
        self._workers = workers
        self._n_workers = n_workers
        self._memory = memory
        self._deadline = work.options.deadline
        # The driver watches the clock: it can end a process that does not come back.
        self._work = cloudpickle.dumps(replace(work, options=replace(work.options, deadline=None)))
        self._tasks = iter(tasks)
        self._retries: deque[Task] = deque()
        self._deaths: Counter[str] = Counter()
        self._false_starts = 0

    def _busy(self) -> list[_Process]:
        return [process for process in self._workers if process.task is not None]

    def assign_tasks(self) -> bool:
        """Every free process a task; return whether any process has one."""
        tasks = self._take(self._n_workers - len(self._busy()))
        free = [process for process in self._workers if process.task is None]
        started = [_Process(self._memory) for _ in range(len(tasks) - len(free))]
        self._workers.extend(started)
        for process, task in zip(free + started, tasks, strict=False):
            process.send(self._work, task)
        return bool(self._busy())

    def _take(self, n_tasks: int) -> list[Task]:
        retries = [self._retries.popleft() for _ in range(min(n_tasks, len(self._retries)))]
        return retries + list(islice(self._tasks, n_tasks - len(retries)))

    def collect(self) -> Answers:
        """Wait for something to happen and give back the tasks that are done with."""
        busy = self._busy()
        ready = wait([process.connection for process in busy], self._until_deadline(busy))
        for process in busy:
            if process.connection in ready:
                yield from self._receive(process)
            elif self._deadline is not None and process.age() > self._deadline:
                yield from self._on_deadline(process, self._deadline)

    def _until_deadline(self, busy: list[_Process]) -> float | None:
        if self._deadline is None:
            return None
        return max(0.0, min(self._deadline - process.age() for process in busy)) + 0.01

    def _on_deadline(self, process: _Process, deadline: float) -> Answers:
        if process.connection.poll():  # it has spoken meanwhile: the driver was late, not the process
            yield from self._receive(process)
            return
        task = _task_of(process)
        self._lose(process, patience=0.0)
        yield task, overdue(deadline)

    def _receive(self, process: _Process) -> Answers:
        task = _task_of(process)
        try:
            report = process.receive()
        except _CONNECTION_LOST:
            yield from self._on_worker_death(process, task)
        else:
            if report is not None:
                self._false_starts = 0
                yield task, report

    def _on_worker_death(self, process: _Process, task: Task) -> Answers:
        has_started, end = process.since is not None, self._lose(process, _PATIENCE)
        if not has_started:
            self._false_starts += 1
            if self._false_starts > _ALLOWED_FALSE_STARTS:
                raise WorkersLostError(f"worker processes end {end} before they have done anything")
        self._deaths[task.key] += has_started
        if self._deaths[task.key] > _ALLOWED_DEATHS:
            yield task, Failed(f"its worker ended {end}, {self._deaths[task.key]} times", divisible=True)
        else:
            self._retries.append(task)

    def _lose(self, process: _Process, patience: float) -> str:
        self._workers.remove(process)
        return process.end(patience=patience)

    def drop(self) -> None:
        """End the processes that still have a task: what they would say belongs to nobody."""
        for process in self._busy():
            self._lose(process, patience=0.0)


def _task_of(process: _Process) -> Task:
    if process.task is None:
        raise RuntimeError("a process without a task was waited for")
    return process.task
