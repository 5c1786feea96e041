"""What the report says of selections, boxes and periods, taken from the objects that were used."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import fields

from na64.datasets.basics.sourced_values import Fact
from na64.datasets.calibration.constants import Calibration
from na64.datasets.conditions.periods import Period, packaged_periods
from na64.datasets.conditions.stated_boxes import DEFAULT_SEARCH
from na64.datasets.instrument.features import FEATURES, Feature
from na64.outputs.result.summary_facts import (
    CALIBRATION_FACT,
    IN_RUNS,
    BoxFacts,
    ClosedEdges,
    ClosedFacts,
    CutFacts,
    FeatureFacts,
    IntervalFacts,
    PeriodFacts,
    PlaneFacts,
    RegionFacts,
    SelectionFacts,
    VariationFacts,
)
from na64.processors.features.plugin import Plugin
from na64.processors.run_contexts import hiding_identity
from na64.selections.boxes import boxes_of
from na64.selections.cut import Clause, Cut
from na64.selections.interval import Interval, Limits
from na64.selections.regions import Region
from na64.selections.selection import Selection
from na64.selections.signal_box import PLANE, Rectangle, SignalBox, of_search
from na64.selections.variations import Variation


def selection_facts(selection: Selection, plugin: Plugin | None = None) -> SelectionFacts:
    """Cuts, regions and planes of a selection, in words and numbers.

    Parameters
    ----------
    selection : Selection
    plugin : Plugin, optional
        What makes its `plugin_features`; a cut on one of them is another cut with another plug-in.
    """
    of_plugin = f"{plugin.name} {plugin.identity[:12]}" if plugin else ""
    return SelectionFacts(
        name=selection.name,
        label=selection.label,
        description=selection.description,
        cuts=tuple(_cut(cut, selection, of_plugin) for cut in selection.cuts),
        regions=tuple(_region(region, selection, of_plugin) for region in selection.regions),
        yields_after=selection.yields_after,
        variations=tuple(_variation(variation) for variation in selection.variations),
        skipped_at_most=selection.skipped_at_most,
        settings=selection.settings,
        planes=tuple(PlaneFacts(p.name, p.label, p.zoom, p.log_colour) for p in selection.planes),
        own_features=tuple(_meanings(selection)),
    )


def _meanings(selection: Selection) -> Iterator[FeatureFacts]:
    """What the features mean that it uses and that are not of the package."""
    formulas = {formula.name: " ".join(formula.text.split()) for formula in selection.formulas}
    for feature in selection.features.values():
        if feature.name in selection.inputs and feature.name not in FEATURES:
            formula = formulas.get(feature.name, "")
            yield FeatureFacts(feature.name, feature.unit, feature.meaning, formula)


def box_facts(period: Period, search: str = DEFAULT_SEARCH) -> BoxFacts:
    """Closed boxes of a period, that of a search first."""
    boxes = boxes_of(period)
    mine = of_search(boxes, search)
    is_rectangle = len(mine) == 1 and mine[0].is_rectangle
    edges = mine[0].rectangle() if is_rectangle else Rectangle(0.0, 0.0, 0.0, 0.0)
    own = hiding_identity(period.setup, boxes)
    packaged = [known for known in packaged_periods().values() if known.shares_runs_with(period)]
    return BoxFacts(
        period.name,
        edges.width,
        edges.height,
        edges.hidden_width - edges.width,
        edges.hidden_height - edges.height,
        source="; ".join(box.source for box in mine),
        hcal_modules=period.setup.chosen_modules,
        particle=period.beam_particle,
        beam_energy=period.beam_energy,
        packaged_too=any(hiding_identity(known.setup, boxes) != own for known in packaged),
        search=search,
        is_rectangle=is_rectangle,
        others=tuple(_closed(box) for box in boxes if not (is_rectangle and box in mine)),
    )


def _closed(box: SignalBox) -> ClosedFacts:
    edges: dict[str, tuple[float, float]] = dict.fromkeys(PLANE, (-math.inf, math.inf))
    for bound in box.bounds:
        low, high = edges.get(bound.name, (-math.inf, math.inf))
        edges[bound.name] = (max(low, bound.low_hidden), min(high, bound.high_hidden))
    known = {name: _finite(*ends) for name, ends in edges.items()}
    about = {bound.name: known[bound.name] for bound in box.bounds}
    listed = tuple(ClosedEdges(name, *ends, _guard(box, name)) for name, ends in about.items())
    covers = about.keys() <= {*PLANE}
    x, y = (known[name] for name in PLANE)
    return ClosedFacts(box.search, box.text(), x, y, covers, listed)


def _guard(box: SignalBox, name: str) -> float | None:
    """Guard band in a feature; None if bounds on it have several."""
    guards = {bound.guard for bound in box.bounds if bound.name == name}
    return guards.pop() if len(guards) == 1 else None


def _finite(low: float, high: float) -> tuple[float | None, float | None]:
    return low if math.isfinite(low) else None, high if math.isfinite(high) else None


def period_facts(period: Period, calibration: Calibration | None = None) -> PeriodFacts:
    """Every number of a period, and which calibration stands in place of some of them."""
    named = () if calibration is None else tuple(_calibration_facts(calibration))
    return PeriodFacts(period.name, (*period.provenance, *named))


def _calibration_facts(calibration: Calibration) -> Iterator[Fact]:
    source = (
        f"calibration {calibration.name}, made of {calibration.made_of.get('sample', 'what nobody says')}"
    )
    yield Fact(f"{CALIBRATION_FACT}name", calibration.name, "1", source)
    yield Fact(f"{CALIBRATION_FACT}identity", calibration.identity, "1", source)
    yield Fact(f"{CALIBRATION_FACT}runs", calibration.covers, "1", source)
    cells = ", ".join(
        f"{part.covers} {bad.detector} {bad.cell} {bad.defect.value}"
        for part in calibration.ranges
        for bad in part.bad
    )
    yield Fact(f"{CALIBRATION_FACT}bad_cells", cells or "none", "1", source)


def _cut(cut: Cut | Region, selection: Selection, of_plugin: str) -> CutFacts:
    features = selection.features
    return CutFacts(
        name=cut.name,
        intervals=tuple(_interval(interval, features[interval.feature]) for interval in cut.intervals),
        more=(*_more(cut), *_own_features(cut, selection, of_plugin)),
        source=cut.source,
        label=cut.label,
        is_unverified="[R-" in cut.source or "NOT FOUND" in cut.source,
    )


def _region(region: Region, selection: Selection, of_plugin: str) -> RegionFacts:
    facts = _cut(region, selection, of_plugin)
    own = {entry.name: getattr(facts, entry.name) for entry in fields(facts)}
    return RegionFacts(**own, colour=region.colour, marker=region.marker)


def _variation(variation: Variation) -> VariationFacts:
    return VariationFacts(
        name=variation.name,
        texts=tuple(variation.texts()),
        source=variation.source,
        label=variation.label,
        is_unverified=variation.is_unverified,
        moves_plane=variation.effect.moves_plane,
    )


def _interval(interval: Interval, feature: Feature) -> IntervalFacts:
    return IntervalFacts(
        feature=feature.name,
        unit=feature.unit,
        text=interval.text,
        low=interval.low if math.isfinite(interval.low) else None,
        high=interval.high if math.isfinite(interval.high) else None,
        table="; ".join(_limits(table) for table in (interval.lowest, interval.limits) if table is not None),
    )


def _more(cut: Cut | Region) -> Iterator[str]:
    """Say what a cut has besides its intervals: clauses, and what it asks for in some runs."""
    yield from (_said(clause) for clause in cut.clauses)
    for one in cut.when if isinstance(cut, Cut) else ():
        name = f"{IN_RUNS}{one.name}" if one.runs else f"period {one.name}"
        said = [_in_words(interval) for interval in one.condition.intervals]
        yield f"{name}: {' and '.join([*said, *map(_said, one.condition.clauses)])}"


def _own_features(cut: Cut | Region, selection: Selection, of_plugin: str) -> Iterator[str]:
    """Formulas and plug-in that a cut looks at, also through others: a name alone says not what it keeps."""
    conditions = cut.conditions if isinstance(cut, Cut) else (cut.condition,)
    wanted = {name for condition in conditions for name in condition.features}
    for formula in reversed(selection.formulas):
        wanted |= formula.inputs if formula.name in wanted else frozenset()
    for formula in selection.formulas:
        if formula.name in wanted:
            unit = "" if formula.unit == "1" else f" [{formula.unit}]"
            yield f"{formula.name} = {' '.join(formula.text.split())}{unit}"
    for feature in selection.plugin_features:
        if feature.name in wanted:
            yield f"{feature.name} of plug-in {of_plugin or 'unknown'}"


def _said(clause: Clause) -> str:
    tables = {
        _limits(table): None
        for group in clause.alternatives
        for interval in group
        for table in (interval.lowest, interval.limits)
        if table is not None
    }
    return f"{clause.text} [{'; '.join(tables)}]" if tables else clause.text


def _in_words(interval: Interval) -> str:
    table = "; ".join(_limits(one) for one in (interval.lowest, interval.limits) if one is not None)
    return f"{interval.text} [{table}]" if table else interval.text


def _limits(limits: Limits) -> str:
    bins = (f"{value:.4g} from {edge:g}" for edge, value in zip(limits.edges, limits.values, strict=True))
    return f"{limits.feature}: {', '.join(bins)}"
