"""RNTuples as they may come: cut anywhere, of columns that do not fit together, damaged elsewhere."""

from __future__ import annotations

import os
from itertools import combinations
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import awkward as ak
import numpy as np
import pytest
import uproot

from na64.datasets.instrument.columns import Array
from na64.datasets.reading.files import open_file
from na64.datasets.reading.rntuple_files import open_rntuple
from na64.datasets.reading.stored import BadFileError, Jagged, Tree
from na64.datasets.reading.stored import Stored as StoredType

CLUSTERS = [(0, 2), (2, 3), (5, 1)]
VALUES = np.arange(12, dtype=np.float32)
OFFSETS = np.array([0, 2, 2, 5, 6, 6, 12])


class Stored:
    """What uproot gives: a tree of one vector of floats, ``x``, in three clusters."""

    def __init__(
        self,
        *,
        clusters: list[tuple[int, int]] = CLUSTERS,
        values: Array = VALUES,
        offsets: Array = OFFSETS,
        form: Any = None,
        typename: str = "std::vector<float>",
    ) -> None:
        self.num_entries = 6
        self.cluster_summaries = [SimpleNamespace(num_first_entry=s, num_entries=n) for s, n in clusters]
        self.column_records = [SimpleNamespace(first_element_index=0)] * 2
        self.page_link_list: Any = [[]] * len(clusters)  # the file says nothing of pages
        self._values, self._offsets, self._typename = values, offsets, typename
        self._form = form or ak.forms.ListOffsetForm(
            "i64", ak.forms.NumpyForm("float32", form_key="column-1"), form_key="column-0"
        )

    def __getitem__(self, name: str) -> Any:
        assert name == "x"
        return SimpleNamespace(
            typename=self._typename,
            to_akform=lambda: (ak.forms.RecordForm([self._form], ["x"]), None),
        )

    def get_field_metadata(self, _: int) -> Any:
        return SimpleNamespace(dtype_str="bit")  # which uproot reads

    def read_cluster_range(
        self, column: int, first: int, last: int, *, missing_element_padding: int
    ) -> Array:
        assert missing_element_padding == 0
        assert (first, last) == (0, 3)
        return self._offsets.copy() if column == 0 else self._values


def opened(stored: Any) -> Tree:
    return open_rntuple(stored, lambda *_: b"")


def read(stored: Stored, start: int = 0, stop: int = 6) -> Jagged:
    found = opened(stored).read(["x"], start, stop)["x"]
    assert isinstance(found, Jagged)
    return found


def test_a_vector_is_cut_out_of_its_clusters() -> None:
    found = read(Stored(), 1, 6)
    assert found.offsets.tolist() == [0, 0, 3, 4, 4, 10]
    assert found.values.tolist() == VALUES[2:].tolist()


@pytest.mark.parametrize(
    ("offsets", "values"),
    [
        (OFFSETS[:-1], VALUES[:6]),
        (OFFSETS, VALUES[:-1]),
        (OFFSETS, np.append(VALUES, 1)),
        (np.array([0, 2, 5, 2, 6, 6, 12]), VALUES),
    ],
)
def test_columns_that_do_not_fit_together_are_refused(offsets: Array, values: Array) -> None:
    with pytest.raises(BadFileError, match='branch "x": its values are not those of its events'):
        read(Stored(offsets=offsets, values=values))


FLOATS = ak.forms.NumpyForm("float32")
PAIRS, LISTS = ak.forms.RegularForm(FLOATS, 2), ak.forms.ListOffsetForm("i64", FLOATS)


@pytest.mark.parametrize(
    ("form", "dtype", "shape", "jagged"),
    [
        (FLOATS, "float32", (), False),
        (PAIRS, "float32", (2,), False),
        (ak.forms.RegularForm(PAIRS, 3), "float32", (3, 2), False),
        (LISTS, "float32", (), True),
        (ak.forms.RegularForm(LISTS, 3), "", (3,), False),
        (ak.forms.ListOffsetForm("i64", LISTS), "", (), True),
        (ak.forms.ListOffsetForm("i64", PAIRS), "", (), True),
        (ak.forms.RecordForm([FLOATS], ["y"]), "", (), False),
    ],
)
def test_only_numbers_arrays_and_vectors_of_numbers_have_a_type(
    form: Any, dtype: str, shape: tuple[int, ...], jagged: bool
) -> None:
    found = opened(Stored(form=form)).stored("x")
    assert found == StoredType(dtype, shape, jagged, "std::vector<float>")


@pytest.mark.parametrize(
    ("kind", "stored", "text"),
    [
        ("double", "float16", "double stored as float16"),
        ("double", "float32", "double stored as float32"),
        ("double", "float64", "double"),
    ],
)
def test_a_type_that_is_stored_otherwise_says_so(kind: str, stored: str, text: str) -> None:
    """ROOT writes a field of type double as half precision (Real16) where it is told to."""
    found = opened(Stored(form=ak.forms.NumpyForm(stored), typename=kind)).stored("x")
    assert found == StoredType(stored, (), False, text)


