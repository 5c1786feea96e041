"""Single values of a selection that are set on the command line: ``--set vhcal.vhcal_total.below=3``."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping

from na64.datasets.basics.toml import Placed, unknown
from na64.datasets.basics.units import UNITS
from na64.selections.base import KINDS, entries_of, with_entries, with_source

SET = "NOT FOUND: set"
"""How the source of a cut begins of which a value was set."""

_WHOLE = ("yields_after", "skipped_at_most")
_NUMBERS = ("above", "min", "below", "max", "equals", "beyond")
_BOUNDS = (*_NUMBERS, "unit")
_WITH_UNIT = re.compile(r"(?P<number>[-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?)\s*(?P<unit>[A-Za-z]+)")
_TELLING = ("label", "source")
_PLACE = "--set"


def with_settings(content: Mapping[str, object], settings: Iterable[str], file: str) -> Mapping[str, object]:
    """A selection, as TOML has it, with some values set.

    Parameters
    ----------
    content : mapping of str to object
    settings : iterable of str
        ``CUT.FEATURE.BOUND=VALUE``, ``region.NAME.FEATURE.BOUND=VALUE`` and so on for planes, histograms
        and variations, ``yields_after=CUT`` or ``skipped_at_most=VALUE``. A bound is in the unit of the file.
    file : str
        Where the rest is from, for messages.

    Raises
    ------
    KeyError, ValueError
        No such cut or key, with the nearest; a value that is set twice; a text that sets nothing.
    """
    seen: set[str] = set()
    for text in settings:
        path, value = _parsed(text)
        if path in seen:
            raise ValueError(f"{_PLACE} {path}: is set twice")
        seen.add(path)
        content = _with_one(content, path, value, file)
    if seen:
        content = {**content, "label": f"{content.get('label', '')}; {', '.join(settings)}"}
    return content


def _parsed(text: str) -> tuple[str, object]:
    path, sign, value = (part.strip() for part in text.partition("="))
    if not sign or not path or not value:
        raise ValueError(f'{_PLACE} {text}: expected CUT.FEATURE.BOUND=VALUE, "vhcal.vhcal_total.below=3"')
    try:
        return path, tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return path, value


def _with_one(content: Mapping[str, object], path: str, value: object, file: str) -> Mapping[str, object]:
    first, *others = path.split(".")
    if first in _WHOLE and not others:
        return {**content, first: value}
    kind = "cut"
    if first in KINDS[1:] and others:
        kind, (first, *others) = first, others
    entries = entries_of(kind, content, file)
    if first not in entries:
        known = [*entries, *_WHOLE] if kind == "cut" else entries
        raise KeyError(f"{_PLACE} {path}: {unknown(kind, first, known)}")
    entry = entries[first]
    changed = _with_key(entry, others, value, path)
    if kind not in ("plane", "histogram", "feature") and others[-1] not in _TELLING:
        changed = with_source(changed, f"{SET} {path.rpartition('.')[2]} = {value}")
    entries[first] = Placed(changed, _PLACE, first if kind == "cut" else f"{kind}.{first}")
    return {**content, kind: with_entries(entries)}


def _with_key(entry: Mapping[str, object], keys: list[str], value: object, path: str) -> dict[str, object]:
    """A table with one value replaced; of a feature's bounds one that was not there may be added."""
    if not keys:
        raise ValueError(f"{_PLACE} {path}: expected a value below it, one of {', '.join(_settable(entry))}")
    first, *others = keys
    known = _settable(entry)
    if first == "name":
        raise ValueError(f"{_PLACE} {path}: a name cannot be set")
    if first not in entry and not (not others and first in _BOUNDS and "name" not in entry):
        if first in _BOUNDS and not others and (features := _bounded(entry)):
            wanted = f"{path.rpartition('.')[0]}.{features[0]}.{first}={value}"
            raise KeyError(f'{_PLACE} {path}: expected CUT.FEATURE.BOUND=VALUE, "{wanted}"')
        raise KeyError(f"{_PLACE} {path}: {unknown('key', first, known)}")
    before = entry.get(first)
    if not others:
        if isinstance(before, Mapping):
            raise ValueError(f"{_PLACE} {path}: expected a value below it, one of {', '.join(before)}")
        _refuse_unit(first, value, entry, path)
        return {**entry, first: value}
    if not isinstance(before, Mapping):
        raise KeyError(f"{_PLACE} {path}: {first} has nothing below it")
    return {**entry, first: _with_key(before, others, value, path)}


def _bounded(entry: Mapping[str, object]) -> list[str]:
    """Features of a cut or region that have bounds."""
    return [key for key, value in entry.items() if isinstance(value, Mapping) and {*value} & {*_BOUNDS}]


def _refuse_unit(key: str, value: object, entry: Mapping[str, object], path: str) -> None:
    """Refuse a bound that is written with its unit, which is that of the file."""
    if key not in _NUMBERS or not isinstance(value, str) or not (found := _WITH_UNIT.fullmatch(value)):
        return
    if found["unit"] not in UNITS:
        return
    unit = entry.get("unit", "1")
    is_that = f"the unit is {unit}" if unit != "1" else "it is a plain number"
    asks = f"write {found['number']}, " if found["unit"] == unit else ""
    raise ValueError(f"{_PLACE} {path}: {value} has a unit: {asks}{is_that}")


def _settable(entry: Mapping[str, object]) -> list[str]:
    return [key for key in entry if key != "name"]
