"""Charge exchange against numbers that were computed independently."""

from __future__ import annotations

import math

import numpy as np
import pytest

from na64.outputs.signal.charge_exchange import (
    KAON_MASS,
    Layers,
    by_kaons,
    by_pions,
    mesons,
    mesons_per_particle,
    transfers,
)
from na64.outputs.signal.matter import CARBON, HYDROGEN, LEAD

ECAL = Layers((LEAD, CARBON, HYDROGEN), (255.0, 22.0, 1.85), 1.39)


@pytest.mark.parametrize(
    ("name", "on_hydrogen", "on_lead"),
    [("pi0", 1.435, 19.92), ("eta", 1.178, 16.36), ("eta_prime", 1.258, 17.47)],
)
def test_cross_sections_by_pions_of_50_gev(name: str, on_hydrogen: float, on_lead: float) -> None:
    meson = mesons()[name]
    assert by_pions(meson, HYDROGEN, 50.0) == pytest.approx(on_hydrogen, rel=1e-3)
    assert by_pions(meson, LEAD, 50.0) == pytest.approx(on_lead, rel=1e-3)


def test_cross_sections_by_kaons_of_50_gev() -> None:
    assert by_kaons(LEAD, 50.0) == pytest.approx(80.9, rel=1e-3)
    halves = mesons_per_particle(KAON_MASS, "K-", 50.0, Layers((LEAD,), (207.2,), 1e-6))
    assert halves == pytest.approx(6.02214e23 * 80.9e-30 / 2, rel=1e-3)


@pytest.mark.parametrize(("name", "expected"), [("pi0", 1.15e-5), ("eta", 9.4e-6), ("eta_prime", 1.01e-5)])
def test_mesons_that_a_pion_becomes_in_the_ecal(name: str, expected: float) -> None:
    assert mesons_per_particle(mesons()[name].mass, "pi-", 50.0, ECAL) == pytest.approx(expected, rel=0.01)


def test_the_momentum_transfer_has_an_area_of_one() -> None:
    t = np.linspace(0, 3, 30_001)
    density = transfers(mesons()["eta"], t, 50.0)
    assert float(np.trapezoid(density, t)) == pytest.approx(1, abs=1e-4)
    assert density.argmax() > 0


def test_a_thick_target_absorbs_the_beam() -> None:
    thin, thick = (Layers((LEAD,), (1.0,), lengths).per_particle([1.0]) for lengths in (1e-9, 3.0))
    assert thick / thin == pytest.approx((1 - math.exp(-3)) / 3)


@pytest.mark.parametrize(
    ("particle", "mass"), [("pi-", 0.3), ("pi-", KAON_MASS), ("K-", 0.547862), ("p", 0.135)]
)
def test_mesons_that_are_not_made_are_refused(particle: str, mass: float) -> None:
    with pytest.raises(ValueError, match=f"{particle} of 50 GeV: no meson of"):
        mesons_per_particle(mass, particle, 50.0, ECAL)


def test_targets_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="1 nuclei and 2 areal densities"):
        Layers((LEAD,), (1.0, 2.0), 1.0)
    with pytest.raises(ValueError, match="expected above 0"):
        Layers((LEAD,), (0.0,), 1.0)