def test_as_many_numbers_as_the_events_have_are_expected() -> None:
    numbers = ak.forms.RegularForm(ak.forms.NumpyForm("float32", form_key="column-1"), 2)
    tree = opened(Stored(form=numbers))
    np.testing.assert_array_equal(tree.read(["x"], 1, 6)["x"], VALUES.reshape(6, 2)[1:])
    with pytest.raises(BadFileError, match="its values are not those"):
        opened(Stored(form=numbers, values=VALUES[:-2])).read(["x"], 0, 6)


def without_first_cluster(stored: Any, first_elements: tuple[int, ...]) -> Any:
    """Make a tree as ROOT extends it: columns that begin at these elements, after the first cluster."""
    for number, first in enumerate(first_elements, start=1):
        stored.column_records[number].first_element_index = first
        stored.page_link_list[0][number].pages.clear()
    return stored


def test_events_before_a_field_was_added_have_zeros_and_those_after_have_its_values(tmp_path: Path) -> None:
    cells = np.arange(1.0, 25.0).reshape(6, 4)
    hits = ak.unflatten(np.arange(1.0, 13.0), [1, 2, 2, 1, 4, 2])
    one, numbers = np.arange(1.0, 7.0), ak.from_numpy(cells, regulararray=True)
    events = ak.Array({"run": np.arange(6), "one": one, "cells": numbers, "hits": hits})
    with uproot.recreate(tmp_path / "run.root") as file:
        stored = file.mkrntuple("t", events.layout.form)
        for first in (0, 2, 4):
            stored.extend(events[first : first + 2])
    expected = {"run": [*range(6)], "one": [0, 0, *one[2:]], "cells": [[0] * 4] * 2 + cells[2:].tolist()}
    with uproot.open(tmp_path / "run.root") as file, (tmp_path / "run.root").open("rb") as raw:
        # of one, the numbers of cells, where hits end, and the numbers of hits, none of which are left out
        late = without_first_cluster(file["t"], (2, 8, 2, 0))
        tree = open_rntuple(late, lambda start, size: os.pread(raw.fileno(), size, start))
        for start, stop in combinations(range(7), 2):
            found: dict[str, Any] = dict(tree.read(["run", "one", "cells", "hits"], start, stop))
            for name, values in expected.items():
                assert np.asarray(found[name]).tolist() == values[start:stop]
            jagged = found["hits"]
            assert isinstance(jagged, Jagged)
            vectors = ak.unflatten(jagged.values, np.diff(jagged.offsets))
            assert vectors.tolist() == [[], [], *hits[2:].tolist()][start:stop]


@pytest.mark.parametrize(
    ("clusters", "message"),
    [
        ([(0, 2), (3, 2), (5, 1)], "clusters that are not in order"),
        ([(2, 3), (0, 2), (5, 1)], "clusters that are not in order"),
        ([(0, 2), (2, 3)], "its clusters have 5 entries, the tree 6"),
    ],
)
def test_clusters_follow_one_another(clusters: list[tuple[int, int]], message: str) -> None:
    opened(Stored()).check(["x"])
    with pytest.raises(BadFileError, match=message):
        opened(Stored(clusters=clusters)).check(["x"])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Three clusters of numbers that can be compressed, which gives them checksums."""
    events = ak.Array(
        {"d": np.arange(1200.0).reshape(400, 3), "v": ak.unflatten(np.arange(800.0), [2] * 400)}
    )
    with uproot.recreate(tmp_path / "run.root", compression=uproot.LZ4(4)) as file:
        stored = file.mkrntuple("t", events.layout.form)
        for _ in range(3):
            stored.extend(events)
    return tmp_path / "run.root"


@pytest.mark.parametrize("at", [0, 1, 400, 800, 1200])
def test_no_events_are_empty(at: int, path: Path) -> None:
    with open_file(path) as file:
        found = file.tree("t").read(["d", "v"], at, at)
    assert isinstance(found["d"], np.ndarray)
    assert found["d"].shape == (0, 3)
    assert isinstance(found["v"], Jagged)
    assert found["v"].offsets.tolist() == [0]


def test_only_the_clusters_that_are_asked_for_are_read(path: Path) -> None:
    def page(tree: Any) -> Any:
        return tree.page_link_list[1][0].pages[0].locator

    with uproot.open({str(path): "t"}) as tree:
        middle = page(tree).offset + page(tree).num_bytes // 2
    content = bytearray(path.read_bytes())
    content[middle : middle + 8] = bytes(8)
    path.write_bytes(content)
    with open_file(path) as file:
        tree = file.tree("t")
        assert len(tree.read(["d"], 0, 400)["d"]) == len(tree.read(["d"], 800, 1200)["d"]) == 400
        with pytest.raises((BadFileError, OSError), match="checksum"):
            tree.read(["d"], 0, 401)


def test_a_cluster_is_read_alike_wherever_it_is_cut(path: Path) -> None:
    with open_file(path) as file:
        whole, part = (file.tree("t").read(["d", "v"], *cut) for cut in ((0, 1200), (399, 801)))
    np.testing.assert_array_equal(part["d"], whole["d"][399:801])
    assert isinstance(whole["v"], Jagged)
    assert isinstance(part["v"], Jagged)
    np.testing.assert_array_equal(part["v"].values, whole["v"].values[798:1602])
    np.testing.assert_array_equal(part["v"].offsets, np.arange(403) * 2)
