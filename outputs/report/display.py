"""A result as people read it: in units that fit, and in words instead of names of features."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from types import MappingProxyType
from typing import Any, TypeVar

import hist
import numpy as np
from numpy.typing import NDArray

from na64.datasets.basics.sourced_values import Fact
from na64.datasets.basics.units import UNITS, Unit
from na64.datasets.instrument.features import FEATURES
from na64.outputs.report.outline import OUTLINED
from na64.outputs.result.histograms import LOG, is_logarithmic
from na64.outputs.result.products import Products
from na64.outputs.result.summary import Summary, planes_of
from na64.outputs.result.summary_facts import (
    BoxFacts,
    ClosedEdges,
    CutFacts,
    IntervalFacts,
    PeriodFacts,
    PlaneFacts,
    Role,
)

_NONE: Mapping[str, str] = MappingProxyType({})

_SMALLER = {"GeV": "MeV", "rad": "mrad"}
"""Units of features all of whose axes end below one of their base unit: SRD and VETO, small angles."""

_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?:e[+-]?\d+)?(?![\w.])")
_LIMIT = re.compile(r"(\S+) from ([^\s,;]+)")
_FORMULA = re.compile(r"^\w+ = ")

Condition = TypeVar("Condition", bound=CutFacts)


@dataclass(frozen=True, slots=True)
class Display:
    """How features are shown.

    Attributes
    ----------
    units : mapping of str to Unit
        By feature; one that is not in it is shown in its base unit.
    labels : mapping of str to str
        What a selection calls features, without units.
    detectors : frozenset of str
        Names that are written in capitals.
    """

    units: Mapping[str, Unit]
    labels: Mapping[str, str]
    detectors: frozenset[str]

    def label(self, feature: str) -> str:
        """A feature in words: what the selection calls it, else its name with the detector in capitals."""
        return self.labels.get(feature) or feature_words(feature, self.detectors)

    def value(self, feature: str, value: float | None) -> float | None:
        """Convert a number from the base unit of a feature to that it is shown in."""
        unit = self.units.get(feature)
        return value if value is None or unit is None else value * unit.divide / unit.multiply

    def values(self, feature: str, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Convert numbers as `value` does."""
        unit = self.units.get(feature)
        return values if unit is None else values * (unit.divide / unit.multiply)

    def axis(self, axis: Any) -> hist.axis.Regular | hist.axis.Variable:
        """The axis of a stored histogram, with edges and label in the unit of display."""
        name, unit = str(axis.name), self.units.get(str(axis.name))
        label = self.axis_label(name, str(axis.label or name))
        edges = axis.edges if unit is None else axis.edges * unit.divide / unit.multiply
        if isinstance(axis, hist.axis.Regular):
            return hist.axis.Regular(axis.size, edges[0], edges[-1], name=name, label=label)
        found = hist.axis.Variable(edges, name=name, label=label)
        if is_logarithmic(axis):
            found.__dict__["scale"] = LOG
        return found

    def axis_label(self, feature: str, stored: str) -> str:
        """Label of an axis as it is stored, or as ``FEATURE [UNIT]``, in words and in the unit of display."""
        words, base = _without_unit(stored)
        words = self.label(feature) if words == feature else words
        unit = self.units.get(feature)
        shown = base if unit is None else unit.name
        return f"{words} [{shown}]" if shown not in ("", "1") else words

    def histogram(self, stored: hist.Hist[Any]) -> hist.Hist[Any]:
        """The same contents on axes in the units of display."""
        shown: hist.Hist[Any] = hist.Hist(
            *map(self.axis, stored.axes), storage=stored.storage_type(), name=stored.name, label=stored.label
        )
        shown.view(flow=True)[...] = stored.view(flow=True)
        return shown

    def condition(self, cut: Condition) -> Condition:
        """A cut or region with bounds and texts in the units of display, and its features in words."""
        more = tuple(line if _FORMULA.match(line) else self.in_words(line) for line in cut.more)
        return replace(cut, intervals=tuple(map(self._interval, cut.intervals)), more=more)

    def _interval(self, one: IntervalFacts) -> IntervalFacts:
        unit = self.units.get(one.feature)
        return replace(
            one,
            unit=one.unit if unit is None else unit.name,
            text=self.bound(one.feature, one.text),
            low=self.value(one.feature, one.low),
            high=self.value(one.feature, one.high),
            table="; ".join(self._limits(one.feature, part) for part in one.table.split("; ") if part),
        )

    def bound(self, feature: str, text: str) -> str:
        """A condition on a feature, ``1 < srd_0 < 80 MeV``, in words and in the unit of display."""
        return self.in_words(_in_unit(text, self.units.get(feature)))

    def _limits(self, feature: str, text: str) -> str:
        """Bounds bin by bin, ``other: 2.5 from 0, 3.9 from 5``, in the units of both features."""
        other, _, bins = text.partition(": ")
        in_unit = _LIMIT.sub(
            lambda found: (
                f"{_scaled(found[1], self.units.get(feature))} from "
                f"{_scaled(found[2], self.units.get(other))}"
            ),
            bins,
        )
        unit = self.units.get(other)
        name = self.label(other) if unit is None else f"{self.label(other)} [{unit.name}]"
        return f"{name}: {in_unit}"

    def in_words(self, text: str) -> str:
        """Replace names of features in a text by what they are called."""
        return _feature_names(self).sub(lambda found: self.label(found[0]), text)

    def fact(self, fact: Fact) -> Fact:
        """A number of a detector in the unit in which its features are shown."""
        detector = fact.name.partition(".")[0]
        base = [UNITS[fact.unit]] if fact.unit in UNITS else []
        units = {unit for name, unit in self.units.items() if name.startswith(f"{detector}_")}
        fits = [unit for unit in units for one in base if unit.base == one.name]
        return replace(fact, value=_in_numbers(fact.value, fits[0]), unit=fits[0].name) if fits else fact


