"""Strict reading of small CSV tables: every refusal names the file, the line and the value."""

from __future__ import annotations

import csv
from collections.abc import Callable
from enum import Enum
from typing import TypeVar

from na64.datasets.basics.toml import Source, unknown

V = TypeVar("V")
E = TypeVar("E", bound=Enum)


class CsvRow:
    """One line of a table; an empty field reads as None."""

    def __init__(self, fields: dict[str, str]) -> None:
        self._fields = fields

    def text(self, name: str) -> str | None:
        """Field as it stands, without spaces around."""
        return self._fields.get(name, "").strip() or None

    def number(self, name: str) -> float | None:
        """Number; whoever takes it checks its range."""
        text = self.text(name)
        if text is None:
            return None
        try:
            return float(text.replace("_", "?"))
        except ValueError as error:
            raise ValueError(f'{name} "{text}" is not a number') from error

    def integer(self, name: str) -> int | None:
        """Whole number from 0, digits only."""
        text = self.text(name)
        if text is not None and not (text.isascii() and text.isdigit() and len(text) < 19):
            raise ValueError(f'{name} "{text}" is not a whole number')
        return None if text is None else int(text)

    def key(self, name: str) -> int:
        """Whole number that has to be there."""
        number = self.integer(name)
        if number is None:
            raise ValueError(f"{name} is empty")
        return number

    def choice(self, name: str, kind: type[E], default: E) -> E:
        """Member of an enumeration whose value the field holds."""
        text = self.text(name)
        names = [str(member.value) for member in kind]
        if text is not None and text not in names:
            raise ValueError(unknown(name, text, names))
        return default if text is None else kind(text)


def read_rows(path: Source, columns: tuple[str, ...], make: Callable[[CsvRow], V]) -> list[V]:
    """Read a CSV table with a header; lines that start with # and empty lines are skipped.

    Parameters
    ----------
    path : Path or Traversable
    columns : tuple of str
        The allowed columns; the first is required, an absent one reads as empty.
    make : callable
        Makes a record of a row, or raises ValueError.

    Raises
    ------
    ValueError
    """
    lines = _lines(path)
    if not lines:
        raise ValueError(f"{path.name}: no header, expected {','.join(columns)}")
    header = _header(path.name, lines[0][1], columns)
    return [_make(path.name, line, texts, header, make) for line, texts in lines[1:]]


def count_rows(path: Source) -> int:
    """Count the rows of a table below its header."""
    return max(len(_lines(path)) - 1, 0)


def _lines(path: Source) -> list[tuple[int, list[str]]]:
    try:
        numbered = enumerate(path.read_bytes().decode("utf-8-sig").splitlines(), start=1)
        kept = [(n, text) for n, text in numbered if text.strip() and not text.startswith("#")]
        return [(n, next(csv.reader([text], strict=True))) for n, text in kept]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path.name}: {error}") from error


def _header(name: str, texts: list[str], columns: tuple[str, ...]) -> list[str]:
    header = [text.strip() for text in texts]
    for column in header:
        if column not in columns:
            raise ValueError(f"{name}: {unknown('column', column, columns)}")
        if header.count(column) > 1:
            raise ValueError(f'{name}: column "{column}" twice')
    if columns[0] not in header:
        raise ValueError(f'{name}: no column "{columns[0]}"')
    return header


def _make(name: str, line: int, texts: list[str], header: list[str], make: Callable[[CsvRow], V]) -> V:
    if len(texts) != len(header):
        raise ValueError(f"{name} line {line}: {len(texts)} fields for {len(header)} columns")
    try:
        return make(CsvRow(dict(zip(header, texts, strict=True))))
    except ValueError as error:
        raise ValueError(f"{name} line {line}: {error}") from error
