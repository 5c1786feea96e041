"""From events and the cuts they fail to counts: which bins they fall into, and how many events each has.

Events are sorted once by what they fail; then every count and every histogram takes a slice of that order.
Axes are arguments: changing them compiles nothing. Every count is int64.

``weights`` are the components after the first, which counts events: fixed-point weights, or none for data.
"""

# ruff: noqa: PLR0917 (a kernel takes arrays and numbers, all in order)

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from na64.datasets.compiled.jit import jit
from na64.processors.kernels.apply_cuts import BLOCK, apply_cuts

STAGES = 0
N_MINUS_ONE = 1
AFTER = 2
"""Which events enter a histogram: all, into the copy of their first failing cut; those that pass all cuts but
one; those that pass the cuts before one."""

HISTOGRAM = np.dtype(
    [
        ("start", np.int64),
        ("size", np.int64),
        ("rule", np.int32),
        ("cut", np.int32),
        ("first_axis", np.int32),
        ("end_axis", np.int32),
    ]
)
"""First bin and bins of a copy, rule, the cut it is about, and its axes."""

AXIS = np.dtype(
    [
        ("low", np.float64),
        ("high", np.float64),
        ("feature", np.int32),
        ("n_bins", np.int32),
        ("first_edge", np.int32),
        ("end_edge", np.int32),
    ]
)
"""Bins, and one below and one above: equal ones, or between those of all edges from the first to the end."""

Bytes = NDArray[np.uint8]
Integers = NDArray[np.int64]
Events = NDArray[np.int32]


@jit
def sort_events(
    n_failed: Bytes, first: Bytes, region: Bytes, n_places: int, order: Events, ends: Integers
) -> None:
    """Sort events by first failing cut, then those that fail others too before those that fail only it.

    Parameters
    ----------
    n_failed, first, region : (n_events,) uint8
    n_places : int
        Regions, and one for all events that are in none.
    order : (n_events,) int32, written
    ends : (2 * n_places * (n_cuts + 1) + 1,) int64, written
        Group ``g`` is ``order[ends[g]:ends[g + 1]]``; ``g`` counts first failing cut (``n_cuts``: none), then
        if that is the only one, then region.
    """
    key, places = np.empty(n_failed.size, np.int16), np.int16(n_places)
    for event in range(n_failed.size):
        only = np.int16(1) if n_failed[event] <= 1 else np.int16(0)
        key[event] = (np.int16(first[event]) * 2 + only) * places + np.int16(region[event])
    ends[:] = 0
    for event in range(n_failed.size):
        ends[np.uint64(key[event]) + np.uint64(1)] += 1
    for group in range(1, ends.size):
        ends[group] += ends[group - 1]
    place = ends[:-1].copy()
    for event in range(n_failed.size):
        number = np.uint64(key[event])
        order[place[number]] = event
        place[number] += 1


@jit
def add_groups(
    order: Events, ends: Integers, weights: Integers, start: int, first_fail: Integers, n_minus_one: Integers
) -> None:
    """Count events by first failing cut and region, and by cut with all others passed.

    Parameters
    ----------
    order, ends
        As `sort_events` leaves them.
    weights : (n_components - 1, n_events) int64
    start : int
        Event number 0 of ``order``.
    first_fail : (n_components, n_cuts + 1, n_places) int64, added to
    n_minus_one : (n_components, n_cuts) int64, added to
    """
    n_cuts, n_places = n_minus_one.shape[1], first_fail.shape[2]
    for group in range(ends.size - 1):
        cut, region, only = group // (2 * n_places), group % n_places, (group // n_places) % 2 == 1
        for component in range(first_fail.shape[0]):
            events = order[ends[group] : ends[group + 1]]
            content = events.size if component == 0 else 0
            if component > 0:
                for event in events:
                    content += weights[component - 1, start + event]
            first_fail[component, cut, region] += content
            if cut == n_cuts:
                for other in range(n_cuts):
                    n_minus_one[component, other] += content
            elif only:
                n_minus_one[component, cut] += content