def display_of(
    summary: Summary, histograms: Mapping[str, hist.Hist[Any]], others: Mapping[str, str] = _NONE
) -> Display:
    """Find how the features of a result are shown, from its axes: everywhere in one unit.

    A feature all of whose axes end below one of its base unit is shown in a smaller one; of a feature without
    an axis, the standard one decides.

    Parameters
    ----------
    summary : Summary
    histograms : mapping of str to Hist
        As stored.
    others : mapping of str to str
        Units of features that are shown besides those of cuts and histograms, by name.
    """
    largest: dict[tuple[str, str], float] = {}
    for axis in (axis for histogram in histograms.values() for axis in histogram.axes):
        key = str(axis.name), _without_unit(str(axis.label or ""))[1]
        largest[key] = max(largest.get(key, 0.0), *(abs(float(edge)) for edge in axis.edges[[0, -1]]))
    known = {name for name, _ in largest}
    lacking = (*_without_axes(summary, known), *others.items())
    largest |= _standard_ends((name, unit) for name, unit in lacking if name not in known)
    return Display(
        _smaller_units(largest),
        dict(_stated_labels(summary, histograms)),
        frozenset(_detectors(summary)),
    )


def display_of_features(units: Mapping[str, str]) -> Display:
    """How features are shown that no result is of, by their standard axes.

    Parameters
    ----------
    units : mapping of str to str
        Base units by feature.
    """
    detectors = frozenset(one for feature in FEATURES.values() for one in feature.detectors)
    return Display(_smaller_units(_standard_ends(units.items())), {}, detectors)


def displayed(products: Products) -> Products:
    """A result with histograms, cuts, regions, planes and facts as people read them; no count changes."""
    summary = products.summary
    display = display_of(summary, products.histograms)
    selection = replace(
        summary.selection,
        cuts=tuple(map(display.condition, summary.selection.cuts)),
        regions=tuple(map(display.condition, summary.selection.regions)),
        planes=tuple(_plane(display, plane, products) for plane in summary.selection.planes),
    )
    shown = replace(
        summary,
        selection=selection,
        boxes=tuple(_box(display, box) for box in summary.boxes),
        periods=tuple(PeriodFacts(p.name, tuple(map(display.fact, p.facts))) for p in summary.periods),
    )
    histograms = {name: display.histogram(stored) for name, stored in products.histograms.items()}
    return replace(products, summary=shown, histograms=histograms)


def feature_words(name: str, detectors: Iterable[str] = ()) -> str:
    """Name of a feature in words: ``srd_0`` is SRD 0, ``vhcal_total`` is VHCAL, any time."""
    stem, ending = name.removesuffix("_total"), ", any time" if name.endswith("_total") else ""
    known = {*detectors} or {one for feature in FEATURES.values() for one in feature.detectors}
    return " ".join(word.upper() if word in known else word for word in stem.split("_")) + ending


