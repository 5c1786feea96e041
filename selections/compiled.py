"""Cuts and regions as plain arrays: what the kernels take, so that a new threshold compiles nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from na64.selections.cut import Condition
from na64.selections.interval import Interval, Limits

ALONE, WITHIN, ENDS_ALTERNATIVE, ENDS_CLAUSE = range(4)
"""What an interval is a part of: of nothing, or of an alternative of a clause, which may end with it."""


@dataclass(frozen=True, slots=True, eq=False)
class IntervalArrays:
    """Every interval of every cut, in order, then those of the regions; one with two tables is there twice.

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
        The table that replaces `high`, or `low`; -1 for none.
    lower : (n_intervals,) bool
        The table replaces `low`.
    part : (n_intervals,) uint8
        `ALONE`, `WITHIN`, `ENDS_ALTERNATIVE` or `ENDS_CLAUSE`. An event meets a condition if it is in all
        intervals that are alone, and of each clause in all those of at least one alternative.
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
    lower: NDArray[np.bool_]
    part: NDArray[np.uint8]
    table_feature: NDArray[np.int32]
    table_start: NDArray[np.int64]
    table_edges: NDArray[np.float32]
    table_values: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Row:
    """One row of the arrays."""

    owner: int
    interval: Interval
    part: int
    table: Limits | None
    lower: bool


def compile_intervals(
    cuts: Sequence[Condition], regions: Sequence[Condition], index: Mapping[str, int]
) -> IntervalArrays:
    """Lay out conditions as arrays.

    Parameters
    ----------
    cuts, regions : sequence of Condition
    index : mapping of str to int
        Row of each feature.
    """
    of_cuts = [row for owner, one in enumerate(cuts) for row in _rows(owner, one)]
    rows = of_cuts + [row for owner, one in enumerate(regions) for row in _rows(owner, one)]
    tables = [row.table for row in rows if row.table is not None]
    with_table = np.array([row.table is not None for row in rows], bool)
    return IntervalArrays(
        n_cut_intervals=len(of_cuts),
        feature=np.array([index[row.interval.feature] for row in rows], np.int32),
        low=np.array([row.interval.low for row in rows], np.float32),
        high=np.array([row.interval.high for row in rows], np.float32),
        owner=np.array([row.owner for row in rows], np.int32),
        table=np.where(with_table, np.cumsum(with_table) - 1, -1).astype(np.int32),
        lower=np.array([row.lower for row in rows], bool),
        part=np.array([row.part for row in rows], np.uint8),
        table_feature=np.array([index[table.feature] for table in tables], np.int32),
        table_start=np.cumsum([0, *(len(table.edges) for table in tables)], dtype=np.int64),
        table_edges=np.array([edge for table in tables for edge in table.edges], np.float32),
        table_values=np.array([value for table in tables for value in table.values], np.float32),
    )


def _rows(owner: int, condition: Condition) -> Iterator[_Row]:
    for interval in condition.intervals:
        yield from _of_interval(owner, interval, ALONE)
    for clause in condition.clauses:
        for n, group in enumerate(clause.alternatives, start=1):
            rows = [row for interval in group for row in _of_interval(owner, interval, WITHIN)]
            end = ENDS_CLAUSE if n == len(clause.alternatives) else ENDS_ALTERNATIVE
            yield from (*rows[:-1], replace(rows[-1], part=end))


def _of_interval(owner: int, interval: Interval, part: int) -> Iterator[_Row]:
    """One row, or of an interval with two tables one for each."""
    if interval.limits is not None or interval.lowest is None:
        yield _Row(owner, interval, part, interval.limits, lower=False)
    if interval.lowest is not None:
        yield _Row(owner, interval, part, interval.lowest, lower=True)
