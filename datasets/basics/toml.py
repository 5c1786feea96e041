"""Strict reading of TOML: what no reader asked for is refused by name."""

from __future__ import annotations

import difflib
import math
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import Enum
from functools import lru_cache
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from na64.datasets.basics.named import shortened
from na64.datasets.basics.plain_text import visible

Source: TypeAlias = Path | Traversable
"""A file on disk, or one shipped inside a package."""


class _Required(Enum):
    KEY = "no default"


_REQUIRED = _Required.KEY
_INT64 = 2**63
_LONGEST = 100
_ALIKE = 0.8
"""How much of two words is the same, from 0 to 1, if one of them may be the other one misspelt."""

V = TypeVar("V")
D = TypeVar("D")


def nearest(name: str, known: Iterable[str]) -> str:
    """Known name most like `name`, or an empty string if none is known."""
    wanted = name[:_LONGEST].casefold()

    def likeness(candidate: str) -> float:
        return difflib.SequenceMatcher(None, wanted, candidate.casefold()).ratio()

    return max(sorted(known), key=likeness, default="")


def unknown(noun: str, name: str, known: Iterable[str]) -> str:
    """Error line for a name that is not known, with the known one that is nearest."""
    closest = nearest(name, known)
    return f'unknown {noun} "{shortened(name, _LONGEST)}"' + (
        f', nearest known is "{closest}"' if closest else ""
    )


def one_of(noun: str, name: str, known: Sequence[str]) -> str:
    """Error line for a word that is none of a few: with the nearest one, or with all if none is alike."""
    if _are_alike(name, nearest(name, known)):
        return unknown(noun, name, known)
    return f'unknown {noun} "{shortened(name, _LONGEST)}", known are {", ".join(known)}'


def _are_alike(one: str, other: str) -> bool:
    pair = (one[:_LONGEST].casefold(), other[:_LONGEST].casefold())
    return difflib.SequenceMatcher(None, *pair).ratio() >= _ALIKE


def load(path: Source) -> Mapping[str, object]:
    """Read a TOML file; the error of a bad one (a duplicate key makes it bad) names the file.

    What is given is shared by all who read the same text, and not to be changed.
    """
    try:
        return _parse(path.read_bytes().decode("utf-8"))
    except RecursionError as error:
        raise ValueError(f"{path.name}: nested too deeply") from error
    except ValueError as error:
        raise ValueError(f"{path.name}: {error}") from error


@lru_cache(maxsize=64)
def _parse(text: str) -> Mapping[str, object]:
    found = tomllib.loads(text)  # every job reads all periods: this was most of its fixed cost
    for string in _strings(found):
        if visible(string, keep="\n\t") != string:
            raise ValueError(f'"{visible(string)}" has control characters')
    return found


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield key
            yield from _strings(each)
    elif isinstance(value, list):
        for each in value:
            yield from _strings(each)


def load_table(path: Source) -> TomlTable:
    """Read a TOML file as a `TomlTable` whose errors name the file."""
    return TomlTable(load(path), path.name)


class Placed(dict[str, object]):
    """A TOML table that was put among those of another file: errors name where it was written.

    Parameters
    ----------
    mapping : mapping of str to object
    where, path : str
        As of `TomlTable`.
    """

    def __init__(self, mapping: Mapping[str, object], where: str, path: str) -> None:
        super().__init__(mapping)
        self.where = where
        self.path = path


