"""Efficiency of a selection for the particles of a search by their energy, as a table and as a function."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from na64.datasets.basics.csv_rows import CsvRow, read_rows
from na64.outputs.result.origin import BESIDE, SEAL
from na64.outputs.result.table import Table, columns_of
from na64.outputs.signal.efficiency.asked_rows import read_asked
from na64.outputs.signal.efficiency.losses import AppliedLoss, counted, factor_of
from na64.outputs.signal.efficiency.losses_file import losses_path, read_applied

TEXTS = ("search", "channel", "period", "selection", "cuts", "setup")


def efficiency_name(search: str) -> str:
    """Name of the table of a search in the folder of a result."""
    return f"efficiency_{search}.csv"


@dataclass(frozen=True, slots=True)
class EnergyRow:
    """Row of the table: what a selection did to simulated particles of some energies that decay somewhere.

    Attributes
    ----------
    search, channel, period : str
    energy_low, energy_high : float, GeV
        Of the particle.
    efficiency, error : float
        Selected over simulated.
    n_simulated, n_in_box, n_selected : int
        Events; selected are those in the box that pass every cut, the trigger included.
    first, last : float or None, mm
        All of them decay between, from the front of the target; None for everything beyond the first.
    selection, cuts, setup : str
        Name of the selection, identity of its cuts, and that of the period with its boxes.
    """

    search: str
    channel: str
    period: str
    energy_low: float
    energy_high: float
    efficiency: float
    error: float
    n_simulated: int
    n_in_box: int
    n_selected: int
    first: float
    last: float | None
    selection: str
    cuts: str
    setup: str

    def __post_init__(self) -> None:
        where = f"period {self.period}, {self.energy_low:g} to {self.energy_high:g} GeV"
        if not 0 < self.energy_low < self.energy_high:
            raise ValueError(f"{where}: expected two energies above 0 that rise")
        if not (0 <= self.n_selected <= self.n_in_box <= self.n_simulated and self.n_simulated):
            raise ValueError(
                f"{where}: {self.n_selected} selected of {self.n_in_box} in the box of {self.n_simulated}"
            )
        if not math.isclose(self.efficiency, self.n_selected / self.n_simulated, rel_tol=1e-6):
            raise ValueError(
                f"{where}: efficiency {self.efficiency:g} is not {self.n_selected} of {self.n_simulated}"
            )


@dataclass(frozen=True, slots=True)
class EnergyEfficiency:
    """Efficiency of a period by energy, with the losses that count.

    Attributes
    ----------
    rows : tuple of EnergyRow
        Of one search, channel, period and selection; their energies follow each other.
    losses : tuple of AppliedLoss
        All that are listed.
    delivered : bool
        For exposure that was delivered: the live time counts.
    """

    rows: tuple[EnergyRow, ...]
    losses: tuple[AppliedLoss, ...] = ()
    delivered: bool = False

    def __post_init__(self) -> None:
        same = {(*(getattr(row, name) for name in TEXTS), row.first, row.last) for row in self.rows}
        if len(same) != 1:
            raise ValueError(f"{len(same)} kinds of efficiency where one is expected")
        for one, other in pairwise(self.rows):
            if one.energy_high != other.energy_low:
                raise ValueError(
                    f"period {one.period}: energies end at {one.energy_high:g} and go on at "
                    f"{other.energy_low:g} GeV"
                )

    @property
    def lowest(self) -> float:
        """Least energy in it, GeV: nothing of less is counted."""
        return self.rows[0].energy_low

    @property
    def nodes(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Energies in GeV and efficiencies to interpolate: middles of the bins, and both ends."""
        factor = factor_of(self.losses, delivered=self.delivered)
        middles = [(row.energy_low + row.energy_high) / 2 for row in self.rows]
        values = [factor * row.efficiency for row in self.rows]
        energies = (self.lowest, *middles, self.rows[-1].energy_high)
        return energies, (values[0], *values, values[-1])

    @property
    def relative_error(self) -> float:
        """Of the sum of all bins, by the number of simulated events and the losses."""
        total = math.fsum(row.efficiency for row in self.rows)
        simulated = math.hypot(*(row.error for row in self.rows)) / total if total else 0.0
        of_losses = (loss.relative_error for loss in counted(self.losses, delivered=self.delivered))
        return math.hypot(simulated, *of_losses)


def efficiency_table(rows: Iterable[EnergyRow]) -> Table[EnergyRow]:
    """Table of efficiencies by period, channel and energy."""
    ordered = sorted(rows, key=lambda row: (row.period, row.channel, row.energy_low))
    return Table(EnergyRow, ordered)


def read_energy_rows(path: Path) -> list[EnergyRow]:
    """Read a table of efficiencies by energy.

    Raises
    ------
    ValueError
        Names the file, the line and what is wrong with it; or it is a table of something else.
    """
    return read_rows(path, (*columns_of(EnergyRow), BESIDE, SEAL), _row)


def _row(row: CsvRow) -> EnergyRow:
    def number(name: str) -> float:
        value = row.number(name)
        if value is None:
            raise ValueError(f"{name} is missing")
        return value

    def count(name: str) -> int:
        value = row.integer(name)
        if value is None:
            raise ValueError(f"{name} is missing")
        return value

    texts = {name: row.text(name) or "" for name in TEXTS}
    return EnergyRow(
        energy_low=number("energy_low"),
        energy_high=number("energy_high"),
        efficiency=number("efficiency"),
        error=number("error"),
        n_simulated=count("n_simulated"),
        n_in_box=count("n_in_box"),
        n_selected=count("n_selected"),
        first=number("first"),
        last=row.number("last"),
        **texts,
    )


def load_energy_efficiency(
    path: Path, *, search: str, channel: str, period: str, delivered: bool = False
) -> EnergyEfficiency:
    """Efficiency of a channel of a search in a period.

    Parameters
    ----------
    path : Path
    search, channel, period : str
    delivered : bool
        For exposure that was delivered.

    Raises
    ------
    ValueError
        There is no such file, or it is of something else; names what it has.
    """
    rows = read_asked(path, read_energy_rows, search=search, channel=channel, period=period)
    losses = [loss for loss in read_applied(losses_path(path)) if loss.period == period]
    try:
        found = EnergyEfficiency(_ordered(rows), tuple(losses), delivered)
        _check_losses(found)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    return found


def _ordered(rows: Sequence[EnergyRow]) -> tuple[EnergyRow, ...]:
    return tuple(sorted(rows, key=lambda row: row.energy_low))


def _check_losses(found: EnergyEfficiency) -> None:
    """Refuse losses of other cuts or another set-up."""
    own = found.rows[0]
    for loss in found.losses:
        if (loss.selection, loss.cuts, loss.setup) != (own.selection, own.cuts, own.setup):
            raise ValueError(
                f"loss {loss.loss} is of {loss.selection} {loss.cuts} {loss.setup}, the efficiency of "
                f"{own.selection} {own.cuts} {own.setup}"
            )
