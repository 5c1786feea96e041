"""From features to the cuts an event fails: how many, which first, and which region it is in.

Every cut is applied to every event, but three bytes are kept of it; whatever is counted after a cut is a sum
over the first failing cut, so that filling does not cost more with more cuts. Thresholds are arguments:
changing them compiles nothing.
"""

# ruff: noqa: PLR0917 (a kernel takes arrays and numbers, all in order)

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from na64.datasets.compiled.jit import jit

BLOCK = 4096
"""Events to which the cuts are applied at a time: their features stay in the cache until they are filled."""

INTERVAL = np.dtype(
    [
        ("low", np.float32),
        ("high", np.float32),
        ("feature", np.int32),
        ("of", np.int32),
        ("first_bin", np.int32),
        ("end_bin", np.int32),
        ("lower", np.uint8),
        ("part", np.uint8),
    ]
)
"""A closed interval. Where ``of`` is not -1, its ``high``, or if ``lower`` its ``low``, is in bins
``first_bin`` to ``end_bin`` of a table in the feature ``of``. For ``part`` see `ALONE`."""

ALONE, WITHIN, ENDS_ALTERNATIVE, ENDS_CLAUSE = range(4)
"""What an interval is a part of, as `na64.selections.compiled` has it."""

_LOWEST_BITS = np.uint64(0x0101010101010101)
_TO_LAST_BYTE = np.uint64(56)

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]


@jit
def fail_fixed(row: Floats, low: np.float32, high: np.float32, failed: Bytes) -> None:
    """Mark the events outside of fixed bounds; nan is outside of all."""
    for event in range(row.size):
        inside = (row[event] >= low) & (row[event] <= high)
        failed[event] |= np.uint8(0) if inside else np.uint8(1)


@jit
def look_up(of: Floats, edges: Floats, values: Floats, bound: Floats) -> None:
    """Write what a table in another feature says of each event."""
    for event in range(of.size):
        bound[event] = values[0]
    # Bin by bin rather than event by event: a search has branches, this has none and is twenty times as fast.
    for i in range(1, edges.size):
        edge, value = edges[i], values[i]
        for event in range(of.size):
            before = bound[event]
            bound[event] = value if of[event] >= edge else before


@jit
def fail_below_table(row: Floats, low: np.float32, high: Floats, of: Floats, failed: Bytes) -> None:
    """Mark the events that are not from a number to what a table says."""
    for event in range(row.size):
        # Not a number is in no bin of the table.
        inside = (row[event] >= low) & (row[event] <= high[event]) & (of[event] == of[event])
        failed[event] |= np.uint8(0) if inside else np.uint8(1)


@jit
def fail_above_table(row: Floats, low: Floats, high: np.float32, of: Floats, failed: Bytes) -> None:
    """Mark the events that are not from what a table says to a number."""
    for event in range(row.size):
        inside = (row[event] >= low[event]) & (row[event] <= high) & (of[event] == of[event])
        failed[event] |= np.uint8(0) if inside else np.uint8(1)


@jit
def close_alternative(alternative: Bytes, clause: Bytes, is_first: bool) -> None:
    """Fail a clause where this alternative and all before it fail."""
    for event in range(clause.size):
        before = np.uint8(1) if is_first else clause[event]
        clause[event] = before & alternative[event]


@jit
def mark(clause: Bytes, failed: Bytes) -> None:
    """Mark the events that fail a clause."""
    for event in range(clause.size):
        failed[event] |= clause[event]


