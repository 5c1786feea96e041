"""Which runs, spills and events are known to be bad."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from na64.datasets.instrument.columns import Array

_N_EVENTS = 2**32
"""Numbers of runs, spills and events are unsigned 32-bit in the recorded trees."""

_ROW = 2 * _N_EVENTS
"""Distance of the keys of two spills."""


@dataclass(frozen=True, slots=True)
class BadEntry:
    """A bad run, a bad spill of a run, or bad events ``start <= event < stop`` of a spill.

    Attributes
    ----------
    run : int
    spill : int or None
        None is the whole run.
    start, stop : int or None
        Half-open range of event numbers within the spill; None for both is the whole spill.
    """

    run: int
    spill: int | None = None
    start: int | None = None
    stop: int | None = None

    def __post_init__(self) -> None:
        for name in ("run", "spill", "start", "stop"):
            number = getattr(self, name)
            if number is not None and not 0 <= number <= _N_EVENTS - (name != "stop"):
                raise ValueError(
                    f"bad list, run {self.run}: {name} {number} is not from 0 to {_N_EVENTS - 1}"
                )
        if (self.start is None) != (self.stop is None):
            raise ValueError(f"bad list, run {self.run}: start {self.start} and stop {self.stop} go together")
        if self.start is not None and self.spill is None:
            raise ValueError(f"bad list, run {self.run}: start {self.start} without a spill")
        if self.start is not None and self.stop is not None and self.start >= self.stop:
            raise ValueError(f"bad list, run {self.run}: start {self.start} is not below stop {self.stop}")

    @property
    def events(self) -> tuple[int, int]:
        """The range of bad events; beyond every event number for a whole spill."""
        return (-1 if self.start is None else self.start, _N_EVENTS + 1 if self.stop is None else self.stop)

    @property
    def order(self) -> tuple[int, ...]:
        """Sorting key: a whole run before its spills, a whole spill before its events."""
        numbers = (self.run, self.spill, self.start, self.stop)
        return tuple(-1 if number is None else number for number in numbers)


@dataclass(frozen=True)
class BadList:
    """Bad runs, spills and events; ``+`` joins two lists.

    Attributes
    ----------
    entries : tuple of BadEntry
        Kept sorted and without repetition, so that equal lists are equal.
    """

    entries: tuple[BadEntry, ...] = ()

    def __post_init__(self) -> None:
        ordered = tuple(sorted(set(self.entries), key=lambda entry: entry.order))
        object.__setattr__(self, "entries", ordered)

    def __add__(self, other: BadList) -> BadList:
        return BadList(self.entries + other.entries)

    def of_run(self, run: int) -> BadList:
        """Part of the list about one run."""
        return BadList(self._between(run, run))

    @cached_property
    def of_whole_runs(self) -> BadList:
        """Part of the list that needs no numbers of spills: whole runs."""
        return BadList(tuple(entry for entry in self.entries if entry.spill is None))

    def _between(self, first: int, last: int) -> tuple[BadEntry, ...]:
        """Entries of a range of runs, both ends included."""
        start = bisect_left(self.entries, first, key=lambda entry: entry.run)
        stop = bisect_left(self.entries, last + 1, key=lambda entry: entry.run)
        return self.entries[start:stop]

    @cached_property
    def _whole(self) -> frozenset[tuple[int, int | None]]:
        """Whole spills and, with None for the spill, whole runs."""
        return frozenset((entry.run, entry.spill) for entry in self.entries if entry.start is None)

    def has_run(self, run: int) -> bool:
        """Whether the whole run is bad."""
        return (run, None) in self._whole

    def has_spill(self, run: int, spill: int) -> bool:
        """Whether the whole spill, or its whole run, is bad."""
        return self.has_run(run) or (run, spill) in self._whole

    def mask(self, run: Array, spill: Array, event: Array) -> NDArray[np.bool_]:
        """Mark the events on the list.

        Parameters
        ----------
        run, spill, event : (n_events,) integer
            Event numbers are within the spill.

        Returns
        -------
        (n_events,) bool
        """
        bad = np.zeros(len(run), dtype=np.bool_)
        if not self.entries or not len(run):
            return bad
        lowest, highest = int(run.min()), int(run.max())
        for number, listed in groupby(self._between(lowest, highest), key=lambda entry: entry.run):
            entries = tuple(listed)
            here = np.flatnonzero((run == number) & _is_listed(entries, spill))
            bad[here] = _mask_of_run(entries, spill[here], event[here])
        return bad


def _is_listed(entries: tuple[BadEntry, ...], spill: Array) -> NDArray[np.bool_]:
    """Which events are of a listed spill: most are not, and this is the quick way to know."""
    if entries[0].spill is None:
        return np.ones(len(spill), dtype=np.bool_)
    return np.isin(spill.astype(np.int64, copy=False), _spills(entries))


def _spills(entries: tuple[BadEntry, ...]) -> Array:
    return np.array([entry.spill for entry in entries], dtype=np.int64)


def _mask_of_run(entries: tuple[BadEntry, ...], spill: Array, event: Array) -> NDArray[np.bool_]:
    if entries[0].spill is None:
        return np.ones(len(spill), dtype=np.bool_)
    rows = {entry.spill: row for row, entry in enumerate(entries)}
    starts, stops = _ranges([(rows[entry.spill] * _ROW, entry) for entry in entries])
    # One key orders (spill, event); event numbers outside 32 bits are in no range.
    key = (np.searchsorted(_spills(entries), spill, side="right") - 1) * _ROW
    key += np.clip(event.astype(np.int64, copy=False), -1, _N_EVENTS)
    found = np.searchsorted(starts, key, side="right") - 1
    marked: NDArray[np.bool_] = (found >= 0) & (key < stops[found])
    return marked


def _ranges(based: list[tuple[int, BadEntry]]) -> tuple[Array, Array]:
    """Starts and stops of the disjoint ranges of keys that cover the entries."""
    starts: list[int] = []
    stops: list[int] = []
    for base, entry in based:
        start, stop = base + entry.events[0], base + entry.events[1]
        if starts and start <= stops[-1]:
            stops[-1] = max(stops[-1], stop)
        else:
            starts.append(start)
            stops.append(stop)
    return np.array(starts, dtype=np.int64), np.array(stops, dtype=np.int64)
