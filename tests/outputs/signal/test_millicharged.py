"""Millicharged pairs against numbers that were computed independently."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate

from na64.outputs.signal.cross_sections import total
from na64.outputs.signal.kinematics import Radiation
from na64.outputs.signal.matter import ALPHA, MUON_MASS
from na64.outputs.signal.millicharged import integrate_pairs, pairs_per_particle, photons_per_particle

MUONS = ("mu-", 160.0, 80.0)
ELECTRONS = ("e-", 100.0, 50.0)


def _pairs(mass: float, beam: tuple[str, float, float]) -> float:
    particle, energy, threshold = beam
    return pairs_per_particle(mass, threshold=threshold, particle=particle, beam_energy=energy)


@pytest.mark.parametrize(
    ("beam", "mass", "expected", "within"),
    [
        (ELECTRONS, 0.01, 2.33e-6, 0.05),
        (ELECTRONS, 0.1, 1.14e-8, 0.08),  # secondaries add as much here: perhaps they are left out there
        (MUONS, 0.03, 8.18e-7, 0.01),
        (MUONS, 0.1, 1.46e-7, 0.01),
    ],
)
def test_pairs_per_particle(
    beam: tuple[str, float, float], mass: float, expected: float, within: float
) -> None:
    assert _pairs(mass, beam) == pytest.approx(expected, rel=within)


@pytest.mark.parametrize(
    ("mass", "everything", "hard"),
    [(0.003, 109.9, 9.941), (0.2, 3.580, 2.800), (1.0, 0.1057, 0.1002)],
)
def test_dark_photons_of_muons(mass: float, everything: float, hard: float) -> None:
    radiation = Radiation(mass, 160.0, lepton_mass=MUON_MASS)
    assert 1e-8 * total(radiation) == pytest.approx(everything, rel=0.01)
    assert 1e-8 * total(radiation, above=80.0) == pytest.approx(hard, rel=0.01)


def test_the_integral_over_the_mass_of_the_photon() -> None:
    masses = np.geomspace(2e-3, 5.0, 24)

    def by_quadrature(mass: float) -> float:
        def integrand(logarithm: float) -> float:
            r2 = (mass / math.exp(logarithm)) ** 2
            if r2 >= 0.25:
                return 0.0
            pair = ALPHA / (3 * math.pi) * math.sqrt(1 - 4 * r2) * (1 + 2 * r2)
            return 2 * pair * math.exp(-3 * logarithm)

        found, _ = integrate.quad(integrand, math.log(2 * mass), math.log(5.0), epsrel=1e-8)
        return float(found)

    found = integrate_pairs(np.array([0.003, 0.2]), masses, masses**-3.0)
    assert found == pytest.approx([by_quadrature(0.003), by_quadrature(0.2)], rel=1e-4)


def test_a_point_of_the_shipped_table_comes_out_again() -> None:
    photon_masses = np.geomspace(0.2, 5.0, 12)
    photons = [
        photons_per_particle(mass, threshold=80.0, particle="mu-", beam_energy=160.0)
        for mass in photon_masses.tolist()
    ]
    again = integrate_pairs(np.array([0.1]), photon_masses, np.array(photons))
    assert _pairs(0.1, MUONS) == pytest.approx(again[0], rel=3e-3)


@pytest.mark.parametrize(
    ("beam", "mass", "words"),
    [
        (("e-", 150.0, 50.0), 0.01, "no millicharged pairs of e- of 150 GeV"),
        (("e-", 100.0, 30.0), 0.01, "above 30 GeV: the table has 0.001 to 0.5 GeV above 40 to 60"),
        (ELECTRONS, 0.6, "millicharged pairs of 0.6 GeV"),
    ],
)
def test_what_the_table_does_not_have_is_refused(
    beam: tuple[str, float, float], mass: float, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        _pairs(mass, beam)


def test_a_threshold_may_be_a_whole_number() -> None:
    beam = {"particle": "mu-", "beam_energy": 160.0}
    assert pairs_per_particle(0.03, threshold=80, **beam) == pairs_per_particle(0.03, threshold=80.0, **beam)  # type: ignore[arg-type]
