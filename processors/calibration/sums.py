"""Integer sums that do not depend on the order in which events are read: counts and sparse histograms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]

_KEYS, _COUNTS = "/keys", "/counts"


@dataclass(frozen=True, slots=True, eq=False)
class SparseHistogram:
    """The bins of a histogram that have entries; ``+`` adds two.

    Attributes
    ----------
    keys : (n,) int64
        Ascending.
    counts : (n,) int64
        Positive in a histogram; sums of any sign where keys are places of them.
    """

    keys: Integers = field(default_factory=lambda: np.zeros(0, np.int64))
    counts: Integers = field(default_factory=lambda: np.zeros(0, np.int64))

    def __add__(self, other: SparseHistogram) -> SparseHistogram:
        keys, of_key = np.unique(np.concatenate([self.keys, other.keys]), return_inverse=True)
        counts = np.zeros(len(keys), np.int64)
        np.add.at(counts, of_key, np.concatenate([self.counts, other.counts]))
        return SparseHistogram(keys, counts)

    def between(self, start: int, stop: int) -> SparseHistogram:
        """The bins with keys from ``start`` to before ``stop``, counted from ``start``."""
        part = slice(*np.searchsorted(self.keys, [start, stop]).tolist())
        return SparseHistogram(self.keys[part] - start, self.counts[part])


def histogram_of(keys: Integers) -> SparseHistogram:
    """Histogram with an entry for each key."""
    return SparseHistogram(*np.unique(keys, return_counts=True))


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """Sums over some events; ``+`` adds two, and an empty one adds nothing.

    Attributes
    ----------
    arrays : dict of str to int64 array
        Dense, of equal shape in all sums of one run.
    histograms : dict of str to SparseHistogram
    """

    arrays: Mapping[str, Integers] = field(default_factory=dict)
    histograms: Mapping[str, SparseHistogram] = field(default_factory=dict)

    def __add__(self, other: Sums) -> Sums:
        arrays = {
            name: _total(self.arrays.get(name), other.arrays.get(name))
            for name in sorted({*self.arrays, *other.arrays})
        }
        empty = SparseHistogram()
        histograms = {
            name: self.histograms.get(name, empty) + other.histograms.get(name, empty)
            for name in sorted({*self.histograms, *other.histograms})
        }
        return Sums(arrays, histograms)

    def array(self, name: str, shape: tuple[int, ...]) -> Integers:
        """Dense sums, zero if there are none."""
        return self.arrays.get(name, np.zeros(shape, np.int64))

    def count(self, name: str) -> int:
        """Number of events, zero if there are none."""
        return int(self.array(name, (1,))[0])

    def histogram(self, name: str) -> SparseHistogram:
        """Histogram, empty if there is none."""
        return self.histograms.get(name, SparseHistogram())

    def to_arrays(self) -> dict[str, Integers]:
        """Everything as arrays by name."""
        found = dict(self.arrays)
        for name, histogram in self.histograms.items():
            found |= {name + _KEYS: histogram.keys, name + _COUNTS: histogram.counts}
        return found


def sums_of(arrays: Mapping[str, Integers]) -> Sums:
    """Sums that `Sums.to_arrays` took apart."""
    names = [name.removesuffix(_KEYS) for name in arrays if name.endswith(_KEYS)]
    histograms = {name: SparseHistogram(arrays[name + _KEYS], arrays[name + _COUNTS]) for name in names}
    dense = {name: array for name, array in arrays.items() if not name.endswith((_KEYS, _COUNTS))}
    return Sums(dense, histograms)


def _total(one: Integers | None, other: Integers | None) -> Integers:
    if one is None or other is None:
        found = one if other is None else other
        return np.zeros(0, np.int64) if found is None else found
    return one + other
