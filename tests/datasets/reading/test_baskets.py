"""Baskets of ROOT files: our way of reading them against uproot's."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest
import uproot

from na64.datasets.reading.baskets import Basket, BasketReader, _unpack
from na64.datasets.reading.root_files import open_root
from na64.datasets.reading.stored import BadFileError

CODECS = {"none": None, "LZ4": uproot.LZ4(4), "ZLIB": uproot.ZLIB(1), "ZSTD": uproot.ZSTD(5)}
SIZES = (400, 1, 300)
"""Events of the baskets."""

RNG = np.random.default_rng(5)
CELLS = RNG.integers(0, 9, (sum(SIZES), 6)).astype(np.float64)
COUNTS = RNG.integers(0, 4, sum(SIZES))
HITS = RNG.normal(size=COUNTS.sum()).astype(np.float32)
ENDS = np.cumsum([0, *SIZES])


@pytest.fixture(params=CODECS)
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """File of three baskets a branch: six cells an event, and hits."""
    path = tmp_path / "run.root"
    hits = ak.unflatten(HITS, COUNTS)
    with uproot.recreate(path, compression=CODECS[request.param]) as file:
        tree = file.mktree("t", {"cells": ("f8", (6,)), "hits": "var * float32"})
        for first, last in pairwise(ENDS):
            tree.extend({"cells": CELLS[first:last], "hits": hits[first:last]})
    return path


def _read(
    path: Path, name: str, start: int, stop: int
) -> Iterator[tuple[Any, int, tuple[Basket, int, int, int]]]:
    """Each basket with uproot's branch and its number there."""
    data = path.read_bytes()
    with uproot.open(path) as file:
        branch = file["t"][name]
        reader = BasketReader(lambda place, size: data[place : place + size])
        for found in reader.between(branch, start, stop):
            yield branch, int(np.searchsorted(ENDS, found[0].start)), found


@pytest.mark.parametrize("name", ["cells", "hits"])
def test_baskets_have_the_bytes_that_uproot_finds(path: Path, name: str) -> None:
    n_found = 0
    for branch, number, (basket, first, last, done) in _read(path, name, 0, ENDS[-1]):
        expected = branch.basket(number)
        np.testing.assert_array_equal(basket.data, expected.data)
        assert (basket.start, basket.stop) == expected.entry_start_stop
        assert (first, last, done) == (0, SIZES[number], ENDS[number])
        assert (basket.byte_offsets is None) == (name == "cells")
        if basket.byte_offsets is not None:
            np.testing.assert_array_equal(basket.byte_offsets, expected.byte_offsets)
        n_found += 1
    assert n_found == len(SIZES)


@pytest.mark.parametrize(
    ("start", "stop", "expected"),
    [
        (0, 400, [(0, 0, 400, 0)]),
        (399, 402, [(0, 399, 400, 0), (1, 0, 1, 1), (2, 0, 1, 2)]),
        (400, 401, [(1, 0, 1, 0)]),
        (450, 701, [(2, 49, 300, 0)]),
        (0, 0, []),
        (401, 401, []),
        (701, 701, []),
    ],
)
def test_only_baskets_with_events_of_the_range_are_read(
    path: Path, start: int, stop: int, expected: list[tuple[int, int, int, int]]
) -> None:
    found = [(number, *place) for _, number, (_, *place) in _read(path, "cells", start, stop)]
    assert found == expected


def test_a_basket_without_events_is_passed_over(tmp_path: Path) -> None:
    class Branch:
        name, num_baskets, embedded_baskets, entry_offsets = "x", 3, [0, 1, 2], [0, 2, 2, 5]

        @staticmethod
        def member(_: str) -> Any:
            return np.zeros(0, np.int64)

        @staticmethod
        def basket(number: int) -> Any:
            return Basket(np.array([number]), None, 0, 0)

    reader = BasketReader(lambda *_: b"")
    assert [found[0].data[0] for found in reader.between(Branch(), 0, 5)] == [0, 2]
    assert [found[0].data[0] for found in reader.between(Branch(), 2, 3)] == [2]


