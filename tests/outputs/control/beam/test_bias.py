"""A selection that chooses among particles is refused, by the name of its cut."""

from __future__ import annotations

from dataclasses import replace

import pytest

from na64.outputs.control.beam.bias import check_unbiased
from na64.outputs.result.descriptions import selection_facts
from na64.outputs.result.summary_facts import CutFacts, IntervalFacts, SelectionFacts
from na64.selections.selection import SELECTIONS, load_selection


def facts_with(*intervals: IntervalFacts, more: tuple[str, ...] = ()) -> SelectionFacts:
    facts = selection_facts(load_selection("beam_2023"))
    return replace(facts, cuts=(*facts.cuts, CutFacts("mine", intervals, more=more)))


def one(feature: str, low: float | None = None, high: float | None = None, table: str = "") -> IntervalFacts:
    return IntervalFacts(feature, "GeV", feature, low, high, table)


@pytest.mark.parametrize("name", sorted(set(SELECTIONS) - {"beam_2023"}))
def test_no_other_packaged_selection_can_be_measured(name: str) -> None:
    with pytest.raises(ValueError, match=f"selection {name}: .*process beam_2023"):
        check_unbiased(selection_facts(load_selection(name)))


@pytest.mark.parametrize(
    "feature",
    ["srd_0", "srd_sum", "ecal", "preshower", "hcal_0", "veto_1", "vhcal_total", "track_angle", "mine"],
)
def test_a_cut_on_what_is_measured_is_named(feature: str) -> None:
    with pytest.raises(ValueError, match=f"cut mine acts on {feature}: na64 beam would measure the cut"):
        check_unbiased(facts_with(one(feature, low=0.001)))


@pytest.mark.parametrize(
    "interval",
    [
        one("track_momentum", 90, 110),
        one("track_momentum", 0.0, 200),
        one("track_momentum", 20),
        one("track_momentum", high=9999, table="in ecal"),
        one("trigger_physics", 1, 1),
        one("trigger_physics", 0, 1),
    ],
    ids=str,
)
def test_a_window_of_momentum_or_the_physics_trigger_is_refused(interval: IntervalFacts) -> None:
    with pytest.raises(ValueError, match="cut mine acts on"):
        check_unbiased(facts_with(interval))


def test_what_chooses_no_particle_is_taken() -> None:
    check_unbiased(facts_with())
    check_unbiased(facts_with(one("master_time", 90, 100), one("bad_spill", 0, 0), one("track_pvalue", 0.1)))
    check_unbiased(facts_with(one("track_momentum", 0, 9999)))


def test_a_cut_that_is_more_than_windows_is_refused() -> None:
    with pytest.raises(ValueError, match=r"cut mine asks for more .* \(or ecal > 3\)"):
        check_unbiased(facts_with(more=("or ecal > 3",)))


def test_events_of_the_physics_trigger_are_no_sample_of_the_beam() -> None:
    facts = selection_facts(load_selection("beam_2023"))
    others = tuple(cut for cut in facts.cuts if cut.name != "not_physics")
    with pytest.raises(ValueError, match="no cut trigger_physics = 0"):
        check_unbiased(replace(facts, cuts=others))
