"""Estimators against distributions whose numbers are known: unbiased, with errors that are true."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from na64.outputs.control.calibration.estimators import median_signal, noise_of, time_peak
from na64.processors.calibration.cell_sums import (
    DELAY_BIN,
    DELAY_LOW,
    N_DELAYS,
    N_NOISE,
    NOISE_STEP,
    NOISE_UNIT,
    SIGNAL_BINS,
    SIGNAL_LOW,
)
from na64.processors.calibration.sums import SparseHistogram, histogram_of

LEAST = 50


def delays(values: NDArray[np.float64]) -> SparseHistogram:
    bins = np.floor((values - DELAY_LOW) / DELAY_BIN).astype(np.int64)
    return histogram_of(bins[(bins >= 0) & (bins < N_DELAYS)])


def signals(values: NDArray[np.float64]) -> SparseHistogram:
    return histogram_of(np.floor((np.log10(values) - SIGNAL_LOW) * SIGNAL_BINS).astype(np.int64))


def noise(values: NDArray[np.float64]) -> SparseHistogram:
    bins = np.rint(np.arcsinh(values / NOISE_UNIT) / NOISE_STEP) + N_NOISE // 2
    return histogram_of(bins.astype(np.int64))


@pytest.mark.parametrize(("place", "width"), [(0.0, 1.0), (-6.3, 0.4), (17.1, 3.0), (60.0, 2.0)])
def test_a_peak_above_a_flat_background_is_found_within_its_errors(place: float, width: float) -> None:
    rng = np.random.default_rng(1)
    pulls, widths = [], []
    for _ in range(60):
        peak = time_peak(delays(np.append(rng.normal(place, width, 800), rng.uniform(-100, 150, 80))), LEAST)
        assert peak is not None
        pulls.append((peak.place.value - place) / peak.place.error)
        widths.append(peak.width.value)
    assert abs(np.mean(pulls)) < 4 / np.sqrt(60)
    assert 0.75 < np.std(pulls) < 1.35
    assert np.mean(widths) == pytest.approx(width, rel=0.05)


def test_bins_do_not_widen_a_peak() -> None:
    peak = time_peak(delays(np.random.default_rng(6).normal(1, 0.3, 40_000)), LEAST)
    assert peak is not None
    assert peak.width.value == pytest.approx(0.3, rel=0.012)


def test_a_second_peak_far_away_does_not_pull() -> None:
    rng = np.random.default_rng(2)
    peak = time_peak(delays(np.append(rng.normal(2, 1, 1000), rng.normal(-40, 1, 300))), LEAST)
    assert peak is not None
    assert peak.place.value == pytest.approx(2, abs=0.15)


def test_too_few_entries_and_background_alone_are_no_peak() -> None:
    rng = np.random.default_rng(3)
    assert time_peak(delays(rng.normal(0, 1, LEAST - 1)), LEAST) is None
    assert time_peak(SparseHistogram(), LEAST) is None
    assert time_peak(delays(rng.uniform(-100, 150, 400)), LEAST) is None


def test_the_median_of_signals_is_that_of_the_values() -> None:
    rng = np.random.default_rng(4)
    pulls = []
    for _ in range(60):
        values = rng.lognormal(1.0, 0.4, 500)
        found = median_signal(signals(values), LEAST)
        assert found is not None
        assert found.value == pytest.approx(np.median(values), rel=0.01)
        pulls.append((found.value - np.exp(1.0)) / found.error)
    assert abs(np.mean(pulls)) < 4 / np.sqrt(60)
    assert 0.75 < np.std(pulls) < 1.35
    assert median_signal(signals(values[: LEAST - 1]), LEAST) is None


def test_narrow_signals_have_an_error_of_their_bins() -> None:
    found = median_signal(signals(np.full(1000, 20.0)), LEAST)
    assert found is not None
    assert found.value == pytest.approx(20, rel=0.003)
    assert 0 < found.error < 0.01


@pytest.mark.parametrize(("middle", "width"), [(0.0, 0.01), (0.05, 0.01), (-0.002, 0.0001), (0.3, 0.05)])
def test_baseline_and_noise_of_either_sign_are_found(middle: float, width: float) -> None:
    rng = np.random.default_rng(5)
    found = noise_of(noise(rng.normal(middle, width, 2000)), LEAST)
    assert found is not None
    assert found.baseline is not None
    assert found.noise is not None
    assert found.baseline.value == pytest.approx(middle, abs=4 * found.baseline.error)
    assert found.noise.value == pytest.approx(width, rel=0.08)


def test_of_suppressed_noise_only_the_share_is_known() -> None:
    found = noise_of(noise(np.append(np.zeros(900), np.full(100, 0.05))), LEAST)
    assert found is not None
    assert (found.baseline, found.noise, found.occupied.value) == (None, None, 0.1)
    assert noise_of(noise(np.zeros(LEAST - 1)), LEAST) is None
