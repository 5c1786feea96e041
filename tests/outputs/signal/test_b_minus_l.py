"""Decays of a boson of B - L."""

from __future__ import annotations

import math

import pytest

from na64.outputs.signal.b_minus_l import invisible_fraction, to_leptons, to_neutrinos, to_pion_and_photon
from na64.outputs.signal.bosons import Boson
from na64.outputs.signal.decays import to_fermions
from na64.outputs.signal.matter import ALPHA, ELECTRON_MASS, MUON_MASS


def test_three_dirac_neutrinos() -> None:
    strength = 1e-8 / (4 * math.pi)
    assert to_neutrinos(0.1, 1e-4) / to_fermions(Boson.VECTOR, 0.1, 1e-9, strength) == pytest.approx(3)


def test_widths_at_a_coupling_of_1e_4() -> None:
    """g^2 m / 4 pi to neutrinos, (g^2 / 4 pi) (m / 3) beta (1 + 2 r) to each lepton [V: DMG4]."""
    assert to_neutrinos(0.1, 1e-4) == pytest.approx(7.9577e-11, rel=1e-4)
    assert to_leptons(0.1, 1e-4) == pytest.approx(2.6526e-11, rel=1e-4)
    beta, r = math.sqrt(1 - 4 * (MUON_MASS / 0.3) ** 2), (MUON_MASS / 0.3) ** 2
    assert to_leptons(0.3, 1e-4) == pytest.approx(7.9577e-11 * (1 + beta * (1 + 2 * r)), rel=1e-4)


def test_electrons_are_those_of_a_dark_photon() -> None:
    charge = math.sqrt(4 * math.pi * ALPHA)
    photon = to_fermions(Boson.VECTOR, 0.05, ELECTRON_MASS, ALPHA * 1e-8)
    assert to_leptons(0.05, 1e-4 * charge) / photon == pytest.approx(1)


@pytest.mark.parametrize(("mass", "expected"), [(0.0009, 1.0), (0.05, 0.75), (0.2, 0.75), (0.5, 0.6)])
def test_most_decay_to_neutrinos(mass: float, expected: float) -> None:
    assert invisible_fraction(mass) == pytest.approx(expected, abs=0.01)


def test_pions_open_at_their_threshold_and_grow_to_the_omega() -> None:
    assert to_pion_and_photon(0.1349, 1.0) == 0
    assert 0 < to_pion_and_photon(0.3, 1.0) < 1e-4 * to_neutrinos(0.3, 1.0)
    assert to_pion_and_photon(0.6, 1.0) / to_neutrinos(0.6, 1.0) > 5 * to_pion_and_photon(
        0.4, 1.0
    ) / to_neutrinos(0.4, 1.0)


def test_heavier_ones_are_refused() -> None:
    with pytest.raises(ValueError, match=r"of 0\.7 GeV: its decays are known up to 0\.6 GeV"):
        invisible_fraction(0.7)
