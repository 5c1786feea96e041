"""Cross-section and yield of muon pairs against published and Geant4 numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from na64.datasets.synthetic.library import read_arrays
from na64.outputs.control.dimuon.pair_production import (
    LEAD,
    MUON_MASS,
    ROSSI,
    cross_section,
    mean_multiplicity,
    pairs_per_electron,
    single_pair_weight,
)


def test_the_cross_section_in_lead_is_that_of_the_table() -> None:
    found = cross_section(np.array([1.0, 5.0, 10.0, 50.0, 100.0]))
    assert found == pytest.approx([30, 207, 334, 708, 887], rel=0.01)


def test_the_total_is_the_integral_of_the_differential_cross_section() -> None:
    """Burkhardt, Kelner and Kokoulin before the parametrisation, which is good to a few percent."""
    energy, z, a = 50.0, LEAD.charge, LEAD.mass
    b_z, d_n, electron = 183 * z ** (-1 / 3), 1.54 * a**0.27, 0.511e-3
    x_min = 0.5 - math.sqrt(0.25 - MUON_MASS / energy)
    x = np.linspace(x_min, 1 - x_min, 200_001)[1:-1]
    d = MUON_MASS**2 / (2 * energy * x * (1 - x))
    w_inf = b_z * MUON_MASS / (d_n * electron)
    root = math.sqrt(math.e)
    w = w_inf * (1 + (d_n * root - 2) * d / MUON_MASS) / (1 + b_z * root * d / electron)
    density = np.where(w > 1, (1 - 4 / 3 * x * (1 - x)) * np.log(np.maximum(w, 1)), 0)
    radius = 2.8179403e-15 * electron / MUON_MASS
    total = 4 / 137.036 * z**2 * radius**2 * density.sum() * (x[1] - x[0]) * 1e34
    assert float(cross_section(energy)) == pytest.approx(total, rel=0.05)


def test_below_threshold_there_are_no_pairs() -> None:
    assert cross_section(np.array([0.1, 4 * MUON_MASS])) == pytest.approx([0, 0], abs=1e-9)


@pytest.mark.parametrize(
    ("lowest", "expected"), [(1.0, 1.45e-4), (5.0, 7.5e-5), (10.0, 4.8e-5), (20.0, 2.7e-5), (40.0, 1.2e-5)]
)
def test_the_yield_of_an_electron_of_100_gev_is_that_of_the_table(lowest: float, expected: float) -> None:
    assert pairs_per_electron(lowest, 100.0) == pytest.approx(expected, rel=0.015)


def test_the_yield_is_a_sum_over_thin_slices_of_track_length() -> None:
    k = np.geomspace(10, 98, 20_001)
    middle = np.sqrt(k[1:] * k[:-1])
    slices = cross_section(middle) * 1e-34 * LEAD.nuclei * ROSSI * 100 / middle**2 * np.diff(k)
    assert pairs_per_electron(10.0, 98.0) == pytest.approx(float(slices.sum()), rel=1e-5)


def test_the_library_has_as_many_pairs_as_the_formula() -> None:
    """The second pair of a shower of the biased library tells the mean number of pairs above 1 GeV."""
    pairs = read_arrays("dimuon_hiE_em_100GeV")["n_mumu"].astype(np.int64)
    found = mean_multiplicity(pairs)
    error = found / math.sqrt((pairs > 1).sum())
    assert abs(found - 300 * pairs_per_electron(1.0, 100.0)) < 2 * error


@pytest.mark.parametrize("mean", [0.05, 0.5, 3.0])
def test_the_mean_multiplicity_is_found_from_showers_with_pairs(mean: float) -> None:
    drawn = np.random.default_rng(1).poisson(mean, 200_000)
    kept: NDArray[np.int64] = drawn[drawn > 0]
    assert mean_multiplicity(kept) == pytest.approx(mean, rel=0.05)


def test_showers_of_one_pair_stand_for_all_pairs() -> None:
    rng, bias, rate = np.random.default_rng(2), 300.0, 2e-4
    n_pairs = rng.poisson(bias * rate, 1_000_000)
    weight = single_pair_weight(bias, bias * rate)
    assert weight * (n_pairs == 1).sum() == pytest.approx(rate * len(n_pairs), rel=0.02)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="without a pair"):
        mean_multiplicity(np.array([0, 1, 1]))
    with pytest.raises(ValueError, match="photons of 50 to 20 GeV"):
        pairs_per_electron(50, 20)
    assert mean_multiplicity(np.array([1, 1])) == 0
