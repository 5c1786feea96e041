"""Bending and synchrotron radiation against numbers that were computed independently."""

from __future__ import annotations

import pytest

from na64.outputs.signal.matter import MUON_MASS
from na64.outputs.signal.synchrotron import bending_angle, critical_energy, n_photons, radiated_energy


def test_a_field_of_7_tesla_metres_bends_by_21_mrad() -> None:
    assert bending_angle(100.0, 7.0) == pytest.approx(20.99e-3, rel=1e-3)
    assert 1e-4 / bending_angle(100.0, 7.0) == pytest.approx(0.005, abs=5e-4)
    assert 1e-4 / bending_angle(160.0, 2.8) == pytest.approx(0.019, abs=5e-4)


@pytest.mark.parametrize(("energy", "critical", "total"), [(100.0, 11.64, 155.0), (70.0, 5.70, 75.96)])
def test_photons_of_electrons(energy: float, critical: float, total: float) -> None:
    assert n_photons(7.0) == pytest.approx(43.26, rel=1e-3)
    assert 1e3 * critical_energy(energy, 7.0, 4.0) == pytest.approx(critical, rel=1e-3)
    assert 1e3 * radiated_energy(energy, 7.0, 4.0) == pytest.approx(total, rel=1e-3)


def test_muons_hardly_radiate() -> None:
    assert 1e9 * critical_energy(100.0, 7.0, 4.0, MUON_MASS) == pytest.approx(1.3, rel=0.03)
