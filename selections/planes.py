"""Planes of two features in which the events of a selection are drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from na64.datasets.basics.names import read_name
from na64.datasets.basics.toml import TomlTable
from na64.datasets.basics.units import to_base
from na64.datasets.conditions.stated_boxes import BOX_ENERGIES
from na64.datasets.instrument.features import FEATURES, Feature
from na64.selections.histograms import Axis, check_size, read_axis

MOST_PLANES = 12
MOST_BINS = 100_000
"""Of one plane: the first is there once for every cut."""

ENERGIES = BOX_ENERGIES
"""Axes of the plane in which the signal box is."""

ENERGY = "energy"
"""Name of the plane that a selection has if it states none."""


@dataclass(frozen=True, slots=True)
class Plane:
    """Two features against each other.

    Attributes
    ----------
    name : str
    label : str
        For people.
    axes : tuple of two Axis
        x, y.
    zoom : float or None
        A second panel shows y up to this value, in its unit.
    log_colour : bool
        The colour is logarithmic in the number of events.
    """

    name: str
    label: str
    axes: tuple[Axis, Axis]
    zoom: float | None = None
    log_colour: bool = True


def _energy_axis(feature: str) -> dict[str, object]:
    label = f"E_{feature.upper()} [GeV]"
    return {"feature": feature, "bins": 150, "low": 0.0, "high": 150.0, "unit": "GeV", "label": label}


DEFAULT: Mapping[str, object] = MappingProxyType(
    {
        "name": ENERGY,
        "label": f"{' and '.join(name.upper() for name in ENERGIES)} energy",
        "zoom": 6.0,
        **dict(zip("xy", map(_energy_axis, ENERGIES), strict=True)),
    }
)
"""The plane that a selection has if it states none, as TOML has it."""


def read_planes(table: TomlTable, features: Mapping[str, Feature]) -> tuple[Plane, ...]:
    """Read every ``[[plane]]`` of a selection; without any it has the default one."""
    if not table.has("plane"):
        table = TomlTable({"plane": [dict(DEFAULT)]}, table.place())
    planes = tuple(_read_plane(entry, features) for entry in table.tables("plane"))
    if not 0 < len(planes) <= MOST_PLANES:
        raise ValueError(f"{table.place('plane')}: {len(planes)} planes, not 1 to {MOST_PLANES}")
    return planes


def _read_plane(table: TomlTable, features: Mapping[str, Feature]) -> Plane:
    name = read_name(table)
    given = tuple(table.table(key) for key in ("x", "y"))
    x, y = (read_axis(entry, features) for entry in given)
    check_size(table.place(), (x, y), MOST_BINS)
    if x.feature == y.feature:
        raise ValueError(f"{table.place()}: {x.feature} against itself is no plane")
    label = table.text("label", name.replace("_", " "))
    return Plane(
        name, label, (x, y), _read_zoom(table, given[1], y, features), table.flag("log_colour", True)
    )


def _read_zoom(
    table: TomlTable, given: TomlTable, axis: Axis, features: Mapping[str, Feature]
) -> float | None:
    number = table.number("zoom", None)
    if number is None:
        return None
    unit = features[axis.feature].unit
    zoom = to_base(number, given.text("unit", "1"), unit)
    if not axis.low < zoom < axis.high:
        raise ValueError(f"{table.place('zoom')}: {zoom:g} {unit} is not inside the axis of {axis.feature}")
    return zoom


DEFAULT_PLANES = read_planes(TomlTable({}, "default plane"), FEATURES)
"""The planes of a selection that states none."""
