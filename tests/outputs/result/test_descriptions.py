"""What a result says of the closed boxes of its periods."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from na64.datasets.conditions.periods import Period, load_periods
from na64.datasets.conditions.stated_boxes import StatedBound, StatedBox
from na64.datasets.instrument.features import Feature
from na64.outputs.result.descriptions import box_facts, period_facts, selection_facts
from na64.outputs.result.origin import setup_identity
from na64.outputs.result.summary_facts import BoxFacts, ClosedEdges, ClosedFacts, FeatureFacts
from na64.selections.selection import load_selection

KNOWN = load_periods()["2023A"]
BAND = StatedBound(("ecal", "ecal_total"), "GeV", 75.0, 90.0, 2.0, (), "x")
VETO = StatedBound(("veto_0",), "GeV", -float("inf"), 0.01, 0.0, (), "x")

NARROW = replace(BAND, low=-math.inf, high=80.0, guard=1.0)


def with_boxes(*boxes: StatedBox) -> Period:
    return replace(KNOWN, boxes=(*KNOWN.boxes, *boxes))


def test_a_feature_that_is_not_of_the_package_has_its_meaning(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text("""base = "invisible_2023"
label = "with features of its own"
[[append_feature]]
name = "missing"
unit = "GeV"
meaning = "energy that no calorimeter has"
formula = "beam_energy - ecal - hodo"
[[append]]
name = "missing"
missing = { above = 40, unit = "GeV" }
""")
    hodo = Feature("hodo", "GeV", "sum of the hodoscope")
    other = Feature("other", "GeV", "what nothing looks at")
    further = {"hodo": hodo, "other": other}
    found = selection_facts(load_selection(tmp_path / "own.toml", period_features=further)).own_features
    assert found == (
        FeatureFacts("hodo", "GeV", "sum of the hodoscope"),
        FeatureFacts("missing", "GeV", "energy that no calorimeter has", "beam_energy - ecal - hodo"),
    )
    assert selection_facts(load_selection("invisible_2023")).own_features == ()


def test_a_packaged_period_has_the_box_below_two_energies_only() -> None:
    facts = box_facts(KNOWN)
    assert (facts.ecal, facts.hcal, facts.guard_ecal, facts.guard_hcal) == (60, 1, 5, 0.5)
    assert (facts.search, facts.is_rectangle, facts.others) == ("invisible", True, ())
    assert facts.rectangle() is facts
    # Files that were made of results before there were several boxes are still of the same set-up.
    plain = BoxFacts("2023A", 60.0, 1.0, 5.0, 0.5, hcal_modules=facts.hcal_modules)
    assert setup_identity(period_facts(KNOWN), facts) == setup_identity(period_facts(KNOWN), plain)


def test_every_other_closed_box_is_told_with_its_place_in_the_plane() -> None:
    period = with_boxes(StatedBox("alp", {}, (BAND,)), StatedBox("alp", {}, (BAND, VETO)))
    facts = box_facts(period)
    assert facts.ecal == 60
    assert facts.others == (
        ClosedFacts(
            "alp",
            "where ecal or ecal_total between 73 and 92 GeV (box between 75 and 90 GeV, guard 2 GeV)",
            (73.0, 92.0),
            (None, None),
            covers=True,
            edges=(ClosedEdges("ecal", 73.0, 92.0, 2.0),),
        ),
        replace(facts.others[1], covers=False),
    )
    assert [one.feature for one in facts.others[1].edges] == ["ecal", "veto_0"]
    (both,) = box_facts(with_boxes(StatedBox("alp", {}, (BAND, NARROW)))).others
    assert (both.ecal, both.edges) == ((73.0, 81.0), (ClosedEdges("ecal", 73.0, 81.0),))  # two guards
    assert "veto_0 below 0.01 GeV" in facts.others[1].text
    assert setup_identity(period_facts(period), facts) != setup_identity(
        period_facts(KNOWN), box_facts(KNOWN)
    )
    own = box_facts(period, "alp")
    assert (own.search, own.is_rectangle, len(own.others)) == ("alp", False, 3)
    with pytest.raises(ValueError, match="period 2023A: the signal box of search alp is not below two"):
        own.rectangle()
