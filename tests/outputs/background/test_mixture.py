"""Mixtures of exponentials and the likelihood of what they say of the box."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, optimize, special

from na64.outputs.background.mixture import Numbers, deviance, fit, integrals, trace, trace_one_slope

EDGES = np.arange(13.0)
RATES = np.concatenate([[0.0], 1 / np.geomspace(60, 1, 12)])
COLUMNS = integrals(EDGES, RATES)
CONTENTS = integrals(np.array([-65.0, -5.0]), RATES)[0]

COUNTS = st.lists(st.integers(0, 60), min_size=12, max_size=12).map(lambda n: np.array(n, np.float64))


@given(rate=st.floats(-1, 1), low=st.floats(-60, 20), width=st.floats(0.1, 5))
def test_exponentials_are_integrated_as_quadrature_does(rate: float, low: float, width: float) -> None:
    exact, _ = integrate.quad(lambda x: np.exp(rate * x), low, low + width)
    found = integrals(np.array([low, low + width]), np.array([rate]))[0, 0]
    assert found == pytest.approx(exact, rel=1e-9, abs=0)


@settings(max_examples=25, deadline=None)
@given(COUNTS)
def test_no_slope_makes_the_best_mixture_better(counts: Numbers) -> None:
    """The condition of a largest likelihood on a cone: no column has a gradient above its cost."""
    costs = COLUMNS.sum(axis=0)
    weights = fit(COLUMNS, counts, costs)
    assert (weights >= 0).all()
    if counts.any():
        gradient = COLUMNS.T @ (counts / np.maximum(COLUMNS @ weights, 1e-300))
        assert (gradient <= costs * (1 + 1e-4)).all()
        assert weights @ costs == pytest.approx(counts.sum(), rel=1e-5)


def test_a_curve_is_the_largest_likelihood_for_each_number_of_events() -> None:
    """Of two slopes, the number in the box leaves one weight to choose."""
    counts = np.array([3, 2, 4, 5, 9, 8, 14, 22, 20, 37, 51, 60], np.float64)
    columns, contents = COLUMNS[:, [0, 8]], CONTENTS[[0, 8]]
    curve = trace(columns, counts, contents)

    def minus_log(first: float, n: float) -> float:
        mean = columns @ np.array([first, max((n - contents[0] * first) / contents[1], 0.0)])
        return float(mean.sum() - counts @ np.log(np.maximum(mean, 1e-300)))

    def smallest(n: float) -> float:
        bounds = (0.0, n / contents[0])
        found = optimize.minimize_scalar(
            minus_log, args=(n,), bounds=bounds, method="bounded", options={"xatol": 1e-9}
        )
        return float(min(found.fun, minus_log(bounds[0], n), minus_log(bounds[1] * (1 - 1e-12), n)))

    ns = np.linspace(curve.n[10], curve.n[-10], 9)
    expected = np.array([smallest(n) for n in ns]) - smallest(curve.best)
    assert np.interp(ns, curve.n, curve.depth) == pytest.approx(expected, rel=0.04, abs=0.02)


@pytest.mark.parametrize("n", [0, 1, 4, 30])
@pytest.mark.parametrize("tracer", [trace, trace_one_slope])
def test_of_a_single_slope_the_limit_is_that_of_poisson(n: int, tracer: object) -> None:
    counts = np.zeros(12)
    counts[4] = n
    curve = tracer(COLUMNS[:, :1], counts, CONTENTS[:1])  # type: ignore[operator]
    found = curve.quantiles(0.16, 0.9)
    assert found == pytest.approx([5 * special.gammaincinv(n + 1, share) for share in (0.16, 0.9)], rel=5e-3)
    assert curve.best == pytest.approx(5 * n, abs=0.02 * n)


def test_a_wider_curve_has_larger_errors_by_the_factor() -> None:
    curve = trace(COLUMNS[:, :1], np.full(12, 1e3), CONTENTS[:1], 14 * 9)
    low, high = curve.quantiles(0.16, 0.84)
    wide_low, wide_high = curve.widened(3.0).quantiles(0.16, 0.84)
    assert (wide_high - wide_low) / (high - low) == pytest.approx(3, rel=0.01)


def test_counts_that_no_mixture_has_are_seen_in_the_deviance() -> None:
    falling = np.array([60, 20, 10] + [0] * 9, np.float64)
    assert deviance(COLUMNS, falling) > 100
    assert deviance(COLUMNS, np.round(3 * COLUMNS[:, 0] + 2 * COLUMNS[:, 6])) < 12


@pytest.mark.parametrize("at", [5, 8, 11])
def test_a_curve_between_two_slopes_is_not_below_what_either_costs(at: int) -> None:
    """A single event far from the box: the fit jumps from a slope that rises with energy to one that falls.

    Events in the box are then there at the price of the column that is cheapest, as without any event.
    """
    rates = np.concatenate([-RATES[:0:-1], RATES])
    columns, contents = integrals(EDGES, rates), integrals(np.array([-3.0, -1.0]), rates)[0]
    counts = np.zeros(12)
    counts[at] = 1
    none, one = (trace(columns, seen, contents).quantiles(0.9)[0] for seen in (0 * counts, counts))
    assert none == pytest.approx(2.3026 * (contents / columns.sum(axis=0)).max(), rel=0.01)
    assert none * 0.99 < one < 2 * none


@settings(max_examples=20, deadline=None)
@given(COUNTS)
def test_a_curve_is_convex(counts: Numbers) -> None:
    curve = trace(COLUMNS, counts, CONTENTS)
    ns = np.linspace(curve.n[0], curve.n[-1], 15)
    depth = np.interp(ns, curve.n, curve.depth)
    assert (np.diff(depth, 2) > -0.02).all()
