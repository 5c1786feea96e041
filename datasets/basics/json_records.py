"""JSON as the package writes it, and read back; what is something else is refused by its name."""

from __future__ import annotations

import json
import math
import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from na64.datasets.basics.named import named, shortened

Record = TypeVar("Record")

_WORDS = {str: "a text", int: "a whole number", float: "a finite number", bool: "true or false"}
_LARGEST = 2**63
_SHOWN = 40


def read_object(path: Path) -> dict[str, Any]:
    """Read a file that holds an object of JSON.

    Raises
    ------
    FileNotFoundError
    ValueError
        It holds something else.
    """
    return parse_object(path.read_bytes(), path.name)


def parse_object(data: bytes, name: str) -> dict[str, Any]:
    """Read an object of JSON; ``name`` is of the file, for the message of a ValueError."""
    try:
        plain = json.loads(data.decode(), object_pairs_hook=_unique, parse_constant=_refuse)
    except RecursionError:
        raise ValueError(f"{name}: nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"{name}: not JSON: {shortened(str(error))}") from None
    if not isinstance(plain, dict):
        raise ValueError(f"{name}: begins with {data[:20]!r}, expected an object of JSON")
    return plain


def to_json(plain: Mapping[str, object]) -> bytes:
    """Canonical JSON of an object: sorted keys, two spaces, no infinities."""
    return (json.dumps(plain, indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False) + "\n").encode()


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = next(key for number, (key, _) in enumerate(pairs) if key in dict(pairs[:number]))
        raise ValueError(f'"{shortened(twice, _SHOWN)}" is there twice')
    return found


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is not a number")


def record_of(cls: type[Record], plain: Mapping[str, Any], name: str) -> Record:
    """Make a dataclass, and those in it, of what `dataclasses.asdict` has made of one.

    Parameters
    ----------
    cls : type
        Dataclass; its fields are plain values, enumerations, dataclasses, or tuples or mappings of them.
    plain : mapping of str to anything
    name : str
        Of the file, for messages.

    Raises
    ------
    ValueError
        A field is unknown, missing or of another kind; names the file and the field.
    """
    with named(name):
        return _record(cls, plain, "")  # type: ignore[no-any-return]


def typed(hint: Any, value: Any, place: str) -> Any:
    """Value of JSON as a type has it: plain, an enumeration, a dataclass, a tuple or a mapping.

    Parameters
    ----------
    hint : type
    value : anything
    place : str
        File and key, for messages.

    Raises
    ------
    ValueError
        It is of another kind.
    """
    origin = get_origin(hint)
    if hint in (Any, object):
        return value
    if hint in _WORDS:
        return _plain(hint, value, place)
    if origin is not None:
        return _composed(origin, get_args(hint), value, place)
    return _record(hint, value, place) if is_dataclass(hint) else _member(hint, value, place)


def value_at(hint: Any, plain: Mapping[str, Any], keys: str, name: str) -> Any:
    """Return one value of a file that has more than is asked for.

    Parameters
    ----------
    hint : type
        As for `typed`.
    plain : mapping of str to anything
    keys : str
        Keys to it, with points between them.
    name : str
        Of the file, for messages.

    Raises
    ------
    ValueError
        It is not there, or of another kind; names the file and the keys.
    """
    value: Any = plain
    for key in keys.split("."):
        if not isinstance(value, Mapping) or key not in value:
            raise ValueError(f"{name}: {keys}: is missing")
        value = value[key]
    with named(name):
        return typed(hint, value, keys)


def _composed(origin: Any, arguments: tuple[Any, ...], value: Any, place: str) -> Any:
    """Optional value, a tuple or a mapping."""
    if origin in (Union, types.UnionType):
        if value is None and type(None) in arguments:
            return None
        return typed(next(a for a in arguments if a is not type(None)), value, place)
    if origin is tuple:
        return _tuple(arguments, value, place)
    if not isinstance(value, Mapping):
        raise _wrong(value, "an object", place)
    return {key: typed(arguments[1], item, _join(place, key)) for key, item in value.items()}


def _plain(hint: type, value: Any, place: str) -> Any:
    accepted = (int, float) if hint is float else hint
    is_right = isinstance(value, accepted) and isinstance(value, bool) == (hint is bool)
    if is_right and isinstance(value, float):
        is_right = math.isfinite(value)
    elif is_right and hint in (int, float):
        is_right = -_LARGEST <= value < _LARGEST
    if not is_right:
        raise _wrong(value, _WORDS[hint], place)
    return value


def _tuple(arguments: tuple[Any, ...], value: Any, place: str) -> tuple[Any, ...]:
    if not isinstance(value, (list, tuple)):
        raise _wrong(value, "a list", place)
    hints = (arguments[0],) * len(value) if arguments[-1] is Ellipsis else arguments
    if len(hints) != len(value):
        raise ValueError(f"{place}: {len(value)} entries, expected {len(hints)}")
    return tuple(
        typed(a, item, f"{place}[{n}]") for n, (a, item) in enumerate(zip(hints, value, strict=True))
    )


def _member(hint: type[Enum], value: Any, place: str) -> Enum:
    known = [member.value for member in hint]
    if not any(value == one and type(value) is type(one) for one in known):
        raise _wrong(value, "one of " + ", ".join(map(str, known)), place)
    return hint(value)


@cache
def _hints_of(cls: type) -> dict[str, Any]:
    """Types of the fields of a dataclass; finding them for each of many records takes most of the time."""
    return get_type_hints(cls)


def _record(cls: Any, plain: Any, place: str) -> Any:
    if not isinstance(plain, Mapping):
        raise _wrong(plain, "an object", place)
    hints = _hints_of(cls)
    known = {member.name: member for member in fields(cls)}
    if unknown := sorted(set(plain) - known.keys()):
        raise ValueError(
            f"{_join(place, shortened(unknown[0], _SHOWN))}: unknown, {cls.__name__} has no such field"
        )
    for name, member in known.items():
        if name not in plain and member.default is MISSING and member.default_factory is MISSING:
            raise ValueError(f"{_join(place, name)}: is missing")
    return cls(**{name: typed(hints[name], value, _join(place, name)) for name, value in plain.items()})


def _join(place: str, key: str) -> str:
    return f"{place}.{shortened(key, _SHOWN)}" if place else shortened(key, _SHOWN)


def _wrong(value: Any, expected: str, place: str) -> ValueError:
    return ValueError(f"{place}: {shortened(json.dumps(value, default=str), _SHOWN)} is not {expected}")
