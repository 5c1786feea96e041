"""A counting experiment of one or several run periods, with log-normal errors that are integrated over.

The mean of a channel is ``signal * signal_fraction * exp(sum e_k z_k) + background * exp(sum f_k z_k)`` with
standard normal ``z_k``: one for each name of an effect, so that channels that name the same one have it in
common, and one a channel for the errors that it has to itself. A relative error is the width in the
logarithm; the median is the nominal value. Sources of which an upper limit is known add a mean with a gamma
distribution.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, reduce

import numpy as np
from numpy.typing import NDArray
from scipy import special

from na64.outputs.statistics.one_sided import Gamma, summed
from na64.outputs.statistics.quadrature import QuadratureRule, normal_points, rule_apart, rule_of

Counts = NDArray[np.int64]
Numbers = NDArray[np.float64]

Effects = tuple[tuple[str, float], ...]
"""Names of errors, with the relative change that one standard deviation of each makes."""

OneSided = tuple[tuple[str, Gamma], ...]
"""Names of sources that are limits, with the distribution of the events expected of each."""

_BLOCK = 512
"""Outcomes that are integrated at a time."""

_LIMIT_POINTS, _MOST_POINTS = 12, 120
"""Points of a limit in common, and of everything in common together; more is each channel's own."""

_LEAST_MEAN = 1e-300
"""Smaller means are taken as this one: nothing is ever seen of either."""


_MOST_ERROR = 5.0
"""Relative error of a signal: outcomes reach to its exponential, and are too many beyond."""


@dataclass(frozen=True, slots=True)
class Channel:
    """A run period, counted by itself.

    Attributes
    ----------
    name : str
    background, background_error : float
        Events expected in the box without a signal, and the error that other channels do not have.
    signal_fraction : float
        Part of the signal that is expected here; a channel without any is no channel.
    signal_fraction_error : float
        Relative error of that part which other channels do not have.
    signal_effects, background_effects : Effects
        Relative errors of signal and background that other channels may have too, by name.
    one_sided : OneSided
        Further background, of sources that are limits: channels that name the same one have it in common,
        each its part of it.
    """

    name: str
    background: float
    background_error: float = 0.0
    signal_fraction: float = 1.0
    signal_fraction_error: float = 0.0
    signal_effects: Effects = ()
    background_effects: Effects = ()
    one_sided: OneSided = ()

    def __post_init__(self) -> None:
        for what in ("background", "background_error", "signal_fraction", "signal_fraction_error"):
            value = getattr(self, what)
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"{self.name}: {what} is {value}: expected a number from 0 on")
        if not self.signal_fraction:
            raise ValueError(f"{self.name}: no signal is expected, so it cannot be counted in")
        if self.background_error and not self.background:
            raise ValueError(f"{self.name}: a background of 0 has no error of {self.background_error}")

    @property
    def expected(self) -> float:
        """Events expected without a signal, limits with the mean of their distribution."""
        return self.background + math.fsum(source.mean for _, source in self.one_sided)

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
        """Width of the logarithm of the signal fraction, of all errors but that of the model."""
        return math.hypot(self.signal_fraction_error, *(size for _, size in self.signal_effects))


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
        total = math.fsum(channel.signal_fraction for channel in self.channels)
        if abs(total - 1) > 1e-9:
            raise ValueError(f"the shares of the signal add up to {total:g}: expected 1")
        check_signal_error(self.signal_error)

    @property
    def background(self) -> float:
        """Events expected in all channels without a signal."""
        return math.fsum(channel.expected for channel in self.channels)

    @property
    def signal_effects(self) -> Numbers:
        """Effects of every error on every channel: by name, `signal_error`, own, (n_errors, n_channels)."""
        named = _matrix([channel.signal_effects for channel in self.channels])
        common = np.full((1, len(self.channels)), self.signal_error)
        return np.vstack(
            [named, common, np.diag([channel.signal_fraction_error for channel in self.channels])]
        )

    @property
    def background_effects(self) -> Numbers:
        """Effects of every error on every channel: by name, own, (n_errors, n_channels)."""
        named = _matrix([channel.background_effects for channel in self.channels])
        return np.vstack([named, np.diag([channel.relative_background_error for channel in self.channels])])


def counting(
    background: float, error: float = 0.0, *, signal_error: float = 0.0, one_sided: Gamma | None = None
) -> Model:
    """Model of one channel."""
    sources = (("limits", one_sided),) if one_sided else ()
    return Model((Channel("all", background, error, one_sided=sources),), signal_error)


