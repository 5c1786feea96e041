"""The shipped tables: how they are computed, and their form.

`write_tables` makes them anew; that takes some minutes, and nothing else in the package calls it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import correctionlib.schemav2 as schema
import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline, make_interp_spline

from na64.outputs.signal.cross_sections import k_factor
from na64.outputs.signal.integration import integrate_yield, resolved_thresholds
from na64.outputs.signal.kinematics import Radiation

Floats = NDArray[np.float64]
Progress = Callable[[int, int], None]

BEAM_ENERGIES = (70.0, 100.0)
"""GeV, of the beams of which yields are shipped."""

YIELDS, SPECTRUM = "yields.json", "dark_photon.csv"
"""Names of the files: correctionlib's, and the spectrum that the simulation draws from."""

MASSES: Floats = np.geomspace(1e-3, 1.0, 31)
"""GeV."""
THRESHOLDS: Floats = np.arange(20.0, 81.0, 5.0)
"""GeV, of the missing energy."""
FOLDED_THRESHOLDS: Floats = np.arange(30.0, 71.0, 5.0)
"""GeV, of the missing energy as the ECAL measures it."""
ENERGIES: Floats = np.array([20.0, 30.0, 50.0, 70.0, 100.0, 150.0])
"""GeV, of the lepton, for the K-factor."""
_LATE_THRESHOLDS: Floats = np.array([85.0, 90.0, 93.0, 95.0, 97.0, 98.0, 99.0, 99.5, 99.9])
_BEAM_ENERGY = 100.0

# A cubic in log(x) at either edge in y of a cell, and a straight line between the two.
_CELL = (
    "exp(([1]+(log(x)-[0])*([2]+(log(x)-[0])*([3]+(log(x)-[0])*[4])))*(1-(y-[9])/[10])"
    "+([5]+(log(x)-[0])*([6]+(log(x)-[0])*([7]+(log(x)-[0])*[8])))*(y-[9])/[10])"
)
_PER_ELECTRON = ("yield", "per electron on target and eps^2")
_EDGE = 1e-9
_DIGITS = 9


@dataclass(frozen=True, slots=True)
class _Grid:
    """Values above 0 on masses and a second variable."""

    name: str
    description: str
    variable: tuple[str, str]
    nodes: Floats
    values: Floats
    output: tuple[str, str]


def yields_file(beam_energy: float) -> str:
    """Name of the file of yields for a beam energy in GeV."""
    return YIELDS if beam_energy == _BEAM_ENERGY else f"yields_{beam_energy:g}GeV.json"


def thresholds_of(beam_energy: float) -> Floats:
    """Thresholds of the yields for a beam energy, GeV: the same parts of it at all."""
    return THRESHOLDS * (beam_energy / _BEAM_ENERGY)


def write_yields(folder: Path, beam_energy: float) -> Path:
    """Compute the yields for another beam energy than `write_tables` does, and write them."""
    thresholds = thresholds_of(beam_energy)
    rows = [
        [integrate_yield(mass, threshold=float(value), beam_energy=beam_energy) for value in thresholds]
        for mass in MASSES.tolist()
    ]
    return _write_yields(folder, beam_energy, np.array(rows))


def _write_yields(folder: Path, beam_energy: float, yields: Floats) -> Path:
    grid = _yield_grid(beam_energy, yields)
    made = schema.CorrectionSet(schema_version=2, corrections=[_correction(grid)])
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / yields_file(beam_energy)
    path.write_text(made.model_dump_json(exclude_unset=True) + "\n", encoding="utf-8")
    return path


def write_tables(folder: Path, *, progress: Progress | None = None) -> list[Path]:
    """Compute both tables, and write them into a folder.

    Parameters
    ----------
    folder : Path
    progress : callable, optional
        Gets the masses done and to be done.

    Returns
    -------
    list of Path
        `YIELDS` belongs into this folder of the package, `SPECTRUM` into `datasets/synthetic`.
    """
    thresholds = np.concatenate([THRESHOLDS, _LATE_THRESHOLDS])
    rows, factors = [], []
    for done, mass in enumerate(MASSES.tolist(), start=1):
        rows.append([integrate_yield(mass, threshold=float(value)) for value in thresholds])
        factors.append([k_factor(Radiation(mass, float(energy))) for energy in ENERGIES])
        if progress is not None:
            progress(done, len(MASSES))
    yields = np.array(rows)
    corrections = [_correction(grid) for grid in _grids(yields, np.array(factors))]
    made = schema.CorrectionSet(schema_version=2, corrections=corrections)
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / YIELDS, folder / SPECTRUM]
    paths[0].write_text(made.model_dump_json(exclude_unset=True) + "\n", encoding="utf-8")
    paths[1].write_text(_spectrum(thresholds, yields), encoding="utf-8")
    return paths


