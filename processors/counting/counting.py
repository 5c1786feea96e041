"""From a table of features to the tally of a selection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from na64.datasets.instrument.columns import Array
from na64.processors.counting import migrations, weighted_fills
from na64.processors.counting.booking import Booking, HistogramSpec, Rule, book
from na64.processors.counting.cut_intervals import apply_intervals, interval_records
from na64.processors.counting.tally import ACCOUNTING, Tally, check_sums, weights_of, with_histograms
from na64.processors.features.varied_features import feature_rows
from na64.processors.kernels import bits, fill
from na64.selections.compiled import IntervalArrays
from na64.selections.hidden import drawn_mask
from na64.selections.selection import VISIBLE, Selection
from na64.selections.signal_box import SignalBox

Values = NDArray[np.float32]
Integers = NDArray[np.int64]

_RULES = {Rule.STAGES: fill.STAGES, Rule.N_MINUS_ONE: fill.N_MINUS_ONE, Rule.AFTER: fill.AFTER}
_MOST_CUTS = 254


@dataclass(frozen=True, slots=True, eq=False)
class CompiledSelection:
    """A selection as the kernels take it: its intervals and histograms as arrays.

    Attributes
    ----------
    index : dict of str to int
        Row of each feature.
    booking : Booking
    intervals : IntervalArrays
    cuts : tuple of arrays
        Intervals, edges and values of their tables, and which cut or region owns which.
    fills : tuple of arrays
        Histograms that count, their axes, and the edges of axes whose bins are not equal.
    weighted : tuple of WeightedFill
        Histograms with a weight.
    varied : tuple of VariedPlan
        One a variation.
    """

    index: dict[str, int]
    booking: Booking
    intervals: IntervalArrays
    cuts: tuple[Array, ...]
    fills: tuple[Array, ...]
    weighted: tuple[weighted_fills.WeightedFill, ...]
    varied: tuple[migrations.VariedPlan, ...]

    @property
    def n_regions(self) -> int:
        """Regions of the selection."""
        return len(self.booking.regions)

    @property
    def n_cuts(self) -> int:
        """Cuts of the selection."""
        return len(self.booking.cuts)


@lru_cache(maxsize=16)
def compile_selection(selection: Selection, names: tuple[str, ...] | None = None) -> CompiledSelection:
    """Compile a selection, once a process, for tables of all features or of the named ones."""
    if len(selection.cuts) > _MOST_CUTS:
        raise ValueError(f"selection {selection.name}: {len(selection.cuts)} cuts, at most {_MOST_CUTS}")
    index = feature_rows(selection) if names is None else {name: row for row, name in enumerate(names)}
    booking, arrays = book(selection), selection.arrays(index)
    varied = migrations.prepare(
        selection, index, [booking.migration_bins(name).start for name in booking.variations]
    )
    cuts, fills = (
        _cut_arrays(arrays, len(selection.cuts), len(selection.regions)),
        _fill_arrays(booking, index),
    )
    weighted = weighted_fills.prepare(booking, index)
    return CompiledSelection(index, booking, arrays, cuts, fills, weighted, varied)


@lru_cache(maxsize=16)
def needed_features(selection: Selection, boxes: tuple[SignalBox, ...] = ()) -> tuple[str, ...]:
    """Return the features that counting looks at, those of closed boxes among them, in order."""
    booked = {axis.feature for histogram in book(selection).histograms for axis in histogram.axes}
    of_boxes = {bound.name for box in boxes for bound in box.bounds}
    # Weights are among the names of the selection, and what formulas are made of, to say if it has no value.
    needed = booked.union(selection.inputs, migrations.needed_rows(selection), of_boxes)
    return tuple(name for name in feature_rows(selection) if name in needed)


def empty_tally(selection: Selection, n_components: int) -> Tally:
    """Return the tally of no event."""
    compiled = compile_selection(selection)
    return compiled.booking.empty_tally(n_components)


class Counter:
    """The counts of one run while they grow, event by event; `tally` makes them a result.

    Parameters
    ----------
    selection : Selection
    n_components : int
        One for data, and for weighted simulation those of `na64.processors.counting.tally.Tally`.
    names : tuple of str, optional
        Of the features it will get, `needed_features` at least; by default all of ``selection.index``.
    boxes : tuple of SignalBox
        Closed: events in one that are open (of calibration triggers, say) are counted, but no two-dimensional
        histogram shows them. None for simulation.
    """

    def __init__(
        self,
        selection: Selection,
        n_components: int,
        names: tuple[str, ...] | None = None,
        *,
        boxes: tuple[SignalBox, ...] = (),
    ) -> None:
        self._compiled = compile_selection(selection, names)
        self._boxes = boxes
        self._counts = empty_tally(selection, n_components)
        self._contents = np.zeros((n_components, self._compiled.booking.n_bins), np.int64)
        self._accounting = dict.fromkeys(ACCOUNTING, 0)
        inputs = selection.inputs
        self._without = tuple(name for name in self._compiled.index if name in inputs)
        """Features of which no event had a value so far."""

    def add(self, values: Values, weights: Integers, accounting: Mapping[str, int]) -> None:
        """Count visible events.

        Parameters
        ----------
        values : (n_features, n_events) float32
            Rows in the order of the names.
        weights : (n_components - 1, n_events) int64
            Fixed-point weights, see `na64.processors.counting.tally.fixed_point`; no rows for data.
        accounting : mapping of str to int
            Of these events and of those that are not visible.
        """
        compiled, counts, n_features = self._compiled, self._counts, len(self._compiled.index)
        if values.shape[0] != n_features or weights.shape != (counts.n_components - 1, values.shape[1]):
            raise ValueError(
                f"features {values.shape} and weights {weights.shape}: expected {n_features} features"
            )
        values = np.ascontiguousarray(values)
        sums = (counts.first_fail, counts.single_cut, counts.n_minus_one, self._contents)
        drawn = _drawn(compiled, values, self._boxes)
        self._without = tuple(n for n in self._without if not _has_value(values[compiled.index[n]]))
        fill.count(values, *compiled.cuts, *compiled.fills, drawn, weights, *sums)
        if compiled.weighted or compiled.varied:
            self._count_singly(values, drawn, weights)
        check_sums(counts.first_fail)
        for reason, number in accounting.items():
            self._accounting[reason] += number

    def _count_singly(self, values: Values, drawn: NDArray[np.uint8], weights: Integers) -> None:
        """Count what needs to know of each event which cuts it fails."""
        result = _apply_cuts(self._compiled, values)
        nominal = (result.failed, result.first, result.region)
        for varied in self._compiled.varied:
            migrations.count_migrations(varied, values, nominal, weights, self._contents)
        event_weight = weights_of(weights) if len(weights) else None
        for one in self._compiled.weighted:
            weighted_fills.fill_weighted(one, values, (result.first, drawn), event_weight, self._contents[0])

    def tally(self) -> Tally:
        """Return what was counted; the counter is not to be used any more."""
        counts = replace(self._counts, accounting=self._accounting)
        if counts.visible:
            counts = replace(counts, valueless=frozenset(self._without))
        return with_histograms(counts, self._contents)


def count_events(selection: Selection, values: Values, weights: Integers) -> Tally:
    """Count visible events at once, see `Counter.add`; the accounting of the tally is left at zero."""
    counter = Counter(selection, len(weights) + 1)
    counter.add(values, weights, {})
    return counter.tally()


@dataclass(frozen=True, slots=True, eq=False)
class CutResult:
    """What a selection says of each event.

    Attributes
    ----------
    failed : (n_events,) int64
        One bit for each cut that is failed.
    first : (n_events,) uint8
        Index of the first cut that is failed; the number of cuts if none is.
    region : (n_events,) uint8
        1 + the index of the region, 0 elsewhere, whatever the cuts say.
    """

    failed: Integers
    first: NDArray[np.uint8]
    region: NDArray[np.uint8]


def apply_cuts(selection: Selection, values: Values) -> CutResult:
    """Apply the cuts to visible events one by one, as for counting.

    Parameters
    ----------
    selection : Selection
    values : (n_features, n_events) float32
        Rows as in ``selection.index``.
    """
    return _apply_cuts(compile_selection(selection), np.ascontiguousarray(values))


def _apply_cuts(compiled: CompiledSelection, values: Values) -> CutResult:
    n_events, arrays = values.shape[1], compiled.intervals
    failed, outside = np.zeros(n_events, np.int64), np.zeros(n_events, np.int64)
    first, region = np.empty(n_events, np.uint8), np.empty(n_events, np.uint8)
    apply_intervals(arrays, slice(None, arrays.n_cut_intervals), values, failed)
    apply_intervals(arrays, slice(arrays.n_cut_intervals, None), values, outside)
    bits.first_set(failed, compiled.n_cuts, first)
    bits.first_clear(outside, compiled.n_regions, region)
    return CutResult(failed, first, region)


def _has_value(row: NDArray[np.float32]) -> bool:
    """Whether some event has a value: mostly the first one has, and no other is looked at."""
    return row.size > 0 and not (np.isnan(row[0]) and np.isnan(row).all())


def _drawn(compiled: CompiledSelection, values: Values, boxes: tuple[SignalBox, ...]) -> NDArray[np.uint8]:
    """Mark the events that histograms of several axes may show; of no length if all may be shown."""
    if not boxes:
        return np.zeros(0, np.uint8)
    mask = drawn_mask(boxes, values, compiled.index)
    return np.zeros(0, np.uint8) if mask.all() else mask.view(np.uint8)


def _cut_arrays(arrays: IntervalArrays, n_cuts: int, n_regions: int) -> tuple[Array, ...]:
    n_of_cuts = arrays.n_cut_intervals
    bounds = [
        np.searchsorted(arrays.owner[:n_of_cuts], np.arange(n_cuts)),
        n_of_cuts + np.searchsorted(arrays.owner[n_of_cuts:], np.arange(n_regions + 1)),
    ]
    intervals = interval_records(arrays)
    return intervals, arrays.table_edges, arrays.table_values, np.concatenate(bounds).astype(np.int64)


def _fill_arrays(booking: Booking, index: Mapping[str, int]) -> tuple[Array, ...]:
    histograms: list[tuple[int, ...]] = []
    axes: list[tuple[float, ...]] = []
    edges: list[float] = []
    for one in booking.histograms:
        if one.weight is not None:
            continue
        ends = (len(axes), len(axes) + len(one.axes))
        cut = _cut_number(one, booking.cuts)
        histograms.append((one.start, one.stop - one.start, _RULES[one.rule], cut, *ends))
        for axis in one.axes:
            place = (len(edges), len(edges) + len(axis.edges))
            axes.append((axis.low, axis.high, index[axis.feature], axis.bins, *place))
            edges += axis.edges
    return np.array(histograms, fill.HISTOGRAM), np.array(axes, fill.AXIS), np.array(edges, np.float64)


def _cut_number(spec: HistogramSpec, cuts: tuple[str, ...]) -> int:
    """Cut that is not looked at, or how many are passed."""
    if spec.rule is Rule.N_MINUS_ONE:
        return cuts.index(spec.cut)
    return (VISIBLE, *cuts).index(spec.cut) if spec.rule is Rule.AFTER else 0
