"""The p-value of an excess, against sums that are obviously right."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from na64.outputs.statistics.excess import excess_p_value, global_p_value, significance


@pytest.mark.parametrize(("n", "background"), [(1, 0.5), (3, 0.5), (10, 4.0), (120, 100.0)])
def test_without_an_error_it_is_the_tail_of_poisson(n: int, background: float) -> None:
    assert excess_p_value(n, background) == pytest.approx(stats.poisson.sf(n - 1, background), rel=1e-9)


@pytest.mark.parametrize(
    ("n", "background", "error"), [(1, 0.5, 0.2), (5, 0.53, 0.17), (70, 60.0, 6.0), (2, 1.0, 1.0)]
)
def test_an_error_is_averaged_over(n: int, background: float, error: float) -> None:
    random = np.random.default_rng(64)
    means = background * np.exp(error / background * random.normal(size=400_000))
    expected = float(np.mean(stats.poisson.sf(n - 1, means)))
    assert excess_p_value(n, background, error) == pytest.approx(expected, rel=0.02)


def test_nothing_seen_is_no_excess_and_nothing_expected_is_all() -> None:
    assert excess_p_value(0, 0.5, 0.1) == 1.0
    assert excess_p_value(0, 0.0) == 1.0
    assert excess_p_value(1, 0.0) == 0.0
    assert significance(0.0) == math.inf


def test_p_values_are_distributed_as_they_say() -> None:
    random = np.random.default_rng(6)
    means = 3.0 * np.exp(0.3 * random.normal(size=20_000))
    p = np.array([excess_p_value(n, 3.0, 0.9) for n in range(60)])[random.poisson(means)]
    for level in (0.5, 0.1, 0.01):
        assert np.mean(p <= level) <= level + 3 * math.sqrt(level / len(p))


def test_several_trials_are_counted() -> None:
    assert global_p_value(0.01, 1) == pytest.approx(0.01)
    assert global_p_value(0.01, 3) == pytest.approx(1 - 0.99**3)
    assert global_p_value(1.0, 3) == 1.0
    assert significance(0.158655) == pytest.approx(1.0, abs=1e-4)
