"""Extrapolation of a sideband into the signal box: Poisson likelihood fits, and their spread as an error.

A sideband is a spectrum along one axis of the (E_ECAL, E_HCAL) plane. Functions are fitted to its bins
outside the hidden region and integrated over the box.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from iminuit import Minuit
from iminuit.cost import ExtendedBinnedNLL
from numpy.typing import NDArray
from scipy import special

Numbers = NDArray[np.float64]
Density = Callable[[Numbers, Sequence[float]], Numbers]

LEAST_EVENTS = 20
"""In a range: with fewer no slope is fitted."""

LEAST_P = 0.01
"""Fits below this p-value are not acceptable."""

_LARGEST_ERROR = 3.0
"""Of the logarithm: a function that says nothing about the box is left out."""

_LARGEST_EXPONENT = 500.0
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(8)


@dataclass(frozen=True, slots=True)
class Shape:
    """A density along an axis, with the logarithm of its height at the reference energy as first parameter.

    Attributes
    ----------
    name : str
    n_parameters : int
    exponent : callable
        Of ``(energy - reference) / GeV`` and the parameters: the logarithm of the density.
    """

    name: str
    n_parameters: int
    exponent: Density

    def density(self, distance: Numbers, parameters: Sequence[float]) -> Numbers:
        """Events a GeV at distances in GeV from the reference energy."""
        exponent = np.clip(self.exponent(distance, parameters), -_LARGEST_EXPONENT, _LARGEST_EXPONENT)
        return np.asarray(np.exp(exponent))

    def integrals(self, edges: Numbers, parameters: Sequence[float]) -> Numbers:
        """Integrate over bins, with eight Gauss-Legendre nodes a bin.

        Parameters
        ----------
        edges : (n + 1,) float64, GeV from the reference energy
        parameters : sequence of float

        Returns
        -------
        (n,) float64
        """
        half = np.diff(edges) / 2
        nodes = (edges[:-1] + half)[:, None] + half[:, None] * _NODES
        return np.asarray(half * (self.density(nodes, parameters) @ _WEIGHTS))


CONSTANT = Shape("constant", 1, lambda x, p: p[0] + 0 * x)
EXPONENTIAL = Shape("exponential", 2, lambda x, p: p[0] + p[1] * x)
QUADRATIC = Shape("exponential of a parabola", 3, lambda x, p: p[0] + p[1] * x + p[2] * x**2)


def power_law(scale: float) -> Shape:
    """Make a power of ``1 + distance / scale``; a negative scale has its zero beyond the sideband.

    Of missing energy, for one: with the reference at E, and ``scale = E - beam energy``.
    """

    def exponent(distance: Numbers, parameters: Sequence[float]) -> Numbers:
        base = np.maximum(1 + distance / scale, 1e-12)
        return np.asarray(parameters[0] + parameters[1] * np.log(base))

    return Shape("power law", 2, exponent)


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
        Where to integrate.
    shapes : tuple of Shape
    starts, stops : tuple of float, GeV
        Ranges to fit: every start with every stop; the first of each make the widest.
    """

    name: str
    axis: str
    edges: Numbers
    counts: Numbers
    box: tuple[float, float]
    shapes: tuple[Shape, ...]
    starts: tuple[float, ...]
    stops: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.edges) != len(self.counts) + 1 or not (np.diff(self.edges) > 0).all():
            raise ValueError(f"{self.name}: {len(self.edges)} edges for {len(self.counts)} bins")
        if max(self.starts) >= min(self.stops):
            raise ValueError(
                f"{self.name}: no range to fit from {max(self.starts):g} to {min(self.stops):g} GeV"
            )

    def cut(self, start: float, stop: float) -> tuple[Numbers, Numbers]:
        """Give edges and counts of the bins between two energies."""
        first, last = np.searchsorted(self.edges, (start - 1e-9, stop + 1e-9))
        return self.edges[first:last], self.counts[first : last - 1]


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """A function fitted to a range, and what it says of the box.

    Attributes
    ----------
    shape : Shape
    start, stop : float, GeV
    parameters : (n,) float64
    covariance : (n, n) float64
    chi2 : float
        Of Baker and Cousins: twice the logarithm of the likelihood ratio to the counts themselves.
    n_degrees : int
    n : float
        Events in the box.
    log_error : float
        Error of the logarithm of `n`, of the fit's covariance.
    is_valid : bool
        The minimiser converged, and the covariance is positive.
    """

    shape: Shape
    start: float
    stop: float
    parameters: Numbers
    covariance: Numbers
    chi2: float
    n_degrees: int
    n: float
    log_error: float
    is_valid: bool

    @property
    def p_value(self) -> float:
        """Probability of a larger chi2; indicative where bins have few events."""
        return float(special.chdtrc(self.n_degrees, self.chi2)) if self.n_degrees > 0 else 1.0

    @property
    def is_acceptable(self) -> bool:
        """The fit converged, describes the counts, and says something about the box."""
        return self.is_valid and self.p_value >= LEAST_P and self.log_error < _LARGEST_ERROR

    @property
    def information(self) -> float:
        """Akaike's criterion, lower is better; comparable within a range only."""
        return self.chi2 + 2 * self.shape.n_parameters


