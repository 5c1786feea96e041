"""Efficiency by missing energy, of positrons that annihilate: all that they had is missing.

What is left for the detector is what they radiated before. Of a positron of the beam that annihilates at once
that is nothing, so that the trigger, which asks for energy in the preshower, does not take the event.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from na64.datasets.basics.csv_rows import CsvRow, read_rows
from na64.outputs.result.origin import SEAL
from na64.outputs.result.table import Table, columns_of
from na64.outputs.statistics.binomial import binomial_error

Floats = NDArray[np.float64]

POSITRON = "positron"
"""Search whose efficiencies go by the missing energy too."""

_STEP = 5.0
_BELOW = (-4.0, -2.0, -1.0, 0.0, 1.0, 2.0)
_END = (10.0, 8.0, 6.0, 5.0, 4.0, 3.0, 2.5, 2.0, 1.5, 1.0, 0.5, 0.0)
"""GeV at a beam of 100 GeV: bins are narrow about the threshold and where hardly anything is left."""


@dataclass(frozen=True, slots=True)
class MissingEnergyRow:
    """Row of `efficiency_energies.csv`: an `MissingEnergyPoint`, and the efficiency that it gives.

    Attributes
    ----------
    energy_low, energy_high : float, GeV
    period : str
    efficiency, error : float
    n_generated, n_selected, n_in_box : int
        Events.
    selection, cuts, setup, beam, search : str
    """

    energy_low: float
    energy_high: float
    period: str
    efficiency: float
    error: float
    n_generated: int
    n_selected: int
    n_in_box: int
    selection: str
    cuts: str
    setup: str
    beam: str
    search: str


@dataclass(frozen=True, slots=True)
class MissingEnergyPoint:
    """What a selection did to simulated positrons that annihilate with energies in a bin.

    Attributes
    ----------
    energy_low, energy_high : float, GeV
        Of the missing energy.
    period, selection : str
    n_generated, n_in_box, n_selected : int
        All, those in the box, and of them the ones that pass every cut, the trigger included.
    cuts, setup, beam, search : str
        As of `na64.outputs.signal.efficiency.efficiency.EfficiencyPoint`.
    """

    energy_low: float
    energy_high: float
    period: str
    selection: str
    n_generated: int
    n_in_box: int
    n_selected: int
    cuts: str = ""
    setup: str = ""
    beam: str = ""
    search: str = ""

    def __post_init__(self) -> None:
        in_order = 0 <= self.n_selected <= self.n_in_box <= self.n_generated and self.n_generated > 0
        if not (in_order and 0 < self.energy_low < self.energy_high):
            raise ValueError(
                f"period {self.period}, {self.energy_low:g} to {self.energy_high:g} GeV missing: "
                f"{self.n_selected} selected of {self.n_in_box} in the box of {self.n_generated}"
            )

    @property
    def efficiency(self) -> float:
        """Selected over generated."""
        return self.n_selected / self.n_generated

    @property
    def error(self) -> float:
        """Binomial, of the posterior for a flat prior: not zero where none or all are selected."""
        return binomial_error(self.n_selected, self.n_generated)


@dataclass(frozen=True, slots=True, eq=False)
class MissingEnergyEfficiency:
    """Efficiency of a period in bins of the missing energy, with the losses that count.

    Attributes
    ----------
    edges : (n + 1,) float64, GeV
        Rising; what misses less than the first is not seen.
    value, error : (n,) float64
    """

    edges: Floats
    value: Floats
    error: Floats

    @property
    def lowest(self) -> float:
        """Least missing energy that is seen, GeV."""
        return float(self.edges[0])

    def seen(self, energy: Floats, number: Floats) -> tuple[float, float]:
        """How many are seen, and the error of it, of so many with each missing energy (n,), GeV."""
        bins = np.searchsorted(self.edges, energy, side="right") - 1
        inside = (bins >= 0) & (energy <= self.edges[-1])
        made = np.bincount(np.minimum(bins[inside], len(self.value) - 1), number[inside], len(self.value))
        return float(made @ self.value), float(np.linalg.norm(made * self.error))


def energy_edges(threshold: float, beam_energy: float) -> Floats:
    """Edges of the bins of the missing energy, GeV: from somewhat below a box's threshold to the beam's."""
    unit = beam_energy / 100
    start, stop = threshold + unit * _BELOW[-1], beam_energy - unit * _END[0]
    n = max(round((stop - start) / (unit * _STEP)), 1)
    middle = np.linspace(start, stop, n + 1)[1:-1] if start < stop else np.empty(0)
    first = threshold + unit * np.array(_BELOW)
    last = beam_energy - unit * np.array(_END)
    edges: Floats = np.concatenate([first, middle, last[last > first[-1]]])
    return edges


def energies_path(path: Path) -> Path:
    """Where the efficiencies by missing energy of a table are: beside it."""
    return path.with_name(f"{path.stem}_energies.csv")


def energies_table(points: Iterable[MissingEnergyPoint]) -> Table[MissingEnergyRow]:
    """Table of `efficiency_energies.csv`, by period and energy."""
    ordered = sorted(points, key=lambda point: (point.period, point.selection, point.energy_low))
    rows = [
        MissingEnergyRow(*(getattr(point, name) for name in columns_of(MissingEnergyRow)))
        for point in ordered
    ]
    return Table(MissingEnergyRow, rows)


def read_energies(path: Path) -> list[MissingEnergyPoint]:
    """Read `efficiency_energies.csv`; none if there is no such file.

    Raises
    ------
    ValueError
        Names the file, the line and what is wrong with it.
    """
    return read_rows(path, (*columns_of(MissingEnergyRow), SEAL), _point) if path.exists() else []


def _point(row: CsvRow) -> MissingEnergyPoint:
    def number(name: str) -> float:
        value = row.number(name)
        if value is None or not value > 0:
            raise ValueError(f"{name} is {value}, expected above 0")
        return value

    point = MissingEnergyPoint(
        number("energy_low"),
        number("energy_high"),
        row.text("period") or "",
        row.text("selection") or "",
        row.key("n_generated"),
        row.key("n_in_box"),
        row.key("n_selected"),
        *(row.text(name) or "" for name in ("cuts", "setup", "beam", "search")),
    )
    stated = row.number("efficiency")
    if stated is None or not math.isclose(stated, point.efficiency, rel_tol=1e-6):
        raise ValueError(f"efficiency {stated} is not {point.n_selected} of {point.n_generated}")
    return point


def energy_efficiency(
    points: Iterable[MissingEnergyPoint], factor: float, where: str
) -> MissingEnergyEfficiency | None:
    """Function of the points of a period, times the factor of its losses; None without points.

    Raises
    ------
    ValueError
        The bins do not follow each other.
    """
    ordered = sorted(points, key=lambda point: point.energy_low)
    if not ordered:
        return None
    low, high = (np.array([getattr(p, f"energy_{side}") for p in ordered]) for side in ("low", "high"))
    if not np.allclose(low[1:], high[:-1], rtol=1e-9, atol=0):
        raise ValueError(f"{where}: its bins of missing energy do not follow each other")
    value, error = (
        factor * np.array([getattr(p, kind) for p in ordered]) for kind in ("efficiency", "error")
    )
    return MissingEnergyEfficiency(np.append(low, high[-1]), value, error)
