"""Baskets of a TTree: where those of a branch begin, and the bytes of their events.

uproot knows all of a basket's key and makes objects of it, which takes longer than decompressing a basket of
usual size; what reading needs of it are five numbers.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from struct import Struct
from typing import Any, NamedTuple

import numpy as np

from na64.datasets.instrument.columns import Array
from na64.datasets.reading.decompression import decompress
from na64.datasets.reading.stored import StructureError, readable

Fetch = Callable[[int, int], bytes]
"""What reads so many bytes of a file (second) from a place on (first); fewer only at its end."""

Fill = Callable[[int, Sequence[Any]], int]
"""What reads a file from a place on into buffers, one after the other; gives how many bytes were there."""

_KEY = Struct(">ihiIh")
"""Begin of a TKey: bytes of key and stored values, version, bytes of expanded values, date, bytes of key."""

_LAST = Struct(">iB")
"""End of the key of a TBasket: where the values of the last event end, from the begin of the key; a flag."""

_SHORTEST_KEY, _LONGEST_KEY = _KEY.size + _LAST.size, 1_000
"""Bytes of a key: names and titles of branch and tree are in it; longer ones are read another way."""

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
    name : str
        Of the branch; to ask uproot for it takes as long as a small basket.
    starts : list of int
        The first event of each, and the number of events.
    n_apart : int
        How many of them, the first ones, are in the file by themselves, not in the tree.
    seeks, sizes : list of int
        Of these, in the file, in bytes.
    """

    name: str
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
    fill : callable, optional
        Of the file, if it can be read into memory that is there.
    """

    def __init__(self, fetch: Fetch, fill: Fill | None = None) -> None:
        self.fetch = fetch
        self._fill = fill
        self._places: dict[int, _Places] = {}

    def between(self, branch: Any, start: int, stop: int) -> Iterator[tuple[Basket, int, int, int]]:
        """Yield the baskets of a range of events: basket, its events ``first`` to ``last``, events before.

        Raises
        ------
        BadFileError
            One is damaged; names branch and basket.
        """
        places = self._places_of(branch)
        for number, first, last, done in _overlapping(places.starts, start, stop):
            with readable(f'branch "{places.name}", basket {number}'):
                basket = self._read(branch, places, number)
            yield basket, first, last, done

    def fill(self, branch: Any, start: int, values: Array) -> None:
        """Write what a branch has of the events from ``start`` on, all of one size, where it is wanted.

        Parameters
        ----------
        branch : uproot.TBranch
        start : int
        values : (n_events, ...), output
            In the type and byte order of the file.

        Raises
        ------
        BadFileError
            As `between`; or a basket has fewer events than it says, or the branch than the tree.
        """
        places, number, n_read = self._places_of(branch), 0, 0
        rows = values.reshape(-1).view(np.uint8).reshape(len(values), values.nbytes // max(len(values), 1))
        with readable(lambda: f'branch "{places.name}", basket {number}'):
            for number, first, last, done in _overlapping(places.starts, start, start + len(values)):
                target = rows[done : done + last - first]
                if last - first < places.starts[number + 1] - places.starts[number]:
                    _copy(places.name, self._read(branch, places, number), first, target)
                else:
                    self._read_whole(branch, places, number, target)
                n_read += last - first
        if n_read != len(values):
            what = f'branch "{places.name}" has {n_read}'
            raise StructureError(f"{what} of events {start} to {start + len(values)}")

    def _read_whole(self, branch: Any, places: _Places, number: int, target: Array) -> None:
        """Read all events of a basket, into their place at once if it is as usual."""
        n_key = places.sizes[number] - target.size if number < places.n_apart else 0
        if self._fill is not None and _SHORTEST_KEY <= n_key <= _LONGEST_KEY and places.seeks[number] >= 0:
            key = bytearray(n_key)  # of values that are not compressed, or it would say so
            n_read = self._fill(places.seeks[number], (key, target))
            if n_read == places.sizes[number] and _is_of_plain(key, target.size):
                return
        _copy(places.name, self._read(branch, places, number, target), 0, target)

    def _places_of(self, branch: Any) -> _Places:
        if id(branch) not in self._places:  # uproot holds its branches as long as the tree
            n_apart = branch.num_baskets - len(branch.embedded_baskets)
            seeks, sizes = (branch.member(name).tolist() for name in ("fBasketSeek", "fBasketBytes"))
            self._places[id(branch)] = _Places(branch.name, list(branch.entry_offsets), n_apart, seeks, sizes)
        return self._places[id(branch)]

    def _read(self, branch: Any, places: _Places, number: int, target: Array | None = None) -> Basket:
        """Read a basket; into ``target`` if that is of the size that its values have."""
        start, stop = places.starts[number : number + 2]
        if number >= places.n_apart:  # kept with the tree itself, which uproot has read
            kept = branch.basket(number)
            return Basket(kept.data, kept.byte_offsets, start, stop)
        place, size = places.seeks[number], places.sizes[number]
        if min(place, size) < 0:  # the system would call that a fault of its own
            raise ValueError(f"{size} bytes from byte {place} on")
        return Basket(*_unpack(self.fetch(place, size), target), start, stop)


def _overlapping(starts: list[int], start: int, stop: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield the baskets of a range of events: number, its events ``first`` to ``last``, events before."""
    number = max(bisect_right(starts, start) - 1, 0)
    while number < len(starts) - 1 and starts[number] < stop:
        begin, end = starts[number], starts[number + 1]
        first, last = max(start, begin), min(stop, end)
        if first < last:
            yield number, first - begin, last - begin, first - start
        number += 1


