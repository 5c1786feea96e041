"""Sources of background of which an upper limit is known: their mean has a gamma distribution.

It is what a count leaves of the mean of a Poisson distribution: with m events seen in a control region, and
``scale`` events in the box for each of them, the mean in the box has shape m + 1. So a limit that rests on
nothing seen is an exponential, largest at 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

Numbers = NDArray[np.float64]

CONFIDENCE = 0.9
"""Confidence level of upper limits."""

_LARGEST_SHAPE = 1e6

_EVENLY: Numbers = (np.arange(400) + 0.5) / 400
"""Probabilities of points that stand for a distribution, equally probable."""


@dataclass(frozen=True, slots=True)
class Gamma:
    """Distribution of the events expected from a source.

    Attributes
    ----------
    shape : float
        From 1 on: one more than the events of a control region.
    scale : float
        Events in the box for each of them.
    """

    shape: float
    scale: float

    def __post_init__(self) -> None:
        if not (
            math.isfinite(self.shape) and self.shape > 0 and math.isfinite(self.scale) and self.scale > 0
        ):
            raise ValueError(
                f"gamma distribution of shape {self.shape} and scale {self.scale}: expected above 0"
            )

    @property
    def mean(self) -> float:
        """Events."""
        return self.shape * self.scale

    @property
    def deviation(self) -> float:
        """Standard deviation, events."""
        return math.sqrt(self.shape) * self.scale

    def scaled(self, factor: float) -> Gamma:
        """Distribution of a part of the events, or of several times as many."""
        return Gamma(self.shape, self.scale * factor)

    def quantile(self, probability: float) -> float:
        """Events below which a share of the distribution lies."""
        return float(special.gammaincinv(self.shape, probability)) * self.scale

    def counts(self, largest: int) -> Numbers:
        """Probability of 0 to ``largest`` events seen, (largest + 1,): the negative binomial distribution."""
        n = np.arange(largest + 1)
        ways = special.gammaln(n + self.shape) - special.gammaln(self.shape) - special.gammaln(n + 1)
        growth = n * math.log(self.scale / (1 + self.scale)) - self.shape * math.log1p(self.scale)
        return np.asarray(np.exp(ways + growth), np.float64)

    def points(self, n: int) -> tuple[Numbers, Numbers]:
        """Events and weights of the Gauss-Laguerre rule of this distribution, (n,) each."""
        nodes, weights = special.roots_genlaguerre(n, self.shape - 1)
        return nodes * self.scale, weights / weights.sum()


def of_limit(limit: float, most_likely: float = 0.0) -> Gamma:
    """Distribution with an upper limit at `CONFIDENCE` and a most likely number of events."""

    def excess(shape: float) -> float:
        return (shape - 1) / float(special.gammaincinv(shape, CONFIDENCE)) - most_likely / limit

    shape = 1.0
    if most_likely:
        shape = _LARGEST_SHAPE
        if excess(shape) > 0:
            shape = float(optimize.brentq(excess, 1.0, _LARGEST_SHAPE))
    return Gamma(shape, limit / float(special.gammaincinv(shape, CONFIDENCE)))


def limit_of_product(shape: float | None, error: float, *, times_a_limit: bool) -> float:
    """Upper limit at `CONFIDENCE` on a product of which every factor but one limit is of unit size.

    Parameters
    ----------
    shape : float or None
        Of the gamma distribution of scale 1 that a count leaves; None: no count is among the factors.
    error : float
        Relative, of all other factors: log-normal.
    times_a_limit : bool
        One factor is known by a limit at `CONFIDENCE` of 1: an exponential distribution.
    """
    sizes = np.exp(error * special.ndtri(_EVENLY)) if error else np.ones(1)
    counts = special.gammaincinv(shape, _EVENLY) if shape is not None else np.ones(1)
    if times_a_limit:
        scale = np.outer(sizes, counts).ravel() / -math.log1p(-CONFIDENCE)

        def reached(limit: float) -> float:
            return float(-np.expm1(-limit / scale).mean())
    else:
        if shape is None:
            raise ValueError("neither a count nor a limit is among the factors: there is no limit")

        def reached(limit: float) -> float:
            return float(special.gammainc(shape, limit / sizes).mean())

    highest = 1.0
    while reached(highest) < CONFIDENCE:
        highest *= 2
    return float(optimize.brentq(lambda limit: reached(limit) - CONFIDENCE, 0.0, highest, rtol=1e-12))


def summed(sources: Sequence[Gamma]) -> Gamma | None:
    """Distribution of the sum of independent sources, by its first two moments; None without any."""
    if not sources:
        return None
    mean, variance = (math.fsum(s.shape * s.scale**power for s in sources) for power in (1, 2))
    return Gamma(mean**2 / variance, variance / mean)
