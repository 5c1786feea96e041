"""A table over mass and a second variable in a file of correctionlib: cubic in log(mass), linear in that.

What is interpolated is the logarithm of a positive number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import correctionlib.schemav2 as schema
import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

Floats = NDArray[np.float64]

# A cubic in log(x) at either edge in y of a cell, and a straight line between the two.
_CELL = (
    "exp(([1]+(log(x)-[0])*([2]+(log(x)-[0])*([3]+(log(x)-[0])*[4])))*(1-(y-[9])/[10])"
    "+([5]+(log(x)-[0])*([6]+(log(x)-[0])*([7]+(log(x)-[0])*[8])))*(y-[9])/[10])"
)
_EDGE = 1e-9
_DIGITS = 9


@dataclass(frozen=True, slots=True)
class YieldGrid:
    """Values above 0 on masses and a second variable.

    Attributes
    ----------
    name, description : str
    variable : (name, meaning)
        The second one.
    masses : (n,) float64, GeV
    nodes : (m,) float64
    values : (n, m) float64
    output : (name, unit)
    particle : str
        Whose mass it is.
    """

    name: str
    description: str
    variable: tuple[str, str]
    masses: Floats
    nodes: Floats
    values: Floats
    output: tuple[str, str]
    particle: str = "the dark photon"


def write_grids(path: Path, grids: Sequence[YieldGrid]) -> Path:
    """Write tables into one file, whose folder is made if there is none."""
    made = schema.CorrectionSet(schema_version=2, corrections=[_correction(grid) for grid in grids])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(made.model_dump_json(exclude_unset=True) + "\n", encoding="utf-8")
    return path


def _correction(grid: YieldGrid) -> schema.Correction:
    spline = CubicSpline(np.log(grid.masses), np.log(grid.values), axis=0)
    cells = [
        _cell(spline.c[::-1, row], float(spline.x[row]), grid.nodes, column)
        for row in range(len(grid.masses) - 1)
        for column in range(len(grid.nodes) - 1)
    ]
    name, meaning = grid.variable
    data: dict[str, Any] = {
        "nodetype": "multibinning",
        "inputs": ["mass", name],
        "edges": [_edges(grid.masses), _edges(grid.nodes)],
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
                {"name": "mass", "type": "real", "description": f"GeV, of {grid.particle}"},
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
