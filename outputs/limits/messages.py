"""What is said of limits on the terminal."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from na64.outputs.background.table import with_error
from na64.outputs.limits.analysis import LimitsAnalysis, named
from na64.outputs.limits.projection import Projection
from na64.outputs.limits.search import EfficiencyFunction, LimitPoint, effect_ranges
from na64.outputs.signal.curves import load_curve
from na64.outputs.signal.efficiency.losses import factor_of, has_live_time, loss_lines

REFERENCE = "na64_2018"
"""Published curve that limits are compared with."""

_SHOWN = (1e-3, 1e-2, 1e-1, 4e-1)
"""GeV: the computed masses next to these are shown."""


def of_analysis(analysis: LimitsAnalysis) -> Iterator[str]:
    """Limits, what they rest on, and what was left out."""
    search = analysis.search
    yield analysis.state
    for period in search.periods:
        seen = "" if period.observed is None else f", {period.observed} observed"
        yield (
            f"{period.name}: {period.on_target:.3g} {period.production.beam.name} on target, background "
            f"{with_error(period.expected, period.background_error)}{seen} ({period.production.text})"
        )
    for period in search.periods:
        yield from _of_losses(period.name, period.efficiency)
    yield from _of_variations(analysis)
    for exposure in analysis.exposures:
        for run, reason in exposure.excluded:
            yield f"left out: run {run} of {named(exposure.folder)}, {reason}"
    yield from _of_events(analysis)
    level = analysis.levels[0]
    yield from _of_points([point for at, point in analysis.points if at == level], level)
    yield f"{len(analysis.assumptions)} assumptions, with their sources: limits.json"


def _of_losses(name: str, efficiency: EfficiencyFunction) -> Iterator[str]:
    """Table of the losses that a simulated efficiency of a period was multiplied with."""
    if not efficiency.is_simulated:
        return
    exposure = "exposure delivered" if efficiency.delivered else "live exposure"
    if not efficiency.losses:
        yield f"{name}: no losses are beside its efficiency, only what is simulated counts"
        return
    factor = factor_of(efficiency.losses, delivered=efficiency.delivered)
    yield f"{name}: losses besides the simulated ones, x {factor:.3f} for {exposure}"
    yield from loss_lines(efficiency.losses)
    if efficiency.delivered and not has_live_time(efficiency.losses):
        yield f"{name}: no live time is known, none counts for the exposure delivered"


def _of_variations(analysis: LimitsAnalysis) -> Iterator[str]:
    search = analysis.search
    points = [point.mass for level, point in analysis.points if level == analysis.levels[0]]
    if not search.all_effects_at(points[0]):
        return
    errors = [search.signal_error_at(mass) for mass in points]
    losses = any(search.all_effects_at(mass) != search.effects_at(mass) for mass in points[:1])
    kinds = [
        name for name, is_there in (("variations", effect_ranges(search)), ("losses", losses)) if is_there
    ]
    least, most = (f"{error:.1%}" for error in (min(errors), max(errors)))
    reach = least if least == most else f"{least} to {most}"
    yield f"error of the signal: {search.signal_error:.1%} of the yield, with {' and '.join(kinds)} {reach}"
    for name, (low, high, size) in effect_ranges(search).items():
        source = f"; {size.source}" if size.source else ""
        yield f"  {name}: {low:.2%} to {high:.2%}{source}"


def _of_events(analysis: LimitsAnalysis) -> Iterator[str]:
    for level in analysis.levels:
        point = next(point for at, point in analysis.points if at == level)
        bands = point.expected.bands
        observed = "" if point.observed is None else f"observed {point.observed:.4g}, "
        yield (
            f"{level:.0%} CL upper limit in events: {observed}expected {bands[2]:.4g} "
            f"({bands[1]:.3g} to {bands[3]:.3g} at 1 sigma, {bands[0]:.3g} to {bands[4]:.3g} at 2), "
            f"mean {point.expected.mean:.3g}"
        )
    if analysis.interval is not None:
        yield (
            f"{analysis.levels[0]:.0%} CL unified interval (Feldman-Cousins) in events: "
            f"{analysis.interval.low:.4g} to {analysis.interval.high:.4g}"
        )
    for comparison in analysis.comparisons[1:]:
        numbers = [("observed", comparison.observed), ("expected", comparison.expected)]
        text = ", ".join(f"{name} {value:.4g}" for name, value in numbers if value is not None)
        if text:
            yield f"  for comparison, {comparison.name}: {text} ({comparison.note})"
        elif comparison.failed:
            yield f"  for comparison, {comparison.name}: {comparison.note}"


def _of_points(points: Sequence[LimitPoint], level: float) -> Iterator[str]:
    """Table of the limits on eps at a few masses, beside the published ones."""
    reference = load_curve(REFERENCE)
    opened = points[0].observed is not None
    observed = f"{'observed':>10}" if opened else ""
    yield f"limits on eps at {level:.0%} CL, some of the masses; published: {reference.label}"
    yield f"mass [MeV]{observed}{'expected':>10}{'published':>11}"
    nearest = {min(points, key=lambda p: abs(math.log(p.mass / mass))).mass for mass in _SHOWN}
    for point in (point for point in points if point.mass in nearest):
        limits = [point.observed] if point.observed is not None else []
        eps = [point.eps(events) for events in (*limits, point.expected.median)]
        published = float(reference.at(point.mass))
        known = f"{published:11.3g}  ratio {eps[0] / published:.3g}" if math.isfinite(published) else ""
        yield f"{1e3 * point.mass:10.4g}" + "".join(f"{value:10.3g}" for value in eps) + known


def of_projections(
    projections: Sequence[Projection], words: str, efficiency: EfficiencyFunction | None = None
) -> Iterator[str]:
    """Limits that are expected of exposures."""
    yield words
    if efficiency is not None:
        yield from _of_losses("projection", efficiency)
    for projection in projections:
        background = with_error(projection.background, projection.background_error)
        bands = projection.points[0].expected.bands
        yield (
            f"{projection.eot:.3g} {projection.beam.name} on target, background {background}: limit "
            f"{bands[2]:.3f} events at {projection.level:.0%} CL "
            f"({bands[1]:.2f} to {bands[3]:.2f} at 1 sigma)"
        )
        yield from _of_points(projection.points, projection.level)
