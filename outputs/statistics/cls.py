"""Upper limits by CLs (Junk 1999, Read 2002), with probabilities that are summed, not approximated.

Outcomes of several channels are ordered by the likelihood ratio ``sum n_i log(1 + s f_i / b_i)``. The ``s``
in it is fixed by the model alone (the limit expected of all channels counted as one), so that the order
does not move with the signal that is tested: CLs then falls steadily and crosses its level once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.polynomial import chebyshev
from numpy.typing import NDArray
from scipy import interpolate, optimize, special

from na64.outputs.statistics import one_channel
from na64.outputs.statistics.model import Counts, Model, Numbers, merged, probabilities

LEAST_BACKGROUND = 1e-6
"""Events: the order takes a smaller background of a channel as this one."""

MOST_OUTCOMES = 100_000
"""More are not summed: the channels are counted together."""

MOST_EVENTS = 200
"""In a channel of several; with more the channels are counted together."""

_LARGEST_TABLE = 20_000_000
"""Number of outcomes that are looked at to find those that are summed."""

_TIE = 1e-9

_ALL_BELOW, _SOLVED = 16, 32
"""Counts of one channel for which each limit is solved for, and further ones: the rest is right to 1e-6."""

_SIGNALS = 64
"""At which CLs is computed for many limits of several channels: they are right to 1e-8, for backgrounds known
to 100 % too."""

_HALVINGS = 40
"""Halvings of the range of all limits, to find one."""


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
        Draw them; by default the outcomes are summed. Channels with too many outcomes are counted together.
    """
    if not 0 < level < 1:
        raise ValueError(f"confidence level {level}: expected a number between 0 and 1")
    counts = _checked(model, observed)
    if toys is None and not is_summable(model, counts):
        model, counts = merged(model), counts.sum(keepdims=True)
    tail = partial(_tail, model, counts, toys)
    allowed = (1 - level) * tail(0.0)
    if not allowed:
        raise ValueError(f"{counts.tolist()} observed where {model.background:g} are expected: no limit")
    high = 4.0 + 2 * float(counts.sum())
    while tail(high) > allowed:
        high *= 2
    xtol = 1e-3 if toys else max(1e-7, 1e-9 * high)
    return float(optimize.brentq(lambda signal: tail(signal) - allowed, 0.0, high, xtol=xtol))


def upper_limits(model: Model, outcomes: Counts, *, level: float = 0.9) -> Numbers:
    """What `upper_limit` gives for each of many outcomes, from few signals: (n_outcomes,).

    All outcomes have their tails from one table of probabilities a signal. The limits of the lowest and the
    highest outcome are solved for; in between log CLs is a polynomial of the logarithm of the signal.

    Parameters
    ----------
    model : Model
    outcomes : (n_outcomes, n_channels) int64
    level : float
    """
    if len(model.channels) == 1:
        return _of_one_channel(model, outcomes[:, 0], level)
    sums = outcomes @ order(model)
    lowest, highest = outcomes[np.argmin(sums)], outcomes[np.argmax(sums)]
    low, high = (upper_limit(model, end, level=level) for end in (lowest, highest))
    if high - low <= _TIE * high:
        return np.full(len(outcomes), low)
    counted = lower_set(model, highest, high)
    ranks = counted @ order(model)
    rising = np.argsort(ranks, kind="stable")
    last = np.searchsorted(ranks[rising], _bound(sums), side="right") - 1

    def tails(signal: float) -> Numbers:
        tail: Numbers = np.cumsum(probabilities(model, signal, counted)[rising])[last]
        return tail

    ends = math.log(low), math.log(high)
    middle, half = sum(ends) / 2, (ends[1] - ends[0]) / 2
    signals = np.exp(middle + half * chebyshev.chebpts1(_SIGNALS))
    logarithms = np.log([tails(signal) for signal in signals]) - np.log((1 - level) * tails(0.0))
    limits: Numbers = np.exp(middle + half * _roots(logarithms))
    return limits


def _of_one_channel(model: Model, counts: NDArray[np.int64], level: float) -> Numbers:
    """Limits for many counts of one channel: solved for few and all smaller ones, smooth in between."""
    wanted, member = np.unique(counts, return_inverse=True)
    last = len(wanted) - 1
    solved = np.unique(np.concatenate([np.arange(min(_ALL_BELOW, last + 1)), _spread(last)]))
    limits = [upper_limit(model, [int(wanted[place])], level=level) for place in solved]
    if len(solved) == len(wanted):
        return np.array(limits)[member]
    found: Numbers = interpolate.CubicSpline(np.sqrt(wanted[solved]), limits)(np.sqrt(wanted))
    return found[member]


def _spread(last: int) -> NDArray[np.int64]:
    """Places up to the last, evenly in the root."""
    return np.rint(np.linspace(0, math.sqrt(last), _SOLVED) ** 2).astype(np.int64)


def _roots(values: Numbers) -> Numbers:
    """Zeros, from -1 to 1, of falling functions with these values at Chebyshev points: (n_functions,).

    Parameters
    ----------
    values : (n_points, n_functions) float64
    """
    coefficients = chebyshev.chebfit(chebyshev.chebpts1(len(values)), values, len(values) - 1)
    low, high = np.full(values.shape[1], -1.0), np.full(values.shape[1], 1.0)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        is_before = chebyshev.chebval(middle, coefficients, tensor=False) > 0
        low, high = np.where(is_before, middle, low), np.where(is_before, high, middle)
    found: Numbers = (low + high) / 2
    return found


