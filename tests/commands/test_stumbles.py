"""What a new user stumbled over answers in one line that says what to do."""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
import uproot

from na64.datasets.reading.layout import load_layout
from na64.datasets.synthetic.campaign_reader import CAMPAIGNS, load_campaign
from na64.datasets.synthetic.simulation import find_geometry
from na64.outputs.batch.batch_system import JobResources
from na64.outputs.result.store import read_result
from na64.processors.execution.executor import UserCodeError
from na64.processors.features.plugin import Plugin, PluginError
from na64.run import main

pytestmark = pytest.mark.usefixtures("undrawn")

PLUGIN = """
from na64 import feature


@feature(name="mine", unit="GeV")
def mine(event):
    {line}
    return event["ecal"]
"""


@pytest.fixture(scope="module")
def result(
    tmp_path_factory: pytest.TempPathFactory, simulate: Callable[..., Path], process: Callable[..., Path]
) -> Path:
    return process(simulate(tmp_path_factory.mktemp("stumbles"), "small", 1200), "invisible_2023")


def refusal(capsys: pytest.CaptureFixture[str], *words: object, code: int = 2) -> str:
    assert main([str(word) for word in words]) == code
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("na64: ")]
    assert len(lines) == 1
    return lines[0]


@pytest.mark.parametrize("campaign", CAMPAIGNS)
def test_every_packaged_campaign_states_a_layout_that_fits(campaign: str) -> None:
    described = load_campaign(campaign)
    layout = load_layout(described.layout)
    find_geometry(described, layout)  # which refuses an ECAL of other cells
    assert {one.name for one in described.further} <= {*layout.detectors}