def _copy(name: str, basket: Basket, first: int, target: Array) -> None:
    """Copy events of one size out of a basket, from the first on, unless they are there already."""
    if basket.data is target:
        return
    data = np.asarray(basket.data).view(np.uint8).reshape(-1, target.shape[1])
    if len(data) < first + len(target):
        raise StructureError(
            f'branch "{name}": a basket has {len(data)} entries, expected {first + len(target)} or more'
        )
    target[:] = data[first : first + len(target)]


def _is_of_plain(key: bytearray, size: int) -> bool:
    """Whether a key is that of so many bytes of values, all of them of events, that are not compressed."""
    n_bytes, _, n_expanded, _, n_key = _KEY.unpack_from(key)
    is_whole = (n_bytes, n_expanded, n_key) == (len(key) + size, size, len(key))
    return is_whole and _LAST.unpack_from(key, n_key - _LAST.size)[0] == n_bytes


def _sizes_of(raw: Any) -> tuple[int, int, int, int]:
    """Sizes that a key states in bytes: of all, of expanded values, of the key, and where values end."""
    n_bytes, _, n_expanded, _, n_key = _KEY.unpack_from(raw)
    if not _SHORTEST_KEY <= n_key <= min(n_bytes, len(raw)):
        raise ValueError(f"a key of {n_key} bytes of {n_bytes}, {len(raw)} are there")
    return n_bytes, n_expanded, n_key, _LAST.unpack_from(raw, n_key - _LAST.size)[0] - n_key


def _unpack(raw: bytes, target: Array | None = None) -> tuple[Array, Array | None]:
    """Values of the events of a basket, in ``target`` if it has their size, and where they begin."""
    n_bytes, n_expanded, n_key, border = _sizes_of(raw)
    if n_bytes > len(raw):
        raise ValueError(f"{n_bytes} bytes, {len(raw)} are there")
    if not 0 <= border <= n_expanded:
        raise ValueError(f"values end at byte {border} of {n_expanded}")
    stored = memoryview(raw)[n_key:n_bytes]
    if len(stored) == n_expanded:
        values: Array = np.frombuffer(stored, np.uint8)
    elif target is not None and target.size == border == n_expanded:
        decompress(stored, target.reshape(-1))
        return target, None
    else:
        values = np.empty(n_expanded, np.uint8)
        decompress(stored, values)
    if border == n_expanded:
        return values, None
    offsets = values[border:].view(_OFFSETS)[1:] - n_key
    offsets[-1] = border
    return values[:border], offsets
