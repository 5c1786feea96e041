"""Pages as ROOT 6.40 writes them: LZ4, two clusters of 120 and 80 events, bytes apart.

``split_by_root.root`` has these fields of event i: ``run`` (uint32) 8701 + i / 120, ``number`` (int64)
7 i - 100, ``mask`` (uint16) 300 i, ``time`` (float) 0.37 i - 20, ``cells`` (four doubles) 1e-3 i + j,
``hits`` (i % 3 floats) i + 0.25 j, and ``good`` (bool), every fifth.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import uproot

from na64.datasets.reading.files import open_file
from na64.datasets.reading.rntuple_pages import PageReader
from na64.datasets.reading.stored import BadFileError, Jagged

FILE = Path(__file__).with_name("split_by_root.root")
EVENTS = np.arange(200)


@contextmanager
def tree_of(path: Path = FILE) -> Iterator[Any]:
    with open_file(path) as file:
        yield file.tree("events")


def pages_of(path: Path = FILE) -> list[Any]:
    with uproot.open(path) as file:
        clusters = file["events"].page_link_list
        return [page for columns in clusters for column in columns for page in column.pages]


@pytest.mark.parametrize(("start", "stop"), [(0, 200), (0, 120), (119, 121), (120, 200), (150, 151), (7, 7)])
def test_numbers_of_pages_that_root_wrote(start: int, stop: int) -> None:
    events = EVENTS[start:stop]
    with tree_of() as tree:
        found = tree.read(["run", "number", "mask", "time", "cells", "hits", "good"], start, stop)
    assert found["run"].tolist() == (8701 + events // 120).tolist()
    assert found["number"].tolist() == (7 * events - 100).tolist()
    assert found["mask"].tolist() == (300 * events).tolist()
    assert found["time"].tolist() == (np.float32(0.37) * events.astype(np.float32) - 20).tolist()
    assert np.allclose(found["cells"], 1e-3 * events[:, np.newaxis] + np.arange(4), rtol=1e-15)
    assert found["good"].tolist() == (events % 5 == 0).tolist()
    assert isinstance(found["hits"], Jagged)
    assert np.diff(found["hits"].offsets).tolist() == (events % 3).tolist()
    assert found["hits"].values.tolist() == [i + 0.25 * j for i in events for j in range(i % 3)]


def test_columns_of_numbers_are_those_that_uproot_reads_and_bits_are_left_to_it() -> None:
    with uproot.open(FILE) as file, FILE.open("rb") as raw:
        tree = file["events"]
        reader = PageReader(tree, lambda start, size: os.pread(raw.fileno(), size, start))
        for first, last in ((0, 2), (0, 1), (1, 2)):
            *numbers, bits = (reader.read(number, range(first, last), 0) for number in range(8))
            assert bits is None
            for number, values in enumerate(numbers):
                expected = tree.read_cluster_range(number, first, last)
                assert values is not None
                assert (values.dtype, values.tolist()) == (expected.dtype, expected.tolist())


def test_zeros_stand_for_events_before_a_column() -> None:
    with uproot.open(FILE) as file, FILE.open("rb") as raw:
        reader = PageReader(file["events"], lambda start, size: os.pread(raw.fileno(), size, start))
        values = reader.read(2, range(1, 2), 3)
    assert values is not None
    assert values[:5].tolist() == [0, 0, 0, 36_000, 36_300]


@pytest.mark.parametrize("n_page", range(16))
def test_a_page_with_one_wrong_bit_is_a_bad_file(n_page: int, tmp_path: Path) -> None:
    page = pages_of()[n_page]
    content = bytearray(FILE.read_bytes())
    content[page.locator.offset + page.locator.num_bytes // 2] ^= 4
    (tmp_path / "run.root").write_bytes(content)
    with (
        tree_of(tmp_path / "run.root") as tree,
        pytest.raises(BadFileError, match=r'branch "\w+".* checksum'),
    ):
        tree.read(["run", "number", "mask", "time", "cells", "hits", "good"], 0, 200)


def test_a_page_that_is_cut_short_or_of_another_size_is_refused() -> None:
    page = SimpleNamespace(
        locator=SimpleNamespace(offset=0, num_bytes=16), num_elements=2, has_checksum=False
    )
    double: dict[str, Any] = {"dtype": np.dtype("float64"), "dtype_result": np.dtype("float64")}
    plain = {"split": False, "delta": False, "zigzag": False}
    kind = SimpleNamespace(dtype_byte=13, dtype_str="float64", **double, **plain)
    column = SimpleNamespace(suppressed=False, pages=[page])
    tree = SimpleNamespace(get_field_metadata=lambda _: kind, page_link_list=[[column]])
    whole = np.array([1.5, 2.5]).tobytes()
    assert PageReader(tree, lambda *_: whole).read(0, range(1), 0).tolist() == [1.5, 2.5]  # type: ignore[union-attr]
    for stored, size, what in (
        (whole[:9], 16, "cut short"),
        (whole + whole, 32, "has 32 bytes, expected 16"),
    ):
        page.locator.num_bytes = size
        with pytest.raises(ValueError, match=what):
            PageReader(tree, lambda *_, stored=stored: stored).read(0, range(1), 0)
