"""From blind counts to an opened box of another search: what is opened is what simulation has there."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from na64.datasets.conditions.own_period import stated_runs_text
from na64.outputs.result.audit_log import entries
from na64.run import main

pytestmark = [pytest.mark.soak, pytest.mark.usefixtures("undrawn")]


@pytest.fixture
def opened(
    simulate: Callable[..., Path],
    process: Callable[..., Path],
    rows: Callable[..., list[dict[str, str]]],
    tmp_path: Path,
) -> Callable[..., tuple[Path, int]]:
    """Open the box of a campaign; the folder of the result, and how many events were in it at the end."""

    def cycle(
        campaign: str,
        layout: str,
        selection: str,
        *,
        catalogue: tuple[str, ...] = (),
        why: tuple[str, ...] = (),
    ) -> tuple[Path, int]:
        data = simulate(tmp_path, campaign, 600, layout=layout)
        out = process(data, selection, name="out", catalogue=catalogue)
        assert json.loads((out / "result.json").read_text())["totals"]["selected"] == 0
        line = ["freeze", str(out), "--background", "1 +- 1", "--expected-limit", "none, a test"]
        assert main([*line, *why]) == 0
        details: Any = entries(tmp_path / "audit.jsonl")[-1]["details"]
        people = ["--approved-by", "Ada", "--approved-by", "Emmy", "--reason", "a test"]
        line = ["unblind", str(out), "--freeze", details["freeze"], *people, "--executor", "iterative"]
        assert main(line) == 0
        found = json.loads((out / "unblinded.json").read_text())["cutflow"]
        (tmp_path / "open").mkdir()
        (tmp_path / "open" / "data").symlink_to(data)
        listed = process(tmp_path / "open" / "data", selection, catalogue=(*catalogue, "--simulation"))
        simulated = [row for row in rows(listed / "cutflow.csv") if row["run"] == "all"]
        n_opened = int(found[-1]["passed"])
        assert n_opened == int(simulated[-1]["passed"]) > 30
        assert main(["audit", str(out)]) == 0
        return out, n_opened

    return cycle


def test_the_opened_box_of_pairs_has_the_events_that_simulation_counts(opened: Callable[..., Any]) -> None:
    opened("visible_signal", "visible2018", "visible_2018")


def test_the_opened_box_of_muons_has_them_in_its_plane_and_the_report_too(
    opened: Callable[..., tuple[Path, int]], tmp_path: Path
) -> None:
    (tmp_path / "periods").mkdir()
    (tmp_path / "periods" / "2022M.toml").write_text(stated_runs_text("2022M", 9301, 9308, "a test"))
    out, n_opened = opened(
        "muon_signal",
        "muon2022",
        "muon_2022",
        catalogue=("--periods", str(tmp_path / "periods")),
        why=("--deviations", "runs of the period are stated"),
    )
    with (out / "opened" / "plane.csv").open() as file:
        bins = list(csv.DictReader(file))
    assert [*bins[0]] == ["p_out", "e_cal", "before_cuts", "after_cuts"]
    assert sum(int(row["after_cuts"]) for row in bins) == n_opened
    assert all(float(row["p_out"]) < 80 and float(row["e_cal"]) < 12 for row in bins)
    assert main(["report", str(out)]) == 0
    page = (out / "report.html").read_text()
    assert "<th>p_out</th><th>e_cal</th>" in page
    assert "figure-opened-plane" in page
