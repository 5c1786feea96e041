"""Which histograms a selection fills: their axes, which events enter, where their bins lie in one array."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from na64.datasets.instrument.features import FEATURES, Feature, unit_axis
from na64.processors.counting import migrations, weighted_sums
from na64.processors.counting.tally import Sums, Tally, sums
from na64.selections.cut import Cut
from na64.selections.histograms import Axis, Weight, axis_label
from na64.selections.interval import Interval
from na64.selections.planes import Plane
from na64.selections.selection import VISIBLE, Selection

PLANE = "plane"
"""How the names of the histograms of planes begin."""

_SMALL, _SHOWN = 20, 5
"""Bounds below this part of an axis that nobody stated are shown on one of that many times the largest."""


class Rule(Enum):
    """Which events enter a histogram."""

    STAGES = "visible events, and again those that pass each further cut"
    N_MINUS_ONE = "events that pass all cuts but one, which is not looked at"
    AFTER = "events that pass the first cuts"


@dataclass(frozen=True, slots=True)
class HistogramSpec:
    """One histogram of the booking.

    Attributes
    ----------
    name : str
    label : str
        For people.
    axes : tuple of Axis
        One or two; each has an underflow and an overflow bin besides its own, and nan is in the overflow.
    rule : Rule
    cut : str
        `N_MINUS_ONE`: the cut not looked at; `AFTER`: the last cut passed, or `VISIBLE`; else empty.
    plane : str
        Name of the plane it is of; empty for all other histograms.
    start : int
        Its first bin in the flat array.
    n_copies : int
        Copies it has there: one, or for `STAGES` one for each first failing cut and one for none; with a
        weight the layers of `na64.processors.counting.weighted_sums`.
    weight : Weight or None
        None where events are counted.
    """

    name: str
    label: str
    axes: tuple[Axis, ...]
    rule: Rule
    cut: str
    start: int
    n_copies: int
    plane: str = ""
    weight: Weight | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Bins of each axis, flow bins included."""
        return tuple(axis.bins + 2 for axis in self.axes)

    @property
    def size(self) -> int:
        """Bins of one copy."""
        return math.prod(self.shape)

    @property
    def stop(self) -> int:
        """One past its last bin in the flat array."""
        return self.start + self.n_copies * self.size


@dataclass(frozen=True, slots=True, eq=False)
class FilledHistogram:
    """A histogram with its contents, as it leaves.

    Attributes
    ----------
    name, label : str
    axes : tuple of Axis
    rule : Rule
    cut : str
        As in `HistogramSpec`; for `STAGES` the last cut passed, or `VISIBLE`.
    plane : str
        As in `HistogramSpec`.
    contents : (n_components, n_bins + 2, ...) int64
        Flow bins included; components as in `na64.processors.counting.tally.Tally`, with a weight the layers
        of `na64.processors.counting.weighted_sums`.
    weight : Weight or None
    """

    name: str
    label: str
    axes: tuple[Axis, ...]
    rule: Rule
    cut: str
    plane: str
    contents: NDArray[np.int64]
    weight: Weight | None = None

    @property
    def is_weighted(self) -> bool:
        """Whether it holds sums of weights, its own or those of simulated events, and not counts alone."""
        return len(self.contents) > 1

    @property
    def sums(self) -> Sums:
        """Events, sums of weights and sums of squared weights by bin."""
        return sums(self.contents) if self.weight is None else weighted_sums.sums(self.contents)


@dataclass(frozen=True, slots=True)
class Booking:
    """All histograms of a selection, side by side in one flat array of bins.

    Attributes
    ----------
    cuts : tuple of str
        Names, in order.
    histograms : tuple of HistogramSpec
    variations : tuple of str
        Names; the bins of the events that they move come after those of the histograms.
    regions : tuple of str
        Names, in the order of their columns.
    """

    cuts: tuple[str, ...]
    histograms: tuple[HistogramSpec, ...]
    variations: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()

    def empty_tally(self, n_components: int) -> Tally:
        """Return the counts of no event."""
        return Tally.empty(
            n_cuts=len(self.cuts),
            n_regions=len(self.regions),
            n_bins=self.n_bins,
            n_components=n_components,
        )

    @property
    def n_bins(self) -> int:
        """Length of the flat array."""
        return self._start(len(self.variations))

    def migration_bins(self, variation: str) -> slice:
        """Bins of the events that a variation moves, see `na64.processors.counting.migrations`."""
        number = self.variations.index(variation)
        return slice(self._start(number), self._start(number + 1))

    def _start(self, number: int) -> int:
        histograms = self.histograms[-1].stop if self.histograms else 0
        return histograms + number * migrations.n_bins(len(self.cuts), len(self.regions))

    def filled(self, bins: NDArray[np.int64]) -> Iterator[FilledHistogram]:
        """Yield every histogram with its contents; one of `STAGES` once for each stage.

        Parameters
        ----------
        bins : (n_components, n_bins) int64
            `na64.processors.counting.tally.Tally.histograms`.
        """
        for spec in self.histograms:
            copies = bins[:, spec.start : spec.stop].reshape(len(bins), spec.n_copies, *spec.shape)
            if spec.rule is Rule.STAGES:
                yield from self._stages(spec, copies)
            else:
                head = (spec.name, spec.label, spec.axes, spec.rule, spec.cut, spec.plane)
                # The sums of a weight are already times that of the simulated event.
                contents = copies[:, 0] if spec.weight is None else copies[0]
                yield FilledHistogram(*head, contents, spec.weight)

    def _stages(self, spec: HistogramSpec, copies: NDArray[np.int64]) -> Iterator[FilledHistogram]:
        passed = np.flip(np.cumsum(np.flip(copies, 1), axis=1), 1)
        for stage, cut in enumerate((VISIBLE, *self.cuts)):
            name, label = f"{spec.name}_after_{cut}", f"{spec.label} after {cut}"
            yield FilledHistogram(name, label, spec.axes, spec.rule, cut, spec.plane, passed[:, stage])


