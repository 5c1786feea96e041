"""Positrons that annihilate in limits of stored results: seen by their missing energy, of their own beam."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from na64.datasets.conditions.periods import load_periods
from na64.outputs.limits.assumptions import assumptions_of
from na64.outputs.limits.dark_matter import Resonant
from na64.outputs.limits.exposure import read_exposure
from na64.outputs.limits.inputs import ConstantEfficiency
from na64.outputs.limits.production import Production
from na64.outputs.limits.search import PeriodChannel, Search
from na64.outputs.limits.searches.card import load_card
from na64.outputs.limits.searches.stored import stored_contour
from na64.outputs.limits.searches.stored_channels import channel_contour
from na64.outputs.result.descriptions import period_facts
from na64.outputs.result.origin import seal_csv
from na64.outputs.result.summary_facts import BoxFacts
from na64.outputs.signal.annihilation import Resonance
from na64.outputs.signal.beam import Beam
from na64.outputs.signal.efficiency.by_missing_energy import (
    MissingEnergyEfficiency,
    MissingEnergyPoint,
    energies_path,
    energies_table,
    energy_edges,
)
from na64.outputs.signal.efficiency.efficiency import (
    EfficiencyPoint,
    SignalEfficiency,
    efficiency_table,
)
from na64.run import main

pytestmark = pytest.mark.usefixtures("undrawn", "uncompared")

POSITRONS = Beam("e+", 70.0)
MADE = Production(POSITRONS, 42.0, Resonant())
EDGES = np.array([40.0, 65.0, 70.0])
BY_ENERGY = MissingEnergyEfficiency(EDGES, np.array([0.8, 0.1]), np.array([0.0, 0.0]))
SIMULATED = SignalEfficiency(
    np.array([1e-3, 1.0]), np.array([0.5, 0.5]), np.array([0.05, 0.05]), "a table", by_energy=BY_ENERGY
)


def channel(**changes: Any) -> PeriodChannel:
    period = PeriodChannel("2023P", 1e10, 0.1, (), SIMULATED, 0, MADE)
    return replace(period, **changes)


@pytest.mark.parametrize("mass", [0.01, 0.23, 0.265, 0.28])
def test_radiated_ones_are_seen_by_mass_and_those_of_positrons_by_energy(mass: float) -> None:
    """The spectrum from 40 GeV on, where the first bin begins, whatever the threshold of the yield."""
    energy, number = Resonant().spectrum(mass, 40.0, POSITRONS)
    kept = np.where(energy < 65, 0.8, 0.1)
    expected = 0.5 * MADE.radiated(mass) + float(kept @ number)
    period = channel()
    assert period.signal(mass) == pytest.approx(1e10 * expected)
    assert period.seen(mass)[1] == pytest.approx(0.05 * MADE.radiated(mass))
    point = Search((period,)).point(mass, 0.9)
    assert point.sensitivity == pytest.approx(1e10 * expected)
    assert point.efficiency == pytest.approx(expected / (MADE.radiated(mass) + MADE.annihilated(mass)))


def test_the_error_of_the_bins_is_that_of_the_signal() -> None:
    uncertain = replace(SIMULATED, by_energy=replace(BY_ENERGY, error=np.array([0.08, 0.0])))
    value, error = channel(efficiency=uncertain).seen(0.23)
    assert error / value == pytest.approx(0.1, abs=0.01)
    found = channel(efficiency=uncertain).channel(0.23, 1.0, is_alone=True)
    assert found.signal_fraction_error == round(error / value, 3)


def test_a_beam_of_positrons_needs_an_efficiency_by_energy_if_they_annihilate() -> None:
    by_mass = replace(SIMULATED, by_energy=None)
    with pytest.raises(ValueError, match="2023P: positrons of the beam annihilate, and a table has no"):
        channel(efficiency=by_mass)
    for allowed in (
        {"efficiency": by_mass, "production": replace(MADE, resonant=None)},
        {"efficiency": by_mass, "production": Production(resonant=Resonant())},
        {"efficiency": ConstantEfficiency(0.5)},
    ):
        assert channel(**allowed).signal(0.23) > 0


def test_it_is_said_how_dark_photons_of_positrons_are_seen() -> None:
    flat = channel(name="flat", efficiency=ConstantEfficiency(0.5))
    said = [one.text for one in assumptions_of(Search((channel(), flat)), (), delivered=False)]
    (by_energy,) = (text for text in said if "in 2023P its dark photons are seen by their missing" in text)
    assert by_energy.startswith("resonant annihilation of positrons counts")
    assert any("in flat its dark photons are seen as radiated ones of the same mass" in text for text in said)


def test_exposures_of_two_kinds_have_no_mean_yield() -> None:
    other = channel(name="2018", production=Production(), efficiency=ConstantEfficiency(0.5))
    assert Search((channel(), other)).point(0.01, 0.9).yield_per_eot is None
    assert Search((channel(), channel())).point(0.01, 0.9).yield_per_eot is not None


def test_a_card_counts_what_positrons_make_by_energy() -> None:
    """Above the plateau only the small efficiency at high energies is left: the coupling is weaker."""
    card = load_card("positron")
    flat = replace(SIMULATED, by_energy=MissingEnergyEfficiency(EDGES, np.full(2, 0.8), np.zeros(2)))
    limits = []
    for efficiency in (SIMULATED, flat):
        search = Search((channel(efficiency=efficiency, production=replace(MADE, resonant=None)),), 0.1)
        rows = stored_contour(card, card.variant("positrons_70_trigger"), search, 0.9)
        limits.append({row.mass: row.lower for row in rows})
    ratio = {m: (limits[0][m] or 0) / (limits[1][m] or 1) for m in limits[0]}
    near = min(ratio, key=lambda mass: abs(mass - 0.2673))
    assert 2.3 < ratio[near] < 8**0.5
    assert ratio[min(ratio)] == pytest.approx(1.0, abs=1e-3)
    assert 1 < ratio[min(ratio, key=lambda mass: abs(mass - 0.225))] < 1.2


@pytest.fixture
def of_positrons(stored: Callable[..., Path], case: Any) -> Path:
    run = replace(case.facts.runs[0], period="2023P", particle="e+", energy=70.0)
    box = BoxFacts("2023P", 28.0, 1.0, 5.0, 0.5, particle="e+", beam_energy=70.0)
    periods = (period_facts(load_periods()["2023P"]),)
    return stored(runs=(run,), boxes=(box,), periods=periods)


def write_tables(folder: Path, *, with_energies: bool = True, **changes: str) -> None:
    """An efficiency of the stored result, by mass and by energy."""
    exposure = read_exposure(folder)
    of: dict[str, Any] = {
        "selection": exposure.selection,
        "cuts": exposure.cuts,
        "setup": dict(exposure.origin.setups)["2023P"],
    }
    of |= {"period": "2023P", "beam": "e+ of 70 GeV", "search": "positron"} | changes
    counts: dict[str, Any] = {"n_simulated": 1200, "n_generated": 1000, "n_in_box": 950, "n_selected": 700}
    points = [EfficiencyPoint(mass=mass, threshold=42.0, **counts, **of) for mass in (1e-3, 1.0)]
    path = folder / "efficiency.csv"
    path.write_bytes(seal_csv(efficiency_table(points).to_csv()))
    edges = energy_edges(42.0, 70.0).tolist()
    seen: dict[str, Any] = {"n_generated": 100, "n_in_box": 99, "n_selected": 70}
    bins = [MissingEnergyPoint(low, high, **seen, **of) for low, high in pairwise(edges)]
    beside = energies_path(path)
    if with_energies:
        beside.write_bytes(seal_csv(energies_table(bins).to_csv()))


LINE = ("--background", "0.2+-0.1", "--points", "2", "--level", "0.9", "--search", "positron")


def test_limits_of_the_search_use_the_tables_beside_the_result(of_positrons: Path, tmp_path: Path) -> None:
    write_tables(of_positrons)
    text = (Path(__file__).parents[3] / "selections" / "searches" / "positron.toml").read_text()
    card = tmp_path / "mine.toml"
    card.write_text(text.replace("points = 81", "points = 9").replace("points = 37", "points = 2"))
    words = ["--search", str(card), "--variant", "positrons_70_trigger"]
    assert main(["limits", str(of_positrons), *LINE[:-2], *words]) == 0
    rows = list(csv.DictReader((of_positrons / "contour.csv").read_text().splitlines()))
    by_mass = {float(row["mass"]): float(row["coupling_lower"]) for row in rows}
    near = min(by_mass, key=lambda mass: abs(mass - 0.23))
    limits = list(csv.DictReader((of_positrons / "limits.csv").read_text().splitlines()))
    (period,) = read_exposure(of_positrons).periods
    annihilated = float(Resonant().spectrum(near, 42 - 2.8, POSITRONS)[1].sum())
    events = 0.7 * period.on_target * (MADE.radiated(near) + annihilated)
    assert by_mass[near] ** 2 == pytest.approx(float(limits[0]["events_median"]) / events, rel=0.01)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"beam": "e+ of 100 GeV"}, "an efficiency of e+ of 100 GeV, the period has e+ of 70 GeV"),
        ({"period": "2022P"}, "no efficiency of period 2023P, only of 2022P"),
        ({"search": "alp"}, "an efficiency of search alp, expected one of missing energy"),
        ({"cuts": "c0ffee"}, "na64 efficiency makes one, or --reason TEXT"),
        ({"setup": "c0ffee"}, "na64 efficiency makes one, or --reason TEXT"),
    ],
)
def test_an_efficiency_of_something_else_is_refused(
    of_positrons: Path, changes: dict[str, Any], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write_tables(of_positrons, **changes)
    assert main(["limits", str(of_positrons), *LINE]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
    assert not (of_positrons / "limits.csv").exists()


def test_an_efficiency_by_mass_only_is_refused_before_anything_is_written(
    of_positrons: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_tables(of_positrons, with_energies=False, search="invisible")
    assert main(["limits", str(of_positrons), *LINE]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "na64 efficiency --search positron makes it" in line
    assert not (of_positrons / "limits.csv").exists()


def test_an_edited_table_of_energies_is_refused(
    of_positrons: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_tables(of_positrons)
    beside = energies_path(of_positrons / "efficiency.csv")
    beside.write_text(beside.read_text().replace(",0.7,", ",0.71,").replace(",100,70,", ",100,71,"))
    assert main(["limits", str(of_positrons), *LINE]) == 2
    assert "edited" in capsys.readouterr().err


@pytest.mark.parametrize("error", [-0.1, float("nan"), float("inf"), 10.0])
def test_an_error_of_the_signal_that_can_be_none_is_refused(error: float) -> None:
    with pytest.raises(ValueError, match=r"signal error .*: expected a number from 0 to 5"):
        Search((), signal_error=error)
    card = load_card("alp")
    with pytest.raises(ValueError, match=r"signal error .*: expected a number from 0 to 5"):
        channel_contour(card, card.variants[0], [], level=0.9, signal_error=error)


@pytest.mark.parametrize("alpha", [0.0, -1.0, float("nan"), float("inf"), 1e300])
def test_a_coupling_without_an_expansion_is_refused(alpha: float) -> None:
    with pytest.raises(ValueError, match=r"alpha_D = .*: expected above 0 and up to 4 pi"):
        Resonance(0.1, alpha_d=alpha)


def test_the_error_of_the_exposure_is_said_not_to_count() -> None:
    (found,) = (
        one for one in assumptions_of(Search((channel(),)), (), delivered=False) if "no error" in one.text
    )
    assert found.text == (
        "particles on target have no error of their own in the limits; that of electrons is published as 5%, "
        "with which the error of the yield would be 11.2%"
    )
    assert found.tag == "[V: 2606.17320 (abs)]"
