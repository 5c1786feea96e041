"""Events in RNTuples, read by uproot column by column: no table is made of them in between."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import awkward as ak
import numpy as np

from na64.datasets.instrument.columns import Array
from na64.datasets.reading.rntuple_pages import Fetch, PageReader
from na64.datasets.reading.stored import (
    Format,
    Jagged,
    Stored,
    StructureError,
    Tree,
    Values,
    readable,
    sort_boundaries,
)

_COLUMN = re.compile(r"column-(\d+)")
_FLOATS = {"float": "float32", "double": "float64"}
_FLOAT = re.compile(r"\b(float|double)\b")


class _Columns(NamedTuple):
    """Where a field of plain numbers is: numbers of its columns, the first None unless it is a vector."""

    offsets: int | None
    values: int
    shape: tuple[int, ...]


class _Clusters(NamedTuple):
    """Clusters ``first`` to ``last`` (half open): the event they begin with, and how many they have."""

    first: int
    last: int
    begin: int
    n_events: int


def open_rntuple(stored: Any, fetch: Fetch) -> Tree:
    """Make a tree of what uproot found under a name, and of what reads the file."""
    return _RNTuple(stored, fetch)


def late_arrays(stored: Any, names: Sequence[str]) -> tuple[str, ...]:
    """Arrays that were added after the first events: of those uproot shifts the values.

    Parameters
    ----------
    stored : uproot RNTuple
    names : sequence of str
        Fields; those that it does not have are passed over.
    """
    with readable():
        there = {*stored.keys()}
        found = {name: _plain(_form_of(stored, name)) for name in names if name in there}
        first = {name: columns.values for name, columns in found.items() if columns and columns.shape}
        return tuple(n for n, at in first.items() if int(stored.column_records[at].first_element_index) > 0)


def _form_of(stored: Any, name: str) -> Any:
    return json.loads(stored[name].to_akform()[0].contents[0].to_json())


class _RNTuple:
    format = Format.RNTUPLE

    def __init__(self, tree: Any, fetch: Fetch) -> None:
        self._tree = tree
        self._pages = PageReader(tree, fetch)
        self._forms: dict[str, Any] = {}
        self.entries = int(tree.num_entries)

    def stored(self, name: str) -> Stored | None:
        try:
            field = self._tree[name]
        except KeyError:
            return None
        with readable():
            found = stored_form(self._form(name), str(field.typename))
        return found._replace(text=_as_stored(found))

    def names(self) -> tuple[str, ...]:
        return tuple(self._tree.keys())

    def _form(self, name: str) -> Any:
        if name not in self._forms:
            self._forms[name] = _form_of(self._tree, name)
        return self._forms[name]

    def check(self, names: Sequence[str]) -> None:  # noqa: ARG002  (the fields share their entries)
        with readable():
            sizes = [int(cluster.num_entries) for cluster in self._tree.cluster_summaries]
            if self._starts() != [sum(sizes[:number]) for number in range(len(sizes))]:
                raise StructureError("has clusters that are not in order")
        if sum(sizes) != self.entries:
            raise StructureError(f"its clusters have {sum(sizes)} entries, the tree {self.entries}")

    def expanded_bytes(self, names: Sequence[str]) -> int:  # noqa: ARG002  (pages are listed by column)
        with readable():
            bits = [
                int(page.num_elements) * int(column.nbits)
                for cluster in self._tree.page_link_list
                for column, pages in zip(self._tree.column_records, cluster, strict=False)
                for page in pages.pages
            ]
        return sum(bits) // 8

    def boundaries(self, names: Sequence[str]) -> tuple[int, ...]:  # noqa: ARG002  (clusters are of all fields)
        with readable():
            return sort_boundaries(self._starts(), self.entries)

    def _starts(self) -> list[int]:
        return [int(cluster.num_first_entry) for cluster in self._tree.cluster_summaries]

    def shared(self, other: Tree, names: Sequence[str]) -> int:  # noqa: ARG002  (clusters are written again)
        return 0

    def read(self, names: Sequence[str], start: int, stop: int) -> dict[str, Values]:
        with readable():
            clusters = self._clusters(start, stop)
        return {name: self._read_field(name, clusters, start, stop) for name in names}

    def _read_field(self, name: str, clusters: _Clusters, start: int, stop: int) -> Values:
        with readable(f'branch "{name}"'):
            return self._read(name, clusters, start, stop)

    def _clusters(self, start: int, stop: int) -> _Clusters:
        bounds = [*self._starts(), self.entries]
        first = int(np.searchsorted(bounds[1:], start, side="right"))
        last = max(int(np.searchsorted(bounds[:-1], stop, side="left")), first)
        return _Clusters(first, last, bounds[first], bounds[last] - bounds[first])

    def _read(self, name: str, clusters: _Clusters, start: int, stop: int) -> Values:
        columns = _plain(self._form(name))
        if columns is None:
            array = self._tree[name].array(entry_start=start, entry_stop=stop, array_cache=None)
            return flatten(array.layout)
        per_event = math.prod(columns.shape) if columns.offsets is None else 0
        values = self._column(columns.values, clusters, per_event)
        part = slice(start - clusters.begin, stop - clusters.begin)
        if columns.offsets is None:
            _require(len(values) == clusters.n_events * per_event, name)
            return values.reshape(clusters.n_events, *columns.shape)[part]
        offsets = self._column(columns.offsets, clusters, 1)
        offsets[0] = 0  # left open if there is no cluster
        _require(len(offsets) == clusters.n_events + 1 and int(offsets[-1]) == len(values), name)
        _require(bool((offsets[1:] >= offsets[:-1]).all()), name)
        cut = offsets[part.start : part.stop + 1]
        return Jagged(values[cut[0] : cut[-1]], np.subtract(cut, cut[0], dtype=np.int64))

    def _column(self, number: int, clusters: _Clusters, per_event: int) -> Array:
        """Read a column of so many elements an event; events written before it was added have zeros.

        uproot counts events where the file counts elements, and so takes arrays of late events for missing.
        """
        n_before = int(self._tree.column_records[number].first_element_index) - clusters.begin * per_event
        n_missing = min(max(n_before, 0), clusters.n_events * per_event)
        values = self._pages.read(number, range(clusters.first, clusters.last), n_missing)
        if values is None:
            values = self._tree.read_cluster_range(
                number, clusters.first, clusters.last, missing_element_padding=n_missing
            )
        return values


def _as_stored(found: Stored) -> str:
    """Type in words: fields of one type may be stored in columns of another, with fewer digits."""
    match = _FLOAT.search(found.text)
    is_other = bool(match and found.dtype) and found.dtype != _FLOATS[match[0] if match else "float"]
    return f"{found.text} stored as {found.dtype}" if is_other else found.text


def _require(is_whole: bool, name: str) -> None:
    if not is_whole:
        raise StructureError(f'branch "{name}": its values are not those of its events')


def _plain(form: Any) -> _Columns | None:
    """Find the columns of a field in its awkward form; None if it is not plain numbers or vectors of them."""
    offsets = None
    if form["class"] == "ListOffsetArray":
        offsets, form = _number(form), form["content"]
    shape = []
    while offsets is None and form["class"] == "RegularArray":
        shape.append(int(form["size"]))
        form = form["content"]
    values = _number(form) if form["class"] == "NumpyArray" else None
    return None if values is None else _Columns(offsets, values, tuple(shape))


def _number(form: Any) -> int | None:
    match = _COLUMN.fullmatch(form["form_key"])
    return int(match[1]) if match else None


def stored_form(form: Any, text: str) -> Stored:
    """Type of a branch from its awkward form (as JSON) and its type in words."""
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
