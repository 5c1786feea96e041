"""Extrapolation of a sideband into the signal box, validated by the part of it that is next to the guard.

A sideband is a spectrum along one axis of the (E_ECAL, E_HCAL) plane. Mixtures of exponentials are fitted to
its bins outside the hidden region (`mixture`); what the likelihood says of the box is the estimate.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import special

from na64.outputs.background.mixture import (
    DEEPEST,
    LikelihoodCurve,
    deviance,
    fit,
    integrals,
    trace,
    trace_one_slope,
)

Numbers = NDArray[np.float64]

LEAST_EVENTS = 20
"""Fewer give a limit, not a value."""

LEAST_P = 0.01
"""Below this p-value no density of the family describes the counts."""

LONGEST = 60.0
"""GeV: the longest scale of a slope before the floor."""

_SLOPES, _SINGLE_SLOPES = 26, 400
"""Slopes of a mixture, and those among which a density has a single one."""

_WIDEST_BAND = 3.0
"""GeV of the validation band; a quarter of a short sideband."""


@dataclass(frozen=True, slots=True, eq=False)
class Sideband:
    """A spectrum beside the box.

    Attributes
    ----------
    name, axis : str
        What it is a sideband of, and the label of its axis.
    edges : (n + 1,) float64, GeV
    counts : (n,) float64
        Of the bins outside the hidden region, all visible.
    box : tuple of float, GeV
        Where to integrate; below the sideband.
    start, stop : float, GeV
        Range of the fit.
    rising, falling : float or None, GeV
        Shortest scale of slopes that rise, and that fall, as the energy grows; None: there are none. A slope
        that falls makes the density in the box larger than beside it.
    one_slope : bool
        A single slope or a floor is assumed in place of a mixture.
    """

    name: str
    axis: str
    edges: Numbers
    counts: Numbers
    box: tuple[float, float]
    start: float
    stop: float
    rising: float | None = None
    falling: float | None = None
    one_slope: bool = False

    def __post_init__(self) -> None:
        if len(self.edges) != len(self.counts) + 1 or not (np.diff(self.edges) > 0).all():
            raise ValueError(f"{self.name}: {len(self.edges)} edges for {len(self.counts)} bins")
        if len(self.cut(self.start, self.stop)[1]) < 2:
            raise ValueError(f"{self.name}: no range to fit from {self.start:g} to {self.stop:g} GeV")

    def cut(self, start: float, stop: float) -> tuple[Numbers, Numbers]:
        """Edges and counts of the bins between two energies."""
        first, last = np.searchsorted(self.edges, (start - 1e-9, stop + 1e-9))
        return self.edges[first:last], self.counts[first : last - 1]

    @property
    def band(self) -> float:
        """Energy up to which the validation band goes, GeV; at least a bin is left to fit."""
        edges, _ = self.cut(self.start, self.stop)
        wanted = self.start + max(min(_WIDEST_BAND, (self.stop - self.start) / 4), edges[1] - edges[0])
        return float(edges[max(int(np.searchsorted(edges, wanted + 1e-9)) - 1, 1)])

    @property
    def rates(self) -> Numbers:
        """Inverse scales of the family, 1 / GeV, rising as the energy grows if above 0."""
        rising, falling = (
            self._rates(shortest) if shortest else np.zeros(0) for shortest in (self.rising, self.falling)
        )
        return np.concatenate([-falling, [0.0], rising])

    def _rates(self, shortest: float) -> Numbers:
        if self.one_slope:
            return np.linspace(1 / shortest, 0, _SINGLE_SLOPES, endpoint=False)
        return np.asarray(1 / np.geomspace(shortest, LONGEST, _SLOPES), np.float64)

    def columns(self, start: float, stop: float) -> Numbers:
        """Events of every slope in the bins of a range, (n_bins, n_rates)."""
        return integrals(self.cut(start, stop)[0] - self.start, self.rates)

    @property
    def contents(self) -> Numbers:
        """Events of every slope in the box, (n_rates,)."""
        found: Numbers = integrals(np.array(self.box) - self.start, self.rates)[0]
        return found

    @property
    def trace(self) -> Callable[..., LikelihoodCurve]:
        """Likelihood of a number of events, by bins, counts, events of every slope, and how deep."""
        return trace_one_slope if self.one_slope else trace


@dataclass(frozen=True, slots=True)
class Validation:
    """What a fit without the bins next to the guard says of them.

    Attributes
    ----------
    start, stop : float, GeV
    observed : float
        Events.
    predicted, low, high : float
        Most likely number, and the central 68 % of the likelihood.
    pull : float
        Standard deviations between both, of the likelihood ratio; above 0 if more is seen.
    """

    start: float
    stop: float
    observed: float
    predicted: float
    low: float
    high: float
    pull: float

    @property
    def scale(self) -> float:
        """Factor on the errors of the estimate."""
        return max(1.0, abs(self.pull))


@dataclass(frozen=True, slots=True, eq=False)
class Extrapolation:
    """What a sideband says of the box.

    Attributes
    ----------
    sideband : Sideband
    weights : (n_rates,) float64
        The mixture with the largest likelihood.
    curve : LikelihoodCurve
        Likelihood of the number of events in the box, its errors enlarged by what the validation says.
    validation : Validation
    chi2 : float
        Of Baker and Cousins.
    """

    sideband: Sideband
    weights: Numbers
    curve: LikelihoodCurve
    validation: Validation
    chi2: float
    _quantiles: list[float] = field(default_factory=list, repr=False)

    @property
    def quantiles(self) -> tuple[float, float, float, float]:
        """Numbers of events below which 16, 50, 84 and 90 % of the likelihood lie."""
        if not self._quantiles:
            self._quantiles.extend(self.curve.quantiles(0.16, 0.5, 0.84, 0.9))
        low, median, high, limit = self._quantiles
        return low, median, high, limit

    @property
    def n(self) -> float:
        """Events expected in the box: the median of the likelihood."""
        return self.quantiles[1]

    @property
    def error(self) -> float:
        """Standard error of `n`: the larger of both sides."""
        low, median, high, _ = self.quantiles
        return max(high - median, median - low)

    @property
    def log_error(self) -> float:
        """Error of the logarithm of `n`."""
        return self.error / self.n if self.n else math.inf

    @property
    def n_events(self) -> float:
        """Events in the range of the fit."""
        return float(self.sideband.cut(self.sideband.start, self.sideband.stop)[1].sum())

    @property
    def p_value(self) -> float:
        """Probability of a larger chi2; indicative where bins have few events."""
        n_bins = len(self.sideband.cut(self.sideband.start, self.sideband.stop)[1])
        return float(special.chdtrc(max(n_bins - 2, 1), self.chi2))

    @property
    def is_acceptable(self) -> bool:
        """A density of the family describes the counts."""
        return self.p_value >= LEAST_P

    @property
    def largest_ratio(self) -> float:
        """Events in the box for one in the validation band, of the slope that is least favourable."""
        band = self.sideband.columns(self.sideband.start, self.sideband.band).sum(axis=0)
        return float((self.sideband.contents / band).max())

    def density(self, energies: Numbers) -> Numbers:
        """Events a GeV of the best mixture at energies in GeV."""
        exponents = np.multiply.outer(energies - self.sideband.start, self.sideband.rates)
        result: Numbers = np.exp(np.clip(exponents, -500, 500)) @ self.weights
        return result


def extrapolate(sideband: Sideband) -> Extrapolation:
    """Fit the family to the sideband, validate it next to the guard, and integrate over the box."""
    start, stop = sideband.start, sideband.stop
    columns, (_, counts) = sideband.columns(start, stop), sideband.cut(start, stop)
    validation = validate(sideband)
    deepest = DEEPEST * validation.scale**2
    curve = sideband.trace(columns, counts, sideband.contents, deepest).widened(validation.scale)
    weights, chi2 = _best(sideband, columns, counts)
    return Extrapolation(sideband, weights, curve, validation, chi2)


def _best(sideband: Sideband, columns: Numbers, counts: Numbers) -> tuple[Numbers, float]:
    """Weights of the best density of the family, and its chi2."""
    if not sideband.one_slope:
        return fit(columns, counts, columns.sum(axis=0)), deviance(columns, counts)
    chi2 = [deviance(column[:, None], counts) for column in columns.T]
    weights = np.zeros(columns.shape[1])
    best = int(np.argmin(chi2))
    weights[best] = counts.sum() / columns[:, best].sum()
    return weights, chi2[best]


def validate(sideband: Sideband) -> Validation:
    """Predict the bins next to the guard from the others, and compare."""
    start, middle, stop = sideband.start, sideband.band, sideband.stop
    observed = float(sideband.cut(start, middle)[1].sum())
    contents = sideband.columns(start, middle).sum(axis=0)
    curve = sideband.trace(sideband.columns(middle, stop), sideband.cut(middle, stop)[1], contents)
    low, high = curve.quantiles(0.16, 0.84)
    both = curve.depth + curve.n - special.xlogy(observed, curve.n)
    apart = 2 * (float(both.min()) - (observed - float(special.xlogy(observed, observed))))
    pull = math.copysign(math.sqrt(max(apart, 0.0)), observed - curve.best)
    return Validation(start, middle, observed, curve.best, low, high, pull)
