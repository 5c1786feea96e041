"""Baskets of ROOT files as ROOT itself and others write them."""

from __future__ import annotations

import os
from operator import attrgetter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import awkward as ak
import numpy as np
import pytest
import uproot

from na64.datasets.instrument.columns import Array
from na64.datasets.reading import root_files
from na64.datasets.reading.baskets import BasketReader
from na64.datasets.reading.branch_names import Place
from na64.datasets.reading.branch_types import stored_type
from na64.datasets.reading.root_files import _join_jagged, _read_branch, _RootFile, open_root
from na64.datasets.reading.stored import Jagged, Stored, StructureError

FLOAT = np.dtype(">f4")


def basket(events: list[list[float]], header: int, *, counted: bool = False) -> SimpleNamespace:
    """What uproot gives: bytes of all events, each after its header, and where they begin."""
    parts = [b"\xff" * header + np.array(event, FLOAT).tobytes() for event in events]
    ends = np.cumsum([0, *map(len, parts)]).astype(np.int32)
    counts = np.array([len(event) for event in events])
    data = np.frombuffer(b"".join(parts), np.uint8)
    return SimpleNamespace(data=data, byte_offsets=None if counted else ends, counts=counts)


def join(*pieces: tuple[Any, int, int, int], header: int) -> Jagged:
    interpretation = uproot.interpretation.jagged.AsJagged(
        uproot.interpretation.numerical.AsDtype(FLOAT), header_bytes=header
    )
    counts_of: Any = attrgetter("counts")
    return _join_jagged(list(pieces), interpretation, counts_of)


def lists(jagged: Jagged) -> list[list[float]]:
    values: Array = jagged.values
    assert values.dtype == np.dtype(np.float32)
    assert values.dtype.isnative
    return [part.tolist() for part in np.split(values, jagged.offsets[1:-1])]


EVENTS = [[1.0, 2.0], [], [3.0], [4.0, 5.0, 6.0]]
EQUAL = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]


@pytest.mark.parametrize("header", [0, 10])
@pytest.mark.parametrize("events", [EVENTS, EQUAL, [[], []]])
def test_vectors_are_read_without_their_headers(events: list[list[float]], header: int) -> None:
    assert lists(join((basket(events, header), 0, len(events), 0), header=header)) == events


@pytest.mark.parametrize("header", [0, 10])
def test_parts_of_baskets_join(header: int) -> None:
    pieces = [(basket(EVENTS, header), 1, 4, 0), (basket(EQUAL, header), 0, 2, 3)]
    assert lists(join(*pieces, header=header)) == EVENTS[1:] + EQUAL[:2]


def test_arrays_counted_by_another_branch_are_cut_by_its_counts() -> None:
    assert lists(join((basket(EVENTS, 0, counted=True), 1, 3, 0), header=0)) == EVENTS[1:3]


class Embedded:
    """A branch with all baskets in the tree, as ROOT leaves one that it has not written out."""

    entry_offsets: tuple[int, ...]

    def __init__(self) -> None:
        self.num_baskets = len(self.entry_offsets) - 1
        self.embedded_baskets = [None] * self.num_baskets

    @staticmethod
    def member(_: str) -> Array:
        return np.zeros(0, np.int64)


def _no_file(start: int, size: int) -> bytes:
    raise AssertionError(f"{size} bytes from {start} on are not in the tree")


class Counter(Embedded):
    """The branch that counts another's values, in baskets of its own: of 3, 1 and 4 events."""

    name = "n"
    branches: tuple[()] = ()
    interpretation = uproot.interpretation.numerical.AsDtype(np.dtype(">i4"))
    entry_offsets = (0, 3, 4, 8)
    numbers = np.array([2, 0, 1, 3, 1, 4, 0, 2], ">i4")

    def basket(self, number: int) -> SimpleNamespace:
        part = self.numbers[self.entry_offsets[number] : self.entry_offsets[number + 1]]
        return SimpleNamespace(data=np.frombuffer(part.tobytes(), np.uint8), byte_offsets=None)


class Counted(Embedded):
    """A branch without offsets, in baskets of 2, 4 and 2 events."""

    name = "x"
    count_branch = Counter()
    count_leaf = SimpleNamespace(member={"fName": "n"}.__getitem__)
    interpretation = uproot.interpretation.jagged.AsJagged(uproot.interpretation.numerical.AsDtype(FLOAT))
    entry_offsets = (0, 2, 6, 8)
    values = np.arange(13.0, dtype=FLOAT)

    def basket(self, number: int) -> SimpleNamespace:
        start, stop = self.entry_offsets[number : number + 2]
        first, last = (self.count_branch.numbers[:at].sum() for at in (start, stop))
        data = np.frombuffer(self.values[first:last].tobytes(), np.uint8)
        return SimpleNamespace(data=data, byte_offsets=None)


@pytest.mark.parametrize(("start", "stop"), [(0, 8), (1, 7), (3, 5), (2, 6), (4, 4)])
def test_an_array_and_its_counts_may_be_cut_into_other_baskets(start: int, stop: int) -> None:
    found = _read_branch(BasketReader(_no_file), Place(Counted()), start, stop)
    ends = np.cumsum([0, *Counter.numbers])
    assert isinstance(found, Jagged)
    np.testing.assert_array_equal(found.offsets, ends[start : stop + 1] - ends[start])
    np.testing.assert_array_equal(found.values, Counted.values[ends[start] : ends[stop]])


