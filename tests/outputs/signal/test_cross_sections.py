"""Flux and cross-sections against closed forms, quadrature and the published reference values."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from na64.outputs.signal.cross_sections import SPECTRA, CrossSectionModel, k_factor, total
from na64.outputs.signal.flux import elastic, flux, inelastic
from na64.outputs.signal.kinematics import Radiation
from na64.outputs.signal.matter import LEAD, MUON_MASS, Nucleus
from na64.outputs.signal.quadrature import composite
from na64.outputs.signal.weizsaecker import double_differential, ww_spectrum

EPS2 = 1e-8


def references() -> list[dict[str, float]]:
    with (Path(__file__).parent / "etl_reference.csv").open() as stream:
        rows = csv.DictReader(line for line in stream if not line.startswith("#"))
        return [{key: float(value) for key, value in row.items()} for row in rows]


REFERENCES = references()


@pytest.fixture(params=REFERENCES, ids=lambda row: f"{1000 * row['mass_GeV']:g}MeV")
def reference(request: pytest.FixtureRequest) -> dict[str, float]:
    row: dict[str, float] = request.param
    return row


def test_the_flux_is_the_published_check_value() -> None:
    assert flux((0.01**2 / 200) ** 2, 0.01**2, LEAD) == pytest.approx(76563.16, rel=1e-7)


def flux_by_quadrature(lowest: float, highest: float, nucleus: Nucleus, *, with_inelastic: bool) -> float:
    """Integrate (t - lowest) / t^2 G2(t) dt numerically."""
    nodes, weights = composite(np.linspace(np.log(lowest), np.log(highest), 31), 16)
    t = np.exp(nodes)
    squared = elastic(t, nucleus) + (inelastic(t, nucleus) if with_inelastic else 0.0)
    return float(np.sum(weights * (t - lowest) / t * squared))


@pytest.mark.parametrize("mass", [0.001, 0.01, 0.1, 1.0])
def test_the_flux_in_closed_form_is_the_integral(mass: float) -> None:
    ends = (mass**2 / 200) ** 2, mass**2
    by_quadrature = flux_by_quadrature(*ends, LEAD, with_inelastic=False)
    assert flux(*ends, LEAD) == pytest.approx(by_quadrature, rel=1e-10)


def test_there_is_no_flux_between_limits_in_the_wrong_order() -> None:
    assert flux(1e-4, 1e-5, LEAD) == 0


@pytest.mark.parametrize(("mass", "share"), [(0.01, 0.013), (0.1, 0.013), (1.0, 0.027)])
def test_inelastic_scattering_adds_little(mass: float, share: float) -> None:
    """The shares are those of the exact cross-section; the flux has the same within a factor of two."""
    ends = (mass**2 / 200) ** 2, mass**2
    both = flux_by_quadrature(*ends, LEAD, with_inelastic=True)
    assert 0.4 * share < both / flux(*ends, LEAD) - 1 < 2.5 * share


def test_the_inelastic_form_factor_at_a_round_value() -> None:
    """At t = 0.71 GeV^2 the dipole is 1 / 16, and the electrons screen nothing."""
    magnetic = 1 + 0.71 * (2.79**2 - 1) / (4 * 0.93827**2)
    assert inelastic(0.71, LEAD) == pytest.approx(82 * (magnetic / 16) ** 2, rel=1e-6)


def test_the_form_factor_is_the_charge_between_atom_and_nucleus() -> None:
    assert elastic(1e-6, LEAD) == pytest.approx(82**2, rel=0.01)
    assert elastic(1e-14, LEAD) < 1e-3
    assert elastic(10.0, LEAD) < 1e-2


def test_exact_tree_level_is_within_three_percent_of_dmg4(reference: dict[str, float]) -> None:
    sigma = EPS2 * total(Radiation(reference["mass_GeV"], 100.0))
    assert sigma == pytest.approx(reference["dmg4_pb"], rel=0.03)
    assert sigma == pytest.approx(reference["independent_pb"], rel=1e-3)


def test_the_k_factor_is_that_of_dmg4(reference: dict[str, float]) -> None:
    found = k_factor(Radiation(reference["mass_GeV"], 100.0))
    assert found == pytest.approx(reference["dmg4_k"], rel=0.04)
    assert found == pytest.approx(reference["independent_k"], rel=2e-3)


def test_approximations_differ_from_exact_as_published(reference: dict[str, float]) -> None:
    radiation = Radiation(reference["mass_GeV"], 100.0)
    exact = total(radiation)
    assert total(radiation, CrossSectionModel.IWW) / exact == pytest.approx(
        reference["iww_over_etl"], rel=5e-3
    )
    assert total(radiation, CrossSectionModel.WW) / exact == pytest.approx(reference["ww_over_etl"], rel=5e-3)
    assert total(radiation, above=50.0) / exact == pytest.approx(reference["fraction"], abs=2e-3)


def test_dmg4_reference_at_another_energy() -> None:
    """The source of DMG4 quotes 3643 pb at 16.7 MeV, 150 GeV; the independent script found 3587."""
    sigma = EPS2 * total(Radiation(0.0167, 150.0))
    assert sigma == pytest.approx(3643, rel=0.03)
    assert sigma == pytest.approx(3587, rel=1e-3)


@pytest.mark.parametrize(("mass", "energy"), [(0.001, 100.0), (0.1, 60.0), (1.0, 100.0)])
def test_exact_tree_level_is_converged(mass: float, energy: float, monkeypatch: pytest.MonkeyPatch) -> None:
    radiation = Radiation(mass, energy)
    coarse = total(radiation)
    for name in ("_ANGLE_POINTS", "_TRANSFER_POINTS"):
        monkeypatch.setattr(f"na64.outputs.signal.tree_level.{name}", 14)
    monkeypatch.setattr("na64.outputs.signal.kinematics._X_POINTS", 14)
    assert coarse == pytest.approx(total(radiation), rel=2e-4)


def test_the_spectrum_is_positive_up_to_its_end() -> None:
    """Without the bound that keeps p' positive in energy it turns negative next to x = 1."""
    for mass in (0.001, 0.1, 1.0):
        radiation = Radiation(mass, 100.0)
        x = np.append(radiation.x_grid(mass / 100)[0], radiation.largest_x - 1e-9)
        assert (SPECTRA[CrossSectionModel.ETL](radiation, x) >= 0).all()


