"""Cuts: conjunctions of closed float32 intervals on features, as selections write them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from na64.datasets.basics.toml import TomlTable, unknown
from na64.datasets.basics.units import to_base
from na64.datasets.instrument.features import Feature

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_LARGEST = float(np.finfo(np.float32).max)
_ABOUT = ("name", "label", "source")
_SIGNS = {"above": ">", "min": ">=", "below": "<", "max": "<="}


@dataclass(frozen=True, slots=True)
class Limits:
    """An upper bound that depends on another feature: one value a bin of it.

    Attributes
    ----------
    feature : str
        The feature that chooses the bin.
    edges : tuple of float
        Lower edge of each bin, rising, exact in float32, in the unit of `feature`. Below the first edge the
        first value holds, above the last edge the last.
    values : tuple of float
        Largest accepted value in each bin, exact in float32.
    """

    feature: str
    edges: tuple[float, ...]
    values: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.edges or len(self.edges) != len(self.values):
            raise ValueError(f"{len(self.values)} values for {len(self.edges)} bins in {self.feature}")
        if any(edge >= following for edge, following in zip(self.edges, self.edges[1:], strict=False)):
            raise ValueError(f"edges in {self.feature} do not rise")


@dataclass(frozen=True, slots=True)
class Interval:
    """What a feature may be: ``low <= value <= high`` in float32; nan is inside no interval.

    A strict bound has become the next float32, so both ends belong to the interval.

    Attributes
    ----------
    feature : str
    low, high : float
        Exact in float32, in the unit of the feature; infinite where there is no bound.
    limits : Limits or None
        Replaces `high`, which is then infinite.
    text : str
        The condition as it was written, with its unit: ``1 < srd_0 < 80 MeV``.
    """

    feature: str
    low: float
    high: float
    limits: Limits | None = None
    text: str = ""

    def __post_init__(self) -> None:
        for bound in (self.low, self.high):
            if float(np.float32(bound)) != bound:
                raise ValueError(f"{self.feature}: bound {bound} is not a float32")
        if self.low > self.high:
            raise ValueError(f"no value is in {self.text or f'{self.low} to {self.high}'}")
        if self.limits is not None and self.high != math.inf:
            raise ValueError(f"{self.feature}: both a table and an upper bound")

    @property
    def features(self) -> tuple[str, ...]:
        """The features it looks at."""
        return (self.feature,) if self.limits is None else (self.feature, self.limits.feature)


@dataclass(frozen=True, slots=True)
class Cut:
    """Intervals that must all hold.

    Attributes
    ----------
    name : str
    intervals : tuple of Interval
    label : str
        For people; the name where none was given.
    source : str
        Where the values come from, with provenance tags; empty if that was not said.
    """

    name: str
    intervals: tuple[Interval, ...]
    label: str
    source: str

    @property
    def is_unverified(self) -> bool:
        """Whether a value is recollection (``[R-...]``) or a choice of ours (``NOT FOUND``)."""
        return "[R-" in self.source or "NOT FOUND" in self.source


def read_cut(table: TomlTable, features: Mapping[str, Feature]) -> Cut:
    """Read one ``[[cut]]``: its name, what is said about it, and a key for each feature it bounds."""
    name = read_name(table)
    label, source = table.text("label", name.replace("_", " ")), table.text("source", "")
    return Cut(name, read_intervals(table, features), label, source)


def read_name(table: TomlTable) -> str:
    """Read a name that is safe as part of a file, column or histogram name."""
    name = table.text("name")
    if not _NAME.fullmatch(name):
        raise ValueError(
            f'{table.place("name")}: "{name}" is not a letter and up to 39 letters, digits and underscores,'
            " all lower case"
        )
    return name


def read_intervals(
    table: TomlTable, features: Mapping[str, Feature], *, factor: float = 1.0
) -> tuple[Interval, ...]:
    """Read every key that is a feature; one that neither is nor tells about the cut is refused.

    Every bound is taken times ``factor``, before it is rounded.
    """
    bounded = [key for key in table.names() if key not in _ABOUT]
    for key in bounded:
        look_up(table, key, features)
    if not bounded:
        raise ValueError(f"{table.place()}: bounds no feature")
    return tuple(_read_interval(table.table(key), features[key], features, factor) for key in bounded)


def look_up(table: TomlTable, name: str, features: Mapping[str, Feature]) -> Feature:
    """Find a feature by name; the message of an unknown one says where it stands."""
    if name not in features:
        raise KeyError(f"{table.place()}: {unknown('feature', name, features)}")
    return features[name]


def read_unit(table: TomlTable, key: str, feature: Feature) -> str:
    """Read the unit numbers are given in; only plain numbers may go without one."""
    unit = table.text(key, "1") if feature.unit == "1" else table.text(key)
    try:
        to_base(1.0, unit, feature.unit)
    except (KeyError, ValueError) as error:
        raise type(error)(f"{table.place(key)}: {error.args[0]}") from error
    return unit


def to_float32(value: float, unit: str, feature: Feature) -> float:
    """Convert to the feature's unit in float64, then round to float32, once each."""
    converted = to_base(value, unit, feature.unit)
    if abs(converted) > _LARGEST:
        raise ValueError(f"{value:g} {unit} does not fit into float32")
    return float(np.float32(converted))


