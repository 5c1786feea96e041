"""Entries of a layout that name branches: ``energy = { branch = "ECAL_ene", unit = "GeV" }``."""

from __future__ import annotations

import keyword
import re
from dataclasses import dataclass

from na64.datasets.basics.toml import TomlTable, unknown
from na64.datasets.basics.units import Unit, unit_of
from na64.datasets.reading.branch import FLOATS, INTEGERS, Branch

_INDEXED = re.compile(r"(?P<name>.+)\[(?P<index>\d{1,4})\]")
_PLAIN = re.compile(r"[a-z][a-z0-9_]{0,39}")
_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class Expected:
    """What the values of a column are.

    Attributes
    ----------
    column : str
    unit : str
        The base unit.
    types : tuple of str
        NumPy names of the types that a layout may name.
    usual : tuple of str
        Those that are accepted where it names none.
    """

    column: str
    unit: str
    types: tuple[str, ...]
    usual: tuple[str, ...]


def measured(column: str, unit: str) -> Expected:
    """A column of floating-point numbers: integers are raw counts, which are in no unit."""
    return Expected(column, unit, FLOATS, FLOATS)


def counted(column: str) -> Expected:
    """A column of integers."""
    return Expected(column, "1", INTEGERS, INTEGERS)


def any_number(column: str, unit: str) -> Expected:
    """A column that may be of integers, of a unit only if the layout says so by their types."""
    every = (*FLOATS, *INTEGERS)
    return Expected(column, unit, every, every if unit == "1" else FLOATS)


def read_branch(entry: TomlTable, expected: Expected) -> Branch:
    """Read the branch of a column with one value an event: ``chi2[0]`` is the first of several."""
    names, index = _read_names(entry, may_be_indexed=True)
    shape = _read_shape(entry, (), len(names), index)
    if index is None and shape:
        raise ValueError(f"{entry.place('shape')}: {list(shape)} are several values, which one is meant?")
    return _branch(entry, expected, names, index, shape)


def read_cells(entry: TomlTable, expected: Expected, cells: tuple[int, ...]) -> Branch:
    """Read the branches of a column with one value a cell, of dimensions as files have them."""
    names, _ = _read_names(entry, may_be_indexed=False)
    return _branch(entry, expected, names, None, _read_shape(entry, cells, len(names), None))


def read_hits(entry: TomlTable, expected: Expected) -> Branch:
    """Read the branch of a column with one value a hit."""
    names, _ = _read_names(entry, may_be_indexed=False)
    return _branch(entry, expected, names, None, (), jagged=True)


def check_plain(name: str, place: str) -> None:
    """Refuse a name of the user's own that selections, formulas and files could not use.

    Raises
    ------
    ValueError
    """
    if not _PLAIN.fullmatch(name) or keyword.iskeyword(name):
        raise ValueError(f"{place}: {name[:60]!r} is not a plain name of small letters, digits and _")


def _branch(
    entry: TomlTable,
    expected: Expected,
    names: tuple[str, ...],
    index: int | None,
    shape: tuple[int, ...],
    *,
    jagged: bool = False,
) -> Branch:
    return Branch(
        column=expected.column,
        names=names,
        index=index,
        types=_read_types(entry, expected),
        shape=shape,
        jagged=jagged,
        unit=read_unit(entry, expected.unit),
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
    stated = entry.integers("shape", None)
    if stated is not None and (not stated or min(stated) < 1):
        raise ValueError(f"{entry.place('shape')}: {list(stated)} are not dimensions")
    if index is not None:
        if stated is not None and len(stated) > 1:
            raise ValueError(f"{entry.place('shape')}: {list(stated)} is more than one dimension")
        return (max(index + 1, *(stated or (1,))),)
    if stated is not None:
        return stated
    if n_branches == 1:
        return cells
    if not cells or cells[0] != n_branches:
        raise ValueError(f"{entry.place('branches')}: {n_branches} branches for the shape {list(cells)}")
    return cells[1:]


def _read_types(entry: TomlTable, expected: Expected) -> tuple[str, ...]:
    types = entry.texts("types", expected.usual)
    for name in types:
        if name not in expected.types:
            raise ValueError(f"{entry.place('types')}: {unknown('type', name, expected.types)}")
    return types


def read_unit(entry: TomlTable, base: str) -> Unit:
    """Read the unit that a file has values in, which has to be one of the base unit."""
    name = entry.text("unit", "1") if base == "1" else entry.text("unit")
    try:
        return unit_of(name, base)
    except (KeyError, ValueError) as error:
        raise ValueError(f"{entry.place('unit')}: {error.args[0]}") from error