def merged(model: Model) -> Model:
    """Model of the sum of all counts: one channel, its errors those of the sums."""
    signal_fractions = [channel.signal_fraction for channel in model.channels]
    backgrounds = [channel.background for channel in model.channels]
    error = math.hypot(*(model.background_effects @ backgrounds))
    signal_error = math.hypot(*(model.signal_effects @ signal_fractions))
    named: dict[str, Gamma] = {}
    for name, source in (entry for channel in model.channels for entry in channel.one_sided):
        known = named.get(name)
        named[name] = Gamma(source.shape, source.scale + (known.scale if known else 0.0))
    one_sided = summed(tuple(named.values()))
    return counting(math.fsum(backgrounds), error, signal_error=signal_error, one_sided=one_sided)


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
    signals, points = _rules(model)
    tables = [
        _table(
            _poisson(signal * channel.signal_fraction * signals.scales[:, i], signals.own[i], n),
            _of_background(model, i, n),
        )
        for i, (channel, n) in enumerate(zip(model.channels, outcomes.max(axis=0).tolist(), strict=True))
    ]
    starts = range(0, len(outcomes), _BLOCK)
    blocks = [_product(tables, outcomes[start : start + _BLOCK]) for start in starts]
    return np.concatenate([block @ points.weights @ signals.weights for block in blocks])


@dataclass(frozen=True, slots=True, eq=False)
class _Points:
    """Points at which the background of all channels is evaluated.

    Attributes
    ----------
    scales, added : (n_points, n_channels) float64
        Factor on the background, and events of the sources in common that are limits.
    weights : (n_points,) float64
    own : (n_channels,) float64
        Relative error that each channel has besides, to itself.
    one_sided : tuple of Gamma or None
        Of each channel, the sources that are limits and its own.
    """

    scales: Numbers
    added: Numbers
    weights: Numbers
    own: Numbers
    one_sided: tuple[Gamma | None, ...]


@lru_cache
def _rules(model: Model) -> tuple[QuadratureRule, _Points]:
    """Points of the errors of signal and background: of a limit they are asked for often."""
    return rule_of(model.signal_effects), _points_of(model)


def _points_of(model: Model) -> _Points:
    """Make points for errors and for limits in common, as long as there are not too many."""
    rule = _rule_of_background(model)
    scales, weights, added = rule.scales, rule.weights, np.zeros_like(rule.scales)
    own = [dict(channel.one_sided) for channel in model.channels]
    for name in sorted(deviations := _of_limits(model), key=deviations.__getitem__, reverse=True):
        having = [sources[name] for sources in own if name in sources]
        if len(having) == 1 or len(weights) * _LIMIT_POINTS > _MOST_POINTS:
            continue
        nodes, node_weights = Gamma(having[0].shape, 1.0).points(_LIMIT_POINTS)
        parts = np.array([sources.pop(name).scale if name in sources else 0.0 for sources in own])
        added = (added[:, None] + nodes[:, None] * parts).reshape(-1, len(own))
        scales = np.repeat(scales, len(nodes), axis=0)
        weights = np.multiply.outer(weights, node_weights).ravel()
    one_sided = tuple(summed(tuple(sources.values())) for sources in own)
    return _Points(scales, added, weights, rule.own, one_sided)


def _rule_of_background(model: Model) -> QuadratureRule:
    """Make the rule of errors; what is less than a limit in common must not take the points of that."""
    effects = model.background_effects
    rule = rule_of(effects)
    if len(rule.weights) * _LIMIT_POINTS <= _MOST_POINTS:
        return rule
    shared = effects[np.count_nonzero(effects, axis=1) > 1]
    of_errors = float(np.linalg.norm(shared @ [channel.background for channel in model.channels]))
    in_common = [d for name, d in _of_limits(model).items() if _n_having(model, name) > 1]
    return rule_apart(effects) if max(in_common, default=0.0) > of_errors else rule


def _of_limits(model: Model) -> dict[str, float]:
    """Standard deviation of the events of every source that is a limit, of all channels together."""
    found: dict[str, float] = {}
    for name, source in (entry for channel in model.channels for entry in channel.one_sided):
        found[name] = found.get(name, 0.0) + source.deviation
    return found


def _n_having(model: Model, name: str) -> int:
    return sum(name in dict(channel.one_sided) for channel in model.channels)


@lru_cache(1024)
def _of_background(model: Model, index: int, largest: int) -> Numbers:
    """Probability of 0 to ``largest`` events of background in a channel, (largest + 1, n_backgrounds)."""
    _, points = _rules(model)
    means = model.channels[index].background * points.scales[:, index]
    found = _poisson(means, points.own[index], largest)
    if points.added[:, index].any():
        found = _folded(found, _poisson(points.added[:, index], 0.0, largest))
    own = points.one_sided[index]
    return found if own is None else _folded(found, own.counts(largest)[:, None])


def _folded(one: Numbers, other: Numbers) -> Numbers:
    """Probability of 0 to n events from two sources at every point, (n + 1, n_points)."""
    found = np.zeros(np.broadcast_shapes(one.shape, other.shape))
    for n, probability in enumerate(one):
        found[n:] += probability * other[: len(other) - n]
    return found


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


def check_signal_error(error: float) -> None:
    """Refuse a relative error of a signal that is none, or beyond what outcomes can be summed for.

    Raises
    ------
    ValueError
    """
    if not 0 <= error <= _MOST_ERROR:
        raise ValueError(f"signal error {error}: expected a number from 0 to {_MOST_ERROR:g}")
