"""A verdict is computed from what is stored, whatever the result says of itself."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from na64.outputs.result.store import read_result, write_numbers
from na64.outputs.result.summary import Verdict
from na64.outputs.result.verdict import verdict_problems
from na64.run import main


@pytest.fixture
def whole(case: Any, tmp_path: Path) -> Path:
    """A stored result of one whole run."""
    folder = tmp_path / "whole"
    run = case.facts.runs[0]
    totals = {**case.facts.totals, **run.accounting, "visible": case.tallies[run.run].visible}
    facts = replace(
        case.facts,
        runs=(run,),
        totals=totals,
        verdict=Verdict.COMPLETE,
        reasons=(),
        failures=(),
        warnings=(),
    )
    tallies = {run.run: case.tallies[run.run]}
    write_numbers(folder, facts=facts, tallies=tallies, booking=case.booking, made_by={})
    return folder


def edit(folder: Path, **changes: Any) -> None:
    plain = json.loads((folder / "result.json").read_text())
    for place, value in changes.items():
        *path, last = place.split("__")
        inner = plain
        for name in path:
            inner = inner[int(name) if name.isdecimal() else name]
        inner[last] = value
    del plain["seal"]  # whoever edits it knows of that too
    (folder / "result.json").write_text(json.dumps(plain))


def test_a_whole_result_is_complete(whole: Path) -> None:
    assert verdict_problems(read_result(whole)) == []
    assert main(["status", str(whole)]) == 0


def test_a_verdict_is_not_believed(case: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    facts = replace(case.facts, verdict=Verdict.COMPLETE, reasons=(), failures=())
    write_numbers(tmp_path / "out", facts=facts, tallies=case.tallies, booking=case.booking, made_by={})
    assert verdict_problems(read_result(tmp_path / "out"))[0] == "run 8701: 5 recorded events were not read"
    assert main(["status", str(tmp_path / "out")]) == 1
    out = capsys.readouterr().out
    assert "INCOMPLETE: " in out
    assert "COMPLETE: " not in out.replace("INCOMPLETE: ", "")


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("totals__hidden", "the total of hidden is"),
        ("totals__processed", "the total of processed is"),
        ("totals__visible", "do not add up to them"),
        ("runs__0__run", "the tables do not have it"),
    ],
)
def test_numbers_that_do_not_add_up_are_named(whole: Path, place: str, message: str) -> None:
    edit(whole, **{place: 3})
    assert any(message in problem for problem in verdict_problems(read_result(whole)))


def test_hidden_and_visible_events_of_a_run_are_those_processed(whole: Path) -> None:
    products = read_result(whole)
    (run,) = products.summary.runs
    fewer = {**run.accounting, "hidden": run.accounting["hidden"] - 1}
    summary = replace(products.summary, runs=(replace(run, accounting=fewer),))
    problems = verdict_problems(replace(products, summary=summary))
    assert any("events were processed" in p and p.startswith(f"run {run.run}") for p in problems)
