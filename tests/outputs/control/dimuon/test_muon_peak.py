"""Peaks of two muons in spectra of known truth."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import hist
import numpy as np
import pytest

from na64.outputs.control.dimuon.files import find_peaks
from na64.outputs.control.dimuon.muon_peak import LEAST_EVENTS, fit_peak, peak_spectra


def _spectrum(seed: int, n: int, *, mean: float = 5.5, width: float = 0.85) -> hist.Hist[Any]:
    spectrum = hist.Hist(hist.axis.Regular(120, 0, 30, name="hcal_0"), storage=hist.storage.Int64())
    rng = np.random.default_rng(seed)
    spectrum.fill(rng.normal(mean, width, n))
    spectrum.fill(rng.uniform(0, 4, n // 20))
    return spectrum


def test_a_peak_is_found_with_an_honest_error() -> None:
    pulls = []
    for seed in range(60):
        peak = fit_peak(_spectrum(seed, 1500), 0)
        assert peak is not None
        pulls.append((peak.mean - 5.5) / peak.mean_error)
        assert peak.width == pytest.approx(0.85, abs=5 * peak.width_error)
    assert abs(np.mean(pulls)) < 0.6
    assert 0.7 < np.std(pulls) < 1.3


def test_a_scale_that_moved_is_seen_in_the_range_of_all_runs() -> None:
    one, other = (fit_peak(_spectrum(1, 3000, mean=m), 0, within=(4.2, 6.8)) for m in (5.5, 5.4))
    assert one is not None
    assert other is not None
    assert one.mean - other.mean == pytest.approx(0.1, abs=0.03)
    assert (one.low, one.high) == (other.low, other.high)
    assert one.low == pytest.approx(4.0, abs=0.3)
    assert one.high == pytest.approx(7.0, abs=0.3)


def test_with_few_events_there_is_no_peak() -> None:
    assert fit_peak(_spectrum(1, LEAST_EVENTS // 2), 0) is None


def test_a_module_is_looked_at_where_its_neighbour_has_two_muons() -> None:
    axes = [hist.axis.Regular(60, 0, 30, name=f"hcal_{n}") for n in (0, 1)]
    plane = hist.Hist(*axes, storage=hist.storage.Int64())
    plane.fill([5.0, 5.0, 7.0, 5.0], [5.0, 7.9, 12.0, 3.9])
    alone = hist.Hist(hist.axis.Regular(30, 0, 30, name="hcal_2"), storage=hist.storage.Int64())
    found = peak_spectra({"hcal_0_hcal_1": plane, "hcal_2": alone, "hcal_0": alone})
    assert found[0].values().sum() == 2
    assert found[1].values().sum() == 4
    assert found[2] is alone


def test_sums_of_a_weight_are_no_spectrum() -> None:
    one: Any = hist.Hist(hist.axis.Regular(30, 0, 30), storage=hist.storage.Int64())
    facts = [SimpleNamespace(name=name, weight=text) for name, text in (("hcal_0", "ecal"), ("hcal_2", ""))]
    summary = SimpleNamespace(histograms=facts)
    products: Any = SimpleNamespace(summary=summary, histograms={"hcal_0": one, "hcal_2": one})
    assert set(find_peaks(Path(), products, by_run=False).spectra) == {2}
