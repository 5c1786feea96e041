"""How far something has come: a bar on a terminal, plain lines elsewhere, and one line at the end."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import TextIO, TypeAlias

from na64.commands.visible_output import complain

Show: TypeAlias = Callable[[int, int], None]
"""Takes how many are done, and how many there are; 0 if that is not known."""

Clock: TypeAlias = Callable[[], float]

_SECONDS_BETWEEN_LINES = 10.0
_SINGULAR = {"events": "event", "files": "file", "masses": "mass"}


@contextmanager
def progress(
    what: str,
    unit: str,
    stream: TextIO,
    *,
    note: Callable[[], str] = str,
    clock: Clock = time.monotonic,
    at_end: bool = True,
) -> Iterator[Show]:
    """Callable to be told of progress; nothing is said at the end if an exception ends it.

    What is said follows from what was told and from the clock alone.

    Parameters
    ----------
    what, unit : str
        What is done, and what is counted: ``process`` and ``events``.
    stream : TextIO
    note : callable
        Gives what else is said at the end; nothing if that is empty.
    at_end : bool
        Say at the end what was done.
    clock : callable
        Gives the time, in s.
    """
    pace = Pace(unit, clock)
    display = _bar(what, stream) if stream.isatty() else _lines(what, stream, clock)
    next(display)

    def show(done: int, total: int) -> None:
        pace.tell(done, total)
        display.send(pace)

    try:
        yield show
    finally:
        display.close()
    if not at_end:
        return
    more = note()
    stream.write(f"{what}: {pace.summary}{'; ' if more else ''}{more}\n")
    stream.flush()


@dataclass(slots=True)
class Pace:
    """How much is done, and how fast; what was done before the start does not count for the rate."""

    unit: str
    clock: Clock = time.monotonic
    done: int = 0
    total: int = 0
    _before: int | None = None
    _start: float = field(init=False)
    _first: tuple[float, int] | None = None

    def __post_init__(self) -> None:
        self._start = self.clock()

    def tell(self, done: int, total: int) -> None:
        """Note how far it has come; the first time, what was done before."""
        if self._before is None:
            self._before, self._start = done, self.clock()
        self.done, self.total = done, total
        if self._first is None and self._new:
            self._first = self.clock(), done

    def _named(self, number: int) -> str:
        return _SINGULAR.get(self.unit, self.unit) if number == 1 else self.unit

    @property
    def seconds(self) -> float:
        """Since the first word."""
        return self.clock() - self._start

    @property
    def _new(self) -> int:
        return self.done - (self._before or 0)

    @property
    def _rate(self) -> float:
        return self._new / max(self.seconds, 1e-3)

    @property
    def _steady(self) -> float:
        """Rate since something new was done for the first time: before it kernels may have been compiled."""
        start, first = self._first or (0.0, 0)
        return (self.done - first) / max(self.clock() - start, 1e-3) if self._first else 0.0

    @property
    def text(self) -> str:
        """``2,000 of 4,000 events, 500/s, 0:04 left``; how fast is known when there were two pieces."""
        of_all = f" of {self.total:,}" if self.total else ""
        parts = [f"{self.done:,}{of_all} {self._named(self.total or self.done)}"]
        if rate := self._steady:
            parts += [f"{rate:,.0f}/s"] if rate >= 1 else []
            if self.total > self.done:
                parts.append(f"{clock_time((self.total - self.done) / rate)} left")
        return ", ".join(parts)

    @property
    def summary(self) -> str:
        """``4,000 events in 8.0 s, 500/s``."""
        if self._before and not self._new:
            were = "was" if self.done == 1 else "were"
            return f"all {self.done:,} {self._named(self.done)} {were} done before"
        earlier = f" and {self._before:,} before" if self._before else ""
        rate = f", {self._rate:,.0f}/s" if self._rate >= 1 else ""
        return f"{self._new:,} {self._named(self._new)} in {self.seconds:.1f} s{rate}{earlier}"


def clock_time(seconds: float) -> str:
    """Write a time as ``0:06``, ``12:30`` or ``3:02:45``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def _lines(what: str, stream: TextIO, clock: Clock) -> Generator[None, Pace, None]:
    """Write a line now and then."""
    last = clock()
    while True:
        pace = yield
        if clock() - last > _SECONDS_BETWEEN_LINES:
            last = clock()
            stream.write(f"{what}: {pace.text}\n")
            stream.flush()


def _bar(what: str, stream: TextIO) -> Generator[None, Pace, None]:
    """Draw a bar, which goes when it is done."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

    columns = (SpinnerColumn(), TextColumn(what), BarColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=Console(file=stream), transient=True) as bar:
        task = bar.add_task("", total=None)
        while True:
            pace = yield
            bar.update(task, completed=pace.done, total=pace.total or None, description=pace.text)


class Terminal:
    """Where one command shows progress and prints lines: no line is printed into a display of progress.

    A display begins when progress is told for the first time, and ends before the next line or the next one.
    """

    def __init__(self) -> None:
        self._display: AbstractContextManager[Show] | None = None
        self._show: Show = lambda _done, _total: None
        self._stage: object = None
        self._note = ""
        self._at_end = True

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        display, self._display, self._stage = self._display, None, None
        if display is not None:
            display.__exit__(kind, value, trace)

    def _end(self) -> None:
        self.__exit__(None, None, None)

    def progress(self, what: str, unit: str, *, at_end: bool = True) -> Show:
        """What takes the progress of one stage; see `progress`."""
        stage = object()

        def show(done: int, total: int) -> None:
            if self._stage is not stage:
                self._end()
                self._display = progress(what, unit, sys.stderr, note=lambda: self._note, at_end=at_end)
                self._show, self._stage, self._note = self._display.__enter__(), stage, ""
                self._at_end = at_end
            self._show(done, total)

        return show

    def tell(self, line: str) -> None:
        """Print a line."""
        self._end()
        print(line)

    def note(self, line: str) -> None:
        """Print a line on standard error; behind the last word of a display, if there is one."""
        has_last_word = self._display is not None and self._at_end
        self._note = line if has_last_word else ""
        self._end()
        if not has_last_word:
            complain(line)
