"""A measured value: a share with its binomial interval, or a number with its errors; whether runs agree."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from na64.outputs.comparison.statistics import same_rate
from na64.outputs.control.cut_efficiencies import clopper_pearson

_LEAST_EXPECTED = 5.0
"""Events expected in a run, for chi2 of shares to follow its distribution."""
_MOST_DECIMALS = 8


@dataclass(frozen=True, slots=True)
class Measured:
    """A quantity of some events.

    Attributes
    ----------
    n_events : int
        That it is made of.
    value, below, above : float
        Errors are distances, of the central 68 % interval.
    n_passed : int or None
        Set if it is a share: that many of the events.
    """

    n_events: int
    value: float
    below: float
    above: float
    n_passed: int | None = None

    @property
    def error(self) -> float:
        """Mean of both errors."""
        return (self.below + self.above) / 2


def shown(found: Measured, scale: float = 1.0) -> str:
    """Value and errors, times a scale, to two digits of the smaller error: ``97.21 +0.11 -0.12``."""
    value, below, above = (scale * number for number in (found.value, found.below, found.above))
    errors = [error for error in (below, above) if error > 0]
    if not errors:
        return f"{value:.4g}"
    decimals = min(max(1 - math.floor(math.log10(min(errors))), 0), _MOST_DECIMALS)
    texts = [f"{number:.{decimals}f}" for number in (value, below, above)]
    if texts[1] == texts[2]:
        return f"{texts[0]} +- {texts[1]}"
    return f"{texts[0]} +{texts[2]} -{texts[1]}"


def share(passed: int, of: int) -> Measured:
    """Share of events with the interval of Clopper and Pearson.

    Parameters
    ----------
    passed, of : int
        Of at least one event.
    """
    low, high = clopper_pearson(passed, of)
    value = passed / of
    return Measured(of, value, value - low, high - value, passed)


def number(n_events: int, value: float, error: float) -> Measured:
    """Number with one error on both sides."""
    return Measured(n_events, value, error, error)


def ratio(one: Measured, other: Measured) -> Measured:
    """Ratio of two shares of different events, their relative errors in quadrature."""
    value = one.value / other.value
    above = math.hypot(one.above / other.value, value * other.below / other.value)
    below = math.hypot(one.below / other.value, value * other.above / other.value)
    return Measured(one.n_events, value, min(below, value), above)


def chance_of_run(one: Measured, others: Sequence[Measured]) -> float | None:
    """Chance that a run differs so much from the other runs; None if there are none.

    Shares are compared by the exact test of two Poisson counts, of passing or failing, whichever is rarer;
    numbers by their distance in units of its error.
    """
    if not others:
        return None
    if one.n_passed is not None:
        k, n = sum(o.n_passed or 0 for o in others), sum(o.n_events for o in others)
        mine = one.n_passed
        if k + mine > (n + one.n_events) / 2:
            k, mine = n - k, one.n_events - mine
        return float(same_rate(mine, one.n_events, k, n))
    mean, error = _weighted_mean(others)
    spread = math.hypot(error, one.error)
    return float(2 * special.ndtr(-abs(one.value - mean) / spread)) if spread > 0 else None


def chance_of_runs(runs: Sequence[Measured]) -> float | None:
    """Chance that runs differ so much from each other, by chi2; None for one run, or with too few events."""
    if len(runs) < 2:
        return None
    if all(run.n_passed is not None for run in runs):
        k, n = (
            np.array([getattr(run, name) for run in runs], np.float64) for name in ("n_passed", "n_events")
        )
        p = k.sum() / n.sum()
        if min(p, 1 - p) * n.min() < _LEAST_EXPECTED:
            return None
        chi2 = float(np.sum((k - n * p) ** 2 / (n * p * (1 - p))))
    else:
        mean, _ = _weighted_mean(runs)
        if any(run.error <= 0 for run in runs):
            return None
        chi2 = math.fsum(((run.value - mean) / run.error) ** 2 for run in runs)
    return float(special.chdtrc(len(runs) - 1, chi2))


def _weighted_mean(values: Sequence[Measured]) -> tuple[float, float]:
    if any(value.error <= 0 for value in values):
        return math.fsum(value.value for value in values) / len(values), 0.0
    weights = [1 / value.error**2 for value in values]
    mean = math.fsum(w * value.value for w, value in zip(weights, values, strict=True)) / math.fsum(weights)
    return mean, math.fsum(weights) ** -0.5
