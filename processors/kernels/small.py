"""Cells of the small detectors to their features: SRD, VETO and VHCAL."""

# ruff: noqa: PLR0917 (a kernel takes arrays and numbers, all in order)

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from na64.processors.kernels.jit import jit
from na64.processors.kernels.window import USABLE

SRD_FEATURES = ("srd_sum", "srd_0", "srd_1", "srd_2")
VETO_FEATURES = ("veto_0", "veto_1", "veto_2", "veto_mip_0", "veto_mip_1", "veto_mip_2")
VHCAL_FEATURES = ("vhcal", "vhcal_total")
"""What each kernel makes, in its order."""

N_COUNTERS = 3
N_PADDLES = 3
"""Counters and paddles that have features of their own; nan for those that are not there."""


@jit
def sum_all(cells: NDArray[np.float64], row: int) -> float:
    """Add the cells of an event in order."""
    energy = 0.0
    for cell in range(cells.shape[1]):
        energy += cells[row, cell]
    return energy


@jit
def combine_paddle(first: float, second: float, balance: float) -> float:
    """Give the geometric mean of a paddle's photomultipliers, or the larger if the other is far below it."""
    small, large = min(first, second), max(first, second)
    if small < balance * large or large < 0.0:
        return large
    return math.sqrt(small * large)


@jit
def sum_srd(
    in_time: NDArray[np.float64],
    state: NDArray[np.uint8],
    rows: NDArray[np.int64],
    values: NDArray[np.float32],
    start: int,
    stop: int,
) -> None:
    """Make the features of the synchrotron-radiation counters of events ``start`` to ``stop``.

    Parameters
    ----------
    in_time : (at least stop - start, n_counters) float64, GeV
    state : (at least stop - start,) uint8
    rows : (4,) int64
        Rows of ``values`` for `SRD_FEATURES`.
    values : (n_features, n_events) float32, output
    start, stop : int
    """
    n_counters = in_time.shape[1]
    for event in range(start, stop):
        row = event - start
        usable = state[row] == USABLE
        values[rows[0], event] = sum_all(in_time, row) if usable else np.nan
        for counter in range(N_COUNTERS):
            there = usable and counter < n_counters
            values[rows[1 + counter], event] = in_time[row, counter] if there else np.nan


@jit
def sum_veto(
    in_time: NDArray[np.float64],
    state: NDArray[np.uint8],
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
    in_time : (at least stop - start, 2 * n_paddles) float64, GeV
    state : (at least stop - start,) uint8
    mip : float, GeV
        What a minimum-ionising particle leaves in a paddle.
    balance : float
        See `combine_paddle`.
    rows : (6,) int64
        Rows of ``values`` for `VETO_FEATURES`.
    values : (n_features, n_events) float32, output
    start, stop : int
    """
    n_paddles = in_time.shape[1] // 2
    for event in range(start, stop):
        row = event - start
        for paddle in range(N_PADDLES):
            energy = np.nan
            in_mip = np.nan
            if state[row] == USABLE and paddle < n_paddles:
                first = in_time[row, 2 * paddle]
                second = in_time[row, 2 * paddle + 1]
                energy = first + second
                in_mip = combine_paddle(first, second, balance) / mip
            values[rows[paddle], event] = energy
            values[rows[N_PADDLES + paddle], event] = in_mip


@jit
def sum_vhcal(
    total: NDArray[np.float64],
    in_time: NDArray[np.float64],
    state: NDArray[np.uint8],
    rows: NDArray[np.int64],
    values: NDArray[np.float32],
    start: int,
    stop: int,
) -> None:
    """Make the features of the veto HCAL of events ``start`` to ``stop``.

    Parameters
    ----------
    total, in_time : (at least stop - start, n_cells) float64, GeV
    state : (at least stop - start,) uint8
    rows : (2,) int64
        Rows of ``values`` for `VHCAL_FEATURES`.
    values : (n_features, n_events) float32, output
    start, stop : int
    """
    for event in range(start, stop):
        row = event - start
        usable = state[row] == USABLE
        values[rows[0], event] = sum_all(in_time, row) if usable else np.nan
        values[rows[1], event] = sum_all(total, row) if usable else np.nan
