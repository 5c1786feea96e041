"""Baskets of a TTree: where those of a branch begin, and the bytes of their events.

uproot knows all of a basket's key and makes objects of it, which takes longer than decompressing a basket of
usual size; what reading needs of it are five numbers.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from struct import Struct
from typing import Any, NamedTuple

import numpy as np

from na64.datasets.instrument.columns import Array
from na64.datasets.reading.decompression import decompress
from na64.datasets.reading.stored import readable

Fetch = Callable[[int, int], bytes]
"""What reads so many bytes of a file (second) from a place on (first); fewer only at its end."""

_KEY = Struct(">ihiIh")
"""Begin of a TKey: bytes of key and stored values, version, bytes of expanded values, date, bytes of key."""

_LAST = Struct(">iB")
"""End of the key of a TBasket: where the values of the last event end, from the begin of the key; a flag."""

_OFFSETS = np.dtype(">i4")


class Basket(NamedTuple):
    """Some events in a row of a branch.

    Attributes
    ----------
    data : (n_bytes,) uint8
        Their values, as the file has them.
    byte_offsets : (n_events + 1,) int32 or None
        Where each event's begin, and the end of the last; None if all are of one size or of counted ones.
    start, stop : int
        Events of the tree.
    """

    data: Array
    byte_offsets: Array | None
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class _Places:
    """Where the baskets of a branch begin.

    Attributes
    ----------
    starts : list of int
        The first event of each, and the number of events.
    n_apart : int
        How many of them, the first ones, are in the file by themselves, not in the tree.
    seeks, sizes : list of int
        Of these, in the file, in bytes.
    """

    starts: list[int]
    n_apart: int
    seeks: list[int]
    sizes: list[int]


class BasketReader:
    """Reader of the baskets of all branches of a tree.

    Parameters
    ----------
    fetch : callable
        Of the file.
    """

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._places: dict[int, _Places] = {}

    def between(self, branch: Any, start: int, stop: int) -> Iterator[tuple[Basket, int, int, int]]:
        """Yield the baskets of a range of events: basket, its events ``first`` to ``last``, events before.

        Raises
        ------
        BadFileError
            One is damaged; names branch and basket.
        """
        places = self._places_of(branch)
        starts = places.starts
        number = max(bisect_right(starts, start) - 1, 0)
        while number < len(starts) - 1 and starts[number] < stop:
            begin, end = starts[number], starts[number + 1]
            first, last = max(start, begin), min(stop, end)
            if first < last:
                with readable(f'branch "{branch.name}", basket {number}'):
                    basket = self._read(branch, places, number)
                yield basket, first - begin, last - begin, first - start
            number += 1

    def _places_of(self, branch: Any) -> _Places:
        if id(branch) not in self._places:  # uproot holds its branches as long as the tree
            n_apart = branch.num_baskets - len(branch.embedded_baskets)
            seeks, sizes = (branch.member(name).tolist() for name in ("fBasketSeek", "fBasketBytes"))
            self._places[id(branch)] = _Places(list(branch.entry_offsets), n_apart, seeks, sizes)
        return self._places[id(branch)]

    def _read(self, branch: Any, places: _Places, number: int) -> Basket:
        start, stop = places.starts[number : number + 2]
        if number >= places.n_apart:  # kept with the tree itself, which uproot has read
            kept = branch.basket(number)
            return Basket(kept.data, kept.byte_offsets, start, stop)
        place, size = places.seeks[number], places.sizes[number]
        if min(place, size) < 0:  # the system would call that a fault of its own
            raise ValueError(f"{size} bytes from byte {place} on")
        return Basket(*_unpack(self._fetch(place, size)), start, stop)


def _unpack(raw: bytes) -> tuple[Array, Array | None]:
    """Values of the events of a basket, and where they begin."""
    n_bytes, _, n_expanded, _, n_key = _KEY.unpack_from(raw)
    if not _KEY.size + _LAST.size <= n_key <= n_bytes <= len(raw):
        raise ValueError(f"a key of {n_key} bytes of {n_bytes}, {len(raw)} are there")
    border = _LAST.unpack_from(raw, n_key - _LAST.size)[0] - n_key
    stored = memoryview(raw)[n_key:n_bytes]
    values = np.frombuffer(stored if len(stored) == n_expanded else decompress(stored, n_expanded), np.uint8)
    if not 0 <= border <= n_expanded:
        raise ValueError(f"values end at byte {border} of {n_expanded}")
    if border == n_expanded:
        return values, None
    offsets = values[border:].view(_OFFSETS)[1:] - n_key
    offsets[-1] = border
    return values[:border], offsets
