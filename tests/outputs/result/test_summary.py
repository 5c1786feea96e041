from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from na64.outputs.result.summary import Verdict, from_json, to_json


def test_json_reads_back_equal(case: Any) -> None:
    assert from_json(to_json(case.facts)) == case.facts
    assert from_json(to_json(case.facts)).verdict is Verdict.INCOMPLETE


def test_json_has_what_the_contract_names(case: Any) -> None:
    plain = json.loads(to_json(case.facts))
    assert plain["verdict"] == "INCOMPLETE"
    assert plain["blinding"] == "blind"
    assert plain["totals"]["recorded"] == 63
    assert plain["identities"] == {"selection": case.selection.identity}
    assert plain["runs"][1]["accounting"]["missing"] == 5


def test_another_schema_is_refused(case: Any) -> None:
    with pytest.raises(ValueError, match="schema 99: this version reads 1"):
        from_json(to_json(replace(case.facts, schema=99)))


def test_an_unknown_field_is_refused(case: Any) -> None:
    plain = json.loads(to_json(case.facts)) | {"extra": 1}
    with pytest.raises(ValueError, match=r"^result\.json: extra: unknown, Summary has no such field"):
        from_json(json.dumps(plain).encode())


@pytest.mark.parametrize("name", ["recorded", "processed", "missing", "hidden", "visible", "region_III"])
def test_a_count_that_is_not_there_is_named(name: str, case: Any) -> None:
    plain = json.loads(to_json(case.facts))
    del plain["totals"][name]
    with pytest.raises(ValueError, match=rf'^result\.json: totals: "{name}" is missing$'):
        from_json(json.dumps(plain).encode())


def test_infinities_are_not_written(case: Any) -> None:
    endless = replace(case.facts.boxes[0], ecal=float("inf"))
    with pytest.raises(ValueError, match="not JSON compliant"):
        to_json(replace(case.facts, boxes=(endless,)))


@pytest.mark.parametrize(
    ("is_data", "has_truth", "label"),
    [
        (True, False, "data, blind"),
        (True, True, "simulated campaign treated as data, blind"),
        (False, True, "simulation"),
        (False, False, "unverified simulation"),
    ],
)
def test_label_says_what_the_events_are(case: Any, is_data: bool, has_truth: bool, label: str) -> None:
    facts = replace(case.facts, is_data=is_data, has_truth=has_truth)
    assert facts.label == label
    assert facts.is_unverified is (label == "unverified simulation")


@pytest.mark.parametrize("wrong", [{"recorded": 32}, {"missing": -2, "recorded": 29}, {"hidden": 30}])
def test_accounting_that_does_not_add_up_is_refused(case: Any, wrong: dict[str, int]) -> None:
    run = case.facts.runs[0]
    with pytest.raises(ValueError, match="run 8700: the accounting does not add up"):
        replace(run, accounting={**run.accounting, **wrong})


def test_exposure_is_of_the_runs_that_have_one(case: Any) -> None:
    assert case.facts.eot_delivered == 2.5e9
    assert case.facts.eot_live == 2.25e9
    assert case.facts.runs_without_eot == (8701,)
    assert replace(case.facts, runs=case.facts.runs[1:]).eot_delivered is None
