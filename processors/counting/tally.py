"""What comes out of a pass over events: integer counts that add up exactly, whatever the order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

SKIPPED = ("skipped_nonfinite", "skipped_cell_range", "skipped_unequal_hits", "skipped_too_many_hits")
"""Reasons why an event was read but not processed, in the order of their codes."""

ACCOUNTING = ("processed", "hidden", "open", *SKIPPED)
"""Keys of `Tally.accounting`; ``open`` events are visible wherever they sit, by run type or trigger."""

N_COMPONENTS_WEIGHTED = 5
"""Components of weighted simulation: count, coarse and fine part of sumw, coarse and fine part of sumw2."""

_COARSE = 2.0**24
_FINE = 2.0**30
_LIMIT = 2.0**38

SMALLEST = 2.0**-24
"""Weights but zero are at least this, 6e-8: the square of a smaller one would be off by over 1 %."""

SCHEMA = 4
"""Version of `Tally.to_arrays`."""


@dataclass(frozen=True, slots=True, eq=False)
class Tally:
    """Counts of the events of one run, or of a part of it; `+` joins two parts.

    Data and unweighted simulation have one component, the counts. Weighted simulation has
    `N_COMPONENTS_WEIGHTED`: the counts and the sums of weights and of their squares as fixed-point integers
    (`sums` turns them into numbers), so that sums are exact and do not depend on the order.

    Attributes
    ----------
    accounting : dict of str to int
        Events by `ACCOUNTING` key; processed = hidden + visible, and skipped events are not processed.
    first_fail : (n_components, n_cuts + 1, n_regions + 1) int64
        Visible events by the index of the first cut they fail (``n_cuts``: none) and by region; the first
        place is elsewhere.
    single_cut : (n_components, n_cuts) int64
        Visible events that pass a cut, whatever the others say.
    n_minus_one : (n_components, n_cuts) int64
        Visible events that pass all the other cuts.
    bins : (n_filled,) int64, ascending
        Bins of the booking that are not empty.
    contents : (n_components, n_filled) int64
    n_bins : int
        Bins of the booking.
    valueless : frozenset of str
        Features of which no visible event has a value, only nan; none where no event is visible.
    """

    accounting: dict[str, int]
    first_fail: NDArray[np.int64]
    single_cut: NDArray[np.int64]
    n_minus_one: NDArray[np.int64]
    bins: NDArray[np.int64]
    contents: NDArray[np.int64]
    n_bins: int
    valueless: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        n_components, n_stages, n_places = self.first_fail.shape
        shape = (n_components, n_stages - 1)
        if not n_places or self.single_cut.shape != shape or self.n_minus_one.shape != shape:
            raise ValueError(
                f"first_fail {self.first_fail.shape}, single_cut {self.single_cut.shape}, n_minus_one "
                f"{self.n_minus_one.shape}: not the counts of one selection"
            )
        if self.contents.shape != (n_components, self.bins.size):
            raise ValueError(
                f"contents {self.contents.shape} for {self.bins.size} bins in {n_components} components"
            )
        if set(self.accounting) != set(ACCOUNTING):
            raise KeyError(f"accounting {sorted(self.accounting)}: expected {sorted(ACCOUNTING)}")

    @classmethod
    def empty(cls, *, n_cuts: int, n_regions: int, n_bins: int, n_components: int = 1) -> Tally:
        """Return the counts of no event."""
        return cls(
            accounting=dict.fromkeys(ACCOUNTING, 0),
            first_fail=np.zeros((n_components, n_cuts + 1, n_regions + 1), np.int64),
            single_cut=np.zeros((n_components, n_cuts), np.int64),
            n_minus_one=np.zeros((n_components, n_cuts), np.int64),
            bins=np.zeros(0, np.int64),
            contents=np.zeros((n_components, 0), np.int64),
            n_bins=n_bins,
        )

    def __add__(self, other: Tally) -> Tally:
        if not isinstance(other, Tally):
            return NotImplemented
        if self.shape != other.shape:
            raise ValueError(f"tallies of different selections: {self.shape} and {other.shape}")
        check_sums(self.first_fail, other.first_fail)
        bins, contents = _join(self, other)
        return Tally(
            accounting={key: self.accounting[key] + other.accounting[key] for key in ACCOUNTING},
            first_fail=self.first_fail + other.first_fail,
            single_cut=self.single_cut + other.single_cut,
            n_minus_one=self.n_minus_one + other.n_minus_one,
            bins=bins,
            contents=contents,
            n_bins=self.n_bins,
            valueless=valueless_in_both(self, other),
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Tally):
            return NotImplemented
        return (
            self.accounting == other.accounting
            and self.valueless == other.valueless
            and self.shape == other.shape
            and all(np.array_equal(getattr(self, name), getattr(other, name)) for name in _ARRAYS)
        )

    __hash__ = None  # type: ignore[assignment]

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Components, cuts, regions and bins: tallies of one shape can be added."""
        n_components, n_stages, n_places = self.first_fail.shape
        return n_components, n_stages - 1, n_places - 1, self.n_bins

    @property
    def n_components(self) -> int:
        """Return 1, or `N_COMPONENTS_WEIGHTED`."""
        return int(self.first_fail.shape[0])

    @property
    def n_cuts(self) -> int:
        """Cuts of the selection."""
        return int(self.single_cut.shape[1])

    @property
    def visible(self) -> int:
        """Events that were counted."""
        return int(self.first_fail[0].sum())

    @property
    def hidden(self) -> int:
        """Events of data that were dropped before anything looked at them."""
        return self.accounting["hidden"]

    @property
    def processed(self) -> int:
        """Hidden and visible events."""
        return self.accounting["processed"]

    @property
    def skipped(self) -> int:
        """Events read but not processed."""
        return sum(self.accounting[key] for key in SKIPPED)

    @property
    def read(self) -> int:
        """Processed and skipped events."""
        return self.processed + self.skipped

    @property
    def histograms(self) -> NDArray[np.int64]:
        """Return every bin of the booking, (n_components, n_bins)."""
        dense = np.zeros((self.n_components, self.n_bins), np.int64)
        dense[:, self.bins] = self.contents
        return dense

    def passed(self) -> NDArray[np.int64]:
        """Return how many events pass all cuts so far, (n_components, n_cuts + 1); index 0 is `visible`."""
        passed: NDArray[np.int64] = self.regions_after().sum(axis=2)
        return passed

    def regions_after(self) -> NDArray[np.int64]:
        """Return the same by region, (n_components, n_cuts + 1, n_regions + 1); index 0 is before any cut."""
        return np.flip(np.cumsum(np.flip(self.first_fail, 1), axis=1), 1)

    def to_arrays(self) -> tuple[dict[str, object], dict[str, NDArray[np.int64]]]:
        """Return a header for JSON, and the arrays."""
        header: dict[str, object] = {
            "schema": SCHEMA,
            "accounting": dict(self.accounting),
            "n_bins": self.n_bins,
            "valueless": sorted(self.valueless),
        }
        return header, {name: getattr(self, name) for name in _ARRAYS}

    @classmethod
    def from_arrays(cls, header: Mapping[str, object], arrays: Mapping[str, NDArray[np.int64]]) -> Tally:
        """Return what `to_arrays` took apart."""
        accounting, n_bins, without = (header.get(key) for key in ("accounting", "n_bins", "valueless"))
        if header.get("schema") != SCHEMA:
            raise ValueError(f"tally of schema {header.get('schema')}: expected {SCHEMA}")
        if not isinstance(accounting, Mapping) or not isinstance(n_bins, int):
            raise ValueError("tally without accounting or number of bins")
        if not isinstance(without, list):
            raise ValueError("tally that does not say which features have no value")
        counts = {str(key): int(value) for key, value in accounting.items()}
        values = {name: np.asarray(arrays[name], np.int64) for name in _ARRAYS}
        return cls(accounting=counts, n_bins=n_bins, valueless=frozenset(map(str, without)), **values)


