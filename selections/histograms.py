"""Histograms that a selection asks for, and their axes: equal, logarithmic or stated bins."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from na64.datasets.basics.names import read_name
from na64.datasets.basics.toml import TomlTable, unknown
from na64.datasets.basics.units import UNITS, to_base
from na64.datasets.instrument.features import Feature
from na64.selections.interval import look_up, read_unit

MOST_BINS = 1_000_000
"""Of one histogram."""

MOST_WEIGHTED_BINS = 50_000
"""Of one with a weight, whose exact sums take more memory."""


@dataclass(frozen=True, slots=True)
class Axis:
    """Bins in a feature.

    Attributes
    ----------
    feature : str
    bins : int
    low, high : float
        In the unit of the feature.
    label : str
        With the unit, for a plot.
    edges : tuple of float
        All ``bins + 1`` edges where the bins are not equal; empty where they are.
    log : bool
        Drawn with a logarithmic scale.
    """

    feature: str
    bins: int
    low: float
    high: float
    label: str
    edges: tuple[float, ...] = ()
    log: bool = False

    def __post_init__(self) -> None:
        if self.edges and (not _rise(self.edges) or len(self.edges) != self.bins + 1):
            raise ValueError(f"{self.feature}: {len(self.edges)} edges are not {self.bins} rising bins")


@dataclass(frozen=True, slots=True)
class Weight:
    """What each event of a histogram counts as, where that is not one.

    Attributes
    ----------
    feature : str
    unit : str
        Of the feature; "1" for a plain number.
    """

    feature: str
    unit: str

    @property
    def label(self) -> str:
        """Name of the feature with its unit."""
        return _with_unit(self.feature, self.unit)


@dataclass(frozen=True, slots=True)
class Histogram:
    """A histogram a selection asks for.

    Attributes
    ----------
    name : str
    after : str
        The cut after which it is filled, or ``visible``.
    axes : tuple of Axis
        One or two.
    label : str
        For people.
    weight : Weight or None
        None where events are counted.
    """

    name: str
    after: str
    axes: tuple[Axis, ...]
    label: str
    weight: Weight | None = None


def read_histogram(table: TomlTable, features: Mapping[str, Feature], stages: Sequence[str]) -> Histogram:
    """Read one ``[[histogram]]``; ``stages`` are the cuts that it may be filled after."""
    name = read_name(table)
    axes = tuple(read_axis(entry, features) for entry in table.tables("axes"))
    if not 1 <= len(axes) <= 2:
        raise ValueError(f"{table.place('axes')}: {len(axes)} axes, not 1 or 2")
    weight = _read_weight(table, features)
    check_size(table.place("axes"), axes, MOST_BINS if weight is None else MOST_WEIGHTED_BINS)
    after = table.text("after")
    if after not in stages:
        raise KeyError(f"{table.place('after')}: {unknown('cut', after, stages)}")
    return Histogram(name, after, axes, table.text("label", name.replace("_", " ")), weight)


def _read_weight(table: TomlTable, features: Mapping[str, Feature]) -> Weight | None:
    name = table.text("weight", None)
    if name is None:
        return None
    if name not in features:
        raise KeyError(f"{table.place('weight')}: {unknown('feature', name, features)}")
    return Weight(name, features[name].unit)


def check_size(place: str, axes: Sequence[Axis], most: int = MOST_BINS) -> None:
    """Refuse more bins than a histogram may have."""
    if math.prod(axis.bins for axis in axes) > most:
        raise ValueError(f"{place}: more than {most} bins")


def read_axis(table: TomlTable, features: Mapping[str, Feature]) -> Axis:
    """Read one axis: ``bins``, ``low`` and ``high``, or ``edges``; ``log`` draws it logarithmically.

    Raises
    ------
    KeyError, ValueError
        Names the file, the place and the value.
    """
    feature = look_up(table, table.text("feature"), features)
    unit, log = read_unit(table, "unit", feature), table.flag("log", False)
    stated = table.numbers("edges", None)
    edges = () if stated is None else _stated_edges(table, stated, unit, feature)
    if edges:
        bins, low, high = len(edges) - 1, edges[0], edges[-1]
    else:
        bins, low, high = _equal_bins(table, unit, feature)
    if log and low <= 0:
        raise ValueError(
            f"{table.place('log')}: no logarithm of {low:g} {feature.unit}, where the axis begins"
        )
    if log and not edges:
        edges = _logarithmic_edges(bins, low, high)
        if not _rise(edges):
            raise ValueError(f"{table.place()}: {bins} bins from {low:g} to {high:g} are too narrow")
    return Axis(feature.name, bins, low, high, _read_label(table, feature), edges, log)


def _equal_bins(table: TomlTable, unit: str, feature: Feature) -> tuple[int, float, float]:
    bins = table.integer("bins")
    low, high = (to_base(table.number(key), unit, feature.unit) for key in ("low", "high"))
    if not 0 < bins <= MOST_BINS or not low < high:
        raise ValueError(f"{table.place()}: {bins} bins from {low:g} to {high:g} {feature.unit} are no axis")
    return bins, low, high


def _stated_edges(
    table: TomlTable, stated: tuple[float, ...], unit: str, feature: Feature
) -> tuple[float, ...]:
    for key in ("bins", "low", "high"):
        if table.has(key):
            raise ValueError(f"{table.place()}: has both edges and {key}")
    edges = tuple(to_base(edge, unit, feature.unit) for edge in stated)
    if not 1 < len(edges) <= MOST_BINS + 1:
        raise ValueError(f"{table.place('edges')}: {len(edges)} edges are no axis")
    if not _rise(edges):
        low, high = next(pair for pair in pairwise(edges) if not pair[0] < pair[1])
        raise ValueError(
            f"{table.place('edges')}: do not rise, {high:g} after {low:g} {feature.unit}".removesuffix(" 1")
        )
    return edges


def _logarithmic_edges(bins: int, low: float, high: float) -> tuple[float, ...]:
    """Edges of equal ratio; the first and the last are exactly those that were given."""
    ratio = math.log(high / low)
    return (low, *(low * math.exp(ratio * n / bins) for n in range(1, bins)), high)


def _rise(edges: Sequence[float]) -> bool:
    return all(edge < following for edge, following in pairwise(edges))


def axis_label(feature: Feature) -> str:
    """Name of a feature with its unit."""
    return _with_unit(feature.name, feature.unit)


def _with_unit(name: str, unit: str) -> str:
    return name if unit == "1" else f"{name} [{unit}]"


def _read_label(table: TomlTable, feature: Feature) -> str:
    label = table.text("label", axis_label(feature))
    stated = label.rpartition("[")[2].removesuffix("]") if label.endswith("]") else feature.unit
    if stated in UNITS and stated != feature.unit:
        raise ValueError(f'{table.place("label")}: "{label}", but a histogram has its axis in {feature.unit}')
    return label
