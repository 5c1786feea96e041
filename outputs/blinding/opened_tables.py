"""What was in an opened box, as tables: the events that pass all cuts, and the plane of all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from na64.outputs.result.table import Table, read_csv
from na64.processors.unblinded_counts import Opened, edges_of, opened_axes
from na64.selections.selection import Selection

CANDIDATES = "candidates.csv"
"""A row an opened event that passes all cuts: its number and every feature."""

PLANE_TABLE = "plane.csv"
"""A row a bin of the plane with an opened event in it."""


@dataclass(frozen=True, slots=True)
class CandidatesRow:
    """Row of `CANDIDATES`: an opened event that passes all cuts.

    Attributes
    ----------
    run, spill, event : int
    features : mapping of str to float
        Every feature, a column each.
    """

    run: int
    spill: int
    event: int
    features: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class PlaneRow:
    """Row of `PLANE_TABLE`: a bin with an opened event in it.

    Attributes
    ----------
    corner : mapping of str to float
        Where the bin begins in both features of the plane, a column each.
    before_cuts, after_cuts : int
        Opened events.
    """

    corner: Mapping[str, float]
    before_cuts: int
    after_cuts: int


def candidate_table(opened: Opened, selection: Selection) -> Table[CandidatesRow]:
    """Make the table of the opened events that pass all cuts, by run, spill and event."""
    numbers, values = opened.candidates.numbers, opened.candidates.values.astype(np.float64)
    names = tuple(selection.index)
    rows = [
        CandidatesRow(run, spill, event, dict(zip(names, value, strict=True)))
        for (run, spill, event), value in zip(numbers.T.tolist(), values.T.tolist(), strict=True)
    ]
    return Table(CandidatesRow, rows, {"features": names})


def plane_table(opened: Opened, selection: Selection) -> Table[PlaneRow]:
    """Make the table of the opened plane."""
    before, after = opened.plane
    axes = opened_axes(selection)
    names = tuple(axis.feature for axis in axes)
    x, y = (edges_of(axis).tolist() for axis in axes)
    rows = [
        PlaneRow(dict(zip(names, (x[ix], y[iy]), strict=True)), int(before[ix, iy]), int(after[ix, iy]))
        for ix, iy in np.argwhere(before).tolist()
    ]
    return Table(PlaneRow, rows, {"corner": names})


def read_plane(data: bytes, name: str) -> Table[PlaneRow]:
    """Read what `plane_table` made; the first two columns are those of the features.

    Raises
    ------
    ValueError
        Names the file and what is wrong with it.
    """
    header = data.decode(errors="replace").partition("\n")[0].strip().split(",")
    if len(header) < 2 or not all(header[:2]):
        raise ValueError(f"{name}: its first line does not begin with two features")
    return read_csv(data, PlaneRow, name, {"corner": tuple(header[:2])})