class Valued(Protocol):
    """Visible events, and the features of which none of them has a value."""

    @property
    def visible(self) -> int:
        """How many there are."""

    @property
    def valueless(self) -> frozenset[str]:
        """Features of which none has a value."""


def valueless_in_both(one: Valued, other: Valued) -> frozenset[str]:
    """Features of which no visible event of two parts has a value; one without such events says nothing."""
    if one.visible and other.visible:
        return one.valueless & other.valueless
    return one.valueless | other.valueless


_ARRAYS = ("first_fail", "single_cut", "n_minus_one", "bins", "contents")


def _join(a: Tally, b: Tally) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    if not (a.bins.size and b.bins.size):  # as for the first segment of every run
        return (a.bins, a.contents) if a.bins.size else (b.bins, b.contents)
    bins = np.union1d(a.bins, b.bins)
    contents = np.zeros((a.n_components, bins.size), np.int64)
    for part in (a, b):
        contents[:, np.searchsorted(bins, part.bins)] += part.contents
    filled = contents[0] != 0  # negative weights may have made a sum zero
    return (bins, contents) if filled.all() else (bins[filled], contents[:, filled])


def with_histograms(tally: Tally, dense: NDArray[np.int64]) -> Tally:
    """Return the tally with these bins, (n_components, n_bins) int64, in place of its own."""
    bins = np.flatnonzero(dense[0])
    return replace(tally, bins=bins, contents=np.ascontiguousarray(dense[:, bins]), n_bins=dense.shape[1])