def _read_interval(
    table: TomlTable, feature: Feature, features: Mapping[str, Feature], factor: float
) -> Interval:
    unit = read_unit(table, "unit", feature)
    read = _read_table if table.has("of") else _read_equals if table.has("equals") else _read_bounds
    try:
        return read(table, unit, feature, features, factor)
    except ValueError as error:
        place = "" if str(error).startswith(table.place()) else f"{table.place()}: "
        raise ValueError(f"{place}{error}") from error


def _read_equals(
    table: TomlTable, unit: str, feature: Feature, _: Mapping[str, Feature], factor: float
) -> Interval:
    value = table.number("equals") * factor
    only = to_float32(value, unit, feature)
    return Interval(feature.name, only, only, None, _with_unit(f"{feature.name} = {value:.10g}", unit))


def _read_bounds(
    table: TomlTable, unit: str, feature: Feature, _: Mapping[str, Feature], factor: float
) -> Interval:
    lower, upper = _only_one(table, "above", "min"), _only_one(table, "below", "max")
    if not lower and not upper:
        table.done()
        raise ValueError("has none of above, min, below, max, equals")
    low, high, text = -math.inf, math.inf, feature.name
    if upper:
        value = table.number(upper) * factor
        high = _closed(to_float32(value, unit, feature), -math.inf, strict=upper == "below")
        text = f"{text} {_SIGNS[upper]} {value:.10g}"
    if lower:
        value = table.number(lower) * factor
        low = _closed(to_float32(value, unit, feature), math.inf, strict=lower == "above")
        sign = _SIGNS[lower]
        text = f"{value:.10g} {sign.replace('>', '<')} {text}" if upper else f"{text} {sign} {value:.10g}"
    return Interval(feature.name, low, high, None, _with_unit(text, unit))


def _read_table(
    table: TomlTable, unit: str, feature: Feature, features: Mapping[str, Feature], factor: float
) -> Interval:
    """Read a table in another feature: ``below`` or ``max`` between the edges, ``beyond`` above the last."""
    of = look_up(table, table.text("of"), features)
    edges_unit = read_unit(table, "edges_unit", of)
    edges = tuple(to_float32(edge, edges_unit, of) for edge in table.numbers("edges"))
    upper = _only_one(table, "below", "max")
    if not upper:
        table.done()
        raise ValueError("has neither below nor max")
    values = table.numbers(upper)
    if len(edges) != len(values) + 1:
        raise ValueError(f"{len(values)} values do not go between {len(edges)} edges")
    values = tuple(value * factor for value in (*values, table.number("beyond", values[-1])))
    highs = [to_float32(value, unit, feature) for value in values]
    limits = Limits(
        of.name, edges, tuple(_closed(high, -math.inf, strict=upper == "below") for high in highs)
    )
    text = f"{feature.name} {_SIGNS[upper]} {min(values):.10g} to {max(values):.10g}"
    return Interval(feature.name, -math.inf, math.inf, limits, f"{_with_unit(text, unit)}, by {of.name}")


def _only_one(table: TomlTable, strict: str, inclusive: str) -> str:
    if table.has(strict) and table.has(inclusive):
        raise ValueError(f"has both {strict} and {inclusive}")
    return strict if table.has(strict) else inclusive if table.has(inclusive) else ""


def _closed(bound: float, inwards: float, *, strict: bool) -> float:
    return float(np.nextafter(np.float32(bound), np.float32(inwards))) if strict else bound


def _with_unit(text: str, unit: str) -> str:
    return text if unit == "1" else f"{text} {unit}"