@pytest.mark.parametrize(
    ("place", "bytes_there"),
    [
        (0, b"\x7f\xff\xff\xff"),  # more bytes than there are
        (14, b"\x00\x03"),  # a key shorter than what has to be in it
        (14, b"\x7f\xff"),  # a key longer than the basket
        (6, b"\x00\x00\x00\x07"),  # another size when expanded
        (-5, b"\x7f\xff\xff\xff"),  # values that end behind the end
        (-5, b"\x00\x00\x00\x01"),  # and within the key
    ],
)
def test_a_damaged_key_is_refused_with_branch_and_basket(path: Path, place: int, bytes_there: bytes) -> None:
    with uproot.open(path) as file:
        branch = file["t"]["cells"]
        basket = branch.basket(1)
        start = int(branch.member("fBasketSeek")[1]) + place + (basket.member("fKeylen") if place < 0 else 0)
    data = bytearray(path.read_bytes())
    data[start : start + len(bytes_there)] = bytes_there
    path.write_bytes(data)
    with pytest.raises(BadFileError, match='branch "cells", basket 1: cannot be read'):
        list(_read(path, "cells", 0, ENDS[-1]))


def test_the_end_of_the_last_event_is_that_of_the_values_whatever_root_wrote_there() -> None:
    """ROOT leaves a zero behind the places of events; places count the bytes of the key."""
    values, places, n_key = b"energies", struct.pack(">5i", 4, 60, 63, 63, 0), 60
    size = len(values) + len(places)
    begin = struct.pack(">ihiIh", n_key + size, 4, size, 0, n_key)
    key = begin.ljust(n_key - 5, b"x") + struct.pack(">iB", n_key + len(values), 0)
    data, offsets = _unpack(key + values + places)
    assert data.tobytes() == values
    assert offsets is not None
    assert offsets.tolist() == [0, 3, 3, 8]


@pytest.mark.parametrize("name", ["fBasketSeek", "fBasketBytes"])
def test_negative_places_and_sizes_are_refused_as_damage(path: Path, name: str) -> None:
    """Of an error of the system the file would be tried again, and not be called bad."""
    with uproot.open(path) as file, path.open("rb") as handle:
        branch = file["t"]["cells"]
        branch.members[name] = np.where(np.arange(len(SIZES)) == 1, -7, branch.member(name)[: len(SIZES)])
        reader = BasketReader(lambda place, size: os.pread(handle.fileno(), size, place))
        with pytest.raises(BadFileError, match='branch "cells", basket 1: cannot be read'):
            list(reader.between(branch, 0, ENDS[-1]))


def test_a_file_that_ends_within_a_basket_is_refused(path: Path) -> None:
    with uproot.open(path) as file:
        branch = file["t"]["cells"]
        data = path.read_bytes()
        reader = BasketReader(lambda place, size: data[place : place + size - 1])
        with pytest.raises(BadFileError, match='branch "cells", basket 0: cannot be read'):
            list(reader.between(branch, 0, 1))


@pytest.mark.parametrize("n_equal", [4, 6, 8])
def test_a_basket_that_compression_spares_a_few_bytes_is_read_as_a_compressed_one(
    n_equal: int, tmp_path: Path
) -> None:
    """With its key it is longer than its values, as one is that is not compressed."""
    values = np.random.default_rng(7).normal(size=180)
    values[:n_equal] = 0
    path = tmp_path / "run.root"
    with uproot.recreate(path, compression=uproot.LZ4(4)) as file:
        file.mktree("t", {"x": "f8"}).extend({"x": values})
    with open_root(str(path)) as run:
        np.testing.assert_array_equal(run.tree("t").read(["x"], 0, 180)["x"], values)
    with uproot.open(path) as file:
        basket = file["t"]["x"].basket(0)
        assert values.nbytes < basket.compressed_bytes < basket.uncompressed_bytes  # both with the key
