"""Tests of counts and distributions against direct calculations."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from na64.outputs.comparison.statistics import (
    LEAST_EXPECTED,
    after_looks,
    agreement,
    probability,
    same_rate,
    same_share,
    smallest_chance,
)


@settings(max_examples=60)
@given(st.integers(0, 60), st.integers(0, 60), st.floats(0.1, 10), st.floats(0.1, 10))
def test_equal_rates_are_tested_by_the_binomial_tails(k: int, other: int, here: float, there: float) -> None:
    share, total = here / (here + there), k + other
    tails = stats.binom.cdf(k, total, share), stats.binom.sf(k - 1, total, share)
    expected = min(1.0, 2 * min(tails))
    assert same_rate(k, here, other, there) == pytest.approx(expected, rel=1e-6, abs=0)


def test_equal_exposures_are_mcnemars_exact_test() -> None:
    for gained, lost in ((3, 12), (0, 9), (20, 21)):
        expected = stats.binomtest(gained, gained + lost, 0.5).pvalue
        assert same_rate(gained, 1, lost, 1) == pytest.approx(expected)


def test_false_alarms_are_not_more_than_said_and_true_ones_are_found() -> None:
    random = np.random.default_rng(1)
    null = same_rate(random.poisson(30, 4000), 3.0, random.poisson(50, 4000), 5.0)
    assert (null < 0.05).mean() < 0.055
    other = same_rate(random.poisson(30, 4000), 3.0, random.poisson(100, 4000), 5.0)
    assert (other < 0.05).mean() > 0.9


def test_shares_are_tested_by_fisher_and_are_not_taken_for_rates() -> None:
    tails = stats.fisher_exact([[60, 40], [330, 570]], alternative="greater").pvalue
    assert same_share(60, 100, 330, 900) == pytest.approx(2 * tails)
    assert same_share(60, 100, 330, 900) < same_rate(60, 100, 330, 900)
    assert same_share(0, 0, 3, 10) == same_share(3, 10, 0, 0) == 1.0
    random = np.random.default_rng(3)
    draws = zip(
        random.binomial(50, 0.6, 1000).tolist(), random.binomial(450, 0.6, 1000).tolist(), strict=True
    )
    null = np.array([same_share(k, 50, other, 450) for k, other in draws])
    assert 0.02 < (null < 0.05).mean() < 0.06


def test_a_p_value_is_written_in_one_way() -> None:
    assert [probability(p) for p in (1.0, 0.0316, 4.484e-44, 3e-211, 0.0)] == [
        "1",
        "0.032",
        "4.5e-44",
        "<1e-99",
        "<1e-99",
    ]
    assert smallest_chance(1e-120, 1e-119, 10) == "smallest p <1e-99, <1e-99 after 10 looks"
    assert smallest_chance(0.5, 0.5, 1) == "smallest p 0.5, 0.5 after 1 look"


def test_looks_are_paid_for() -> None:
    assert after_looks(0.01, 1) == pytest.approx(0.01)
    assert after_looks(0.01, 100) == pytest.approx(1 - 0.99**100)
    assert after_looks(1.0, 5) == 1.0
    assert after_looks(1e-18, 10) == pytest.approx(1e-17, rel=1e-6, abs=0)


def weighted(random: np.random.Generator, n_events: int, bias: float) -> tuple[np.ndarray, ...]:
    """Histogram of an exponential, of which the tail was simulated more often and weighted down."""
    x = random.exponential(1.0, n_events)
    keep = random.random(n_events) < np.where(x > 2, 1.0, 1 / bias)
    x, w = x[keep], np.where(x[keep] > 2, 1.0, bias)
    edges = np.linspace(0, 6, 25)
    return np.histogram(x, edges, weights=w)[0], np.histogram(x, edges, weights=w * w)[0]


@pytest.mark.parametrize("bias", [1.0, 5.0])
def test_chi2_and_ks_of_weighted_samples_have_the_p_values_they_should(bias: float) -> None:
    random = np.random.default_rng(2)
    p_chi2, p_ks = [], []
    for _ in range(300):
        counts = np.histogram(random.exponential(1.0, 2_000), np.linspace(0, 6, 25))[0].astype(float)
        sumw, sumw2 = weighted(random, 20_000, bias)
        found = agreement(counts, sumw * 0.1, sumw2 * 0.01, normalised=False)
        p_chi2.append(found.p_chi2)
        p_ks.append(found.p_ks)
    assert 0.02 < np.mean(np.array(p_chi2) < 0.05) < 0.09
    assert np.mean(np.array(p_ks) < 0.05) < 0.06
    assert np.mean(p_chi2) == pytest.approx(0.5, abs=0.06)


def test_without_the_variance_of_the_weights_good_agreement_looks_bad() -> None:
    random = np.random.default_rng(3)
    p = []
    for _ in range(100):
        counts = np.histogram(random.exponential(1.0, 2_000), np.linspace(0, 6, 25))[0].astype(float)
        sumw, _ = weighted(random, 5_000, 5.0)
        p.append(agreement(counts, sumw * 0.4, np.zeros(24), normalised=False).p_chi2)
    assert np.mean(np.array(p) < 0.05) > 0.3


def test_another_shape_is_found() -> None:
    random = np.random.default_rng(4)
    edges = np.linspace(0, 6, 25)
    counts = np.histogram(random.exponential(1.15, 5_000), edges)[0].astype(float)
    sumw = np.histogram(random.exponential(1.0, 50_000), edges)[0].astype(float)
    scale = counts.sum() / sumw.sum()
    found = agreement(counts, sumw * scale, sumw * scale**2, normalised=True)
    assert found.p_chi2 < 1e-3
    assert found.p_ks < 1e-3


def test_the_distance_is_that_of_kolmogorov_and_smirnov() -> None:
    random = np.random.default_rng(5)
    one, other = random.integers(0, 20, 150), random.integers(0, 22, 260)
    counts, sumw = (np.bincount(x, minlength=22).astype(float) for x in (one, other))
    known = stats.ks_2samp(one, other, method="asymp")
    found = agreement(counts, sumw, sumw, normalised=True)
    assert found.ks == pytest.approx(known.statistic)
    assert found.p_ks == pytest.approx(stats.kstwobign.sf(known.statistic * np.sqrt(150 * 260 / 410)))


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 120)), min_size=1, max_size=40))
def test_joined_bins_lose_nothing_and_are_full_enough(bins: list[tuple[int, int]]) -> None:
    counts, tenths = (np.array(column, float) for column in zip(*bins, strict=True))
    sumw = tenths / 10
    found = agreement(counts, sumw, np.zeros(len(bins)), normalised=False)
    assert found.n_degrees <= max(sumw.sum() / LEAST_EXPECTED, 1)
    assert 0 <= found.p_chi2 <= 1
    same = agreement(sumw, sumw, sumw, normalised=False)
    assert same.chi2 == pytest.approx(0)
