"""The tables of limits in the form that HEPData takes."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from na64.datasets.basics.atomic_file import write_bytes
from na64.outputs.limits.tables import QUANTITIES, DarkMatterLimitsRow, LimitsRow
from na64.outputs.result.table import Table

_DEPENDENT = {
    "observed": "observed upper limit",
    "median": "expected upper limit (median)",
    "minus2": "expected upper limit (-2 sigma)",
    "minus1": "expected upper limit (-1 sigma)",
    "plus1": "expected upper limit (+1 sigma)",
    "plus2": "expected upper limit (+2 sigma)",
}


def write_hepdata(
    folder: Path, limits: Table[LimitsRow], y: Table[DarkMatterLimitsRow], comment: str
) -> tuple[Path, ...]:
    """Write `submission.yaml` and a table each for eps and y; an earlier submission is replaced.

    Parameters
    ----------
    folder : Path
        For the submission alone.
    limits, y : Table
        `na64.outputs.limits.tables`.
    comment : str
        What the submission is of.

    Returns
    -------
    tuple of Path
    """
    library = _library()
    return _submit(library, folder.resolve(), comment, [_eps(library, limits), _y(library, y)])


@dataclass(frozen=True, slots=True)
class EdgeTable:
    """One kind of edge of a contour in mass and coupling.

    Attributes
    ----------
    name, description : str
    mass, coupling : str
        Symbols of the axes, in LaTeX.
    unit : str
        Of the coupling.
    rows : list of (level, mass in GeV, coupling)
    """

    name: str
    description: str
    mass: str
    coupling: str
    unit: str
    rows: list[tuple[float, float, float]]


def write_contour_hepdata(folder: Path, tables: Sequence[EdgeTable], comment: str) -> tuple[Path, ...]:
    """Write a submission with a table for each kind of edge of a contour; an earlier one is replaced."""
    library = _library()
    return _submit(library, folder.resolve(), comment, [_edges(library, one) for one in tables])


def _edges(library: Any, edges: EdgeTable) -> Any:
    table = library.Table(edges.name)
    table.description = edges.description
    table.location = "na64"
    table.keywords["observables"] = ["CLS"]
    level, mass, coupling = ([row[index] for row in edges.rows] for index in range(3))
    table.add_variable(_independent(library, f"${edges.mass}$", "GeV", mass))
    table.add_variable(_independent(library, "Confidence level", "", level))
    variable = library.Variable(
        edges.coupling, is_independent=False, is_binned=False, units=edges.unit.replace("1/GeV", "GeV$^{-1}$")
    )
    variable.values = coupling
    variable.digits = 4
    table.add_variable(variable)
    return table


def _submit(library: Any, folder: Path, comment: str, tables: Sequence[Any]) -> tuple[Path, ...]:
    submission = library.Submission()
    submission.comment = comment
    for table in tables:
        submission.add_table(table)
    with tempfile.TemporaryDirectory() as name, contextlib.chdir(name), warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # the validator leaves files open
        warnings.filterwarnings("ignore", "Python 3.14 will, by default, filter", DeprecationWarning)
        submission.create_files("out", validate=True)  # also packs an archive beside the folder
        shutil.rmtree(folder, ignore_errors=True)
        for path in sorted(Path("out").iterdir()):
            write_bytes(folder / path.name, path.read_bytes())
    return tuple(sorted(folder.iterdir()))


def _library() -> Any:
    """Import hepdata_lib, whose validator still imports what jsonschema calls deprecated."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "jsonschema", DeprecationWarning)
        import hepdata_lib  # noqa: PLC0415 (a second to import)
    return hepdata_lib


def _eps(library: Any, limits: Table[LimitsRow]) -> Any:
    records = limits.records()
    table = library.Table("Limits on the mixing")
    table.description = "Upper limits on the kinetic mixing of a dark photon that decays invisibly."
    table.location = "na64 limits"
    table.keywords["observables"] = ["CLS"]
    table.keywords["phrases"] = ["Dark photon", "Missing energy"]
    table.add_variable(_independent(library, "$m_{A'}$", "GeV", [row["mass"] for row in records]))
    table.add_variable(_independent(library, "Confidence level", "", [row["level"] for row in records]))
    _add_limits(library, table, "$\\varepsilon$", "eps", records)
    return table


def _y(library: Any, y: Table[DarkMatterLimitsRow]) -> Any:
    records = y.records()
    table = library.Table("Limits on y")
    table.description = "Upper limits on $y = \\varepsilon^2 \\alpha_D (m_\\chi / m_{A'})^4$."
    table.location = "na64 limits"
    table.keywords["observables"] = ["CLS"]
    table.keywords["phrases"] = ["Dark matter", "Dark photon", "Missing energy"]
    table.add_variable(_independent(library, "$m_\\chi$", "GeV", [row["mass_chi"] for row in records]))
    table.add_variable(_independent(library, "$\\alpha_D$", "", [row["alpha_d"] for row in records]))
    table.add_variable(_independent(library, "Confidence level", "", [row["level"] for row in records]))
    _add_limits(library, table, "$y$", "y", records)
    return table


def _independent(library: Any, name: str, unit: str, values: Sequence[object]) -> Any:
    variable = library.Variable(name, is_independent=True, is_binned=False, units=unit)
    variable.values = list(values)
    return variable


def _add_limits(
    library: Any, table: Any, name: str, column: str, records: Sequence[Mapping[str, object]]
) -> None:
    """Add a column each for the quantiles, and for the observed limit if there is one."""
    for quantity in QUANTITIES:
        values = [row[f"{column}_{quantity}"] for row in records]
        if any(value is None for value in values):
            continue
        variable = library.Variable(f"{name}, {_DEPENDENT[quantity]}", is_independent=False, is_binned=False)
        variable.values = values
        variable.digits = 4
        table.add_variable(variable)
