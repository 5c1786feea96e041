"""Closure of the sideband estimates: pseudo-campaigns of known densities, compared with the truth.

The truths have one or two slopes and a floor; each is drawn, hidden as data are, and estimated. The shares
say how often a limit is above the truth, and how often a value is within two standard errors of it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from na64.outputs.background.estimate import row_of
from na64.outputs.background.extrapolation import Numbers, Sideband, extrapolate
from na64.outputs.background.mixture import integrals

Part = tuple[float, float]
"""Height where the density is largest, and scale in GeV: infinite for a floor."""

FLOOR = math.inf

TRUTHS: tuple[tuple[str, tuple[Part, ...]], ...] = (
    ("exp(-E/2.2)", ((1, 2.2),)),
    ("exp(-E/4)", ((1, 4),)),
    ("exp(-E/8)", ((1, 8),)),
    ("exp(-E/2.2) + 1 % exp(-E/12)", ((1, 2.2), (0.01, 12))),
    ("exp(-E/3) + 2 % flat", ((1, 3), (0.02, FLOOR))),
    ("exp(-E/2.5) + 10 % exp(-E/7) + 0.5 % flat", ((1, 2.5), (0.1, 7), (0.005, FLOOR))),
    ("flat", ((1, FLOOR),)),
)
"""Densities along the energy in which they fall: towards the box for the beam line, away for the target."""


@dataclass(frozen=True, slots=True)
class Closure:
    """What pseudo-campaigns of one truth gave.

    Attributes
    ----------
    truth : float
        Events in the box.
    n_limits, n_covering : int
        Limits, and those that are not below the truth.
    n_values, n_near : int
        Values, and those within two standard errors of the truth.
    median_limit : float
        Of the limits; nan without any.
    """

    truth: float
    n_limits: int
    n_covering: int
    n_values: int
    n_near: int
    median_limit: float


def densities(sideband: Sideband, parts: Sequence[Part], n_events: float) -> tuple[Numbers, float]:
    """Events expected in the bins of the fit, `n_events` in all, and in the box.

    Parameters
    ----------
    sideband : Sideband
        Of the beam line, if no density of its family falls as the energy grows.
    parts : sequence of Part
    n_events : float
    """
    edges, _ = sideband.cut(sideband.start, sideband.stop)
    origin, sign = (edges[-1], 1.0) if sideband.falling is None else (0.0, -1.0)
    heights = np.array([height for height, _ in parts])
    rates = np.array([sign / scale for _, scale in parts])
    beside = integrals(edges - origin, rates) @ heights
    inside = float((integrals(np.array(sideband.box) - origin, rates) @ heights)[0])
    factor = n_events / float(beside.sum())
    return beside * factor, inside * factor


def close(
    sideband: Sideband, parts: Sequence[Part], n_events: float, *, n: int, generator: np.random.Generator
) -> Closure:
    """Draw and estimate pseudo-campaigns.

    Parameters
    ----------
    sideband : Sideband
        Its edges are those of the fit; its counts are replaced.
    parts : sequence of Part
    n_events : float
        Expected in the range of the fit.
    n : int
        Pseudo-campaigns.
    generator : Generator
    """
    mean, truth = densities(sideband, parts, n_events)
    rows = [row_of(extrapolate(_drawn(sideband, mean, generator))) for _ in range(n)]
    limits = [row.n for row in rows if row.upper_limit and row.n is not None]
    values = [(row.n, row.error) for row in rows if not row.upper_limit and row.n is not None]
    return Closure(
        truth,
        len(limits),
        int(np.count_nonzero(np.array(limits) >= truth)),
        len(values),
        sum(bool(abs(value - truth) <= 2 * error) for value, error in values),
        float(np.median(limits)) if limits else math.nan,
    )


def _drawn(sideband: Sideband, mean: Numbers, generator: np.random.Generator) -> Sideband:
    edges, _ = sideband.cut(sideband.start, sideband.stop)
    counts = generator.poisson(mean).astype(np.float64)
    return Sideband(
        sideband.name,
        sideband.axis,
        edges,
        counts,
        sideband.box,
        sideband.start,
        sideband.stop,
        sideband.rising,
        sideband.falling,
        one_slope=sideband.one_slope,
    )
