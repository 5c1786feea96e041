"""Figures that were drawn before: of the same content by the same code they are not drawn again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from enum import Enum
from functools import partial
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

import hist
import numpy as np

from na64.datasets.basics.atomic_file import write_bytes
from na64.datasets.basics.identity import bytes_digest, source_digest
from na64.datasets.basics.json_records import parse_object, record_of
from na64.outputs.result.store import DRAWN

_DRAWN_BY = ("outputs/report", "outputs/result", "outputs/statistics")
"""Packages whose code, and whatever else is in them, decides how a figure looks."""

_AND_BY = (
    "datasets/basics/units.py",
    "datasets/conditions/on_target.py",
    "datasets/conditions/particles.toml",
    "datasets/instrument/features.py",
    "datasets/instrument/features.toml",
    "selections/planes.py",
    "selections/regions.py",
    "selections/signal_box.py",
)
"""Files elsewhere that give figures their words, units and edges."""

_OF_PAGE = (".css", ".j2", ".js", ".pyc")
"""Suffixes of what shapes the page and no figure in it."""

_LIBRARIES = ("matplotlib", "mplhep", "mplhep_data", "numpy", "pillow", "hist", "boost-histogram")


@dataclass(frozen=True, slots=True)
class KeptFigure:
    """A figure on the disk.

    Attributes
    ----------
    name, section, caption : str
    key : str
        `key_of` what drew it; empty if that has none.
    files : mapping of str to str
        sha256 of its images by suffix.
    """

    name: str
    section: str
    caption: str
    key: str
    files: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class KeptFigures:
    """Figures of a result that are there, in the order of the report.

    Attributes
    ----------
    of : str
        What all of them were made of; empty if one is missing.
    figures : tuple of KeptFigure
    """

    of: str = ""
    figures: tuple[KeptFigure, ...] = field(default_factory=tuple)


def read_kept(folder: Path) -> KeptFigures:
    """Read what is kept in the folder of a result; nothing if that cannot be read, or never was."""
    try:
        return record_of(KeptFigures, parse_object((folder / DRAWN).read_bytes(), DRAWN), DRAWN)
    except (OSError, ValueError, KeyError, TypeError):
        return KeptFigures()


def write_kept(folder: Path, kept: KeptFigures) -> None:
    """Remember what the plots of a result were made of."""
    plain = {
        "of": kept.of,
        "figures": [{f.name: getattr(one, f.name) for f in fields(one)} for one in kept.figures],
    }
    write_bytes(folder / DRAWN, (json.dumps(plain, indent=1, ensure_ascii=False) + "\n").encode())


def kept_images(folder: Path, figure: KeptFigure) -> dict[str, bytes]:
    """Images of a figure by suffix, if all are there as they were written; else none."""
    found: dict[str, bytes] = {}
    for suffix, digest in figure.files.items():
        path = folder / f"{figure.name}.{suffix}"
        data = path.read_bytes() if path.exists() else b""
        if bytes_digest(data) != digest:
            return {}
        found[suffix] = data
    return found


def code_digest(package: Path | None = None) -> str:
    """Name of all that decides how figures look besides their content: our code and files, and the libraries.

    Parameters
    ----------
    package : Path, optional
        Folder of the package; by default this one.
    """
    root = Path(str(files("na64"))) if package is None else package
    paths = [path for name in _DRAWN_BY for path in sorted((root / name).glob("*")) if path.is_file()]
    paths += [root / name for name in _AND_BY]
    code = [path for path in paths if path.suffix == ".py"]
    others = [path for path in paths if path.suffix not in (".py", *_OF_PAGE)]
    parts = [source_digest(code), *(f"{path.name} {bytes_digest(path.read_bytes())}" for path in others)]
    return bytes_digest("\n".join([*parts, *(f"{name} {version(name)}" for name in _LIBRARIES)]).encode())


def key_of(name: str, make: Any, code: str) -> str:
    """Name a figure and what draws it, function and arguments, by content; empty where one has no name.

    Parameters
    ----------
    name : str
    make : callable
        A partial of functions of modules.
    code : str
        `code_digest`.
    """
    try:
        return bytes_digest(json.dumps([code, name, _plain(make)], sort_keys=True).encode())
    except TypeError:
        return ""


def _plain(value: Any) -> Any:
    """Lists and texts that differ where a figure would."""
    if value is None or isinstance(value, str | bool | int | float):
        return value
    parts = _parts(value)
    return _named(value) if parts is None else [type(value).__qualname__, [_plain(part) for part in parts]]


def _parts(value: Any) -> Iterable[Any] | None:
    """What a value consists of; none of one that is no more than its name."""
    if isinstance(value, np.ndarray):
        array = np.ascontiguousarray(value)
        return str(array.dtype), list(array.shape), bytes_digest(array.tobytes())
    if isinstance(value, hist.Hist):
        return *(_axis(axis) for axis in value.axes), np.asarray(value.view(flow=True))
    if isinstance(value, partial):
        return value.func, value.args, value.keywords
    if isinstance(value, Enum):
        return (value.name,)
    if is_dataclass(value) and not isinstance(value, type):
        return [getattr(value, one.name) for one in fields(value)]
    if isinstance(value, Mapping):
        value = [*value.keys(), *value.values()]
    return value if isinstance(value, Sequence) else None


def _named(value: Any) -> list[str]:
    """A function or type of a module, by its name."""
    module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", "<")
    if not callable(value) or module is None or "<" in name:
        raise TypeError(f"{value!r} has no name")
    return ["name", module, name]


def _axis(axis: Any) -> Any:
    stated = {name: str(one) for name, one in axis.__dict__.items()}
    return [type(axis).__name__, axis.name, axis.label, stated, np.asarray(axis.edges)]
