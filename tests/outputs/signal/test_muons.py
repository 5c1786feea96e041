"""Bosons of muons against numbers that were computed independently."""

from __future__ import annotations

import math

import pytest

from na64.outputs.signal.cross_sections import CrossSectionModel, total
from na64.outputs.signal.kinematics import Radiation
from na64.outputs.signal.matter import MUON_MASS
from na64.outputs.signal.muons import (
    invisible_fraction,
    mean_momentum,
    mixing_of_loop,
    momentum_quantiles,
    radiated_by_muon,
    recoil_angle,
    threshold_of_conversion,
    to_muons,
    to_neutrinos,
)

_MASSES = [
    (0.003, 109.9, 9.941, 0.995),
    (0.03, 30.62, 9.320, 0.996),
    (0.2, 3.580, 2.800, 1.002),
    (0.3, 1.779, 1.504, 1.003),
    (1.0, 0.1057, 0.1002, 1.006),
]


@pytest.mark.parametrize(("mass", "everything", "hard", "ratio"), _MASSES)
def test_cross_sections_of_muons(mass: float, everything: float, hard: float, ratio: float) -> None:
    radiation = Radiation(mass, 160.0, lepton_mass=MUON_MASS)
    found = total(radiation, above=80.0)
    assert 1e-8 * total(radiation) == pytest.approx(everything, rel=0.01)
    assert 1e-8 * found == pytest.approx(hard, rel=0.01)
    assert total(radiation, CrossSectionModel.WW, above=80.0) / found == pytest.approx(ratio, rel=0.01)


def test_muons_cross_40_radiation_lengths() -> None:
    made = radiated_by_muon(0.2, beam_energy=160.0, threshold=80.0, radiation_lengths=40.0)
    assert made == pytest.approx(1.85e-14 * 40 * 2.800e8, rel=0.01)
    assert radiated_by_muon(170.0, beam_energy=160.0, threshold=80.0, radiation_lengths=40.0) == 0


def test_the_momentum_that_is_left() -> None:
    found = momentum_quantiles(0.01, [0.16, 0.5, 0.84], beam_energy=160.0, threshold=80.0)
    assert found == pytest.approx([23.6, 52.0, 71.9], rel=0.02)
    assert mean_momentum(0.01, beam_energy=160.0, threshold=80.0) == pytest.approx(49.2, rel=0.02)


@pytest.mark.parametrize(("mass", "expected"), [(0.01, 1.33e-3), (0.3, 4.87e-3)])
def test_the_angle_of_the_muon(mass: float, expected: float) -> None:
    assert recoil_angle(mass, beam_energy=160.0, threshold=80.0) == pytest.approx(expected, rel=0.05)


def test_decays_of_a_boson_of_muons_and_taus() -> None:
    assert to_neutrinos(0.1, 5e-4) / 6.632e-10 == pytest.approx(1, rel=1e-3)
    assert to_muons(0.2, 5e-4) == 0
    r = (MUON_MASS / 0.3) ** 2
    muons = (1 + 2 * r) * math.sqrt(1 - 4 * r)
    assert to_muons(0.3, 1e-3) / to_neutrinos(0.3, 1e-3) == pytest.approx(muons)
    assert invisible_fraction(0.2) == 1
    assert invisible_fraction(0.3) == pytest.approx(1 / (1 + muons))
    assert invisible_fraction(50.0) == pytest.approx(1 / 3, rel=0.01)


def test_electrons_couple_by_a_loop() -> None:
    assert 1 / mixing_of_loop(1.0) == pytest.approx(69.29, rel=1e-3)


def test_muons_become_taus_on_nucleons() -> None:
    assert threshold_of_conversion(0.93827) == pytest.approx(3.45, rel=2e-3)
