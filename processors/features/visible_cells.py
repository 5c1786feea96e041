"""Calibrated cells of visible events, for the functions of a plug-in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from na64.datasets.instrument.columns import EventColumns
from na64.datasets.instrument.detector import Setup
from na64.processors.features.rows import take_rows
from na64.processors.features.single_cells import cell_tables
from na64.selections.variations import Effect

Floats = NDArray[np.float64]

_BLOCK = 1 << 13  # events; the cells of more would take hundreds of megabytes


class VisibleCells(NamedTuple):
    """Cells of one detector in some visible events, each (n_events, planes or modules, n_x, n_y), read-only.

    Attributes
    ----------
    energy : float64, GeV
        Calibrated, at any time; zero at or below the pedestal.
    in_time : float64, GeV
        The part of it inside the time window.
    delay : float64, ns
        Time less the expected one, of the largest pulse; nan where there is none.
    """

    energy: Floats
    in_time: Floats
    delay: Floats


@dataclass(frozen=True, slots=True, eq=False)
class VisibleCellSource:
    """The cells of the visible events of a chunk, made when somebody asks for them.

    Attributes
    ----------
    events : EventColumns
        The whole chunk.
    rows : (n_visible,) int64
        Which of its events are visible, ascending.
    setup : Setup
    residual_times, absent_nan
        As `na64.processors.features.compute.compute` takes them.
    """

    events: EventColumns
    rows: NDArray[np.int64]
    setup: Setup
    residual_times: bool
    absent_nan: frozenset[str]

    def under(self, effect: Effect) -> VisibleCellSource:
        """The same cells with the calibration that an effect of a variation makes."""
        return replace(self, setup=effect.of(self.setup))

    def blocks(self, detector: str) -> Iterator[VisibleCells] | None:
        """Cells of a detector, some thousand events at a time; None where the file lacks the detector."""
        return self._blocks(detector) if detector in self.events.detectors else None

    def _blocks(self, detector: str) -> Iterator[VisibleCells]:
        part = replace(self.events, event={}, detectors={detector: self.events.detectors[detector]})
        shape = self.setup.detectors[detector].shape
        for start in range(0, len(self.rows), _BLOCK):
            seen = take_rows(part, self.rows[start : start + _BLOCK])
            table = cell_tables(
                seen, self.setup, residual_times=self.residual_times, absent_nan=self.absent_nan
            )[detector]
            arrays = (table.energy, table.in_time, table.delay)
            yield VisibleCells(*(_read_only(array.reshape(-1, *shape)) for array in arrays))


def _read_only(array: Floats) -> Floats:
    array.flags.writeable = False
    return array
