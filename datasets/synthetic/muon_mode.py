"""The set-up of a beam of muons, as a campaign describes it: magnets, tracking stations, target, counters."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from na64.datasets.basics.toml import TomlTable
from na64.datasets.basics.units import read_quantity
from na64.datasets.instrument.roles import MODULES
from na64.datasets.synthetic.library import Floats

MODULES_SHAPE = (2, 6, 3)
"""Modules, cells along the bend, cells across it [V: MU]."""


@dataclass(frozen=True, slots=True)
class Dipole:
    """A uniform field (T, positive bends to larger y) between two places along the beam (mm)."""

    field: float
    first: float
    last: float

    def __post_init__(self) -> None:
        if not self.first < self.last or self.field == 0:
            raise ValueError(
                f"magnet of {self.field:g} T from {self.first:g} to {self.last:g} mm: bends nothing"
            )

    @property
    def middle(self) -> float:
        """Middle of the magnet, mm."""
        return (self.first + self.last) / 2


@dataclass(frozen=True, slots=True)
class Station:
    """Two tracking planes at one place, called by its name with ``x`` and ``y``; mm, each for x and y.

    Attributes
    ----------
    name : str
    z : float
    origin : (float, float)
        What is recorded for a hit on the straight axis.
    centre, half_width : (float, float)
        Of the active area, from that axis.
    resolution : float
    efficiency : float
        Of a plane.
    noise : float
        Mean number of hits of nothing, in a plane.
    """

    name: str
    z: float
    origin: tuple[float, float]
    centre: tuple[float, float]
    half_width: tuple[float, float]
    resolution: float
    efficiency: float
    noise: float

    def __post_init__(self) -> None:
        if min(*self.half_width, self.resolution) <= 0 or not 0 <= self.efficiency <= 1 or self.noise < 0:
            raise ValueError(f"station {self.name}: sizes, resolution, efficiency or noise cannot be")


@dataclass(frozen=True, slots=True)
class BeamCounter:
    """A scintillator that the trigger looks at; mm.

    Attributes
    ----------
    cell : int
        Of the detector of counters.
    z : float
    centre, half_width : (float, float)
        From the straight axis, in x and y.
    hole : (float, float)
        Half widths of a hole in its middle.
    mip : float
        GeV, most probable of one particle.
    width : float
        Of a Moyal distribution, over `mip`.
    above, below : float
        GeV: the trigger asks for an energy between them.
    """

    cell: int
    z: float
    centre: tuple[float, float]
    half_width: tuple[float, float]
    hole: tuple[float, float]
    mip: float
    width: float
    above: float
    below: float


@dataclass(frozen=True, slots=True)
class MuonMode:
    """Everything that a muon meets, along z in mm; y is the direction of the bend.

    Attributes
    ----------
    upstream, downstream : Dipole
        In front of the target and behind it. Positions behind the first are from the axis of a muon of the
        beam's nominal momentum.
    target_z : float
        Where the muon leaves the target, the ECAL.
    modules_z, modules_centre, modules_pitch : float
        Where the modules begin, their middle in y, and the size of their cells.
    stations : tuple of Station
    counters : tuple of BeamCounter
    target, counted : str
        Detectors of the campaign that have the cells of the target, and those of the counters.
    """

    upstream: Dipole
    downstream: Dipole
    target_z: float
    modules_z: float
    modules_centre: float
    modules_pitch: float
    stations: tuple[Station, ...]
    counters: tuple[BeamCounter, ...]
    target: str = "target"
    counted: str = "counters"

    def __post_init__(self) -> None:
        names = [station.name for station in self.stations]
        if len({*names}) < len(names):
            raise ValueError("muon mode: two stations have one name")
        cells = [counter.cell for counter in self.counters]
        if sorted(cells) != [*range(len(cells))]:
            raise ValueError(f"muon mode: counters are of cells {cells}, expected each from 0 on")
        if not self.upstream.last < self.target_z < self.downstream.first:
            raise ValueError("muon mode: the target is not between the magnets")

    @property
    def trackers(self) -> tuple[str, ...]:
        """Names of all tracking planes."""
        return tuple(f"{station.name}{axis}" for station in self.stations for axis in "xy")

    def check_cells(self, n_cells: Mapping[str, int]) -> None:
        """Refuse a campaign whose detectors, of so many cells, are not those of the set-up.

        Raises
        ------
        ValueError
            Names the detector.
        """
        for name, expected in ((self.target, None), (self.counted, len(self.counters))):
            if name not in n_cells or (expected is not None and n_cells[name] != expected):
                raise ValueError(
                    f"muon mode: no detector {name}" + (f" of {expected} cells" if expected else "")
                )
        for name in self.trackers:
            if name in n_cells:
                raise ValueError(f"muon mode: {name} is a detector with cells too")


def read_muon_mode(table: TomlTable) -> MuonMode | None:
    """Read ``[muon_mode]`` of a campaign, if it has one."""
    if not table.has("muon_mode"):
        return None
    entry = table.table("muon_mode")
    return MuonMode(
        upstream=_read_dipole(entry.table("upstream")),
        downstream=_read_dipole(entry.table("downstream")),
        target_z=_one(entry, "target_z", "mm"),
        modules_z=_one(entry, f"{MODULES}_z", "mm"),
        modules_centre=_one(entry, f"{MODULES}_centre", "mm"),
        modules_pitch=_one(entry, f"{MODULES}_pitch", "mm"),
        stations=tuple(_read_station(one) for one in entry.tables("station")),
        counters=tuple(_read_counter(one) for one in entry.tables("counter")),
    )


def _one(table: TomlTable, key: str, base: str = "1", default: float | None = None) -> float:
    if default is not None and not table.has(key):
        return default
    values = read_quantity(table, key, base).values
    if len(values) != 1:
        raise ValueError(f"{table.place(key)}: {len(values)} values where one is expected")
    return values[0]


def _two(table: TomlTable, key: str, default: tuple[float, float] | None = None) -> tuple[float, float]:
    if default is not None and not table.has(key):
        return default
    values = read_quantity(table, key, "mm").values
    if len(values) != 2:
        raise ValueError(f"{table.place(key)}: {len(values)} values, expected one for x and one for y")
    return values[0], values[1]


def _read_dipole(table: TomlTable) -> Dipole:
    return Dipole(_one(table, "field", "T"), _one(table, "first", "mm"), _one(table, "last", "mm"))


def _read_station(table: TomlTable) -> Station:
    return Station(
        name=table.text("name"),
        z=_one(table, "z", "mm"),
        origin=_two(table, "origin", (0.0, 0.0)),
        centre=_two(table, "centre", (0.0, 0.0)),
        half_width=_two(table, "half_width"),
        resolution=_one(table, "resolution", "mm"),
        efficiency=_one(table, "efficiency"),
        noise=_one(table, "noise"),
    )


def _read_counter(table: TomlTable) -> BeamCounter:
    return BeamCounter(
        cell=table.integer("cell"),
        z=_one(table, "z", "mm"),
        centre=_two(table, "centre"),
        half_width=_two(table, "half_width"),
        hole=_two(table, "hole", (0.0, 0.0)),
        mip=_one(table, "mip", "GeV"),
        width=_one(table, "width"),
        above=_one(table, "above", "GeV", -math.inf),
        below=_one(table, "below", "GeV", math.inf),
    )


def is_inside(counter: BeamCounter, x: Floats, y: Floats) -> Floats:
    """Whether particles hit a counter: 1 or 0, of the shape of `x` and `y` (mm); 0 where these are nan."""
    off_x, off_y = np.abs(x - counter.centre[0]), np.abs(y - counter.centre[1])
    on = (off_x < counter.half_width[0]) & (off_y < counter.half_width[1])
    found: Floats = (on & ~((off_x < counter.hole[0]) & (off_y < counter.hole[1]))).astype(np.float64)
    return found
