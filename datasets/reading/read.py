"""Run files to columns: branch names, shapes and units of a file end here."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from na64.datasets.basics.toml import unknown
from na64.datasets.basics.units import Unit
from na64.datasets.instrument.columns import (
    COLUMNS,
    Array,
    Cells,
    DetectorColumns,
    EventColumns,
    Hits,
    TrackerHits,
)
from na64.datasets.reading.branch import Branch
from na64.datasets.reading.chunks import segment_ranges
from na64.datasets.reading.detection import check_older, detect_layout
from na64.datasets.reading.detector_layout import CELL_PARTS, CellStorage, DetectorLayout
from na64.datasets.reading.files import file_name, open_file
from na64.datasets.reading.layout import Layout
from na64.datasets.reading.stored import BadFileError, Jagged, RunFile, StructureError, Tree, Values
from na64.datasets.servers.remote import RemoteError

Mask: TypeAlias = NDArray[np.bool_]

UNEQUAL = "unequal_hits"
"""Key in `EventColumns.event` of the events whose cells have not the declared number."""


BATCH = 128_000_000
"""Bytes of columns in memory at a time, about: a few clusters of a usual file."""

_MOST_EVENTS = 100_000
"""Events of a batch: what Python does for one is spread over enough of them."""

_LARGEST = 4
"""A cluster is read whole unless it is so many times larger than a batch."""

_LARGEST_INTEGER = 2**63 - 1

_VALUES_OF_JAGGED = 12
"""How many values an event is taken to have in a jagged branch."""


class Record(Protocol):
    """What the catalogue knows of a file, as far as reading needs it."""

    @property
    def path(self) -> str:
        """Path or URL."""

    @property
    def tree(self) -> str:
        """Name of the tree."""


def read(
    record: Record | str | Path,
    layout: Layout,
    start: int,
    stop: int,
    *,
    columns: Collection[str] | None = None,
) -> EventColumns:
    """Read events ``start`` to ``stop`` (half open) of a run file.

    Parameters
    ----------
    record : Record, str or Path
        The file; of a bare path the tree is looked up.
    layout : Layout
    start, stop : int
    columns : collection of str, optional
        Names of columns and features of the layout to read; all that the file has if None.

    Returns
    -------
    EventColumns
        In the precision of the file (event numbers as int64) and in the units of ``COLUMNS``. Events whose
        fixed cells come as a vector of another length have zeros there and are marked in
        ``event["unequal_hits"]``; if there are none the key is absent.

    Raises
    ------
    ValueError
        The file is broken or shorter than `stop`; the message names it.
    """
    with _open_tree(record, layout) as tree:
        return read_tree(tree, layout, start, stop, columns=columns)


def read_batches(
    record: Record | str | Path,
    layout: Layout,
    start: int,
    stop: int,
    *,
    n_events: int | None = None,
    columns: Collection[str] | None = None,
    native: bool = True,
) -> Iterator[EventColumns]:
    """Read events ``start`` to ``stop`` in batches, cut where clusters end if possible.

    The file is opened once and memory does not grow with the range. Parameters and errors are those of
    `read`, but for two:

    Parameters
    ----------
    n_events : int, optional
        Of a batch, about; by default as many as make `BATCH` bytes, 100,000 at most.
    native : bool
        Bring cells into the byte order of this machine. Kernels take that of the file too, and nothing else
        does.

    Yields
    ------
    EventColumns
    """
    with _open_tree(record, layout) as tree:
        if not 0 <= start <= stop <= tree.entries:
            raise StructureError(f"has {tree.entries} events, asked for {start} to {stop}")
        names = layout.stored_names(tree)
        inside = (start, *(cut for cut in tree.boundaries(names) if start < cut < stop), stop)
        size = n_events or min(max(BATCH // _event_bytes(tree, names), 1), _MOST_EVENTS)
        for first, last in segment_ranges(inside, size, largest=_LARGEST * size):
            yield read_tree(tree, layout, first, last, columns=columns, native=native)


def _event_bytes(tree: Tree, names: Iterable[str]) -> int:
    """Estimate the memory that the values of an event take, in bytes."""
    known = [found for name in names if (found := tree.stored(name)) is not None]
    values = [_VALUES_OF_JAGGED if found.jagged else math.prod(found.shape) for found in known]
    return sum(
        n_values * np.dtype(found.dtype).itemsize for n_values, found in zip(values, known, strict=True)
    )


@contextmanager
def _open_tree(record: Record | str | Path, layout: Layout) -> Iterator[Tree]:
    """Open the tree of a file; errors of reading name the file."""
    location = record if isinstance(record, (str, Path)) else record.path
    try:
        with open_file(location) as file:
            yield file.tree(_tree_of(file, layout) if isinstance(record, (str, Path)) else record.tree)
    except BadFileError as error:
        raise error.of(file_name(location)) from error
    except RemoteError as error:
        raise type(error)(f"{file_name(location)}: cannot be read: {error}") from None


def _tree_of(file: RunFile, layout: Layout) -> str:
    """Name of the tree of a file that no catalogue knows."""
    name = detect_layout(file, [layout])[1]
    check_older(file, layout, name)
    return name


def read_tree(
    tree: Tree,
    layout: Layout,
    start: int,
    stop: int,
    *,
    columns: Collection[str] | None = None,
    native: bool = True,
) -> EventColumns:
    """Read events of an open tree; see `read` and `read_batches`."""
    if not 0 <= start <= stop <= tree.entries:
        raise StructureError(f"has {tree.entries} events, asked for {start} to {stop}")
    layout = layout.in_tree(tree)
    wanted = _wanted(layout, columns)
    names = [
        name for branch in wanted.branches() if branch.required or branch.is_in(tree) for name in branch.names
    ]
    values = tree.read(list(dict.fromkeys(names)), start, stop)
    events = assemble(wanted, values, stop - start, first=start)
    return _in_native_order(events) if native else events


def _in_native_order(events: EventColumns) -> EventColumns:
    """Events with cells in the byte order of this machine."""
    return replace(events, detectors={name: _native(part) for name, part in events.detectors.items()})


def _native(part: DetectorColumns) -> DetectorColumns:
    if not isinstance(part, Cells):
        return part
    others = (part.time, part.expected_time, part.time_sigma)
    return Cells(_turned(part.energy), *(None if other is None else _turned(other) for other in others))


def _turned(values: Array) -> Array:
    """Numbers in the byte order of this machine; copied only if they are not."""
    return values.astype(values.dtype.newbyteorder("="), copy=False)


def _wanted(layout: Layout, columns: Collection[str] | None) -> Layout:
    """The part of a layout that gives some columns."""
    known = {*COLUMNS, *layout.columns}
    for name in columns or ():
        if name not in known:
            raise KeyError(unknown("column", name, known))
    return layout if columns is None else layout.giving(columns)


def assemble(layout: Layout, values: Mapping[str, Values], n_events: int, *, first: int = 0) -> EventColumns:
    """Make columns of what was read from the branches of a layout.

    Parameters
    ----------
    layout : Layout
    values : mapping of str to array or Jagged
        By branch; columns whose branches are not there are left out.
    n_events : int
    first : int
        Entry of the first event.
    """
    reader = _Reader(values, n_events)
    one_value = {**layout.event, **layout.features}
    event = {name: reader.numbers(branch) for name, branch in one_value.items() if reader.has(branch)}
    event |= {name: np.full(n_events, value, np.int64) for name, value in layout.constants.items()}
    if layout.counts_entries:
        event["event"] = np.arange(first, first + n_events, dtype=np.int64)
    for name, parts in layout.sums.items():
        if all(part in event for part in parts):
            event[name] = sum_of([event[part] for part in parts])
    detectors = {
        name: reader.detector(detector)
        for name, detector in layout.detectors.items()
        if all(key in detector.columns and reader.has(detector.columns[key]) for key in detector.needed)
    }
    if reader.unequal.any():
        event[UNEQUAL] = reader.unequal
    return EventColumns(n_events, event, {**detectors})


def sum_of(parts: Sequence[Array]) -> Array:
    """Sum in float64, in the order of the parts; one part alone stays as it is."""
    first, *others = parts
    return reduce(np.add, (part.astype(np.float64) for part in others), first) if others else first


@dataclass(frozen=True, slots=True)
class _Reader:
    """Converts branches of one chunk; `unequal` collects the events with a wrong number of cells."""

    values: Mapping[str, Values]
    n_events: int
    unequal: Mask

    def __init__(self, values: Mapping[str, Values], n_events: int) -> None:
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "n_events", n_events)
        object.__setattr__(self, "unequal", np.zeros(n_events, dtype=np.bool_))

    def has(self, branch: Branch) -> bool:
        return all(name in self.values for name in branch.names)

    def numbers(self, branch: Branch) -> Array:
        """One value an event: (n_events,)."""
        values = _sound(self.values[branch.names[0]], branch.names[0])
        if branch.index is not None:
            values = _element(values, branch.index, branch.names[0])
        if isinstance(values, Jagged):
            raise StructureError(f'branch "{branch.names[0]}" has several values an event')
        if np.issubdtype(values.dtype, np.integer):
            values = _signed(values, branch.names[0])
        return _convert(_turned(values), branch.unit)

    def detector(self, detector: DetectorLayout) -> DetectorColumns:
        columns = {key: branch for key, branch in detector.columns.items() if self.has(branch)}
        if detector.kind is CellStorage.HITS:
            return self._hits(columns, detector)
        if detector.kind is CellStorage.POSITIONS:
            found = self._jagged(columns["x"])
            return TrackerHits(found.offsets, _convert(found.values, columns["x"].unit))
        return Cells(**{key: self._cells(branch, detector) for key, branch in columns.items()})

    def _cells(self, branch: Branch, detector: DetectorLayout) -> Array:
        parts = [self._part(name, branch) for name in branch.names]
        joined = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
        ordered = np.take(joined, detector.in_file(), axis=1) if detector.is_reordered else joined
        return _convert(ordered, branch.unit)

    def _part(self, name: str, branch: Branch) -> Array:
        values = _sound(self.values[name], name)
        n_cells = branch.n_values // len(branch.names)
        if not isinstance(values, Jagged):
            return np.ascontiguousarray(values).reshape(self.n_events, n_cells)
        good = np.diff(values.offsets) == n_cells
        if good.all():
            return values.values.reshape(self.n_events, n_cells)
        np.logical_or(self.unequal, ~good, out=self.unequal)
        cells = np.zeros((self.n_events, n_cells), dtype=values.values.dtype)
        cells[good] = values.values[np.repeat(good, np.diff(values.offsets))].reshape(-1, n_cells)
        return cells

    def _hits(self, columns: Mapping[str, Branch], detector: DetectorLayout) -> Hits:
        read = {key: self._jagged(branch) for key, branch in columns.items()}
        offsets = read[detector.needed[0]].offsets
        unequal = np.zeros(self.n_events, dtype=np.bool_)
        for column in read.values():
            if not np.array_equal(column.offsets, offsets):
                unequal |= np.diff(column.offsets) != np.diff(offsets)
        aligned = {key: _align(column, offsets, ~unequal) for key, column in read.items()}
        converted = {key: _convert(aligned[key], branch.unit) for key, branch in columns.items()}
        parts = {key: converted.pop(key) for key in CELL_PARTS if key in converted}
        cell = detector.joined(parts) if parts else detector.as_read(converted.pop("cell"))
        return Hits(offsets, cell, unequal=unequal if unequal.any() else None, **converted)

    def _jagged(self, branch: Branch) -> Jagged:
        values = _sound(self.values[branch.names[0]], branch.names[0])
        if not isinstance(values, Jagged):
            raise StructureError(f'branch "{branch.names[0]}" is not jagged')
        return values


def _sound(values: Values, name: str) -> Values:
    """Values whose offsets are those of values that are there: a damaged file may say anything."""
    if isinstance(values, Jagged):
        offsets = values.offsets
        if (offsets[1:] < offsets[:-1]).any() or not 0 <= offsets[0] <= offsets[-1] <= len(values.values):
            raise StructureError(f'branch "{name}": hits that are not there')
    return values


def _signed(values: Array, name: str) -> Array:
    if values.dtype == np.uint64 and len(values) and values.max() > _LARGEST_INTEGER:
        raise StructureError(f'branch "{name}" is uint64, with values of more than 63 bits')
    return values.astype(np.int64)


def _element(values: Values, index: int, name: str) -> Array:
    """Pick one element of every event; an event that has none gets NaN, which no integer is."""
    if not isinstance(values, Jagged):
        return values[:, index]
    has = np.diff(values.offsets) > index
    if values.values.dtype.kind != "f" and not has.all():
        raise StructureError(f'branch "{name}" has events without value {index}, expected an integer in all')
    picked = np.zeros(len(has), dtype=values.values.dtype)
    if values.values.dtype.kind == "f":
        picked.fill(np.nan)
    picked[has] = values.values[values.offsets[:-1][has] + index]
    return picked


def _align(column: Jagged, offsets: Array, good: Mask) -> Array:
    """Bring a column to the hits of `offsets`; hits of events that are not `good` become zero."""
    if good.all():
        return column.values
    aligned = np.zeros(int(offsets[-1]), dtype=column.values.dtype)
    aligned[np.repeat(good, np.diff(offsets))] = column.values[np.repeat(good, np.diff(column.offsets))]
    return aligned


def _convert(values: Array, unit: Unit) -> Array:
    """Bring values to the base unit, in their own precision, rounded once; integers in double precision."""
    if unit.multiply == unit.divide:
        return np.ascontiguousarray(values)
    number = values.dtype.type if values.dtype.kind == "f" else np.float64
    converted: Array = values * number(unit.multiply) / number(unit.divide)
    return converted
