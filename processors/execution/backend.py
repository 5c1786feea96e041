"""What all backends have in common: tasks in, reports out, in any order."""

from __future__ import annotations

import os
import signal
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from typing import Self, TypeAlias

from na64.processors.execution.tasks import Report, Task, Work

SAFE_PATH = "PYTHONSAFEPATH"
"""Variable that keeps a Python from looking for modules, a `signal.py`, in the working folder."""

Answers: TypeAlias = Generator[tuple[Task, Report], None, None]
"""Tasks with their reports as they come; to be closed when not read to the end."""


class WorkersLostError(RuntimeError):
    """There is nobody left, or nobody at all, to work."""


class Backend(ABC):
    """Performs tasks; all backends report the same for the same tasks, in any order."""

    @abstractmethod
    def map(self, work: Work, tasks: Iterable[Task]) -> Answers:
        """Perform tasks and give back each with its report as it comes.

        Tasks are taken from the iterable as late as possible: what is not taken yet can be withheld. When the
        iterator is closed early, what is being done is dropped.
        """

    def close(self) -> None:  # noqa: B027 (one that works in this process has nothing to end)
        """End all workers of this backend."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *reason: object) -> None:
        self.close()


@contextmanager
def interrupts_blocked() -> Iterator[None]:
    """Let processes and threads that are started meanwhile never see Ctrl-C: the driver decides for all."""
    with safe_path():
        resource_tracker.ensure_running()  # it unblocks interrupts when it starts
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def safe_path() -> Iterator[None]:
    """Let processes that are started meanwhile not look for modules in the working folder."""
    before = os.environ.get(SAFE_PATH)
    os.environ[SAFE_PATH] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[SAFE_PATH]
        else:
            os.environ[SAFE_PATH] = before
