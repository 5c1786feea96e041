"""Events in ROOT files, read by uproot: a TTree here, an RNTuple in `na64.datasets.reading.rntuple_files`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from copy import copy
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import uproot

from na64.datasets.instrument.columns import Array
from na64.datasets.reading.baskets import Basket, BasketReader
from na64.datasets.reading.branch_names import BranchNames, Place
from na64.datasets.reading.branch_types import stored_type
from na64.datasets.reading.decompression import prefer_fast_libraries
from na64.datasets.reading.rntuple_files import open_rntuple
from na64.datasets.reading.stored import (
    BadFileError,
    Format,
    Jagged,
    RunFile,
    Stored,
    StructureError,
    Tree,
    Values,
    readable,
    sort_boundaries,
)
from na64.datasets.servers.remote import RemoteFile

prefer_fast_libraries()

_TREES = ("TTree", "TNtuple", "TNtupleD", "ROOT::RNTuple")


@contextmanager
def open_root(location: str | RemoteFile) -> Iterator[RunFile]:
    """Open a ROOT file by absolute path or handle."""
    # A dict key is taken as it is: a colon in a path does not separate the tree's name. No caches of uproot:
    # a file that was replaced must not be served from the memory of the old. Files of this machine are read
    # directly: uproot's own way, through an event loop, costs a third more.
    with readable():
        if isinstance(location, str):
            source = {"handler": uproot.source.file.MultithreadedFileSource, "use_threads": False}
            directory = uproot.open({location: None}, object_cache=None, array_cache=None, **source)
        else:
            directory = uproot.open(location, object_cache=None, array_cache=None, use_threads=False)
    with directory, _opened(location) as (baskets, known):
        file = _RootFile(directory, baskets, known, None if isinstance(location, str) else location.size)
        yield file
        known.update(file.complete())


def codec_of(path: str) -> str:
    """Codec that a ROOT file on this machine states for what is written to it, as ``LZ4``; empty for none.

    Raises
    ------
    BadFileError
        It cannot be read.
    """
    with readable(), uproot.open({path: None}, object_cache=None, array_cache=None) as directory:
        return getattr(directory.file.compression, "name", "")


@contextmanager
def _opened(location: str | RemoteFile) -> Iterator[tuple[BasketReader, dict[str, _TTree]]]:
    """Open a file for its baskets, which uproot copies once more, with the trees of it that are known."""
    if isinstance(location, str):
        with Path(location).open("rb", buffering=0) as file:
            number, now = file.fileno(), os.fstat(file.fileno())
            reader = BasketReader(
                lambda start, size: os.pread(number, size, start),
                lambda start, buffers: os.preadv(number, buffers, start),
            )
            seen = now.st_dev, now.st_ino, now.st_size, now.st_mtime_ns, now.st_ctime_ns
            yield reader, _known_trees(location, *seen)
    else:
        yield BasketReader(partial(_fetch, location)), {}


@lru_cache(maxsize=1)
def _known_trees(_path: str, *_seen: int) -> dict[str, _TTree]:
    """TTrees of the file that was opened last, by key, while its size, inode and time of change are the same.

    A large file is opened for each of its segments, and its headers take as long as some 5,000 events.
    """
    return {}


def _fetch(file: RemoteFile, start: int, size: int) -> bytes:
    file.seek(start)
    return file.read(size)


class _RootFile:
    def __init__(
        self, directory: Any, baskets: BasketReader, known: Mapping[str, _TTree], size: int | None
    ) -> None:
        self._directory = directory
        self._baskets = baskets
        self._known = known
        self._size = size
        self._cycles: dict[str, list[str]] = _cycles(directory)
        self._trees: dict[str, Tree] = {}

    def trees(self) -> tuple[str, ...]:
        return tuple(self._cycles)

    def tree(self, name: str) -> Tree:
        return self._open(self.cycles(name)[0])

    def cycles(self, name: str) -> tuple[str, ...]:
        if name not in self._cycles:
            raise StructureError(f'has no tree "{name}"')
        return tuple(self._cycles[name])

    def older(self, name: str) -> Mapping[str, Tree]:
        return {cycle: self._open(cycle) for cycle in self.cycles(name)[1:]}

    def _open(self, key: str) -> Tree:
        if key not in self._trees:
            known = self._known.get(key)
            with readable():
                self._trees[key] = self._read(key) if known is None else known.of(self._baskets)
        return self._trees[key]

    def _read(self, key: str) -> Tree:
        stored = self._directory[key]
        is_rntuple = stored.classname == "ROOT::RNTuple"
        return open_rntuple(stored, self._baskets.fetch) if is_rntuple else _TTree(stored, self._baskets)

    def complete(self) -> dict[str, _TTree]:
        """TTrees that were opened and need uproot's file no more."""
        complete = {}
        for key, tree in self._trees.items():
            with suppress(BadFileError, OSError), readable():
                if isinstance(tree, _TTree):
                    tree.look_up_all()
                    complete[key] = tree
        return complete

    def check_size(self) -> None:
        file = self._directory.file
        end, size = file.fEND, file.source.num_bytes if self._size is None else self._size
        if size < end:
            raise StructureError(f"truncated: {size} bytes of {end}")


def _cycles(directory: Any) -> dict[str, list[str]]:
    """Keys of every tree, newest first: writing a tree again leaves the old one in the file."""
    with readable():
        classes = directory.classnames(recursive=True, cycle=True)
    found: dict[str, list[str]] = {}
    for key, kind in classes.items():
        if kind in _TREES:
            found.setdefault(key.rpartition(";")[0], []).append(key)
    return {name: sorted(keys, key=_cycle, reverse=True) for name, keys in found.items()}


def _cycle(key: str) -> int:
    return int(key.rpartition(";")[2])


class _TTree:
    format = Format.TTREE

    def __init__(self, tree: Any, baskets: BasketReader) -> None:
        self._baskets = baskets
        self._names = BranchNames(tree)
        self._places: dict[str, Place] = {}
        self._stored: dict[str, Stored | None] = {}
        self.entries = int(tree.num_entries)

    def of(self, baskets: BasketReader) -> _TTree:
        """The same tree in the same file, which was opened again."""
        tree = copy(self)
        tree._baskets = baskets
        return tree

    def look_up_all(self) -> None:
        """Ask uproot for what it looks up in the file when it is needed: types, and baskets in the tree."""
        for name in self.names():
            self.stored(name)
            len(self._branch(name).embedded_baskets)

    def stored(self, name: str) -> Stored | None:
        if name not in self._stored:
            places = self._names.find(name)
            several = Stored("", (), False, f"there {len(places)} times")
            self._stored[name] = stored_type(places[0]) if len(places) == 1 else several if places else None
        return self._stored[name]

    def names(self) -> tuple[str, ...]:
        return self._names.all()

    def check(self, names: Sequence[str]) -> None:
        for name in names:
            branch = self._branch(name)
            if branch.num_entries != self.entries:
                raise StructureError(
                    f'branch "{name}" has {branch.num_entries} entries, the tree {self.entries}'
                )
            with readable():
                starts = list(branch.entry_offsets)
            if starts != sorted(starts):
                raise StructureError(f'branch "{name}" has baskets that are not in order')

    def expanded_bytes(self, names: Sequence[str]) -> int:
        return sum(int(self._branch(name).uncompressed_bytes) for name in names)

    def boundaries(self, names: Sequence[str]) -> tuple[int, ...]:
        with readable():
            branches = [branch for name in names if (branch := self._branch(name)).num_baskets]
            cuts = [{int(start) for start in branch.entry_offsets} for branch in branches]
        return sort_boundaries(set[int].intersection(*cuts) if cuts else (), self.entries)

    def shared(self, other: Tree, names: Sequence[str]) -> int:
        if not isinstance(other, _TTree):
            return 0
        return min((_shared(self._branch(name), other._branch(name)) for name in names), default=0)

    def read(self, names: Sequence[str], start: int, stop: int) -> dict[str, Values]:
        return {name: self._read_branch(name, start, stop) for name in names}

    def _read_branch(self, name: str, start: int, stop: int) -> Values:
        with readable(f'branch "{name}"'):
            return _read_branch(self._baskets, self._place(name), start, stop)

    def _branch(self, name: str) -> Any:
        return self._place(name).branch

    def _place(self, name: str) -> Place:
        if name not in self._places:
            places = self._names.find(name)
            if len(places) != 1:
                raise StructureError(f'branch "{name}" is there {len(places)} times')
            self._places[name] = places[0]
        return self._places[name]


