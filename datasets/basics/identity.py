"""Names made of content: of a value, a file, a piece of source code."""

from __future__ import annotations

import ast
import hashlib
import json
import math
import sys
from collections.abc import Iterable
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from functools import cache
from pathlib import Path

import xxhash

from na64.datasets.basics.kept_names import keep, kept_names

_BLOCK = 1 << 20
_MARK = "!"
_AS_THEY_ARE = {bool, int, str, type(None)}


def identity(value: object) -> str:
    """Name a value: sha256 of its canonical JSON.

    Allowed are dict with str keys, list and tuple (the same), str, int, float except nan, bool, None, Enum
    (by its value) and dataclasses (class name and fields); 1 and 1.0 differ. Everything else is refused,
    NumPy numbers too: how they print changes with versions.

    Parameters
    ----------
    value : object

    Returns
    -------
    str
        64 hexadecimal digits, the same in every process and under every PYTHONHASHSEED.

    Raises
    ------
    TypeError
        Names the type that is not on the list.
    """
    return bytes_digest(canonical(value).encode("ascii"))


def bytes_digest(data: bytes) -> str:
    """sha256 of some bytes, in hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def canonical(value: object) -> str:
    """Write a value as canonical JSON: sorted keys, no spaces, ASCII."""
    return json.dumps(
        _plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False
    )


def _plain(value: object) -> object:
    if isinstance(value, Enum):
        return _plain(value.value)
    if is_dataclass(value) and not isinstance(value, type):
        members = {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
        return {_MARK + type(value).__name__: members}
    if type(value) is float:
        return _plain_float(value)
    if value is None or type(value) in (bool, int, str):
        return value
    if type(value) in (list, tuple):
        return _plain_list(value)  # type: ignore[arg-type]
    if type(value) is dict:
        return {_plain_key(key): _plain(item) for key, item in value.items()}
    raise TypeError(f"no identity for a value of type {type(value).__name__}")


def _plain_list(values: list[object] | tuple[object, ...]) -> list[object]:
    kinds = set(map(type, values))
    if kinds <= _AS_THEY_ARE or (kinds == {float} and all(map(math.isfinite, values))):  # type: ignore[arg-type]
        return list(values)
    return [_plain(item) for item in values]


def _plain_float(value: float) -> object:
    # An open bound is infinite; JSON has no word for it.
    if math.isnan(value):
        raise TypeError("no identity for nan")
    return value if math.isfinite(value) else {_MARK + "float": str(value)}


def _plain_key(key: object) -> str:
    if type(key) is not str:
        raise TypeError(f"no identity for a dict key of type {type(key).__name__}")
    if key.startswith(_MARK):
        raise TypeError(f'no identity for the dict key "{key}": "{_MARK}" marks a class')
    return key


@dataclass(frozen=True, slots=True)
class FileDigest:
    """Content of a file.

    Attributes
    ----------
    sha256, xxh3 : str
        Hexadecimal; the second is the quick one, for a look before each campaign.
    size : int
        Bytes.
    """

    sha256: str
    xxh3: str
    size: int


def file_digest(path: Path) -> FileDigest:
    """Read a file once and give both hashes and its size."""
    sha256, xxh3, size = hashlib.sha256(), xxhash.xxh3_64(), 0
    buffer = bytearray(_BLOCK)
    view = memoryview(buffer)
    with path.open("rb", buffering=0) as file:
        while n_bytes := file.readinto(buffer):
            sha256.update(view[:n_bytes])
            xxh3.update(view[:n_bytes])
            size += n_bytes
    return FileDigest(sha256.hexdigest(), xxh3.hexdigest(), size)


def source_digest(paths: Iterable[Path]) -> str:
    """Name Python sources by what they do: comments, layout and docstrings do not count.

    The name depends on the file names and the syntax trees, hence on the Python version that made the trees.
    """
    contents = [(path.name, path.read_bytes()) for path in paths]
    keys = [bytes_digest(source) for _, source in contents]
    names = kept_names(_made_by())
    lacking = {
        key: _code(source, name)
        for key, (name, source) in zip(keys, contents, strict=True)
        if key not in names
    }
    if lacking:  # parsing all sources takes more than a second
        names |= lacking
        keep(_made_by(), names)
    return identity(sorted([name, names[key]] for key, (name, _) in zip(keys, contents, strict=True)))


@cache
def _made_by() -> str:
    """Name of what names sources: this module as it is, and the Python that parses."""
    return f"{bytes_digest(Path(__file__).read_bytes())[:16]}-python{sys.hexversion:x}"


def _code(source: bytes, name: str) -> str:
    tree = ast.parse(source, filename=name)
    for node in ast.walk(tree):
        for block in ("body", "orelse", "finalbody"):
            statements = getattr(node, block, None)
            if isinstance(statements, list):
                setattr(node, block, [s for s in statements if not _is_bare_string(s)])
    return bytes_digest(ast.dump(tree).encode())


def _is_bare_string(statement: ast.AST) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )
