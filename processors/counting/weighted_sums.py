"""Sums of weights of any size that are exact, whatever the order of events and however they are divided.

A sum of float64 numbers depends on their order. So each weight is written in digits of `_BITS` bits at fixed
places, and the digits of every place are added as integers, which a bin has one of for each place. All places
together are the sum as infinitely many digits would give it; it is rounded once, when it is read (a small
superaccumulator: R. M. Neal, arXiv:1505.05571).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from na64.processors.counting.tally import Sums

_BITS = 24
"""Of a digit: 2^39 events, more than there will ever be, cannot make a sum of int64 overflow."""

_MOST_DIGITS = 4
"""Places that the 53 bits of a float64 can reach into."""

_N_WEIGHT, _N_SQUARE = 12, 24
"""Places of a weight and of its square; half of them are behind the point."""

LARGEST = 2.0 ** (_BITS * _N_WEIGHT // 2)
"""Weights are smaller than this, 2e43, which every usual float32 is; what is below its inverse is dropped."""

LEFT_OUT = 1
"""Layer of the events that have no finite weight; layer 0 counts those that have one."""

_WEIGHT = slice(2, 2 + _N_WEIGHT)
_SQUARE = slice(_WEIGHT.stop, _WEIGHT.stop + _N_SQUARE)

N_LAYERS = _SQUARE.stop
"""Integers of a bin: events, events left out, digits of the sum of weights, of that of their squares."""

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


def add(bins: Integers, weight: Floats, layers: Integers) -> None:
    """Add weighted events to their bins.

    Parameters
    ----------
    bins : (n_events,) int64
    weight : (n_events,) float64
        Events whose weight is not finite, or `LARGEST` and more, are counted and left out.
    layers : (`N_LAYERS`, n_bins) int64, added to
    """
    usable = np.abs(weight) < LARGEST
    np.add.at(layers[LEFT_OUT], bins[~usable], 1)
    bins, weight = bins[usable], weight[usable]
    np.add.at(layers[0], bins, 1)
    _add_digits(bins, weight, layers[_WEIGHT])
    _add_digits(bins, weight * weight, layers[_SQUARE])


def _add_digits(bins: Integers, value: Floats, places: Integers) -> None:
    """Add the digits of values to (n_places, n_bins) sums; half of the places are behind the point."""
    # 2^(exponent - 1) <= |value| < 2^exponent, so that the first digit, at the place top, is not zero.
    top = (np.frexp(value)[1] - 1) // _BITS
    rest = np.ldexp(value, -_BITS * top)
    for step in range(_MOST_DIGITS):
        digit = np.trunc(rest)
        place = top - step + len(places) // 2
        kept = (digit != 0) & (place >= 0)
        np.add.at(places, (place[kept], bins[kept]), digit[kept].astype(np.int64))
        rest = (rest - digit) * 2.0**_BITS


def sums(layers: Integers) -> Sums:
    """Events, sums of weights and of their squares by bin, of (`N_LAYERS`, ...) int64."""
    return Sums(layers[0], _total(layers[_WEIGHT]), _total(layers[_SQUARE]))


def _total(places: Integers) -> Floats:
    """Sum that the digits at all places make, rounded once."""
    total = np.zeros(places.shape[1:], np.float64)
    filled = places.any(axis=0)
    units = np.array([1 << (_BITS * place) for place in range(len(places))], object)
    # Python's integers have no end, and their division rounds correctly.
    exact = units @ places[:, filled].astype(object)
    total[filled] = (exact / (1 << (_BITS * len(places) // 2))).astype(np.float64)
    return total