class TomlTable:
    """One TOML table: every getter checks the type, `done` refuses each key that no getter asked for.

    A getter without a default needs its key. A default is returned as it is, so it may be None.

    Parameters
    ----------
    mapping : mapping of str to object
    where : str
        The file the table comes from, for messages.
    path : str
        Dotted path of the table within the file, for messages.
    """

    def __init__(self, mapping: Mapping[str, object], where: str, path: str = "") -> None:
        self._mapping = mapping
        self._where = where
        self._path = path
        self._asked: set[str] = set()
        self._children: list[TomlTable] = []

    def place(self, key: str = "") -> str:
        """Name the file and the key path; every message starts with it."""
        path = ".".join(part for part in (self._path, key) if part)
        return f"{self._where}: {path}" if path else self._where

    def names(self) -> tuple[str, ...]:
        """Keys of the table in file order, read or not."""
        return tuple(self._mapping)

    def has(self, key: str) -> bool:
        """Whether the key is there; it counts as asked for."""
        self._asked.add(key)
        return key in self._mapping

    def is_list(self, key: str) -> bool:
        """Whether the key is there with a list."""
        return self.has(key) and isinstance(self._mapping[key], list)

    def text(self, key: str, default: D | _Required = _REQUIRED) -> str | D:
        """String."""
        return self._read(key, _text, default)

    def number(self, key: str, default: D | _Required = _REQUIRED) -> float | D:
        """Finite number as float; true and false are not numbers."""
        return self._read(key, _number, default)

    def integer(self, key: str, default: D | _Required = _REQUIRED) -> int | D:
        """Integer of at most 64 bits; 1.0 is not one."""
        return self._read(key, _integer, default)

    def flag(self, key: str, default: D | _Required = _REQUIRED) -> bool | D:
        """True or false."""
        return self._read(key, _flag, default)

    def texts(self, key: str, default: D | _Required = _REQUIRED) -> tuple[str, ...] | D:
        """List of strings."""
        return self._read(key, _each(_text), default)

    def numbers(self, key: str, default: D | _Required = _REQUIRED) -> tuple[float, ...] | D:
        """List of finite numbers as floats."""
        return self._read(key, _each(_number), default)

    def integers(self, key: str, default: D | _Required = _REQUIRED) -> tuple[int, ...] | D:
        """List of integers."""
        return self._read(key, _each(_integer), default)

    def integer_rows(self, key: str) -> tuple[tuple[int, ...], ...]:
        """List of lists of integers."""
        return self._read(key, _each(_each(_integer)), _REQUIRED)

    def table(self, key: str, default: D | _Required = _REQUIRED) -> TomlTable | D:
        """Table; `done` of this one includes it."""
        return self._read(key, lambda value, place: self._child(value, place, key), default)

    def tables(self, key: str, default: D | _Required = _REQUIRED) -> tuple[TomlTable, ...] | D:
        """Array of tables; `done` of this one includes them."""

        def read(value: object, place: str) -> tuple[TomlTable, ...]:
            items = _list(value, place)
            return tuple(self._child(item, f"{place}[{n}]", f"{key}[{n}]") for n, item in enumerate(items))

        return self._read(key, read, default)

    def column(self, key: str, n_rows: int, kind: type) -> tuple[Any, ...]:
        """Values of a key row by row: a list, or one value of all rows; null and an absent key read as None.

        Parameters
        ----------
        key : str
        n_rows : int
        kind : type
            ``str``, ``int`` or ``float``.
        """
        convert = _optional(_CONVERTERS[kind])

        def read(value: object, place: str) -> tuple[Any, ...]:
            if not isinstance(value, list):
                return (convert(value, place),) * n_rows
            if len(value) != n_rows:
                raise ValueError(f"{place}: {len(value)} values for {n_rows} rows")
            return _each(convert)(value, place)

        return self._read(key, read, (None,) * n_rows)

    def anything(self) -> dict[str, object]:
        """All of the table as it is, for others to judge; every key counts as asked for."""
        self._asked.update(self._mapping)
        return dict(self._mapping)

    @contextmanager
    def telling_misspelt(self) -> Iterator[None]:
        """Say that a key may be misspelt, in place of what goes wrong because its table was not read.

        Raises
        ------
        KeyError
            Something went wrong, and there is a key that nobody asked for and that is nearly one of those
            that were asked for; names both.
        """
        try:
            yield
        except (KeyError, ValueError) as error:
            for name in self._mapping:
                is_told = f'"{name}"' in str(error.args[0])
                if name not in self._asked and not is_told and _are_alike(name, nearest(name, self._asked)):
                    raise KeyError(f"{self.place()}: {unknown('key', name, self._asked)}") from error
            raise

    def done(self) -> None:
        """Refuse keys that were never asked for, here and in the tables read from here.

        Raises
        ------
        KeyError
            Names the key and the nearest one that was asked for.
        """
        for name in self._mapping:
            if name not in self._asked:
                raise KeyError(f"{self.place()}: {unknown('key', name, self._asked)}")
        for child in self._children:
            child.done()

    def _read(self, key: str, convert: Callable[[object, str], V], default: D | _Required) -> V | D:
        if self.has(key):
            return convert(self._mapping[key], self.place(key))
        if isinstance(default, _Required):
            raise KeyError(f'{self.place()}: "{key}" is missing{self._misspelt(key)}')
        return default

    def _misspelt(self, key: str) -> str:
        """Key that nobody asked for yet and that may be one that is missing, for its message."""
        found = nearest(key, [name for name in self._mapping if name not in self._asked])
        return f', there is "{found}"' if _are_alike(key, found) else ""

    def _child(self, value: object, place: str, key: str) -> TomlTable:
        if not isinstance(value, dict):
            raise _wrong(value, "a table", place)
        if isinstance(value, Placed):
            child = TomlTable(value, value.where, value.path)
        else:
            child = TomlTable(value, self._where, ".".join(part for part in (self._path, key) if part))
        self._children.append(child)
        return child


def _wrong(value: object, expected: str, place: str) -> ValueError:
    shown = {True: "true", False: "false"}[value] if isinstance(value, bool) else repr(value)
    return ValueError(f"{place}: {shown[:80]} is not {expected}")


def _text(value: object, place: str) -> str:
    if not isinstance(value, str):
        raise _wrong(value, "a string", place)
    return value


def _integer(value: object, place: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not -_INT64 <= value < _INT64:
        raise _wrong(value, "an integer", place)
    return value


def _number(value: object, place: str) -> float:
    if isinstance(value, int):
        return float(_integer(value, place))
    if not isinstance(value, float) or not math.isfinite(value):
        raise _wrong(value, "a finite number", place)
    return value


def _flag(value: object, place: str) -> bool:
    if not isinstance(value, bool):
        raise _wrong(value, "true or false", place)
    return value


def _list(value: object, place: str) -> list[object]:
    if not isinstance(value, list):
        raise _wrong(value, "a list", place)
    return value


def _each(convert: Callable[[object, str], V]) -> Callable[[object, str], tuple[V, ...]]:
    def read(value: object, place: str) -> tuple[V, ...]:
        items = _list(value, place)
        try:
            return tuple(convert(item, place) for item in items)
        except ValueError:  # only now it matters which
            return tuple(convert(item, f"{place}[{n}]") for n, item in enumerate(items))

    return read


def _optional(convert: Callable[[object, str], V]) -> Callable[[object, str], V | None]:
    return lambda value, place: None if value is None else convert(value, place)


_CONVERTERS: Mapping[type, Callable[[object, str], Any]] = {str: _text, int: _integer, float: _number}
