"""Intervals for the signal, beside the limits: unified (Feldman-Cousins) and likelihood ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from na64.outputs.statistics.model import Counts, Model, Numbers, probabilities

_STEP = 0.001
"""Of the signal in the unified construction, events."""


@dataclass(frozen=True, slots=True)
class Interval:
    """Signal events: the best value and both ends."""

    best: float
    low: float
    high: float


def feldman_cousins(observed: int, background: float, *, level: float = 0.9, step: float = _STEP) -> Interval:
    """Unified interval of one channel of known background (Feldman and Cousins 1998, section IV).

    For every signal, counts are accepted in the order of their likelihood relative to that of the best
    signal; the interval goes from the first to the last signal that accepts the observed count. Below the
    background it is shorter than CLs allows. The original table lengthens it where it falls as the
    background grows; this one does not.

    Parameters
    ----------
    observed : int
    background : float
        Events.
    level : float
    step : float
        Between the signals that are tried; the precision of both ends.
    """
    top = observed + 6 * math.sqrt(observed + 1) + 6
    signals = np.arange(0, top, step)
    n: Counts = np.arange(int(top + background + 8 * math.sqrt(top + background)) + 10)
    accepted = _accepts(signals, n, observed, background, level)
    found = signals[accepted]
    return Interval(max(0.0, observed - background), float(found[0]), float(found[-1]))


def unified_holds(signal: float, observed: int, background: float, *, level: float = 0.9) -> bool:
    """Whether the unified interval of a count has this signal: whether the signal accepts the count."""
    n: Counts = np.arange(int(max(signal + background, observed) * 1.5 + 50))
    return bool(_accepts(np.array([signal]), n, observed, background, level)[0])


def likelihood_holds(
    model: Model, signal: float, observed: Sequence[int] | Counts, *, level: float = 0.9
) -> bool:
    """Whether the likelihood interval of an outcome has this signal."""
    distance = _distance(model, observed)
    best = _best(distance, observed)
    return distance(signal) - distance(best) <= float(special.chdtri(1, 1 - level))


def _accepts(
    signals: Numbers, n: Counts, observed: int, background: float, level: float
) -> NDArray[np.bool_]:
    """Whether the observed count is in the acceptance of each signal, (n_signals,) bool."""
    chances = _poisson(n, signals[:, None] + background)
    best = _poisson(n, np.maximum(n, background))
    ranked = np.argsort(-chances / best, axis=1, kind="stable")
    before = np.cumsum(np.take_along_axis(chances, ranked, axis=1), axis=1)
    place = np.argmax(ranked == observed, axis=1)
    rows = np.arange(len(signals))
    return np.asarray(before[rows, place] - chances[rows, observed] < level, np.bool_)


def _poisson(n: Counts, mean: Numbers) -> Numbers:
    return np.asarray(np.exp(special.xlogy(n, mean) - mean - special.gammaln(n + 1)), np.float64)


def likelihood_interval(model: Model, observed: Sequence[int] | Counts, *, level: float = 0.9) -> Interval:
    """Signals whose likelihood, integrated over the errors, is near the largest: ``-2 ln L / L_max < chi2``.

    Parameters
    ----------
    model : Model
    observed : sequence of int
        Events in every channel.
    level : float
        Confidence level if the logarithm of the likelihood were a parabola; see the coverage table.
    """
    distance = _distance(model, observed)
    best = _best(distance, observed)
    bound = distance(best) + float(special.chdtri(1, 1 - level))
    top = best + 10.0
    while distance(top) < bound:
        top *= 2
    high = float(optimize.brentq(lambda signal: distance(signal) - bound, best, top))
    if distance(0) <= bound:
        return Interval(best, 0.0, high)
    return Interval(best, float(optimize.brentq(lambda signal: distance(signal) - bound, 0, best)), high)


def _distance(model: Model, observed: Sequence[int] | Counts) -> Callable[[float], float]:
    """Give twice minus the logarithm of the likelihood, as a function of the signal."""
    outcome = np.array([observed], np.int64)
    return lambda signal: -2 * math.log(probabilities(model, signal, outcome)[0])


def _best(distance: Callable[[float], float], observed: Sequence[int] | Counts) -> float:
    """Signal from 0 on with the largest likelihood."""
    found = optimize.minimize_scalar(distance, bounds=(0, 10.0 + 4 * sum(observed)), method="bounded")
    return float(found.x) if found.fun < distance(0) else 0.0
