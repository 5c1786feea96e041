"""From simulated muons to a limit: background by a tail and muons on target, efficiency by mass."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import na64
from na64.datasets.conditions.own_period import stated_runs_text
from na64.outputs.background.rates import load_sources
from na64.outputs.result.store import read_result
from na64.run import main

N_EVENTS = 2_000


@pytest.fixture(scope="module")
def result(
    simulate: Callable[..., Path], process: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("muons")
    (folder / "periods").mkdir()
    (folder / "periods" / "2022M.toml").write_text(stated_runs_text("2022M", 9301, 9308, "a test"))
    data = simulate(folder, "muon_2022", N_EVENTS, layout="muon2022")
    return process(data, "muon_2022", catalogue=("--periods", str(folder / "periods")))


def test_the_packaged_sources_are_those_of_the_published_table_by_muons_on_target() -> None:
    (shape,), products = load_sources(search="muon")
    assert (shape.histogram, shape.feature) == ("tail_momentum", "p_out")
    rows = {one.name: one.row({"mot": 1.98e10}) for one in products}
    decays = rows["decays of hadrons in flight"]
    assert decays.n == pytest.approx(0.010, rel=0.02)
    assert decays.error == pytest.approx(0.001, rel=0.02)
    assert [row.upper_limit for row in rows.values()] == [False, True, True]
    assert all(row.n == pytest.approx(0.010, rel=0.02) for row in rows.values())
    assert all("[R-lo; 2401.01708]" in row.tag for row in rows.values())
    assert products[0].row({"eot": 1.98e10, "mot": None}).n is None


def test_every_control_is_populated_and_the_box_is_closed(
    result: Path, rows: Callable[..., list[dict[str, str]]]
) -> None:
    found = rows(result / "yields.csv")
    regions = ("beam", "tail", "dimuon", "hadron", "radiated")
    counts = {name: sum(int(row[f"region_{name}"]) for row in found) for name in regions}
    assert min(counts.values()) > 5, counts
    assert sum(int(row["selected"]) for row in found) == 0
    hidden = {row["run"]: int(row["hidden"]) for row in found}
    assert hidden["9303"] == 0 < hidden["9301"]  # nothing of a calibration run is hidden
    assert {row["particle"] for row in found} == {"mu-"}


def test_the_tail_is_taken_from_muons_beside_the_box_and_the_rest_from_muons_on_target(
    result: Path, rows: Callable[..., list[dict[str, str]]], undrawn: None
) -> None:
    table = na64.background(result).table
    tail, *others = table.rows
    shown = read_result(result).histograms["tail_momentum"].values()
    assert tail.method.partition(" with p_out")[0].endswith(f"{int(shown[17:].sum())} events")
    assert shown[:17].sum() == 0  # below the guard band
    assert tail.n is not None
    assert tail.n < 10
    mot = sum(float(row["eot"]) for row in rows(result / "yields.csv") if row["run"] != "9303")
    assert others[0].n == pytest.approx(5.1e-13 * 0.95 * mot, rel=1e-3)  # live ones


@pytest.mark.soak
def test_the_limit_of_a_closed_box_is_that_of_its_background_and_simulated_efficiency(
    result: Path, undrawn: None, capsys: pytest.CaptureFixture[str]
) -> None:
    na64.background(result)
    table, out = result / "efficiency_muon.csv", result.parent / "limits"
    periods = ["--periods", str(result.parent / "periods")]
    line = ["efficiency", "--search", "muon", "--selection", "muon_2022", "--to", str(table)]
    line += ["--events", "150"]
    assert main([*line, "--mass", "0.001", "0.1", "1", *periods]) == 0
    assert main(["limits", "--search", "muon", str(result), "--to", str(out)]) == 0
    assert "channel muons_2022 2022M" in capsys.readouterr().out
    facts = json.loads((out / "contour.json").read_text())
    (channel,) = facts["channels"]
    assert (channel["period"], channel["masses"], channel["observed"]) == ("2022M", [0.001, 0.1, 1.0], None)
    assert (out / "contour.csv").read_text().count("\n") > 100
