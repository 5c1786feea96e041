"""Closed float32 intervals on features, as selections write them."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from na64.datasets.basics.toml import TomlTable, unknown
from na64.datasets.basics.units import to_base
from na64.datasets.instrument.features import Feature

_LARGEST = float(np.finfo(np.float32).max)
_SIGNS = {"above": ">", "min": ">=", "below": "<", "max": "<="}


@dataclass(frozen=True, slots=True)
class Limits:
    """A bound that depends on another feature: one value a bin of it.

    Attributes
    ----------
    feature : str
        The feature that chooses the bin.
    edges : tuple of float
        Lower edge of each bin, rising, exact in float32, in the unit of `feature`. Below the first edge the
        first value holds, above the last edge the last.
    values : tuple of float
        Largest accepted value in each bin, or smallest, exact in float32.
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
    lowest : Limits or None
        Replaces `low`, which is then infinite.
    """

    feature: str
    low: float
    high: float
    limits: Limits | None = None
    text: str = ""
    lowest: Limits | None = None

    def __post_init__(self) -> None:
        for bound in (self.low, self.high):
            if float(np.float32(bound)) != bound:
                raise ValueError(f"{self.feature}: bound {bound} is not a float32")
        if self.low > self.high:
            raise ValueError(f"no value is in {self.text or f'{self.low} to {self.high}'}")
        if self.limits is not None and self.high != math.inf:
            raise ValueError(f"{self.feature}: both a table and an upper bound")
        if self.lowest is not None and self.low != -math.inf:
            raise ValueError(f"{self.feature}: both a table and a lower bound")

    @property
    def features(self) -> tuple[str, ...]:
        """The features it looks at."""
        tables = (table.feature for table in (self.limits, self.lowest) if table is not None)
        return tuple(dict.fromkeys((self.feature, *tables)))

    @property
    def bounds(self) -> tuple[float, ...]:
        """Every finite bound that it has somewhere."""
        tables = [value for table in (self.limits, self.lowest) if table for value in table.values]
        return tuple(bound for bound in (self.low, self.high, *tables) if math.isfinite(bound))

    def outside(self) -> tuple[Interval, ...]:
        """Intervals that together hold every number that this one does not hold; nan is still in none."""
        found = []
        if self.low != -math.inf:
            found.append(Interval(self.feature, -math.inf, _next(self.low, -math.inf)))
        if self.high != math.inf:
            found.append(Interval(self.feature, _next(self.high, math.inf), math.inf))
        if self.limits is not None:
            above = replace(self.limits, values=tuple(_next(v, math.inf) for v in self.limits.values))
            found.append(Interval(self.feature, -math.inf, math.inf, lowest=above))
        if self.lowest is not None:
            below = replace(self.lowest, values=tuple(_next(v, -math.inf) for v in self.lowest.values))
            found.append(Interval(self.feature, -math.inf, math.inf, below))
        return tuple(found)


def read_intervals(
    table: TomlTable, features: Mapping[str, Feature], *, factor: float = 1.0, about: Collection[str] = ()
) -> tuple[Interval, ...]:
    """Read every key that is a feature, in order; one that neither is nor in ``about`` is refused.

    Every bound is taken times ``factor``, before it is rounded.
    """
    bounded = [key for key in table.names() if key not in about]
    for key in bounded:
        if key not in features:
            raise KeyError(f"{table.place()}: {unknown('feature', key, (*features, *about))}")
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
    if factor != 1.0:
        raise ValueError(f"{feature.name} = {table.number('equals'):.10g} has no bound to scale")
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
    low, high = (
        _closed(to_float32(table.number(key) * factor, unit, feature), key) if key else open_end
        for key, open_end in ((lower, -math.inf), (upper, math.inf))
    )
    shown = [f"{table.number(key) * factor:.10g}" if key else "" for key in (lower, upper)]
    return Interval(feature.name, low, high, None, _text(feature.name, (lower, upper), shown, unit))


def _read_table(
    table: TomlTable, unit: str, feature: Feature, features: Mapping[str, Feature], factor: float
) -> Interval:
    """Read bounds in bins of another feature: a list each, or one of them a number for every bin."""
    of = look_up(table, table.text("of"), features)
    edges_unit = read_unit(table, "edges_unit", of)
    edges = tuple(to_float32(edge, edges_unit, of) for edge in table.numbers("edges"))
    keys = _only_one(table, "above", "min"), _only_one(table, "below", "max")
    if not any(table.is_list(key) for key in keys):
        table.done()
        raise ValueError("has a list for none of above, min, below, max")
    beyond = _read_beyond(table, keys)
    tables, ends, shown, known = [], [], [], []
    for key, open_end in zip(keys, (-math.inf, math.inf), strict=True):
        values = _read_values(table, key, len(edges), beyond.get(key), factor)
        bounds = tuple(_closed(to_float32(value, unit, feature), key) for value in values)
        listed = table.is_list(key)
        known.append(bounds if listed else bounds * len(edges))
        tables.append(Limits(of.name, edges, bounds) if listed else None)
        ends.append(bounds[0] if bounds and not listed else open_end)
        texts = [f"{value:.10g}" for value in ((min(values), max(values)) if listed else values)]
        shown.append(" to ".join(texts))
    if all(known) and any(low > high for low, high in zip(*known, strict=True)):
        raise ValueError("no value is in one of its bins")
    text = f"{_text(feature.name, keys, shown, unit)}, by {of.name}"
    return Interval(feature.name, ends[0], ends[1], tables[1], text, tables[0])


def _read_beyond(table: TomlTable, keys: tuple[str, str]) -> dict[str, float]:
    """Read what holds above the last edge: a number, of two lists of bounds one each."""
    listed = [key for key in keys if table.is_list(key)]
    if not table.has("beyond"):
        return {}
    found = (table.number("beyond"),) if len(listed) == 1 else table.numbers("beyond")
    if len(found) != len(listed):
        raise ValueError(f"{len(found)} values beyond the last edge for {len(listed)} lists")
    return dict(zip(listed, found, strict=True))


def _read_values(
    table: TomlTable, key: str, n_edges: int, beyond: float | None, factor: float
) -> tuple[float, ...]:
    """Read a bound: one number, or one a bin and the one beyond; nothing where there is none."""
    if not key:
        return ()
    if not table.is_list(key):
        return (table.number(key) * factor,)
    values = table.numbers(key)
    if n_edges != len(values) + 1:
        raise ValueError(f"{len(values)} values do not go between {n_edges} edges")
    return tuple(value * factor for value in (*values, values[-1] if beyond is None else beyond))


def _text(name: str, keys: tuple[str, str], shown: Sequence[str], unit: str) -> str:
    """Say it as people write it: ``1 < srd_0 < 80 MeV``, a single bound behind the feature."""
    lower, upper = keys
    text = f"{name} {_SIGNS[upper]} {shown[1]}" if upper else name
    if lower:
        sign = _SIGNS[lower]
        text = f"{shown[0]} {sign.replace('>', '<')} {text}" if upper else f"{text} {sign} {shown[0]}"
    return _with_unit(text, unit)


def _only_one(table: TomlTable, strict: str, inclusive: str) -> str:
    if table.has(strict) and table.has(inclusive):
        raise ValueError(f"has both {strict} and {inclusive}")
    return strict if table.has(strict) else inclusive if table.has(inclusive) else ""


def _closed(bound: float, key: str) -> float:
    """The bound that belongs to the interval: of a strict one the next float32 inwards."""
    if key in ("min", "max"):
        return bound
    return _next(bound, math.inf if key == "above" else -math.inf)


def _next(bound: float, towards: float) -> float:
    return float(np.nextafter(np.float32(bound), np.float32(towards)))


def _with_unit(text: str, unit: str) -> str:
    return text if unit == "1" else f"{text} {unit}"
