"""The visible mode of 2017, from a simulated campaign to blind counts, controls and the box of its period."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from na64.selections.selection import load_selection

Simulate = Callable[..., Path]
Rows = Callable[..., list[dict[str, str]]]


def passed(folder: Path, rows: Rows) -> dict[str, int]:
    listed = [row for row in rows(folder / "cutflow.csv") if row["run"] == "all"]
    return {row["cut"]: int(row["passed"]) for row in listed}


def totals(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "result.json").read_text())["totals"]
    return found


def test_electron_pairs_of_2017_are_hidden_and_pass_as_simulation(
    simulate: Simulate, process: Callable[..., Path], rows: Rows, tmp_path: Path, undrawn: None
) -> None:
    data = simulate(tmp_path / "signal", "visible_signal_2017", 400, layout="visible2018")
    blind = process(data, "visible_2017", name="blind")
    assert totals(blind)["selected"] == 0
    (tmp_path / "seen").mkdir()
    (tmp_path / "seen" / "data").symlink_to(data)
    seen = passed(process(tmp_path / "seen" / "data", "visible_2017", catalogue=("--simulation",)), rows)
    selected = [*seen.values()][-1]
    assert 30 < selected < totals(blind)["hidden"] < 400
    assert selected / seen["ecal_share"] > 0.75


def test_controls_of_2017_are_populated_without_a_cut_on_the_catcher(
    simulate: Simulate, process: Callable[..., Path], rows: Rows, tmp_path: Path, undrawn: None
) -> None:
    data = simulate(tmp_path, "visible_2017", 1_200, layout="visible2018")
    out = process(data, "visible_2017")
    assert "wcat" not in passed(out, rows)
    yields = rows(out / "yields.csv")
    assert {row["period"] for row in yields} == {"2017V"}
    for region in load_selection("visible_2017").regions:
        assert sum(int(row[region.name]) for row in yields) > 0, region.name
    assert totals(out)["selected"] == 0


@pytest.mark.parametrize(
    ("cut", "feature", "bounds"),
    [("momentum", "track_momentum", (97, 103)), ("beam_energy", "wcal_with_ecal", (90, 110))],
)
def test_bounds_about_the_beam_are_those_of_100_gev(
    cut: str, feature: str, bounds: tuple[float, float]
) -> None:
    (found,) = (one for one in load_selection("visible_2017").cuts if one.name == cut)
    (interval,) = (one for one in found.intervals if one.feature == feature)
    assert (interval.low, interval.high) == pytest.approx(bounds, rel=1e-5)
