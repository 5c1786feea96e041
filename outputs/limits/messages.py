"""What is said of limits on the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from na64.outputs.limits.analysis import Analysis, named
from na64.outputs.limits.projection import Projection
from na64.outputs.limits.search import Point
from na64.outputs.signal.curves import load_curve
from na64.outputs.statistics.background import with_error

REFERENCE = "na64_2018"
"""Published curve that limits are compared with."""

_SHOWN = (1e-3, 1e-2, 1e-1, 4e-1)
"""GeV: the computed masses next to these are shown."""


def of_analysis(analysis: Analysis) -> Iterator[str]:
    """Say what came out, what it rests on, and what was left out."""
    search = analysis.search
    yield analysis.state
    for period in search.periods:
        seen = "" if period.observed is None else f", {period.observed} observed"
        yield (
            f"{period.name}: {period.eot:.3g} electrons on target, background "
            f"{with_error(period.background, period.background_error)}{seen}"
        )
    for exposure in analysis.exposures:
        for run, reason in exposure.excluded:
            yield f"left out: run {run} of {named(exposure.folder)}, {reason}"
    yield from _of_events(analysis)
    level = analysis.levels[0]
    yield from _of_points([point for at, point in analysis.points if at == level], level)
    yield f"{len(analysis.assumptions)} assumptions, with their sources: limits.json"


def _of_events(analysis: Analysis) -> Iterator[str]:
    for level in analysis.levels:
        point = next(point for at, point in analysis.points if at == level)
        bands = point.expected.bands
        observed = "" if point.observed is None else f"observed {point.observed:.3f}, "
        yield (
            f"{level:.0%} CL upper limit in events: {observed}expected {bands[2]:.3f} "
            f"({bands[1]:.2f} to {bands[3]:.2f} at 1 sigma, {bands[0]:.2f} to {bands[4]:.2f} at 2), "
            f"mean {point.expected.mean:.2f}"
        )
    for comparison in analysis.comparisons[1:]:
        numbers = [("observed", comparison.observed), ("expected", comparison.expected)]
        text = ", ".join(f"{name} {value:.3f}" for name, value in numbers if value is not None)
        if text:
            yield f"  for comparison, {comparison.name}: {text} ({comparison.note})"


def _of_points(points: Sequence[Point], level: float) -> Iterator[str]:
    reference = load_curve(REFERENCE)
    yield f"mass [MeV]  eps observed  eps expected  {reference.label} ({level:.0%} CL, ratio)"
    shown = dict.fromkeys(min(points, key=lambda p: abs(np.log(p.mass / mass))) for mass in _SHOWN)
    for point in shown:
        observed = "" if point.observed is None else f"{point.eps(point.observed):.3g}"
        expected = point.eps(point.expected.median)
        published = float(reference.at(point.mass))
        best = expected if point.observed is None else point.eps(point.observed)
        ratio = f"{published:.3g} ({best / published:.2f})" if np.isfinite(published) else ""
        yield f"{1e3 * point.mass:10.4g}  {observed:>12}  {expected:>12.3g}  {ratio}"


def of_projections(projections: Sequence[Projection], words: str) -> Iterator[str]:
    """Say what is to be expected of exposures."""
    yield words
    for projection in projections:
        background = with_error(projection.background, projection.background_error)
        bands = projection.points[0].expected.bands
        yield (
            f"{projection.eot:.3g} electrons on target, background {background}: limit "
            f"{bands[2]:.3f} events at {projection.level:.0%} CL ({bands[1]:.2f} to {bands[3]:.2f} at 1 sigma)"
        )
        yield from _of_points(projection.points, projection.level)
