"""Cuts and regions as plain arrays: what the kernels take, so that a new threshold compiles nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from na64.selections.cut import Interval


@dataclass(frozen=True, slots=True, eq=False)
class IntervalArrays:
    """Every interval of every cut, in order, then those of the regions.

    Attributes
    ----------
    n_cut_intervals : int
        The first so many intervals belong to cuts, the others to regions.
    feature : (n_intervals,) int32
        Row of the feature table.
    low, high : (n_intervals,) float32
        Both ends belong to the interval.
    owner : (n_intervals,) int32
        Index of the cut, or of the region.
    table : (n_intervals,) int32
        The table that replaces `high`; -1 for none.
    table_feature : (n_tables,) int32
        Row of the feature that chooses the bin.
    table_start : (n_tables + 1,) int64
        Table ``t`` has the bins ``table_start[t]:table_start[t + 1]``.
    table_edges, table_values : (n_bins of all tables,) float32
        Lower edge and highest accepted value of each bin.
    """

    n_cut_intervals: int
    feature: NDArray[np.int32]
    low: NDArray[np.float32]
    high: NDArray[np.float32]
    owner: NDArray[np.int32]
    table: NDArray[np.int32]
    table_feature: NDArray[np.int32]
    table_start: NDArray[np.int64]
    table_edges: NDArray[np.float32]
    table_values: NDArray[np.float32]


def compile_intervals(
    cuts: Sequence[Sequence[Interval]], regions: Sequence[Sequence[Interval]], index: Mapping[str, int]
) -> IntervalArrays:
    """Lay out intervals as arrays.

    Parameters
    ----------
    cuts, regions : sequence of sequence of Interval
    index : mapping of str to int
        Row of each feature.
    """
    owned = [(owner, interval) for owner, group in enumerate(cuts) for interval in group]
    n_cut_intervals = len(owned)
    owned += [(owner, interval) for owner, group in enumerate(regions) for interval in group]
    intervals = [interval for _, interval in owned]
    tables = [interval.limits for interval in intervals if interval.limits is not None]
    with_table = np.array([interval.limits is not None for interval in intervals], bool)
    return IntervalArrays(
        n_cut_intervals=n_cut_intervals,
        feature=np.array([index[interval.feature] for interval in intervals], np.int32),
        low=np.array([interval.low for interval in intervals], np.float32),
        high=np.array([interval.high for interval in intervals], np.float32),
        owner=np.array([owner for owner, _ in owned], np.int32),
        table=np.where(with_table, np.cumsum(with_table) - 1, -1).astype(np.int32),
        table_feature=np.array([index[limits.feature] for limits in tables], np.int32),
        table_start=np.cumsum([0, *(len(limits.edges) for limits in tables)], dtype=np.int64),
        table_edges=np.array([edge for limits in tables for edge in limits.edges], np.float32),
        table_values=np.array([value for limits in tables for value in limits.values], np.float32),
    )
