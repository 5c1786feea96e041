"""Cells of a calorimeter of preshower and main plane to its features."""

# ruff: noqa: PLR0917 (a kernel takes arrays and numbers, all in order)

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from na64.datasets.compiled.jit import jit_inline
from na64.processors.kernels.vector import WIDTH, put_vector, vector_at, vector_of, where_larger
from na64.processors.kernels.window import LANES, add_visible, offsets, store

N_FEATURES = 14
"""What the kernel makes, in the order in which they are standard features of the detector."""


PRESHOWER, PRESHOWER_IN_TIME, MAIN, MAIN_IN_TIME, SUM_X, SUM_Y, SUM_XX, SUM_YY, LARGEST_CELL, INNER, OUTER = (
    offsets(11)
)
"""Where sums of up to `LANES` events lie in the scratch array: of a plane at any time and in time, of energy
times x, y, x^2 and y^2, the largest cell, and the windows of 3 x 3 and 5 x 5 cells."""

MADE = OUTER + LANES
"""Where the features lie, one after the other in their order."""

WORK = MADE + N_FEATURES * LANES
"""Length of the scratch array: one, with everything at a constant distance, so that several events are done
at once without tests for overlap."""

(
    _SUM,
    _TOTAL,
    _OUT_OF_TIME,
    _PRESHOWER,
    _PRESHOWER_TOTAL,
    _MAX_CELL,
    _MAX_IN_BEAM_CELL,
    _3X3,
    _5X5,
    _RATIO,
    _X,
    _Y,
    _WIDTH_X,
    _WIDTH_Y,
) = offsets(N_FEATURES, MADE)


@jit_inline
def sum_planes(
    grid: NDArray[np.float64], x: NDArray[np.float64], y: NDArray[np.float64], work: NDArray[np.float64]
) -> None:
    """Add the cells of each plane at any time and in time, and the moments of both planes in mm and mm^2.

    All in one loop, so that what is in time is loaded once.
    """
    n_plane = x.size
    for lane in range(0, LANES, WIDTH):
        early_out = main_out = early_in_time = main_in_time = vector_of(0.0)
        sum_x = sum_y = sum_xx = sum_yy = vector_of(0.0)
        for cell in range(n_plane):
            early, main = vector_at(grid[cell], lane + LANES), vector_at(grid[n_plane + cell], lane + LANES)
            early_out = early_out + vector_at(grid[cell], lane)
            main_out = main_out + vector_at(grid[n_plane + cell], lane)
            early_in_time, main_in_time = early_in_time + early, main_in_time + main
            lateral = early + main
            sum_x = sum_x + lateral * vector_of(x[cell])
            sum_y = sum_y + lateral * vector_of(y[cell])
            sum_xx = sum_xx + lateral * vector_of(x[cell] * x[cell])
            sum_yy = sum_yy + lateral * vector_of(y[cell] * y[cell])
        put_vector(early_out + early_in_time, work, lane + PRESHOWER)
        put_vector(early_in_time, work, lane + PRESHOWER_IN_TIME)
        put_vector(main_out + main_in_time, work, lane + MAIN)
        put_vector(main_in_time, work, lane + MAIN_IN_TIME)
        put_vector(sum_x, work, lane + SUM_X)
        put_vector(sum_y, work, lane + SUM_Y)
        put_vector(sum_xx, work, lane + SUM_XX)
        put_vector(sum_yy, work, lane + SUM_YY)


@jit_inline
def find_largest(main: NDArray[np.float64], largest: NDArray[np.float64]) -> None:
    """Find the cell of a plane that has most in time, the first of several; -1 where none is positive."""
    for lane in range(0, LANES, WIDTH):
        most, found = vector_of(0.0), vector_of(-1.0)
        for cell in range(main.shape[0]):
            energy = vector_at(main[cell], lane + LANES)
            found = where_larger(energy, most, vector_of(cell), found)
            most = where_larger(energy, most, energy, most)
        put_vector(found, largest, lane)


@jit_inline
def sum_window(
    grid: NDArray[np.float64], n_plane: int, window: NDArray[np.int64], sums: NDArray[np.float64]
) -> None:
    """Add the cells of ``window`` in time, plane by plane, then the planes."""
    for lane in range(0, LANES, WIDTH):
        preshower = main = vector_of(0.0)
        for cell in window:
            preshower = preshower + vector_at(grid[cell], lane + LANES)
            main = main + vector_at(grid[n_plane + cell], lane + LANES)
        put_vector(preshower + main, sums, lane)


@jit_inline
def make_features(work: NDArray[np.float64], beam_cell: int) -> None:
    """Make the features of `LANES` events from their sums."""
    for lane in range(LANES):
        energy = work[lane + PRESHOWER_IN_TIME] + work[lane + MAIN_IN_TIME]
        total = work[lane + PRESHOWER] + work[lane + MAIN]
        largest, inner = work[lane + LARGEST_CELL], work[lane + INNER]
        divisor = energy if energy > 0.0 else np.nan
        x, y = work[lane + SUM_X] / divisor, work[lane + SUM_Y] / divisor
        work[lane + _SUM] = energy
        work[lane + _TOTAL] = total
        work[lane + _OUT_OF_TIME] = total - energy
        work[lane + _PRESHOWER] = work[lane + PRESHOWER_IN_TIME]
        work[lane + _PRESHOWER_TOTAL] = work[lane + PRESHOWER]
        work[lane + _MAX_CELL] = largest
        work[lane + _MAX_IN_BEAM_CELL] = 1.0 if largest == beam_cell else 0.0
        work[lane + _3X3] = inner
        work[lane + _5X5] = work[lane + OUTER]
        work[lane + _RATIO] = (energy - inner) / divisor if energy > 0.0 else np.inf
        work[lane + _X] = x
        work[lane + _Y] = y
        work[lane + _WIDTH_X] = spread(work[lane + SUM_XX] / divisor, x)
        work[lane + _WIDTH_Y] = spread(work[lane + SUM_YY] / divisor, y)


@jit_inline
def spread(second: float, mean: float) -> float:
    """Standard deviation of a distribution from its second moment and its mean; nan if these are."""
    variance = second - mean * mean
    return math.sqrt(0.0 if variance < 0.0 else variance)


@jit_inline
def sum_calorimeter(
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
        Preshower plane, then main plane; see `na64.processors.kernels.cells.window_cells`.
    state : (LANES,) uint8
    work : (at least WORK,) float64, scratch
    x, y : (n_plane,) float64, mm
        Centres of the cells, from the plane's centre.
    window_3x3, window_5x5 : int64
        Cells of a plane around the beam cell.
    beam_cell : int
    rows : (14,) int64
        Rows of ``values`` of its features.
    values : (n_features, n_events) float32, output
    visible : (n_events,) float64, GeV
        The in-time sum is added to it.
    start, stop : int
    """
    n_plane = x.size
    sum_planes(grid, x, y, work)
    find_largest(grid[n_plane:], work[LARGEST_CELL:])
    sum_window(grid, n_plane, window_3x3, work[INNER:])
    sum_window(grid, n_plane, window_5x5, work[OUTER:])
    make_features(work, beam_cell)
    made = work[MADE:WORK]
    add_visible(made, state, visible, start, stop)
    store(made, state, rows, values, start, stop)