@dataclass(frozen=True, slots=True)
class Average:
    """Fits to one range taken together, in the logarithm of the events in the box.

    Attributes
    ----------
    log_n : float
    within, between : float
        Variances: the mean of those of the fits, and that of the fits around their mean.
    """

    log_n: float
    within: float
    between: float

    @property
    def variance(self) -> float:
        """Of the errors of the fits and of the choice between them."""
        return self.within + self.between


@dataclass(frozen=True, slots=True, eq=False)
class Extrapolation:
    """What a sideband says of the box.

    Attributes
    ----------
    sideband : Sideband
    fits : tuple of Fit
    average : Average or None
        Of the widest range; None if no fit to it is acceptable.
    between_ranges : float
        Variance of the averages of the ranges around that of the widest, in the logarithm.
    """

    sideband: Sideband
    fits: tuple[Fit, ...] = ()
    average: Average | None = None
    between_ranges: float = 0.0

    @property
    def n(self) -> float:
        """Events expected in the box; nan if there is no average."""
        return math.exp(self.average.log_n) if self.average else math.nan

    @property
    def log_error(self) -> float:
        """Error of the logarithm of `n`: of the fits, and of the choice of function and range."""
        return math.sqrt(self.average.variance + self.between_ranges) if self.average else math.inf

    @property
    def spread(self) -> float:
        """The part of `log_error` that is the choice of function and range."""
        return math.sqrt(self.average.between + self.between_ranges) if self.average else math.inf

    @property
    def n_events(self) -> float:
        """Events in the widest range."""
        return float(self.sideband.cut(self.sideband.starts[0], self.sideband.stops[0])[1].sum())


def extrapolate(sideband: Sideband) -> Extrapolation:
    """Fit every function to every range and average the functions; the spread of both counts as an error.

    Functions of a range are averaged in the logarithm with Akaike's weights, and the variance is that of
    Buckland, Burnham and Augustin (Biometrics 53, 603). Shorter ranges add the mean square of their distances
    from the widest, less what the difference of the two variances explains (Barlow, hep-ex/0207026).
    """
    fits = tuple(_fits(sideband))
    ranges: dict[tuple[float, float], list[Fit]] = {}
    for fit in fits:
        if fit.is_acceptable:
            ranges.setdefault((fit.start, fit.stop), []).append(fit)
    averages = {limits: average_of(group) for limits, group in ranges.items()}
    widest = averages.get((sideband.starts[0], sideband.stops[0]))
    if widest is None:
        return Extrapolation(sideband, fits)
    return Extrapolation(sideband, fits, widest, variance_between(widest, tuple(averages.values())))


def average_of(fits: Sequence[Fit]) -> Average:
    """Average functions fitted to one range with Akaike's weights."""
    information = np.array([fit.information for fit in fits])
    weights = np.exp((information.min() - information) / 2)
    weights /= weights.sum()
    logs = np.log([fit.n for fit in fits])
    mean = float(weights @ logs)
    within = float(weights @ np.array([fit.log_error for fit in fits]) ** 2)
    return Average(mean, within, float(weights @ (logs - mean) ** 2))


