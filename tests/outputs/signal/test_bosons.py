"""Scalars, pseudoscalars and axial vectors: cross-sections, shipped ratios, annihilation."""

from __future__ import annotations

import math

import numpy as np
import pytest

from na64.outputs.signal.annihilation import (
    Matter,
    Resonance,
    _density,
    cross_section,
    resonant_yield,
)
from na64.outputs.signal.beam import Beam
from na64.outputs.signal.bosons import Boson
from na64.outputs.signal.cross_sections import CrossSectionModel, total
from na64.outputs.signal.curves import load_curve
from na64.outputs.signal.integration import shower
from na64.outputs.signal.kinematics import Radiation
from na64.outputs.signal.matter import ALPHA, ELECTRON_MASS, PICOBARN
from na64.outputs.signal.moments import one_loop
from na64.outputs.signal.quadrature import composite
from na64.outputs.signal.tables import RATIO_MASSES, ratio_at
from na64.outputs.signal.yields import yield_per_particle

V, S, P, A = Boson.VECTOR, Boson.SCALAR, Boson.PSEUDOSCALAR, Boson.AXIAL

# mass, then pb at eps = 1e-4 off lead, 100 GeV [V: DMG4, 2101.12192]
_DMG4 = [
    (0.010, {V: 8486.30, S: 3055.64, P: 3046.74, A: 8563.10}),
    (0.080, {V: 173.804, S: 71.0926, P: 71.1436, A: 173.838}),
]


@pytest.mark.parametrize(("mass", "published"), _DMG4)
def test_cross_sections_are_near_those_of_dmg4(mass: float, published: dict[Boson, float]) -> None:
    found = {boson: 1e-8 * total(Radiation(mass, 100.0, boson=boson)) for boson in Boson}
    for boson, value in published.items():
        assert found[boson] == pytest.approx(value, rel=0.03), boson
        ratio = value / published[V]
        assert found[boson] / found[V] == pytest.approx(ratio, rel=0.01), boson
    assert found[S] == pytest.approx(found[P], rel=0.005)
    assert found[A] == pytest.approx(found[V], rel=0.011)


@pytest.mark.parametrize(("mass", "expected"), [(0.001, 0.239), (0.01, 0.359), (0.2, 0.419), (1.0, 0.435)])
def test_pseudoscalars_over_dark_photons(mass: float, expected: float) -> None:
    above = 1.0 if mass < 0.002 else None
    found = [total(Radiation(mass, 100.0, boson=boson), above=above) for boson in (P, V)]
    assert found[0] / found[1] == pytest.approx(expected, rel=0.01)


def test_scalars_take_more_of_the_energy_than_dark_photons_do() -> None:
    """So limits on them are better than total cross-sections say; closed forms of DMG4 say the same."""
    mass, x = 0.01, 1 - np.geomspace(ELECTRON_MASS / 100, 0.9999, 20_001)
    u = mass**2 * (1 - x) / x + ELECTRON_MASS**2 * x
    shapes = {
        P: x * (ELECTRON_MASS**2 * x**2 + 2 * x * u) / u**2,
        V: (2 * u * (3 - 3 * x + x**2) + ELECTRON_MASS**2 * x * (x**2 + 2 * x - 2)) / u**2,
    }
    hard = {}
    for boson, shape in shapes.items():
        radiation = Radiation(mass, 100.0, boson=boson)
        hard[boson] = total(radiation, above=50.0) / total(radiation)
        closed = np.trapezoid(np.where(x > 0.5, shape, 0.0), x) / np.trapezoid(shape, x)
        assert hard[boson] == pytest.approx(closed, abs=0.025), boson
    assert hard[P] > 0.98
    assert hard[V] < 0.93


def test_an_axial_vector_of_1_mev_is_made_more_often() -> None:
    found = [total(Radiation(0.001, 100.0, boson=boson), above=1.0) for boson in (A, V)]
    assert found[0] / found[1] == pytest.approx(1.458, rel=0.04)


def test_approximations_are_of_dark_photons_only() -> None:
    with pytest.raises(ValueError, match="scalar: the cross-section is known at exact tree level only"):
        total(Radiation(0.01, 100.0, boson=S), CrossSectionModel.WW)
    with pytest.raises(ValueError, match="radiates no pseudoscalar of 200 GeV"):
        Radiation(200.0, 100.0, boson=P)


@pytest.mark.parametrize(("boson", "mass", "threshold"), [(S, 0.0017, 47.0), (A, 0.0013, 33.0)])
def test_the_shipped_ratios_are_those_of_the_integrals(boson: Boson, mass: float, threshold: float) -> None:
    shipped = yield_per_particle(mass, threshold=threshold, boson=boson) / yield_per_particle(
        mass, threshold=threshold
    )
    assert shipped == pytest.approx(ratio_at(boson, mass, threshold), rel=3e-3)


