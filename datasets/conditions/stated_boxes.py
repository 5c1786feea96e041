"""Signal boxes as the file of a period states them: one a search, each a list of bounds on features."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from na64.datasets.basics.sourced_values import FactReader
from na64.datasets.basics.toml import unknown
from na64.datasets.basics.units import Quantity
from na64.datasets.instrument.detector import Setup
from na64.datasets.instrument.features import FEATURES
from na64.datasets.instrument.recipes import further_features, made_of_what

DEFAULT_SEARCH = "invisible"
"""Search that a box belongs to whose table does not say it."""

BOX_ENERGIES = ("ecal", "hcal")
"""Features that the short form of a box is about, of which an event in it has little."""

BOX_EDGES = (*BOX_ENERGIES, *(f"{name}_guard" for name in BOX_ENERGIES))
"""What the short form of a box may state; the first two it has to."""

_NOT_OF_EVENT = ("bad_spill", "trigger_physics")
"""Features that a list or a trigger mask decides, and not where an event is."""

_SIDES = ("below", "above", "between")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


@dataclass(frozen=True, slots=True)
class StatedBound:
    """One bound of a box.

    Attributes
    ----------
    features : tuple of str
        Any of them might be the quantity in question; the first is the one that the box itself is about.
    unit : str
        Of the features and of all numbers.
    low, high : float
        The box is above `low` and below `high`; infinite where there is no edge.
    guard : float
        How far the hidden region goes beyond either edge.
    implied_by : tuple of str
        Features that reach no farther into the box than any of `features` does.
    source : str
        Of edges and guard.
    """

    features: tuple[str, ...]
    unit: str
    low: float
    high: float
    guard: float
    implied_by: tuple[str, ...]
    source: str


@dataclass(frozen=True, slots=True)
class StatedBox:
    """The box of a search: in the short form by its edges, otherwise by its bounds.

    Attributes
    ----------
    search : str
    edges : mapping of str to Quantity
        By `BOX_EDGES`, GeV; empty if there are bounds.
    bounds : tuple of StatedBound
    """

    search: str
    edges: Mapping[str, Quantity]
    bounds: tuple[StatedBound, ...] = ()


def read_boxes(facts: FactReader, setup: Setup) -> tuple[StatedBox, ...]:
    """Read ``[box]``, or every ``[[box]]``, of a period; none if there is neither.

    Parameters
    ----------
    facts : FactReader
        Of the whole period.
    setup : Setup
        Whose features a bound may look at.

    Raises
    ------
    KeyError, ValueError
        A wrong entry; names the file, the key and the value.
    """
    return tuple(_box(entry, setup) for entry in facts.children("box"))


def _box(facts: FactReader, setup: Setup) -> StatedBox:
    search = facts.plain("search", DEFAULT_SEARCH)
    if not _NAME.fullmatch(search):
        raise ValueError(
            f'{facts.place("search")}: "{search}" is not a letter and up to 39 letters, digits and '
            "underscores, all lower case"
        )
    if search != DEFAULT_SEARCH:
        facts.remember("search", search, "1", "name of a search")
    if not facts.has("bound"):
        required = BOX_EDGES[:2]
        stated = [edge for edge in BOX_EDGES if edge in required or facts.has(edge)]
        return StatedBox(search, {edge: facts.quantity(edge, "GeV") for edge in stated})
    if mixed := [edge for edge in BOX_EDGES if facts.has(edge)]:
        raise ValueError(f"{facts.place(mixed[0])}: the box has bounds, which say it all")
    bounds = tuple(_bound(entry, setup) for entry in facts.children("bound"))
    if not bounds:
        raise ValueError(f"{facts.place('bound')}: no bound")
    return StatedBox(search, {}, bounds)


def _bound(facts: FactReader, setup: Setup) -> StatedBound:
    names = facts.words("features")
    unit = _unit(facts, "features", names, setup)
    implied_by = facts.words("implied_by", ())
    _unit(facts, "implied_by", (names[0], *implied_by), setup)
    low, high, source = _edges(facts, unit)
    if implied_by and math.isfinite(low) and math.isfinite(high):
        raise ValueError(f"{facts.place('implied_by')}: does not say which of two edges it is about")
    guard = facts.quantity("guard", unit)
    if guard.values[0] < 0:
        raise ValueError(f"{facts.place('guard')}: {guard.values[0]:g} {unit} is below 0")
    for key in ("features", "implied_by"):
        if facts.has(key):
            facts.remember(key, ", ".join(facts.words(key)), "1", "names of features")
    return StatedBound(names, unit, low, high, guard.values[0], implied_by, f"{source}; guard {guard.source}")


def _edges(facts: FactReader, unit: str) -> tuple[float, float, str]:
    """The lower and the upper edge of a bound, and where they come from."""
    stated = [side for side in _SIDES if facts.has(side)]
    if len(stated) != 1:
        raise ValueError(f"{facts.place()}: needs one of {', '.join(_SIDES)}, and has {len(stated)}")
    (side,) = stated
    if side != "between":
        edge = facts.quantity(side, unit)
        low, high = (-math.inf, edge.values[0]) if side == "below" else (edge.values[0], math.inf)
        return low, high, f"{side} {edge.source}"
    edges = facts.several(side, unit)
    if len(edges.values) != 2:
        raise ValueError(f"{facts.place(side)}: {len(edges.values)} values for two edges")
    low, high = edges.values
    if not low < high:
        raise ValueError(f"{facts.place(side)}: nothing is between {low:g} and {high:g} {unit}")
    return low, high, f"{side} {edges.source}"


def _unit(facts: FactReader, key: str, names: tuple[str, ...], setup: Setup) -> str:
    """The unit that all features of a bound have."""
    if not names:
        raise ValueError(f"{facts.place(key)}: no feature")
    units = list(dict.fromkeys(_units(facts, key, names, setup)))
    if len(units) != 1:
        raise ValueError(f"{facts.place(key)}: features in {' and in '.join(units)}")
    return units[0]


def _units(facts: FactReader, key: str, names: tuple[str, ...], setup: Setup) -> Iterator[str]:
    features = FEATURES | {one.name: one for one in further_features(setup)}
    for name in names:
        if name not in features:
            raise KeyError(f"{facts.place(key)}: {unknown('feature', name, features)}")
        for one in _NOT_OF_EVENT:
            if one in made_of_what((name,), setup):
                made = "" if one == name else f', of which "{name}" is made,'
                raise ValueError(f'{facts.place(key)}: "{one}"{made} does not say where an event is')
        yield features[name].unit
