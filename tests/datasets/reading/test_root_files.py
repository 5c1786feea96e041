"""Baskets of ROOT files as ROOT itself and others write them."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import uproot

from na64.datasets.instrument.columns import Array
from na64.datasets.reading.root_files import _join_jagged
from na64.datasets.reading.stored import Jagged

FLOAT = np.dtype(">f4")


def basket(events: list[list[float]], header: int, *, counted: bool = False) -> SimpleNamespace:
    """What uproot gives: bytes of all events, each after its header, and where they begin."""
    parts = [b"\xff" * header + np.array(event, FLOAT).tobytes() for event in events]
    ends = np.cumsum([0, *map(len, parts)]).astype(np.int32)
    counts = np.array([len(event) for event in events])
    data = np.frombuffer(b"".join(parts), np.uint8)
    return SimpleNamespace(data=data, byte_offsets=None if counted else ends, counts=counts)


def join(*pieces: tuple[SimpleNamespace, int, int, int], header: int) -> Jagged:
    interpretation = uproot.interpretation.jagged.AsJagged(
        uproot.interpretation.numerical.AsDtype(FLOAT), header_bytes=header
    )
    return _join_jagged(list(pieces), interpretation)


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


def test_no_basket_is_no_event() -> None:
    empty = join(header=0)
    assert empty.values.size == 0
    assert empty.offsets.tolist() == [0]
