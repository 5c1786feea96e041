"""From blind counts to the opened box of muons: what is opened is what simulation has there."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from na64.datasets.conditions.own_period import stated_runs_text
from na64.outputs.result.audit_log import entries
from na64.run import main

pytestmark = pytest.mark.soak

QUICK = ("--no-report", "--executor", "iterative")


def test_the_opened_box_of_muons_has_the_events_that_simulation_counts(
    simulate: Callable[..., Path],
    process: Callable[..., Path],
    rows: Callable[..., list[dict[str, str]]],
    tmp_path: Path,
    undrawn: None,
) -> None:
    (tmp_path / "periods").mkdir()
    (tmp_path / "periods" / "2022M.toml").write_text(stated_runs_text("2022M", 9301, 9308, "a test"))
    periods = ("--periods", str(tmp_path / "periods"))
    data = simulate(tmp_path, "muon_signal", 600, layout="muon2022")
    out = process(data, "muon_2022", name="out", catalogue=periods)
    assert json.loads((out / "result.json").read_text())["totals"]["selected"] == 0
    line = ["freeze", str(out), "--background", "1 +- 1", "--expected-limit", "none, a test"]
    assert main([*line, "--deviations", "runs of the period are stated"]) == 0
    commitment = str(entries(tmp_path / "audit.jsonl")[-1]["details"]["freeze"])  # type: ignore[index]
    people = ["--approved-by", "Ada", "--approved-by", "Emmy"]
    line = ["unblind", str(out), "--freeze", commitment, "--reason", "a test", *people, *QUICK[1:]]
    assert main(line) == 0
    opened = json.loads((out / "unblinded.json").read_text())["cutflow"]
    (tmp_path / "open").mkdir()
    (tmp_path / "open" / "data").symlink_to(data)
    listed = process(tmp_path / "open" / "data", "muon_2022", catalogue=(*periods, "--simulation"))
    simulated = [row for row in rows(listed / "cutflow.csv") if row["run"] == "all"]
    assert opened[-1]["passed"] == int(simulated[-1]["passed"]) > 30
    assert main(["audit", str(out)]) == 0
    with (out / "opened" / "plane.csv").open() as file:
        bins = list(csv.DictReader(file))
    assert [*bins[0]] == ["p_out", "e_cal", "before_cuts", "after_cuts"]
    assert sum(int(row["after_cuts"]) for row in bins) == opened[-1]["passed"]
    assert all(float(row["p_out"]) < 80 and float(row["e_cal"]) < 12 for row in bins)
    assert main(["report", str(out)]) == 0
    page = (out / "report.html").read_text()
    assert "<th>p_out</th><th>e_cal</th>" in page
    assert "figure-opened-plane" in page
