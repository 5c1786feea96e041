"""Tables of a layout that describe a detector: ``[ecal]``, or ``[detector.wcal]`` for any."""

from __future__ import annotations

from na64.datasets.basics.toml import TomlTable
from na64.datasets.instrument.columns import COLUMNS, DETECTORS, EVENT_GROUPS
from na64.datasets.instrument.roles import CellOrder
from na64.datasets.reading.branch import Branch
from na64.datasets.reading.branch_entries import (
    Expected,
    check_plain,
    counted,
    measured,
    read_cells,
    read_hits,
)
from na64.datasets.reading.detector_layout import CELL_PARTS, CellStorage, DetectorLayout

RESERVED = ("event", "feature", *EVENT_GROUPS)
"""Parts of an event that no detector can be called."""

_UNITS = {"energy": "GeV", "time": "ns", "expected_time": "ns", "time_sigma": "ns", "x": "mm"}
_NUMBERS = ("cell", *CELL_PARTS)


def read_detectors(table: TomlTable) -> dict[str, DetectorLayout]:
    """Read all detectors of a layout: the usual ones in the order in which they are listed, then others.

    Raises
    ------
    KeyError, ValueError
        Something is missing, unknown or unclear; names the file and the key.
    """
    order = _read_order(table, CellOrder.Y_FASTEST)
    given = table.table("detector", None)
    named = {} if given is None else {name: given.table(name) for name in given.names()}
    for name, entry in named.items():
        check_plain(name, entry.place())
        if name in RESERVED or name in COLUMNS:
            raise ValueError(f"{entry.place()}: a detector cannot be called {name}")
        if table.has(name):
            raise ValueError(f"{entry.place()}: {name} has a table [{name}] too")
    usual = {name: table.table(name) for name in DETECTORS if table.has(name)}
    return {name: _read_detector(entry, name, order) for name, entry in {**usual, **named}.items()}


def _read_order(entry: TomlTable, default: CellOrder) -> CellOrder:
    text = entry.text("cell_order", default.value)
    if text not in {order.value for order in CellOrder}:
        raise ValueError(f'{entry.place("cell_order")}: "{text}" is neither "y_fastest" nor "x_fastest"')
    return CellOrder(text)


def _read_detector(entry: TomlTable, name: str, usual: CellOrder) -> DetectorLayout:
    kind = _read_kind(entry)
    if kind is CellStorage.POSITIONS:
        return _read_positions(entry, name)
    order, is_hits = _read_order(entry, usual), kind is CellStorage.HITS
    shape = entry.integers("shape", ()) if is_hits else entry.integers("shape")
    if any(n < 1 for n in shape) or (not shape and not is_hits):
        raise ValueError(f"{entry.place('shape')}: {list(shape)} are not dimensions")
    keys = [key for key in (*_NUMBERS, *_UNITS) if key != "x" and entry.has(key)]
    detector = DetectorLayout(
        name,
        kind,
        shape,
        {key: _read_column(entry, name, key, kind, _dimensions(shape, order)) for key in keys},
        order,
        entry.integer("first_cell", 0),
    )
    _check_numbers(entry, detector)
    for key in detector.needed:
        if key not in detector.columns:
            raise KeyError(f'{entry.place()}: "{key}" is missing')
    return detector


def _read_kind(entry: TomlTable) -> CellStorage:
    text = entry.text("kind")
    if text not in {kind.value for kind in CellStorage}:
        raise ValueError(f'{entry.place("kind")}: "{text}" is neither "cells" nor "hits" nor "positions"')
    return CellStorage(text)


def _read_positions(entry: TomlTable, name: str) -> DetectorLayout:
    """Read a tracking plane: where its hits are, in the coordinate that it measures."""
    if name in DETECTORS:
        raise ValueError(f"{entry.place('kind')}: {name} has cells, no tracking plane is called so")
    column = read_hits(entry.table("x"), measured(f"{name}_x", _UNITS["x"]))
    return DetectorLayout(name, CellStorage.POSITIONS, (), {"x": column})


def _dimensions(shape: tuple[int, ...], order: CellOrder) -> tuple[int, ...]:
    """Dimensions as a file has them: the last one counts fastest."""
    if order is CellOrder.Y_FASTEST or len(shape) < 2:
        return shape
    *planes, n_x, n_y = shape
    return (*planes, n_y, n_x)


def _read_column(
    table: TomlTable, name: str, key: str, kind: CellStorage, dimensions: tuple[int, ...]
) -> Branch:
    entry, column = table.table(key), f"{name}_{key}"
    expected: Expected = counted(column) if key in _NUMBERS else measured(column, _UNITS[key])
    if kind is CellStorage.HITS:
        return read_hits(entry, expected)
    return read_cells(entry, expected, dimensions)


def _check_numbers(entry: TomlTable, detector: DetectorLayout) -> None:
    """Refuse numbers of cells that are said twice, or of which the cell would not follow."""
    parts = [key for key in CELL_PARTS if key in detector.columns]
    if detector.kind is CellStorage.CELLS:
        for key in ("cell", *parts):
            if key in detector.columns:
                raise ValueError(f'{entry.place(key)}: is of hits, with kind = "cells" every cell is there')
        if detector.first_cell:
            raise ValueError(
                f'{entry.place("first_cell")}: is of hits, with kind = "cells" no cell is numbered'
            )
        _check_order(entry, detector)
        return
    if detector.first_cell not in (0, 1):
        raise ValueError(f"{entry.place('first_cell')}: {detector.first_cell} is neither 0 nor 1")
    if "cell" in detector.columns and parts:
        raise ValueError(f"{entry.place(parts[0])}: the cell is given by cell already")
    if (parts or detector.fixes_grid) and not detector.shape:
        raise KeyError(f'{entry.place()}: "shape" is missing, without it the cell of a hit does not follow')
    if parts:
        _check_parts(entry, detector, parts)


def _check_parts(entry: TomlTable, detector: DetectorLayout, parts: list[str]) -> None:
    wanted = [key for key in CELL_PARTS if key != "cell_plane" or detector.grid[0] > 1]
    if parts != wanted:
        key = next((key for key in wanted if key not in parts), "")
        if key:
            raise KeyError(f'{entry.place()}: "{key}" is missing, {" and ".join(wanted)} give the cell')
        raise ValueError(f"{entry.place('cell_plane')}: the shape {list(detector.shape)} has no planes")
    if len(detector.shape) == 1:
        raise ValueError(f"{entry.place('shape')}: {list(detector.shape)} has no x and y")


def _check_order(entry: TomlTable, detector: DetectorLayout) -> None:
    """Refuse columns that cannot be put into another order: not one value a cell."""
    if not detector.is_reordered:
        return
    for key, branch in detector.columns.items():
        if branch.n_values != detector.n_cells:
            raise ValueError(
                f"{entry.place(key)}: {branch.n_values} values of {detector.n_cells} cells cannot be put "
                "into the order of y"
            )
