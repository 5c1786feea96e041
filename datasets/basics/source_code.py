"""Names of Python sources by what they do, kept on disk: parsing all of them takes more than a second."""

from __future__ import annotations

import ast
import hashlib
import json
import sys
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path

from na64.datasets.basics.atomic_file import written_whole
from na64.datasets.basics.identity import identity
from na64.datasets.basics.private_folder import private_folder

_MOST = 20_000
"""Names that are kept; a file with more is begun anew."""


def source_digest(paths: Iterable[Path]) -> str:
    """Name Python sources by what they do: comments, layout and docstrings do not count.

    The name depends on the file names and the syntax trees, hence on the Python version that made the trees.
    """
    contents = [(path.name, path.read_bytes()) for path in paths]
    keys = [hashlib.sha256(source).hexdigest() for _, source in contents]
    known, new = _known(), {}
    for key, (name, source) in zip(keys, contents, strict=True):
        if key not in known and key not in new:
            new[key] = code_of(source, name)
    if new:
        known |= new
        _keep(known)
    return identity(sorted([name, known[key]] for key, (name, _) in zip(keys, contents, strict=True)))


def code_of(source: bytes, name: str) -> str:
    """Name one source by its syntax tree without bare strings; errors of syntax name the file."""
    tree = ast.parse(source, filename=name)
    for node in ast.walk(tree):
        for block in ("body", "orelse", "finalbody"):
            statements = getattr(node, block, None)
            if isinstance(statements, list):
                setattr(node, block, [s for s in statements if not _is_bare_string(s)])
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()


def _is_bare_string(statement: ast.AST) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def _place() -> Path | None:
    """File of names: one for each Python and for each version of this module, which makes them."""
    made_by = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:16]
    folder = private_folder("sources")
    return None if folder is None else folder / f"{made_by}-python{sys.hexversion:x}.json"


@cache  # by content, so that a changed file is seen
def _known() -> dict[str, str]:
    """Names by the sha256 of the source, as another program has kept them; none if the file is damaged."""
    place = _place()
    if place is None:
        return {}
    with suppress(OSError, ValueError, KeyError, TypeError):
        content = json.loads(place.read_bytes())
        names: dict[str, str] = content["names"]
        if content["seal"] == identity(names):
            return names
    return {}


def _keep(names: dict[str, str]) -> None:
    """Keep names for the next program; where that is not possible it makes them again."""
    if len(names) > _MOST:
        for key in list(names)[: len(names) - _MOST // 2]:
            del names[key]
    place = _place()
    if place is not None:
        with suppress(OSError), written_whole(place) as file:
            file.write(json.dumps({"seal": identity(names), "names": names}).encode())
