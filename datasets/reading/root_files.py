"""Events in ROOT files: a TTree here, an RNTuple in `na64.datasets.reading.rntuple_files`; both read by uproot."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import numpy as np
import uproot

from na64.datasets.instrument.columns import Array
from na64.datasets.reading.rntuple_files import open_rntuple
from na64.datasets.reading.stored import (
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
from na64.datasets.remote import RemoteFile

_TREES = ("TTree", "TNtuple", "TNtupleD", "ROOT::RNTuple")


@contextmanager
def open_root(location: str | RemoteFile) -> Iterator[RunFile]:
    """Open a ROOT file by absolute path or handle."""
    # A dict key is taken as it is: a colon in a path does not separate the tree's name. No caches: a file
    # that was replaced must not be served from the memory of the old. Files of this machine are read
    # directly: uproot's own way, through an event loop, costs a third more.
    with readable():
        if isinstance(location, str):
            source = {"handler": uproot.source.file.MultithreadedFileSource, "use_threads": False}
            directory = uproot.open({location: None}, object_cache=None, array_cache=None, **source)
        else:
            directory = uproot.open(location, object_cache=None, array_cache=None, use_threads=False)
    with directory:
        yield _RootFile(directory, None if isinstance(location, str) else location.size)


class _RootFile:
    def __init__(self, directory: Any, size: int | None) -> None:
        self._directory = directory
        self._size = size
        self._trees: dict[str, Tree] = {}

    def trees(self) -> tuple[str, ...]:
        classes = self._directory.classnames(recursive=True, cycle=False)
        return tuple(name for name, kind in classes.items() if kind in _TREES)

    def tree(self, name: str) -> Tree:
        if name not in self._trees:
            with readable():
                stored = self._directory[name]
                is_rntuple = stored.classname == "ROOT::RNTuple"
                self._trees[name] = open_rntuple(stored) if is_rntuple else _TTree(stored)
        return self._trees[name]

    def check_size(self) -> None:
        file = self._directory.file
        end, size = file.fEND, file.source.num_bytes if self._size is None else self._size
        if size < end:
            raise StructureError(f"truncated: {size} bytes of {end}")


class _TTree:
    format = Format.TTREE

    def __init__(self, tree: Any) -> None:
        self._tree = tree
        self.entries = int(tree.num_entries)

    def stored(self, name: str) -> Stored | None:
        try:
            branch = self._tree[name]
        except KeyError:
            return None
        with readable():
            return _stored_branch(branch.interpretation, str(branch.typename))

    def check(self, names: Sequence[str]) -> None:
        for name in names:
            entries = int(self._tree[name].num_entries)
            if entries != self.entries:
                raise StructureError(f'branch "{name}" has {entries} entries, the tree {self.entries}')
            with readable():
                starts = list(self._tree[name].entry_offsets)
            if starts != sorted(starts):
                raise StructureError(f'branch "{name}" has baskets that are not in order')

    def expanded_bytes(self, names: Sequence[str]) -> int:
        return sum(int(self._tree[name].uncompressed_bytes) for name in names)

    def boundaries(self, names: Sequence[str]) -> tuple[int, ...]:
        wanted = set(names)
        with readable():
            offsets = self._tree.common_entry_offsets(filter_branch=lambda branch: branch.name in wanted)
        return sort_boundaries(offsets, self.entries)

    def read(self, names: Sequence[str], start: int, stop: int) -> dict[str, Values]:
        return {name: self._read_branch(name, start, stop) for name in names}

    def _read_branch(self, name: str, start: int, stop: int) -> Values:
        with readable(f'branch "{name}"'):
            return _read_branch(self._tree[name], start, stop)


def _read_branch(branch: Any, start: int, stop: int) -> Values:
    """Read a branch basket by basket: in a third of the time that `TBranch.array` takes for many of them."""
    interpretation = branch.interpretation
    if isinstance(interpretation, uproot.interpretation.jagged.AsJagged):
        return _join_jagged(list(_baskets(branch, start, stop)), interpretation)
    stored = interpretation.from_dtype
    values = np.empty((stop - start, *interpretation.inner_shape), stored.base.newbyteorder("="))
    for basket, first, last, done in _baskets(branch, start, stop):
        entries = np.asarray(basket.data).view(stored.base).reshape(-1, *interpretation.inner_shape)
        if len(entries) < last:
            raise StructureError(f"a basket has {len(entries)} entries, expected {last} or more")
        values[done : done + last - first] = entries[first:last]
    return values


def _baskets(branch: Any, start: int, stop: int) -> Iterator[tuple[Any, int, int, int]]:
    """Yield the baskets of a range of events: basket, its events ``first`` to ``last``, events before."""
    for number, (begin, end) in enumerate(pairwise(branch.entry_offsets)):
        first, last = max(start, begin), min(stop, end)
        if first < last:
            with readable(f'branch "{branch.name}", basket {number}'):
                basket = branch.basket(number)
            yield basket, first - begin, last - begin, first - start


def _join_jagged(baskets: list[tuple[Any, int, int, int]], interpretation: Any) -> Jagged:
    stored, header = interpretation.content.from_dtype, interpretation.header_bytes
    n_events = sum(last - first for _, first, last, _ in baskets)
    offsets = np.zeros(n_events + 1, np.int64)
    parts = []
    for basket, first, last, done in baskets:
        ends = _byte_offsets(basket, stored.itemsize)[first : last + 1]
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


def _byte_offsets(basket: Any, itemsize: int) -> Array:
    """Give where each event's bytes begin in a basket, and the end of the last."""
    if basket.byte_offsets is not None:
        return np.asarray(basket.byte_offsets)
    return np.concatenate([[0], np.cumsum(basket.counts, dtype=np.int64) * itemsize])


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


def _stored_branch(interpretation: Any, text: str) -> Stored:
    jagged = isinstance(interpretation, uproot.interpretation.jagged.AsJagged)
    content = interpretation.content if jagged else interpretation
    if not isinstance(content, uproot.interpretation.numerical.AsDtype):
        return Stored("", (), jagged, text)
    shape = tuple(int(n) for n in content.inner_shape)
    dtype = np.dtype(content.to_dtype.base)
    if dtype.fields is not None or (jagged and shape):
        return Stored("", shape, jagged, text)
    return Stored(dtype.name, shape, jagged, text)