def test_a_format_that_is_not_written_is_refused_by_its_name(
    result: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = refusal(capsys, "events", result, "--after", "visible", "--to", tmp_path / "x.xlsx")
    assert said.endswith("x.xlsx: xlsx is not written, only parquet, root, csv; or say the format")
    assert main(["events", str(result), "--after", "visible", "--to", str(tmp_path / "X.CSV")]) == 0
    assert (tmp_path / "X.CSV").read_text().startswith('"run"')
    line = ["events", str(result), "--after", "visible", "--to", str(tmp_path / "x.dat"), "--format", "root"]
    assert main(line) == 0
    assert (tmp_path / "x.dat").read_bytes().startswith(b"root")


def test_a_region_that_all_cuts_leave_empty_names_the_cut_after_which_it_is_counted(
    result: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    n_events = read_result(result).summary.totals["region_I"]
    assert n_events
    said = refusal(capsys, "events", result, "--region", "I", "--to", tmp_path / "x.csv")
    assert said.endswith(
        f"region I is counted after shower_chi2, where it has {n_events}: --after shower_chi2"
    )
    assert not list(tmp_path.iterdir())


def test_a_folder_that_holds_no_result_has_no_status(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "there is no result of na64 process" in refusal(capsys, "status", tmp_path)
    assert "there is no result of na64 process" in refusal(capsys, "status", tmp_path / "gone", "--json")


def test_a_dry_run_says_what_was_counted_before(
    result: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = ["process", str(result.parent / "data.json"), "--selection", "invisible_2023", "--dry-run"]
    capsys.readouterr()
    assert main([*line, "--to", str(result)]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == [
        "all of it was counted before: only the products are written"
    ]
    assert main([*line, "--to", str(tmp_path / "other"), "--workers", "1"]) == 0
    assert capsys.readouterr().out.splitlines()[1].startswith("less than 10 s on 1 worker, ")
    assert not (tmp_path / "other").exists()


def test_data_are_not_put_upon_themselves(result: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "are the same result: it would count twice" in refusal(capsys, "overlay", result, result)
    assert not (result / "overlay").exists()


def test_a_selection_that_tags_nothing_is_said_to_give_no_efficiency_of_the_veto(
    result: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["probe", str(result)]) == 0
    assert capsys.readouterr().out.startswith(
        "invisible_2023 tags no particle: what only veto rejects are dimuons"
    )


def test_a_selection_without_a_cut_that_is_probed_is_refused(
    result: Path, process: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text('base = "timing_beam"\nname = "mine"\nlabel = "no SRD"\nremove = ["srd"]\n')
    other = process(result.parent / "data", str(mine), name="timing")
    said = refusal(capsys, "probe", other)
    assert "selection mine has none of the cuts that are probed, srd, veto, " in said
    assert not (other / "efficiencies.csv").exists()


def test_histograms_in_root_have_the_titles_of_the_report(result: Path) -> None:
    facts = {one.name: one for one in read_result(str(result)).summary.histograms}
    with uproot.open(result / "histograms.root") as file:
        for name, one in facts.items():
            assert file[name].title.startswith(one.label)
            assert file[name].title != name
            assert file[name].name == name
        assert file["plane_after_srd"].axis(0).member("fTitle") == "E_ECAL [GeV]"


def test_two_ways_to_say_how_long_a_job_runs_are_refused() -> None:
    condor = ('+JobFlavour = "longlunch"', "+MaxRuntime = 60", "MY.MaxRuntime = 60")
    for line in (*condor, "--time=10", "--time 10", "-t 10", "-t10:00"):
        JobResources(directives=(line,))
        with pytest.raises(ValueError, match="both say how long a job runs"):
            JobResources(minutes=5, directives=(line,))
    JobResources(minutes=5, directives=("--partition=short", "--time-min=5", "requirements = true"))


def test_a_plugin_that_cannot_work_fails_before_any_event_is_read(
    result: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "my.py"
    path.write_text(PLUGIN.format(line="event['nothing']"))
    line = ["process", result.parent / "data.json", "--selection", "invisible_2023", "--plugin", path]
    said = refusal(capsys, *line, "--to", tmp_path / "out")
    assert said == 'na64: plug-in my.py, feature mine: KeyError "nothing" in line 7'
    assert not (tmp_path / "out").exists()


def test_a_comment_of_a_plug_in_counts_nothing_again_and_what_ran_is_told(
    result: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out, other = tmp_path / "my.py", tmp_path / "out", tmp_path / "other"
    line = [
        "process",
        str(result.parent / "data.json"),
        "--selection",
        "invisible_2023",
        "--plugin",
        str(path),
    ]
    line += ["--executor", "iterative", "--no-report", "--store", str(tmp_path / "features")]

    def facts(folder: Path, text: str, *more: str) -> dict[str, object]:
        path.write_text(text)
        assert main([*line, "--to", str(folder), *more]) == 0
        made_by: dict[str, object] = json.loads((folder / "provenance.json").read_bytes())["plugin"]
        return made_by

    text = PLUGIN.format(line="pass")
    first = facts(out, text)
    assert first["sha256"] == [sha256(text.encode()).hexdigest()]
    commented = text.replace("pass", "pass  # a remark")
    path.write_text(commented)
    capsys.readouterr()
    assert main([*line, "--to", str(out), "--dry-run"]) == 0
    assert "all of it was counted before" in capsys.readouterr().out
    assert facts(out, commented) == first  # which is the text that ran
    assert facts(other, commented) == first  # whose features are in the store
    assert main(["why", str(out), "8701"]) == 0
    assert "nothing has changed since" in capsys.readouterr().out
    again = facts(out, commented, "--fresh")
    assert again == {**first, "sha256": [sha256(commented.encode()).hexdigest()]}


@pytest.mark.parametrize(
    "line", ["", "assert (event['ecal'] > 50).all()", "assert (event['srd_0'] > 0).all()"]
)
def test_a_plugin_that_works_for_beam_electrons_is_rehearsed_without_a_word(line: str) -> None:
    Plugin("my.py", PLUGIN.format(line=line or "pass")).rehearse({})


def test_a_plugin_for_a_beam_of_less_energy_is_rehearsed_with_it() -> None:
    plugin = Plugin("my.py", PLUGIN.format(line="assert (event['ecal'] < 70).all()"))
    plugin.rehearse({}, 70.0)
    with pytest.raises(PluginError, match="AssertionError in line 7"):
        plugin.rehearse({})


def test_the_first_failure_of_a_plugin_stops_the_pass_and_names_its_line(
    result: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "my.py"
    path.write_text(PLUGIN.format(line="assert (event['ecal'] > 40).all(), event['ecal'].min()"))
    line = ["process", result.parent / "data.json", "--selection", "invisible_2023", "--plugin", path]
    said = refusal(capsys, *line, "--to", tmp_path / "out", "--executor", "iterative", code=1)
    assert said.count("plug-in my.py, feature mine: AssertionError in line 7") == 1
    assert said.endswith("; it would fail again, so nothing else is counted")
    assert not (tmp_path / "out" / "result.json").exists()
    assert issubclass(UserCodeError, RuntimeError)


def test_a_class_of_an_error_is_told_by_what_it_is_derived_from() -> None:
    line = "raise type('Value' + str(event['ecal'][0]), (ArithmeticError,), {})()"
    with pytest.raises(PluginError, match=r"feature mine: ArithmeticError in line 7$"):
        Plugin("my.py", PLUGIN.format(line=line)).rehearse({})


def test_status_and_limits_are_objects_for_programs(result: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["status", str(result), "--json"]) == 0
    status = json.loads(capsys.readouterr().out)
    stored = json.loads((result / "result.json").read_bytes())
    assert (status["verdict"], status["totals"]) == (stored["verdict"], stored["totals"])
    assert [row["run"] for row in status["yields"]] == [run["run"] for run in stored["runs"]]
    assert status["cutflow"][0]["cut"] == "visible"
    line = [
        "limits",
        str(result),
        "--background",
        "1+-0.5",
        "--efficiency",
        "0.5",
        "--level",
        "0.9",
        "--json",
    ]
    assert main(line) == 0
    assert json.loads(capsys.readouterr().out) == json.loads((result / "limits.json").read_bytes())


def test_a_scan_is_an_object_for_programs(
    result: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    line = [
        "scan",
        str(result),
        "--cut",
        "vhcal.vhcal_total.below",
        "--from",
        "1",
        "--to",
        "2",
        "--steps",
        "2",
    ]
    assert main([*line, "--json", "--out", str(tmp_path)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [step["value"] for step in found["steps"]] == [1.0, 2.0]
    selected = json.loads((result / "result.json").read_bytes())["totals"]["selected"]
    assert found["nominal"]["selected"] == found["counted"] == selected


def test_a_folder_where_a_scan_wants_a_number_is_told_of_out(
    result: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = ["scan", str(result), "--cut", "vhcal.vhcal_total.below", "--from", "1", "--to", "folder"]
    with pytest.raises(SystemExit) as ended:
        main(line)
    assert ended.value.code == 2
    assert '"folder" is no number: --from and --to are the ends' in capsys.readouterr().err
