"""Reading the further detectors and the dump of a campaign."""

from __future__ import annotations

import math

from na64.datasets.basics.toml import TomlTable, unknown
from na64.datasets.basics.units import read_quantity
from na64.datasets.synthetic.further_detectors import (
    Dump,
    DumpSlice,
    FurtherDetector,
    Place,
    Scintillator,
)

_MOST_CELLS = 4096


def read_further(table: TomlTable) -> tuple[FurtherDetector, ...]:
    """Read every ``[[detector]]`` of a campaign."""
    return tuple(_read_detector(entry) for entry in table.tables("detector", ()))


def read_dump(table: TomlTable) -> Dump | None:
    """Read ``[dump]`` of a campaign, if it has one."""
    if not table.has("dump"):
        return None
    entry = table.table("dump")
    return Dump(
        detector=entry.text("detector"),
        preshower=entry.integer("preshower"),
        cells=entry.integers("cells"),
        depth=one_value(entry, "depth"),
        interaction_lengths=one_value(entry, "interaction_lengths"),
        stochastic=one_value(entry, "stochastic"),
        length=one_value(entry, "length", "mm"),
        volume=one_value(entry, "volume", "mm"),
        preshower_above=one_value(entry, "preshower_above", "GeV"),
        below=one_value(entry, "below", "GeV"),
    )


def one_value(table: TomlTable, key: str, base: str = "1") -> float:
    """One number with its unit and source, in the base unit."""
    values = read_quantity(table, key, base).values
    if len(values) != 1:
        raise ValueError(f"{table.place(key)}: {len(values)} values where one is expected")
    return values[0]


def _read_detector(table: TomlTable) -> FurtherDetector:
    n_cells = table.integer("cells")
    if not 0 < n_cells <= _MOST_CELLS:
        raise ValueError(f"{table.place('cells')}: {n_cells} cells, not 1 to {_MOST_CELLS}")
    return FurtherDetector(
        name=table.text("name"),
        n_cells=n_cells,
        noise=_each(table, "noise", n_cells),
        threshold=_each(table, "threshold", n_cells),
        resolution=one_value(table, "resolution", "ns"),
        sigma=one_value(table, "sigma", "ns"),
        delay=one_value(table, "delay", "ns"),
        slices=tuple(_read_slice(entry) for entry in table.tables("slice", ())),
        scintillators=tuple(_read_scintillator(entry) for entry in table.tables("scintillator", ())),
    )


def _each(table: TomlTable, key: str, n_cells: int) -> tuple[float, ...]:
    values = read_quantity(table, key, "GeV").values
    if len(values) not in (1, n_cells):
        raise ValueError(f"{table.place(key)}: {len(values)} values for {n_cells} cells")
    return values if len(values) == n_cells else values * n_cells


def _read_slice(table: TomlTable) -> DumpSlice:
    edges = read_quantity(table, "depth", "1").values
    if len(edges) != 2:
        raise ValueError(f"{table.place('depth')}: {len(edges)} values for two edges")
    return DumpSlice(table.integer("cell"), *edges)


def _read_scintillator(table: TomlTable) -> Scintillator:
    place, known = table.text("place"), [one.value for one in Place]
    if place not in known:
        raise ValueError(f"{table.place('place')}: {unknown('place', place, known)}")

    def stated(key: str, base: str, default: float) -> float:
        return one_value(table, key, base) if table.has(key) else default

    return Scintillator(
        cell=table.integer("cell", 0),
        place=Place(place),
        mip=one_value(table, "mip", "GeV"),
        width=one_value(table, "width"),
        smearing=stated("smearing", "GeV", 0.0),
        smearing_from=stated("smearing_from", "GeV", 0.0),
        photoelectrons=stated("photoelectrons_per_mev", "1", math.inf) * 1e3,
        efficient_from=stated("efficient_from", "GeV", 0.0),
        efficiency_power=stated("efficiency_power", "1", 1.0),
        leakage=stated("leakage", "1", 0.0),
    )
