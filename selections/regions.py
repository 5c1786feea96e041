"""Regions I, II and III of the (E_ECAL, E_HCAL) plane."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from na64.datasets.basics.toml import TomlTable
from na64.datasets.instrument.features import Feature
from na64.selections.cut import Clause, Condition, read_condition
from na64.selections.interval import Interval

REGIONS = ("region_I", "region_II", "region_III")
"""Names of the regions, in order; an event in none of them is `elsewhere`."""


@dataclass(frozen=True, slots=True)
class Region:
    """Events for which all intervals hold, and all clauses.

    Attributes
    ----------
    name : str
        One of `REGIONS`.
    intervals : tuple of Interval
    label : str
        For people.
    source : str
        Where the shape comes from, with provenance tags; empty if that was not said.
    """

    name: str
    intervals: tuple[Interval, ...]
    label: str
    source: str
    clauses: tuple[Clause, ...] = ()

    @property
    def condition(self) -> Condition:
        """What holds in it."""
        return Condition(self.intervals, self.clauses)


def read_regions(table: TomlTable, features: Mapping[str, Feature]) -> tuple[Region, ...]:
    """Read ``[region.I]``, ``[region.II]`` and ``[region.III]``; no two of them may share an event."""
    regions = tuple(
        _read_region(table.table(name.removeprefix("region_")), name, features) for name in REGIONS
    )
    table.done()
    try:
        check_disjoint(regions)
    except ValueError as error:
        raise ValueError(f"{table.place()}: {error}") from error
    return regions


def check_disjoint(regions: Sequence[Region]) -> None:
    """Refuse regions that no feature keeps apart.

    Raises
    ------
    ValueError
        Names the two regions.
    """
    for one, other in combinations(regions, 2):
        if not any(_are_apart(a, b) for a in one.intervals for b in other.intervals):
            raise ValueError(f"{one.name} and {other.name} can share events: no feature keeps them apart")


def _read_region(table: TomlTable, name: str, features: Mapping[str, Feature]) -> Region:
    label, source = table.text("label", name.replace("_", " ")), table.text("source", "")
    condition = read_condition(table, features)
    if not condition.every_interval:
        raise ValueError(f"{table.place()}: bounds no feature")
    return Region(name, condition.intervals, label, source, condition.clauses)


def _are_apart(one: Interval, other: Interval) -> bool:
    if one.feature != other.feature:
        return False
    return _highest(one) < _lowest(other) or _highest(other) < _lowest(one)


def _highest(interval: Interval) -> float:
    return interval.high if interval.limits is None else max(interval.limits.values)


def _lowest(interval: Interval) -> float:
    return interval.low if interval.lowest is None else min(interval.lowest.values)
