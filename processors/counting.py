"""From a table of features to the tally of a selection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from na64.processors import moves
from na64.processors.booking import Booking, Rule, book
from na64.processors.judging import judge_intervals
from na64.processors.kernels import fill
from na64.processors.result import ACCOUNTING, REGIONS, Tally, check_sums, with_histograms
from na64.processors.varied import feature_rows
from na64.selections.compiled import IntervalArrays
from na64.selections.selection import VISIBLE, Selection
from na64.selections.signal_box import SignalBox, drawn_mask

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
    varied : tuple of VariedPlan
        One a variation.
    """

    intervals: IntervalArrays
    index: dict[str, int]
    booking: Booking
    varied: tuple[moves.VariedPlan, ...]

    @property
    def n_cuts(self) -> int:
        """Cuts of the selection."""
        return len(self.booking.cuts)


@dataclass(frozen=True, slots=True, eq=False)
class _Judged:
    """What is needed of each event to count it.

    Bits of failed cuts, the first of them, the region, and if a plane may show it (None: any may).
    """

    failed: Integers
    first: NDArray[np.uint8]
    region: NDArray[np.uint8]
    drawn: NDArray[np.bool_] | None


@lru_cache(maxsize=16)
def plan(selection: Selection, names: tuple[str, ...] | None = None) -> Plan:
    """Make a selection ready, once a process, for tables of all features or of the named ones."""
    index = feature_rows(selection) if names is None else {name: row for row, name in enumerate(names)}
    booking = book(selection)
    varied = moves.prepare(selection, index, [booking.moved(name).start for name in booking.variations])
    return Plan(selection.arrays(index), index, booking, varied)


@lru_cache(maxsize=16)
def needed_features(selection: Selection) -> tuple[str, ...]:
    """Return the features that counting looks at, in storage order."""
    booked = {axis.feature for histogram in book(selection).histograms for axis in histogram.axes}
    needed = booked.union(selection.feature_names, moves.needed_rows(selection))
    return tuple(name for name in feature_rows(selection) if name in needed)


def empty_tally(selection: Selection, n_layers: int) -> Tally:
    """Return the tally of no event."""
    ready = plan(selection)
    return Tally.empty(n_cuts=ready.n_cuts, n_bins=ready.booking.n_bins, n_layers=n_layers)


class Counter:
    """The counts of one run while they grow, event by event; `tally` makes them a result.

    Parameters
    ----------
    selection : Selection
    n_layers : int
        One for data, and for weighted simulation those of `na64.processors.result.Tally`.
    names : tuple of str, optional
        Of the features it will get, `needed_features` at least; by default all of ``selection.index``.
    box : SignalBox, optional
        Closed: events in it that are open (of calibration triggers, say) are counted, but no two-dimensional
        histogram shows them. None for simulation.
    """

    def __init__(
        self,
        selection: Selection,
        n_layers: int,
        names: tuple[str, ...] | None = None,
        *,
        box: SignalBox | None = None,
    ) -> None:
        self._plan = plan(selection, names)
        self._box = box
        self._counts = empty_tally(selection, n_layers)
        self._contents = np.zeros((n_layers, self._plan.booking.n_bins), np.int64)
        self._accounting = dict.fromkeys(ACCOUNTING, 0)

    def add(self, values: Values, extra: Integers, accounting: Mapping[str, int]) -> None:
        """Count visible events.

        Parameters
        ----------
        values : (n_features, n_events) float32
            Rows in the order of the names.
        extra : (n_layers - 1, n_events) int64
            Fixed-point weights, see `na64.processors.result.fixed_point`; no rows for data.
        accounting : mapping of str to int
            Of these events and of those that are not visible.
        """
        ready, counts, n_features = self._plan, self._counts, len(self._plan.index)
        if values.shape[0] != n_features or extra.shape != (counts.n_layers - 1, values.shape[1]):
            raise ValueError(
                f"features {values.shape} and weights {extra.shape}: expected {n_features} features"
            )
        values = np.ascontiguousarray(values)
        judged = _judge(ready, values, self._box)
        summary = (judged.failed, judged.first, judged.region)
        fill.count(*summary, extra, counts.first_fail, counts.alone, counts.n_minus_one)
        _fill(ready, values, judged, extra, self._contents)
        for varied in ready.varied:
            moves.count_moved(varied, values, summary, extra, self._contents)
        check_sums(counts.first_fail)
        for reason, number in accounting.items():
            self._accounting[reason] += number

    def tally(self) -> Tally:
        """Return what was counted; the counter is not to be used any more."""
        return with_histograms(replace(self._counts, accounting=self._accounting), self._contents)


def count_events(selection: Selection, values: Values, extra: Integers) -> Tally:
    """Count visible events at once, see `Counter.add`; the accounting of the tally is left at zero."""
    counter = Counter(selection, len(extra) + 1)
    counter.add(values, extra, {})
    return counter.tally()


@dataclass(frozen=True, slots=True, eq=False)
class Judgement:
    """What a selection says of each event.

    Attributes
    ----------
    failed : (n_events,) int64
        One bit for each cut that is failed.
    first : (n_events,) uint8
        Index of the first cut that is failed; the number of cuts if none is.
    region : (n_events,) uint8
        Index in `na64.processors.result.REGIONS`, whatever the cuts say.
    """

    failed: Integers
    first: NDArray[np.uint8]
    region: NDArray[np.uint8]


def judge_events(selection: Selection, values: Values) -> Judgement:
    """Judge visible events one by one, as they are judged to be counted.

    Parameters
    ----------
    selection : Selection
    values : (n_features, n_events) float32
        Rows as in ``selection.index``.
    """
    judged = _judge(plan(selection), np.ascontiguousarray(values), None)
    return Judgement(judged.failed, judged.first, judged.region)


def _judge(ready: Plan, values: Values, box: SignalBox | None) -> _Judged:
    n_events, arrays = values.shape[1], ready.intervals
    failed, outside = np.zeros(n_events, np.int64), np.zeros(n_events, np.int64)
    first, region = np.empty(n_events, np.uint8), np.empty(n_events, np.uint8)
    judge_intervals(arrays, slice(None, arrays.n_cut_intervals), values, failed)
    judge_intervals(arrays, slice(arrays.n_cut_intervals, None), values, outside)
    fill.first_set(failed, ready.n_cuts, first)
    fill.first_clear(outside, len(REGIONS) - 1, region)
    ecal, hcal = values[ready.index["ecal"]], values[ready.index["hcal"]]
    return _Judged(failed, first, region, None if box is None else drawn_mask(box, ecal, hcal))


def _fill(ready: Plan, values: Values, judged: _Judged, extra: Integers, contents: Integers) -> None:
    chosen = _Chooser(ready.booking.cuts, judged)
    for booked in ready.booking.histograms:
        events = chosen.events(booked.rule, booked.cut)
        if judged.drawn is not None and len(booked.axes) > 1:
            events = np.compress(judged.drawn[events], events)
        staged = booked.rule is Rule.STAGES
        index = judged.first[events].astype(np.int64) if staged else np.zeros(events.size, np.int64)
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