@jit
def fail(
    features: Floats,
    start: int,
    stop: int,
    intervals: NDArray[np.void],
    edges: Floats,
    values: Floats,
    bound: Floats,
    inner: Bytes,
    failed: Bytes,
) -> None:
    """Mark the events ``start`` to ``stop`` that do not meet a condition.

    Parameters
    ----------
    features : (n_features, n_events) float32
    start, stop : int
    intervals : (n_intervals,) `INTERVAL`
        Of one condition, clauses whole.
    edges, values : (n_bins of all tables,) float32
        Lower edge and value of each bin; below the first edge its value holds, above the last edge the last.
    bound : (at least stop - start,) float32, scratch
    inner : (2, at least stop - start) uint8, scratch
        Who fails the alternative, and the clause.
    failed : (`BLOCK`,) uint8, written
        1 or 0, and 0 after the last event.
    """
    failed[:] = 0
    n = stop - start
    begins, is_first = True, True
    for one in intervals:
        part = one["part"]
        # Slices, because only an index that counts from 0 is known not to be negative, which vectorises.
        row = features[one["feature"], start:stop]
        marks = failed[:n] if part == ALONE else inner[0, :n]
        if part != ALONE and begins:
            marks[:] = 0
        begins = part != WITHIN
        if one["of"] < 0:
            fail_fixed(row, one["low"], one["high"], marks)
        else:
            bins, of = slice(one["first_bin"], one["end_bin"]), features[one["of"], start:stop]
            look_up(of, edges[bins], values[bins], bound)
            if one["lower"]:
                fail_above_table(row, bound, one["high"], of, marks)
            else:
                fail_below_table(row, one["low"], bound, of, marks)
        if part >= ENDS_ALTERNATIVE:
            close_alternative(inner[0, :n], inner[1, :n], is_first)
            is_first = part == ENDS_CLAUSE
        if part == ENDS_CLAUSE:
            mark(inner[1, :n], failed[:n])


@jit
def record_failures(failed: Bytes, cut: int, n_failed: Bytes, first: Bytes) -> None:
    """Count the cut for the events that fail it, and remember it if it is the first."""
    number = np.uint8(cut)
    for event in range(n_failed.size):
        n_failed[event] += failed[event]
        later = first[event]
        first[event] = min(later, number) if failed[event] != 0 else later


@jit
def count_marks(marks: Bytes) -> int:
    """Add the bytes, each 0 or 1, of whole words."""
    in_word = (marks.view(np.uint64) * _LOWEST_BITS) >> _TO_LAST_BYTE
    return int(in_word.sum())


@jit
def apply_cuts(
    features: Floats,
    start: int,
    stop: int,
    intervals: NDArray[np.void],
    edges: Floats,
    values: Floats,
    bounds: NDArray[np.int64],
    weights: NDArray[np.int64],
    n_failed: Bytes,
    first: Bytes,
    region: Bytes,
    single_cut: NDArray[np.int64],
) -> None:
    """Apply the cuts to the events ``start`` to ``stop``, `BLOCK` of them at most.

    Parameters
    ----------
    features : (n_features, n_events) float32
    start, stop : int
    intervals : (n_intervals,) `INTERVAL`
        Those of the cuts, then those of the regions.
    edges, values : (n_bins of all tables,) float32
        See `fail`.
    bounds : (n_cuts + n_regions + 1,) int64
        Cut or region ``n`` owns the intervals ``bounds[n]:bounds[n + 1]``.
    weights : (n_components - 1, n_events) int64
        Fixed-point weights, or no rows.
    n_failed, first, region : (stop - start,) uint8, written
        How many cuts an event fails, the first of them (the number of cuts if none), and 1 + the first region
        that it is in (0 if in none).
    single_cut : (n_components, n_cuts) int64, added to
        Events that pass each cut, whatever the others say.
    """
    n_cuts, n_events = single_cut.shape[1], stop - start
    bound, inner = np.empty(BLOCK, np.float32), np.empty((2, BLOCK), np.uint8)
    failed = np.empty(BLOCK, np.uint8)
    n_failed[:] = 0
    first[:] = n_cuts
    region[:] = 0
    for cut in range(n_cuts):
        own = intervals[bounds[cut] : bounds[cut + 1]]
        fail(features, start, stop, own, edges, values, bound, inner, failed)
        record_failures(failed, cut, n_failed, first)
        single_cut[0, cut] += n_events - count_marks(failed)
        for component in range(weights.shape[0]):
            for event in range(n_events):
                single_cut[component + 1, cut] += 0 if failed[event] else weights[component, start + event]
    for number in range(bounds.size - 2, n_cuts - 1, -1):
        own = intervals[bounds[number] : bounds[number + 1]]
        fail(features, start, stop, own, edges, values, bound, inner, failed)
        for event in range(n_events):
            region[event] = region[event] if failed[event] else np.uint8(number - n_cuts + 1)
