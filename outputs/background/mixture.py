"""Mixtures of exponentials, fitted to Poisson counts: any slopes and a floor, with weights from 0 on.

A density that is a sum of exponentials of any slopes with weights from 0 on (a power law is one too) is a
point of a convex cone, so its largest likelihood is found without a start value, and so is the largest for
every number of events in the box: Lindsay (Ann. Stat. 11, 86) and Wang (J. R. Stat. Soc. B 69, 185).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize
from scipy.interpolate import PchipInterpolator

Numbers = NDArray[np.float64]

_STEPS = 60
_CONVERGED = 1e-7
_WEIGHT_OF_SUM = 1e4
"""Weight of the condition that weights add up to the counts, in a step of the fit."""

DEEPEST = 14.0
"""Depth in the logarithm of the likelihood to which a curve is traced, unless it is to be widened."""

_PULLS: Numbers = np.geomspace(1e-4, 1e4, 41)
"""Strengths, relative to the largest content of the box, with which a fit is pulled away from its best."""

_NODES, _NODES_OF_ONE = 4001, 2001
"""Numbers of events at which a curve is given."""


@dataclass(frozen=True, slots=True, eq=False)
class LikelihoodCurve:
    """Likelihood of a number of events, relative to the largest.

    Attributes
    ----------
    n : (n_points,) float64
        Rising.
    depth : (n_points,) float64
        Logarithm of the largest likelihood over that at `n`.
    """

    n: Numbers
    depth: Numbers

    @property
    def best(self) -> float:
        """Number of events with the largest likelihood."""
        return float(self.n[np.argmin(self.depth)])

    def widened(self, factor: float) -> LikelihoodCurve:
        """Curve with errors that are larger by a factor."""
        return LikelihoodCurve(self.n, self.depth / factor**2)

    def quantiles(self, *shares: float) -> list[float]:
        """Numbers below which these shares of the likelihood lie, from 0 events on.

        For a count these are the limits of Poisson: the 90 % quantile is the 90 % CL upper limit.
        """
        middle = np.exp(-(self.depth[1:] + self.depth[:-1]) / 2) * np.diff(self.n)
        reached = np.concatenate([[0.0], np.cumsum(middle)]) / middle.sum()
        return [float(np.interp(share, reached, self.n)) for share in shares]


def integrals(edges: Numbers, rates: Numbers) -> Numbers:
    """Integrate exponentials ``exp(rate * energy)`` over bins: (n_bins, n_rates) float64.

    Parameters
    ----------
    edges : (n_bins + 1,) float64, GeV
    rates : (n_rates,) float64, 1 / GeV
    """
    widths = np.diff(edges)[:, None]
    argument = widths * rates
    relative = np.where(argument == 0, 1.0, np.expm1(argument) / np.where(argument == 0, 1.0, argument))
    result: Numbers = widths * relative * np.exp(edges[:-1, None] * rates)
    return result


def fit(columns: Numbers, counts: Numbers, costs: Numbers) -> Numbers:
    """Weights from 0 on that make ``costs . weights - sum counts ln(columns . weights)`` smallest.

    Parameters
    ----------
    columns : (n_bins, n_columns) float64
        Events that a weight of 1 gives.
    counts : (n_bins,) float64
    costs : (n_columns,) float64
        The sums of the columns for a fit of the counts.

    Returns
    -------
    (n_columns,) float64
    """
    total = float(counts.sum())
    if not total:
        return np.zeros(len(costs))
    seen = counts > 0
    scaled, number = columns[seen] / costs, counts[seen]
    weights = np.full(len(costs), total / len(costs))
    for _ in range(_STEPS):
        gradient = scaled.T @ (number / (scaled @ weights))
        if gradient.max() < 1 + _CONVERGED:
            break
        step = _target(scaled / (scaled @ weights)[:, None], number, weights * gradient) - weights
        weights = weights + _length(scaled, number, weights, step) * step
    result: Numbers = weights / costs
    return result


def _target(ratios: Numbers, counts: Numbers, otherwise: Numbers) -> Numbers:
    """Weights that the second-order expansion of the likelihood prefers; else those of a step of EM."""
    total, roots = counts.sum(), np.sqrt(counts)
    rows = np.vstack([roots[:, None] * ratios, np.full(ratios.shape[1], _WEIGHT_OF_SUM / total)])
    try:
        found, _ = optimize.nnls(rows, np.concatenate([2 * roots, [_WEIGHT_OF_SUM]]))
    except RuntimeError:
        return otherwise
    result: Numbers = found * total / found.sum() if found.any() else otherwise
    return result


def _length(scaled: Numbers, counts: Numbers, weights: Numbers, step: Numbers) -> float:
    """Part of a step that makes the likelihood larger."""
    before, change = scaled @ weights, scaled @ step
    known, slope = counts @ np.log(before), counts @ (change / before)
    length = 1.0
    while length > 1e-6:
        after = before + length * change
        if after.min() > 0 and counts @ np.log(after) >= known + 1e-4 * length * slope:
            return length
        length /= 2
    return 0.0


def trace(columns: Numbers, counts: Numbers, contents: Numbers, deepest: float = DEEPEST) -> LikelihoodCurve:
    """Largest likelihood for every number of events ``contents . weights``.

    A price on these events, or a premium, pulls the fit to fewer or to more of them: each gives a point, and
    the price with its sign changed is the slope of the curve there.

    Parameters
    ----------
    columns : (n_bins, n_columns) float64
    counts : (n_bins,) float64
    contents : (n_columns,) float64
        Events in the box that a weight of 1 gives.
    deepest : float
    """
    costs = columns.sum(axis=0)
    largest = float((contents / costs).max())
    if not counts.any():
        n = np.linspace(0, deepest * largest, _NODES)
        return LikelihoodCurve(n, n / largest)
    lowest = _minus_log(columns, counts, fit(columns, counts, costs))
    points = [(float(contents @ fit(columns, counts, costs)), 0.0, 0.0)]
    for prices in (-1 / (1 + 1 / _PULLS), _PULLS):
        for price in prices / largest:
            weights = fit(columns, counts, costs + price * contents)
            depth = max(_minus_log(columns, counts, weights) - lowest, 0.0)
            points.append((float(contents @ weights), depth, -price))
            if depth > deepest:
                break
    last, reached, _ = max(points)
    if reached < deepest:  # what the cheapest column adds costs as much as without any counts
        points.append((last + (deepest - reached) * largest, deepest, 1 / largest))
    return curve_through(np.array(sorted(points)))


def curve_through(points: Numbers) -> LikelihoodCurve:
    """Interpolate points (n, depth, slope) in order, without overshoot.

    The curve is convex, since densities are a cone: between two points it is above both tangents and below
    the chord. That counts where a fit changes from one slope to another, and points are far apart.

    Parameters
    ----------
    points : (n_points, 3) float64
    """
    n = points[:, 0]
    points = points[np.concatenate([[True], np.diff(n) > 1e-7 * n[-1]])]
    n, depth, slope = points.T
    if len(n) < 2:
        return LikelihoodCurve(np.array([n[0], n[0] * (1 + 1e-9) + 1e-12]), np.zeros(2))
    nodes = np.union1d(n, np.linspace(n[0], n[-1], _NODES))
    left = np.clip(np.searchsorted(n, nodes, side="right") - 1, 0, len(n) - 2)
    tangents = (depth[at] + slope[at] * (nodes - n[at]) for at in (left, left + 1))
    found = np.maximum.reduce([PchipInterpolator(n, depth)(nodes), *tangents])
    found = np.minimum(found, np.interp(nodes, n, depth))
    return LikelihoodCurve(nodes, found - found.min())


def trace_one_slope(
    columns: Numbers, counts: Numbers, contents: Numbers, deepest: float = DEEPEST
) -> LikelihoodCurve:
    """Largest likelihood for every number of events if only one of the columns is there."""
    sums = columns.sum(axis=0)
    shares = columns / sums
    total = float(counts.sum())
    seen = counts > 0
    heights = counts[seen] @ np.log(np.maximum(shares[seen], 1e-300))
    per_event = contents / sums
    spread = math.sqrt(2 * deepest * (total + 1)) + deepest
    lowest, highest = max(total - spread, 0.0), total + spread
    n = np.geomspace(max(lowest, 1e-3) * per_event.min(), highest * per_event.max(), _NODES_OF_ONE)
    mean = n[:, None] / per_event
    logs = heights + total * np.log(mean) - mean
    depth = logs.max() - logs.max(axis=1)
    near = depth < deepest
    return LikelihoodCurve(np.concatenate([[0.0], n[near]]), np.concatenate([[depth[near][0]], depth[near]]))


def _minus_log(columns: Numbers, counts: Numbers, weights: Numbers) -> float:
    mean, seen = columns @ weights, counts > 0
    return float(mean.sum() - counts[seen] @ np.log(mean[seen]))


def deviance(columns: Numbers, counts: Numbers) -> float:
    """Twice the logarithm of the likelihood ratio of the counts themselves to the best mixture."""
    seen = counts[counts > 0]
    own = float(counts.sum() - seen @ np.log(seen))
    return 2 * max(_minus_log(columns, counts, fit(columns, counts, columns.sum(axis=0))) - own, 0.0)