def _standard_ends(features: Iterable[tuple[str, str]]) -> dict[tuple[str, str], float]:
    """The farther end of the standard axis of features, by name and unit; of others there is none."""
    axes = {(name, unit): FEATURES[name].axis for name, unit in features if name in FEATURES}
    return {key: max(map(abs, axis[1:])) for key, axis in axes.items() if axis is not None}


def _smaller_units(ends: Mapping[tuple[str, str], float]) -> dict[str, Unit]:
    """Units of features all of whose axes end below one of their base unit."""
    return {name: UNITS[_SMALLER[unit]] for (name, unit), end in ends.items() if _is_small(name, unit, end)}


def _is_small(name: str, unit: str, end: float) -> bool:
    return unit in _SMALLER and name not in OUTLINED and end < 1


def _without_unit(label: str) -> tuple[str, str]:
    """Label and unit of an axis; the unit is empty where the label ends with none."""
    words, _, unit = label.rpartition(" [")
    return (words, unit[:-1]) if words and unit.endswith("]") else (label, "")


def _without_axes(summary: Summary, known: set[str]) -> Iterator[tuple[str, str]]:
    """Features of cuts and regions that no histogram is of, with their units."""
    for cut in (*summary.selection.cuts, *summary.selection.regions):
        yield from ((one.feature, one.unit) for one in cut.intervals if one.feature not in known)


def _stated_labels(summary: Summary, histograms: Mapping[str, hist.Hist[Any]]) -> Iterator[tuple[str, str]]:
    """What planes and histograms of the selection call their features; the first name of several counts."""
    asked = [one for one in summary.histograms if one.role is not Role.N_MINUS_ONE]
    for facts in reversed(asked):
        for axis in histograms[facts.name].axes if facts.name in histograms else ():
            words, _ = _without_unit(str(axis.label or axis.name))
            if words != axis.name:
                yield str(axis.name), words


def _detectors(summary: Summary) -> Iterator[str]:
    yield from (one for feature in FEATURES.values() for one in feature.detectors)
    for period in summary.periods:
        yield from (name for name, _, key in (f.name.partition(".") for f in period.facts) if key == "shape")


def _plane(display: Display, plane: PlaneFacts, products: Products) -> PlaneFacts:
    """A plane with its zoom, which is on the second axis, in the unit of display."""
    names = [facts.name for facts in planes_of(products.summary, plane)]
    axes = next((products.histograms[name].axes for name in names if name in products.histograms), ())
    return replace(plane, zoom=display.value(str(axes[1].name), plane.zoom)) if len(axes) == 2 else plane


def _box(display: Display, box: BoxFacts) -> BoxFacts:
    others = tuple(
        replace(other, edges=tuple(_edges(display, edges) for edges in other.edges)) for other in box.others
    )
    return replace(box, others=others)


def _edges(display: Display, edges: ClosedEdges) -> ClosedEdges:
    low, high, guard = (display.value(edges.feature, n) for n in (edges.low, edges.high, edges.guard))
    return ClosedEdges(edges.feature, low, high, guard)


def _feature_names(display: Display) -> re.Pattern[str]:
    names = sorted({*FEATURES, *display.units, *display.labels}, key=len, reverse=True)
    return re.compile(rf"(?<![\w.])(?:{'|'.join(map(re.escape, names))})(?![\w.])")


def _in_unit(text: str, unit: Unit | None) -> str:
    """Write a condition that ends with a unit in another one of the same quantity."""
    words, _, stated = text.partition(", by ")
    body, _, written = words.rpartition(" ")
    if unit is None or written not in UNITS or UNITS[written].base != unit.base or written == unit.name:
        return text
    factor = Decimal(UNITS[written].multiply) / UNITS[written].divide
    numbers = _NUMBER.sub(lambda found: _scaled(found[0], unit, factor), body)
    return f"{numbers} {unit.name}" + (f", by {stated}" if stated else "")


def _in_numbers(text: str, unit: Unit) -> str:
    return _NUMBER.sub(lambda found: _scaled(found[0], unit), text)


def _scaled(number: str, unit: Unit | None, factor: Decimal = Decimal(1)) -> str:
    """Convert a number that is written out from its base unit, times a factor, to a unit of display."""
    if unit is None or not _NUMBER.fullmatch(number):
        return number
    return f"{float(Decimal(number) * factor * unit.divide / unit.multiply):.10g}"
