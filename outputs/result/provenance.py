"""What made a result: code, packages, inputs and command, without anything about who and where."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

import na64
from na64.datasets.basics.identity import source_digest
from na64.datasets.reading.decompression import libraries
from na64.outputs.result.summary import Summary
from na64.processors.features.plugin import Plugin

PACKAGES = (
    "awkward",
    "boost-histogram",
    "coffea",
    "dask",
    "deflate",
    "distributed",
    "hist",
    "llvmlite",
    "matplotlib",
    "mplhep",
    "numba",
    "numpy",
    "pyarrow",
    "scipy",
    "uhi",
    "uproot",
    "zstandard",
)
"""Packages whose version can change a product."""

SCHEMA = 1
"""Version of `provenance.json`."""

_FOLDERS = re.compile(r"(?:(?<![\w.])|(?<=:))(?:~|\.{1,2})?/(?:[^\s/:,;'\"()\[\]]+/)*(?=[^\s/])")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S*")


def provenance(
    *,
    command: Sequence[str],
    inputs: Mapping[str, str],
    summary: Summary,
    plugin: Mapping[str, object] | None = None,
) -> dict[str, object]:
    """Everything that made a result, as `provenance.json` holds it.

    Parameters
    ----------
    command : sequence of str
        The arguments after ``na64``; folders, hosts and queries are taken out.
    inputs : mapping of str to str
        File name by sha256.
    summary : Summary
    plugin : mapping, optional
        Name, identity and texts of the plug-in, as `plugin_facts` has them.
    """
    return {
        "schema": SCHEMA,
        "version": na64.__version__,
        "code": code_digest(),
        "command": " ".join(["na64", *(anonymous(argument) for argument in command)]),
        "selection": {
            "name": summary.selection.name,
            "identity": summary.identities.get("selection", ""),
            "settings": list(summary.selection.settings),
        },
        "plugin": None if plugin is None else dict(plugin),
        "calibration": summary.identities.get("calibration", ""),
        "periods": {
            period.name: [[fact.name, fact.value, fact.unit, fact.source] for fact in period.facts]
            for period in summary.periods
        },
        "inputs": {sha256: PurePosixPath(name).name for sha256, name in sorted(inputs.items())},
        "packages": packages(),
        "decompression": libraries(),
        "python": platform.python_version(),
        "machine": platform.machine(),
    }


def plugin_facts(plugin: Plugin | None, texts: Iterable[str]) -> dict[str, object] | None:
    """Facts of a plug-in, with each text of it that events were counted with.

    Parameters
    ----------
    plugin : Plugin or None
    texts : iterable of str
        As sha256; they differ in comments and formatting only.
    """
    return None if plugin is None else {**plugin.facts, "sha256": sorted(texts)}


def code_digest() -> str:
    """Name of the package's code by content; comments do not count."""
    root = Path(na64.__file__).parent
    folders = ("datasets", "selections", "processors", "outputs")
    sources = [path for folder in folders for path in (root / folder).rglob("*.py")]
    return source_digest(sorted([root / "__init__.py", *sources]))


def packages() -> dict[str, str]:
    """Versions of `PACKAGES` that this process has; one that is not installed is left out."""
    return dict(_versions())


@cache
def _versions() -> tuple[tuple[str, str], ...]:
    found = []
    for name in PACKAGES:
        with suppress(PackageNotFoundError):
            found.append((name, version(name)))
    return tuple(found)


def anonymous(text: str, paths: Iterable[str] = ()) -> str:
    """Text with file names in place of paths, and without hosts, user names and queries in URLs.

    Parameters
    ----------
    text : str
    paths : iterable of str
        Paths known to occur; with them, names with spaces are found too.
    """
    for path in sorted(paths, key=len, reverse=True):
        text = text.replace(path, _name_of(path))
    return _FOLDERS.sub("", _URL.sub(lambda match: _name_of(match.group()), text))


def _name_of(path: str) -> str:
    if _URL.fullmatch(path):
        parts = urlsplit(path)
        name = PurePosixPath(parts.path).name
        return f"{parts.scheme}:{name}" if name else f"{parts.scheme}:"
    return PurePosixPath(path).name
