"""The features cuts act on: name, unit and meaning of each, in the order they are stored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files

from na64.datasets.basics.toml import TomlTable, load_table, unknown
from na64.datasets.instrument.roles import CALORIMETER

KEYWORDS = (
    *("name", "label", "source", "any", "not", "when", "before", "after", "remove"),
    *("colour", "marker"),
)
"""Keys of a cut that are no features; a feature of one's own may not be called so."""

NUMBERS = ("run", "spill", "event", "entry", "cuts_passed", "region", "weight", "truth_component")
"""Columns that tables of events have besides features; a feature of one's own may not be called so."""

Range = tuple[int, float, float]
"""Bins of an axis, its lower and its upper end."""


@dataclass(frozen=True, slots=True)
class Feature:
    """One float32 number an event.

    Attributes
    ----------
    name, unit, meaning : str
    axis : (int, float, float) or None
        Bins, lower and upper end of a histogram, in `unit`; None where those of the unit do.
    detectors : tuple of str
        Those whose cells it is made of.
    """

    name: str
    unit: str
    meaning: str
    axis: Range | None = None
    detectors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Standard:
    """A feature of every period, and what it is made of.

    Attributes
    ----------
    feature : Feature
    quantity : str
        What of its detector it is, as recipes call it, or ``column``; empty if no recipe describes it.
    parts : tuple of int or None
        The planes, modules, counters or paddles that it is about; None for ``modules`` of the period.
    """

    feature: Feature
    quantity: str
    parts: tuple[int, ...] | None


@cache
def feature_file() -> TomlTable:
    """The file of all features and recipes."""
    return load_table(files(__package__) / "features.toml")


def read_axis(table: TomlTable, key: str = "axis") -> Range | None:
    """Bins and ends of an axis; None if the table has none."""
    given = table.numbers(key, None)
    if given is None:
        return None
    if len(given) != 3 or not given[0].is_integer() or given[0] < 1 or not given[1] < given[2]:
        raise ValueError(f"{table.place(key)}: {list(given)} is not bins, lower and upper end")
    return int(given[0]), given[1], given[2]


@cache
def unit_axis(unit: str) -> Range:
    """Axis of a feature in a base unit that has none of its own."""
    table = feature_file().table("axes")
    found = read_axis(table, unit)
    if found is None:
        raise KeyError(f"{table.place()}: {unknown('unit', unit, table.names())}")
    return found


def _standard(table: TomlTable) -> Standard:
    parts: tuple[int, ...] | None = (table.integer("part"),) if table.has("part") else ()
    if table.has("parts"):
        parts = table.integers("parts") if table.is_list("parts") else None
    detectors = (table.text("detector"),) if table.has("detector") else table.texts("detectors", ())
    name, unit, meaning = (table.text(key) for key in ("name", "unit", "meaning"))
    feature = Feature(name, unit, meaning, read_axis(table), detectors)
    return Standard(feature, table.text("quantity", ""), parts)


STANDARD: dict[str, Standard] = {
    one.feature.name: one for one in map(_standard, feature_file().table("standard").tables("features"))
}
"""What each feature of every period is made of."""

FEATURES: dict[str, Feature] = {name: one.feature for name, one in STANDARD.items()}
"""Every standard feature by name, in storage order."""

INDEX: dict[str, int] = {name: index for index, name in enumerate(FEATURES)}
"""Row of each feature in a feature table."""

OWN_CHI2 = f"{CALORIMETER}_chi2"
"""Shower-profile chi2 that the package makes where a file has none, or where somebody asks for it."""


@cache
def made_of(detector: str) -> tuple[str, ...]:
    """Standard features that are made of the cells of one detector, in the order of what its kernel makes."""
    return tuple(
        name
        for name, one in STANDARD.items()
        if one.feature.detectors == (detector,) and one.quantity != "column"
    )


def joined_features(groups: Mapping[str, Iterable[Feature]], *, together: bool = True) -> dict[str, Feature]:
    """All features of several periods by name.

    Parameters
    ----------
    groups : mapping of str to iterable of Feature
        Those that each period has besides the standard ones, by its name.
    together : bool
        Whether events of all of them are counted together. If not, one name may mean different things of one
        unit in them, and the meaning is that of the first.

    Raises
    ------
    ValueError
        Two periods call different things the same.
    """
    found: dict[str, Feature] = {}
    of: dict[str, str] = {}
    for period, features in groups.items():
        for feature in features:
            known = found.setdefault(feature.name, feature)
            if known.unit != feature.unit or (together and known.meaning != feature.meaning):
                raise ValueError(
                    f'feature "{feature.name}" is "{known.meaning}" [{known.unit}] in period '
                    f'{of[feature.name]} and "{feature.meaning}" [{feature.unit}] in period {period}'
                )
            of.setdefault(feature.name, period)
            made_of = tuple(dict.fromkeys((*known.detectors, *feature.detectors)))
            found[feature.name] = replace(known, detectors=made_of)
    return found
