"""The tables of limits: over the mass of the dark photon, and over that of dark matter."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from na64.outputs.limits.dark_matter import MASS_RATIO, y_of
from na64.outputs.limits.search import LimitPoint
from na64.outputs.result.table import Table

QUANTITIES = ("observed", "minus2", "minus1", "median", "plus1", "plus2")
"""Observed limit, and quantiles of the expected one at so many standard deviations."""


@dataclass(frozen=True, slots=True)
class LimitsRow:
    """Row of `limits.csv`: a mass of the dark photon at a confidence level.

    Attributes
    ----------
    level : float
    mass : float, GeV
    yield_per_eot : float or None
        Dark photons per particle on target at eps = 1; None for particles of several kinds.
    resonant_share : float
        Of the yield.
    efficiency : float
    events_per_eps2 : float
        Selected signal events of the exposure at eps = 1.
    events_observed : float or None
    events_minus2 : float
    events_minus1 : float
    events_median : float
    events_plus1 : float
    events_plus2 : float
    events_mean : float
        Limits on the signal events: observed, and the expected ones.
    eps_observed : float or None
    eps_minus2 : float
    eps_minus1 : float
    eps_median : float
    eps_plus1 : float
    eps_plus2 : float
        The same as limits on the mixing.
    """

    level: float
    mass: float
    yield_per_eot: float | None
    resonant_share: float
    efficiency: float
    events_per_eps2: float
    events_observed: float | None
    events_minus2: float
    events_minus1: float
    events_median: float
    events_plus1: float
    events_plus2: float
    events_mean: float
    eps_observed: float | None
    eps_minus2: float
    eps_minus1: float
    eps_median: float
    eps_plus1: float
    eps_plus2: float


@dataclass(frozen=True, slots=True)
class DarkMatterLimitsRow:
    """Row of `limits_y.csv`: a mass of dark matter at a confidence level and a coupling.

    Attributes
    ----------
    level, alpha_d : float
    mass_ratio : float
        Of the dark photon to dark matter.
    mass_chi : float, GeV
    y_observed : float or None
    y_minus2 : float
    y_minus1 : float
    y_median : float
    y_plus1 : float
    y_plus2 : float
        Limits on y.
    """

    level: float
    alpha_d: float
    mass_ratio: float
    mass_chi: float
    y_observed: float | None
    y_minus2: float
    y_minus1: float
    y_median: float
    y_plus1: float
    y_plus2: float


def limits_table(points: Sequence[tuple[float, LimitPoint]]) -> Table[LimitsRow]:
    """Table of limits on the mixing.

    Parameters
    ----------
    points : sequence of (level, Point)
    """
    return Table(LimitsRow, [_row(level, point) for level, point in points])


def y_table(
    points: Sequence[tuple[float, LimitPoint]], alphas: Sequence[float]
) -> Table[DarkMatterLimitsRow]:
    """Table of limits on y: every point for each coupling alpha_D."""
    return Table(DarkMatterLimitsRow, list(_y_rows(points, alphas)))


def _row(level: float, point: LimitPoint) -> LimitsRow:
    events = _events(point)
    head = (level, point.mass, point.yield_per_eot, point.resonant_share)
    seen = (point.efficiency, point.sensitivity)
    eps = (None if number is None else point.eps(number) for number in events)
    limits: list[Any] = [*events, point.expected.mean, *eps]
    return LimitsRow(*head, *seen, *limits)


def _y_rows(
    points: Sequence[tuple[float, LimitPoint]], alphas: Sequence[float]
) -> Iterator[DarkMatterLimitsRow]:
    for alpha in alphas:
        for level, point in points:
            y: list[Any] = [None if n is None else y_of(point.eps(n), alpha) for n in _events(point)]
            yield DarkMatterLimitsRow(level, alpha, MASS_RATIO, point.mass / MASS_RATIO, *y)


def _events(point: LimitPoint) -> tuple[float | None, ...]:
    return (point.observed, *point.expected.bands)
