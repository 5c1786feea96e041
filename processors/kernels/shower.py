"""Shower-profile chi2: how far the cells around the largest are from an electron's shower."""

# ruff: noqa: PLR0917 (a kernel takes arrays and numbers, all in order)

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from na64.datasets.compiled.jit import jit
from na64.processors.kernels.window import LANES, USABLE

LOG_WEIGHT = 4.0
"""Cells below exp(-4) of the energy do not enter the impact point (Awes et al., NIM A 311 (1992) 130); of
3 to 5.5 in steps of 0.5 the value without bias on Geant4 showers of 100 GeV (0.9 mm rms, uniform impact)."""


@jit
def integrate_corner(x: float, y: float, radius: float) -> float:
    """Integrate ``R^2 / (pi (r^2 + R^2)^2)`` over the rectangle from the origin to (x, y)."""
    along_x = math.sqrt(x * x + radius * radius)
    along_y = math.sqrt(y * y + radius * radius)
    return (x / along_x * math.atan(y / along_x) + y / along_y * math.atan(x / along_y)) / (2.0 * math.pi)


@jit
def integrate_profile(x: float, y: float, core: float, tail: float, core_fraction: float) -> float:
    """Integrate the two-component profile over the rectangle from the origin to (x, y)."""
    inside = integrate_corner(x, y, core)
    return core_fraction * inside + (1.0 - core_fraction) * integrate_corner(x, y, tail)


@jit
def weigh(energy: float, whole: float) -> float:
    """Weight of a cell in the impact point."""
    return max(LOG_WEIGHT + math.log(energy / whole), 0.0) if energy > 0.0 else 0.0


@jit
def find_impact(
    lateral: NDArray[np.float64], ring: tuple[int, int, int, int], largest: int, n_y: int, whole: float
) -> tuple[float, float]:
    """Log-weighted mean position over the ring, in cells from the largest; nan if none."""
    weight_sum = x = y = 0.0
    for ix in range(ring[0], ring[1]):
        for iy in range(ring[2], ring[3]):
            weight = weigh(lateral[ix * n_y + iy], whole)
            weight_sum += weight
            x += weight * (ix - largest // n_y)
            y += weight * (iy - largest % n_y)
    if weight_sum > 0.0:
        return x / weight_sum, y / weight_sum
    return np.nan, np.nan


@jit
def compare_profile(
    lateral: NDArray[np.float64],
    corners: NDArray[np.float64],
    ring: tuple[int, int, int, int],
    n_y: int,
    template: NDArray[np.float64],
    whole: float,
) -> float:
    """Chi2 per cell of a shower.

    Parameters
    ----------
    lateral : (n_plane,) float64, GeV
        Energy of the cells, both planes together.
    corners : (n_x + 1, n_y + 1) float64
        Profile integrated from the impact point to the corners of the ring's cells.
    ring : tuple of int
        Start and stop in x, start and stop in y.
    n_y : int
    template : (8,) float64
        See `fit_shower`.
    whole : float, GeV
    """
    chi2 = 0.0
    for ix in range(ring[0], ring[1]):
        for iy in range(ring[2], ring[3]):
            i, j = ix - ring[0], iy - ring[2]
            expected = whole * (corners[i + 1, j + 1] - corners[i + 1, j] - corners[i, j + 1] + corners[i, j])
            relative = template[6] * expected
            variance = template[5] * template[5] * expected + relative * relative + template[7] * template[7]
            residual = lateral[ix * n_y + iy] - expected
            chi2 += residual * residual / variance
    return chi2 / ((ring[1] - ring[0]) * (ring[3] - ring[2]))


@jit
def fit_cells(
    lateral: NDArray[np.float64],
    corners: NDArray[np.float64],
    largest: int,
    n_y: int,
    pitch: float,
    template: NDArray[np.float64],
    reach: int,
) -> float:
    """Chi2 per cell of one shower within ``reach`` cells of its largest; see `fit_shower`."""
    whole = 0.0
    for energy in lateral:
        whole += energy
    if not whole > 0.0:
        return np.nan
    ix, iy = largest // n_y, largest % n_y
    n_x = lateral.size // n_y
    ring = (max(ix - reach, 0), min(ix + reach + 1, n_x), max(iy - reach, 0), min(iy + reach + 1, n_y))
    x, y = find_impact(lateral, ring, largest, n_y, whole)
    core = template[0] + template[2] * math.log(whole)
    tail = template[1] + template[3] * math.log(whole)
    for i in range(ring[1] - ring[0] + 1):
        for j in range(ring[3] - ring[2] + 1):
            edge_x, edge_y = (ring[0] + i - ix - 0.5 - x) * pitch, (ring[2] + j - iy - 0.5 - y) * pitch
            corners[i, j] = integrate_profile(edge_x, edge_y, core, tail, template[4])
    return compare_profile(lateral, corners, ring, n_y, template, whole)


@jit
def fit_shower(
    grid: NDArray[np.float64],
    state: NDArray[np.uint8],
    _work: NDArray[np.float64],
    n_y: int,
    pitch: float,
    template: NDArray[np.float64],
    ring: int,
    rows: NDArray[np.int64],
    values: NDArray[np.float32],
    start: int,
    stop: int,
) -> None:
    """Compare the in-time cells of events ``start`` to ``stop`` with the period's electron shower.

    The expectation in a cell is the in-time energy times the profile integrated over the cell, at the impact
    point (log-weighted mean over the ring) and with radii at that energy. The error is
    ``stochastic^2 * expected + (constant * expected)^2 + noise^2``.

    Parameters
    ----------
    grid : (2 * n_plane, 2 * LANES) float64, GeV
        See `na64.processors.kernels.cells.window_cells`.
    state : (LANES,) uint8
    n_y : int
    pitch : float, mm
    template : (8,) float64
        core and tail (mm) and their slopes (mm per ln GeV), core fraction, stochastic, constant, noise (GeV).
    ring : int
        Cells on each side of the largest; those outside the plane are left out.
    rows : (2,) int64
        Rows of ``values`` of the largest cell, which must be there, and of chi2.
    values : (n_features, n_events) float32, output
        nan where no cell of the main plane is positive or the in-time energy is not.
    start, stop : int
    """
    n_plane = grid.shape[0] // 2
    lateral = np.empty(n_plane)
    corners = np.empty((2 * ring + 2, 2 * ring + 2))
    for event in range(start, stop):
        row = event - start
        values[rows[1], event] = np.nan
        if state[row] == USABLE and values[rows[0], event] >= 0:
            for cell in range(n_plane):
                lateral[cell] = grid[cell, LANES + row] + grid[n_plane + cell, LANES + row]
            largest = int(values[rows[0], event])
            values[rows[1], event] = fit_cells(lateral, corners, largest, n_y, pitch, template, ring)
