"""Names of a plug-in: of what it computes, whatever its comments, and of the modules that it imports.

The name of what it computes is made of the syntax tree without positions, docstrings included, so that
comments, blank lines and formatting do not count; another version of Python may make another tree of the same
source, and with it another name. A plug-in that may look at its own text or lines, or that imports what is
not known not to do so, is named by its text.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.metadata
import importlib.util
import sys
import warnings
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

from na64.datasets.basics.identity import identity

Imported = tuple[tuple[str, str], ...]
"""Modules by name, each with its version or the sha256 of its sources."""


def _listed(words: str) -> frozenset[str]:
    return frozenset(words.split())


_PACKAGES = frozenset({"awkward", "na64", "numba", "numpy", "scipy"})
_STANDARD = _listed(
    """
    __future__ abc array bisect cmath collections contextlib copy dataclasses datetime decimal enum
    fractions functools heapq itertools math numbers operator random re statistics string time typing
    """
)
"""Modules that look at no source."""

_NAMES = _listed(
    """
    ag_code ag_frame breakpoint compile cr_code cr_frame eval exec f_back f_code f_globals f_lasti
    f_lineno f_locals fromfile fromregex genfromtxt gi_code gi_frame globals lineno load loadtxt locals
    memmap open vars
    """
)
"""What tells of a source or its lines, or reads files."""

_PREFIXES = ("__", "co_", "inspect", "tb_")
_HARMLESS = _listed(
    """
    __call__ __class__ __doc__ __eq__ __getitem__ __init__ __len__ __main__ __name__ __post_init__
    __qualname__ __slots__
    """
)
_INSTALLED = frozenset({"dist-packages", "site-packages"})


@lru_cache(maxsize=16)
def code_identity(name: str, source: str) -> str:
    """Name of what a source computes.

    Parameters
    ----------
    name : str
        Of the file; it counts only where the text does.
    source : str

    Returns
    -------
    str
        64 hexadecimal digits.

    Raises
    ------
    SyntaxError, ValueError
        The source is not one of Python.
    """
    tree = _parsed(source)
    try:
        found = name_of_text(f"{name}\n{source}") if _looks_at_text(tree) else name_of_text(ast.dump(tree))
    except RecursionError:  # nested more deeply than can be written down
        return name_of_text(f"{name}\n{source}")
    return found


def name_of_text(text: str) -> str:
    """Name of a text by every letter: its sha256."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def imported_modules(source: str) -> Imported:
    """Modules that a source imports besides those of Python and the packages that na64 stands on.

    An installed one has its version, any other the sha256 of its sources, with those that it imports itself.
    """
    found: dict[str, str] = {}
    pending = list(_imports(_parsed(source)))
    while pending:
        name = pending.pop()
        if name in found or name in _PACKAGES or name in sys.stdlib_module_names:
            continue
        places = _places(name)
        if any(_INSTALLED & {*path.parts} for path in places):
            found[name] = _version(name)
            continue
        texts = [(path.name, path.read_bytes()) for path in _sources(places)]
        found[name] = identity([[one, hashlib.sha256(text).hexdigest()] for one, text in texts])
        pending += [other for _, text in texts for other in _imports(_parsed(text))]
    return tuple(sorted(found.items()))


def _parsed(source: str | bytes) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Python says it when the source is compiled
        return ast.parse(source)


def _imports(tree: ast.Module) -> Iterator[str]:
    """Names of the modules that are imported anywhere, without what is inside them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (one.name.partition(".")[0] for one in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def _looks_at_text(tree: ast.Module) -> bool:
    """Whether a source may look at its own text or lines, as far as can be seen."""
    if any(name not in _PACKAGES | _STANDARD for name in _imports(tree)):
        return True
    return any(map(_tells_of_text, _words(ast.walk(tree))))


def _words(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Names, attributes, and the texts that `getattr` could take for them."""
    for node in nodes:
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.alias):
            yield node.name.rpartition(".")[2]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.Call) and _is_getattr(node):
            yield "vars"  # it takes any name


def _is_getattr(call: ast.Call) -> bool:
    """Whether it is a `getattr` of a name that is not written there."""
    is_called = isinstance(call.func, ast.Name) and call.func.id == "getattr"
    return is_called and not any(isinstance(one, ast.Constant) for one in call.args[1:2])


def _tells_of_text(word: str) -> bool:
    return word in _NAMES or (word.isidentifier() and word.startswith(_PREFIXES) and word not in _HARMLESS)


def _places(module: str) -> list[Path]:
    """File or folders of a module; none if it is not there or no file."""
    try:
        spec = importlib.util.find_spec(module)
    except ValueError:  # something in this process by that name that is no file
        return []
    if spec is None:
        return []
    return [Path(place) for place in spec.submodule_search_locations or filter(None, [spec.origin])]


def _sources(places: Iterable[Path]) -> list[Path]:
    """Files of Python in some places."""
    found = {path for place in places for path in (place.rglob("*.py") if place.is_dir() else [place])}
    return sorted(path for path in found if path.suffix == ".py" and path.is_file())


def _version(module: str) -> str:
    try:
        return importlib.metadata.version(module)
    except importlib.metadata.PackageNotFoundError:  # whose package has another name: a look at all of them
        names = importlib.metadata.packages_distributions().get(module, [])
        return " ".join(f"{name} {importlib.metadata.version(name)}" for name in sorted({*names}))
