"""What an event fails as the bits of a number: for what looks at single events, or at those that move."""

# ruff: noqa: PLR0917 (a kernel takes arrays and numbers, all in order)

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from na64.datasets.compiled.jit import jit
from na64.processors.kernels.apply_cuts import BLOCK, fail

Integers = NDArray[np.int64]
Bytes = NDArray[np.uint8]


@jit
def set_failed_bits(
    features: NDArray[np.float32],
    intervals: NDArray[np.void],
    edges: NDArray[np.float32],
    values: NDArray[np.float32],
    owner: NDArray[np.int32],
    failed: Integers,
) -> None:
    """Set the bit of the owner of each condition that an event does not meet; nan is inside no interval.

    Parameters
    ----------
    features : (n_features, n_events) float32
    intervals : (n_intervals,) `na64.processors.kernels.apply_cuts.INTERVAL`
    edges, values : (n_bins of all tables,) float32
        See `na64.processors.kernels.apply_cuts.fail`.
    owner : (n_intervals,) int32
        Intervals of one condition have the same and stand together.
    failed : (n_events,) int64, changed in place
    """
    bound, inner = np.empty(BLOCK, np.float32), np.empty((2, BLOCK), np.uint8)
    marks = np.empty(BLOCK, np.uint8)
    for start in range(0, failed.size, BLOCK):
        stop = min(start + BLOCK, failed.size)
        bits = failed[start:stop]
        first, end = 0, 0
        while first < intervals.size:
            while end < intervals.size and owner[end] == owner[first]:
                end += 1
            fail(features, start, stop, intervals[first:end], edges, values, bound, inner, marks)
            bit = np.int64(1) << np.int64(owner[first])
            first = end
            for event in range(bits.size):
                bits[event] |= bit if marks[event] != 0 else np.int64(0)


@jit
def first_clear(failed: Integers, n_regions: int, region: Bytes) -> None:
    """Write 1 + the index of the first bit that is not set, 0 if all are.

    Parameters
    ----------
    failed : (n_events,) int64
    n_regions : int
    region : (n_events,) uint8, written
    """
    for event in range(failed.size):
        region[event] = 0
        for r in range(n_regions):
            if not failed[event] & (np.int64(1) << np.int64(r)):
                region[event] = r + 1
                break


@jit
def first_set(failed: Integers, n_cuts: int, first: Bytes) -> None:
    """Write the index of the first bit that is set, ``n_cuts`` if none is.

    Parameters
    ----------
    failed : (n_events,) int64
    n_cuts : int
    first : (n_events,) uint8, written
    """
    for event in range(failed.size):
        mask = failed[event]
        cut = 0
        if mask:
            while not mask & (np.int64(1) << np.int64(cut)):
                cut += 1
        else:
            cut = n_cuts
        first[event] = cut


@jit
def add(index: Integers, events: Integers, weights: Integers, contents: Integers) -> None:
    """Count each chosen event in its bin.

    Parameters
    ----------
    index, events : (n_chosen,) int64
    weights : (n_components - 1, n_events) int64
    contents : (n_components, n_bins) int64, added to
    """
    for i in range(index.size):
        contents[0, index[i]] += 1
    for component in range(weights.shape[0]):
        for i in range(index.size):
            contents[component + 1, index[i]] += weights[component, events[i]]
