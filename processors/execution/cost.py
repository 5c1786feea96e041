"""What counting costs: for people to see where time goes, never part of a result, a ledger or a key."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from typing import TypeVar

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Cost:
    """What one or more segments took.

    Attributes
    ----------
    n_segments, n_events : int
    n_stored : int
        Events whose features came from a store, not from cells.
    n_bytes : int
        Of files: a segment's share of a run file, or its file of features.
    read : float, s
        Waiting for files and unpacking them.
    busy : float, s
        All of the work; what is not reading is features, counting and keeping them.
    """

    n_segments: int = 0
    n_events: int = 0
    n_stored: int = 0
    n_bytes: int = 0
    read: float = 0.0
    busy: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        return Cost(*(one + more for one, more in zip(astuple(self), astuple(other), strict=True)))


class Meter:
    """Notes what one segment takes while it is worked on.

    Parameters
    ----------
    clock : callable
        Gives the time in s.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._began = clock()
        self._read = 0.0
        self._n_bytes = 0
        self._is_stored = False

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Count what happens meanwhile as reading."""
        start = self._clock()
        try:
            yield
        finally:
            self._read += self._clock() - start

    def each(self, items: Iterable[Item]) -> Iterator[Item]:
        """Pass items on and count the making of each as reading; none is held while the next is made."""
        left, made = iter(items), []
        while True:
            with self.reading():
                try:
                    made.append(next(left))
                except StopIteration:
                    return
            yield made.pop()

    def note(self, n_bytes: int, *, stored: bool) -> None:
        """Note what was read in the end."""
        self._n_bytes, self._is_stored = n_bytes, stored

    def cost(self, n_events: int) -> Cost:
        """Sum up."""
        busy = self._clock() - self._began
        return Cost(1, n_events, n_events if self._is_stored else 0, self._n_bytes, self._read, busy)
