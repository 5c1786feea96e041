"""Cells of small detectors to their features: counters, paddles, and the sum of all cells."""

# ruff: noqa: PLR0917 (a kernel takes arrays and numbers, all in order)

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from na64.datasets.compiled.jit import jit_inline
from na64.processors.kernels.window import LANES, copy_lanes, store, sum_cells

COUNTERS, PADDLES, WHOLE = range(3)
"""Numbers of what is made of a small detector; one kernel for all takes a third of the time to compile."""

N_COUNTERS = 3
N_PADDLES = 3
WORK = 6 * LANES
"""Counters and paddles that have features of their own; nan for those that are not there."""


@jit_inline
def combine_paddle(first: float, second: float, balance: float) -> float:
    """Geometric mean of a paddle's photomultipliers, or the larger if the other is far below it."""
    small, large = min(first, second), max(first, second)
    is_weak = (small < balance * large) | (large < 0.0)
    # The root is taken of every pair, of 1 where it is not used: without a branch, eight events go at a time.
    mean = math.sqrt(1.0 if is_weak else small * large)
    return large if is_weak else mean


@jit_inline
def sum_counters(
    grid: NDArray[np.float64],
    state: NDArray[np.uint8],
    work: NDArray[np.float64],
    rows: NDArray[np.int64],
    values: NDArray[np.float32],
    start: int,
    stop: int,
) -> None:
    """Make the features of counters of events ``start`` to ``stop``.

    Parameters
    ----------
    grid : (n_counters, 2 * LANES) float64, GeV
        See `na64.processors.kernels.cells.window_cells`.
    state : (LANES,) uint8
    work : (at least WORK,) float64, scratch
    rows : (4,) int64
        Rows of ``values`` of the counters and of their sum.
    values : (n_features, n_events) float32, output
    start, stop : int
    """
    sum_cells(grid, work[(N_COUNTERS - 1) * LANES :])  # in time it is after the counters
    for column in range(N_COUNTERS * LANES):
        work[column] = np.nan
    for counter in range(min(N_COUNTERS, grid.shape[0])):
        copy_lanes(grid[counter, LANES:], work[counter * LANES :])
    store(work, state, rows, values, start, stop)


@jit_inline
def sum_paddles(
    grid: NDArray[np.float64],
    state: NDArray[np.uint8],
    work: NDArray[np.float64],
    mip: float,
    balance: float,
    rows: NDArray[np.int64],
    values: NDArray[np.float32],
    start: int,
    stop: int,
) -> None:
    """Make the features of paddles of events ``start`` to ``stop``.

    Parameters
    ----------
    grid : (2 * n_paddles, 2 * LANES) float64, GeV
        See `na64.processors.kernels.cells.window_cells`.
    state : (LANES,) uint8
    work : (at least WORK,) float64, scratch
    mip : float, GeV
        What a minimum-ionising particle leaves in a paddle.
    balance : float
        See `combine_paddle`.
    rows : (6,) int64
        Rows of ``values`` of the paddles, and of the same in MIPs.
    values : (n_features, n_events) float32, output
    start, stop : int
    """
    for column in range(2 * N_PADDLES * LANES):
        work[column] = np.nan
    for paddle in range(min(N_PADDLES, grid.shape[0] // 2)):
        first, second, made = grid[2 * paddle, LANES:], grid[2 * paddle + 1, LANES:], work[paddle * LANES :]
        for lane in range(LANES):
            made[lane] = first[lane] + second[lane]
            made[lane + N_PADDLES * LANES] = combine_paddle(first[lane], second[lane], balance) / mip
    store(work, state, rows, values, start, stop)


@jit_inline
def sum_whole(
    grid: NDArray[np.float64],
    state: NDArray[np.uint8],
    work: NDArray[np.float64],
    rows: NDArray[np.int64],
    values: NDArray[np.float32],
    start: int,
    stop: int,
) -> None:
    """Make the features of all cells together of events ``start`` to ``stop``.

    Parameters
    ----------
    grid : (n_cells, 2 * LANES) float64, GeV
        See `na64.processors.kernels.cells.window_cells`.
    state : (LANES,) uint8
    work : (at least WORK,) float64, scratch
    rows : (2,) int64
        Rows of ``values`` of the sum in time and at any time.
    values : (n_features, n_events) float32, output
    start, stop : int
    """
    sum_cells(grid, work)
    copy_lanes(work, work[2 * LANES :])
    store(work[LANES:], state, rows, values, start, stop)


@jit_inline
def sum_small(
    grid: NDArray[np.float64],
    state: NDArray[np.uint8],
    work: NDArray[np.float64],
    which: int,
    mip: float,
    balance: float,
    rows: NDArray[np.int64],
    values: NDArray[np.float32],
    start: int,
    stop: int,
) -> None:
    """Make the features of a small detector of events ``start`` to ``stop``.

    Parameters
    ----------
    grid, state, work, values, start, stop
        As in `sum_paddles`.
    which : int
        `COUNTERS`, `PADDLES` or `WHOLE`.
    mip, balance : float
        As in `sum_paddles`; of no meaning elsewhere.
    rows : int64
        Rows of ``values`` for the features of the detector.
    """
    if which == COUNTERS:
        sum_counters(grid, state, work, rows, values, start, stop)
    elif which == PADDLES:
        sum_paddles(grid, state, work, mip, balance, rows, values, start, stop)
    else:
        sum_whole(grid, state, work, rows, values, start, stop)