def variance_between(widest: Average, averages: Sequence[Average]) -> float:
    """Give the mean square distance of averages from one, less what their errors explain."""
    excess = [
        max((average.log_n - widest.log_n) ** 2 - abs(average.variance - widest.variance), 0.0)
        for average in averages
    ]
    return float(np.mean(excess))


def _fits(sideband: Sideband) -> Iterator[Fit]:
    for start in sideband.starts:
        for stop in sideband.stops:
            edges, counts = sideband.cut(start, stop)
            if counts.sum() < LEAST_EVENTS:
                continue
            for shape in sideband.shapes:
                if len(counts) > shape.n_parameters:
                    yield fit_shape(shape, edges, counts, sideband.box, reference=sideband.starts[0])


def fit_shape(
    shape: Shape, edges: Numbers, counts: Numbers, box: tuple[float, float], *, reference: float
) -> Fit:
    """Fit a function to bins by extended maximum likelihood and integrate it over the box.

    Parameters
    ----------
    shape : Shape
    edges : (n + 1,) float64, GeV
    counts : (n,) float64
    box : tuple of float, GeV
    reference : float, GeV
        Where distances are measured from.
    """
    distances = edges - reference

    def cumulative(_: Numbers, *parameters: float) -> Numbers:
        return np.concatenate([[0.0], np.cumsum(shape.integrals(distances, parameters))])

    cost = ExtendedBinnedNLL(counts, edges, cumulative, name=[f"p{i}" for i in range(shape.n_parameters)])
    minimiser = Minuit(cost, *_begin(shape, distances, counts))
    minimiser.migrad()
    minimiser.hesse()
    values = np.array(minimiser.values)
    covariance = np.zeros((len(values), len(values)))
    if minimiser.covariance is not None:
        covariance = np.array(minimiser.covariance)
    n, log_error = _of_box(shape, _box_edges(box) - reference, values, covariance)
    return Fit(
        shape=shape,
        start=float(edges[0]),
        stop=float(edges[-1]),
        parameters=values,
        covariance=covariance,
        chi2=float(minimiser.fval or 0.0),
        n_degrees=len(counts) - shape.n_parameters,
        n=n,
        log_error=log_error,
        is_valid=bool(minimiser.valid) and math.isfinite(log_error) and log_error > 0,
    )


def _begin(shape: Shape, distances: Numbers, counts: Numbers) -> list[float]:
    """Start at the counts' mean density; with two parameters or more at the slope of their logarithms."""
    widths = np.diff(distances)
    begin = [math.log(counts.sum() / widths.sum())] + [0.0] * (shape.n_parameters - 1)
    if shape.n_parameters > 1:
        centres = (distances[:-1] + distances[1:]) / 2
        lever = shape.exponent(centres, [0.0, 1.0] + [0.0] * (shape.n_parameters - 2))
        slope, height = np.polyfit(lever, np.log((counts + 0.5) / widths), 1, w=np.sqrt(counts + 0.5))
        begin[:2] = [float(height), float(slope)]
    return begin


def _box_edges(box: tuple[float, float]) -> Numbers:
    return np.linspace(*box, max(2, math.ceil(box[1] - box[0]) + 1))


def _of_box(shape: Shape, edges: Numbers, values: Numbers, covariance: Numbers) -> tuple[float, float]:
    """Integral over the box, and the error of its logarithm by the chain rule."""

    def log_n(parameters: Numbers) -> float:
        return math.log(max(float(shape.integrals(edges, list(parameters)).sum()), 1e-300))

    steps = np.maximum(1e-3 * np.sqrt(np.maximum(np.diag(covariance), 0.0)), 1e-9)
    shifts = np.diag(steps)
    gradient = np.array(
        [(log_n(values + shift) - log_n(values - shift)) / (2 * shift.sum()) for shift in shifts]
    )
    return math.exp(log_n(values)), math.sqrt(max(float(gradient @ covariance @ gradient), 0.0))
