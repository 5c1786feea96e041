"""Rows of a table of efficiencies that are of what is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

Row = TypeVar("Row")


def read_asked(path: Path, read: Callable[[Path], Iterable[Row]], **asked: str) -> list[Row]:
    """Read the rows of a search, period and whatever else is asked for.

    Parameters
    ----------
    path : Path
    read : callable
        Reads all rows of the table.
    asked : str
        What the columns of the same names have; ``search`` is one of them.

    Raises
    ------
    ValueError
        There is no such file, or it is of something else; names what it has.
    """
    if not path.is_file():
        raise ValueError(
            f"{path}: there is no efficiency; na64 efficiency --search {asked['search']} --selection NAME "
            f"--to {path} makes it"
        )
    known = [(row, {name: str(getattr(row, name)) for name in asked}) for row in read(path)]
    own = [row for row, has in known if has == asked]
    if not own:
        listed = " and of ".join(sorted({_said(has) for _, has in known})) or "nothing"
        raise ValueError(f"{path}: no efficiency of {_said(asked)}, only of {listed}")
    return own


def _said(columns: dict[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in columns.items())
