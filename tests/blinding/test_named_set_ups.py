"""Whatever hides less than the packaged set-up is named on the terminal and in the log."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from na64.outputs.result.audit_log import entries
from na64.run import main

EDGE = 'ecal = { value = 60, unit = "GeV"'
MASK = "physics_mask = { value = 4"


class Campaign:
    """A folder with run files, and the commands on it."""

    def __init__(self, folder: Path, data: Path, capfd: pytest.CaptureFixture[str]) -> None:
        self.folder, self.data, self.capfd = folder, data, capfd
        self.log = folder / "audit.jsonl"

    def catalogue(self, *options: str, name: str = "c.json") -> int:
        return main(["catalogue", str(self.data), "--to", str(self.folder / name), *options])

    def process(self, *options: str, name: str = "c.json", code: int = 0) -> str:
        """What is said on the terminal."""
        self.capfd.readouterr()
        line = ["process", str(self.folder / name), "--selection", "dimuon_2022", "--executor", "iterative"]
        assert main([*line, "--to", str(self.folder / "out"), "--replace", "--no-report", *options]) == code
        return "".join(self.capfd.readouterr())

    def passes(self) -> list[dict[str, Any]]:
        """What the log says of every pass."""
        return [dict(one["details"]) for one in entries(self.log) if one["event"] == "process"]  # type: ignore[call-overload]


@pytest.fixture
def campaign(worlds: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Campaign:
    data = tmp_path / "data"
    shutil.copytree(worlds("hits")[0].folder / "data", data)
    return Campaign(tmp_path, data, capfd)


def test_every_pass_says_what_it_hides(campaign: Campaign) -> None:
    assert campaign.catalogue() == 0
    assert (
        "2023A, runs 8701-8702: hidden below 65 GeV in the ECAL and 1.5 GeV in the HCAL (box 60 and 1 GeV, "
        "guard 5 and 0.5 GeV), trigger mask 4\n"
    ) in campaign.process()
    (details,) = campaign.passes()
    assert details["not_packaged"] == details["hides_less"] == []
    assert details["periods"] is None
    assert details["setups"].keys() == {"2023A"}
    assert details["layouts"].keys() == {"hits"}
    last = entries(campaign.log)[-1]
    assert last["event"] == "processed"
    done: Any = last["details"]
    assert done["open_events"]["physics"] > 0
    assert (done["verdict"], done["process"]) == ("COMPLETE", entries(campaign.log)[-2]["hash"])


def test_what_differs_from_the_packaged_period_is_said_logged_and_frozen_by_reason_only(
    campaign: Campaign, own_periods: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert campaign.catalogue("--periods", str(own_periods)) == 0
    said = campaign.process()
    line = "2023A: ecal.scale is 1.4, in packaged period 2023A 1"
    assert "trigger mask 4, by the packaged set-up too\n" in said
    stored = json.loads((campaign.folder / "out" / "result.json").read_text())
    assert [box["packaged_too"] for box in stored["boxes"]] == [True]
    assert f"warning: period {line}\n" in said
    assert campaign.passes()[0]["not_packaged"] == [line]
    out = str(campaign.folder / "out")
    assert main(["freeze", out]) == 1
    assert f"{line}: declare why with --deviations" in capfd.readouterr().err
    assert main(["freeze", out, "--deviations", "calibrated with muons"]) == 0
    assert json.loads((campaign.folder / "out" / "freeze.json").read_text())["frozen"]["not_packaged"] == [
        line
    ]
    capfd.readouterr()
    assert main(["audit", out]) == 0
    timeline = capfd.readouterr().out
    assert f"not_packaged {line}" in timeline
    assert "deviations calibrated with muons" in timeline


@pytest.mark.parametrize("by", ["conditions beside the files", "2023A.runs.csv"])
def test_runs_that_tables_open_are_named(
    campaign: Campaign, tmp_path: Path, by: str, own_period: Callable[..., Path]
) -> None:
    folder = own_period(tmp_path / "p")
    beside = campaign.data / "conditions"
    shutil.rmtree(beside)
    beside.mkdir()
    table = folder / by if by.startswith("2023A") else beside / "runs.csv"
    table.write_text("run,type\n8702,calibration\n")
    assert campaign.catalogue("--periods", str(folder)) == 0
    said = campaign.process()
    assert f"2023A, runs 8702: nothing is hidden, the type is calibration by {by}\n" in said
    assert "2023A, runs 8701,8703: hidden" in said
    assert campaign.passes()[0]["open_runs"] == [f"8702 (calibration by {by})"]


def test_a_bad_list_opens_nothing(campaign: Campaign) -> None:
    assert campaign.catalogue() == 0
    campaign.process()
    before = hidden_by_run(campaign)
    path = campaign.data / "conditions" / "bad.csv"
    path.write_text("run,spill,start,stop\n8701,,,\n8702,1,,\n")
    assert campaign.catalogue() == 0
    campaign.process()
    assert hidden_by_run(campaign) == before
    first, second = campaign.passes()
    assert first["bad_list"] != second["bad_list"]


def hidden_by_run(campaign: Campaign) -> list[str]:
    lines = (campaign.folder / "out" / "yields.csv").read_text().splitlines()
    column = lines[0].split(",").index("hidden")
    return [line.split(",")[column] for line in lines]


def test_the_log_names_a_plug_in_that_reads_files(campaign: Campaign) -> None:
    """Nothing inside Python can hinder it; it is not silent."""
    plugin = campaign.folder / "my.py"
    plugin.write_text(
        "import pathlib\nfrom na64.processors.features.plugin import feature\n\n"
        "@feature(name='size', unit='1')\n"
        f"def size(event):\n    n = len(pathlib.Path({str(campaign.log)!r}).read_bytes())\n"
        "    return 0 * event['ecal'] + n\n"
    )
    assert campaign.catalogue() == 0
    campaign.log.touch()  # which is there before the first pass, when the plug-in is tried
    campaign.process("--plugin", str(plugin))
    campaign.process()
    with_plugin, without = campaign.passes()
    assert len(with_plugin["plugin"]) == 64
    assert without["plugin"] is None


def test_a_catalogue_that_hides_less_than_another_of_the_same_files_is_named(
    campaign: Campaign, tmp_path: Path, own_period: Any
) -> None:
    wider = own_period(
        tmp_path / "p", (EDGE, EDGE.replace("60", "80")), (MASK, "physics_mask = { value = 12"), to="2023A"
    )
    assert (
        campaign.catalogue(name="c.json") == campaign.catalogue("--periods", str(wider), name="d.json") == 0
    )
    assert "hides less" not in campaign.process(name="c.json")
    assert "hides less" not in campaign.process(name="d.json")
    said = campaign.process(name="c.json")
    start = "warning: hides less than an earlier result (selection dimuon_2022): "
    assert f"{start}ECAL below 65 GeV, not 85; not by set-up " in said
    assert "(trigger mask 12)" in said
    assert [bool(details["hides_less"]) for details in campaign.passes()] == [False, False, True]


def test_a_selection_without_the_variations_of_an_earlier_one_hides_less(campaign: Campaign) -> None:
    assert campaign.catalogue() == 0
    campaign.process("--selection", "systematics_2023")
    said = campaign.process()
    assert "hides less than an earlier result (selection systematics_2023): not under energies of " in said


def test_runs_that_were_closed_before_are_named(campaign: Campaign) -> None:
    shutil.rmtree(campaign.data / "conditions")
    assert campaign.catalogue() == 0
    campaign.process()
    (campaign.data / "conditions").mkdir()
    (campaign.data / "conditions" / "runs.csv").write_text("run,type\n8702,beam\n")
    assert campaign.catalogue() == 0
    assert (
        "hides less than an earlier result (selection dimuon_2022): runs 8702 are open\n"
        in campaign.process()
    )
