"""The integers by which programs are compared before anyone looks at their times."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from na64.processors.counting.booking import Booking, Rule, book
from na64.processors.counting.tally import Tally
from na64.selections.selection import Selection, load_selection


@dataclass(frozen=True, slots=True)
class BenchmarkCounts:
    """What a program counted.

    Attributes
    ----------
    passed : tuple of int
        Events before any cut, and after each. What else there is, is None for programs that do not count it.
    n_minus_one : tuple of int
        Events that pass all cuts but one, cut by cut.
    runs : int
        Selected events, summed over the yields of the runs.
    plane, variables : int
        Checksums of the planes after every cut, and of all N-1 histograms: the sum of (bin + 1) * content.
    """

    passed: tuple[int, ...]
    n_minus_one: tuple[int, ...] | None = None
    runs: int | None = None
    plane: int | None = None
    variables: int | None = None


def bench_selection() -> Selection:
    """Return the dimuon selection of 2023 without histograms of its own: planes and N-1 are left."""
    return replace(load_selection("dimuon_2023"), histograms=())


def counts_of(tallies: dict[int, Tally], selection: Selection) -> BenchmarkCounts:
    """Take the integers out of tallies of a selection, whatever the run."""
    first, *others = tallies.values()
    total = sum(others, first)
    planes, variables = _histograms(book(selection), total.histograms)
    return BenchmarkCounts(
        passed=tuple(total.passed()[0].tolist()),
        n_minus_one=tuple(total.n_minus_one[0].tolist()),
        runs=sum(int(tally.passed()[0, -1]) for tally in tallies.values()),
        plane=checksum(planes),
        variables=checksum(variables),
    )


def _histograms(booking: Booking, bins: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    filled = list(booking.filled(bins[:1]))
    planes = [one.contents.ravel() for one in filled if one.rule is Rule.STAGES]
    variables = [one.contents.ravel() for one in filled if one.rule is Rule.N_MINUS_ONE]
    return np.concatenate(planes), np.concatenate(variables)


def checksum(contents: NDArray[np.int64]) -> int:
    """Add (bin + 1) * content of all bins, modulo 2^64."""
    place = np.arange(1, len(contents) + 1, dtype=np.uint64)
    return int(np.sum(place * contents.astype(np.uint64), dtype=np.uint64))


def list_axes(selection: Selection) -> str:
    """Write the axes of the N-1 histograms, a line each: cut, feature, bins, low, high."""
    booked = [one for one in book(selection).histograms if one.rule is Rule.N_MINUS_ONE]
    lines = [
        f"{one.cut} {axis.feature} {axis.bins} {axis.low!r} {axis.high!r}"
        for one in booked
        for axis in one.axes
    ]
    return "".join(f"{line}\n" for line in lines)


class DifferentCountsError(ValueError):
    """Two programs that should count the same do not: their times mean nothing."""


def require_equal(counts: dict[str, BenchmarkCounts]) -> None:
    """Refuse programs that differ in a single integer, and name the first.

    Parameters
    ----------
    counts : dict of str to BenchmarkCounts
        By program; the first is the reference, and others are compared in all that both count.

    Raises
    ------
    DifferentCountsError
    """
    (reference, expected), *others = counts.items()
    for name, found in others:
        for field in BenchmarkCounts.__dataclass_fields__:
            one, other = getattr(expected, field), getattr(found, field)
            if None not in (one, other) and one != other:
                raise DifferentCountsError(f"{name} and {reference} differ in {field}: {other} and {one}")
