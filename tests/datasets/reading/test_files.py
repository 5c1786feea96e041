from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import uproot

from na64.datasets.reading.files import file_name, is_url, open_file
from na64.datasets.reading.stored import BadFileError, Format, Jagged, Stored

VALUES: dict[str, Any] = {
    "x": np.arange(6.0),
    "n": np.arange(6, dtype=np.uint16),
    "cells": np.arange(36, dtype=np.float32).reshape(6, 3, 2),
    "hits": ak.Array([[], [1.0, 2.0], [3.0], [], [4.0, 5.0, 6.0], []]),
}


@pytest.mark.parametrize("container", Format)
def test_types_clusters_and_values_are_found(container: Format, write_file: Callable[..., Path]) -> None:
    clusters = [{name: values[cut] for name, values in VALUES.items()} for cut in (slice(4), slice(4, 6))]
    path = write_file("t", *clusters, container=container.value, name="whatever")
    with open_file(path) as file:
        (name,) = file.trees()
        tree = file.tree(name)
        assert tree.format is container
        assert tree.entries == 6
        assert tree.boundaries(["x", "hits"]) == (0, 4, 6)
        assert tree.stored("x") == Stored("float64", (), False, getattr(tree.stored("x"), "text", ""))
        assert getattr(tree.stored("n"), "dtype", None) == "uint16"
        assert tree.stored("cells") is not None
        assert getattr(tree.stored("cells"), "shape", None) == (3, 2)
        assert getattr(tree.stored("hits"), "jagged", None) is True
        assert tree.stored("missing") is None
        file.check_size()
        tree.check(list(VALUES))
        read = tree.read(["hits", "cells"], 1, 5)
    hits = read["hits"]
    assert isinstance(hits, Jagged)
    np.testing.assert_array_equal(hits.offsets, [0, 2, 3, 3, 6])
    np.testing.assert_array_equal(hits.values, [1, 2, 3, 4, 5, 6])
    np.testing.assert_array_equal(read["cells"], VALUES["cells"][1:5])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "neither ROOT nor Parquet: no content"),
        (b"run,spill\n", "neither ROOT nor Parquet: begins with b'run,'"),
        (b"root", "cannot be read"),
        (b"PAR1", "cannot be read"),
        (b"PAR1" + bytes(100), "cannot be read"),
    ],
)
def test_other_files_are_refused(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "run.root"
    path.write_bytes(content)
    with pytest.raises((BadFileError, OSError)) as caught, open_file(path):
        pass
    if isinstance(caught.value, BadFileError):
        assert message in str(caught.value)
        assert "\n" not in str(caught.value)


def test_types_that_are_not_numbers_have_no_dtype(tmp_path: Path) -> None:
    table = pa.table(
        {"s": ["a"], "t": [[[1.0]]], "b": [True], "l": [[1]], "d": pa.array(["x"]).dictionary_encode()}
    )
    pq.write_table(table, tmp_path / "a.parquet")
    with open_file(tmp_path / "a.parquet") as file:
        dtypes = {name: getattr(file.tree("").stored(name), "dtype", None) for name in "stbld"}
    assert dtypes == {"s": "", "t": "", "b": "", "l": "int64", "d": ""}


@pytest.mark.parametrize("container", ["ttree", "rntuple"])
def test_numbers_that_are_not_plain_have_their_own_type(
    container: str, write_file: Callable[..., Path]
) -> None:
    path = write_file("t", {"b": np.ones(2, np.bool_)}, container=container)
    with open_file(path) as file:
        assert getattr(file.tree("t").stored("b"), "dtype", "") == "bool"


def test_records_and_lists_of_lists_have_no_dtype(write_file: Callable[..., Path]) -> None:
    nested = ak.Array([[[1.0], []], []])
    records = ak.Array([{"x": 1.0}, {"x": 2.0}])
    path = write_file("t", {"l": nested, "r": records}, container="rntuple")
    with open_file(path) as file:
        tree = file.tree("t")
        assert [getattr(tree.stored(name), "dtype", None) for name in "lr"] == ["", ""]


def test_an_error_of_the_caller_stays_what_it_is(write_file: Callable[..., Path]) -> None:
    for container in Format:
        path = write_file("t", VALUES, container=container.value)
        with pytest.raises(TypeError, match="mine"), open_file(path):
            raise TypeError("mine")


@pytest.mark.parametrize("values", [[1, None], [[1.0], None], [[1], [None]]])
def test_nulls_are_refused(values: list[Any], tmp_path: Path) -> None:
    pq.write_table(pa.table({"x": values}), tmp_path / "a.parquet")
    with (
        open_file(tmp_path / "a.parquet") as file,
        pytest.raises(BadFileError, match='branch "x": 1 values are null'),
    ):
        file.tree("").read(["x"], 0, 2)


def test_a_flipped_bit_in_a_parquet_page_is_found(write_file: Callable[..., Path]) -> None:
    path = write_file("", {"x": np.random.default_rng(1).random(1000)}, container="parquet")
    content = bytearray(path.read_bytes())
    content[4000] ^= 1
    path.write_bytes(content)
    with open_file(path) as file, pytest.raises((BadFileError, OSError), match=r"CRC|checksum"):
        file.tree("").read(["x"], 0, 1000)


def test_a_file_shorter_than_its_header_says_is_truncated(write_file: Callable[..., Path]) -> None:
    path = write_file("t", VALUES)
    content = bytearray(path.read_bytes())
    content[12:16] = struct.pack(">i", len(content) + 10)
    path.write_bytes(content)
    with open_file(path) as file, pytest.raises(BadFileError, match=rf"truncated: {len(content)} bytes of"):
        file.check_size()


def test_a_branch_shorter_than_its_tree_is_found(tmp_path: Path) -> None:
    path = tmp_path / "run.root"
    with uproot.recreate(path, compression=None) as file:
        tree = file.mktree("t", {"x": "float64", "y": "float64"})
        tree.extend({"x": np.zeros(77777), "y": np.zeros(77777)})
    content = path.read_bytes()
    number = struct.pack(">q", 77777)
    places = [n for n in range(len(content)) if content.startswith(number, n)]
    found = []
    for place in places:
        changed = bytearray(content)
        changed[place : place + 8] = struct.pack(">q", 77776)
        path.write_bytes(changed)
        with open_file(path) as opened:
            try:
                opened.tree("t").check(["x", "y"])
            except BadFileError as error:
                found.append(str(error))
    assert 'branch "y" has 77776 entries, the tree 77777' in found
    assert 'branch "x" has 77777 entries, the tree 77776' in found


def test_the_newest_cycle_of_a_tree_is_read(tmp_path: Path) -> None:
    with uproot.recreate(tmp_path / "a.root") as file:
        file.mktree("t", {"x": "float64"}).extend({"x": np.zeros(1)})
        file.mktree("t", {"x": "float64"}).extend({"x": np.zeros(2)})
    with open_file(tmp_path / "a.root") as opened:
        assert opened.trees() == ("t",)
        assert opened.tree("t").entries == 2


@pytest.mark.parametrize("name", ["a:b.root", "größe %41#x.root", "a b;1.root", "[x]*?.root"])
def test_odd_names_are_opened_as_they_are(name: str, write_file: Callable[..., Path]) -> None:
    plain = write_file("t", VALUES, name="plain.root")
    with open_file(plain.rename(plain.parent / name)) as file:
        assert file.tree("t").entries == 6


def test_a_replaced_file_is_not_served_from_memory(write_file: Callable[..., Path]) -> None:
    for n_events in (3, 5):
        path = write_file("t", {"x": np.full(n_events, float(n_events))})
        with open_file(path) as file:
            tree = file.tree("t")
            np.testing.assert_array_equal(tree.read(["x"], 0, tree.entries)["x"], [n_events] * n_events)


def test_urls_are_told_from_paths() -> None:
    assert is_url("root://eos.cern.ch//a/b.root")
    assert is_url("https://a/b.root")
    assert not is_url("/a/b.root")
    assert not is_url("b:c.root")
    assert not is_url(Path("https://a"))
    assert file_name("https://a/b.root") == "b.root"
    assert file_name(Path("/a/b.root")) == "b.root"


def test_urls_are_read_through_fsspec(write_file: Callable[..., Path]) -> None:
    for container in ("ttree", "parquet"):
        path = write_file("t", VALUES, container=container)
        with open_file(f"file://{path}") as file:
            assert file.tree(file.trees()[0]).entries == 6
