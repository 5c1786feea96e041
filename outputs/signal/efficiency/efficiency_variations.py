"""What the variations of a selection do to its efficiency for dark photons, by period and mass."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from na64.datasets.basics.csv_rows import CsvRow, read_rows
from na64.outputs.result.origin import SEAL
from na64.outputs.result.table import Table, columns_of
from na64.outputs.result.variations import Change

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class EfficiencyVariationsRow:
    """Row of `efficiency_variations.csv`: a `Varied`, and the change that it gives.

    Attributes
    ----------
    mass : float, GeV
    period, selection, variation : str
    change, error : float or None
        Relative; None without a selected event.
    n_selected, gained, lost : int
    label, source : str
    """

    mass: float
    period: str
    selection: str
    variation: str
    change: float | None
    error: float | None
    n_selected: int
    gained: int
    lost: int
    label: str
    source: str


@dataclass(frozen=True, slots=True)
class Varied:
    """What a variation did to the selected dark photons of one mass in one period.

    Attributes
    ----------
    mass : float, GeV
    period, selection, variation : str
    n_selected : int
        In the box after every cut nominally.
    gained, lost : int
        Events that are there only under the variation, and only nominally.
    label, source : str
        Of the variation.
    """

    mass: float
    period: str
    selection: str
    variation: str
    n_selected: int
    gained: int
    lost: int
    label: str
    source: str

    @property
    def change(self) -> Change:
        """Counts with the error of their difference; its relative parts are those of the efficiency."""
        varied = self.n_selected + self.gained - self.lost
        return Change(self.n_selected, varied, float(np.sqrt(self.gained + self.lost)))


@dataclass(frozen=True, slots=True)
class EfficiencyChange:
    """Relative change of the efficiency of a period under a variation, over mass.

    Attributes
    ----------
    name, label, source : str
    mass : (n,) float64, GeV
        Rising.
    value, error : (n,) float64
    """

    name: str
    label: str
    source: str
    mass: Floats
    value: Floats
    error: Floats

    def at(self, mass: ArrayLike) -> tuple[Floats, Floats]:
        """Interpolate change and error in the logarithm of the mass (GeV)."""
        positions = np.log(np.asarray(mass, dtype=np.float64)), np.log(self.mass)
        return np.interp(*positions, self.value), np.interp(*positions, self.error)


def variations_path(path: Path) -> Path:
    """Where the variations of an efficiency table are: beside it."""
    return path.with_name(f"{path.stem}_variations.csv")


def variations_table(entries: Iterable[Varied]) -> Table[EfficiencyVariationsRow]:
    """Make the table of `efficiency_variations.csv`, by period, mass and variation as declared."""
    rows = [
        EfficiencyVariationsRow(
            *(e.mass, e.period, e.selection, e.variation, *_relative(e)),
            *(e.n_selected, e.gained, e.lost, e.label, e.source),
        )
        for e in sorted(entries, key=lambda e: (e.period, e.selection, e.mass))
    ]
    return Table(EfficiencyVariationsRow, rows)


def _relative(entry: Varied) -> tuple[float | None, float | None]:
    change = entry.change
    return (change.relative, change.relative_error) if entry.n_selected else (None, None)


def read_variations(path: Path) -> list[Varied]:
    """Read `efficiency_variations.csv`; there are none if there is no such file.

    Raises
    ------
    ValueError
        Names the file, the line and what is wrong with it.
    """
    return read_rows(path, (*columns_of(EfficiencyVariationsRow), SEAL), _varied) if path.exists() else []


def _varied(row: CsvRow) -> Varied:
    mass = row.number("mass")
    period, selection, name, label, source = (
        row.text(column) or "" for column in ("period", "selection", "variation", "label", "source")
    )
    if mass is None or not mass > 0 or not name:
        raise ValueError(f'mass {mass}, variation "{name}": expected a mass above 0 and a name')
    nominal, gained, lost = (row.key(column) for column in ("n_selected", "gained", "lost"))
    entry = Varied(mass, period, selection, name, nominal, gained, lost, label, source)
    stated, change = row.number("change"), entry.change
    if lost > nominal or (nominal and not (stated is not None and _near(stated, change.relative))):
        raise ValueError(f"change {stated} is not {change.difference:g} of {entry.n_selected}")
    return entry


def _near(one: float, other: float) -> bool:
    return abs(one - other) < 1e-6


def changes_of(entries: Iterable[Varied]) -> tuple[EfficiencyChange, ...]:
    """Make a function of mass for each variation of a period, of the masses with a selected event."""
    by_name: dict[str, list[Varied]] = {}
    for entry in sorted(entries, key=lambda e: e.mass):
        if entry.n_selected:
            by_name.setdefault(entry.variation, []).append(entry)
    return tuple(
        EfficiencyChange(
            name,
            own[0].label,
            own[0].source,
            np.array([e.mass for e in own]),
            np.array([e.change.relative for e in own]),
            np.array([e.change.relative_error for e in own]),
        )
        for name, own in by_name.items()
    )
