"""Probabilities of the counts of one channel, however many events there are.

The counts of signal and of background add up: the probability of no more than n is the sum over those of the
background of their probability times that of no more than the rest from the signal, which is an incomplete
gamma function integrated over the error of the signal.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import signal as filters
from scipy import special

from na64.outputs.statistics.model import Model
from na64.outputs.statistics.one_sided import Gamma, summed
from na64.outputs.statistics.quadrature import normal_points

Numbers = NDArray[np.float64]

_SMOOTH = 2.0
"""Error times root of the events up to which the Gauss-Hermite rule does; beyond, steps of `_FINEST`."""

_FINEST = 0.8
"""Steps, as a part of a Poisson standard deviation."""

_FARTHEST = 7.5
"""Standard deviations to which errors are integrated."""

_LEAST = 1e-17
"""Probabilities of background that are left out, relative to the largest."""

_GROUPS = 400
"""More counts of background are taken together with their neighbours, in so many groups."""

_MANY = 2_000
"""Events from which a Poisson distribution is as good as one of Wilson and Hilferty."""

_LONG = 3_000
"""Counts from which distributions are folded by Fourier transform."""

_CELLS, _ROWS = 2_000_000, 4_096
"""Size of a table that is computed at a time, and its counts."""


def tail(model: Model, observed: int, signal: float) -> float:
    """Probability of no more events than observed in a model of one channel."""
    (channel,) = model.channels
    background = background_counts(model, observed)
    places = np.nonzero(background > _LEAST * background.max())[0]
    if not len(places):
        return 0.0
    probability = background[places]
    if len(places) > _GROUPS:
        places, probability = _grouped(places, probability)
    return float(probability @ signal_tails(model, observed - places, signal * channel.signal_fraction))


def tails(model: Model, largest: int, signal: float) -> Numbers:
    """Probability of no more than 0 to ``largest`` events in a model of one channel, (largest + 1,)."""
    (channel,) = model.channels
    background = background_counts(model, largest)
    from_signal = signal_tails(model, np.arange(largest + 1), signal * channel.signal_fraction)
    fold = np.convolve if largest < _LONG else filters.fftconvolve
    found: Numbers = np.maximum(fold(background, from_signal)[: largest + 1], 0.0)
    return found


def signal_tails(model: Model, counts: NDArray[np.int64], signal: float) -> Numbers:
    """Probability of no more than each of the counts from the signal alone, (n_counts,)."""
    error = math.hypot(*model.signal_effects[:, 0])
    nodes, weights = normal_grid(error, signal)
    mean = signal * np.exp(error * nodes)
    block = max(1, _CELLS // len(mean))
    parts = [
        poisson_tails(counts[start : start + block], mean) @ weights for start in range(0, len(counts), block)
    ]
    return np.concatenate(parts)


def poisson_tails(counts: NDArray[np.int64], means: Numbers) -> Numbers:
    """Probability of no more than each count for each mean, (n_counts, n_means).

    From `_MANY` events on by Wilson and Hilferty, which is right to 3e-6.
    """
    found = np.empty((len(counts), len(means)))
    is_many = counts >= _MANY
    shape = counts[is_many, None] + 1.0
    found[is_many] = special.ndtr(3 * np.sqrt(shape) * (1 - 1 / (9 * shape) - np.cbrt(means / shape)))
    found[~is_many] = special.gammaincc(counts[~is_many, None] + 1.0, means)
    return found


def pmf(model: Model, signals: Numbers, largest: int) -> Numbers:
    """Probability of 0 to ``largest`` events in a model of one channel, (largest + 1, n_signals).

    Parameters
    ----------
    model : Model
    signals : (n_signals,) float64
        Events.
    largest : int
    """
    (channel,) = model.channels
    error = math.hypot(*model.signal_effects[:, 0])
    means = signals * channel.signal_fraction
    from_signal = _log_normal_counts(means, error, largest)
    found = np.zeros_like(from_signal)
    for n, probability in enumerate(background_counts(model, largest)):
        if probability:
            found[n:] += probability * from_signal[: largest + 1 - n]
    return found


def background_counts(model: Model, largest: int) -> Numbers:
    """Probability of 0 to ``largest`` events of background in a model of one channel, (largest + 1,)."""
    (channel,) = model.channels
    one_sided = summed([source for _, source in channel.one_sided])
    known = 1 << max(largest, 63).bit_length()
    return _background(channel.background, channel.background_width, one_sided, known)[: largest + 1]


@lru_cache(64)
def _background(mean: float, width: float, one_sided: Gamma | None, largest: int) -> Numbers:
    known = _log_normal_counts(np.array([mean]), width, largest)[:, 0]
    if one_sided is None:
        return known
    present = known[: int(np.nonzero(known > 0)[0].max(initial=0)) + 1]
    found: Numbers = np.convolve(one_sided.counts(largest), present)[: largest + 1]
    return found


def _log_normal_counts(means: Numbers, width: float, largest: int) -> Numbers:
    """Probability of 0 to ``largest`` events for means with an error, (largest + 1, n_means)."""
    found = np.zeros((largest + 1, len(means)))
    nodes, weights = normal_grid(width, float(means.max()))
    for column, mean in enumerate(means):
        if not mean:
            found[0, column] = 1.0
            continue
        shifted = mean * np.exp(width * nodes)
        stop = int(min(largest, shifted[-1] + 12 * math.sqrt(shifted[-1]) + 60)) + 1
        for start in range(0, stop, _ROWS):
            n = np.arange(start, min(start + _ROWS, stop))
            logs = n[:, None] * np.log(shifted) - shifted - special.gammaln(n + 1)[:, None]
            found[n, column] = np.exp(logs) @ weights
    return found


def normal_grid(error: float, events: float) -> tuple[Numbers, Numbers]:
    """Points and weights of a standard normal that resolve so many events with a relative error."""
    sharpness = error * math.sqrt(max(events, 1.0) * math.exp(error))
    if sharpness <= _SMOOTH:
        return normal_points(error)
    step = min(0.25, _FINEST / sharpness)
    n = math.ceil(_FARTHEST / step)
    nodes = step * np.arange(-n, n + 1)
    weights: Numbers = np.exp(-(nodes**2) / 2)
    return np.asarray(nodes, np.float64), weights / weights.sum()


def _grouped(places: NDArray[np.int64], probability: Numbers) -> tuple[NDArray[np.int64], Numbers]:
    """Take neighbouring counts together, each group at its mean."""
    starts = np.linspace(0, len(places), _GROUPS, endpoint=False).astype(np.int64)
    mass = np.add.reduceat(probability, starts)
    middle = np.add.reduceat(probability * places, starts) / mass
    return np.rint(middle).astype(np.int64), mass