def test_a_point_of_the_shipped_ratios_comes_out_again() -> None:
    mass = float(RATIO_MASSES[5])
    shipped = yield_per_particle(mass, threshold=60.0, boson=P) / yield_per_particle(mass, threshold=60.0)
    assert shipped == pytest.approx(ratio_at(P, mass, 60.0), rel=1e-6)


@pytest.mark.parametrize("boson", Boson)
def test_narrow_resonances_have_the_area_of_their_spin_and_width(boson: Boson) -> None:
    """(2J + 1) Gamma(e+ e-): 2 pi^2 alpha eps^2 / m_e for spin 1, half of it for spin 0."""
    resonance = Resonance(0.24, alpha_d=1e-6, boson=boson)
    width = 0.24 * resonance.width / (2 * ELECTRON_MASS)
    angle, weights = composite(np.linspace(-1.5707, 1.5707, 65), 8)
    energy = resonance.energy + width * np.tan(angle)
    area = float(np.sum(weights * width / np.cos(angle) ** 2 * cross_section(resonance, energy)))
    spin = 1.0 if boson in (V, A) else 0.5
    assert area == pytest.approx(spin * 2 * math.pi**2 * ALPHA / ELECTRON_MASS * PICOBARN, rel=2e-3)


def test_only_dark_photons_decay_to_scalar_dark_matter() -> None:
    with pytest.raises(ValueError, match="axial: its decay to scalar dark matter"):
        Resonance(0.24, matter=Matter.SCALAR, boson=A)


@pytest.mark.parametrize(
    ("energy", "of_positrons", "of_electrons"),
    [(55.0, 0.0153, 2.3e-3), (70.0, 0.0125, 8.1e-4), (90.0, 0.0136, 8.5e-5)],
)
def test_positrons_of_either_beam(energy: float, of_positrons: float, of_electrons: float) -> None:
    lengths, at = shower(100.0), np.array([energy])
    # The independent numbers are a Monte Carlo's, of 2 %; secondary positrons are few.
    assert _density(lengths, True, at)[0] == pytest.approx(of_positrons, rel=0.02)
    assert _density(lengths, False, at)[0] == pytest.approx(of_electrons, rel=0.1)


def test_a_beam_of_positrons_travels_far_before_it_radiates() -> None:
    """Radiation lengths a GeV in the last half GeV."""
    lengths = shower(100.0)
    assert lengths.above(lengths.electron, 99.5) / 0.5 == pytest.approx(0.304, rel=0.05)
    below_99 = lengths.above(lengths.electron, 98.5) - lengths.above(lengths.electron, 99.0)
    assert below_99 / 0.5 == pytest.approx(0.0344, rel=0.02)  # its bin of 0.5 GeV that ends at 99


@pytest.mark.parametrize(
    ("energies", "masses"),
    [
        ((50.0, 100.0), (0.226, 0.320)),
        ((42.0, 70.0), (0.207, 0.268)),
        ((30.0, 60.0), (0.175, 0.248)),
        ((20.0, 40.0), (0.143, 0.202)),
    ],
)
def test_masses_that_a_beam_of_positrons_reaches(
    energies: tuple[float, float], masses: tuple[float, float]
) -> None:
    """Threshold and beam at the resonance; the independent masses are rounded to 1 MeV."""
    for energy, mass in zip(energies, masses, strict=True):
        low, high = (Resonance(mass + half).energy for half in (-6e-4, 6e-4))
        assert low < energy < high


def test_the_resonance_of_a_positron_beam() -> None:
    beam = Beam("e+", 100.0)
    expected = {0.24: 2.29e-3, 0.26: 2.09e-3, 0.3: 2.21e-3}
    for mass, number in expected.items():
        assert resonant_yield(Resonance(mass), beam=beam) == pytest.approx(number, rel=0.05)
    assert 1e3 * Resonance(0.24).width == pytest.approx(7.29, rel=1e-3)
    assert Resonance(0.24).energy == pytest.approx(56.4, rel=1e-3)


@pytest.mark.parametrize(
    ("boson", "mass", "expected"),
    [(V, 0.01, 2.1e-15), (V, 1.0, 2.4e-14), (S, 0.01, 4.4e-14), (P, 0.01, -3.8e-14), (A, 0.01, -1.1e-14)],
)
def test_moments_that_the_published_limits_leave(boson: Boson, mass: float, expected: float) -> None:
    """With the curve of 2.84e11 EOT and the root of total cross-sections; 2102.01885 has 1e-15 to 1e-13."""
    (eps,) = load_curve("na64_2018").at([mass])
    made = [total(Radiation(mass, 100.0, boson=one)) for one in (V, boson)]
    found = one_loop(boson, mass, ELECTRON_MASS) * 4 * math.pi * ALPHA * eps**2 * made[0] / made[1]
    assert found == pytest.approx(expected, rel=0.05, abs=0)
