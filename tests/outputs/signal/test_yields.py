"""Yields per electron on target, and the shipped table of them."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

import correctionlib
import numpy as np
import pytest

from na64.datasets.synthetic.dark_photon import load_spectrum
from na64.outputs.signal import tables
from na64.outputs.signal.bosons import Boson
from na64.outputs.signal.cross_sections import CrossSectionModel, k_factor
from na64.outputs.signal.integration import integrate_yield, resolved_thresholds
from na64.outputs.signal.kinematics import Radiation
from na64.outputs.signal.matter import LEAD
from na64.outputs.signal.yields import yield_per_eot

PER_1E9 = {0.00105: 1.91, 0.01: 0.112, 0.05: 6.45e-3, 0.1: 1.44e-3, 0.5: 2.33e-5, 0.95: 2.83e-6}
"""Dark photons above 50 GeV for 1e9 electrons at eps = 1e-4, by mass: an independent computation."""

EARLIER = {0.002: 0.108, 0.005: 0.034, 0.0167: 5.2e-3, 0.05: 7.0e-4, 0.2: 3.1e-5, 0.5: 2.6e-6}
"""The same at eps = 1 from DMG4's cross-section over its K, by mass: a further one, good to 10 %."""


@pytest.mark.parametrize(("mass", "expected"), PER_1E9.items())
def test_yields_are_those_of_the_independent_computation(mass: float, expected: float) -> None:
    assert 10 * yield_per_eot(mass) == pytest.approx(expected, rel=0.012)


@pytest.mark.parametrize(("mass", "expected"), EARLIER.items())
def test_yields_are_near_those_from_dmg4(mass: float, expected: float) -> None:
    assert yield_per_eot(mass) == pytest.approx(expected, rel=0.11)


def test_a_radiation_length_of_lead_has_its_nuclei() -> None:
    assert LEAD.per_picobarn == pytest.approx(1.85e-14, rel=2e-3, abs=0)


def shipped(name: str, *place: float) -> float:
    """Value of a table of `yields.json`, which correctionlib reads."""
    text = (files("na64.outputs.signal") / "yields.json").read_text()
    return float(correctionlib.CorrectionSet.from_string(text)[name].evaluate(*place))


FLAT_EFFICIENCY = {0.00105: 9.22e-6, 0.01: 3.80e-5, 0.1: 3.35e-4, 0.4: 1.91e-3}


@pytest.mark.parametrize(("mass", "eps"), FLAT_EFFICIENCY.items())
def test_the_limit_for_a_flat_efficiency_of_a_half(mass: float, eps: float) -> None:
    """2.303 events, 2.84e11 electrons on target, bremsstrahlung only."""
    assert np.sqrt(2.303 / (2.84e11 * 0.5 * yield_per_eot(mass))) == pytest.approx(eps, rel=0.03)


@pytest.mark.parametrize(("mass", "threshold"), [(0.001, 50.0), (0.0138, 47.0), (0.34, 33.0), (1.0, 80.0)])
def test_the_table_is_the_integral(mass: float, threshold: float) -> None:
    assert yield_per_eot(mass, threshold=threshold) == pytest.approx(
        integrate_yield(mass, threshold=threshold), rel=1e-3
    )


def test_the_folded_table_is_the_integral_over_the_resolution() -> None:
    thresholds, weights = resolved_thresholds(50.0)
    yields = [integrate_yield(0.0138, threshold=float(value)) for value in thresholds]
    assert shipped("folded_yield", 0.0138, 50.0) == pytest.approx(float(weights @ np.array(yields)), rel=1e-3)


def test_folding_is_the_fluctuation_of_what_is_left() -> None:
    """Draw fluctuations at one true energy and ask how often the measured one passes."""
    thresholds, weights = resolved_thresholds(50.0, resolution=0.9)
    rng = np.random.default_rng(4)
    left = rng.uniform(20, 80, 400_000)
    passed = left + 0.9 * np.sqrt(left) * rng.standard_normal(len(left)) < 50
    expected = weights @ np.array([(100 - left > value).mean() for value in thresholds])
    assert passed.mean() == pytest.approx(expected, abs=0.005)
    assert weights.sum() == pytest.approx(1)


def test_the_threshold_matters_more_than_the_resolution() -> None:
    assert yield_per_eot(0.01, threshold=40.0) > 1.2 * yield_per_eot(0.01)
    assert shipped("folded_yield", 0.01, 50.0) == pytest.approx(yield_per_eot(0.01), rel=2e-3)


