from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from na64.datasets.conditions.on_target import KindExposure
from na64.outputs.report.heading import details
from na64.outputs.result.messages import of_result
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
    del plain["seal"]
    with pytest.raises(ValueError, match=r"^result\.json: extra: unknown, Summary has no such field"):
        from_json(json.dumps(plain).encode())


@pytest.mark.parametrize("name", ["recorded", "processed", "missing", "hidden", "visible", "region_III"])
def test_a_count_that_is_not_there_is_named(name: str, case: Any) -> None:
    plain = json.loads(to_json(case.facts))
    del plain["totals"][name], plain["seal"]
    with pytest.raises(ValueError, match=rf'^result\.json: totals: "{name}" is missing$'):
        from_json(json.dumps(plain).encode())


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b'"eot_live": null', b'"eot_live": 1e10'),
        (b'"ecal": 60.0', b'"ecal": 40.0'),
        (b'"is_data": true', b'"is_data": false'),
        (b'"verdict": "INCOMPLETE"', b'"verdict": "COMPLETE"'),
    ],
)
def test_a_summary_that_was_edited_is_named(before: bytes, after: bytes, case: Any) -> None:
    data = to_json(case.facts)
    assert before in data
    edited = data.replace(before, after)
    with pytest.raises(ValueError, match=r"^result\.json: it was edited after it was written; the same na64"):
        from_json(edited)
    assert from_json(edited, edited_too=True).selection == case.facts.selection


def test_infinities_are_not_written(case: Any) -> None:
    endless = replace(case.facts.boxes[0], ecal=float("inf"))
    with pytest.raises(ValueError, match="not JSON compliant"):
        to_json(replace(case.facts, boxes=(endless,)))


@pytest.mark.parametrize(
    ("is_data", "has_truth", "label"),
    [
        (True, False, "data, blind"),
        (True, True, "simulated pseudo-data, blind"),
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
    assert case.facts.exposures == (KindExposure("e-", 2.5e9, 2.25e9),)
    assert case.facts.runs_without_eot == (8701,)
    assert case.facts.delivered is None
    assert replace(case.facts, runs=case.facts.runs[1:]).exposures == (KindExposure("e-", None, None),)


@pytest.mark.parametrize("kind", ["calibration", "beam"])
def test_exposure_is_of_physics_runs_if_there_are_any(case: Any, kind: str) -> None:
    first, _ = case.facts.runs
    other = replace(first, run=8702, type=kind, particle="mu-")
    both = replace(
        case.facts, runs=(first, other, replace(other, run=8703, eot_delivered=None, eot_live=None))
    )
    assert both.exposures == (KindExposure("e-", 2.5e9, 2.25e9),)
    assert both.delivered == both.exposures[0]
    assert both.other_runs == (8702, 8703)
    assert both.runs_without_eot == ()
    assert "2.5" in details(both)
    assert "mu" not in details(both)
    alone = replace(both, runs=(other,))
    assert alone.exposures == (KindExposure("mu-", 2.5e9, 2.25e9),)
    assert alone.other_runs == ()
    assert replace(both, runs=(first, replace(first, run=8704, type="unknown"))).delivered == KindExposure(
        "e-", 5e9, 4.5e9
    )


def test_particles_of_two_kinds_are_never_added(case: Any) -> None:
    first, second = case.facts.runs
    other = replace(second, particle="mu-", eot_delivered=1e9, eot_live=None)
    mixed = replace(case.facts, runs=(first, other, replace(first, run=8702)))
    assert mixed.exposures == (KindExposure("e-", 5e9, 4.5e9), KindExposure("mu-", 1e9, None))
    assert [exposure.label for exposure in mixed.exposures] == ["EOT", "MOT"]
    assert mixed.delivered is None
    assert "exposure: 5e+09 EOT, 1e+09 MOT; kinds are not added" in list(of_result(mixed))
    assert not any("exposure" in line for line in of_result(case.facts))
    assert replace(mixed, runs=(first,)).delivered == KindExposure("e-", 2.5e9, 2.25e9)


def test_a_run_that_states_no_particle_has_that_of_its_period(case: Any) -> None:
    first = replace(case.facts.runs[0], particle="")
    assert case.facts.particle_of(first) == ""
    boxes = (replace(case.facts.boxes[0], particle="e+"),)
    assert replace(case.facts, boxes=boxes, runs=(first,)).exposures == (KindExposure("e+", 2.5e9, 2.25e9),)
