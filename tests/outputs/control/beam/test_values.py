"""Shares, numbers, their ratios, and whether runs agree."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from na64.outputs.control.beam.values import (
    Measured,
    chance_of_run,
    chance_of_runs,
    number,
    ratio,
    share,
    shown,
)


def test_a_share_has_the_interval_of_clopper_and_pearson() -> None:
    found = share(3, 40)
    exact = stats.binomtest(3, 40).proportion_ci(math.erf(math.sqrt(0.5)), "exact")
    assert (found.value - found.below, found.value + found.above) == pytest.approx((exact.low, exact.high))


def test_a_ratio_has_both_errors() -> None:
    found = ratio(Measured(10, 0.02, 0.002, 0.004, 2), Measured(20, 0.5, 0.05, 0.1, 10))
    assert found.value == pytest.approx(0.04)
    assert found.above == pytest.approx(0.04 * math.hypot(0.004 / 0.02, 0.05 / 0.5))
    assert found.below == pytest.approx(0.04 * math.hypot(0.002 / 0.02, 0.1 / 0.5))
    nothing = ratio(share(0, 50), share(10, 20))
    assert (nothing.value, nothing.below) == (0.0, 0.0)
    assert nothing.above == pytest.approx(share(0, 50).above / 0.5)


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (Measured(9, 0.97214, 0.0011, 0.00108), "97.21 +0.11 -0.11"),
        (Measured(9, 0.97214, 0.0011, 0.0011), "97.21 +- 0.11"),
        (Measured(9, 0.0, 0.0, 0.0263), "0.0 +2.6 -0.0"),
        (Measured(9, 1.0, 0.0, 0.0), "100"),
        (Measured(9, 4.23, 0.3, 0.3), "423 +- 30"),
    ],
)
def test_numbers_are_shown_to_two_digits_of_their_errors(found: Measured, text: str) -> None:
    assert shown(found, 100) == text.replace("+0.11 -0.11", "+- 0.11")


@pytest.mark.parametrize("kind", ["share", "rare", "number"])
def test_runs_that_differ_by_chance_alone_have_any_p(kind: str) -> None:
    random = np.random.default_rng(6)

    def runs() -> list[Measured]:
        if kind == "number":
            return [number(400, float(random.normal(5, 0.2)), 0.2) for _ in range(8)]
        return [share(int(random.binomial(4000, 0.02 if kind == "rare" else 0.9)), 4000) for _ in range(8)]

    of_all, of_first = [], []
    for _ in range(200):
        found = runs()
        of_all.append(chance_of_runs(found) or 0.0)
        of_first.append(chance_of_run(found[0], found[1:]) or 0.0)
    assert stats.kstest(of_all, "uniform").pvalue > 1e-3
    assert np.mean(np.array(of_first) < 0.1) < 0.2
    assert min(of_first) > 1e-4


def test_a_run_that_differs_is_seen() -> None:
    others = [share(900, 1000), share(910, 1000)]
    assert (chance_of_run(share(700, 1000), others) or 1) < 1e-20
    assert (chance_of_run(share(900, 1000), others) or 0) > 0.3
    assert (chance_of_run(number(10, 5.0, 0.1), [number(10, 6.0, 0.1)] * 2) or 1) < 1e-10
    assert (chance_of_runs([*others, share(700, 1000)]) or 1) < 1e-20


def test_what_cannot_be_compared_has_no_p() -> None:
    assert chance_of_run(share(1, 2), []) is None
    assert chance_of_runs([share(1, 2)]) is None
    assert chance_of_runs([share(0, 20), share(1, 20)]) is None
