"""From a table of features to the tally of a selection."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from na64.processors.booking import Booking, Rule, book
from na64.processors.kernels import fill
from na64.processors.result import REGIONS, Tally, with_histograms
from na64.selections.compiled import IntervalArrays
from na64.selections.selection import VISIBLE, Selection

Values = NDArray[np.float32]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """A selection made ready: its intervals as arrays, and the histograms it fills.

    Attributes
    ----------
    intervals : IntervalArrays
    index : dict of str to int
        Row of each feature.
    booking : Booking
    """

    intervals: IntervalArrays
    index: dict[str, int]
    booking: Booking

    @property
    def n_cuts(self) -> int:
        """Cuts of the selection."""
        return len(self.booking.cuts)


@dataclass(frozen=True, slots=True, eq=False)
class _Judged:
    """What is needed of each event to count it: bits of failed cuts, the first of them, and the region."""

    failed: Integers
    first: NDArray[np.uint8]
    region: NDArray[np.uint8]


@lru_cache(maxsize=16)
def plan(selection: Selection) -> Plan:
    """Make a selection ready, once a process."""
    return Plan(selection.arrays(), selection.index, book(selection))


def empty_tally(selection: Selection, n_layers: int) -> Tally:
    """Return the tally of no event."""
    ready = plan(selection)
    return Tally.empty(n_cuts=ready.n_cuts, n_bins=ready.booking.n_bins, n_layers=n_layers)


def count_events(selection: Selection, values: Values, extra: Integers) -> Tally:
    """Count visible events; the accounting of the tally is left at zero.

    Parameters
    ----------
    selection : Selection
    values : (n_features, n_events) float32
        Rows in the order of ``selection.index``.
    extra : (n_layers - 1, n_events) int64
        Fixed-point weights, see `na64.processors.result.fixed_point`; no rows for data.

    Returns
    -------
    Tally
    """
    ready = plan(selection)
    n_features = len(ready.index)
    if values.shape[0] != n_features or extra.shape[1:] != values.shape[1:]:
        raise ValueError(f"features {values.shape} and weights {extra.shape}: expected {n_features} features")
    values = np.ascontiguousarray(values)
    tally = empty_tally(selection, len(extra) + 1)
    judged = _judge(ready, values)
    fill.count(
        judged.failed, judged.first, judged.region, extra, tally.first_fail, tally.alone, tally.n_minus_one
    )
    contents = np.zeros((len(extra) + 1, ready.booking.n_bins), np.int64)
    _fill(ready, values, judged, extra, contents)
    return with_histograms(tally, contents)


def _judge(ready: Plan, values: Values) -> _Judged:
    n_events, arrays = values.shape[1], ready.intervals
    failed, outside = np.zeros(n_events, np.int64), np.zeros(n_events, np.int64)
    first, region = np.empty(n_events, np.uint8), np.empty(n_events, np.uint8)
    _judge_intervals(arrays, slice(None, arrays.n_cut_intervals), values, failed)
    _judge_intervals(arrays, slice(arrays.n_cut_intervals, None), values, outside)
    fill.first_set(failed, ready.n_cuts, first)
    fill.first_clear(outside, len(REGIONS) - 1, region)
    return _Judged(failed, first, region)


def _judge_intervals(arrays: IntervalArrays, part: slice, values: Values, failed: Integers) -> None:
    fill.judge(
        values,
        arrays.feature[part],
        arrays.low[part],
        arrays.high[part],
        arrays.owner[part],
        arrays.table[part],
        arrays.table_feature,
        arrays.table_start,
        arrays.table_edges,
        arrays.table_values,
        failed,
    )


def _fill(ready: Plan, values: Values, judged: _Judged, extra: Integers, contents: Integers) -> None:
    chosen = _Chooser(ready.booking.cuts, judged)
    for booked in ready.booking.histograms:
        events = chosen.events(booked.rule, booked.cut)
        staged = booked.rule is Rule.STAGES
        index = judged.first.astype(np.int64) if staged else np.zeros(events.size, np.int64)
        for axis in booked.axes:
            fill.bin_of(values[ready.index[axis.feature]], events, axis.low, axis.high, axis.bins, index)
        index += booked.start
        fill.add(index, events, extra, contents)


class _Chooser:
    """Which events enter a histogram; each answer is kept for the next histogram of the same rule and cut."""

    def __init__(self, cuts: tuple[str, ...], judged: _Judged) -> None:
        self._number = {cut: number for number, cut in enumerate(cuts)}
        self._judged = judged
        self._known: dict[tuple[Rule, str], Integers] = {}
        # Failing at most one cut: few, so that choosing among them for each cut costs little.
        self._nearly = _which(judged.failed & (judged.failed - 1) == 0)

    def events(self, rule: Rule, cut: str) -> Integers:
        key = (rule, cut)
        if key not in self._known:
            self._known[key] = self._choose(rule, cut)
        return self._known[key]

    def _choose(self, rule: Rule, cut: str) -> Integers:
        failed, first = self._judged.failed, self._judged.first
        if rule is Rule.N_MINUS_ONE:
            others: Integers = failed[self._nearly] & ~(1 << self._number[cut])
            return np.compress(others == 0, self._nearly)
        if rule is Rule.AFTER and cut != VISIBLE:
            return _which(first > self._number[cut])
        return np.arange(first.size)


def _which(chosen: NDArray[np.bool_]) -> Integers:
    events = np.empty(chosen.size, np.int64)
    n_chosen = fill.which(chosen, events)
    return events[:n_chosen]