ENTRY = np.dtype([("run", ">i4"), ("x", ">f4", (3,))])


class Several(Embedded):
    """A branch with two leaves, in baskets of 3 and 2 events."""

    name = "ev"
    interpretation = uproot.interpretation.numerical.AsDtype(ENTRY)
    entry_offsets = (0, 3, 5)
    values = np.array([(run, [run, run + 1, run + 2]) for run in range(5)], ENTRY)

    def basket(self, number: int) -> SimpleNamespace:
        part = self.values[self.entry_offsets[number] : self.entry_offsets[number + 1]]
        return SimpleNamespace(data=np.frombuffer(part.tobytes(), np.uint8), byte_offsets=None)


@pytest.mark.parametrize("leaf", ["run", "x"])
@pytest.mark.parametrize(("start", "stop"), [(0, 5), (1, 4), (2, 2)])
def test_a_leaf_is_read_out_of_its_branch(leaf: str, start: int, stop: int) -> None:
    found = _read_branch(BasketReader(_no_file), Place(Several(), leaf), start, stop)
    expected = Several.values[leaf][start:stop]
    order = expected.dtype if leaf == "x" else expected.dtype.newbyteorder("=")
    np.testing.assert_array_equal(found, expected.astype(order), strict=True)


class Cells(Embedded):
    """A branch of three cells an event, in one basket of 4 events and one of 2."""

    name = "cells"
    interpretation = uproot.interpretation.numerical.AsDtype(np.dtype((">f8", (3,))))
    entry_offsets = (0, 4, 6)
    values = np.arange(18.0).astype(">f8").reshape(6, 3)

    def basket(self, number: int) -> SimpleNamespace:
        part = self.values[self.entry_offsets[number] : self.entry_offsets[number + 1]]
        return SimpleNamespace(data=part.view(np.uint8).reshape(-1), byte_offsets=None)


@pytest.mark.parametrize(("start", "stop"), [(1, 4), (4, 6), (3, 5), (0, 6), (2, 2)])
def test_cells_keep_the_byte_order_of_the_file(start: int, stop: int) -> None:
    found = _read_branch(BasketReader(_no_file), Place(Cells()), start, stop)
    np.testing.assert_array_equal(found, Cells.values[start:stop], strict=True)


def test_baskets_that_lack_events_are_refused_with_their_branch() -> None:
    reader = BasketReader(_no_file)
    with pytest.raises(StructureError, match='branch "ev" has 5 of events 0 to 6'):
        _read_branch(reader, Place(Several(), "run"), 0, 6)
    short = Several()
    short.entry_offsets = (0, 3, 6)
    with pytest.raises(StructureError, match='branch "ev": a basket has 2 entries, expected 3 or more'):
        _read_branch(BasketReader(_no_file), Place(short, "run"), 0, 6)


def test_no_basket_is_no_event() -> None:
    empty = join(header=0)
    assert empty.values.size == 0
    assert empty.offsets.tolist() == [0]


HITS = [[1.0, 2.0], [], [3.0], [4.0, 5.0]]


def write(path: Path, name: str) -> Path:
    with uproot.recreate(path) as file:
        types = {name: "f8", "hits": "var * float64"}
        file.mktree("t", types).extend({name: np.arange(4.0), "hits": ak.Array(HITS)})
    return path


def read(path: Path, name: str) -> list[Any]:
    with open_root(str(path)) as file:
        found = file.tree("t").read([name], 0, 4)[name]
    if not isinstance(found, Jagged):
        return list(found)
    return [list(part) for part in np.split(found.values, found.offsets[1:-1])]


def test_headers_are_read_once_of_a_file_that_is_opened_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that the file has, though uproot's own file was closed: other branches too."""
    path = write(tmp_path / "run.root", "x")
    assert read(path, "x") == [0, 1, 2, 3]
    monkeypatch.setattr(_RootFile, "_read", lambda *_: pytest.fail("the headers are read again"))
    for _ in range(2):
        assert read(path, "hits") == HITS
        assert read(path, "x") == [0, 1, 2, 3]


@pytest.mark.parametrize("is_moved", [True, False])
def test_a_file_that_was_replaced_is_read_anew(is_moved: bool, tmp_path: Path) -> None:
    """Even if it has the same size and says that it is as old."""
    path, other = write(tmp_path / "one.root", "x"), write(tmp_path / "two.root", "y")
    then = path.stat()
    assert other.stat().st_size == then.st_size
    assert read(path, "x") == [0, 1, 2, 3]
    if is_moved:
        other.replace(path)
    else:
        path.write_bytes(other.read_bytes())
    os.utime(path, ns=(then.st_atime_ns, then.st_mtime_ns))
    assert read(path, "y") == [0, 1, 2, 3]
    with pytest.raises(StructureError, match='branch "x" is there 0 times'):
        read(path, "x")


def test_types_are_found_as_long_as_uproot_has_the_file_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of objects are in the file, and not to be had of one that is closed."""

    def type_in_open_file(place: Place) -> Stored:
        assert not place.branch.file.closed
        return stored_type(place)

    monkeypatch.setattr(root_files, "stored_type", type_in_open_file)
    path = write(tmp_path / "run.root", "x")
    assert read(path, "x") == [0, 1, 2, 3]
    with open_root(str(path)) as file:
        tree = file.tree("t")
        assert {name for name in tree.names() if tree.stored(name)} == {"x", "nhits", "hits"}