def book(selection: Selection) -> Booking:
    """Book what every selection fills, and what this one asks for.

    The first plane at every stage as ``plane_after_<cut>``, further ones before any cut, where the yields are
    taken and after all cuts as ``plane_<name>_after_<cut>``, every cut variable with its cut left out as
    ``n_minus_one_<cut>_<feature>``, and the selection's own histograms.

    Raises
    ------
    ValueError
        The selection calls a histogram as one of these is called.
    """
    histograms: list[HistogramSpec] = []
    for draft in _drafts(selection):
        start = histograms[-1].stop if histograms else 0
        histograms.append(replace(draft, start=start))
    _check_names(histograms, selection.name)
    variations = tuple(variation.name for variation in selection.variations)
    return Booking(selection.cut_names, tuple(histograms), variations, selection.region_names)


def _drafts(selection: Selection) -> Iterator[HistogramSpec]:
    """Yield every histogram, none of them with its place yet."""
    first, *others = selection.planes
    n_stages = len(selection.cuts) + 1
    yield HistogramSpec(PLANE, first.label, first.axes, Rule.STAGES, "", 0, n_stages, first.name)
    for plane in others:
        yield from _of_plane(plane, selection)
    features = selection.features
    for cut in selection.cuts:
        for feature, intervals in _by_feature(cut).items():
            name, label = f"n_minus_one_{cut.name}_{feature}", f"{feature}, all cuts but {cut.name}"
            axes = (default_axis(features[feature], *intervals),)
            yield HistogramSpec(name, label, axes, Rule.N_MINUS_ONE, cut.name, 0, 1)
    for own in selection.histograms:
        n_copies = 1 if own.weight is None else weighted_sums.N_LAYERS
        yield HistogramSpec(
            own.name, own.label, own.axes, Rule.AFTER, own.after, 0, n_copies, weight=own.weight
        )


def _of_plane(plane: Plane, selection: Selection) -> Iterator[HistogramSpec]:
    for cut in dict.fromkeys((VISIBLE, selection.yields_after, selection.cut_names[-1])):
        name, label = f"{PLANE}_{plane.name}_after_{cut}", f"{plane.label} after {cut}"
        yield HistogramSpec(name, label, plane.axes, Rule.AFTER, cut, 0, 1, plane.name)


def _by_feature(cut: Cut) -> dict[str, list[Interval]]:
    """Every interval that a cut has anywhere, by its feature, in the order in which they are first named."""
    found: dict[str, list[Interval]] = {}
    for condition in cut.conditions:
        for interval in condition.every_interval:
            found.setdefault(interval.feature, []).append(interval)
    return found


def _check_names(histograms: list[HistogramSpec], selection: str) -> None:
    """Refuse a histogram of the selection whose name another has, or the first plane after some cut."""
    seen: set[str] = set()
    for spec in histograms:
        if spec.name in seen or (spec.rule is Rule.AFTER and spec.name.startswith(f"{PLANE}_after_")):
            raise ValueError(f'selection {selection}: histogram "{spec.name}" is one that is always booked')
        seen.add(spec.name)


def default_axis(feature: Feature, *intervals: Interval) -> Axis:
    """Return the axis a cut variable is drawn on; it shows the bounds."""
    bins, low, high = feature.axis or unit_axis(feature.unit)
    bounds = [bound for interval in intervals for bound in interval.bounds]
    if feature.axis is None and feature.name not in FEATURES:
        high = _narrowed(high, bounds)
    low, high = _widened(low, high, bounds)
    return Axis(feature.name, bins, low, high, axis_label(feature))


def _narrowed(high: float, bounds: list[float]) -> float:
    """The end of an axis that nobody stated: nearer if all bounds are in its first twentieth."""
    largest = max(map(abs, bounds), default=high)
    return _round(_SHOWN * largest) if 0 < largest < high / _SMALL else high


def _widened(low: float, high: float, bounds: list[float]) -> tuple[float, float]:
    """Return the range, wide enough for the bounds; one that is far away only keeps nonsense out."""
    width = high - low
    near = [bound for bound in bounds if low - width <= bound <= high + width]
    lowest, highest = min(near, default=high), max(near, default=low)
    return (
        low if low < lowest else _round(lowest - width / 10),
        high if highest < high else _round(highest + width / 10),
    )


def _round(value: float) -> float:
    return float(f"{value:.4g}")
