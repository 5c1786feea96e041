"""Cells of the electromagnetic calorimeter to its features."""

# ruff: noqa: PLR0917 (a kernel takes arrays and numbers, all in order)

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from na64.processors.kernels.jit import jit, jit_inline
from na64.processors.kernels.window import LANES, add_visible, store

FEATURES = (
    "ecal",
    "ecal_total",
    "ecal_out_of_time",
    "preshower",
    "preshower_total",
    "ecal_max_cell",
    "ecal_max_in_beam_cell",
    "ecal_3x3",
    "ecal_5x5",
    "ecal_ratio",
    "ecal_x",
    "ecal_y",
    "ecal_width_x",
    "ecal_width_y",
)
"""What the kernel makes, in its order."""


_L = LANES
_BEST, _CELL, _INNER, _OUTER, _MADE = 8 * _L, 9 * _L, 10 * _L, 12 * _L, 14 * _L
WORK = _MADE + len(FEATURES) * _L
"""Length of the scratch array: one, with everything at a constant distance, so that several events are done
at once without tests for overlap. First come the sums of preshower and main plane, at any time and in time,
then the moments in x, y, x^2 and y^2."""


@jit_inline
def add_to_sums(
    preshower: NDArray[np.float64],
    main: NDArray[np.float64],
    x: float,
    y: float,
    cell: float,
    work: NDArray[np.float64],
) -> None:
    """Add a cell of both planes, event by event; ``x`` and ``y`` in mm."""
    xx, yy = x * x, y * y
    for lane in range(_L):
        work[lane] += preshower[lane]
        work[lane + _L] += main[lane]
        early, late = preshower[lane + _L], main[lane + _L]
        work[lane + 2 * _L] += early
        work[lane + 3 * _L] += late
        lateral = early + late
        work[lane + 4 * _L] += lateral * x
        work[lane + 5 * _L] += lateral * y
        work[lane + 6 * _L] += lateral * xx
        work[lane + 7 * _L] += lateral * yy
        higher = late > work[lane + _BEST]
        work[lane + _BEST] = late if higher else work[lane + _BEST]
        work[lane + _CELL] = cell if higher else work[lane + _CELL]


@jit
def sum_window(
    grid: NDArray[np.float64], n_plane: int, window: NDArray[np.int64], sums: NDArray[np.float64]
) -> None:
    """Add the cells of ``window`` in time, plane by plane, then the planes; ``sums`` has 2 * LANES."""
    for column in range(2 * _L):
        sums[column] = 0.0
    for cell in window:
        preshower, main = grid[cell, _L:], grid[n_plane + cell, _L:]
        for lane in range(_L):
            sums[lane] += preshower[lane]
            sums[lane + _L] += main[lane]
    for lane in range(_L):
        sums[lane] += sums[lane + _L]


@jit
def make_features(work: NDArray[np.float64], beam_cell: int) -> None:
    """Make the features of `LANES` events from their sums."""
    for lane in range(_L):
        energy, total = work[lane + 2 * _L] + work[lane + 3 * _L], work[lane] + work[lane + _L]
        largest, inner = work[lane + _CELL], work[lane + _INNER]
        divisor = energy if energy > 0.0 else np.nan
        x, y = work[lane + 4 * _L] / divisor, work[lane + 5 * _L] / divisor
        work[lane + _MADE] = energy
        work[lane + _MADE + _L] = total
        work[lane + _MADE + 2 * _L] = total - energy
        work[lane + _MADE + 3 * _L] = work[lane + 2 * _L]
        work[lane + _MADE + 4 * _L] = work[lane]
        work[lane + _MADE + 5 * _L] = largest
        work[lane + _MADE + 6 * _L] = 1.0 if largest == beam_cell else 0.0
        work[lane + _MADE + 7 * _L] = inner
        work[lane + _MADE + 8 * _L] = work[lane + _OUTER]
        work[lane + _MADE + 9 * _L] = (energy - inner) / divisor if energy > 0.0 else np.inf
        work[lane + _MADE + 10 * _L] = x
        work[lane + _MADE + 11 * _L] = y
        work[lane + _MADE + 12 * _L] = spread(work[lane + 6 * _L] / divisor, x)
        work[lane + _MADE + 13 * _L] = spread(work[lane + 7 * _L] / divisor, y)


@jit_inline
def spread(second: float, mean: float) -> float:
    """Give the standard deviation of a distribution from its second moment and its mean; nan if these are."""
    variance = second - mean * mean
    return math.sqrt(0.0 if variance < 0.0 else variance)


@jit
def sum_ecal(
    grid: NDArray[np.float64],
    state: NDArray[np.uint8],
    work: NDArray[np.float64],
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    window_3x3: NDArray[np.int64],
    window_5x5: NDArray[np.int64],
    beam_cell: int,
    rows: NDArray[np.int64],
    values: NDArray[np.float32],
    visible: NDArray[np.float64],
    start: int,
    stop: int,
) -> None:
    """Make the features of events ``start`` to ``stop``; cells add in order, then planes.

    Parameters
    ----------
    grid : (2 * n_plane, 2 * LANES) float64, GeV
        Preshower plane, then main plane; see `na64.processors.kernels.window.window_cells`.
    state : (LANES,) uint8
    work : (at least WORK,) float64, scratch
    x, y : (n_plane,) float64, mm
        Centres of the cells, from the plane's centre.
    window_3x3, window_5x5 : int64
        Cells of a plane around the beam cell.
    beam_cell : int
    rows : (14,) int64
        Rows of ``values`` for `FEATURES`.
    values : (n_features, n_events) float32, output
    visible : (n_events,) float64, GeV
        The in-time sum is added to it.
    start, stop : int
    """
    n_plane = x.size
    for column in range(_INNER):
        work[column] = -1.0 if column >= _CELL else 0.0
    for cell in range(n_plane):
        add_to_sums(grid[cell], grid[n_plane + cell], x[cell], y[cell], np.float64(cell), work)
    sum_window(grid, n_plane, window_3x3, work[_INNER:])
    sum_window(grid, n_plane, window_5x5, work[_OUTER:])
    make_features(work, beam_cell)
    made = work[_MADE:WORK]
    add_visible(made, state, visible, start, stop)
    store(made, state, rows, values, start, stop)
