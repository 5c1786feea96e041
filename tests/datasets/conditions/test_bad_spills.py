from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from na64.datasets.conditions.bad_spills import BadEntry, BadList

SMALL = st.integers(0, 4)
ENTRIES = st.lists(
    st.builds(BadEntry, SMALL)
    | st.builds(BadEntry, SMALL, SMALL)
    | st.builds(
        lambda r, s, a, n: BadEntry(r, s, a, a + n), SMALL, SMALL, st.integers(0, 9), st.integers(1, 5)
    )
)
EVENTS = st.lists(st.tuples(SMALL, SMALL, st.integers(0, 15)))


def twin(entries: list[BadEntry], events: list[tuple[int, int, int]]) -> list[bool]:
    return [
        any(
            entry.run == run
            and (entry.spill is None or entry.spill == spill)
            and (entry.start is None or entry.stop is None or entry.start <= event < entry.stop)
            for entry in entries
        )
        for run, spill, event in events
    ]


def columns(
    events: list[tuple[int, int, int]], dtype: str = "int64"
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    run, spill, event = np.array(events, dtype=dtype).reshape(-1, 3).T
    return run, spill, event


@given(ENTRIES, EVENTS)
@example([BadEntry(1, 0, 0, 1), BadEntry(1, 1, 0, 1)], [(1, 0, 1), (1, 1, 1), (1, 1, 0)])
@example([BadEntry(1, 2)], [(1, 3, 0), (1, 1, 0)])
def test_the_mask_marks_what_an_entry_covers(
    entries: list[BadEntry], events: list[tuple[int, int, int]]
) -> None:
    assert BadList(tuple(entries)).mask(*columns(events)).tolist() == twin(entries, events)


@pytest.mark.parametrize("dtype", ["int32", "uint32", "int64", "uint64"])
def test_a_range_is_half_open_for_every_integer_type(dtype: str) -> None:
    bad = BadList((BadEntry(8701, 3, 10, 20),))
    events = [(8701, 3, 9), (8701, 3, 10), (8701, 3, 19), (8701, 3, 20), (8701, 4, 10), (8702, 3, 10)]
    assert bad.mask(*columns(events, dtype)).tolist() == [False, True, True, False, False, False]


def test_the_largest_numbers_are_marked_and_nonsense_is_not() -> None:
    top = 2**32 - 1
    bad = BadList((BadEntry(top, top, top, top + 1), BadEntry(top, 0), BadEntry(5, 5, 0, top + 1)))
    events = [
        (top, top, top),
        (top, top, top - 1),
        (top, 0, -1),
        (top, 0, 2**62),
        (5, 5, 0),
        (5, 5, -1),
        (5, 5, 2**40),
        (5, -1, 3),
    ]
    expected = [True, False, True, True, True, False, False, False]
    assert bad.mask(*columns(events)).tolist() == expected


def test_no_entries_or_no_events_give_an_empty_mask() -> None:
    assert BadList().mask(*columns([(1, 1, 1)])).tolist() == [False]
    assert BadList((BadEntry(1),)).mask(*columns([])).tolist() == []


def test_many_ranges_in_every_spill_agree_with_the_twin() -> None:
    random = np.random.default_rng(7)
    starts = random.integers(0, 900, size=(300, 2))
    entries = [
        BadEntry(8700, int(s % 40), int(a), int(a) + 1 + int(n % 30)) for s, (a, n) in enumerate(starts)
    ]
    events = [(8700, int(s), int(e)) for s, e in random.integers(0, (45, 1000), size=(5000, 2))]
    assert BadList(tuple(entries)).mask(*columns(events)).tolist() == twin(entries, events)


@given(ENTRIES, ENTRIES)
def test_lists_join_and_do_not_depend_on_order(first: list[BadEntry], second: list[BadEntry]) -> None:
    joined = BadList(tuple(first)) + BadList(tuple(second))
    assert joined == BadList(tuple(reversed([*second, *first, *second])))
    assert BadList() + joined == joined


@given(ENTRIES)
def test_the_list_of_a_run_has_its_entries(entries: list[BadEntry]) -> None:
    for run in range(6):
        assert set(BadList(tuple(entries)).of_run(run).entries) == {e for e in entries if e.run == run}


def test_whole_runs_and_spills_are_told_from_ranges() -> None:
    bad = BadList((BadEntry(1), BadEntry(2, 7), BadEntry(2, 8, 0, 5)))
    assert [bad.has_run(run) for run in (1, 2, 3)] == [True, False, False]
    assert [bad.has_spill(run, spill) for run, spill in ((1, 3), (2, 7), (2, 8), (3, 7))] == [
        True,
        True,
        False,
        False,
    ]


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ((-1, None, None, None), "run -1 is not from 0 to 4294967295"),
        ((1, -1, None, None), "run 1: spill -1 is not"),
        ((1, 2**32, None, None), "run 1: spill 4294967296 is not"),
        ((1, 2, 0, 2**32 + 1), "run 1: stop 4294967297 is not"),
        ((1, 2, 3, None), "run 1: start 3 and stop None go together"),
        ((1, 2, None, 3), "run 1: start None and stop 3 go together"),
        ((1, None, 3, 4), "run 1: start 3 without a spill"),
        ((1, 2, 4, 4), "run 1: start 4 is not below stop 4"),
    ],
)
def test_an_impossible_entry_is_refused(
    numbers: tuple[int, int | None, int | None, int | None], said: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        BadEntry(*numbers)
