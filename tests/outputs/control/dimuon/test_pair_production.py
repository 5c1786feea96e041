"""Cross-section and yield of muon pairs against published and Geant4 numbers."""

from __future__ import annotations

import math
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import optimize

from na64.datasets.synthetic.library import read_arrays
from na64.datasets.synthetic.muon_pairs import (
    LEAD,
    MUON_MASS,
    PHOTON_LENGTHS,
    PairSpectrum,
    cross_section,
    photon_lengths,
)
from na64.outputs.control.dimuon.pair_production import (
    pairs_per_electron,
    write_photon_lengths,
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
    ("lowest", "expected", "within"),
    [(1.0, 1.45e-4, 0.02), (40.0, 1.02e-5, 0.03), (50.0, 6.83e-6, 0.03), (80.0, 1.47e-6, 0.04)],
)
def test_pairs_of_an_electron_of_100_gev_follow_the_cascade(
    lowest: float, expected: float, within: float
) -> None:
    """Rossi's 0.572 E0 / k^2, right for soft photons: 1.19e-5, 8.3e-6 and 2.3e-6 above 40, 50, 80 GeV."""
    assert pairs_per_electron(lowest, 100.0) == pytest.approx(expected, rel=within)


@pytest.mark.parametrize("beam_energy", [70.0, 100.0, 150.0])
def test_simulation_and_expectation_have_the_same_pairs(beam_energy: float) -> None:
    low, high = 0.12 * beam_energy, 0.98 * beam_energy
    spectrum = PairSpectrum(beam_energy, low, high)
    expected = pairs_per_electron(low, high, beam_energy=beam_energy)
    assert spectrum.pairs_per_electron() == pytest.approx(expected, rel=0.002)
    drawn = spectrum.draw(40_000, np.random.default_rng(3))
    assert low <= drawn.min() <= drawn.max() <= high
    for part in (0.3, 0.5, 0.8):
        above = pairs_per_electron(part * beam_energy, high, beam_energy=beam_energy) / expected
        assert (drawn > part * beam_energy).mean() == pytest.approx(above, abs=4 * math.sqrt(above / 40_000))


def test_soft_photons_have_the_track_length_of_rossi() -> None:
    energy = np.array([1.0, 2.0])
    assert photon_lengths(energy, 100.0) == pytest.approx(0.572 * 100 / energy**2, rel=0.02)


def test_photons_beyond_the_table_are_refused() -> None:
    with pytest.raises(ValueError, match=r"photons of 0.1 to 50 GeV in the shower of an electron of 100 GeV"):
        photon_lengths(np.array([0.1, 50.0]), 100.0)
    with pytest.raises(ValueError, match="photons of 50 to 120 GeV from electrons of 100 GeV"):
        PairSpectrum(100.0, 50.0, 120.0)


def test_the_shipped_table_of_photons_is_the_cascade(tmp_path: Path) -> None:
    shipped = files("na64.datasets.synthetic") / PHOTON_LENGTHS
    made = np.loadtxt(write_photon_lengths(tmp_path), delimiter=",", skiprows=3)
    kept = np.loadtxt(str(shipped), delimiter=",", skiprows=3)
    assert made == pytest.approx(kept, rel=1e-4)


def mean_multiplicity(n_pairs: NDArray[np.int64]) -> float:
    """Mean number of pairs per shower from showers that were kept because they have at least one.

    A biased cross-section makes a Poisson number of pairs a shower; the mean of those kept is
    ``m / (1 - exp(-m))``, which is solved for ``m``.

    Parameters
    ----------
    n_pairs : (n,) int64, from 1 on
    """
    mean = float(np.mean(n_pairs))
    if n_pairs.min(initial=1) < 1:
        raise ValueError("showers without a pair are among those that should have one")
    if mean == 1:
        return 0.0
    return float(optimize.brentq(lambda m: m / -math.expm1(-m) - mean, 1e-9, 2 * mean))


def single_pair_weight(bias: float, multiplicity: float) -> float:
    """Weight of a shower with exactly one pair, in showers without bias.

    Of showers with a biased mean of ``m`` pairs ``m exp(-m)`` have one; without the bias ``m / bias`` do.

    Parameters
    ----------
    bias : float
        Factor on the cross-section.
    multiplicity : float
        `mean_multiplicity` of the biased showers.
    """
    return math.exp(multiplicity) / bias


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
