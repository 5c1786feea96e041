from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from na64.datasets.catalogue.build import build
from na64.datasets.catalogue.inspection import Keys
from na64.datasets.catalogue.overlap import quarantine_overlaps
from na64.datasets.catalogue.records import Catalogue, FileRecord, Status
from na64.datasets.reading.layout import load_layout

Writer = Callable[..., Path]


def register(*paths: Path, previous: Catalogue | None = None) -> Catalogue:
    return build(paths, simulation=False, previous=previous)


def in_order(*paths: Path) -> list[Path]:
    """Sort files as they are when one of two has to go."""
    return sorted(paths, key=lambda path: register(path).files[0].sha256)


def of_run(path: str, run: int, status: Status = Status.GOOD) -> FileRecord:
    reason = "" if status is Status.GOOD else "broken"
    shared = {"runs": {run: 1}, "entries": 1, "segments": ((0, 1),), "spills": ({run: (1,)},)}
    return FileRecord(path, status=status, reason=reason, **shared)  # type: ignore[arg-type]


def test_only_files_that_share_a_run_with_a_good_one_are_read() -> None:
    def refuse(record: FileRecord) -> Keys:
        raise OSError(f"{record.name} was read")

    records = of_run("/a", 8701), of_run("/b", 8702), of_run("/c", 8701, Status.QUARANTINED)
    assert quarantine_overlaps(records, refuse) == records


def test_of_files_with_the_same_events_one_is_kept(write_run: Writer) -> None:
    one = write_run("one.root")
    two = write_run("two.root", n_events=8, first=4)
    three = write_run("three.root", first=100)
    other_run = write_run("other.root", run=8702)
    catalogue = register(one, two, three, other_run)
    kept, out = in_order(one, two)
    assert {record.name: record.reason for record in catalogue.files} == {
        kept.name: "",
        out.name: f"2 events of run 8701 are also in {kept.name}, the first is spill 1 event 4",
        "three.root": "",
        "other.root": "",
    }
    assert register(three, out, kept, other_run).files == catalogue.files


def test_a_known_file_wins_over_a_new_one_with_its_events(write_run: Writer) -> None:
    first, second = in_order(write_run("one.root"), write_run("two.root", n_events=8))
    updated = register(first, previous=register(second))
    assert [record.name for record in updated.good] == [second.name]
    assert register(first, previous=updated) == updated


@pytest.mark.parametrize("first", [5, 15])
def test_one_event_at_the_edge_is_an_overlap(first: int, write_run: Writer) -> None:
    before = register(write_run("one.root", first=10))
    catalogue = register(write_run("two.root", first=first), previous=before)
    assert [record.name for record in catalogue.good] == ["one.root"]


@pytest.mark.parametrize("first", [4, 16])
def test_neighbouring_events_are_no_overlap(first: int, write_run: Writer) -> None:
    assert len(register(write_run("one.root", first=10), write_run("two.root", first=first)).good) == 2


def test_what_is_quarantined_does_not_quarantine_others(write_run: Writer) -> None:
    before = register(write_run("one.root"))
    catalogue = register(write_run("two.root", first=3), previous=before)
    catalogue = register(write_run("three.root", first=7), previous=catalogue)
    assert {record.name for record in catalogue.good} == {"one.root", "three.root"}


def test_an_alternating_overlap_of_spills_is_no_overlap(write_run: Writer) -> None:
    one = write_run("one.root", spillN=np.array([1, 1, 1, 3, 3, 3], np.int32))
    two = write_run("two.root", spillN=np.array([2, 2, 2, 4, 4, 4], np.int32))
    assert len(register(one, two).good) == 2


@pytest.mark.parametrize("simulation", [False, True])
@pytest.mark.parametrize("container", ["ttree", "rntuple", "parquet"])
def test_the_same_events_twice_in_a_file_are_no_better_than_in_two(
    container: str, simulation: bool, make_values: Callable[..., Any], write_file: Writer
) -> None:
    tout = load_layout("tout2023")
    of_one, of_other = make_values(tout, 6), make_values(tout, 6, run=8702)
    again = make_values(tout, 3, first=4)
    path = write_file("tout", of_one, of_other, again, container=container)
    (record,) = build([path], simulation=simulation).files
    assert record.status is Status.QUARANTINED
    assert record.reason == ("2 events of run 8701 are in it more than once, the first is spill 1 event 4")


def test_an_event_of_another_run_or_spill_is_another(write_run: Writer) -> None:
    one = write_run(
        spilleventtN=np.array([0, 1, 0, 1, 0, 1], np.int32),
        spillN=np.array([1, 1, 2, 2, 1, 1], np.int32),
        runN=np.array([8701, 8701, 8701, 8701, 8702, 8702], np.int32),
    )
    assert register(one).good
