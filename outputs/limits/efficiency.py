"""Signal efficiency over mass: a table for a period, as `efficiency.csv` holds it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from na64.outputs.limits.exposure import Exposure
from na64.outputs.limits.inputs import flat_of
from na64.outputs.limits.search import Efficiency
from na64.outputs.table import Kind, read_csv

Numbers = NDArray[np.float64]

EFFICIENCY = "efficiency.csv"
"""Name of the table in the folder of a result."""

KINDS: dict[str, Kind] = {
    "mass": Kind.NUMBER,
    "period": Kind.TEXT,
    "efficiency": Kind.NUMBER,
    "error": Kind.NUMBER,
    "n_generated": Kind.COUNT,
    "n_selected": Kind.COUNT,
}
"""Columns; masses in GeV."""


@dataclass(frozen=True, slots=True)
class Tabulated:
    """Efficiency of a period.

    Attributes
    ----------
    mass : (n,) float64, GeV
        Rising.
    value, error : (n,) float64
    source : str
    """

    mass: Numbers
    value: Numbers
    error: Numbers
    source: str

    def __post_init__(self) -> None:
        if not len(self.mass) or np.any(np.diff(self.mass) <= 0) or self.mass[0] <= 0:
            raise ValueError(f"{self.source}: the masses do not rise from above 0")
        if np.any((self.value < 0) | (self.value > 1) | (self.error < 0)):
            raise ValueError(f"{self.source}: an efficiency is not between 0 and 1, or an error is negative")

    @property
    def span(self) -> tuple[float, float]:
        """Masses in GeV that it is known for."""
        return float(self.mass[0]), float(self.mass[-1])

    def at(self, mass: ArrayLike) -> tuple[Numbers, Numbers]:
        """Interpolate linearly in the logarithm of the mass."""
        wanted, known = np.log(np.asarray(mass, np.float64)), np.log(self.mass)
        return np.interp(wanted, known, self.value), np.interp(wanted, known, self.error)


def efficiency_by(text: str | None) -> Callable[[Exposure, str], Efficiency]:
    """Give the efficiency of a result and the name of its period: flat, of one file, or of a file a result.

    Parameters
    ----------
    text : str or None
        A value, with or without an error, or a file; None: `EFFICIENCY` in the folder of each result.
    """
    if text is not None and (flat := flat_of(text)):
        return lambda _exposure, _period: flat

    def read(exposure: Exposure, period: str) -> Efficiency:
        path = exposure.folder / EFFICIENCY if text is None else Path(text)
        if not path.is_file():
            raise ValueError(f"{path}: there is no efficiency; state one or a file (--efficiency)")
        return read_efficiency(path, period)

    return read


def read_efficiency(path: Path, period: str) -> Tabulated:
    """Read the efficiency of a period.

    Raises
    ------
    ValueError
        The file has none of this period, or is not such a table.
    """
    try:
        rows = [row for row in read_csv(path.read_bytes(), KINDS).rows if row[1] == period]
    except ValueError as problem:
        raise ValueError(f"{path.name}: {problem}") from None
    if not rows:
        raise ValueError(f"{path.name}: no efficiency of period {period}")
    rows.sort(key=lambda row: float(row[0] or 0))
    mass, value, error = (np.array([row[i] for row in rows], np.float64) for i in (0, 2, 3))
    return Tabulated(mass, value, error, f"{path.name}, period {period}")
