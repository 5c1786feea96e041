"""Layouts: which branch of a tree is which column. A layout is a TOML file; a new one needs no code."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cache, cached_property
from importlib.resources import files
from pathlib import Path

from na64.datasets.basics.identity import identity
from na64.datasets.basics.packaged import PackagedFiles
from na64.datasets.basics.toml import Source, TomlTable, load_table, unknown
from na64.datasets.basics.units import Unit, unit_of
from na64.datasets.instrument.columns import COLUMNS, DETECTORS, Shape
from na64.datasets.reading.branch_names import similar
from na64.datasets.reading.stored import Branches, Stored

FLOATS = ("float32", "float64")
INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")

_EVENT = tuple(name for name, column in COLUMNS.items() if Shape.EVENT in column.shapes)
_KEYS = ("run", "spill", "event")
_INDEXED = re.compile(r"(?P<name>.+)\[(?P<index>\d{1,4})\]")
_LONGEST_NAME = 200
_PACKAGED = PackagedFiles("layout", files("na64.datasets.reading.layouts"))


class CellStorage(Enum):
    """How the cells of a detector are stored."""

    CELLS = "cells"
    HITS = "hits"


@dataclass(frozen=True, slots=True)
class Branch:
    """Where a file keeps one column.

    Attributes
    ----------
    column : str
        Name in `na64.datasets.instrument.columns.COLUMNS`.
    names : tuple of str
        Branches; several are joined in order along the cells.
    index : int or None
        Of a branch with several values, the one that is meant; see `in_tree`.
    types : tuple of str
        NumPy names of the accepted types.
    shape : tuple of int
        Of one event's value in each branch: ``()`` for one number, the dimensions of fixed cells; of an
        indexed branch what a writer gives it (a file may have more).
    jagged : bool
        One value a hit; otherwise fixed, though a vector of always that many is accepted.
    unit : Unit
        Of the file.
    required : bool
    nan_is_absent : bool
        NaN means that the value was not recorded.
    """

    column: str
    names: tuple[str, ...]
    index: int | None
    types: tuple[str, ...]
    shape: tuple[int, ...]
    jagged: bool
    unit: Unit
    required: bool
    nan_is_absent: bool

    @property
    def n_values(self) -> int:
        """Values an event in all branches together, of a branch that is not jagged."""
        return math.prod(self.shape) * len(self.names)

    def in_tree(self, tree: Branches) -> Branch:
        """The branch as a tree has it: what a branch is called as a whole is no index."""
        whole = f"{self.names[0]}[{self.index}]"
        if self.index is None or tree.stored(whole) is None:
            return self
        return replace(self, names=(whole,), index=None, shape=())

    def check(self, tree: Branches) -> str | None:
        """What is wrong with these branches in a tree, None if nothing is."""
        for name in self.names:
            stored = tree.stored(name)
            if stored is None:
                missing = f'branch "{name}" is missing, expected {self._expected()}'
                return missing + _alternative(name, tree) if self.required else None
            if not self._accepts(stored):
                return f'branch "{name}" is {stored.text}, expected {self._expected()}'
        return None

    def is_in(self, tree: Branches) -> bool:
        """Whether a tree has these branches."""
        return all(tree.stored(name) is not None for name in self.names)

    def _accepts(self, stored: Stored) -> bool:
        if stored.dtype not in self.types:
            return False
        if self.index is not None:
            return stored.jagged or (len(stored.shape) == 1 and stored.shape[0] > self.index)
        if self.jagged:
            return stored.jagged
        if stored.jagged:
            return self.shape != ()
        return stored.shape in (self.shape, (math.prod(self.shape),) if self.shape else ())

    def _expected(self) -> str:
        types = " or ".join(self.types) if len(self.types) < 4 else "an integer"
        if self.jagged:
            return f"{types}, jagged"
        if self.index is not None:
            return f"{types} [more than {self.index}] or a vector"
        dimensions = "".join(f"[{n}]" for n in self.shape)
        return f"{types} {dimensions} or a vector" if self.shape else types


def _alternative(name: str, tree: Branches) -> str:
    found = similar(name, tree.names())
    return f'; there is "{found}"' if found else ""


@dataclass(frozen=True, slots=True)
class DetectorLayout:
    """Where a file keeps the cells of one detector.

    Attributes
    ----------
    name : str
        One of `na64.datasets.instrument.columns.DETECTORS`.
    kind : CellStorage
    shape : tuple of int
        Dimensions of the cells, their product the number of cells; empty if hits do not fix it.
    columns : dict of str to Branch
        By ``cell``, ``energy``, ``time``, ``expected_time``, ``time_sigma``.
    """

    name: str
    kind: CellStorage
    shape: tuple[int, ...]
    columns: dict[str, Branch]

    @property
    def n_cells(self) -> int:
        """Cells of the detector, 0 if the layout leaves that open."""
        return math.prod(self.shape) if self.shape else 0


@dataclass(frozen=True)
class Layout:
    """How files of one kind map to columns.

    Attributes
    ----------
    name : str
    description, source : str
    trees : tuple of str
        Names the tree may have in a ROOT file.
    time_is_residual : bool
        Times are differences to the expected time.
    event : dict of str to Branch
        The one-value columns.
    detectors : dict of str to DetectorLayout
    text : str
        The TOML it was made of; the catalogue keeps that of a layout that is not packaged.
    """

    name: str
    description: str
    source: str
    trees: tuple[str, ...]
    time_is_residual: bool
    event: dict[str, Branch]
    detectors: dict[str, DetectorLayout]
    text: str = field(repr=False)

    def branches(self) -> Iterator[Branch]:
        """Every column of the layout."""
        yield from self.event.values()
        for detector in self.detectors.values():
            yield from detector.columns.values()

    @property
    def absent_nan(self) -> frozenset[str]:
        """Columns where NaN means that nothing was recorded."""
        return frozenset(branch.column for branch in self.branches() if branch.nan_is_absent)

    @cached_property
    def identity(self) -> str:
        """Name of what the layout does; its description does not count."""
        return identity([self.name, self.trees, self.time_is_residual, self.event, self.detectors])

    def in_tree(self, tree: Branches) -> Layout:
        """The layout with the names of the branches as a tree has them."""
        indexed = {name: branch for name, branch in self.event.items() if branch.index is not None}
        found = {name: branch.in_tree(tree) for name, branch in indexed.items()}
        return self if found == indexed else replace(self, event=self.event | found)

    def stored_names(self, tree: Branches) -> tuple[str, ...]:
        """Branches of the layout that a tree has."""
        branches = self.in_tree(tree).branches()
        return tuple(name for branch in branches if branch.is_in(tree) for name in branch.names)

    def has_truth(self, tree: Branches) -> bool:
        """Whether a tree says what was simulated."""
        event = self.in_tree(tree).event
        return "truth_component" in event and event["truth_component"].is_in(tree)

    def problems(self, tree: Branches) -> list[str]:
        """Problems that keep a tree from being of this layout, in one line each."""
        branches = self.in_tree(tree).branches()
        return [problem for branch in branches if (problem := branch.check(tree)) is not None]


LAYOUTS = _PACKAGED.names
"""Names of the packaged layouts."""


def load_layout(name_or_path: str | Path) -> Layout:
    """Load a packaged layout by name, or any by the path of its TOML file.

    Raises
    ------
    KeyError
        No such packaged layout, or an unknown or missing key in the file.
    ValueError
        A value of the file that is not allowed; the name of a packaged layout that does something else.
    """
    source = _PACKAGED.find(name_or_path)
    layout = _read_layout(source)
    if layout.name in LAYOUTS and layout.identity != _packaged_identity(layout.name):
        raise ValueError(f"{source.name}: a layout other than this is packaged as {layout.name}")
    return layout


@cache
def _packaged_identity(name: str) -> str:
    return _read_layout(_PACKAGED.find(name)).identity


def parse_layout(text: str, where: str) -> Layout:
    """Make a layout of the TOML text that a catalogue kept."""
    return _read_layout(_Text(text, where))


@dataclass(frozen=True, slots=True)
class _Text:
    """Text where a file is expected."""

    text: str
    name: str

    def read_bytes(self) -> bytes:
        return self.text.encode()


def _read_layout(source: Source | _Text) -> Layout:
    table = load_table(source)  # type: ignore[arg-type]
    event_table = table.table("event")
    layout = Layout(
        name=table.text("name"),
        description=table.text("description", ""),
        source=table.text("source", ""),
        trees=table.texts("trees"),
        time_is_residual=table.flag("time_is_residual", False),
        event={
            name: _read_branch(event_table, name, name, CellStorage.CELLS, ())
            for name in _listed(event_table)
        },
        detectors={name: _read_detector(table, name) for name in DETECTORS if table.has(name)},
        text=source.read_bytes().decode(),
    )
    table.done()
    _check_layout(layout, table)
    return layout


def _listed(event_table: TomlTable) -> list[str]:
    return [name for name in _EVENT if event_table.has(name)]


def _check_layout(layout: Layout, table: TomlTable) -> None:
    if not re.fullmatch(r"[\w.-]{1,64}", layout.name):
        raise ValueError(f"{table.place('name')}: {layout.name!r} is not a plain name")
    if not layout.trees or not all(layout.trees):
        raise ValueError(f"{table.place('trees')}: names no tree")
    for name in _KEYS:
        if name not in layout.event or not layout.event[name].required:
            raise KeyError(f'{table.place("event")}: "{name}" is missing or not required')


def _read_detector(table: TomlTable, name: str) -> DetectorLayout:
    entry = table.table(name)
    kind = _read_kind(entry)
    shape = entry.integers("shape") if kind is CellStorage.CELLS else entry.integers("shape", ())
    if any(n < 1 for n in shape) or (kind is CellStorage.CELLS and not shape):
        raise ValueError(f"{entry.place('shape')}: {list(shape)} are not dimensions")
    wanted = Shape.CELLS if kind is CellStorage.CELLS else Shape.HITS
    known = [
        column.removeprefix(f"{name}_")
        for column in COLUMNS
        if column.startswith(f"{name}_") and wanted in COLUMNS[column].shapes
    ]
    columns = {key: _read_branch(entry, key, f"{name}_{key}", kind, shape) for key in known if entry.has(key)}
    needed = ("energy",) if kind is CellStorage.CELLS else ("cell", "energy")
    for key in needed:
        if key not in columns:
            raise KeyError(f'{entry.place()}: "{key}" is missing')
    return DetectorLayout(name, kind, shape, columns)


def _read_kind(entry: TomlTable) -> CellStorage:
    text = entry.text("kind")
    if text not in {kind.value for kind in CellStorage}:
        raise ValueError(f'{entry.place("kind")}: "{text}" is neither "cells" nor "hits"')
    return CellStorage(text)


def _read_branch(
    parent: TomlTable, key: str, column: str, kind: CellStorage, cells: tuple[int, ...]
) -> Branch:
    entry = parent.table(key)
    names, index = _read_names(entry, may_be_indexed=not cells and kind is CellStorage.CELLS)
    jagged = kind is CellStorage.HITS
    shape = () if jagged else _read_shape(entry, cells, len(names), index)
    return Branch(
        column=column,
        names=names,
        index=index,
        types=_read_types(entry, column),
        shape=shape,
        jagged=jagged,
        unit=_read_unit(entry, COLUMNS[column].unit),
        required=entry.flag("required", True),
        nan_is_absent=entry.flag("nan_is_absent", False),
    )


def _read_names(entry: TomlTable, *, may_be_indexed: bool) -> tuple[tuple[str, ...], int | None]:
    """Branches of a column, and which of several values is meant where one is wanted."""
    place = entry.place("branch")
    names = entry.texts("branches") if entry.has("branches") else (entry.text("branch"),)
    for name in names:
        if not name.isprintable() or not 0 < len(name) <= _LONGEST_NAME:
            raise ValueError(f"{place}: {name!r} is not the name of a branch")
    if not names:
        raise ValueError(f"{place}: names no branch")
    match = _INDEXED.fullmatch(names[0]) if may_be_indexed and len(names) == 1 else None
    return ((match["name"],), int(match["index"])) if match else (names, None)


def _read_shape(
    entry: TomlTable, cells: tuple[int, ...], n_branches: int, index: int | None
) -> tuple[int, ...]:
    if index is not None:
        (length,) = entry.integers("shape", (index + 1,))
        return (max(length, index + 1),)
    if entry.has("shape"):
        return entry.integers("shape")
    if n_branches == 1:
        return cells
    if not cells or cells[0] != n_branches:
        raise ValueError(f"{entry.place('branches')}: {n_branches} branches for the shape {list(cells)}")
    return cells[1:]


def _read_types(entry: TomlTable, column: str) -> tuple[str, ...]:
    allowed = FLOATS if COLUMNS[column].dtype.startswith("float") else INTEGERS
    types = entry.texts("types", allowed)
    for name in types:
        if name not in allowed:
            raise ValueError(f"{entry.place('types')}: {unknown('type', name, allowed)}")
    return types


def _read_unit(entry: TomlTable, base: str) -> Unit:
    name = entry.text("unit", "1") if base == "1" else entry.text("unit")
    try:
        return unit_of(name, base)
    except (KeyError, ValueError) as error:
        raise ValueError(f"{entry.place('unit')}: {error.args[0]}") from error
