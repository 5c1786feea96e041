"""Upper limits by CLs (Junk 1999, Read 2002), with probabilities that are summed, not approximated.

Outcomes of several channels are ordered by the likelihood ratio ``sum n_i log(1 + s f_i / b_i)``. The ``s``
in it is fixed by the model alone (the limit expected of all channels counted as one), so that the order
does not move with the signal that is tested: CLs then falls steadily and crosses its level once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import optimize, special

from na64.outputs.statistics.model import Counts, Model, Numbers, probabilities

LEAST_BACKGROUND = 1e-6
"""Events: the order takes a smaller background of a channel as this one."""

MOST_OUTCOMES = 400_000
"""More are not summed; toys do."""

_TIE = 1e-9


@dataclass(frozen=True, slots=True)
class Toys:
    """Pseudo-experiments in place of sums.

    Attributes
    ----------
    n : int
    seed : int
        The same for every signal that is tested, so that the same question has the same answer.
    """

    n: int = 200_000
    seed: int = 64


def upper_limit(
    model: Model, observed: Sequence[int] | Counts, *, level: float = 0.9, toys: Toys | None = None
) -> float:
    """Largest number of signal events, in all channels, that CLs does not exclude.

    Parameters
    ----------
    model : Model
    observed : sequence of int
        Events in every channel.
    level : float
        Confidence level.
    toys : Toys, optional
        Throw them; by default the outcomes are summed.
    """
    if not 0 < level < 1:
        raise ValueError(f"confidence level {level}: expected a number between 0 and 1")

    def excess(signal: float) -> float:
        return cls(model, signal, observed, toys=toys) - (1 - level)

    high = 4.0 + 2 * sum(observed)
    while excess(high) > 0:
        high *= 2
    return float(optimize.brentq(excess, 0.0, high, xtol=1e-3 if toys else 1e-7))


def cls(model: Model, signal: float, observed: Sequence[int] | Counts, *, toys: Toys | None = None) -> float:
    """``P(no more than observed | signal + background) / P(no more than observed | background)``."""
    counts = _checked(model, observed)
    if toys:
        with_signal, without = (_tail_by_toys(model, s, counts, toys) for s in (signal, 0.0))
    else:
        outcomes = lower_set(model, counts, signal)
        with_signal, without = (float(probabilities(model, s, outcomes).sum()) for s in (signal, 0.0))
    return with_signal / without if without else 1.0


def order(model: Model) -> Numbers:
    """Weight of an event in every channel; outcomes are ordered by the sum of weights, (n_channels,)."""
    background = np.array([max(channel.background, LEAST_BACKGROUND) for channel in model.channels])
    share = np.array([channel.share for channel in model.channels])
    weights: Numbers = np.log1p(typical_limit(model.background) * share / background)
    return weights


def typical_limit(background: float, level: float = 0.9) -> float:
    """Limit of one channel of known background in which as much is seen as is expected (Helene 1983)."""
    return helene(math.floor(background), background, level)


def helene(observed: int, background: float, level: float = 0.9) -> float:
    """CLs limit of one channel without errors, in closed form (Helene 1983)."""
    tail = (1 - level) * special.gammaincc(observed + 1, background)
    return float(special.gammainccinv(observed + 1, tail)) - background


def lower_set(model: Model, observed: Counts, signal: float) -> Counts:
    """Every outcome that the order puts no higher than the observed one, (n_outcomes, n_channels).

    Raises
    ------
    ValueError
        There are more than `MOST_OUTCOMES`.
    """
    weights = order(model)
    bound = float(observed @ weights) * (1 + _TIE) + _TIE
    sums, found = np.zeros(1), np.zeros((1, 0), np.int64)
    for weight, most in zip(weights, _most(model, signal), strict=True):
        n = np.arange(min(most, int(bound / weight)) + 1)
        reached = sums[:, None] + n * weight
        kept = np.nonzero(reached <= bound)
        if len(kept[0]) > MOST_OUTCOMES:
            raise ValueError(f"{len(model.channels)} channels have too many outcomes to sum: throw toys")
        sums, found = reached[kept], np.column_stack([found[kept[0]], n[kept[1]]])
    return found


def _most(model: Model, signal: float) -> list[int]:
    """Count of every channel beyond which there is no probability to speak of."""
    most = []
    for channel in model.channels:
        width = math.hypot(model.signal_error, channel.signal_width)
        mean = channel.share * signal * math.exp(6 * width)
        mean += channel.background * math.exp(6 * channel.background_width)
        most.append(math.ceil(mean + 8 * math.sqrt(mean) + 20))
    return most


def _tail_by_toys(model: Model, signal: float, observed: Counts, toys: Toys) -> float:
    thrown = throw(model, signal, toys.n, np.random.default_rng(toys.seed))
    weights = order(model)
    bound = float(observed @ weights) * (1 + _TIE) + _TIE
    return float(np.mean(thrown @ weights <= bound))


def throw(model: Model, signal: float, n: int, generator: np.random.Generator) -> Counts:
    """Pseudo-experiments with their errors thrown too, (n, n_channels)."""
    share = np.array([channel.share for channel in model.channels])
    background = np.array([channel.background for channel in model.channels])
    mean = signal * share * _factors(model.signal_effects, n, generator)
    mean += background * _factors(model.background_effects, n, generator)
    thrown: Counts = generator.poisson(mean)
    return thrown


def _factors(effects: Numbers, n: int, generator: np.random.Generator) -> Numbers:
    """Throw errors: factors on every channel, (n, n_channels)."""
    factors: Numbers = np.exp(generator.standard_normal((n, len(effects))) @ effects)
    return factors


def _checked(model: Model, observed: Sequence[int] | Counts) -> Counts:
    counts = np.asarray(observed, np.int64)
    if counts.shape != (len(model.channels),) or counts.min() < 0:
        raise ValueError(
            f"observed {list(observed)}: expected a count for each of {len(model.channels)} channels"
        )
    return counts
