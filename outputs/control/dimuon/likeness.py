"""How good the simulation is: its dimuons beside the 2704 of a public file of real ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from na64.datasets.instrument.columns import EventColumns
from na64.datasets.instrument.roles import CALORIMETER, COUNTERS, MODULES, PADDLES
from na64.datasets.synthetic import load_campaign
from na64.datasets.synthetic.electromagnetic import Grid
from na64.datasets.synthetic.events import make_block, plan_runs

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]

REAL = "real_dimuons.csv"
_SUM, _FIRST, _SECOND = "ECAL", "HCAL 0", "HCAL 1"
"""Quantities of `REAL` that the cuts are on."""

ENERGY_EDGES: Floats = np.arange(0.0, 61.0, 5.0)
"""GeV, of the bins of `REAL_ENERGIES`."""
REAL_ENERGIES = (19, 54, 99, 132, 144, 185, 209, 248, 288, 332, 435, 559)
"""Real dimuons by ECAL energy [D: RC]."""

_CAMPAIGN = "dimuons"
_N_PADDLES = 3
_STATISTICS: dict[str, Callable[[Floats], float]] = {
    "mean": lambda x: float(np.mean(x)),
    "rms": lambda x: float(np.std(x)),
    "median": lambda x: float(np.median(x)),
    "16 %": lambda x: float(np.percentile(x, 16)),
    "84 %": lambda x: float(np.percentile(x, 84)),
    "99 %": lambda x: float(np.percentile(x, 99)),
}


@dataclass(frozen=True, slots=True)
class LikenessRow:
    """One number of real and of simulated dimuons, in the same unit."""

    quantity: str
    unit: str
    statistic: str
    real: float
    simulated: float

    @property
    def ratio(self) -> float:
        """Simulated over real."""
        return self.simulated / self.real


def simulate_dimuons(n_events: int, *, seed: int) -> dict[str, Floats]:
    """Quantities of simulated dimuons that pass `selected`.

    Parameters
    ----------
    n_events : int
        That the emulated trigger takes, before the cuts: a fifth passes.
    seed : int

    Returns
    -------
    dict of str to (n,) float64
        By the names in `REAL`, GeV; MeV for SRD and VETO.
    """
    campaign = load_campaign(_CAMPAIGN)
    geometry = campaign.geometries[0]
    plan = plan_runs(campaign, geometry, len(campaign.runs) * n_events, seed)[0]
    columns = make_block(campaign, geometry, plan, 0, n_events, seed=seed).columns
    cells = _cells(columns, geometry.grid)
    quantities = _quantities(columns, cells, geometry.grid)
    chosen = selected(columns, cells, quantities, geometry.grid)
    return {name: values[chosen] for name, values in quantities.items()}


def _cells(columns: EventColumns, grid: Grid) -> Floats:
    energy = np.asarray(columns.cells(CALORIMETER).energy, np.float64)
    return energy.reshape(-1, 2, grid.n_x, grid.n_y)


def _quantities(columns: EventColumns, cells: Floats, grid: Grid) -> dict[str, Floats]:
    modules = np.asarray(columns.cells(MODULES).energy).reshape(columns.n_events, 4, 9).sum(axis=2)
    paddles = np.asarray(columns.cells(PADDLES).energy).reshape(columns.n_events, _N_PADDLES, 2)
    energy, preshower = cells.sum(axis=(1, 2, 3)), cells[:, 0].sum(axis=(1, 2))
    x, y = grid.beam_cell
    near = cells[:, :, x - 1 : x + 2, y - 1 : y + 2].sum(axis=(1, 2, 3))
    return {
        _SUM: energy,
        "preshower": preshower,
        f"preshower / {_SUM}": preshower / np.maximum(energy, 1e-9),
        f"3x3 / {_SUM}": near / np.maximum(energy, 1e-9),
        _FIRST: modules[:, 0],
        _SECOND: modules[:, 1],
        f"{_FIRST} + 1 + 2": modules[:, :3].sum(axis=1),
        "SRD": 1000 * np.asarray(columns.cells(COUNTERS).energy).sum(axis=1),
        "VETO": 1000 * np.sqrt(paddles.prod(axis=2)).sum(axis=1),
    }


def selected(columns: EventColumns, cells: Floats, quantities: dict[str, Floats], grid: Grid) -> Booleans:
    """Mask of the events that pass the cuts of the real ones [D: RC].

    Most energy in the beam cell; every SRD counter above 2 MeV and two of them below 80; preshower above 0.5
    GeV; ECAL below 60 GeV; HCAL 0 and 1 between 3 and 7 GeV.
    """
    towers = cells.sum(axis=1).reshape(len(cells), -1)
    central = np.argmax(towers, axis=1) == grid.beam_cell[0] * grid.n_y + grid.beam_cell[1]
    counters = 1000 * np.asarray(columns.cells(COUNTERS).energy)
    radiates = (counters > 2).all(axis=1) & ((counters < 80).sum(axis=1) >= 2)
    showers = (quantities["preshower"] > 0.5) & (quantities[_SUM] < 60)
    muons = np.ones(len(cells), np.bool_)
    for name in (_FIRST, _SECOND):
        muons &= (quantities[name] > 3) & (quantities[name] < 7)
    passed: Booleans = central & radiates & showers & muons
    return passed


def compare_with_real(simulated: dict[str, Floats]) -> Iterator[LikenessRow]:
    """Rows of the comparison, in the order of `REAL`."""
    lines = (files(__package__) / REAL).read_text(encoding="utf-8").splitlines()
    for line in [entry for entry in lines if not entry.startswith("#")][1:]:
        quantity, unit, statistic, real = line.split(",")
        found = _STATISTICS[statistic](simulated[quantity])
        yield LikenessRow(quantity, unit, statistic, float(real), found)


def compare_energies(simulated: dict[str, Floats]) -> tuple[Floats, float, int]:
    """Simulated dimuons by ECAL energy, as many as real ones; chi2 of the shapes, degrees of freedom."""
    counts = np.histogram(simulated[_SUM], ENERGY_EDGES)[0].astype(np.float64)
    real = np.array(REAL_ENERGIES, np.float64)
    scale = real.sum() / counts.sum()
    chi2 = float((((scale * counts - real) ** 2) / (real + scale**2 * counts)).sum())
    return scale * counts, chi2, len(real) - 1


def as_markdown(rows: list[LikenessRow]) -> str:
    """Table of the rows for a page of the documentation."""
    lines = ["| dimuons | statistic | real | simulated | ratio |", "|---|---|---:|---:|---:|"]
    for row in rows:
        unit = "" if row.unit == "1" else f" ({row.unit})"
        numbers = f"{row.real:g} | {row.simulated:.3g} | {row.ratio:.2f}"
        lines.append(f"| {row.quantity}{unit} | {row.statistic} | {numbers} |")
    return "\n".join(lines)
