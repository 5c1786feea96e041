"""Muons that become taus: against exact tree level where the lepton stays a muon, and its thresholds."""

from __future__ import annotations

import math

import numpy as np
import pytest

from na64.outputs.signal.bosons import Boson
from na64.outputs.signal.cross_sections import total
from na64.outputs.signal.kinematics import Radiation
from na64.outputs.signal.matter import ALPHA, LEAD, MUON_MASS, TAU_MASS
from na64.outputs.signal.tau_conversion import conversion_cross_section, photon_cross_section, taus_per_muon


@pytest.mark.parametrize("mass", [0.03, 0.2, 1.0])
def test_a_muon_that_stays_one_radiates_scalars_as_at_exact_tree_level(mass: float) -> None:
    exact = total(Radiation(mass, 160.0, lepton_mass=MUON_MASS, boson=Boson.SCALAR))
    found = 4 * math.pi * ALPHA * conversion_cross_section(mass, 160.0, lepton_mass=MUON_MASS)
    assert found == pytest.approx(exact, rel=0.015)


def test_taus_per_muon_at_coupling_1() -> None:
    """Heavier than the muon by far, the tau hides the mass of a light scalar."""
    light, heavy = taus_per_muon(1e-3), taus_per_muon(1.0)
    assert light == pytest.approx(1.81e-7, rel=0.01)
    assert taus_per_muon(0.1) == pytest.approx(light, rel=0.03)
    assert heavy < 0.4 * light
    assert light == pytest.approx(40 * LEAD.per_picobarn * conversion_cross_section(1e-3, 160.0))
    assert taus_per_muon(0.1, radiation_lengths=20.0) == pytest.approx(taus_per_muon(0.1) / 2)


def test_a_tau_has_a_threshold() -> None:
    assert conversion_cross_section(0.1, 1.0) == 0
    assert conversion_cross_section(60.0, 160.0) == 0
    rising = [conversion_cross_section(0.1, energy) for energy in (20.0, 40.0, 80.0, 160.0)]
    assert np.all(np.diff(rising) > 0)
    near = (TAU_MASS + 0.1) ** 2 * (1 + np.array([1e-6, 1e-2]))
    at, above = photon_cross_section(near, 0.1)
    assert 0 < at < 0.02 * above


@pytest.mark.parametrize(("mass", "energy"), [(-1.0, 160.0), (0.1, 0.1), (math.nan, 160.0), (0.1, math.nan)])
def test_particles_that_cannot_be_are_refused(mass: float, energy: float) -> None:
    with pytest.raises(ValueError, match="no such particles"):
        conversion_cross_section(mass, energy)