@dataclass(frozen=True, slots=True)
class Sums:
    """Counts, and for weighted simulation the sums of weights and of their squares.

    Attributes
    ----------
    count : (...) int64
    sumw, sumw2 : (...) float64
        Equal to the counts where there are no weights.
    """

    count: NDArray[np.int64]
    sumw: NDArray[np.float64]
    sumw2: NDArray[np.float64]


def sums(components: NDArray[np.int64]) -> Sums:
    """Turn the components of a tally's array, (n_components, ...), into numbers."""
    count = components[0]
    if len(components) == 1:
        return Sums(count, count.astype(np.float64), count.astype(np.float64))
    coarse, fine = components[1::2], components[2::2]
    sumw, sumw2 = coarse / _COARSE + fine / (_COARSE * _FINE)
    return Sums(count, sumw, sumw2)


def fixed_point(weight: NDArray[np.float64]) -> NDArray[np.int64]:
    """Turn weights into the components after the first: sumw and sumw2 in a coarse and a fine part.

    The parts count 2^-24 and 2^-54, so a weight is kept to 3e-17 and its square to 3e-17 too, which of the
    square of `SMALLEST` is 0.8 %.

    Parameters
    ----------
    weight : (n_events,) float64

    Returns
    -------
    (4, n_events) int64

    Raises
    ------
    ValueError
        Weights whose sums would not fit, or whose squares would be lost.
    """
    weight = np.asarray(weight, np.float64)
    square = weight * weight
    small = (weight != 0) & (np.abs(weight) < SMALLEST)
    if small.any():
        raise ValueError(
            f"a weight of {weight[small][0]:g} is too small for sums of squared weights, at least "
            f"{SMALLEST:.2g} is: multiply all weights, and the exposure, by one constant"
        )
    if not _fits(square.sum() + weight.size):
        raise ValueError(
            f"weights up to {np.abs(weight).max():g} are too large: their squares must sum "
            f"to less than {_LIMIT:g}"
        )
    return np.stack([*_split(weight), *_split(square)])


def weights_of(components: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the weights, (n_events,), of which `fixed_point` made the components, (4, n_events)."""
    coarse, fine = components[:2]
    weight: NDArray[np.float64] = coarse / _COARSE + fine / (_COARSE * _FINE)
    return weight


def _split(value: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    coarse = np.floor(value * _COARSE)
    fine = np.rint((value * _COARSE - coarse) * _FINE)
    return coarse.astype(np.int64), fine.astype(np.int64)


def _fits(bound: float) -> bool:
    # |w| <= 1 + w^2, so events + sum of squares bounds every partial sum of the weights too.
    return bool(bound < _LIMIT)


def check_sums(*counts: NDArray[np.int64]) -> None:
    """Refuse weights whose sums might not fit.

    Parameters
    ----------
    *counts : (n_components, ...) int64
        Every event once, as in ``Tally.first_fail``; joined they must fit.
    """
    bound = sum(
        float(components[0].sum() + sums(components).sumw2.sum())
        for components in counts
        if len(components) > 1
    )
    if not _fits(bound):
        raise ValueError(
            f"weights too large: events and squared weights sum to {bound:g}, expected less than {_LIMIT:g}"
        )
