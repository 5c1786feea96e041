"""Only runs whose exposure is known count, and only a box that was opened as it was frozen."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from na64.outputs.limits.exposure import check_apart, read_exposure
from na64.outputs.result.summary import Blinding
from na64.run import main

pytestmark = pytest.mark.usefixtures("undrawn", "uncompared")


def test_a_run_without_a_record_is_named_and_left_out(stored: Callable[..., Path]) -> None:
    exposure = read_exposure(stored())
    (period,) = exposure.periods
    assert (period.period, period.on_target, period.runs, period.observed) == ("2023A", 2.25e9, (8700,), None)
    assert exposure.excluded == ((8701, "5 of its events were not read"),)
    assert exposure.state == "BLIND: the box is closed"
    assert not exposure.is_open


def test_a_result_that_is_replaced_while_it_is_read_is_the_one_that_was_read(
    stored: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = stored()
    before = sha256((folder / "result.json").read_bytes()).hexdigest()

    def replace_it(*_given: object) -> None:
        stored(scope="of another job")

    monkeypatch.setattr("na64.outputs.limits.exposure.read_opened", replace_it)
    exposure = read_exposure(folder)
    assert sha256((folder / "result.json").read_bytes()).hexdigest() != before
    assert (exposure.digest, exposure.origin.result) == (before, before)


def test_delivered_electrons_count_if_asked_for(stored: Callable[..., Path]) -> None:
    assert read_exposure(stored(), delivered=True).periods[0].on_target == 2.5e9


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"eot_live": None}, "no live electrons on target are stated"),
        ({"eot_live": 0.0}, "no live electrons on target are stated"),
        ({"type": "calibration"}, "its type is calibration"),
        ({"type": "unknown"}, "its type is unknown"),
        ({"particle": "e+"}, "its beam is e\\+ of 100 GeV, that of period 2023A e- of 100 GeV"),
        ({"energy": 70.0}, "its beam is e- of 70 GeV, that of period 2023A e- of 100 GeV"),
        ({"particle": "mu-", "eot_live": None}, "no live muons on target are stated"),
    ],
)
def test_why_a_run_does_not_count(
    case: Any, stored: Callable[..., Path], change: dict[str, object], reason: str
) -> None:
    runs = (replace(case.facts.runs[0], **change), case.facts.runs[1])
    with pytest.raises(ValueError, match=rf"no run counts \(run 8700: {reason}"):
        read_exposure(stored(runs=runs))


def test_simulation_observes_nothing(stored: Callable[..., Path]) -> None:
    exposure = read_exposure(stored(is_data=False, blinding=Blinding.NOT_BLINDED))
    assert exposure.state == "simulation: nothing is observed"
    assert exposure.periods[0].observed is None


def test_periods_are_channels(case: Any, stored: Callable[..., Path]) -> None:
    first = case.facts.runs[0]
    runs = (first, replace(first, run=8800, period="2022", eot_live=1e9), replace(first, run=8702))
    periods = read_exposure(stored(runs=runs)).periods
    assert [(p.period, p.on_target, p.runs) for p in periods] == [
        ("2022", 1e9, (8800,)),
        ("2023A", 4.5e9, (8700, 8702)),
    ]


@pytest.mark.parametrize(
    ("change", "state"),
    [
        ({}, "UNBLINDED under the freeze"),
        ({"fraction": 0.3}, "only a part of the box was opened (30%, COMPLETE)"),
        ({"verdict": "INCOMPLETE"}, "only a part of the box was opened (100%, INCOMPLETE)"),
        ({"freeze": "0" * 64}, "the box was opened under the freeze 000000000000, which is not freeze.json"),
        ({"products": {}}, "the box was opened for another result"),
    ],
)
def test_only_a_whole_box_of_this_result_counts(
    stored: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], state: str
) -> None:
    """The log is examined in the end-to-end test; here it is taken as whole."""
    monkeypatch.setattr("na64.outputs.blinding.opened_box.problems", lambda _folder: [])
    folder = stored()
    products = json.loads((folder / "result.json").read_text())["products"]
    blind = change.get("products", products)
    manifest = json.dumps({"frozen": {"blind_result": blind, "opened_before": []}})
    (folder / "freeze.json").write_text(manifest)
    digest = sha256(manifest.encode()).hexdigest()
    record = {"freeze": change.get("freeze", digest), "fraction": change.get("fraction", 1.0)}
    runs = {"8700": {"box": 9, "selected": 3}, "8701": {"box": 5, "selected": 2}}
    record |= {"time": "2026-11-29T12:00:00+00:00", "reason": "r", "approved_by": ["A", "B"]}
    cutflow = [{"cut": "box", "passed": 14}, {"cut": "all", "passed": 5}]
    opened = {
        "record": record,
        "cutflow": cutflow,
        "result": blind,
        "verdict": change.get("verdict", "COMPLETE"),
        "runs": runs,
    }
    (folder / "unblinded.json").write_text(json.dumps(opened))
    exposure = read_exposure(folder)
    assert exposure.state.startswith(state)
    assert exposure.periods[0].observed == (None if change else 3)


def test_a_run_counts_once_however_many_results_have_it(
    stored: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = stored("one"), stored("other")
    exposures = [read_exposure(folder) for folder in folders]
    check_apart(exposures[:1])
    line = f"run 8700 is in {folders[0]} and in {folders[1]}: it would count twice"
    with pytest.raises(ValueError, match=re.escape(line)):
        check_apart(exposures)
    options = ["--background", "1", "--efficiency", "0.5", "--points", "3", "--to", str(tmp_path / "both")]
    assert main(["limits", *map(str, folders), *options]) == 2
    assert capsys.readouterr().err == f"na64: {line}\n"
