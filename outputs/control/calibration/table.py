"""Constants of cells as rows of a table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from na64.datasets.calibration.constants import Calibration, Quantity, RunRange, unit_of
from na64.outputs.result.table import Table


@dataclass(frozen=True, slots=True)
class ConstantRow:
    """Row of `constants.csv`: one constant of one cell.

    Attributes
    ----------
    first_run, last_run : int
        Both included.
    detector : str
    cell : int
    quantity, unit : str
    value, error : float
        The error is statistical; 0 where the value is kept.
    entries : int
    method : str
        ``kept`` where it was not measured.
    defect : str
        ``dead``, ``noisy`` or nothing.
    """

    first_run: int
    last_run: int
    detector: str
    cell: int
    quantity: str
    unit: str
    value: float
    error: float
    entries: int
    method: str
    defect: str


def table_of(calibration: Calibration) -> Table[ConstantRow]:
    """Row for every constant."""
    return Table(ConstantRow, [row for part in calibration.ranges for row in _rows(part)])


def _rows(part: RunRange) -> Iterator[ConstantRow]:
    defects = {(entry.detector, entry.cell): entry.defect.value for entry in part.bad}
    for name, constants in part.detectors.items():
        for quantity in Quantity:
            listed = constants.values.get(quantity)
            for cell in range(constants.n_cells if listed else 0):
                yield ConstantRow(
                    part.first,
                    part.last,
                    name,
                    cell,
                    quantity.value,
                    unit_of(quantity),
                    listed.values[cell],  # type: ignore[union-attr]
                    listed.errors[cell],  # type: ignore[union-attr]
                    listed.entries[cell],  # type: ignore[union-attr]
                    listed.methods[cell],  # type: ignore[union-attr]
                    defects.get((name, cell), ""),
                )
