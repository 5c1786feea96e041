"""A counting experiment of one or several run periods, with log-normal errors that are integrated over.

The mean of a channel is ``signal * share * exp(signal_error * z) * exp(share_error * z') + background *
exp(relative error * z'')`` with standard normal ``z``: one for the signal of all channels, one a channel,
and one a group of backgrounds that were estimated together. A relative error is the width in the logarithm;
the median is the nominal value.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

Counts = NDArray[np.int64]
Numbers = NDArray[np.float64]

_SMALL, _FEW_NODES, _MANY_NODES = 0.2, 10, 20
"""Points of the Gauss-Hermite rule: few for small errors. Against 40 points, limits change by less than
1e-5 for errors up to 30 % and by 6e-4 for a background known to 100 % and a signal known to 50 %."""

_BLOCK = 512
"""Outcomes that are integrated at a time."""


@dataclass(frozen=True, slots=True)
class Channel:
    """A run period, counted by itself.

    Attributes
    ----------
    name : str
    background, background_error : float
        Events expected in the box without a signal, and the error.
    share : float
        Part of the signal that is expected here; a channel without any is no channel.
    share_error : float
        Relative error of that part which other channels do not have.
    group : str
        Backgrounds of one group have one error in common; by default a channel is a group of its own.
    """

    name: str
    background: float
    background_error: float = 0.0
    share: float = 1.0
    share_error: float = 0.0
    group: str = ""

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
        """Width of the logarithm of the background."""
        return self.background_error / self.background if self.background else 0.0


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

    def groups(self) -> Iterator[list[int]]:
        """Give the channels, by index, whose backgrounds vary together."""
        names: dict[str, list[int]] = {}
        for index, channel in enumerate(self.channels):
            names.setdefault(channel.group or f"\0{index}", []).append(index)
        yield from names.values()


def counting(background: float, error: float = 0.0, *, signal_error: float = 0.0) -> Model:
    """Give the model of one channel."""
    return Model((Channel("all", background, error),), signal_error)


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
    blocks = [outcomes[start : start + _BLOCK] for start in range(0, len(outcomes), _BLOCK)]
    return np.concatenate([np.empty(0), *(_block(model, signal, block) for block in blocks)])


def _block(model: Model, signal: float, outcomes: Counts) -> Numbers:
    scales, weights = _log_normal(model.signal_error)
    total = np.ones((len(outcomes), len(scales)))
    for group in model.groups():
        total *= _of_group([model.channels[i] for i in group], signal * scales, outcomes[:, group])
    return np.asarray(total @ weights, np.float64)


def _of_group(channels: Sequence[Channel], signals: Numbers, outcomes: Counts) -> Numbers:
    """Probability of outcomes in channels with a common background error, (n_outcomes, n_signals)."""
    nodes, weights = _nodes(max(channel.relative_background_error for channel in channels))
    product = np.ones((len(outcomes), len(signals), len(nodes)))
    for index, channel in enumerate(channels):
        backgrounds = channel.background * np.exp(channel.relative_background_error * nodes)
        product *= _table(channel, signals, backgrounds, int(outcomes[:, index].max()))[outcomes[:, index]]
    return np.asarray(product @ weights, np.float64)


def _table(channel: Channel, signals: Numbers, backgrounds: Numbers, largest: int) -> Numbers:
    """Poisson probabilities of 0 to ``largest`` events, (largest + 1, n_signals, n_backgrounds)."""
    scales, weights = _log_normal(channel.share_error)
    mean = channel.share * signals[:, None, None] * scales + backgrounds[:, None]
    n = np.arange(largest + 1)[:, None, None, None]
    return np.asarray(np.exp(special.xlogy(n, mean) - mean - special.gammaln(n + 1)) @ weights, np.float64)


def _log_normal(error: float) -> tuple[Numbers, Numbers]:
    nodes, weights = _nodes(error)
    return np.exp(error * nodes), weights


def _nodes(error: float) -> tuple[Numbers, Numbers]:
    """Points and weights of a standard normal for an error; one point if there is none."""
    if not error:
        return np.zeros(1), np.ones(1)
    n = _FEW_NODES if error <= _SMALL else _MANY_NODES
    nodes, weights = np.polynomial.hermite_e.hermegauss(n)
    return nodes, weights / weights.sum()
