from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from na64.datasets.catalogue.records import Catalogue, FileRecord, SampleKind, Status
from na64.datasets.conditions.conditions import SpillFacts
from na64.outputs.result.spills import SpillRead, SpillReading, read_spills, spills_table

RUN = 8701


def record(name: str, *spills: tuple[int, ...], run: int = RUN) -> FileRecord:
    """A file with ten events in each segment."""
    cuts = range(0, 10 * len(spills), 10)
    return FileRecord(
        f"{name}.root",
        name * 64,
        entries=10 * len(spills),
        runs={run: 10 * len(spills)},
        segments=tuple((start, start + 10) for start in cuts),
        spills=tuple({run: part} for part in spills),
    )


A, B = record("a", (1, 2), (2, 3)), record("b", (3, 4))
EVERYTHING = (("a" * 64, 0, 10), ("a" * 64, 10, 20), ("b" * 64, 0, 10))


def reading(*read: tuple[str, int, int], more: tuple[FileRecord, ...] = ()) -> SpillReading:
    result: Any = SimpleNamespace(read=read)
    return read_spills(Catalogue(SampleKind.DATA, (A, B, *more)), result)


def states(found: SpillReading) -> list[str]:
    return [found.of(RUN, spill).value for spill in (1, 2, 3, 4)]


def test_all_spills_of_what_was_read_are_read() -> None:
    found = reading(*EVERYTHING)
    assert states(found) == ["yes"] * 4
    assert found.unread(RUN, [1, 4, 9]) == frozenset()


@pytest.mark.parametrize(
    ("lost", "expected"),
    [
        (0, ["no", "part", "yes", "yes"]),
        (1, ["yes", "part", "part", "yes"]),
        (2, ["yes", "yes", "part", "no"]),
    ],
)
def test_spills_of_a_lost_segment_are_unread_or_in_part(lost: int, expected: list[str]) -> None:
    found = reading(*EVERYTHING[:lost], *EVERYTHING[lost + 1 :])
    assert states(found) == expected
    assert found.unread(RUN, ()) is None


def test_a_segment_of_which_a_part_was_read_has_spills_in_part() -> None:
    assert states(reading(("a" * 64, 0, 5), *EVERYTHING[1:])) == ["part", "part", "yes", "yes"]
    halves = (("a" * 64, 0, 5), ("a" * 64, 5, 10))
    assert states(reading(*halves, *EVERYTHING[1:])) == ["yes"] * 4


def test_spills_that_nobody_else_has_are_named_as_unread() -> None:
    alone = record("c", (7, 8))
    found = reading(*EVERYTHING, more=(alone,))
    assert found.unread(RUN, ()) == frozenset({7, 8})


def test_a_spill_without_events_may_be_in_a_bad_file_of_its_run() -> None:
    bad = FileRecord("x.root", "x" * 64, status=Status.QUARANTINED, reason="truncated")
    assert reading(*EVERYTHING).unread(RUN, [9]) == frozenset()
    assert reading(*EVERYTHING, more=(bad,)).unread(RUN, [9]) == frozenset({9})
    other = FileRecord("y.root", "y" * 64, runs={8799: 5}, status=Status.QUARANTINED, reason="changed")
    assert reading(*EVERYTHING, more=(other,)).unread(RUN, [9]) == frozenset()
    assert reading(*EVERYTHING, more=(other,)).unread(8799, [1]) == frozenset({1})


def test_the_table_has_a_row_a_spill() -> None:
    table = spills_table([(SpillFacts(RUN, 1, 5.0, 4.5, prescale=10, good_fraction=0.25), SpillRead.PART)])
    assert table.to_csv().decode().splitlines() == [
        "run,spill,eot_delivered,eot_live,prescale,good_fraction,quality,read",
        "8701,1,5,4.5,10,0.25,good,part",
    ]
