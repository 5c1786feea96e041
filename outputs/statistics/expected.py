"""The limits that an experiment expects to set if there is no signal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from na64.outputs.statistics.cls import (
    MOST_EVENTS,
    MOST_OUTCOMES,
    Toys,
    generate_toys,
    order,
    upper_limit,
    upper_limits,
)
from na64.outputs.statistics.cls import is_summable as outcomes_are_summable
from na64.outputs.statistics.model import Counts, Model, Numbers, merged, probabilities
from na64.outputs.statistics.one_channel import background_counts

PULLS = (-2, -1, 0, 1, 2)
"""Standard deviations of the bands; 0 is the median."""

_TAIL = 1e-5
"""Probability of the outcomes that are left out."""

_ROUND = 9
"""Decimals of the order at which outcomes count as equal."""


@dataclass(frozen=True, slots=True)
class Expected:
    """Limits on the signal, in events, over the experiments without one.

    Attributes
    ----------
    bands : tuple of float
        Quantiles at `PULLS`: the smallest limit that this share of the experiments does not exceed.
    mean : float
    probability_of_none : float
        Of seeing nothing in any channel.
    """

    bands: tuple[float, float, float, float, float]
    mean: float
    probability_of_none: float

    @property
    def median(self) -> float:
        """Half of the experiments set a limit no higher."""
        return self.bands[2]


def expected_limits(model: Model, *, level: float = 0.9, toys: Toys | None = None) -> Expected:
    """Limits of all experiments without a signal that are not too rare.

    The order of outcomes is the order of their limits, so that one outcome stands for all of equal order.
    Channels with too many outcomes are counted together.

    Parameters
    ----------
    model : Model
    level : float
    toys : Toys, optional
        Draw experiments, and their limits, instead of summing over outcomes.
    """
    if toys is None and not is_summable(model):
        model = merged(model)
    outcomes, pmf = _toy_outcomes(model, toys) if toys else _summed(model)
    weights = order(model)
    ranks = np.round(outcomes @ weights, _ROUND)
    _, first, member = np.unique(ranks, return_index=True, return_inverse=True)
    probability = np.bincount(member, pmf).astype(np.float64)
    limits = _limits(model, outcomes[first], level, toys)
    low2, low1, median, high1, high2 = (_quantile(limits, probability, pull) for pull in PULLS)
    none = float(_probabilities(model, np.zeros((1, len(model.channels)), np.int64))[0])
    mean = float(limits @ probability / probability.sum())
    return Expected((low2, low1, median, high1, high2), mean, none)


def expected_median(model: Model, *, level: float = 0.9, toys: Toys | None = None) -> float:
    """Median of `expected_limits`, of which it takes the same arguments, in less time.

    More events in one channel never set a lower limit, so that its median is the limit of the median count.
    """
    if toys is None and not is_summable(model):
        model = merged(model)
    if toys or len(model.channels) > 1:
        return expected_limits(model, level=level, toys=toys).median
    outcomes, pmf = _summed(model)
    median = _quantile(outcomes[:, 0].astype(np.float64), pmf, 0)
    return upper_limit(model, [int(median)], level=level)


def _limits(model: Model, outcomes: Counts, level: float, toys: Toys | None) -> Numbers:
    if toys is None:
        return upper_limits(model, outcomes, level=level)
    return np.array([upper_limit(model, outcome, level=level, toys=toys) for outcome in outcomes])


def _quantile(limits: Numbers, pmf: Numbers, pull: float) -> float:
    ordered = np.argsort(limits, kind="stable")
    reached = np.cumsum(pmf[ordered]) / pmf.sum()
    index = int(np.searchsorted(reached, special.ndtr(pull)))
    return float(limits[ordered][min(index, len(limits) - 1)])


def is_summable(model: Model) -> bool:
    """Whether the outcomes of experiments without a signal are few enough to sum."""
    sizes = [_largest(model, index) + 1 for index in range(len(model.channels))]
    return len(sizes) == 1 or (math.prod(sizes) <= MOST_OUTCOMES and max(sizes) <= MOST_EVENTS)


def counted_together(model: Model, observed: Sequence[int] | None) -> tuple[Model, tuple[int, ...] | None]:
    """Model and counts that can be summed: as they are, or with all channels as one.

    Parameters
    ----------
    model : Model
    observed : sequence of int or None
        None while a box is closed.
    """
    counts = None if observed is None else np.asarray(observed, np.int64)
    if is_summable(model) and (counts is None or outcomes_are_summable(model, counts)):
        return model, None if observed is None else tuple(observed)
    return merged(model), None if observed is None else (sum(observed),)


def _summed(model: Model) -> tuple[Counts, Numbers]:
    """Outcomes and their probabilities, from the most probable down to the tail that is left out."""
    sizes = [_largest(model, index) + 1 for index in range(len(model.channels))]
    outcomes = np.indices(sizes).reshape(len(sizes), -1).T
    pmf = _probabilities(model, outcomes)
    ordered = np.argsort(-pmf, kind="stable")
    n = int(np.searchsorted(np.cumsum(pmf[ordered]), 1 - _TAIL)) + 1
    return outcomes[ordered[:n]], pmf[ordered[:n]]


def _probabilities(model: Model, outcomes: Counts) -> Numbers:
    """Probability of outcomes without a signal, (n_outcomes,)."""
    if len(model.channels) == 1:
        return background_counts(model, int(outcomes.max()))[outcomes[:, 0]]
    return probabilities(model, 0.0, outcomes)


def _largest(model: Model, index: int) -> int:
    """Count that a channel exceeds with a probability of about `_TAIL` only."""
    channel = model.channels[index]
    mean = channel.background * np.exp(4.5 * channel.background_width)
    mean += math.fsum(source.quantile(1 - _TAIL) for _, source in channel.one_sided)
    reached = special.gammaincc(np.arange(1, int(mean + 10 * np.sqrt(mean)) + 20), mean)
    return int(np.searchsorted(reached, 1 - _TAIL))


def _toy_outcomes(model: Model, toys: Toys) -> tuple[Counts, Numbers]:
    toy_counts = generate_toys(model, 0.0, toys.n, np.random.default_rng(toys.seed))
    outcomes, numbers = np.unique(toy_counts, axis=0, return_counts=True)
    return outcomes, numbers / toys.n
