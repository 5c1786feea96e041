"""Files of an efficiency: the table, the losses beside it, and a figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from na64.datasets.basics.atomic_file import write_together
from na64.outputs.report.drawing import Make, write_figure
from na64.outputs.result.origin import seal_csv
from na64.outputs.result.table import Table
from na64.outputs.signal.efficiency.losses import AppliedLoss
from na64.outputs.signal.efficiency.losses_file import losses_path, losses_table


def write_efficiency(
    place: Path,
    table: Table[Any],
    losses: Sequence[AppliedLoss],
    draw: Make,
    *,
    beside: Mapping[Path, Table[Any] | None] | None = None,
) -> None:
    """Write a table of efficiencies, what goes with it, and its figure: all of it or nothing.

    Parameters
    ----------
    place : Path
        ``.csv`` of the table.
    table : Table
    losses : sequence of AppliedLoss
        If there are none, a file of earlier ones is removed.
    draw : callable
        Makes the figure.
    beside : mapping of Path to Table or None, optional
        Further tables that belong to it; None for one that must not be there.
    """
    tables = {losses_path(place): losses_table(losses) if losses else None, **(beside or {})}
    others = {path.name: None if one is None else seal_csv(one.to_csv()) for path, one in tables.items()}
    ends = {name.removeprefix(f"{place.stem}_").removesuffix(".csv"): data for name, data in others.items()}
    contents = {name: data for name, data in others.items() if data is not None}
    contents[place.name] = seal_csv(table.to_csv(), beside=ends)
    write_together(
        place.parent,
        contents,
        seal=place.name,
        without=others.keys() - contents.keys(),
        meanwhile=lambda: write_figure(place.parent, place.stem, draw, formats=("png",)),
    )