def test_approximations_are_asked_for_by_name() -> None:
    assert yield_per_eot(0.1, model="iww") == pytest.approx(yield_per_eot(0.1, model=CrossSectionModel.IWW))
    assert yield_per_eot(0.1, model="iww") > 1.5 * yield_per_eot(0.1)
    with pytest.raises(ValueError, match="'born' is not a valid CrossSectionModel"):
        yield_per_eot(0.1, model="born")


def test_beams_without_a_table_are_integrated() -> None:
    at_60 = yield_per_eot(0.01, threshold=36.0, beam_energy=60.0)
    assert at_60 == integrate_yield(0.01, threshold=36.0, beam_energy=60.0)


@pytest.mark.parametrize(("mass", "threshold"), [(0.0123, 42.0), (0.23, 40.0), (0.7, 33.3)])
def test_a_beam_of_70_gev_has_a_table(mass: float, threshold: float) -> None:
    exact = integrate_yield(mass, threshold=threshold, beam_energy=70.0)
    assert yield_per_eot(mass, threshold=threshold, beam_energy=70.0) == pytest.approx(exact, rel=2e-3)


def test_a_lower_beam_makes_about_as_many_above_the_same_part_of_it() -> None:
    at_70 = yield_per_eot(0.01, threshold=42.0, beam_energy=70.0)
    assert at_70 == pytest.approx(yield_per_eot(0.01, threshold=60.0), rel=0.1)
    assert at_70 != pytest.approx(yield_per_eot(0.01, threshold=42.0), rel=0.2)


def test_the_k_factor_of_the_table() -> None:
    assert shipped("k_factor", 0.05, 85.0) == pytest.approx(k_factor(Radiation(0.05, 85.0)), rel=5e-3)


def test_what_the_tables_do_not_have_is_refused() -> None:
    with pytest.raises((IndexError, RuntimeError, ValueError)):
        shipped("folded_yield", 2.0, 50.0)
    with pytest.raises(ValueError, match="above 100 GeV"):
        yield_per_eot(0.01, threshold=100.0)
    with pytest.raises((IndexError, RuntimeError, ValueError)):
        shipped("k_factor", 0.01, 500.0)


def test_a_few_points_of_the_shipped_tables_come_out_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "MASSES", tables.MASSES[[0, 20]])
    seen: list[tuple[int, int]] = []
    yields, spectrum = tables.write_tables(tmp_path, progress=lambda *done: seen.append(done))
    assert seen[-1] == (2, 2)
    made = correctionlib.CorrectionSet.from_file(str(yields))
    for mass in tables.MASSES.tolist():
        for threshold in (20.0, 50.0, 80.0):
            found = made["yield"].evaluate(mass, threshold)
            assert found == pytest.approx(yield_per_eot(mass, threshold=threshold), rel=1e-6)
        assert made["k_factor"].evaluate(mass, 100.0) == pytest.approx(
            shipped("k_factor", mass, 100.0), rel=1e-6
        )
        assert made["folded_yield"].evaluate(mass, 50.0) == pytest.approx(
            shipped("folded_yield", mass, 50.0), rel=1e-6
        )
    rows = [line.split(",") for line in spectrum.read_text().splitlines()[4:]]
    kept = load_spectrum()
    for row in rows:
        at = int(np.argmin(np.abs(kept.mass - float(row[0]))))
        assert np.array(row[1:], float) == pytest.approx(kept.survival[at], rel=1e-5)


def test_the_shipped_table_says_what_it_is() -> None:
    shipped = json.loads((Path(tables.__file__).parent / tables.YIELDS).read_text())
    assert [entry["name"] for entry in shipped["corrections"]] == ["yield", "folded_yield", "k_factor"]
    assert all(entry["description"] for entry in shipped["corrections"])


def test_whole_numbers_are_masses_and_thresholds_too() -> None:
    for beam_energy in (100, 70):
        found = yield_per_eot(1, threshold=50, beam_energy=beam_energy)
        assert found == yield_per_eot(1.0, threshold=50.0, beam_energy=float(beam_energy))
    scalar = yield_per_eot(0.01, threshold=50, boson=Boson.SCALAR)
    assert scalar == yield_per_eot(0.01, threshold=50.0, boson=Boson.SCALAR)