def cls(model: Model, signal: float, observed: Sequence[int] | Counts, *, toys: Toys | None = None) -> float:
    """``P(no more than observed | signal + background) / P(no more than observed | background)``."""
    tail = partial(_tail, model, _checked(model, observed), toys)
    without = tail(0.0)
    return tail(signal) / without if without else 1.0


def _tail(model: Model, observed: Counts, toys: Toys | None, signal: float) -> float:
    """Probability of an outcome no higher than the observed one."""
    if toys:
        return _tail_by_toys(model, signal, observed, toys)
    if len(model.channels) == 1:
        return one_channel.tail(model, int(observed[0]), signal)
    return float(probabilities(model, signal, lower_set(model, observed, signal)).sum())


def order(model: Model) -> Numbers:
    """Weight of an event in every channel; outcomes are ordered by the sum of weights, (n_channels,)."""
    background = np.array([max(channel.expected, LEAST_BACKGROUND) for channel in model.channels])
    signal_fraction = np.array([channel.signal_fraction for channel in model.channels])
    weights: Numbers = np.log1p(typical_limit(model.background) * signal_fraction / background)
    return weights


def typical_limit(background: float, level: float = 0.9) -> float:
    """Limit of one channel of known background in which as much is seen as is expected (Helene 1983)."""
    return helene(math.floor(background), background, level)


def helene(observed: int, background: float, level: float = 0.9) -> float:
    """CLs limit of one channel without errors, in closed form (Helene 1983)."""
    tail = (1 - level) * special.gammaincc(observed + 1, background)
    return float(special.gammainccinv(observed + 1, tail)) - background


def is_summable(model: Model, observed: Counts) -> bool:
    """Whether the outcomes that the order puts no higher than the observed one are few enough to sum."""
    if len(model.channels) == 1:
        return True
    if observed.max(initial=0) > MOST_EVENTS:
        return False
    weights = order(model)
    return _lower_set(weights, float(_bound(observed @ weights)), [MOST_OUTCOMES] * len(weights)) is not None


def lower_set(model: Model, observed: Counts, signal: float) -> Counts:
    """Every outcome that the order puts no higher than the observed one, (n_outcomes, n_channels).

    Raises
    ------
    ValueError
        There are more than `MOST_OUTCOMES`.
    """
    weights = order(model)
    found = _lower_set(weights, float(_bound(observed @ weights)), _most(model, signal))
    if found is None:
        raise ValueError(f"{len(model.channels)} channels have too many outcomes to sum: count them together")
    return found


def _lower_set(weights: Numbers, bound: float, most: Sequence[int]) -> Counts | None:
    sums, found = np.zeros(1), np.zeros((1, 0), np.int64)
    for weight, highest in zip(weights, most, strict=True):
        n = np.arange(min(highest, int(bound / weight)) + 1)
        if len(sums) * len(n) > _LARGEST_TABLE:
            return None
        reached = sums[:, None] + n * weight
        kept = np.nonzero(reached <= bound)
        if len(kept[0]) > MOST_OUTCOMES:
            return None
        sums, found = reached[kept], np.column_stack([found[kept[0]], n[kept[1]]])
    return found


def _bound(sums: Numbers) -> Numbers:
    """Highest order that is taken for equal to this one."""
    return sums * (1 + _TIE) + _TIE


def _most(model: Model, signal: float) -> list[int]:
    """Count of every channel beyond which there is no probability to speak of."""
    most = []
    for channel in model.channels:
        width = math.hypot(model.signal_error, channel.signal_width)
        mean = channel.signal_fraction * signal * math.exp(6 * width)
        mean += channel.background * math.exp(6 * channel.background_width)
        mean += math.fsum(source.quantile(1 - 1e-9) for _, source in channel.one_sided)
        most.append(math.ceil(mean + 8 * math.sqrt(mean) + 20))
    return most


def _tail_by_toys(model: Model, signal: float, observed: Counts, toys: Toys) -> float:
    toy_counts = generate_toys(model, signal, toys.n, np.random.default_rng(toys.seed))
    weights = order(model)
    return float(np.mean(toy_counts @ weights <= _bound(observed @ weights)))


def generate_toys(model: Model, signal: float, n: int, generator: np.random.Generator) -> Counts:
    """Pseudo-experiments with their errors drawn too, (n, n_channels)."""
    signal_fraction = np.array([channel.signal_fraction for channel in model.channels])
    background = np.array([channel.background for channel in model.channels])
    mean = signal * signal_fraction * _factors(model.signal_effects, n, generator)
    mean += background * _factors(model.background_effects, n, generator)
    mean += _limits(model, n, generator)
    toy_counts: Counts = generator.poisson(mean)
    return toy_counts


def _factors(effects: Numbers, n: int, generator: np.random.Generator) -> Numbers:
    """Throw errors: factors on every channel, (n, n_channels)."""
    factors: Numbers = np.exp(generator.standard_normal((n, len(effects))) @ effects)
    return factors


def _limits(model: Model, n: int, generator: np.random.Generator) -> Numbers:
    """Throw the events of sources that are limits, (n, n_channels)."""
    own = [dict(channel.one_sided) for channel in model.channels]
    means = np.zeros((n, len(own)))
    for name in dict.fromkeys(name for sources in own for name in sources):
        shape = next(sources[name].shape for sources in own if name in sources)
        scales = [sources[name].scale if name in sources else 0.0 for sources in own]
        means += np.multiply.outer(generator.standard_gamma(shape, n), scales)
    return means


def _checked(model: Model, observed: Sequence[int] | Counts) -> Counts:
    counts = np.asarray(observed, np.int64)
    if counts.shape != (len(model.channels),) or counts.min() < 0:
        raise ValueError(
            f"observed {list(observed)}: expected a count for each of {len(model.channels)} channels"
        )
    return counts
