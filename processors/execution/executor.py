"""The executor: performs the tasks that are not in the ledger yet and tells what came of each."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Protocol, TypeAlias

from na64.processors.execution.backend import Backend
from na64.processors.execution.ledger import Ledger, NoSpaceError, Partial
from na64.processors.execution.tasks import Done, Failed, Report, Task, Work


class Progress(Protocol):
    """Told whenever a task is settled, by success or failure."""

    def __call__(self, done: int, total: int, events: int) -> None:
        """Take the number of settled tasks, of all tasks, and of events in the settled ones."""


class UserCodeError(RuntimeError):
    """A plug-in failed while events were counted; says where in it, with no value of any event."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A task without a result and why."""

    task: Task
    reason: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.task}: {self.reason}"


class Results(Mapping[str, Partial]):
    """Partials by key in the order of the keys, read from the ledger one at a time.

    Summing them in this order gives the same on any backend, and never holds more than one of them.
    """

    def __init__(self, ledger: Ledger, keys: Iterable[str]) -> None:
        self._ledger = ledger
        self._keys = dict.fromkeys(sorted(keys))

    def __getitem__(self, key: str) -> Partial:
        if key not in self._keys:
            raise KeyError(key)
        partial = self._ledger.get(key)
        if partial is None:
            raise OSError(f"partial result {key} was lost from {self._ledger.folder} after it had been made")
        return partial

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of all tasks: each has a result, failed, or was not tried.

    Attributes
    ----------
    results : Results
    done : tuple of Task
        Those that have a result.
    failures : tuple of Failure
        In the order of the keys.
    untried : tuple of Task
        Not done because of Ctrl-C, in the order given.
    n_resumed : int
        Results that were in the ledger before.
    interrupted : bool
        Ctrl-C was pressed.
    """

    results: Results
    done: tuple[Task, ...]
    failures: tuple[Failure, ...]
    untried: tuple[Task, ...]
    n_resumed: int
    interrupted: bool

    @property
    def is_complete(self) -> bool:
        """Whether every task has a result."""
        return not self.failures and not self.untried


Split: TypeAlias = Callable[[Task], Sequence[Task]]
Check: TypeAlias = Callable[[Partial], None]


def keep_whole(_task: Task) -> Sequence[Task]:
    """Split nothing."""
    return ()


def silent(done: int, total: int, events: int) -> None:
    """Show no progress."""


def run(
    tasks: Iterable[Task],
    work: Work,
    backend: Backend,
    ledger: Ledger,
    *,
    fresh: bool = False,
    progress: Progress = silent,
    split: Split = keep_whole,
    check: Check | None = None,
) -> Outcome:
    """Perform tasks, keep each result as soon as it is there, and go on when one fails.

    A task that ends its workers, or takes all memory, is split again and again: what is lost in the end is
    the smallest part that does it.

    The first Ctrl-C stops handing out tasks and waits for those begun; the second raises KeyboardInterrupt.

    Parameters
    ----------
    tasks : iterable of Task
        With different keys.
    work : Work
        What is done with each.
    backend : Backend
        Where it is done: without influence on the results.
    ledger : Ledger
        Tasks whose key it has are not performed again.
    fresh : bool
        Perform those too.
    progress : callable
    split : callable
        Gives the parts of a task, none if it is small enough.
    check : callable, optional
        Raises `DamagedError` of a result from the ledger that cannot be right: its task is performed again.

    Raises
    ------
    NoSpaceError
        The disk is full; results so far are in the ledger.
    WorkersLostError
        There is nobody to work; results so far are in the ledger.
    """
    listed = _distinct(tasks)
    missing = [task for task in listed if fresh or ledger.get(task.key, check) is None]
    course = _RunState(listed, missing, ledger, progress, split, check=check)
    with _two_stage_interrupt() as stop:
        try:
            while missing and not stop.is_set():  # else nobody need be made ready
                with closing(backend.map(work, _until(stop, missing))) as reports:
                    for task, report in reports:
                        course.settle(task, report)
                missing = course.take_parts(fresh=fresh)
        finally:
            ledger.sync()
        return course.outcome(interrupted=stop.is_set())


def _distinct(tasks: Iterable[Task]) -> list[Task]:
    by_key: dict[str, Task] = {}
    for task in tasks:
        if task.key in by_key:
            raise ValueError(f"two tasks with key {task.key}: {by_key[task.key]} and {task}")
        by_key[task.key] = task
    return list(by_key.values())


def _until(stop: threading.Event, tasks: list[Task]) -> Iterator[Task]:
    for task in tasks:
        if stop.is_set():
            return
        yield task


class _RunState:
    """How far a run has come."""

    def __init__(
        self,
        listed: list[Task],
        missing: list[Task],
        ledger: Ledger,
        progress: Progress,
        split: Split,
        *,
        check: Check | None,
    ) -> None:
        self._listed = {task.key: task for task in listed}
        self._ledger = ledger
        self._progress = progress
        self._split = split
        self._check = check
        self._parts: list[Task] = []
        absent = {task.key for task in missing}
        self._done = {task.key for task in listed} - absent
        self._failures: dict[str, Failure] = {}
        self._n_resumed = len(self._done)
        self._n_events = sum(task.n_events for task in listed if task.key not in absent)
        self._show()

    def _show(self) -> None:
        self._progress(len(self._done) + len(self._failures), len(self._listed), self._n_events)

    def settle(self, task: Task, report: Report) -> None:
        """Keep what came of a task."""
        if isinstance(report, Done):
            self._ledger.store(task.key, report.data)
            self._done.add(task.key)
        elif report.divisible and (parts := self._split(task)):
            del self._listed[task.key]
            self._listed |= {part.key: part for part in parts}
            self._parts.extend(parts)
            return
        else:
            self._fail(task, report)
        self._n_events += task.n_events
        self._show()

    def take_parts(self, *, fresh: bool) -> list[Task]:
        """Return the parts of split tasks that have no result yet."""
        parts, self._parts = self._parts, []
        missing = [part for part in parts if fresh or self._ledger.get(part.key, self._check) is None]
        absent = {part.key for part in missing}
        kept = [part for part in parts if part.key not in absent]
        self._done.update(part.key for part in kept)
        self._n_events += sum(part.n_events for part in kept)
        return missing

    def _fail(self, task: Task, report: Failed) -> None:
        failure = Failure(task, report.reason, report.detail)
        if report.user_code:
            raise UserCodeError(f"{failure}; it would fail again, so nothing else is counted")
        if report.fatal:
            raise NoSpaceError(f"{failure}")
        self._failures[task.key] = failure

    def outcome(self, *, interrupted: bool) -> Outcome:
        """Sum up."""
        settled = self._done | self._failures.keys()
        untried = tuple(task for key, task in self._listed.items() if key not in settled)
        if untried and not interrupted:
            raise RuntimeError(f"the backend lost {len(untried)} of {len(self._listed)} tasks: {untried[0]}")
        return Outcome(
            results=Results(self._ledger, self._done),
            done=tuple(task for key, task in self._listed.items() if key in self._done),
            failures=tuple(self._failures[key] for key in sorted(self._failures)),
            untried=untried,
            n_resumed=self._n_resumed,
            interrupted=interrupted,
        )


@contextmanager
def _two_stage_interrupt() -> Iterator[threading.Event]:
    stop = threading.Event()

    def handle(_number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = signal.signal(signal.SIGINT, handle)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)
