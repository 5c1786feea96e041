"""Cells of the electromagnetic calorimeter to its features."""

# ruff: noqa: PLR0917 (a kernel takes arrays and numbers, all in order)

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from na64.processors.kernels.jit import jit
from na64.processors.kernels.window import USABLE

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


@jit
def sum_window(cells: NDArray[np.float64], row: int, n_plane: np.uint64, window: NDArray[np.int64]) -> float:
    """Add the cells of ``window`` in both planes, plane by plane."""
    preshower = 0.0
    main = 0.0
    for number in window:
        cell = np.uint64(number)
        preshower += cells[row, cell]
        main += cells[row, n_plane + cell]
    return preshower + main


@jit
def spread(second: float, mean: float) -> float:
    """Give the standard deviation of a distribution from its second moment and its mean."""
    return math.sqrt(max(second - mean * mean, 0.0))


@jit
def sum_ecal(
    total: NDArray[np.float64],
    in_time: NDArray[np.float64],
    state: NDArray[np.uint8],
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
    total, in_time : (at least stop - start, 2 * n_plane) float64, GeV
        Preshower plane, then main plane.
    state : (at least stop - start,) uint8
    x, y : (n_plane,) float64, mm
        Centres of the cells, from the plane's centre.
    window_3x3, window_5x5 : int64
        Cells of a plane around the beam cell.
    beam_cell : int
    rows : (14,) int64
        Rows of ``values`` for `FEATURES`.
    values : (n_features, n_events) float32, output
    visible : (at least stop - start,) float64, GeV
        The in-time sum is added to it.
    start, stop : int
    """
    n_plane = np.uint64(x.size)  # unsigned: spares numba the test for a negative index, a fifth of the time
    for event in range(start, stop):
        row = event - start
        if state[row] != USABLE:
            visible[row] = np.nan
            for feature in rows:
                values[feature, event] = np.nan
            continue
        preshower = main = preshower_total = main_total = 0.0
        moment_x = moment_y = moment_xx = moment_yy = best = 0.0
        largest = -1
        for cell in range(n_plane):
            preshower += in_time[row, cell]
            main += in_time[row, n_plane + cell]
            preshower_total += total[row, cell]
            main_total += total[row, n_plane + cell]
            lateral = in_time[row, cell] + in_time[row, n_plane + cell]
            moment_x += lateral * x[cell]
            moment_y += lateral * y[cell]
            moment_xx += lateral * (x[cell] * x[cell])
            moment_yy += lateral * (y[cell] * y[cell])
            higher = in_time[row, n_plane + cell] > best
            best = in_time[row, n_plane + cell] if higher else best
            largest = int(cell) if higher else largest
        energy = preshower + main
        energy_total = preshower_total + main_total
        inner = sum_window(in_time, row, n_plane, window_3x3)
        mean_x = moment_x / energy if energy > 0.0 else np.nan
        mean_y = moment_y / energy if energy > 0.0 else np.nan
        visible[row] += energy
        values[rows[0], event] = energy
        values[rows[1], event] = energy_total
        values[rows[2], event] = energy_total - energy
        values[rows[3], event] = preshower
        values[rows[4], event] = preshower_total
        values[rows[5], event] = largest
        values[rows[6], event] = 1.0 if largest == beam_cell else 0.0
        values[rows[7], event] = inner
        values[rows[8], event] = sum_window(in_time, row, n_plane, window_5x5)
        values[rows[9], event] = (energy - inner) / energy if energy > 0.0 else np.inf
        values[rows[10], event] = mean_x
        values[rows[11], event] = mean_y
        values[rows[12], event] = spread(moment_xx / energy, mean_x) if energy > 0.0 else np.nan
        values[rows[13], event] = spread(moment_yy / energy, mean_y) if energy > 0.0 else np.nan
