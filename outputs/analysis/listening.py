"""Whoever listens while a step of the analysis is at work: progress, and lines for people."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeAlias

from na64.datasets.basics.error_line import error_line

Progress: TypeAlias = Callable[[int, int], None]
"""Takes how many are done and how many there are; 0 if that is not known."""

Tell: TypeAlias = Callable[[str], None]
"""Takes one line for people."""

_log = logging.getLogger(__name__)


def no_progress(done: int, total: int) -> None:
    """Progress that nobody is shown."""


def silent(line: str) -> None:
    """Line that nobody is told."""


@dataclass(frozen=True, slots=True)
class Listener:
    """Callbacks of one step.

    Attributes
    ----------
    progress : callable
    tell : callable
        Takes the lines that say what was found, as they come.
    note : callable or None
        Takes what is to be known besides; None: it is logged.
    """

    progress: Progress = no_progress
    tell: Tell = silent
    note: Tell | None = None

    def say(self, lines: Iterable[str]) -> None:
        """Pass on lines."""
        for line in lines:
            self.tell(line)

    @contextmanager
    def outliving(self, what: str) -> Iterator[None]:
        """Pass on as a note what goes wrong meanwhile: figures and pages take nothing with them that fail."""
        try:
            yield
        except Exception as problem:
            self.warn(f"na64: {what}: {error_line(problem)}")

    def warn(self, line: str, level: int = logging.WARNING) -> None:
        """Pass on a note."""
        if self.note is None:
            _log.log(level, "%s", line)
        else:
            self.note(line)