@jit
def bin_of(column: NDArray[np.float32], low: float, high: float, n_bins: int, index: Events) -> None:
    """Append an axis of equal bins to a flat bin index; as boost-histogram counts.

    Parameters
    ----------
    column : (n_events,) float32
    low, high : float
    n_bins : int
        Bin 0 is below ``low``, bin ``n_bins + 1`` at or above ``high`` and for nan.
    index : (n_events,) int32, changed in place
        Index of each event on the axes before, becomes the index on all.
    """
    for i in range(column.size):
        z = (np.float64(column[i]) - low) / (high - low)
        inside = (z >= 0.0) & (z < 1.0)
        # As int32, which vectorises; one that does not fit is not made.
        position = np.int32(1) + np.int32((z if inside else 0.0) * n_bins)
        outside = np.int32(0) if z < 0.0 else np.int32(n_bins + 1)
        position = position if inside else outside
        index[i] = index[i] * np.int32(n_bins + 2) + position


@jit
def bin_between(column: NDArray[np.float32], edges: NDArray[np.float64], index: Events) -> None:
    """Append an axis of bins between stated edges to a flat bin index; as boost-histogram counts.

    Parameters
    ----------
    column : (n_events,) float32
    edges : (n_bins + 1,) float64, ascending
        Bin 0 is below the first, bin ``n_bins + 1`` at or above the last and for nan.
    index : (n_events,) int32, changed in place
        As of `bin_of`.
    """
    for i in range(column.size):
        value, below, above = np.float64(column[i]), 0, edges.size
        while below < above:
            middle = (below + above) // 2
            if value < edges[middle]:
                above = middle
            else:
                below = middle + 1
        index[i] = index[i] * np.int32(edges.size + 1) + np.int32(below)


@jit
def add(
    index: Events,
    events: Events,
    drawn: Bytes,
    weights: Integers,
    start: int,
    contents: Integers,
) -> None:
    """Count each event in its bin, unless it may not be drawn.

    Parameters
    ----------
    index, events : (n,) int32
        Bins, and places after ``start``.
    drawn : (n_events,) uint8
        0 for events that are not to be shown; of no length if all may be.
    weights : (n_components - 1, n_events) int64
    start : int
    contents : (n_components, n_bins) int64, added to
    """
    for i in range(index.size):
        bin_ = np.uint64(index[i])
        contents[0, bin_] += 1 if drawn.size == 0 else np.int64(drawn[start + events[i]])
    for component in range(weights.shape[0]):
        for i in range(index.size):
            bin_, event = np.uint64(index[i]), start + events[i]
            if drawn.size == 0 or drawn[event] != 0:
                contents[component + 1, bin_] += weights[component, event]


@jit
def fill_events(
    features: NDArray[np.float32],
    start: int,
    events: Events,
    is_every: bool,
    axes: NDArray[np.void],
    edges: NDArray[np.float64],
    index: Events,
    drawn: Bytes,
    weights: Integers,
    contents: Integers,
) -> None:
    """Fill one histogram with some events of a block.

    Parameters
    ----------
    features : (n_features, n_events) float32
    start : int
        First event of the block.
    events : (n,) int32
        Places in the block.
    is_every : bool
        They are 0, 1, 2, ...
    axes : (n_axes,) `AXIS`
    edges : (n_edges of all axes,) float64
    index : (n,) int32, changed
        The copy that each event goes to.
    drawn, weights, contents
        As `add` takes them.
    """
    gathered = np.empty(0 if is_every else events.size, np.float32)
    for axis in axes:
        row = features[axis["feature"], start:]
        for i in range(gathered.size):
            gathered[i] = row[np.uint64(events[i])]
        column = row[: events.size] if is_every else gathered
        if axis["first_edge"] < axis["end_edge"]:
            bin_between(column, edges[axis["first_edge"] : axis["end_edge"]], index)
        else:
            bin_of(column, axis["low"], axis["high"], axis["n_bins"], index)
    add(index, events, drawn if axes.size > 1 else drawn[:0], weights, start, contents)


