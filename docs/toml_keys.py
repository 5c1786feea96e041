"""The keys of the TOML files, noted while the readers ask for them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from na64.datasets.basics.toml import TomlTable
from na64.datasets.conditions.losses import packaged_losses
from na64.datasets.conditions.periods import features_of_periods, load_periods
from na64.datasets.instrument.columns import COLUMNS, DETECTORS, Shape
from na64.datasets.instrument.features import FEATURES
from na64.selections.selection import SELECTIONS, load_selection

_PERIODS = tuple(load_periods())
_FEATURES = {*FEATURES, *features_of_periods(load_periods().values(), together=False)}
_EVENT_COLUMNS = [c.name for c in COLUMNS.values() if Shape.EVENT in c.shapes]
_REGIONS = ("I", "II", "III")
_FURTHER = {one.name for period in load_periods().values() for one in period.setup.further}
_CHOSEN = {
    ("change", "change"): "CUT",
    ("change_histogram", "change_histogram"): "HISTOGRAM",
    ("change_plane", "change_plane"): "PLANE",
    ("change_region", "change_region"): "REGION",
    ("region", "region"): "REGION",
    ("variation[]", "cut"): "CUT",
    ("variation[]", "threshold"): "CUT",
    ("variation[]", "scale"): "DETECTOR",
    ("variation[]", "window"): "DETECTOR",
    ("constants", "constants"): "NAME",
}
"""What the keys of a table stand for, by the first part of the path and that of the table."""

_APART = ("signal_boxes.toml", "features.toml")
"""Files of the package whose keys are no part of those that refer to them."""

_SOURCED = {"value": "number", "values": "numbers", "text": "text", "flag": "true or false"}
"""What a table with a source holds, by its key."""

_FORMULAS = {formula.name for name in SELECTIONS for formula in load_selection(name).formulas}
_LOSSES = {loss.name for losses in packaged_losses().values() for loss in losses.losses}
_GETTERS = {
    "text": "text",
    "number": "number",
    "integer": "integer",
    "flag": "true or false",
    "texts": "list of texts",
    "numbers": "list of numbers",
    "integers": "list of integers",
    "integer_rows": "list of lists of integers",
    "table": "table",
    "tables": "list of tables",
}


@dataclass(slots=True)
class Key:
    """What a reader wants under a key: the type, and what it takes if the key is not there."""

    type: str
    defaults: set[str] = field(default_factory=set)

    @property
    def default(self) -> str:
        """Value that a key has if it is left out, in a word or two."""
        return next(iter(self.defaults)) if len(self.defaults) == 1 else "depends on the others"


Keys = dict[tuple[str, str], Key]


@contextmanager
def recorded() -> Iterator[Keys]:
    """Note every key that is asked of a `TomlTable`, by its file and dotted path."""
    keys: Keys = {}
    asked: set[tuple[str, str]] = set()
    originals = {name: getattr(TomlTable, name) for name in (*_GETTERS, "has", "_read")}
    for name, kind in _GETTERS.items():
        _set(name, _noting(originals[name], kind, keys))
    _set("has", _asking(originals["has"], asked))
    _set("_read", _reading(originals))
    try:
        yield keys
    finally:
        for name, original in originals.items():
            _set(name, original)
        for path in asked & keys.keys():
            keys[path].defaults = {"may be left out"}


def joined(keys: dict[str, Key]) -> dict[str, Key]:
    """Keys by path, where a table of a value, its unit and its source is one."""
    found = dict(keys)
    for path, key in keys.items():
        inside = {other for other in keys if other.startswith(f"{path}.")}
        held = {other.removeprefix(f"{path}.") for other in inside}
        kinds = [kind for one, kind in _SOURCED.items() if one in held]
        if kinds and "source" in held and held <= {"source", "unit", *_SOURCED}:
            found[path] = Key(f"{kinds[0]} with source", key.defaults)
            for other in inside:
                found.pop(other, None)
    return found


def meaning(path: str, meanings: Mapping[str, str]) -> str:
    """Meaning of the longest end of a path that has one, or an empty text."""
    parts = path.replace("[].", ".").removesuffix("[]").split(".")
    plain = {key.replace("[].", "."): text for key, text in meanings.items()}
    ends = (".".join(parts[n:]) for n in range(len(parts)))
    return next((plain[end] for end in ends if end in plain), "")


def _noting(original: Callable[..., Any], kind: str, keys: Keys) -> Callable[..., Any]:
    def getter(table: TomlTable, key: str, *default: Any) -> Any:
        noted = keys.setdefault(_path(table, key), Key(kind))
        noted.defaults.add(_shown(default[0]) if default else "refused")
        return original(table, key, *default)

    return getter


def _set(name: str, method: Callable[..., Any]) -> None:
    setattr(TomlTable, name, method)


def _asking(original: Callable[..., bool], asked: set[tuple[str, str]]) -> Callable[..., bool]:
    def has(table: TomlTable, key: str) -> bool:
        asked.add(_path(table, key))
        return original(table, key)

    return has


def _reading(originals: dict[str, Any]) -> Callable[..., Any]:
    """Read without noting that the getters themselves ask whether a key is there."""

    def read(table: TomlTable, *arguments: Any) -> Any:
        noting = TomlTable.has
        _set("has", originals["has"])
        try:
            return originals["_read"](table, *arguments)
        finally:
            _set("has", noting)

    return read


def _shown(default: object) -> str:
    if default is None or default in ("", (), []):
        return "nothing"
    return f"`{default}`" if isinstance(default, str | int | float) else "a list"


def _path(table: TomlTable, key: str) -> tuple[str, str]:
    """Name a key, with what it stands for in place of a name that the user chooses."""
    file, _, path = table.place(key).partition(": ")
    parts = re.sub(r"\[\d+\]", "[]", path).split(".")
    return (file if file in _APART else ""), ".".join(
        _general(part, depth, parts) for depth, part in enumerate(parts)
    )


def _general(part: str, depth: int, parts: list[str]) -> str:
    top, before = parts[0], parts[depth - 1] if depth else ""
    if (top, before) in _CHOSEN:
        return _CHOSEN[top, before]
    if top in ("box", "box[]"):
        return part
    known = {
        "LOSS": _LOSSES if top == "loss" and depth else (),
        "DETECTOR": _FURTHER if top == "detector" and depth == 1 else () if depth else DETECTORS,
        "COLUMN": _EVENT_COLUMNS if top == "event" and depth else (),
        "FEATURE": (*_FEATURES, *_FORMULAS),
        "PERIOD": _PERIODS,
        "REGION": _REGIONS,
        "CHANNEL": (part,) if top == "channel" and depth == 1 else (),
        "VARIANT": (part,) if top == "variant" and depth == 1 else (),
    }
    return next((word for word, names in known.items() if part in names), part)
