"""Intervals for the signal, beside the limits.

The unified one (Feldman-Cousins) is ours: a Neyman construction with the errors of the model in its
probabilities, so that it covers by construction. The likelihood one is for comparison: it undercovers where
little is seen.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from na64.outputs.statistics.many_events import ends_of_many
from na64.outputs.statistics.model import Counts, Model, Numbers, merged, probabilities
from na64.outputs.statistics.one_channel import pmf

_STEPS = (0.05, 0.001)
"""Steps of the signal in the unified construction, events: first everywhere, then about the ends."""

_FEW = 30
"""Events, seen or expected without a signal, up to which each count is an outcome of its own."""


@dataclass(frozen=True, slots=True)
class ConfidenceInterval:
    """Signal events: the best value and both ends."""

    best: float
    low: float
    high: float


def unified_interval(
    model: Model, observed: Sequence[int] | Counts, *, level: float = 0.9
) -> ConfidenceInterval:
    """Unified interval (Feldman and Cousins 1998, section IV), errors of background and signal included.

    For every signal, counts are accepted in the order of their probability relative to that with the best
    signal, until the accepted ones have the level; the interval goes from the first to the last signal that
    accepts the observed count. Probabilities are integrated over the errors (Conrad et al 2003). Channels
    are merged: it is the sum of their counts that is ordered. Below the background it is shorter than CLs
    allows. The original table lengthens some of them, so that an upper end never rises as the background
    grows: for none seen of 2 it has 1.26 events, this 1.08.
    With more than `_FEW` events neighbouring counts are one outcome, which covers just as well.

    Parameters
    ----------
    model : Model
    observed : sequence of int
        Events in every channel.
    level : float
    """
    one, total = merged(model), int(np.sum(observed))
    if max(total, one.background) > _FEW:
        return ConfidenceInterval(max(0.0, total - one.background), *ends_of_many(one, total, level))
    coarse, fine = _STEPS
    top = (total + 6 * math.sqrt(total + 1) + 6) * math.exp(2 * one.signal_error)
    ends = _ends(one, np.arange(0, top, coarse), total, level)
    low, high = (np.arange(max(0.0, end - coarse), end + coarse, fine) for end in ends)
    best = max(0.0, total - one.background)
    return ConfidenceInterval(best, _ends(one, low, total, level)[0], _ends(one, high, total, level)[1])


def unified_covers(model: Model, signal: float, outcomes: Counts, *, level: float = 0.9) -> NDArray[np.bool_]:
    """Which outcomes have this signal in their unified intervals: which ones the signal accepts.

    Parameters
    ----------
    model : Model
    signal : float
    outcomes : (n_outcomes, n_channels) int64
    level : float

    Returns
    -------
    (n_outcomes,) bool
    """
    totals = outcomes.sum(axis=1)
    accepted = _accepts(merged(model), np.array([signal]), int(totals.max()), level)
    return np.asarray(accepted[0, totals], np.bool_)


def likelihood_covers(
    model: Model, signal: float, observed: Sequence[int] | Counts, *, level: float = 0.9
) -> bool:
    """Whether the likelihood interval of an outcome has this signal."""
    distance = _distance(model, observed)
    best = _best(distance, observed)
    return distance(signal) - distance(best) <= float(special.chdtri(1, 1 - level))


def _ends(one: Model, signals: Numbers, observed: int, level: float) -> tuple[float, float]:
    """First and last signal that accepts the count; the ones in between need not."""
    accepted = signals[_accepts(one, signals, observed, level)[:, observed]]
    return float(accepted[0]), float(accepted[-1])


def _accepts(one: Model, signals: Numbers, observed: int, level: float) -> NDArray[np.bool_]:
    """Which counts each signal accepts, up to the observed one and further, (n_signals, n_counts) bool."""
    largest = _largest(one, max(float(signals[-1]), float(observed)))
    table = pmf(one, signals, largest).T
    best = np.maximum(np.arange(largest + 1) - one.background, 0.0)
    ranked = np.argsort(-table / np.diag(pmf(one, best, largest)), axis=1, kind="stable")
    ordered = np.take_along_axis(table, ranked, axis=1)
    accepted = np.empty(table.shape, np.bool_)
    np.put_along_axis(accepted, ranked, np.cumsum(ordered, axis=1) - ordered < level, axis=1)
    return accepted


def _largest(one: Model, signal: float) -> int:
    """Count that is hardly ever exceeded."""
    (channel,) = one.channels
    mean = signal * math.exp(4 * one.signal_error)
    mean += channel.background * math.exp(4 * channel.background_width)
    mean += math.fsum(source.quantile(1 - 1e-6) for _, source in channel.one_sided)
    return int(mean + 8 * math.sqrt(mean)) + 10


def likelihood_interval(
    model: Model, observed: Sequence[int] | Counts, *, level: float = 0.9
) -> ConfidenceInterval:
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
        return ConfidenceInterval(best, 0.0, high)
    return ConfidenceInterval(
        best, float(optimize.brentq(lambda signal: distance(signal) - bound, 0, best)), high
    )


def _distance(model: Model, observed: Sequence[int] | Counts) -> Callable[[float], float]:
    """Twice minus the logarithm of the likelihood, as a function of the signal."""
    outcome = np.array([observed], np.int64)
    return lambda signal: -2 * math.log(probabilities(model, signal, outcome)[0])


def _best(distance: Callable[[float], float], observed: Sequence[int] | Counts) -> float:
    """Signal from 0 on with the largest likelihood."""
    found = optimize.minimize_scalar(distance, bounds=(0, 10.0 + 4 * sum(observed)), method="bounded")
    return float(found.x) if found.fun < distance(0) else 0.0