def _shared(branch: Any, other: Any) -> int:
    """Number of first events that two branches have in the same baskets."""
    seeks, others = (part.member("fBasketSeek")[: part.member("fWriteBasket")] for part in (branch, other))
    n_same = next((n for n, pair in enumerate(zip(seeks, others, strict=False)) if pair[0] != pair[1]), None)
    ends = [*branch.member("fBasketEntry")[: len(seeks)], int(branch.num_entries)]
    return int(ends[min(len(seeks), len(others)) if n_same is None else n_same])


def _read_branch(reader: BasketReader, place: Place, start: int, stop: int) -> Values:
    """Read a branch basket by basket: in a third of the time that `TBranch.array` takes for many of them."""
    interpretation = place.branch.interpretation
    if isinstance(interpretation, uproot.interpretation.jagged.AsJagged):
        baskets = list(reader.between(place.branch, start, stop))
        return _join_jagged(baskets, interpretation, partial(_counts, reader, place.branch))
    of_entry = np.dtype(interpretation.from_dtype)
    values = np.empty((stop - start, *of_entry.shape), of_entry.base)
    reader.fill(place.branch, start, values)
    if place.leaf and of_entry.fields:
        values = values[place.leaf]
    # Cells stay in the byte order of the file: kernels turn them round while they have them, and a pass over
    # all of them takes as long as the kernels. Single numbers are turned here.
    return values if values.ndim > 1 else values.astype(values.dtype.newbyteorder("="), copy=False)


def _counts(reader: BasketReader, branch: Any, basket: Basket) -> Array:
    """Numbers of values of the events of a basket; the branch that counts is cut into other baskets."""
    counting = branch.count_branch
    if counting is None:
        raise StructureError(f'branch "{branch.name}" has events of unknown sizes')
    leaf = str(branch.count_leaf.member("fName"))
    counts = _read_branch(reader, Place(counting, leaf), basket.start, basket.stop)
    return counts.values if isinstance(counts, Jagged) else counts


def _join_jagged(
    baskets: list[tuple[Basket, int, int, int]], interpretation: Any, counts_of: Callable[[Basket], Array]
) -> Jagged:
    stored, header = interpretation.content.from_dtype, interpretation.header_bytes
    n_events = sum(last - first for _, first, last, _ in baskets)
    offsets = np.zeros(n_events + 1, np.int64)
    parts = []
    for basket, first, last, done in baskets:
        ends = _byte_offsets(basket, stored.itemsize, counts_of)[first : last + 1]
        if len(ends) != last + 1 - first:
            raise StructureError(f"a basket has {len(ends) - 1} entries, expected {last - first}")
        data = np.asarray(basket.data)[ends[0] : ends[-1]]
        if header:
            data, ends = _without_headers(data, ends - ends[0], header)
        parts.append(data.view(stored))
        numbers = (ends[1:] - ends[0]) >> (stored.itemsize.bit_length() - 1)  # dividing costs ten times that
        np.add(numbers, offsets[done], out=offsets[done + 1 : done + 1 + last - first])
    values = np.empty(offsets[-1], stored.newbyteorder("="))
    np.concatenate(parts or [values], out=values)
    return Jagged(values, offsets)


def _byte_offsets(basket: Basket, itemsize: int, counts_of: Callable[[Basket], Array]) -> Array:
    """Where each event's bytes begin in a basket, and the end of the last."""
    if basket.byte_offsets is not None:
        return np.asarray(basket.byte_offsets)
    return np.concatenate([[0], np.cumsum(counts_of(basket), dtype=np.int64) * itemsize])


def _without_headers(data: Array, ends: Array, header: int) -> tuple[Array, Array]:
    """Cut off what ROOT writes before the values of every vector."""
    sizes = np.diff(ends)
    if len(sizes) and (sizes == sizes[0]).all():
        kept = np.ascontiguousarray(data.reshape(-1, sizes[0])[:, header:]).reshape(-1)
    else:
        is_value = np.ones(len(data), np.bool_)
        is_value[(ends[:-1, np.newaxis] + np.arange(header)).reshape(-1)] = False
        kept = data[is_value]
    return kept, ends - header * np.arange(len(ends))
