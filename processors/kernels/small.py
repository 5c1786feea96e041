"""Cells of the small detectors to their features: SRD, VETO and VHCAL."""

# ruff: noqa: PLR0917 (a kernel takes arrays and numbers, all in order)

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from na64.processors.kernels.jit import jit_inline
from na64.processors.kernels.window import LANES, copy_lanes, store, sum_cells

SRD_FEATURES = ("srd_sum", "srd_0", "srd_1", "srd_2")
VETO_FEATURES = ("veto_0", "veto_1", "veto_2", "veto_mip_0", "veto_mip_1", "veto_mip_2")
VHCAL_FEATURES = ("vhcal", "vhcal_total")
"""What each kernel makes, in its order."""

SRD, VETO, VHCAL = range(3)
"""Numbers of the detectors: one kernel for all is compiled in a third of the time."""

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
def sum_srd(
    grid: NDArray[np.float64],
    state: NDArray[np.uint8],
    work: NDArray[np.float64],
    rows: NDArray[np.int64],
    values: NDArray[np.float32],
    start: int,
    stop: int,
) -> None:
    """Make the features of the synchrotron-radiation counters of events ``start`` to ``stop``.

    Parameters
    ----------
    grid : (n_counters, 2 * LANES) float64, GeV
        See `na64.processors.kernels.cells.window_cells`.
    state : (LANES,) uint8
    work : (at least WORK,) float64, scratch
    rows : (4,) int64
        Rows of ``values`` for `SRD_FEATURES`.
    values : (n_features, n_events) float32, output
    start, stop : int
    """
    for column in range((2 + N_COUNTERS) * LANES):
        work[column] = np.nan
    sum_cells(grid, work)
    for counter in range(min(N_COUNTERS, grid.shape[0])):
        copy_lanes(grid[counter, LANES:], work[(2 + counter) * LANES :])
    store(work[LANES:], state, rows, values, start, stop)


@jit_inline
def sum_veto(
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
    """Make the features of the veto paddles of events ``start`` to ``stop``.

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
        Rows of ``values`` for `VETO_FEATURES`.
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
def sum_vhcal(
    grid: NDArray[np.float64],
    state: NDArray[np.uint8],
    work: NDArray[np.float64],
    rows: NDArray[np.int64],
    values: NDArray[np.float32],
    start: int,
    stop: int,
) -> None:
    """Make the features of the veto HCAL of events ``start`` to ``stop``.

    Parameters
    ----------
    grid : (n_cells, 2 * LANES) float64, GeV
        See `na64.processors.kernels.cells.window_cells`.
    state : (LANES,) uint8
    work : (at least WORK,) float64, scratch
    rows : (2,) int64
        Rows of ``values`` for `VHCAL_FEATURES`.
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
    """Make the features of one of the small detectors of events ``start`` to ``stop``.

    Parameters
    ----------
    grid, state, work, values, start, stop
        As in `sum_veto`.
    which : int
        `SRD`, `VETO` or `VHCAL`.
    mip, balance : float
        As in `sum_veto`; of no meaning elsewhere.
    rows : int64
        Rows of ``values`` for the features of the detector.
    """
    if which == SRD:
        sum_srd(grid, state, work, rows, values, start, stop)
    elif which == VETO:
        sum_veto(grid, state, work, mip, balance, rows, values, start, stop)
    else:
        sum_vhcal(grid, state, work, rows, values, start, stop)
