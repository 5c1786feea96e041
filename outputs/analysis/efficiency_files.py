"""Files of an efficiency: the table, the losses beside it, and a figure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from na64.datasets.basics.atomic_file import write_bytes
from na64.outputs.report.drawing import Make, write_figure
from na64.outputs.result.origin import seal_csv
from na64.outputs.result.table import Table
from na64.outputs.signal.efficiency.losses import AppliedLoss
from na64.outputs.signal.efficiency.losses_file import losses_path, losses_table


def write_efficiency(place: Path, table: Table[Any], losses: Sequence[AppliedLoss], draw: Make) -> None:
    """Write a table of efficiencies, the losses beside it, and its figure.

    Parameters
    ----------
    place : Path
        ``.csv`` of the table.
    table : Table
    losses : sequence of AppliedLoss
        If there are none, a file of earlier ones is removed.
    draw : callable
        Makes the figure.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(place, seal_csv(table.to_csv()))
    if losses:
        write_bytes(losses_path(place), seal_csv(losses_table(losses).to_csv()))
    else:
        losses_path(place).unlink(missing_ok=True)
    write_figure(place.parent, place.stem, draw, formats=("png",))