@jit
def slices_of(
    rule: int, cut: int, n_events: int, n_places: int, ends: Integers
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Where in the order of `sort_events` the events of a histogram are."""
    group, passed = 2 * n_places * cut, ends[ends.size - 1 - 2 * n_places]
    if rule == STAGES:
        return (0, n_events), (0, 0)
    if rule == AFTER:
        return (ends[group], n_events), (0, 0)
    return (ends[group + n_places], ends[group + 2 * n_places]), (passed, n_events)


@jit
def fill(
    features: NDArray[np.float32],
    start: int,
    histogram: np.void,
    axes: NDArray[np.void],
    edges: NDArray[np.float64],
    first: Bytes,
    every: Events,
    n_places: int,
    order: Events,
    ends: Integers,
    drawn: Bytes,
    weights: Integers,
    contents: Integers,
) -> None:
    """Fill one histogram with the events of a block.

    Parameters
    ----------
    features, start, edges, drawn, weights
        As `fill_events` takes them.
    histogram : `HISTOGRAM`
    axes : (n_axes,) `AXIS`
    first : (n,) uint8
        First failing cut.
    every : (n,) int32
        0, 1, 2, ...
    n_places, order, ends
        As `sort_events` takes and leaves them.
    contents : (n_components, n_bins) int64, added to
    """
    bins = contents[:, histogram["start"] : histogram["start"] + histogram["size"]]
    staged = histogram["rule"] == STAGES
    for begin, end in slices_of(histogram["rule"], histogram["cut"], first.size, n_places, ends):
        if begin < end:
            events = every if staged else order[begin:end]
            index = first.astype(np.int32) if staged else np.zeros(events.size, np.int32)
            fill_events(features, start, events, staged, axes, edges, index, drawn, weights, bins)


@jit
def count(
    features: NDArray[np.float32],
    intervals: NDArray[np.void],
    edges: NDArray[np.float32],
    values: NDArray[np.float32],
    bounds: Integers,
    histograms: NDArray[np.void],
    axes: NDArray[np.void],
    axis_edges: NDArray[np.float64],
    drawn: Bytes,
    weights: Integers,
    first_fail: Integers,
    single_cut: Integers,
    n_minus_one: Integers,
    contents: Integers,
) -> None:
    """Apply the cuts to events and count them everywhere.

    Parameters
    ----------
    features : (n_features, n_events) float32
    intervals, edges, values, bounds
        As `na64.processors.kernels.apply_cuts.apply_cuts` takes them.
    histograms : (n_histograms,) `HISTOGRAM`
    axes : (n_axes of all histograms,) `AXIS`
    axis_edges : (n_edges of all axes,) float64
        Of the axes whose bins are not equal.
    drawn : (n_events or 0,) uint8
        0 for events that no histogram of several axes may show.
    weights : (n_components - 1, n_events) int64
    first_fail : (n_components, n_cuts + 1, n_places) int64, added to
        By first failing cut, and 1 + the first region or 0.
    single_cut, n_minus_one : (n_components, n_cuts) int64, added to
    contents : (n_components, n_bins) int64, added to
    """
    n_events, n_places, every = features.shape[1], first_fail.shape[2], np.arange(BLOCK).astype(np.int32)
    ends, order = np.empty(2 * first_fail.shape[1] * n_places + 1, np.int64), np.empty(BLOCK, np.int32)
    marks = np.empty((3, BLOCK), np.uint8)
    for start in range(0, n_events, BLOCK):
        n = min(BLOCK, n_events - start)
        n_failed, first, region = marks[0, :n], marks[1, :n], marks[2, :n]
        apply_cuts(
            features,
            start,
            start + n,
            intervals,
            edges,
            values,
            bounds,
            weights,
            n_failed,
            first,
            region,
            single_cut,
        )
        sort_events(n_failed, first, region, n_places, order[:n], ends)
        add_groups(order[:n], ends, weights, start, first_fail, n_minus_one)
        for one in histograms:
            own = axes[one["first_axis"] : one["end_axis"]]
            fill(
                features,
                start,
                one,
                own,
                axis_edges,
                first,
                every[:n],
                n_places,
                order[:n],
                ends,
                drawn,
                weights,
                contents,
            )
