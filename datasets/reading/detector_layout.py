"""Where a file keeps the cells, hits or positions of one detector, and how it numbers the cells."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

import numpy as np

from na64.datasets.instrument.columns import Array
from na64.datasets.instrument.roles import CellOrder
from na64.datasets.reading.branch import Branch

CELL_PARTS = ("cell_plane", "cell_x", "cell_y")
"""Columns of hits whose cell is in several branches: plane or module, x and y."""


class CellStorage(Enum):
    """How the cells of a detector are stored."""

    CELLS = "cells"
    HITS = "hits"
    POSITIONS = "positions"


@dataclass(frozen=True, slots=True)
class DetectorLayout:
    """Where a file keeps the cells, or the hits, of one detector.

    Attributes
    ----------
    name : str
    kind : CellStorage
    shape : tuple of int
        Dimensions of the cells, their product the number of cells; empty if hits do not fix it.
    columns : dict of str to Branch
        By ``cell`` or `CELL_PARTS`, ``energy``, ``time``, ``expected_time``, ``time_sigma``; of a tracking
        plane, whose hits have positions, by ``x``.
    order : CellOrder
        Of the numbers of cells in the file; what is read counts y fastest.
    first_cell : int
        Number of the first cell in the file, of hits.
    """

    name: str
    kind: CellStorage
    shape: tuple[int, ...]
    columns: dict[str, Branch]
    order: CellOrder = CellOrder.Y_FASTEST
    first_cell: int = 0

    @property
    def n_cells(self) -> int:
        """Cells of the detector, 0 if the layout leaves that open."""
        return math.prod(self.shape) if self.shape else 0

    @property
    def needed(self) -> tuple[str, ...]:
        """Columns without which a file has nothing of the detector."""
        if self.kind is CellStorage.POSITIONS:
            return ("x",)
        parts = tuple(key for key in CELL_PARTS if key in self.columns)
        return ("energy",) if self.kind is CellStorage.CELLS else (*(parts or ("cell",)), "energy")

    @property
    def grid(self) -> tuple[int, int, int]:
        """Dimensions as (planes or modules, n_x, n_y), as a period has them."""
        padded = (1, 1, *self.shape)
        return (math.prod(padded[:-2]), padded[-2], padded[-1])

    @property
    def is_reordered(self) -> bool:
        """Whether cells have other numbers in the file than in what is read."""
        _, n_x, n_y = self.grid
        return self.order is CellOrder.X_FASTEST and n_x > 1 and n_y > 1

    @property
    def is_renumbered(self) -> bool:
        """Whether cells of hits, or the order of cells, are not those of the file."""
        return self.is_reordered or self.first_cell != 0 or "cell_x" in self.columns

    @property
    def fixes_grid(self) -> bool:
        """Whether what is read is right only if a period has the same planes, x and y."""
        return self.order is CellOrder.X_FASTEST or "cell_x" in self.columns

    def in_file(self) -> Array:
        """Number in the file, from 0 on, of each cell in the order that is read, (n_cells,) int64."""
        planes, n_x, n_y = self.grid
        numbers = np.arange(self.n_cells)
        if not self.is_reordered:
            return numbers
        return numbers.reshape(planes, n_y, n_x).transpose(0, 2, 1).reshape(-1)

    def as_read(self, cell: Array) -> Array:
        """Numbers of cells, as they are read, of those in a file; -1 for one that is no cell.

        Parameters
        ----------
        cell : (n_hits,) integer

        Returns
        -------
        (n_hits,) integer
            As they are, if the file counts as is read.
        """
        if not self.first_cell and not self.is_reordered:
            return cell
        from_zero = cell.astype(np.int64) - self.first_cell
        n_cells = self.n_cells or np.iinfo(np.int32).max
        known = (from_zero >= 0) & (from_zero < n_cells)
        if not self.is_reordered:
            return np.where(known, from_zero, -1).astype(np.int32)
        of_file = np.argsort(self.in_file())
        return np.where(known, of_file[np.where(known, from_zero, 0)], -1).astype(np.int32)

    def joined(self, parts: dict[str, Array]) -> Array:
        """Numbers of cells of their plane, x and y; -1 where one of these is not there.

        Parameters
        ----------
        parts : dict of str to (n_hits,) integer
            By `CELL_PARTS`; without a plane it is the only one.

        Returns
        -------
        (n_hits,) int32
        """
        there = [(key, size) for key, size in zip(CELL_PARTS, self.grid, strict=True) if key in parts]
        number = np.zeros(len(parts["cell_x"]), np.int64)
        known = np.ones(len(number), np.bool_)
        for key, size in there:
            index = parts[key].astype(np.int64) - self.first_cell
            known &= (index >= 0) & (index < size)
            number = number * size + index
        return np.where(known, number, -1).astype(np.int32)
