"""Single cells of chosen events, as the features see them: for pictures and for skims, not for counting."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from na64.datasets.instrument.columns import Cells, EventColumns, Hits, TrackerHits
from na64.datasets.instrument.detector import Detector, Setup
from na64.processors.features.window_arguments import Window, calibrate, canonical, window_of

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class CellTable:
    """Every cell of a detector in some events.

    Attributes
    ----------
    energy : (n_events, n_cells) float64, GeV
        Calibrated, at any time; zero at or below the pedestal.
    in_time : (n_events, n_cells) float64, GeV
        The part of it inside the time window.
    delay : (n_events, n_cells) float64, ns
        Time less the expected one, of the largest pulse; nan where there is none.
    window : (n_events, n_cells) float64, ns
        Half width of the window of that pulse; inf where every time is taken, nan where there is no pulse.
    """

    energy: Floats
    in_time: Floats
    delay: Floats
    window: Floats


def cell_tables(
    events: EventColumns,
    setup: Setup,
    *,
    residual_times: bool = False,
    absent_nan: frozenset[str] = frozenset(),
) -> dict[str, CellTable]:
    """Cells of every detector of the set-up that the events have columns of, trackers aside.

    Parameters
    ----------
    events : EventColumns
    setup : Setup
    residual_times, absent_nan
        As `na64.processors.features.compute.compute` takes them.
    """
    tables = {}
    for name, listed in events.detectors.items():
        if name not in setup.detectors or isinstance(listed, TrackerHits):
            continue
        detector = setup.detectors[name]
        columns = canonical(listed, detector)
        window = window_of(columns, detector, residual_times)
        total, in_time = calibrate(
            listed,
            detector,
            residual_times=residual_times,
            absent_nan=absent_nan,
            n_events=events.n_events,
        )
        delay, width = _times(columns, detector, window, events.n_events)
        empty = total <= 0
        delay[empty], width[empty] = np.nan, np.nan
        tables[name] = CellTable(total, in_time, delay, width)
    return tables


def _times(columns: Cells | Hits, detector: Detector, window: Window, n_events: int) -> tuple[Floats, Floats]:
    shape = (n_events, detector.n_cells)
    if columns.time is None:
        return np.full(shape, np.nan), np.full(shape, np.inf)
    if isinstance(columns, Cells):
        delay = np.broadcast_to(_wide(window.time) - _wide(window.expected), shape)
        width = np.broadcast_to(window.n_sigma * _wide(window.sigma)[:, window.sigma_of_cell], shape)
        return delay.copy(), width.copy()
    return _of_largest_hit(columns, window, shape)


def _of_largest_hit(columns: Hits, window: Window, shape: tuple[int, int]) -> tuple[Floats, Floats]:
    event = np.repeat(np.arange(shape[0]), np.diff(columns.offsets))
    hits = np.arange(columns.offsets[0], columns.offsets[-1])
    cell = columns.cell[hits].astype(np.int64)
    there = (cell >= 0) & (cell < shape[1])
    order = np.argsort(columns.energy[hits][there], kind="stable")  # of one cell the largest is written last
    event, cell, hits = event[there][order], cell[there][order], hits[there][order]
    delay, width = np.full(shape, np.nan), np.full(shape, np.nan)
    time, expected, sigma = (
        _wide(array)[0][hits if of_file else cell]
        for array, of_file in zip((window.time, window.expected, window.sigma), window.of_file, strict=True)
    )
    delay[event, cell], width[event, cell] = time - expected, window.n_sigma * sigma
    return delay, width


def _wide(array: NDArray[np.floating]) -> Floats:
    return np.atleast_2d(array).astype(np.float64)
