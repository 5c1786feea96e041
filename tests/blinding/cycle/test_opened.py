"""After the opening everything says so: who, when, under which freeze, and what was found."""

from __future__ import annotations

import csv
import json
import re
import shutil
import zipfile
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from na64.outputs.analysis.preservation.crate import METADATA
from na64.outputs.blinding.opened_box import as_opened, read_opened
from na64.outputs.result.audit_log import entries
from na64.outputs.result.store import read_result
from na64.outputs.statistics.excess import excess_p_value
from na64.run import main

pytestmark = pytest.mark.usefixtures("undrawn", "uncompared")

N_CANDIDATES = 12


@pytest.fixture(scope="module")
def opened_folder(campaign: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A campaign whose box was opened, with limits that were frozen and a report."""
    folder = tmp_path_factory.mktemp("opened")
    (folder / "data").symlink_to(campaign / "data")
    for name in ("catalogue.json", "mine.toml", "audit.jsonl"):
        shutil.copy(campaign / name, folder)
    result, selection = folder / "out", folder / "mine.toml"
    selection.write_text(
        selection.read_text().replace("above = 90, below = 110", "above = 99.9, below = 100")
    )
    line = ["process", str(folder / "catalogue.json"), "--selection", str(selection), "--to", str(result)]
    assert main([*line, "--executor", "iterative", "--no-report"]) == 0
    background = ["--background", "5+-1", "--efficiency", "0.5", "--points", "3", "--level", "0.9"]
    assert main(["limits", str(result), *background]) == 0
    (result / "report.html").touch()  # so that the opening draws one
    assert main(["freeze", str(result)]) == 0
    details: Any = entries(folder / "audit.jsonl")[-1]["details"]
    line = ["unblind", str(result), "--freeze", details["freeze"], "--reason", "ready"]
    assert main([*line, "--approved-by", "Ada", "--approved-by", "Emmy", "--executor", "iterative"]) == 0
    return folder


@pytest.fixture
def opened(opened_folder: Path, tmp_path: Path, analysis: Any) -> Any:
    """A copy of it."""
    shutil.rmtree(analysis.result)
    shutil.copytree(opened_folder / "out", analysis.result)
    for name in ("audit.jsonl", "mine.toml"):
        shutil.copy(opened_folder / name, analysis.folder)
    return analysis


def details(analysis: Any, event: str) -> Any:
    return next(line["details"] for line in entries(analysis.log) if line["event"] == event)


def test_an_opening_is_in_the_label_the_badge_and_the_report(opened: Any) -> None:
    page = (opened.result / "report.html").read_text()
    freeze = details(opened, "freeze")["freeze"]
    assert '<li class="bad">opened on 20' in page
    assert f"by Ada and Emmy, freeze {freeze[:12]}</li>" in page
    assert "signal box closed</li>" not in page
    assert f"under the freeze {freeze}" in page
    assert 'id="figure-opened-plane"' in page
    products = read_result(opened.result)
    assert products.summary.label == "simulated pseudo-data, blind"
    label = as_opened(products, read_opened(opened.result, products.summary)).summary.label
    assert label.startswith("simulated pseudo-data, opened 20")
    assert label.endswith(f"(freeze {freeze[:8]})")


def test_report_and_status_of_an_opened_box_do_not_call_it_closed(
    opened: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (opened.result / "report.html").read_text()
    assert 'in the section <a href="#opened-box">Opened box</a>' in page
    assert 'id="opened-box"' in page
    assert "enters any number on this page" not in page
    capsys.readouterr()
    assert main(["status", str(opened.result)]) == 0
    assert ", simulated pseudo-data, opened 20" in capsys.readouterr().out.splitlines()[0]
    assert main(["status", str(opened.result), "--json"]) == 0
    label = json.loads(capsys.readouterr().out)["label"]
    assert label.startswith("simulated pseudo-data, opened 20")


def test_another_freeze_leaves_the_opened_events_in_reach(opened: Any) -> None:
    line = ["events", str(opened.result), "--opened", "--to"]
    assert main(["freeze", str(opened.result), "--background", "1", "--expected-limit", "none"]) == 0
    assert main([*line, str(opened.folder / "events.parquet")]) == 0


def test_every_product_of_an_opening_is_in_the_log(opened: Any) -> None:
    found = details(opened, "opened")
    assert set(found["files"]) == {"opened/candidates.csv", "opened/plane.csv"}
    assert found["in_box"] == 446
    record = opened.opened()
    assert found["candidates"] == record["cutflow"][-1]["passed"]
    assert found["p_value"] == record["evidence"]["p_value"]
    assert set(details(opened, "observed")["files"]) == {"limits.json", "limits.csv", "limits_y.csv"}
    assert main(["audit", str(opened.result)]) == 0
    for name in ("candidates.csv", "plane.csv"):
        path = opened.result / "opened" / name
        before = path.read_bytes()
        path.write_bytes(before + b"1\n")
        assert main(["audit", str(opened.result)]) == 1
        path.write_bytes(before)


def test_candidates_and_plane_are_the_counts(opened: Any) -> None:
    flow = opened.opened()["cutflow"]
    with (opened.result / "opened" / "candidates.csv").open() as file:
        candidates = list(csv.DictReader(file))
    assert len(candidates) == flow[-1]["passed"]
    assert all(float(row["ecal"]) < 60 and float(row["hcal"]) < 1 for row in candidates)
    with (opened.result / "opened" / "plane.csv").open() as file:
        bins = list(csv.DictReader(file))
    assert sum(int(row["before_cuts"]) for row in bins) == flow[0]["passed"]
    assert sum(int(row["after_cuts"]) for row in bins) == flow[-1]["passed"]


def test_the_excess_says_where_else_was_looked(opened: Any) -> None:
    evidence = opened.opened()["evidence"]
    assert evidence["observed"] == N_CANDIDATES
    assert evidence["background"] == {"n": 5.0, "error": 1.0}
    assert evidence["p_value"] == pytest.approx(excess_p_value(N_CANDIDATES, 5.0, 1.0))
    assert evidence["tested"] == {"bins": 1, "periods": 1, "boxes": 1, "masses": 3, "openings": 1}
    for words in ("One counting bin a period", "3 masses", "add no trial", "in this log before: 0"):
        assert words in evidence["look_elsewhere"]


def test_the_observed_curve_is_that_of_the_frozen_limits(opened: Any) -> None:
    limits = json.loads((opened.result / "limits.json").read_text())
    assert limits["observed"]["counts"] == N_CANDIDATES
    assert limits["background"]["n"] == 5
    assert "opened on 20" in limits["state"]
    assert "by Ada and Emmy" in limits["state"]
    with (opened.result / "limits.csv").open() as file:
        assert all(float(row["eps_observed"]) > 0 for row in csv.DictReader(file))


def test_opened_events_are_read_and_drawn_and_logged(opened: Any, capsys: pytest.CaptureFixture[str]) -> None:
    folder = opened.result
    assert main(["events", str(folder), "--opened", "--format", "csv"]) == 0
    with (folder / "opened" / "events.csv").open() as file:
        found = [tuple(int(row[name]) for name in ("run", "spill", "event")) for row in csv.DictReader(file)]
    with (folder / "opened" / "candidates.csv").open() as file:
        named = [tuple(int(row[name]) for name in ("run", "spill", "event")) for row in csv.DictReader(file)]
    assert sorted(found) == named
    number = ":".join(map(str, named[0]))
    capsys.readouterr()
    assert main(["show", str(folder), number]) == 0
    assert "opened 20" in capsys.readouterr().out
    lines: Any = [line["details"] for line in entries(opened.log)][-5:]
    assert [one["events"] for one in lines] == ["opened", "opened", "visible", "opened", "visible"]
    assert [one.get("n_events") for one in lines] == [None, N_CANDIDATES, None, None, 1]
    assert lines[3]["freeze"] == details(opened, "freeze")["freeze"]
    assert lines[3]["choice"] == [number]
    result = sha256((folder / "result.json").read_bytes()).hexdigest()
    assert {one["result"] for one in lines} == {result}


def test_a_closed_box_shows_no_event_and_every_look_is_logged(
    analysis: Any, opened_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["events", str(analysis.result), "--opened"]) == 2
    assert "out: its box is closed" in capsys.readouterr().err
    with (opened_folder / "out" / "opened" / "candidates.csv").open() as file:
        row = next(csv.DictReader(file))
    number = f"{row['run']}:{row['spill']}:{row['event']}"
    assert main(["show", str(analysis.result), number]) == 2
    assert "no visible event of out has this number" in capsys.readouterr().err
    choice = ["--after", "visible", "--region", "elsewhere", "--runs", "8721", "--limit", "1"]
    assert main(["events", str(analysis.result), *choice]) == 0
    looked: Any = entries(analysis.log)[-2]["details"]
    named = {name: looked[name] for name in ("runs", "cut", "region", "limit", "events")}
    assert list(named.values()) == ["8721", "visible", "elsewhere", 1, "visible"]
    capsys.readouterr()
    assert main(["audit", str(analysis.log)]) == 0
    digest = sha256((analysis.result / "result.json").read_bytes()).hexdigest()[:12]
    choice_in_words = "limit 1, events visible, choice before any cut in region elsewhere"
    events, listed = capsys.readouterr().out.splitlines()[-3:-1]
    assert events.endswith(f"result {digest}, runs 8721, {choice_in_words}")
    assert listed.endswith(f"result {digest}, command events, events visible, n_events 1")
    line = ["process", str(analysis.folder / "catalogue.json"), "--selection", str(analysis.selection)]
    assert main([*line, "--to", str(analysis.result), "--estimate"]) == 0
    assert analysis.events() == ["process", "processed", "show", "events", "listed", "estimate"]


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [("unblinded.json", b"ready", b"steady"), ("opened/candidates.csv", b"8721", b"8722")],
)
def test_what_the_log_does_not_know_opens_nothing(
    opened: Any, capsys: pytest.CaptureFixture[str], name: str, old: bytes, new: bytes
) -> None:
    path = opened.result / name
    path.write_bytes(path.read_bytes().replace(old, new, 1))
    assert main(["events", str(opened.result), "--opened"]) == 2
    opened.limits("--background", "1", code=2)
    errors = capsys.readouterr().err
    assert f"{path.name} is not the one that" in errors
    box = read_opened(opened.result, read_result(opened.result).summary)
    assert box is not None
    assert box.unknown


@pytest.mark.parametrize(
    ("keys", "value", "said"),
    [
        (("record", "freeze"), 1, "record.freeze: 1 is not a text"),
        (("record", "fraction"), "1", 'record.fraction: "1" is not a finite number'),
        (("record", "approved_by"), "Ada", 'record.approved_by: "Ada" is not a list'),
        (("record",), [], "record.fraction: is missing"),
        (("runs",), {"8721": {"selected": 0.5}}, "runs.8721.selected: 0.5 is not a whole number"),
        (("runs",), {"x": {"selected": 1}}, "invalid literal for int() with base 10: 'x'"),
        (("cutflow",), [{"cut": "box"}], '"passed" is missing'),
        (("cutflow",), [{"cut": "box", "passed": "x"}], 'cutflow.passed: "x" is not a whole number'),
        (("verdict",), None, "verdict: null is not a text"),
        (("result",), {"yields.csv": 1}, "result.yields.csv: 1 is not a text"),
    ],
)
def test_a_damaged_record_is_named_with_its_key(
    keys: tuple[str, ...], value: object, said: str, opened: Any
) -> None:
    path = opened.result / "unblinded.json"
    plain = inner = json.loads(path.read_bytes())
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    path.write_text(json.dumps(plain))
    with pytest.raises(ValueError, match=re.escape(f"unblinded.json: {said}")):
        read_opened(opened.result, read_result(opened.result).summary)


def test_an_opening_that_broke_off_is_an_opening(opened: Any) -> None:
    (opened.result / "unblinded.json").unlink()
    summary = read_result(opened.result).summary
    box = read_opened(opened.result, summary)
    assert box is not None
    assert box.approved_by == ("Ada", "Emmy")
    assert "there is no unblinded.json here" in box.problem


def test_a_bundle_of_an_opened_box_says_so_or_is_refused(
    opened: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, line = tmp_path / "b.zip", ["bundle", str(opened.result), "--to", str(tmp_path / "b.zip")]
    assert main(line) == 2
    assert "the box was opened on 20" in capsys.readouterr().err
    assert not path.exists()
    assert main([*line, "--opened"]) == 0
    freeze = details(opened, "freeze")["freeze"]
    with zipfile.ZipFile(path) as archive:
        assert {"result/unblinded.json", "result/freeze.json"} <= {*archive.namelist()}
        root = next(one for one in json.loads(archive.read(METADATA))["@graph"] if one["@id"] == "./")
    for words in (root["creativeWorkStatus"], root["description"]):
        assert f"by Ada and Emmy under the freeze {freeze[:12]}" in words
        assert f"opened {details(opened, 'freeze') and opened.opened()['record']['time'][:10]}" in words


def test_a_log_that_tells_of_another_opening_is_bundled_only_if_that_is_said(
    opened: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The result is blind; what the log beside it tells of an opened box is not."""
    other = tmp_path / "other"
    line = ["process", str(opened.folder / "catalogue.json"), "--selection", str(opened.selection)]
    assert main([*line, "--to", str(other), "--executor", "iterative", "--no-report"]) == 0
    assert main(["bundle", str(other), "--to", str(tmp_path / "b.zip")]) == 2
    assert "audit.jsonl tells of an opening under the freeze" in capsys.readouterr().err
    assert main(["bundle", str(other), "--to", str(tmp_path / "b.zip"), "--opened"]) == 0
    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        assert "audit.jsonl tells of an opening under the freeze" in archive.read(METADATA).decode()
