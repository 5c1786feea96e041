"""Branching ratios of mesons from stored results: background, efficiency and limit of beams of hadrons."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

import na64
from na64.datasets.conditions.own_period import stated_runs_text
from na64.outputs.background.rates import load_sources
from na64.outputs.limits.searches.card import load_card
from na64.outputs.signal.beam import ELECTRONS
from na64.outputs.signal.charge_exchange import Layers, mesons, mesons_per_particle
from na64.outputs.signal.matter import CARBON, HYDROGEN, LEAD
from na64.run import main

ECAL = Layers((LEAD, CARBON, HYDROGEN), (255.0, 22.0, 1.85), 1.39)
LIMIT = -math.log(0.1)


@dataclass(frozen=True)
class Line:
    """A folder of periods whose runs are stated, and results of pions and of kaons."""

    periods: Path
    pions: Path
    kaons: Path


@pytest.fixture(scope="module")
def line(
    simulate: Callable[..., Path], process: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> Line:
    folder = tmp_path_factory.mktemp("hadrons")
    periods = folder / "periods"
    periods.mkdir()
    for name, first in (("2023H", 9301), ("2023K", 9351)):
        (periods / f"{name}.toml").write_text(stated_runs_text(name, first, first + 19, "test"))
    found = []
    for campaign, period, variant in (
        ("hadron_50", "2023H", "pions"),
        ("hadron_50_kaons", "2023K", "k_short"),
    ):
        data = simulate(folder / campaign, campaign, 3_000 if period == "2023H" else 8_000)
        own = ("--periods", str(periods))
        result = process(data, "hadron_50", catalogue=own)
        options = ["--search", "hadron", "--selection", "hadron_50", "--events", "200", *own]
        of = ["--period", period, "--variant", variant, "--to", str(result / "efficiency_hadron.csv")]
        assert main(["efficiency", *options, *of]) == 0
        found.append(result)
    return Line(periods, *found)


def efficiency_of(result: Path) -> float:
    """Simulated efficiency times every loss that counts for live exposure."""
    (row,) = csv.DictReader((result / "efficiency_hadron.csv").read_text().splitlines())
    losses = csv.DictReader((result / "efficiency_hadron_losses.csv").read_text().splitlines())
    factors = [float(loss["factor"]) for loss in losses if loss["loss"] != "live_time"]
    assert len(factors) == 4
    return math.prod([float(row["efficiency"]), *factors])


def live(result: Path) -> float:
    """Particles on target of the physics runs."""
    runs = json.loads((result / "result.json").read_text())["runs"]
    return math.fsum(run["eot_live"] for run in runs if run["type"] == "physics")


def rows_of(folder: Path) -> dict[float, float]:
    """Limits at 90 % CL by mass."""
    rows = csv.DictReader((folder / "contour.csv").read_text().splitlines())
    return {float(row["mass"]): float(row["coupling_lower"]) for row in rows if row["level"] == "0.9"}


def test_every_control_region_is_populated_and_nothing_is_selected(
    line: Line, rows: Callable[..., list[dict[str, str]]]
) -> None:
    regions = ("crossing", "neutral", "muon", "lost", "whole")
    yields = rows(line.pions / "yields.csv")
    found = {name: sum(int(row[f"region_{name}"]) for row in yields) for name in regions}
    assert min(found.values()) > 2, found
    assert {row["selected"] for row in yields} == {"0"}
    assert {row["particle"] for row in yields} == {"pi-"}
    assert {row["particle"] for row in rows(line.kaons / "yields.csv")} == {"K-"}


def test_the_inverse_srd_rejects_electrons_and_few_hadrons(
    line: Line, rows: Callable[..., list[dict[str, str]]]
) -> None:
    flow = {row["cut"]: int(row["passed"]) for row in rows(line.pions / "cutflow.csv") if row["run"] == "all"}
    assert 0.96 < flow["srd"] / flow["straw3"] < 0.99
    assert flow["hcal"] == 0 < flow["veto"] < 0.2 * flow["ecal_energy"]


def test_the_efficiency_for_mesons_is_that_of_tracks_and_a_quiet_detector(line: Line) -> None:
    for result, channel, period in ((line.pions, "pions", "2023H"), (line.kaons, "kaons", "2023K")):
        (row,) = csv.DictReader((result / "efficiency_hadron.csv").read_text().splitlines())
        assert (row["channel"], row["period"], row["last"]) == (channel, period, "")
        assert float(row["efficiency"]) == pytest.approx(0.87, abs=0.08)
        assert int(row["n_in_box"]) >= 197


def test_a_limit_from_a_stored_result_is_the_formula_by_hand(
    line: Line, tmp_path: Path, undrawn: None
) -> None:
    to = ["--to", str(tmp_path), "--signal-error", "0", "--background", "0+-0"]
    assert main(["limits", "--search", "hadron", str(line.pions), *to]) == 0
    found = rows_of(tmp_path)
    names = {"pi0": 0.1349768, "eta": 0.547862, "eta_prime": 0.95778}
    assert list(found) == list(names.values())
    for name, mass in names.items():
        made = mesons_per_particle(mesons()[name].mass, "pi-", 50.0, ECAL)
        expected = LIMIT / (live(line.pions) * efficiency_of(line.pions) * made)
        assert found[mass] == pytest.approx(expected, rel=0.02)
    facts = json.loads((tmp_path / "contour.json").read_text())
    assert [one["channel"] for one in facts["channels"]] == ["pions 2023H"]
    assert facts["channels"][0]["observed"] is None


def test_results_of_kaons_are_of_the_variants_of_kaons(
    line: Line, tmp_path: Path, capsys: pytest.CaptureFixture[str], undrawn: None
) -> None:
    """Those of pions refuse them, and K_L are too few that decay."""
    options = ["--to", str(tmp_path), "--signal-error", "0", "--background", "0+-0"]
    assert main(["limits", "--search", "hadron", str(line.kaons), *options]) == 2
    assert "in period 2023K: pions in the box of search hadron in period 2023H" in capsys.readouterr().err
    of = ["--search", "hadron", "--variant", "k_short"]
    assert main(["limits", *of, str(line.kaons), *options]) == 0
    made = mesons_per_particle(0.497611, "K-", 50.0, ECAL) / (1 + 50 / 0.497611 * 26.84 / 324)
    expected = LIMIT / (live(line.kaons) * efficiency_of(line.kaons) * made)
    assert rows_of(tmp_path)[0.497611] == pytest.approx(expected, rel=0.02)


def test_electrons_set_no_limit_on_mesons(line: Line, tmp_path: Path) -> None:
    (category,) = load_card("hadron").variant().categories
    with pytest.raises(ValueError, match=r"mesons of pi- are not made by e- of 100 GeV"):
        category.sources[0].of_beam(ELECTRONS, 50.0)


def test_backgrounds_are_control_regions_times_factors(
    line: Line, rows: Callable[..., list[dict[str, str]]], undrawn: None
) -> None:
    table = na64.background(line.pions).table
    found = {row.source: row for row in table.rows}
    n = sum(int(row["region_lost"]) for row in rows(line.pions / "yields.csv"))
    lost = found["energy lost in front of the ECAL"]
    assert (lost.n, lost.error) == pytest.approx((n * 0.00114, n * 0.00114 * math.sqrt(1 + 1 / n)))
    assert found["muons of decays that stop"].upper_limit
    assert (found["neutral hadrons that punch through"].n or 1) < 1e-6
    assert set(table.missing) == {
        "neutral hadrons through cracks and holes",
        "electrons without synchrotron radiation",
    }
    for source in load_sources(None, "hadron")[1]:
        assert all("[" in factor.source or "NOT FOUND" in factor.source for factor in source.factors)
