"""The unified construction with many events, where neighbouring counts are one outcome.

An experiment that reads its count only to a twentieth of its spread is one too, so the construction covers.
Means of all counts are spread over a grid, on which the Poisson probabilities are computed once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy import special

from na64.outputs.statistics.model import Model
from na64.outputs.statistics.one_channel import poisson_tails

Numbers = NDArray[np.float64]

_WIDTH = 0.05
"""Width of an outcome, in standard deviations of its counts."""

_FARTHEST = 8.0
"""Standard deviations to which counts are looked at."""

_GRID = 0.05
"""Steps of the root of the mean; the root of a count has a standard deviation of 0.5."""

_SIGNAL_POINTS, _BACKGROUND_POINTS = 200, 40
"""Equally probable values of the errors."""

_SCANNED, _REFINED = 300, 41
"""Signals that are tried, and those about each end."""


@dataclass(frozen=True, slots=True, eq=False)
class _Outcomes:
    """Outcomes of one channel, and the means at which their probabilities are known.

    Attributes
    ----------
    edges : (n_outcomes - 1,) int64
        Largest count of each outcome but the last, which has no end.
    roots : (n_means,) float64
        Root of the means.
    tails : (n_outcomes - 1, n_means) float64
        Probability of no more than each edge.
    signal_scales, backgrounds : (n_points,) float64
        Equally probable.
    """

    edges: NDArray[np.int64]
    roots: Numbers
    tails: Numbers
    signal_scales: Numbers
    backgrounds: Numbers

    def pmf(self, signal: float) -> Numbers:
        """Probability of each outcome, (n_outcomes,)."""
        means = np.add.outer(signal * self.signal_scales, self.backgrounds).ravel()
        position = np.clip(np.sqrt(means) / _GRID, 0, len(self.roots) - 1.001)
        place = position.astype(np.int64)
        part = position - place
        weights = np.bincount(place, 1 - part, len(self.roots)) + np.bincount(
            place + 1, part, len(self.roots)
        )
        used = slice(int(place.min()), int(place.max()) + 2)
        below = np.concatenate([[0.0], self.tails[:, used] @ (weights[used] / len(means)), [1.0]])
        result: Numbers = np.maximum(np.diff(below), 0.0)
        return result


def ends_of_many(one: Model, observed: int, level: float) -> tuple[float, float]:
    """First and last signal of the unified interval of one channel with many events.

    Parameters
    ----------
    one : Model
        Of one channel.
    observed : int
    level : float
    """
    error, background = _errors(one)
    lowest = max(0.0, observed - 6 * math.sqrt(observed) - float(background.max())) * math.exp(-3 * error)
    highest = (observed + 6 * math.sqrt(observed + 1) + 6) * math.exp(3 * error)
    outcomes = _outcomes(one, observed, (lowest, highest))
    accepts = partial(_accepts, outcomes, _best_chances(outcomes), observed, level)
    signals = np.linspace(lowest, highest, _SCANNED)
    best = max(0.0, observed - float(np.median(background)))
    step = signals[1] - signals[0]
    accepted = [signal for signal in {*signals.tolist(), best} if accepts(signal)]
    first, last = (min(accepted), max(accepted)) if accepted else (best, best)
    low = [s for s in np.linspace(max(0.0, first - step), first, _REFINED) if accepts(s)]
    high = [s for s in np.linspace(last, last + step, _REFINED) if accepts(s)]
    return float(min(low, default=first)), float(max(high, default=last))


def _errors(one: Model) -> tuple[float, Numbers]:
    """Relative error of the signal, and equally probable values of the background."""
    (channel,) = one.channels
    pulls = special.ndtri((np.arange(_BACKGROUND_POINTS) + 0.5) / _BACKGROUND_POINTS)
    background = channel.background * np.exp(channel.background_width * pulls)
    for _, source in channel.one_sided:
        shares = (np.arange(_BACKGROUND_POINTS) + 0.5) / _BACKGROUND_POINTS
        values = special.gammaincinv(source.shape, shares) * source.scale
        background = np.quantile(np.add.outer(background, values), shares)
    return math.hypot(*one.signal_effects[:, 0]), background


def _outcomes(one: Model, observed: int, signals: tuple[float, float]) -> _Outcomes:
    """Make outcomes, the observed count in the middle of its own."""
    error, background = _errors(one)
    pulls = special.ndtri((np.arange(_SIGNAL_POINTS) + 0.5) / _SIGNAL_POINTS) if error else np.zeros(1)
    scales = np.exp(error * pulls)
    lowest = signals[0] * float(scales[0]) + float(background.min())
    highest = signals[1] * float(scales[-1]) + float(background.max())
    highest += _FARTHEST * math.sqrt(highest) + 10
    edges = _edges(observed, error, int(lowest - _FARTHEST * math.sqrt(lowest)), int(highest))
    roots = np.arange(0.0, math.sqrt(highest) + 2 * _GRID, _GRID)
    return _Outcomes(edges, roots, poisson_tails(edges, roots**2), scales, background)


def _edges(observed: int, error: float, lowest: int, highest: int) -> NDArray[np.int64]:
    """Largest counts of outcomes, the observed count in the middle of its own."""

    def width(count: int) -> int:
        return max(1, round(_WIDTH * math.sqrt(count + (error * count) ** 2)))

    up = [observed + width(observed) // 2]
    down = [up[0] - width(observed)]
    while up[-1] < highest:
        up.append(up[-1] + width(up[-1]))
    while down[-1] > max(lowest, 0):
        down.append(down[-1] - width(down[-1]))
    return np.array([edge for edge in (*down[::-1], *up) if edge >= 0], np.int64)


def _best_chances(outcomes: _Outcomes) -> Numbers:
    """Probability of each outcome with the signal that suits it best, (n_outcomes,)."""
    edges = outcomes.edges.astype(np.float64)
    middle = np.concatenate([[edges[0] / 2], (edges[1:] + edges[:-1] + 1) / 2, edges[-1:] + 1])
    signals = np.maximum(middle - float(np.median(outcomes.backgrounds)), 0.0)
    found = np.array([outcomes.pmf(float(signal))[n] for n, signal in enumerate(signals)])
    result: Numbers = np.maximum(found, 1e-300)
    return result


def _accepts(outcomes: _Outcomes, best: Numbers, observed: int, level: float, signal: float) -> bool:
    """Whether a signal has the observed count among the outcomes that it accepts."""
    pmf = outcomes.pmf(signal)
    ratios = pmf / best
    own = int(np.searchsorted(outcomes.edges, observed))
    before = ratios > ratios[own]
    return bool(pmf[before].sum() < level)
