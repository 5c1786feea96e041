"""Functions, fits and their spread."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, optimize, stats

from na64.outputs.background.extrapolation import (
    CONSTANT,
    EXPONENTIAL,
    LEAST_EVENTS,
    QUADRATIC,
    Average,
    Fit,
    Numbers,
    Shape,
    Sideband,
    average_of,
    extrapolate,
    fit_shape,
    variance_between,
)
from na64.outputs.background.extrapolation import power_law as power

EDGES = np.arange(65.0, 78.0)
BOX = (0.0, 60.0)
POWER = power(-35.0)
SHAPES = (CONSTANT, EXPONENTIAL, QUADRATIC, POWER)


def _counts(seed: int, slope: float = 0.3, height: float = 1.0) -> Numbers:
    mean = EXPONENTIAL.integrals(EDGES - 65, [height, slope])
    return np.random.default_rng(seed).poisson(mean).astype(np.float64)


def _sideband(counts: Numbers, shapes: tuple[Shape, ...] = (EXPONENTIAL, POWER, QUADRATIC)) -> Sideband:
    return Sideband("x", "E [GeV]", EDGES, counts, BOX, shapes, (65.0, 67.0), (77.0, 75.0))


def _fit(n: float, log_error: float, chi2: float = 10.0, start: float = 65.0) -> Fit:
    one = np.ones(1)
    return Fit(CONSTANT, start, 77.0, one, np.outer(one, one), chi2, 10, n, log_error, is_valid=True)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: str(shape.name))
@given(slope=st.floats(-0.8, 0.8), bend=st.floats(-0.02, 0.02))
def test_bins_are_integrated_as_quadrature_does(shape: Shape, slope: float, bend: float) -> None:
    edges = np.array([-65.0, -64.0, -5.0, -4.0, 0.0, 1.0, 3.0])
    parameters = [0.5, slope, bend][: shape.n_parameters]
    found = shape.integrals(edges, parameters)[[0, 2, 4, 5]]
    for value, low, high in zip(found, (-65, -5, 0, 1), (-64, -4, 1, 3), strict=True):
        exact, _ = integrate.quad(lambda x: float(shape.density(np.array(x), parameters)), low, high)
        assert value == pytest.approx(exact, rel=1e-7)


def test_a_fit_is_the_maximum_of_the_likelihood() -> None:
    counts = _counts(1)

    def minus_log(parameters: Numbers) -> float:
        mean = EXPONENTIAL.integrals(EDGES - 65, list(parameters))
        return float(-stats.poisson.logpmf(counts, mean).sum())

    best = optimize.minimize(minus_log, [1.0, 0.2], method="Nelder-Mead", options={"xatol": 1e-7})
    fit = fit_shape(EXPONENTIAL, EDGES, counts, BOX, reference=65.0)
    assert fit.parameters == pytest.approx(best.x, rel=1e-3)
    step = 1e-3
    curve = [minus_log(best.x + shift) for shift in (np.array([step, 0]), np.array([-step, 0]))]
    information = (sum(curve) - 2 * minus_log(best.x)) / step**2
    assert np.linalg.inv(fit.covariance)[0, 0] == pytest.approx(information, rel=0.01)


def test_the_goodness_of_fit_is_that_of_baker_and_cousins() -> None:
    counts = _counts(2)
    fit = fit_shape(EXPONENTIAL, EDGES, counts, BOX, reference=65.0)
    mean = EXPONENTIAL.integrals(EDGES - 65, list(fit.parameters))
    saturated = stats.poisson.logpmf(counts, np.maximum(counts, 1e-12)).sum()
    assert fit.chi2 == pytest.approx(2 * (saturated - stats.poisson.logpmf(counts, mean).sum()), rel=1e-6)
    assert fit.n_degrees == 10


def test_the_number_in_the_box_is_the_integral_with_the_error_of_the_covariance() -> None:
    fit = fit_shape(EXPONENTIAL, EDGES, _counts(3), BOX, reference=65.0)
    height, slope = fit.parameters
    assert fit.n == pytest.approx(np.exp(height) * (np.exp(-5 * slope) - np.exp(-65 * slope)) / slope)
    rng = np.random.default_rng(0)
    drawn = rng.multivariate_normal(fit.parameters, fit.covariance / 1e4, 4000)
    logs = [np.log(EXPONENTIAL.integrals(np.arange(-65.0, -4.0), list(p)).sum()) for p in drawn]
    assert 100 * np.std(logs) == pytest.approx(fit.log_error, rel=0.05)


def test_with_few_events_nothing_is_fitted() -> None:
    counts = np.zeros(len(EDGES) - 1)
    counts[3] = LEAST_EVENTS - 1
    found = extrapolate(_sideband(counts))
    assert found.average is None
    assert not found.fits


def test_a_function_that_does_not_describe_the_counts_is_not_used() -> None:
    counts = _counts(4, height=3.0)
    found = extrapolate(_sideband(counts, (CONSTANT, EXPONENTIAL)))
    assert not any(fit.is_acceptable for fit in found.fits if fit.shape is CONSTANT)
    assert found.average is not None
    assert found.average == extrapolate(_sideband(counts, (EXPONENTIAL,))).average
    assert extrapolate(_sideband(counts, (CONSTANT,))).average is None


def test_functions_that_differ_make_a_spread() -> None:
    counts = _counts(5)
    alone = extrapolate(_sideband(counts, (EXPONENTIAL,)))
    several = extrapolate(_sideband(counts, (EXPONENTIAL, POWER)))
    assert several.spread > alone.spread + 0.1
    assert several.log_error > alone.log_error


def test_functions_are_averaged_with_the_weights_of_akaike() -> None:
    found = average_of([_fit(1.0, 0.1), _fit(np.e, 0.3)])
    assert (found.log_n, found.within, found.between) == pytest.approx((0.5, 0.05, 0.25))
    unlikely = average_of([_fit(1.0, 0.1), _fit(np.e, 0.3, chi2=10 + 2 * np.log(9))])
    assert (unlikely.log_n, unlikely.between) == pytest.approx((0.1, 0.09))


def test_the_distance_of_two_ranges_counts_as_far_as_their_errors_do_not_explain_it() -> None:
    widest = Average(0.0, 0.01, 0.0)
    assert variance_between(widest, [widest, Average(1.0, 0.01, 0.0)]) == pytest.approx(0.5)
    assert variance_between(widest, [widest, Average(1.0, 0.51, 0.0)]) == pytest.approx(0.25)
    assert variance_between(widest, [widest, Average(1.0, 2.0, 0.0)]) == 0.0


def test_a_range_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no range to fit from 75 to 75 GeV"):
        Sideband("x", "E", EDGES, _counts(1), BOX, SHAPES, (65.0, 75.0), (77.0, 75.0))