def test_the_ww_spectrum_is_the_integral_over_the_angle() -> None:
    """Over cos(theta) itself, far enough out, with the flux at each angle."""
    radiation, x = Radiation(0.1, 100.0), 0.9
    theta, weights = composite(np.linspace(0, 0.05, 61), 8)
    virtuality = 100.0**2 * theta**2 * x + radiation.least_virtuality(np.array(x))
    lowest = (virtuality / (200.0 * (1 - x))) ** 2
    chi = flux(lowest, 0.1**2 + radiation.lepton_mass**2, LEAD)
    by_angle = double_differential(radiation, np.array(x), virtuality, chi)
    assert ww_spectrum(radiation, np.array([x]))[0] == pytest.approx(
        float(np.sum(weights * theta * by_angle)), rel=1e-3
    )


def test_iww_is_its_own_double_differential_integrated() -> None:
    radiation, x = Radiation(0.01, 100.0), np.array([0.5, 0.9, 0.99])
    nodes, weights = composite(np.linspace(0, np.log(1e8), 33), 12)
    virtuality = radiation.least_virtuality(x)[:, None] * np.exp(nodes)
    chi = flux((0.01**2 / 200) ** 2, 0.01**2 + radiation.lepton_mass**2, LEAD)
    by_angle = double_differential(radiation, x[:, None], virtuality, chi)
    integral = (by_angle * virtuality * weights / (2 * 100.0**2 * x[:, None])).sum(axis=1)
    assert SPECTRA[CrossSectionModel.IWW](radiation, x) == pytest.approx(integral, rel=1e-6)


def test_muons_radiate_as_exact_tree_level_and_ww_agree() -> None:
    """In muon mode WW is within 1-10 % of exact (2409.12748)."""
    radiation = Radiation(0.1, 160.0, lepton_mass=MUON_MASS)
    assert total(radiation, CrossSectionModel.WW) / total(radiation) == pytest.approx(1.0, abs=0.1)


def test_a_cut_above_the_energy_leaves_nothing() -> None:
    assert total(Radiation(0.1, 100.0), above=100.0) == 0
    assert total(Radiation(0.1, 100.0), above=100.0 - 1e-4) == 0


@pytest.mark.parametrize("mass", [0.0, -1.0, 100.0])
def test_impossible_masses_are_refused(mass: float) -> None:
    with pytest.raises(ValueError, match="radiates no dark photon"):
        Radiation(mass, 100.0)


def test_an_impossible_nucleus_is_refused() -> None:
    with pytest.raises(ValueError, match="charge is 0"):
        Nucleus(0, 1, 1)
