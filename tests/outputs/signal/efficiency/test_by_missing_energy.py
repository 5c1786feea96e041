"""Efficiencies by missing energy: simulated for positrons that annihilate, in a table, and as a function."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from na64.datasets.catalogue import build as files
from na64.datasets.conditions.own_period import stated_runs_text
from na64.datasets.conditions.periods import load_periods
from na64.datasets.synthetic import simulate
from na64.outputs.signal.efficiency.by_missing_energy import (
    MissingEnergyEfficiency,
    MissingEnergyPoint,
    energies_path,
    energies_table,
    energy_edges,
    energy_efficiency,
    read_energies,
)
from na64.outputs.signal.efficiency.campaigns import base_campaign, signal_campaign
from na64.outputs.signal.efficiency.efficiency import EfficiencyPoint, efficiency_table, load_efficiencies
from na64.outputs.signal.efficiency.injection import TRUTH, Injection, inject, measure, setup_of
from na64.outputs.signal.efficiency.injection_by_energy import describe_energies
from na64.run import main
from na64.selections.selection import load_selection

pytestmark = pytest.mark.usefixtures("undrawn")

PACKAGED = Path(__file__).parents[4] / "datasets" / "conditions" / "periods"
OF = {"cuts": "cuts", "setup": "setup", "beam": "e+ of 100 GeV", "search": "positron"}
POINT = MissingEnergyPoint(60.0, 80.0, "2022P", "positron_2022", 100, 99, 80, **OF)
BINS = (POINT, replace(POINT, energy_low=80.0, energy_high=100.0, n_selected=20))
RADIATED = EfficiencyPoint(0.01, "2022P", "positron_2022", 54.0, 1200, 1000, 950, 700, **OF)


@pytest.fixture(scope="module")
def periods(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of the positron periods, with runs of the packaged campaigns."""
    folder = tmp_path_factory.mktemp("periods")
    for name, first in (("2022P", 9101), ("2023P", 9201)):
        (folder / f"{name}.toml").write_text(stated_runs_text(name, first, first + 5, "of a campaign"))
    return folder


@pytest.fixture(scope="module")
def words(periods: Path) -> list[str]:
    """Command line for an efficiency for positrons of 70 GeV."""
    of = ["--selection", "positron_2023", "--period", "2023P", "--periods", str(periods), "--losses", "none"]
    return ["efficiency", *of, "--mass", "0.01", "--events", "1200"]


