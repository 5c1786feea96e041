"""What was in an opened box, as tables: the events that pass all cuts, and the plane of all."""

from __future__ import annotations

import numpy as np

from na64.outputs.result.table import ColumnType, Table
from na64.processors.unblinded_counts import BIN, NUMBERS, Opened
from na64.selections.selection import Selection

CANDIDATES = "candidates.csv"
"""A row an opened event that passes all cuts: its number and every feature."""

PLANE_TABLE = "plane.csv"
"""A row a bin of the plane with an opened event in it."""

PLANE_KINDS: dict[str, ColumnType] = {
    "ecal": ColumnType.NUMBER,
    "hcal": ColumnType.NUMBER,
    "before_cuts": ColumnType.COUNT,
    "after_cuts": ColumnType.COUNT,
}
"""Columns of `PLANE_TABLE`; where a bin begins in GeV, and the events in it."""


def candidate_kinds(selection: Selection) -> dict[str, ColumnType]:
    """Columns of `CANDIDATES`."""
    return {**dict.fromkeys(NUMBERS, ColumnType.COUNT), **dict.fromkeys(selection.index, ColumnType.NUMBER)}


def candidate_table(opened: Opened, selection: Selection) -> Table:
    """Make the table of the opened events that pass all cuts, by run, spill and event."""
    numbers, values = opened.candidates.numbers, opened.candidates.values.astype(np.float64)
    rows = [(*numbers[:, row].tolist(), *values[:, row].tolist()) for row in range(numbers.shape[1])]
    return Table(candidate_kinds(selection), rows)


def plane_table(opened: Opened) -> Table:
    """Make the table of the opened plane."""
    before, after = opened.plane
    rows = [
        (BIN * ix, BIN * iy, int(before[ix, iy]), int(after[ix, iy]))
        for ix, iy in np.argwhere(before).tolist()
    ]
    return Table(PLANE_KINDS, rows)
