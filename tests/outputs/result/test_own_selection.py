"""Selections that differ from a packaged one: by a value that was set, or by a file on it."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest

import na64
from na64.run import main

SETTING = "vhcal.vhcal_total.below=0.2"
MINE = """
base = "dimuon_2023"
name = "mine"
label = "mine"
[change.vhcal]
vhcal_total = { below = 0.2, unit = "GeV" }
"""
FULL = """
name = "full"
label = "everything that a selection can say"
yields_after = "trigger"
[[cut]]
name = "trigger"
trigger_physics = { equals = 1 }
[[feature]]
name = "missing"
unit = "GeV"
formula = "beam_energy - ecal - hcal"
[[cut]]
name = "either"
any = [{ missing = { below = 60, unit = "GeV" } }, { ecal = { above = 50, unit = "GeV" } }]
not = { missing = { above = 99, unit = "GeV" } }
[cut.when."8701-8702"]
missing = { above = -50, unit = "GeV" }
[[histogram]]
name = "missing"
after = "visible"
axes = [{ feature = "missing", bins = 40, low = -50, high = 150, unit = "GeV" }]
[[variation]]
name = "up"
scale = { srd = 1.05 }
"""


def rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text().splitlines()))


@pytest.fixture(scope="module")
def files(simulate: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return simulate(tmp_path_factory.mktemp("own"), "small", 400, layout="hits", format="parquet")


def test_a_value_that_was_set_is_on_record(files: Path, process: Callable[..., Path], tmp_path: Path) -> None:
    result = process(files, "dimuon_2023", "--set", SETTING, name="set")
    provenance = json.loads((result / "provenance.json").read_text())
    assert provenance["selection"]["settings"] == [SETTING]
    assert f"--set {SETTING}" in provenance["command"]
    assert json.loads((result / "job.json").read_text())["settings"] == [SETTING]
    lines = [json.loads(line) for line in (files.parent / "audit.jsonl").read_text().splitlines()]
    assert [line["details"]["settings"] for line in lines if line["event"] == "process"] == [[SETTING]]
    assert f"; {SETTING}" in json.loads((result / "result.json").read_text())["selection"]["label"]
    # What is read again is read with it, and a file that says the same gives the same.
    assert main(["events", str(result), "--after", "srd", "--to", str(tmp_path / "events.csv")]) == 0
    mine = tmp_path / "mine.toml"
    mine.write_text(MINE)
    same, plain = process(files, str(mine), name="same"), process(files, "dimuon_2023", name="plain")
    tables = [(folder / "cutflow.csv").read_bytes() for folder in (result, same, plain)]
    assert tables[0] == tables[1] != tables[2]
    identities = {
        json.loads((f / "provenance.json").read_text())["selection"]["identity"] for f in (result, plain)
    }
    assert len(identities) == 2


def test_another_value_is_another_result(
    files: Path, process: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    process(files, "dimuon_2023", name="first")
    line = ["process", f"{files}.json", "--selection", "dimuon_2023", "--to", str(files.parent / "first")]
    line += ["--executor", "iterative", "--no-report", "--set"]
    assert main([*line, SETTING]) == 2
    assert "another selection" in capsys.readouterr().err
    assert main([*line, "vhcl.vhcal_total.below=3"]) == 2
    expected = 'na64: --set vhcl.vhcal_total.below: unknown cut "vhcl", nearest known is "vhcal"\n'
    assert capsys.readouterr().err == expected


def test_a_selection_that_says_everything_is_counted_shown_and_read_again(
    files: Path, process: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = tmp_path / "full.toml"
    mine.write_text(FULL)
    result = process(files, str(mine), name="full")
    cuts = [row["cut"] for row in rows(result / "cutflow.csv") if row["run"] == "all"]
    assert cuts == ["visible", "trigger", "either"]
    assert {row["region_I"] for row in rows(result / "yields.csv")} == {""}
    assert {row["region_II"] for row in rows(result / "regions.csv")} == {""}
    found = na64.open_result(result)
    names = {"missing", "n_minus_one_either_missing", "n_minus_one_either_ecal"}
    assert names <= set(found.histograms)
    assert main(["report", str(result)]) == 0
    text = (result / "report.html").read_text()
    assert "missing &lt; 60 GeV or E_ECAL &gt; 50 GeV" in text
    assert "runs 8701-8702: missing &gt; -50 GeV" in text
    capsys.readouterr()
    assert main(["show", str(result), "--after", "visible", "--limit", "1"]) == 0
    assert "not (missing > 99 GeV)" in capsys.readouterr().out
    table = tmp_path / "events.csv"
    assert main(["events", str(result), "--after", "visible", "--to", str(table)]) == 0
    for row in rows(table):
        assert float(row["missing"]) == pytest.approx(100 - float(row["ecal"]) - float(row["hcal"]), abs=1e-3)
    assert main(["why", str(result), "8701"]) == 0
    assert "nothing has changed since" in capsys.readouterr().out
    mine.write_text(FULL.replace("below = 60", "below = 61"))
    assert main(["why", str(result), "8701"]) == 0
    assert "missing < 61 GeV or ecal > 50 GeV" in capsys.readouterr().out
    assert main(["background", str(result)]) == 2
    assert "selection full has no regions" in capsys.readouterr().err
