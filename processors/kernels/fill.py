"""From features to counts: which cuts an event passes, and which bins it falls into.

An event is summarised once, by the bit mask of the cuts it fails and the index of the first of them; whatever
is counted after a cut is a sum over that index, so filling does not cost more with more cuts. Thresholds and
axes are arguments: changing them compiles nothing. Every count is int64.

``extra`` are the layers after the first, which counts events: fixed-point weights, or none for data.
"""

# ruff: noqa: PLR0917 (a kernel takes arrays and numbers, all in order)

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from na64.processors.kernels.jit import jit

_BLOCK = 4096


@jit
def _judge_fixed(
    row: NDArray[np.float32], low: np.float32, high: np.float32, bit: np.int64, bits: NDArray[np.int64]
) -> None:
    for event in range(row.size):
        inside = (row[event] >= low) & (row[event] <= high)
        bits[event] |= np.int64(0) if inside else bit


@jit
def _judge_tabulated(
    row: NDArray[np.float32],
    low: np.float32,
    of: NDArray[np.float32],
    edges: NDArray[np.float32],
    values: NDArray[np.float32],
    bit: np.int64,
    bits: NDArray[np.int64],
    high: NDArray[np.float32],
) -> None:
    for event in range(row.size):
        high[event] = values[0]
    # Bin by bin rather than event by event: a search has branches, this has none and is twenty times as fast.
    for i in range(1, edges.size):
        edge, value = edges[i], values[i]
        for event in range(row.size):
            before = high[event]
            high[event] = value if of[event] >= edge else before
    for event in range(row.size):
        # Not a number is in no bin of the table.
        inside = (row[event] >= low) & (row[event] <= high[event]) & (of[event] == of[event])
        bits[event] |= np.int64(0) if inside else bit


@jit
def judge(
    features: NDArray[np.float32],
    feature: NDArray[np.int32],
    low: NDArray[np.float32],
    high: NDArray[np.float32],
    owner: NDArray[np.int32],
    table: NDArray[np.int32],
    table_feature: NDArray[np.int32],
    table_start: NDArray[np.int64],
    table_edges: NDArray[np.float32],
    table_values: NDArray[np.float32],
    failed: NDArray[np.int64],
) -> None:
    """Set bit ``owner[i]`` of every event that is not inside the closed interval ``i``; nan is inside none.

    Parameters
    ----------
    features : (n_features, n_events) float32
    feature, low, high, owner, table : (n_intervals,)
        Where ``table`` is not -1, the table replaces ``high``.
    table_feature : (n_tables,) int32
    table_start : (n_tables + 1,) int64
        Table ``t`` owns bins ``table_start[t]:table_start[t + 1]``.
    table_edges, table_values : (n_bins_of_all_tables,) float32
        Lower edge and value of each bin; below the first edge its value holds, above the last edge the last.
    failed : (n_events,) int64, changed in place
    """
    high_of_event = np.empty(_BLOCK, np.float32)
    for start in range(0, failed.size, _BLOCK):
        stop = min(start + _BLOCK, failed.size)
        for i in range(feature.size):
            bit = np.int64(1) << np.int64(owner[i])
            # Slices, because only an index that counts from 0 is known not to be negative, which vectorises.
            row, bits, t = features[feature[i], start:stop], failed[start:stop], table[i]
            if t < 0:
                _judge_fixed(row, low[i], high[i], bit, bits)
            else:
                of, bins = features[table_feature[t], start:stop], slice(table_start[t], table_start[t + 1])
                edges, values = table_edges[bins], table_values[bins]
                _judge_tabulated(row, low[i], of, edges, values, bit, bits, high_of_event)


@jit
def first_clear(failed: NDArray[np.int64], n_regions: int, region: NDArray[np.uint8]) -> None:
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
def first_set(failed: NDArray[np.int64], n_cuts: int, first: NDArray[np.uint8]) -> None:
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
def count(
    failed: NDArray[np.int64],
    first: NDArray[np.uint8],
    region: NDArray[np.uint8],
    extra: NDArray[np.int64],
    first_fail: NDArray[np.int64],
    alone: NDArray[np.int64],
    n_minus_one: NDArray[np.int64],
) -> None:
    """Count events by first failing cut and region, by cut passed, and by cut with all others passed.

    Parameters
    ----------
    failed, first, region : (n_events,)
    extra : (n_layers - 1, n_events) int64
    first_fail : (n_layers, n_cuts + 1, n_regions + 1) int64, added to
    alone, n_minus_one : (n_layers, n_cuts) int64, added to
    """
    n_cuts = alone.shape[1]
    for event in range(failed.size):
        mask = failed[event]
        first_fail[0, first[event], region[event]] += 1
        for cut in range(n_cuts):
            alone[0, cut] += 1 - ((mask >> np.int64(cut)) & 1)
        if mask & (mask - 1) == 0:
            for cut in range(n_cuts):
                n_minus_one[0, cut] += (mask == 0) | (cut == first[event])
    for layer in range(extra.shape[0]):
        for event in range(failed.size):
            mask = failed[event]
            weight = extra[layer, event]
            first_fail[layer + 1, first[event], region[event]] += weight
            for cut in range(n_cuts):
                bit = np.int64(1) << np.int64(cut)
                if not mask & bit:
                    alone[layer + 1, cut] += weight
                if not mask & ~bit:
                    n_minus_one[layer + 1, cut] += weight


@jit
def which(chosen: NDArray[np.bool_], events: NDArray[np.int64]) -> int:
    """List the chosen events; as `numpy.flatnonzero`, without its branches.

    Parameters
    ----------
    chosen : (n_events,) bool
    events : (n_events,) int64, written
        The list, and after its end anything.

    Returns
    -------
    int
        Length of the list.
    """
    n = 0
    for event in range(chosen.size):
        events[n] = event
        n += int(chosen[event])
    return n


@jit
def bin_of(
    row: NDArray[np.float32],
    events: NDArray[np.int64],
    low: float,
    high: float,
    n_bins: int,
    index: NDArray[np.int64],
) -> None:
    """Append an axis of equal bins to a flat bin index; as boost-histogram counts.

    Parameters
    ----------
    row : (n_events,) float32
    events : (n_chosen,) int64
    low, high : float
    n_bins : int
        Bin 0 is below ``low``, bin ``n_bins + 1`` at or above ``high`` and for nan.
    index : (n_chosen,) int64, changed in place
        Index of each chosen event on the axes before, becomes the index on all.
    """
    for i in range(events.size):
        z = (np.float64(row[events[i]]) - low) / (high - low)
        position = n_bins + 1
        if z < 0.0:
            position = 0
        elif z < 1.0:
            position = 1 + int(z * n_bins)
        index[i] = index[i] * (n_bins + 2) + position


@jit
def add(
    index: NDArray[np.int64], events: NDArray[np.int64], extra: NDArray[np.int64], contents: NDArray[np.int64]
) -> None:
    """Count each chosen event in its bin.

    Parameters
    ----------
    index, events : (n_chosen,) int64
    extra : (n_layers - 1, n_events) int64
    contents : (n_layers, n_bins) int64, added to
    """
    for i in range(index.size):
        contents[0, index[i]] += 1
    for layer in range(extra.shape[0]):
        for i in range(index.size):
            contents[layer + 1, index[i]] += extra[layer, events[i]]
