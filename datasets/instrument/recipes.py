"""The features that the detectors of a period have by their roles."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache, lru_cache

from na64.datasets.basics.toml import TomlTable
from na64.datasets.instrument.detector import Detector, Setup
from na64.datasets.instrument.features import FEATURES, INDEX, Feature, Range, feature_file, read_axis
from na64.datasets.instrument.roles import STANDARD_ROLES, Role


@dataclass(frozen=True, slots=True)
class Recipe:
    """How the features of every detector of a role are called and made.

    Attributes
    ----------
    name, unit, meaning : str
        With ``{detector}``, ``{noun}`` and, as `each` says, ``{part}`` or ``{sum}`` and ``{parts}``.
    quantity : str
        What the kernel of the role calls it.
    each : str
        ``part``: one for each plane, module, counter or paddle; ``sum``: one for each sum; or empty.
    needs : tuple of str
        Attributes of a detector without which it has no such feature.
    axis : (int, float, float) or None
    """

    name: str
    unit: str
    meaning: str
    quantity: str
    each: str
    needs: tuple[str, ...]
    axis: Range | None


@dataclass(frozen=True, slots=True)
class Made:
    """A feature of a detector, and what of the detector it is.

    Attributes
    ----------
    feature : Feature
    quantity : str
    number : int
        Of the part or the sum, 0 for the detector as a whole.
    """

    feature: Feature
    quantity: str
    number: int


@cache
def recipes_of(role: Role) -> tuple[Recipe, ...]:
    """Recipes of a role, in the order in which features are stored."""
    groups = [group for group in feature_file().tables("recipe") if role.value in group.texts("roles")]
    return tuple(_recipe(entry) for group in groups for entry in group.tables("features"))


def _recipe(table: TomlTable) -> Recipe:
    return Recipe(
        table.text("name"),
        table.text("unit"),
        table.text("meaning"),
        table.text("quantity"),
        table.text("each", ""),
        table.texts("needs", ()),
        read_axis(table),
    )


def part_noun(role: Role) -> str:
    """What a detector of a role consists of."""
    return feature_file().table("parts").text(role.value)


@lru_cache(maxsize=256)
def made_of(detector: Detector) -> tuple[Made, ...]:
    """Features that a detector has by its role and what is known of it; a standard one has those of sums."""
    recipes = recipes_of(detector.role)
    if detector.name in STANDARD_ROLES:
        recipes = tuple(one for one in recipes if one.each == "sum")
    there = [one for one in recipes if all(_knows(detector, what) for what in one.needs)]
    return tuple(made for one in there for made in _made(one, detector))


def _knows(detector: Detector, what: str) -> bool:
    return getattr(detector, what) not in (None, ())


def _made(recipe: Recipe, detector: Detector) -> Iterator[Made]:
    noun = part_noun(detector.role)
    common = {"detector": detector.name, "noun": noun, "cells": f"{noun}s"}
    if detector.role is not Role.PADDLES:
        common["cells"] = "cells"
    if recipe.each == "part":
        words = [{"part": str(part)} for part in range(detector.n_parts)]
    elif recipe.each == "sum":
        words = [{"sum": one.name, "parts": _listed(one.parts)} for one in detector.sums]
    else:
        words = [{}]
    for number, more in enumerate(words):
        name, meaning = (text.format(**common, **more) for text in (recipe.name, recipe.meaning))
        feature = Feature(name, recipe.unit, meaning, recipe.axis, (detector.name,))
        yield Made(feature, recipe.quantity, number)


def _listed(parts: tuple[int, ...]) -> str:
    *first, last = map(str, parts)
    return f"{', '.join(first)} and {last}" if first else last


@lru_cache(maxsize=64)
def further_features(setup: Setup) -> tuple[Feature, ...]:
    """Features of a set-up besides the standard ones, in the order in which they are stored.

    These are columns of the event, then what detectors have by their roles, then tracks through
    magnets, then formulas.
    """
    of_detectors = [made.feature for detector in setup.by_recipes for made in made_of(detector)]
    of_tracks = [feature for one in setup.spectrometers for feature in one.features()]
    known = FEATURES | {feature.name: feature for feature in (*setup.columns, *of_detectors, *of_tracks)}
    formulas = []
    for formula in setup.formulas:
        inputs = [known[name] for name in sorted(formula.inputs) if name in known]
        detectors = tuple(dict.fromkeys(name for one in inputs for name in one.detectors))
        known[formula.name] = replace(formula.feature, detectors=detectors)
        formulas.append(known[formula.name])
    return (*setup.columns, *of_detectors, *of_tracks, *formulas)


def made_of_what(names: Iterable[str], setup: Setup) -> frozenset[str]:
    """Detectors and columns of the event that some features of a set-up are made of, through formulas too.

    Parameters
    ----------
    names : iterable of str
        Of the features; a column is a feature by its name.
    setup : Setup
    """
    known = FEATURES | {feature.name: feature for feature in further_features(setup)}
    formulas = {formula.name: formula.inputs for formula in setup.formulas}
    found, left = set[str](), [*names]
    while left:
        name = left.pop()
        if name in formulas:
            left += formulas[name]
        elif name in known:
            found |= {name, *known[name].detectors}
    return frozenset(found)


def feature_index(setup: Setup) -> dict[str, int]:
    """Row of each feature in a feature table of a set-up; not to be changed."""
    # It is asked for with every chunk of events, and naming a set-up takes longer than this look at it.
    return _feature_index(setup) if setup.by_recipes or setup.columns or setup.formulas else INDEX


@lru_cache(maxsize=64)
def _feature_index(setup: Setup) -> dict[str, int]:
    return INDEX | {one.name: len(INDEX) + n for n, one in enumerate(further_features(setup))}
