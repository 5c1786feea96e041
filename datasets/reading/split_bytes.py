"""Kernels that join numbers whose bytes a page of an RNTuple has apart, by significance.

A page of n numbers has the n least significant bytes first, then the n next ones: they compress better. To
copy them into their places by strides of an array takes five times as long as to join them in a register.
"""

from __future__ import annotations

import numpy as np

from na64.datasets.compiled.jit import jit_lent
from na64.datasets.instrument.columns import Array

_1, _2, _3, _4 = (np.uint64(8 * number) for number in range(1, 5))
"""Bits of so many bytes."""


def join(split: Array, values: Array) -> None:
    """Join the bytes of numbers.

    Parameters
    ----------
    split : (n * itemsize,) uint8
        Contiguous, as in the page.
    values : (n,) of 2, 4 or 8 bytes each, output
        Contiguous.
    """
    _JOIN[values.itemsize](split, values.view(f"u{values.itemsize}"))


@jit_lent
def _join_two(split: Array, values: Array) -> None:
    n = len(values)
    low, high = split[:n], split[n : 2 * n]
    for i in range(n):
        values[i] = np.uint64(low[i]) | np.uint64(high[i]) << _1


@jit_lent
def _join_four(split: Array, values: Array) -> None:
    n = len(values)
    b0, b1, b2, b3 = split[:n], split[n : 2 * n], split[2 * n : 3 * n], split[3 * n : 4 * n]
    for i in range(n):
        low = np.uint64(b0[i]) | np.uint64(b1[i]) << _1
        values[i] = low | np.uint64(b2[i]) << _2 | np.uint64(b3[i]) << _3


@jit_lent
def _join_eight(split: Array, values: Array) -> None:
    n = len(values)
    b0, b1, b2, b3 = split[:n], split[n : 2 * n], split[2 * n : 3 * n], split[3 * n : 4 * n]
    b4, b5, b6, b7 = split[4 * n : 5 * n], split[5 * n : 6 * n], split[6 * n : 7 * n], split[7 * n : 8 * n]
    for i in range(n):
        low = np.uint64(b0[i]) | np.uint64(b1[i]) << _1 | np.uint64(b2[i]) << _2 | np.uint64(b3[i]) << _3
        high = np.uint64(b4[i]) | np.uint64(b5[i]) << _1 | np.uint64(b6[i]) << _2 | np.uint64(b7[i]) << _3
        values[i] = low | high << _4


_JOIN = {2: _join_two, 4: _join_four, 8: _join_eight}
