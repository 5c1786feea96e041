"""Regions in which the events of a selection are counted: any number, no two with a common event."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from na64.datasets.basics.toml import TomlTable
from na64.datasets.instrument.features import Feature
from na64.selections.cut import Clause, Condition, read_condition
from na64.selections.interval import Interval

PREFIX = "region_"
"""How the column of a region begins; its name follows."""

ELSEWHERE = "elsewhere"
"""Where an event is that is in no region."""

CONTRACT = ("I", "II", "III")
"""Names whose columns are there, and empty, if a selection has no region at all."""

DIMUON_REGION = f"{PREFIX}I"
"""Column of the region that holds the dimuons, which the dimuon benchmark and the background look for."""

MOST_REGIONS = 12

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*", "<", ">", "p", "h", "x", "+")
"""Markers of figures, in the letters of matplotlib."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}")
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_SUMS = ("_sumw", "_sumw2")


@dataclass(frozen=True, slots=True)
class Region:
    """Events for which all intervals hold, and all clauses.

    Attributes
    ----------
    name : str
        That of its column: `PREFIX` and the name it was given.
    intervals : tuple of Interval
    label : str
        For people.
    source : str
        Where the shape comes from, with provenance tags; empty if that was not said.
    clauses : tuple of Clause
    colour, marker : str
        Of figures; empty where none was given.
    """

    name: str
    intervals: tuple[Interval, ...]
    label: str
    source: str
    clauses: tuple[Clause, ...] = ()
    colour: str = ""
    marker: str = ""

    @property
    def condition(self) -> Condition:
        """What holds in it."""
        return Condition(self.intervals, self.clauses)


def short_name(column: str) -> str:
    """Name that a region was given, of the name of its column."""
    return column.removeprefix(PREFIX)


def region_columns(names: Sequence[str]) -> tuple[str, ...]:
    """Columns of regions in tables; without any region those of `CONTRACT`, which stay empty."""
    return tuple(names) or tuple(f"{PREFIX}{name}" for name in CONTRACT)


def contract_order(name: str) -> int:
    """Key by which tables ``[region.NAME]``, which TOML does not order, are: `CONTRACT` before all others."""
    return CONTRACT.index(name) if name in CONTRACT else len(CONTRACT)


def read_regions(table: TomlTable, features: Mapping[str, Feature]) -> tuple[Region, ...]:
    """Read every ``[[region]]``, or ``[region.NAME]``, of a selection; no two of them may share an event.

    Raises
    ------
    KeyError, ValueError
        Names the file, the place and the value.
    """
    if not table.has("region"):
        return ()
    regions = tuple(_read_region(entry, name, features) for name, entry in _entries(table))
    place = table.place("region")
    if len(regions) > MOST_REGIONS:
        raise ValueError(f"{place}: {len(regions)} regions, at most {MOST_REGIONS}")
    try:
        check_names([short_name(region.name) for region in regions])
        check_disjoint(regions)
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from error
    return regions


def check_names(names: Sequence[str]) -> None:
    """Refuse names that cannot be told apart, as columns or on the command line.

    Raises
    ------
    ValueError
        Names the region.
    """
    for name in names:
        if not _NAME.fullmatch(name):
            raise ValueError(f'"{name}" is not a letter and up to 39 letters, digits and underscores')
        if name == ELSEWHERE or name.endswith(_SUMS):
            raise ValueError(f'no region can be called "{name}"')
    for one, other in combinations(names, 2):
        if one.casefold() == other.casefold():
            raise ValueError(
                f'"{other}" is there twice' if one == other else f'"{one}" and "{other}" are alike'
            )


def check_disjoint(regions: Sequence[Region]) -> None:
    """Refuse regions that no feature keeps apart.

    Raises
    ------
    ValueError
        Names the two regions.
    """
    for one, other in combinations(regions, 2):
        if not any(_are_apart(a, b) for a in one.intervals for b in other.intervals):
            raise ValueError(
                f"{one.name} and {other.name} can share events: "
                "there is no feature whose bounds in one exclude those in the other"
            )


def _entries(table: TomlTable) -> Iterator[tuple[str, TomlTable]]:
    if table.is_list("region"):
        yield from ((entry.text("name"), entry) for entry in table.tables("region"))
        return
    given = table.table("region")
    for name in sorted(given.names(), key=contract_order):
        entry = given.table(name)
        if entry.has("name"):
            raise ValueError(f'{entry.place("name")}: the region is called "{name}"')
        yield name, entry


def _read_region(table: TomlTable, name: str, features: Mapping[str, Feature]) -> Region:
    label, source = table.text("label", f"region {name.replace('_', ' ')}"), table.text("source", "")
    colour, marker = table.text("colour", ""), table.text("marker", "")
    if colour and not _COLOUR.fullmatch(colour):
        raise ValueError(f'{table.place("colour")}: "{colour}" is not a colour like "#b45309"')
    if marker and marker not in MARKERS:
        raise ValueError(f'{table.place("marker")}: "{marker}" is none of {" ".join(MARKERS)}')
    condition = read_condition(table, features, about=("colour", "marker"))
    if not condition.every_interval:
        raise ValueError(f"{table.place()}: bounds no feature")
    return Region(f"{PREFIX}{name}", condition.intervals, label, source, condition.clauses, colour, marker)


def _are_apart(one: Interval, other: Interval) -> bool:
    if one.feature != other.feature:
        return False
    return _highest(one) < _lowest(other) or _highest(other) < _lowest(one)


def _highest(interval: Interval) -> float:
    return interval.high if interval.limits is None else max(interval.limits.values)


def _lowest(interval: Interval) -> float:
    return interval.low if interval.lowest is None else min(interval.lowest.values)