def _grids(yields: Floats, factors: Floats) -> tuple[_Grid, ...]:
    true = yields[:, : len(THRESHOLDS)]
    return (
        _yield_grid(_BEAM_ENERGY, true),
        _Grid(
            "folded_yield",
            "the same above a threshold on the missing energy that an ECAL of 9 % / sqrt(E) measures",
            ("threshold", "GeV, least missing energy as measured"),
            FOLDED_THRESHOLDS,
            _fold(true),
            _PER_ELECTRON,
        ),
        _Grid(
            "k_factor",
            "leading-logarithm cross-section of DMG4 (2101.12192) over exact tree level, lead",
            ("energy", "GeV, of the electron"),
            ENERGIES,
            factors,
            ("k_factor", "1"),
        ),
    )


def _yield_grid(beam_energy: float, yields: Floats) -> _Grid:
    beam = f"{'e-' if beam_energy == _BEAM_ENERGY else 'e- or e+'} of {beam_energy:g} GeV"
    return _Grid(
        "yield",
        f"dark photons in a thick lead target, {beam}, exact tree level, e- and e+ of the shower",
        ("threshold", "GeV, least energy of the dark photon"),
        thresholds_of(beam_energy),
        yields,
        _PER_ELECTRON,
    )


def _fold(yields: Floats) -> Floats:
    """Average over the thresholds on the true energy that belong to one on the measured energy."""
    spline = make_interp_spline(THRESHOLDS, np.log(yields), k=3, axis=1)
    columns = []
    for threshold in FOLDED_THRESHOLDS:
        nodes, weights = resolved_thresholds(float(threshold), beam_energy=_BEAM_ENERGY)
        columns.append(np.exp(spline(nodes)) @ weights)
    return np.stack(columns, axis=1)


def _correction(grid: _Grid) -> schema.Correction:
    spline = CubicSpline(np.log(MASSES), np.log(grid.values), axis=0)
    cells = [
        _cell(spline.c[::-1, row], float(spline.x[row]), grid.nodes, column)
        for row in range(len(MASSES) - 1)
        for column in range(len(grid.nodes) - 1)
    ]
    name, meaning = grid.variable
    data: dict[str, Any] = {
        "nodetype": "multibinning",
        "inputs": ["mass", name],
        "edges": [_edges(MASSES), _edges(grid.nodes)],
        "content": cells,
        "flow": "error",
    }
    formula = {
        "nodetype": "formula",
        "expression": _CELL,
        "parser": "TFormula",
        "variables": ["mass", name],
    }
    return schema.Correction.model_validate(
        {
            "name": grid.name,
            "description": grid.description,
            "version": 1,
            "inputs": [
                {"name": "mass", "type": "real", "description": "GeV, of the dark photon"},
                {"name": name, "type": "real", "description": meaning},
            ],
            "output": {"name": grid.output[0], "type": "real", "description": grid.output[1]},
            "generic_formulas": [formula],
            "data": data,
        }
    )


def _cell(coefficients: Floats, start: float, nodes: Floats, column: int) -> dict[str, Any]:
    low, high = coefficients[:, column].tolist(), coefficients[:, column + 1].tolist()
    first, last = nodes[column : column + 2].tolist()
    parameters = [start, *low, *high, first, last - first]
    rounded = [float(f"{value:.{_DIGITS}g}") for value in parameters]
    return {"nodetype": "formularef", "index": 0, "parameters": rounded}


def _edges(nodes: Floats) -> list[float]:
    """Make bins of which both ends belong to the table."""
    edges: list[float] = nodes.tolist()
    return [edges[0] * (1 - _EDGE), *edges[1:-1], edges[-1] * (1 + _EDGE)]


def _spectrum(thresholds: Floats, yields: Floats) -> str:
    """Fraction of dark photons that take more than a fraction of the beam's energy, by mass."""
    survival = yields / yields[:, :1]
    fractions = [f"{value / _BEAM_ENERGY:.4g}" for value in thresholds]
    lines = [
        "# Dark photons in a thick lead target, e- of 100 GeV, exact tree level: the fraction of those with",
        f"# more than {fractions[0]} of the beam's energy that take more than each fraction in the header.",
        "# Made by na64.outputs.signal.tables.write_tables [D: this package].",
        ",".join(["mass_GeV", *fractions, "1"]),
    ]
    for mass, row in zip(MASSES, survival, strict=True):
        lines.append(",".join([f"{mass:.9g}", *(f"{value:.6g}" for value in row), "0"]))
    return "\n".join(lines) + "\n"
