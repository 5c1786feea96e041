"""A counting experiment of one or several run periods, with log-normal errors that are integrated over.

The mean of a channel is ``signal * share * exp(sum e_k z_k) + background * exp(sum f_k z_k)`` with standard
normal ``z_k``: one for each name of an effect, so that channels that name the same one have it in common,
and one a channel for the errors that it has to itself. A relative error is the width in the logarithm; the
median is the nominal value.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, reduce

import numpy as np
from numpy.typing import NDArray
from scipy import special

from na64.outputs.statistics.quadrature import Rule, normal_points, rule_of

Counts = NDArray[np.int64]
Numbers = NDArray[np.float64]

Effects = tuple[tuple[str, float], ...]
"""Names of errors, with the relative change that one standard deviation of each makes."""

_BLOCK = 512
"""Outcomes that are integrated at a time."""

_LEAST_MEAN = 1e-300
"""Smaller means are taken as this one: nothing is ever seen of either."""


@dataclass(frozen=True, slots=True)
class Channel:
    """A run period, counted by itself.

    Attributes
    ----------
    name : str
    background, background_error : float
        Events expected in the box without a signal, and the error that other channels do not have.
    share : float
        Part of the signal that is expected here; a channel without any is no channel.
    share_error : float
        Relative error of that part which other channels do not have.
    signal_effects, background_effects : Effects
        Relative errors of signal and background that other channels may have too, by name.
    """

    name: str
    background: float
    background_error: float = 0.0
    share: float = 1.0
    share_error: float = 0.0
    signal_effects: Effects = ()
    background_effects: Effects = ()

    def __post_init__(self) -> None:
        for what in ("background", "background_error", "share", "share_error"):
            value = getattr(self, what)
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"{self.name}: {what} is {value}: expected a number from 0 on")
        if not self.share:
            raise ValueError(f"{self.name}: no signal is expected, so it cannot be counted in")
        if self.background_error and not self.background:
            raise ValueError(f"{self.name}: a background of 0 has no error of {self.background_error}")

    @property
    def relative_background_error(self) -> float:
        """Width of the logarithm of the background, of the error that no other channel has."""
        return self.background_error / self.background if self.background else 0.0

    @property
    def background_width(self) -> float:
        """Width of the logarithm of the background, of all errors."""
        return math.hypot(self.relative_background_error, *(size for _, size in self.background_effects))

    @property
    def signal_width(self) -> float:
        """Width of the logarithm of the share, of all errors but that of the model."""
        return math.hypot(self.share_error, *(size for _, size in self.signal_effects))


@dataclass(frozen=True, slots=True)
class Model:
    """Channels that are combined.

    Attributes
    ----------
    channels : tuple of Channel
        The shares add up to one.
    signal_error : float
        Relative error of the signal that all channels have in common.
    """

    channels: tuple[Channel, ...]
    signal_error: float = 0.0

    def __post_init__(self) -> None:
        if not self.channels:
            raise ValueError("no channel to count in")
        total = math.fsum(channel.share for channel in self.channels)
        if abs(total - 1) > 1e-9:
            raise ValueError(f"the shares of the signal add up to {total:g}: expected 1")
        if not (math.isfinite(self.signal_error) and self.signal_error >= 0):
            raise ValueError(f"signal error {self.signal_error}: expected a number from 0 on")

    @property
    def background(self) -> float:
        """Events expected in all channels without a signal."""
        return math.fsum(channel.background for channel in self.channels)

    @property
    def signal_effects(self) -> Numbers:
        """Of every error on every channel: by name, `signal_error`, own, (n_errors, n_channels)."""
        named = _matrix([channel.signal_effects for channel in self.channels])
        common = np.full((1, len(self.channels)), self.signal_error)
        return np.vstack([named, common, np.diag([channel.share_error for channel in self.channels])])

    @property
    def background_effects(self) -> Numbers:
        """Of every error on every channel: by name, own, (n_errors, n_channels)."""
        named = _matrix([channel.background_effects for channel in self.channels])
        return np.vstack([named, np.diag([channel.relative_background_error for channel in self.channels])])


def counting(background: float, error: float = 0.0, *, signal_error: float = 0.0) -> Model:
    """Give the model of one channel."""
    return Model((Channel("all", background, error),), signal_error)


def merged(model: Model) -> Model:
    """Give the model of the sum of all counts: one channel, its errors those of the sums."""
    shares = [channel.share for channel in model.channels]
    backgrounds = [channel.background for channel in model.channels]
    error = math.hypot(*(model.background_effects @ backgrounds))
    return counting(model.background, error, signal_error=math.hypot(*(model.signal_effects @ shares)))


def probabilities(model: Model, signal: float, outcomes: Counts) -> Numbers:
    """Probability of every outcome, integrated over the errors.

    Parameters
    ----------
    model : Model
    signal : float
        Events expected in all channels.
    outcomes : (n_outcomes, n_channels) int64

    Returns
    -------
    (n_outcomes,) float64
    """
    signals, backgrounds = _rules(model)
    tables = [
        _table(
            _poisson(signal * channel.share * signals.scales[:, i], signals.own[i], n),
            _of_background(model, i, n),
        )
        for i, (channel, n) in enumerate(zip(model.channels, outcomes.max(axis=0).tolist(), strict=True))
    ]
    starts = range(0, len(outcomes), _BLOCK)
    blocks = [_product(tables, outcomes[start : start + _BLOCK]) for start in starts]
    return np.concatenate([block @ backgrounds.weights @ signals.weights for block in blocks])


def chances(model: Model, signals: Numbers, largest: int) -> Numbers:
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
    background = _poisson(np.array([channel.background]), channel.background_width, largest)
    return _table(_poisson(signals * channel.share, error, largest), background)[:, :, 0]


@lru_cache
def _rules(model: Model) -> tuple[Rule, Rule]:
    """Points of the errors of signal and background: of a limit they are asked for often."""
    return rule_of(model.signal_effects), rule_of(model.background_effects)


@lru_cache(1024)
def _of_background(model: Model, index: int, largest: int) -> Numbers:
    """Probability of 0 to ``largest`` events of background in a channel, (largest + 1, n_backgrounds)."""
    _, rule = _rules(model)
    return _poisson(model.channels[index].background * rule.scales[:, index], rule.own[index], largest)


def _product(tables: Sequence[Numbers], outcomes: Counts) -> Numbers:
    """Probability of outcomes at every point of the rules, (n_outcomes, n_signals, n_backgrounds)."""
    factors = (table[counts] for table, counts in zip(tables, outcomes.T, strict=True))
    return reduce(np.multiply, factors)


def _table(signals: Numbers, backgrounds: Numbers) -> Numbers:
    """Probability of 0 to n events from both, (n + 1, n_signals, n_backgrounds)."""
    n = len(signals)
    seen, of_signal = np.arange(n)[:, None], np.arange(n)
    rest = np.where((seen >= of_signal)[:, :, None], backgrounds[seen - of_signal], 0.0)
    return np.ascontiguousarray(np.tensordot(signals, rest, axes=(0, 1)).swapaxes(0, 1))


def _poisson(means: Numbers, error: float, largest: int) -> Numbers:
    """Probability of 0 to ``largest`` events, integrated over an error, (largest + 1, n_means)."""
    nodes, weights = normal_points(error)
    mean = means[:, None] * np.exp(error * nodes)
    logarithm = np.log(np.maximum(mean, _LEAST_MEAN))
    n = np.arange(largest + 1)[:, None, None]
    return np.asarray(np.exp(n * logarithm - mean - special.gammaln(n + 1)) @ weights, np.float64)


def _matrix(effects: Sequence[Effects]) -> Numbers:
    names = dict.fromkeys(name for own in effects for name, _ in own)
    rows = [[dict(own).get(name, 0.0) for own in effects] for name in names]
    return np.array(rows, np.float64).reshape(len(names), len(effects))
