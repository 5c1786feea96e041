"""Events in ROOT files: TTree and RNTuple, read by uproot."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import awkward as ak
import numpy as np
import uproot

from na64.datasets.columns import Array
from na64.datasets.stored import (
    BadFileError,
    Format,
    Jagged,
    RunFile,
    Stored,
    Tree,
    Values,
    readable,
    sort_boundaries,
)

_TREES = ("TTree", "TNtuple", "TNtupleD", "ROOT::RNTuple")


@contextmanager
def open_root(location: str) -> Iterator[RunFile]:
    """Open a ROOT file by absolute path or URL."""
    # A dict key is taken as it is: a colon in a path does not separate the tree's name. No caches: a file
    # that was replaced must not be served from the memory of the old.
    with readable():
        directory = uproot.open({location: None}, object_cache=None, array_cache=None)
    with directory:
        yield _RootFile(directory)


class _RootFile:
    def __init__(self, directory: Any) -> None:
        self._directory = directory
        self._trees: dict[str, Tree] = {}

    def trees(self) -> tuple[str, ...]:
        classes = self._directory.classnames(recursive=True, cycle=False)
        return tuple(name for name, kind in classes.items() if kind in _TREES)

    def tree(self, name: str) -> Tree:
        if name not in self._trees:
            with readable():
                stored = self._directory[name]
                is_rntuple = stored.classname == "ROOT::RNTuple"
                self._trees[name] = _RNTuple(stored) if is_rntuple else _TTree(stored)
        return self._trees[name]

    def check_size(self) -> None:
        end, size = self._directory.file.fEND, self._directory.file.source.num_bytes
        if size < end:
            raise BadFileError(f"truncated: {size} bytes of {end}")


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
                raise BadFileError(f'branch "{name}" has {entries} entries, the tree {self.entries}')

    def boundaries(self, names: Sequence[str]) -> tuple[int, ...]:
        wanted = set(names)
        with readable():
            offsets = self._tree.common_entry_offsets(filter_branch=lambda branch: branch.name in wanted)
        return sort_boundaries(offsets, self.entries)

    def read(self, names: Sequence[str], start: int, stop: int) -> dict[str, Values]:
        with readable():
            return {name: self._read_branch(self._tree[name], start, stop) for name in names}

    @staticmethod
    def _read_branch(branch: Any, start: int, stop: int) -> Values:
        if isinstance(branch.interpretation, uproot.interpretation.jagged.AsJagged):
            return _flatten_jagged(branch.array(entry_start=start, entry_stop=stop, array_cache=None).layout)
        values: Array = branch.array(library="np", entry_start=start, entry_stop=stop, array_cache=None)
        return values


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


class _RNTuple:
    format = Format.RNTUPLE

    def __init__(self, tree: Any) -> None:
        self._tree = tree
        self.entries = int(tree.num_entries)

    def stored(self, name: str) -> Stored | None:
        try:
            field = self._tree[name]
        except KeyError:
            return None
        with readable():
            form = json.loads(field.to_akform()[0].contents[0].to_json())
            return stored_form(form, str(field.typename))

    def check(self, names: Sequence[str]) -> None:
        """Nothing to do: the fields of an RNTuple share their entries."""

    def boundaries(self, names: Sequence[str]) -> tuple[int, ...]:  # noqa: ARG002  (clusters are of all fields)
        with readable():
            starts = [int(cluster.num_first_entry) for cluster in self._tree.cluster_summaries]
        return sort_boundaries(starts, self.entries)

    def read(self, names: Sequence[str], start: int, stop: int) -> dict[str, Values]:
        if not names:
            return {}
        with readable():
            events = self._tree.arrays(
                filter_name=list(names), entry_start=start, entry_stop=stop, array_cache=None
            )
            return {name: flatten(_field(events, name).layout) for name in names}


def _field(events: Any, name: str) -> Any:
    return events[tuple(name.split("."))] if name not in events.fields else events[name]


def stored_form(form: Any, text: str) -> Stored:
    """Give the type of a branch from its awkward form (as JSON) and its type in words."""
    if isinstance(form, str):
        return Stored(form, (), False, text)
    kind = form["class"]
    if kind == "NumpyArray":
        return Stored(form["primitive"], tuple(form.get("inner_shape", ())), False, text)
    if kind == "RegularArray":
        inner = stored_form(form["content"], text)
        return Stored("" if inner.jagged else inner.dtype, (form["size"], *inner.shape), False, text)
    if kind.startswith("ListOffsetArray"):
        inner = stored_form(form["content"], text)
        return Stored("" if inner.jagged or inner.shape else inner.dtype, (), True, text)
    return Stored("", (), False, text)


def flatten(layout: Any) -> Values:
    """Turn an awkward layout of numbers, fixed arrays or lists into NumPy arrays, by views if possible."""
    if layout.is_list and not layout.is_regular:
        return _flatten_jagged(layout)
    values: Array = ak.to_numpy(layout, allow_missing=False)
    return values


def _flatten_jagged(layout: Any) -> Jagged:
    lists = layout.to_ListOffsetArray64(True)
    offsets = np.asarray(lists.offsets.data)
    values = ak.to_numpy(lists.content, allow_missing=False)
    return Jagged(values[: offsets[-1]], offsets)
