"""The losses of an efficiency as a table beside it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from na64.datasets.basics.csv_rows import CsvRow, read_rows
from na64.outputs.result.origin import SEAL
from na64.outputs.result.table import ColumnType, Table, columns_of
from na64.outputs.signal.efficiency.losses import AppliedLoss, Counts

_WORDS = {True: "yes", False: "no"}


@dataclass(frozen=True, slots=True)
class LossesRow:
    """Row of `efficiency_losses.csv`: an `AppliedLoss`, and the factor that it gives.

    Attributes
    ----------
    loss : str
    value, error : float or None
        Share of the events that is kept.
    source : str
    simulated : float
        The same share in the simulation.
    factor : float or None
        `value` over `simulated`; None if it never counts.
    counts : str
        Value of a `Counts`.
    correlated : str
        ``yes`` or ``no``.
    label, note, period, selection, cuts, setup : str
    """

    loss: str
    value: float | None
    error: float | None
    source: str
    simulated: float
    factor: float | None
    counts: str
    correlated: str
    label: str
    note: str
    period: str
    selection: str
    cuts: str
    setup: str


_TEXTS = tuple(name for name, column in columns_of(LossesRow).items() if column.type is ColumnType.TEXT)


def losses_path(path: Path) -> Path:
    """Where the losses of an efficiency table are: beside it."""
    return path.with_name(f"{path.stem}_losses.csv")


def losses_table(losses: Iterable[AppliedLoss]) -> Table[LossesRow]:
    """Table of `efficiency_losses.csv`."""
    return Table(
        LossesRow,
        [
            LossesRow(
                *(one.loss, one.value, one.error, one.source, one.simulated),
                None if one.counts is Counts.NEVER else one.factor,
                *(one.counts.value, _WORDS[one.correlated], one.label, one.note),
                *(one.period, one.selection, one.cuts, one.setup),
            )
            for one in losses
        ],
    )


def read_applied(path: Path) -> list[AppliedLoss]:
    """Losses of `efficiency_losses.csv`; none if there is no such file.

    Raises
    ------
    ValueError
        Names the file, the line and what is wrong with it.
    """
    found = read_rows(path, (*columns_of(LossesRow), SEAL), _loss) if path.exists() else []
    names = [(one.period, one.loss) for one in found]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"{path.name}: period {twice[0][0]}: loss {twice[0][1]} is there twice")
    return found


def _loss(row: CsvRow) -> AppliedLoss:
    if (correlated := row.text("correlated")) not in (*_WORDS.values(), None):
        raise ValueError(f'correlated is "{correlated}": expected yes or no')
    texts = {key: row.text(key) or "" for key in _TEXTS}
    simulated, factor = row.number("simulated"), row.number("factor")
    one = AppliedLoss(
        texts["loss"],
        texts["label"],
        texts["source"],
        row.number("value"),
        row.number("error"),
        1.0 if simulated is None else simulated,
        row.choice("counts", Counts, Counts.ALWAYS),
        correlated == _WORDS[True],
        texts["note"],
        *(texts[key] for key in ("period", "selection", "cuts", "setup")),
    )
    if not one.loss or not one.source:
        raise ValueError(f'loss "{one.loss}", source "{one.source}": expected both')
    if one.counts is not Counts.NEVER and not (factor and math.isclose(factor, one.factor, rel_tol=1e-6)):
        raise ValueError(f"loss {one.loss}: factor {factor} is not {one.value} over {one.simulated:g}")
    return one
