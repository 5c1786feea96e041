"""From blind counts to the opened box of electron pairs: what is opened is what simulation has there."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from na64.outputs.result.audit_log import entries
from na64.run import main

pytestmark = pytest.mark.soak

QUICK = ("--no-report", "--executor", "iterative")


def test_the_opened_box_of_pairs_has_the_events_that_simulation_counts(
    simulate: Callable[..., Path],
    process: Callable[..., Path],
    rows: Callable[..., list[dict[str, str]]],
    tmp_path: Path,
    undrawn: None,
) -> None:
    data = simulate(tmp_path, "visible_signal", 600, layout="visible2018")
    out = process(data, "visible_2018", name="out")
    assert json.loads((out / "result.json").read_text())["totals"]["selected"] == 0
    assert main(["freeze", str(out), "--background", "1 +- 1", "--expected-limit", "none, a test"]) == 0
    commitment = str(entries(tmp_path / "audit.jsonl")[-1]["details"]["freeze"])  # type: ignore[index]
    people = ["--approved-by", "Ada", "--approved-by", "Emmy"]
    line = ["unblind", str(out), "--freeze", commitment, "--reason", "a test", *people, *QUICK[1:]]
    assert main(line) == 0
    opened = json.loads((out / "unblinded.json").read_text())["cutflow"]
    (tmp_path / "open").mkdir()
    (tmp_path / "open" / "data").symlink_to(data)
    listed = process(tmp_path / "open" / "data", "visible_2018", catalogue=("--simulation",))
    simulated = [row for row in rows(listed / "cutflow.csv") if row["run"] == "all"]
    assert opened[-1]["passed"] == int(simulated[-1]["passed"]) > 30
    assert main(["audit", str(out)]) == 0