@pytest.fixture(scope="module")
def simulated(words: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the command writes for the search for positrons."""
    path = tmp_path_factory.mktemp("simulated") / "efficiency.csv"
    assert main([*words, "--search", "positron", "--to", str(path)]) == 0
    return path


def test_nothing_is_left_for_the_trigger_of_a_positron_that_annihilates_at_once(simulated: Path) -> None:
    """The plateau is of what leaves some energy; in the last percents of the beam's it falls to nothing."""
    points = read_energies(energies_path(simulated))
    assert {(p.period, p.beam, p.search) for p in points} == {("2023P", "e+ of 70 GeV", "positron")}
    middle = [(p.energy_low + p.energy_high) / 2 / 70 for p in points]
    kept = np.interp([0.7, 0.8, 0.9675, 0.9875, 0.9975], middle, [p.efficiency for p in points])
    assert kept[:2] == pytest.approx(0.76, abs=0.12)
    assert 0.2 < kept[2] < 0.6
    assert kept[3] < 0.2
    assert kept[4] == 0
    below = [p.efficiency for p in points if p.energy_high < 42 - 0.63]
    assert below
    assert max(below) < 0.2
    (said,) = describe_energies(points)
    assert said.startswith("period 2023P, positrons that annihilate: at most 0.")


def test_both_tables_are_of_each_other(simulated: Path, words: list[str], tmp_path: Path) -> None:
    found = load_efficiencies(simulated, beam_energy=70.0, reference=42.0)["2023P"]
    assert (found.beam, found.search) == ("e+ of 70 GeV", "positron")
    assert found.by_energy is not None
    assert found.by_energy.lowest == pytest.approx(42 - 2.8)
    assert energies_path(simulated).with_suffix(".png").exists()
    path = tmp_path / "efficiency.csv"
    for one in (simulated, energies_path(simulated)):
        (tmp_path / one.name).write_bytes(one.read_bytes())
    assert main([*words, "--to", str(path)]) == 0
    assert not energies_path(path).exists()
    assert load_efficiencies(path)["2023P"].search == "invisible"


def test_dark_photons_are_simulated_in_the_beam_and_box_of_the_period(periods: Path) -> None:
    plan = Injection(load_selection("positron_2023"), "tout2023", 300, 5, periods, "2023P")
    (found,) = inject([0.01], plan)
    point = found.point
    assert (point.period, point.threshold, point.beam) == ("2023P", 42.0, "e+ of 70 GeV")
    assert 0.5 < point.efficiency < 0.8
    assert found.passed["srd"] > 0.85 * found.passed["master_time"]
    assert found.passed["momentum"] > 0.9 * found.passed["track_quality"]


def test_a_campaign_is_put_into_the_cells_and_runs_of_a_period(periods: Path) -> None:
    known = load_periods(periods)
    for name, energy, cell in (("2022P", 100.0, (2, 3)), ("2023P", 70.0, (2, 2)), ("2022", 100.0, (2, 3))):
        campaign, period = base_campaign("tout2023", name, known)
        assert period == known[name]
        assert (campaign.beam.energy, campaign.geometries[0].grid.beam_cell) == (energy, cell)
        assert known[name].has_run(campaign.runs[0].run)
    usual, _ = base_campaign("tout2023", "", known)
    assert (usual.name, usual.beam.particle) == ("signal", "e-")
    lowest = signal_campaign(0.01, threshold=42.0, base=base_campaign("tout2023", "2023P", known)[0])
    assert lowest.components[0].parameters["lowest"] == pytest.approx((42 - 5.6) / 70)


def test_a_period_of_another_beam_in_place_of_a_packaged_one_is_simulated_with_it(tmp_path: Path) -> None:
    """The runs that a layout stands for are in it: nothing of electrons is said of them."""
    text = stated_runs_text("2023P", 8396, 8999, "a test").replace('"2023P"', '"2023A"')
    (tmp_path / "2023A.toml").write_text(text)
    campaign, period = base_campaign("tout2023", "", load_periods(tmp_path))
    assert period is not None
    assert (period.name, campaign.beam.particle, campaign.beam.energy) == ("2023A", "e+", 70.0)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "2022P",
            "period 2022P has no runs: state them in a copy of it (na64 init period NAME --like 2022P)",
        ),
        ("2022X", "period 2022X is not known: expected one of 2016"),
    ],
)
def test_a_period_that_cannot_be_simulated_is_refused_in_one_line(
    name: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    to = ["--to", str(tmp_path / "efficiency.csv")]
    assert main(["efficiency", "--selection", "positron_2022", "--period", name, *to]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


def test_a_beam_that_nothing_simulates_is_refused(tmp_path: Path) -> None:
    text = stated_runs_text("2023P", 9201, 9206, "a test").replace("value = 70,", "value = 60,")
    (tmp_path / "2023P.toml").write_text(text)
    with pytest.raises(
        ValueError, match=r"period 2023P: nothing simulates its beam, e\+ of 60 GeV: there are"
    ):
        base_campaign("tout2023", "2023P", load_periods(tmp_path))


def test_a_catalogue_of_another_beam_than_its_period_is_not_measured(periods: Path, tmp_path: Path) -> None:
    known = load_periods(periods)
    base, _ = base_campaign("tout2023", "2023P", known)
    simulate(signal_campaign(0.01, threshold=42.0, base=base), to=tmp_path, n_events=60)
    catalogue = files.build([tmp_path], simulation=True, layout="tout2023", folder=periods)
    with pytest.raises(ValueError, match=r"has a beam of e\+ of 70 GeV, simulated is e- of 100 GeV"):
        measure(catalogue, load_selection("positron_2023"), tmp_path / TRUTH, mass=0.01)


def test_the_set_up_of_a_period_is_the_same_whatever_its_runs_are(periods: Path) -> None:
    """Packaged losses are of a period without runs; so is what is projected."""
    for name in ("2022P", "2023P"):
        stated, packaged = load_periods(periods)[name], load_periods()[name]
        assert stated.runs != packaged.runs
        assert setup_of(stated) == setup_of(packaged)
    assert setup_of(load_periods()["2022P"]) != setup_of(load_periods()["2022"])


def test_positrons_in_runs_of_electrons_have_the_box_of_both(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of 70 GeV the box of 60 GeV leaves 10 GeV missing: nothing is known of that, and it is said why."""
    folder = tmp_path / "periods"
    folder.mkdir()
    for name, first, old in (("2023P", 8900, "last = 8999"), ("2022P", 8300, "last = 8395")):
        (folder / f"{name}.toml").write_text(stated_runs_text(name, first, first + 9, "a test"))
        electrons = "2023A" if name == "2023P" else "2022"
        text = (PACKAGED / f"{electrons}.toml").read_text()
        (folder / f"{electrons}.toml").write_text(text.replace(old, f"last = {first - 1}"))
    words = ["efficiency", "--periods", str(folder), "--to", str(tmp_path / "efficiency.csv")]
    assert main([*words, "--selection", "positron_2023", "--period", "2023P"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "a signal box that begins at 10 GeV of missing energy, of a beam of 70 GeV: expected 14" in line
    plan = Injection(load_selection("positron_2022"), "tout2023", 60, 5, folder, "2022P")
    assert next(inject([0.01], plan)).point.threshold == 50.0


def test_a_search_that_has_no_efficiency_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["efficiency", "--search", "positrons", "--to", str(tmp_path / "efficiency.csv")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert 'unknown search "positrons", nearest known is "positron"' in line


def test_bins_are_narrow_where_the_efficiency_changes() -> None:
    for threshold, beam in ((54.0, 100.0), (42.0, 70.0), (20.0, 40.0), (85.0, 100.0), (95.0, 100.0)):
        edges = energy_edges(threshold, beam)
        assert (np.diff(edges) > 0).all()
        assert edges[0] == pytest.approx(threshold - 0.04 * beam)
        assert edges[-1] == pytest.approx(beam)
        assert threshold in edges


def test_what_is_seen_is_the_sum_over_bins() -> None:
    function = MissingEnergyEfficiency(
        np.array([50.0, 60.0, 100.0]), np.array([0.5, 0.25]), np.array([0.1, 0.2])
    )
    energy, number = np.array([49.0, 50.0, 59.9, 60.0, 100.0]), np.array([8.0, 1.0, 2.0, 4.0, 8.0])
    assert function.seen(energy, number) == pytest.approx((3 * 0.5 + 12 * 0.25, np.hypot(0.3, 2.4)))


def _refused(path: Path) -> Iterator[tuple[str, str]]:
    text = path.read_text()
    yield text.replace("0.8,", "0.7,"), "efficiency 0.7 is not 80 of 100"
    yield text.replace("80,100", "85,100"), "its bins of missing energy do not follow each other"
    yield text.replace("positron_2022", "mine"), "is of 2022P mine cuts setup e+ of 100 GeV positron"
    yield text.replace("e+ of 100", "e+ of 70"), "is of 2022P positron_2022 cuts setup e+ of 70 GeV positron"
    yield text.replace(",99,", ",79,"), "80 selected of 79 in the box of 100"


def test_the_table_reads_back_and_is_of_the_efficiency_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "efficiency.csv"
    path.write_bytes(efficiency_table([RADIATED]).to_csv())
    assert load_efficiencies(path)["2022P"].by_energy is None
    beside = energies_path(path)
    beside.write_bytes(energies_table(reversed(BINS)).to_csv())
    assert tuple(read_energies(beside)) == BINS
    found = load_efficiencies(path)["2022P"].by_energy
    assert found is not None
    assert (found.edges.tolist(), found.value.tolist()) == ([60.0, 80.0, 100.0], [0.8, 0.2])
    assert energy_efficiency([], 1.0, "") is None
    for text, said in list(_refused(beside)):
        beside.write_text(text)
        with pytest.raises(ValueError, match=re.escape(said)):
            load_efficiencies(path)
