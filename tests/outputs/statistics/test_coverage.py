"""Limits and intervals hold the truth as often as they say."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special

from na64.outputs.result.table import Table
from na64.outputs.statistics.cls import cls, generate_toys, upper_limit
from na64.outputs.statistics.coverage import Coverage, coverage, coverage_of
from na64.outputs.statistics.intervals import (
    likelihood_covers,
    likelihood_interval,
    unified_covers,
    unified_interval,
)
from na64.outputs.statistics.model import Channel, Model, counting

TWO = Model((Channel("a", 0.4, 0.16, 0.6, 0.05), Channel("b", 0.13, 0.04, 0.4, 0.05)), 0.1)


def test_coverage_of_a_limit_is_that_of_its_counts() -> None:
    """By hand: a limit holds the truth if at least so many events are seen."""
    signal, model = 5.0, counting(0.53)
    found = coverage(model, signal, n=20_000, generator=np.random.default_rng(1))
    short = max(n for n in range(20) if upper_limit(model, [n]) < signal)
    assert found.cls_limit == pytest.approx(special.gammainc(short + 1, signal + 0.53), abs=0.007)
    assert found.experiments == 20_000


@pytest.mark.parametrize("signal", [1.0, 5.0])
def test_known_background(signal: float) -> None:
    found = coverage(counting(0.53), signal, n=4_000, generator=np.random.default_rng(2))
    assert found.cls_limit >= 0.9 - 0.015
    assert found.unified_interval >= 0.9 - 0.015
    assert found.likelihood_interval >= 0.85


@pytest.mark.parametrize(
    ("signal", "n"), [(0.0, 1_000), (5.0, 250), pytest.param(20.0, 1_000, marks=pytest.mark.soak)]
)
def test_two_periods_with_errors(signal: float, n: int) -> None:
    found = coverage(TWO, signal, n=n, generator=np.random.default_rng(3))
    assert found.cls_limit >= 0.9 - 0.03
    assert found.likelihood_interval >= 0.85
    assert found.unified_interval >= 0.9 - 0.03


def test_a_limit_that_forgets_its_errors_does_not_cover() -> None:
    """The check has been seen to fail: the limit of a model without errors, experiments with them."""
    real = counting(3.0, 2.0, signal_error=0.5)
    experiments = generate_toys(real, 8.0, 1_000, np.random.default_rng(4))
    forgetful, found = coverage_of(counting(3.0), 8.0, experiments), coverage_of(real, 8.0, experiments)
    assert max(forgetful.cls_limit, forgetful.unified_interval) < 0.88
    assert min(found.cls_limit, found.unified_interval) >= 0.88


def test_holding_is_lying_between_the_ends() -> None:
    for observed in (0, 1, 4, 9):
        unified = unified_interval(counting(0.53), [observed])
        likelihood = likelihood_interval(counting(0.53), [observed])
        for signal in (0.0, 0.3, 1.0, 2.5, 6.0, 9.0, 15.0):
            assert unified_covers(counting(0.53), signal, np.array([[observed]])) == (
                unified.low <= signal <= unified.high
            )
            inside = likelihood.low <= signal <= likelihood.high
            assert likelihood_covers(counting(0.53), signal, [observed]) == inside


def test_a_table_of_coverage() -> None:
    rows = [coverage(TWO, signal, n=20, generator=np.random.default_rng(5)) for signal in (0.0, 5.0)]
    lines = Table(Coverage, rows).to_csv().decode().splitlines()
    assert lines[0] == "signal,experiments,cls_limit,unified_interval,likelihood_interval"
    assert [line.split(",")[:2] for line in lines[1:]] == [["0", "20"], ["5", "20"]]


@pytest.mark.soak
@pytest.mark.parametrize("signal", [0.0, 0.5, 1, 2, 3, 5, 8, 12, 20])
@pytest.mark.parametrize("background", [0.05, 0.53, 3.0])
def test_coverage_over_many_experiments(signal: float, background: float) -> None:
    found = coverage(counting(background), signal, n=50_000, generator=np.random.default_rng(6))
    assert found.cls_limit >= 0.9 - 0.006
    assert found.unified_interval >= 0.9 - 0.006
    blurred = counting(background, 0.3 * background, signal_error=0.15)
    found = coverage(blurred, signal, n=20_000, generator=np.random.default_rng(7))
    assert min(found.cls_limit, found.unified_interval) >= 0.9 - 0.01


@pytest.mark.parametrize("signal", [5.0, pytest.param(10.0, marks=pytest.mark.soak)])
def test_a_background_that_each_experiment_measures_anew(signal: float) -> None:
    """Background and efficiency are fixed; their measurements have log-normal errors."""
    background, error, of_signal, n = 3.0, 0.6, 0.1, 400
    rng = np.random.default_rng(8)
    counts = rng.poisson(background + signal, n)
    measured = background * np.exp(np.round(error * rng.standard_normal(n), 1))
    efficiency = np.exp(np.round(of_signal * rng.standard_normal(n), 2))
    held = [
        cls(counting(b, error * b, signal_error=of_signal), signal * e, [int(k)]) >= 0.1
        for b, e, k in zip(measured, efficiency, counts, strict=True)
    ]
    assert np.mean(held) >= 0.9 - 0.03
