from __future__ import annotations

import pytest

from na64.datasets.conditions.bad_spills import BadEntry, BadList
from na64.datasets.conditions.conditions import Quality, RunFacts, SpillFacts
from na64.datasets.conditions.exposure import Exposure, exposure_of_run, kept_fractions

RUN = RunFacts(8701, eot_delivered=10.0, eot_live=8.0)
SPILLS = (
    SpillFacts(8701, 1, 5.0, 4.0),
    SpillFacts(8701, 2, 3.0, 2.5),
    SpillFacts(8701, 3, 2.0, 1.5),
    SpillFacts(8702, 1, 7.0, 7.0),
)
NONE_BAD = BadList()


def test_a_run_without_losses_has_its_total() -> None:
    assert exposure_of_run(RUN, (), NONE_BAD) == Exposure(10.0, 8.0)
    assert exposure_of_run(RUN, SPILLS, NONE_BAD) == Exposure(10.0, 8.0)


def test_an_unknown_total_is_never_guessed() -> None:
    assert exposure_of_run(RunFacts(8701), (), NONE_BAD) == Exposure(None, None)
    assert exposure_of_run(RunFacts(8701, eot_live=8.0), (), NONE_BAD) == Exposure(None, 8.0)


def test_without_a_total_the_spills_of_the_run_are_added() -> None:
    assert exposure_of_run(RunFacts(8701), SPILLS, NONE_BAD) == Exposure(10.0, 8.0)
    gap = (*SPILLS, SpillFacts(8701, 4, None, 1.0))
    assert exposure_of_run(RunFacts(8701), gap, NONE_BAD) == Exposure(None, 9.0)
    assert exposure_of_run(RunFacts(8701), gap, NONE_BAD, unread=frozenset({4})) == Exposure(10.0, 8.0)


@pytest.mark.parametrize("facts", [RUN, RunFacts(8701)])
def test_bad_and_unread_spills_lose_theirs_once(facts: RunFacts) -> None:
    bad = BadList((BadEntry(8701, 2), BadEntry(8702, 1)))
    assert exposure_of_run(facts, SPILLS, bad) == Exposure(7.0, 5.5)
    assert exposure_of_run(facts, SPILLS, bad, unread=frozenset({2, 3})) == Exposure(5.0, 4.0)
    by_quality = (*SPILLS[:2], SpillFacts(8701, 3, 2.0, 1.5, Quality.BAD))
    assert exposure_of_run(facts, by_quality, NONE_BAD) == Exposure(8.0, 6.5)


def test_a_lost_spill_of_unknown_exposure_leaves_the_run_unknown() -> None:
    assert exposure_of_run(RUN, SPILLS, BadList((BadEntry(8701, 9),))) == Exposure(None, None)
    half = (SpillFacts(8701, 9, 1.0),)
    assert exposure_of_run(RUN, half, BadList((BadEntry(8701, 9),))) == Exposure(9.0, None)


def test_bad_events_within_a_spill_cost_what_is_stated() -> None:
    bad = BadList((BadEntry(8701, 2, 0, 9), BadEntry(8701, 2, 20, 30)))
    stated = (*SPILLS[:1], SpillFacts(8701, 2, 3.0, 2.5, good_fraction=0.5), *SPILLS[2:])
    assert exposure_of_run(RUN, stated, bad) == Exposure(8.5, 6.75)
    assert exposure_of_run(RunFacts(8701), stated, bad) == Exposure(8.5, 6.75)
    assert exposure_of_run(RUN, stated, bad, unread=frozenset({2})) == Exposure(7.0, 5.5)
    assert exposure_of_run(RUN, stated, bad + BadList((BadEntry(8701, 2),))) == Exposure(7.0, 5.5)
    assert exposure_of_run(RUN, stated, NONE_BAD) == Exposure(10.0, 8.0)


@pytest.mark.parametrize("facts", [RUN, RunFacts(8701)])
@pytest.mark.parametrize("spills", [SPILLS, (SPILLS[0], SPILLS[2])])
def test_what_bad_events_cost_is_never_guessed(facts: RunFacts, spills: tuple[SpillFacts, ...]) -> None:
    found = exposure_of_run(facts, spills, BadList((BadEntry(8701, 2, 0, 9),)))
    assert found == (Exposure(None, None) if len(spills) == 4 or facts is RUN else Exposure(7.0, 5.5))


def test_bad_events_that_leave_nothing_need_no_exposure() -> None:
    spills = (*SPILLS, SpillFacts(8701, 4, good_fraction=0.0))
    assert exposure_of_run(RunFacts(8701), spills, BadList((BadEntry(8701, 4, 0, 9),))) == Exposure(10.0, 8.0)


def test_a_bad_run_has_none() -> None:
    assert exposure_of_run(RunFacts(8701), (), BadList((BadEntry(8701),))) == Exposure(0.0, 0.0)
    assert exposure_of_run(RUN, SPILLS, BadList((BadEntry(8702),))) == Exposure(10.0, 8.0)


def test_all_spills_lost_leave_zero_despite_rounding() -> None:
    facts = RunFacts(1, eot_delivered=0.3)
    spills = [SpillFacts(1, number, 0.1 * (1 + 1e-12)) for number in range(3)]
    assert exposure_of_run(facts, spills, NONE_BAD, unread=frozenset(range(3))).delivered == 0.0


def test_spills_that_have_more_than_their_run_are_refused() -> None:
    said = r"run 8701: eot_delivered is 10.0 for the run and 11.0 for its bad or unread spills"
    with pytest.raises(ValueError, match=said):
        exposure_of_run(RUN, [SpillFacts(8701, 1, 11.0)], BadList((BadEntry(8701, 1),)))


def test_spills_may_have_more_than_their_run_by_rounding_only() -> None:
    facts, bad = RunFacts(8701, eot_delivered=1.0), BadList((BadEntry(8701, 1),))
    assert exposure_of_run(facts, [SpillFacts(8701, 1, 1 + 1e-9)], bad).delivered == 0.0
    with pytest.raises(ValueError, match="eot_delivered is 1"):
        exposure_of_run(facts, [SpillFacts(8701, 1, 1 + 2e-9)], bad)


def test_a_bad_run_names_no_spill() -> None:
    assert kept_fractions(8701, {}, BadList((BadEntry(8701), BadEntry(8701, 2)))) == {2: 0.0}
