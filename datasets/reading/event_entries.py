"""Tables ``[event]`` and ``[feature]`` of a layout: columns, columns of one's own, ready-made features."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from na64.datasets.basics.toml import TomlTable, nearest, unknown
from na64.datasets.basics.units import UNITS
from na64.datasets.instrument.columns import COLUMNS, Shape
from na64.datasets.instrument.features import FEATURES, Feature
from na64.datasets.instrument.taken_names import TAKEN
from na64.datasets.reading.branch import Branch
from na64.datasets.reading.branch_entries import any_number, check_plain, counted, measured, read_branch
from na64.datasets.reading.detector_entries import RESERVED

KEYS = ("run", "spill", "event")
"""Columns that say which event it is."""

CONSTANT = ("run", "spill", "trigger")
"""Columns that a layout may give one value for all events."""

_EVENT = tuple(name for name, column in COLUMNS.items() if Shape.EVENT in column.shapes)
_RESERVED = (*RESERVED, "unequal_hits")
_NO_FEATURE = {"bad_spill": "it follows from the bad lists"}
_LARGEST = 2**31


@dataclass(frozen=True, slots=True)
class EventEntries:
    """What ``[event]`` says.

    Attributes
    ----------
    branches : dict of str to Branch
        By column, those of the user's own too.
    constants : dict of str to int
        Columns that have one value in all events.
    counts_entries : bool
        The number of an event is that of its entry in the file.
    own : tuple of Feature
        What the columns of the user's own are as features.
    """

    branches: dict[str, Branch]
    constants: dict[str, int]
    counts_entries: bool
    own: tuple[Feature, ...]


@dataclass(frozen=True, slots=True)
class FeatureEntries:
    """What ``[feature]`` says.

    Attributes
    ----------
    branches : dict of str to Branch
        By feature.
    sums : dict of str to tuple of str
        Features that are said to be the sum of others, which have branches.
    """

    branches: dict[str, Branch]
    sums: dict[str, tuple[str, ...]]


def read_event(table: TomlTable) -> EventEntries:
    """Read ``[event]``.

    Raises
    ------
    KeyError, ValueError
        Something is missing, unknown or unclear; names the file and the key.
    """
    names = [name for name in _EVENT if table.has(name)]
    names += [name for name in table.names() if name not in names]
    entries = {name: table.table(name) for name in names}
    constants = {name: _read_constant(entry, name) for name, entry in entries.items() if entry.has("value")}
    counts_entries = "event" in entries and _read_entry(entries["event"])
    own = tuple(_read_own(table, name, entry) for name, entry in entries.items() if name not in _EVENT)
    units = {feature.name: feature.unit for feature in own}
    branches = {
        name: _read_own_branch(entry, name, units[name]) if name in units else _read_column(entry, name)
        for name, entry in entries.items()
        if name not in constants and not (counts_entries and name == "event")
    }
    said = {*constants, *(("event",) if counts_entries else ())}
    for name in KEYS:
        if name not in said and (name not in branches or not branches[name].required):
            raise KeyError(f'{table.place()}: "{name}" is missing or not required')
    return EventEntries(branches, constants, counts_entries, own)


def _read_entry(entry: TomlTable) -> bool:
    """Whether events are numbered by their entries."""
    if not entry.has("entry"):
        return False
    if not entry.flag("entry"):
        raise ValueError(f"{entry.place('entry')}: is true, or a branch gives the number")
    for key in ("branch", "branches", "value"):
        if entry.has(key):
            raise ValueError(f"{entry.place(key)}: event is the number of the entry already")
    return True


def _read_constant(entry: TomlTable, name: str) -> int:
    if name not in CONSTANT:
        raise ValueError(
            f"{entry.place('value')}: only {', '.join(CONSTANT[:-1])} and {CONSTANT[-1]} may be one value "
            "for all events"
        )
    for key in ("branch", "branches"):
        if entry.has(key):
            raise ValueError(f"{entry.place(key)}: {name} has a value already")
    value = entry.integer("value")
    if not 0 <= value < _LARGEST:
        raise ValueError(f"{entry.place('value')}: {value} is not from 0 to {_LARGEST - 1}")
    return value


def _read_column(entry: TomlTable, name: str) -> Branch:
    column = COLUMNS[name]
    is_float = column.dtype.startswith("float")
    return read_branch(entry, measured(name, column.unit) if is_float else counted(name))


def _read_own(table: TomlTable, name: str, entry: TomlTable) -> Feature:
    """A column of the user's own as a feature; a packaged one that is written wrongly has no meaning."""
    if not entry.has("meaning"):
        raise KeyError(
            f"{table.place()}: {unknown('key', name, _EVENT)}; a column of your own says its meaning"
        )
    check_plain(name, table.place(name))
    for noun, known in (("column", COLUMNS), ("part of an event", _RESERVED), *TAKEN.items()):
        if name in known:
            raise ValueError(f"{table.place(name)}: is a {noun} already, a column of your own cannot be")
    meaning = entry.text("meaning").strip()
    if not meaning:
        raise ValueError(f"{entry.place('meaning')}: is empty")
    return Feature(name, _base_unit(entry), meaning)


