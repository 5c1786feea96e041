"""JSON that the package has written, read back; what is something else is refused by its name."""

from __future__ import annotations

import json
import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

Record = TypeVar("Record")


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
        plain = json.loads(data)
    except ValueError as error:
        raise ValueError(f"{name}: not JSON: {error}") from None
    if not isinstance(plain, dict):
        raise ValueError(f"{name}: begins with {data[:20]!r}, expected an object of JSON")
    return plain


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
        A field is unknown, missing or of another kind.
    """
    try:
        return _record(cls, plain)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{name}: {error}") from None


def _record(cls: type[Record], plain: Mapping[str, Any]) -> Record:
    hints = get_type_hints(cls)
    known = {member.name for member in fields(cls)}  # type: ignore[arg-type]
    if unknown := sorted(set(plain) - known):
        raise ValueError(f"{cls.__name__}: unknown field {unknown[0]}")
    return cls(**{name: _typed(hints[name], value) for name, value in plain.items()})


def _typed(hint: Any, value: Any) -> Any:
    if value is None or hint in (str, int, float, bool):
        return value
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return _typed(next(a for a in arguments if a is not type(None)), value)
    if origin is tuple:
        hints = (arguments[0],) * len(value) if arguments[-1] is Ellipsis else arguments
        return tuple(_typed(a, item) for a, item in zip(hints, value, strict=True))
    if origin is not None:
        return {key: _typed(arguments[1], item) for key, item in value.items()}
    return _record(hint, value) if is_dataclass(hint) else hint(value)  # type: ignore[arg-type]