def _base_unit(entry: TomlTable) -> str:
    unit = entry.text("unit")
    if unit not in UNITS:
        raise KeyError(f"{entry.place('unit')}: {unknown('unit', unit, UNITS)}")
    return UNITS[unit].base


def _read_own_branch(entry: TomlTable, name: str, unit: str) -> Branch:
    return read_branch(entry, any_number(name, unit))


def read_features(table: TomlTable) -> FeatureEntries:
    """Read ``[feature]``: packaged features, or those of a period, that a file holds ready made.

    Raises
    ------
    KeyError, ValueError
        Something is missing, unknown or unclear; names the file and the key.
    """
    entries = {name: table.table(name) for name in table.names()}
    for name, entry in entries.items():
        _check_feature(name, entry.place())
    summed = {name: entry.texts("sum_of") for name, entry in entries.items() if entry.has("sum_of")}
    branches = {
        name: read_branch(entry, any_number(name, _unit_of_feature(entry, name)))
        for name, entry in entries.items()
        if name not in summed
    }
    for name, parts in summed.items():
        _check_sum(entries[name], name, parts, branches)
    return FeatureEntries(branches, summed)


def _check_feature(name: str, place: str) -> None:
    check_plain(name, place)
    if name in _NO_FEATURE:
        raise ValueError(f"{place}: no branch can give {name}, {_NO_FEATURE[name]}")
    if name in COLUMNS:
        raise ValueError(f"{place}: {name} is a column, it belongs into [event]")


def _unit_of_feature(entry: TomlTable, name: str) -> str:
    return FEATURES[name].unit if name in FEATURES else _base_unit(entry)


def _check_sum(entry: TomlTable, name: str, listed: tuple[str, ...], branches: Mapping[str, Branch]) -> None:
    place = entry.place("sum_of")
    if not listed or len({*listed}) != len(listed):
        raise ValueError(f"{place}: {list(listed)} are not features, each once")
    for key in ("branch", "branches"):
        if entry.has(key):
            raise ValueError(f"{entry.place(key)}: {name} is a sum already")
    for part in listed:
        if part not in branches:
            closest = nearest(part, branches)
            hint = f', nearest that has one is "{closest}"' if closest else ""
            raise KeyError(f'{place}: "{part}" has no branch in [feature]{hint}')
    first = FEATURES[name].unit if name in FEATURES else branches[listed[0]].unit.base
    of = name if name in FEATURES else listed[0]
    for part in listed:
        if branches[part].unit.base != first:
            raise ValueError(f"{place}: {part} is in {branches[part].unit.base}, {of} in {first}")
