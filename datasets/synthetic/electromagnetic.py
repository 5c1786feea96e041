"""Electron showers in the ECAL by the parametrisation of Grindhammer and Peters (hep-ex/0001020).

The constants of the sampling medium (1.5 mm lead, 1.5 mm scintillator) and the tuning factors come from our
Geant4 sample (`showers/README.md`). By construction there are no tails: never estimate a background from it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import gammainc

from na64.datasets.synthetic.library import PITCH, Floats

CRITICAL_ENERGY = 0.00833
"""GeV, effective medium [D: Geant4 definition]."""
MOLIERE_RADIUS = 28.2
"""mm, effective medium [D]."""
ATOMIC_NUMBER = 75.5
"""Effective Z [D]."""
SAMPLING_FREQUENCY = 3.69
"""F_S = X0 / (active + passive layer) [D]."""
E_HAT = 0.652
"""Ratio of the responses to electrons and to minimum-ionising particles [D]."""
LAYER = 0.2709
"""Radiation lengths a layer [D]."""
PRESHOWER_LAYERS, LAYERS = 16, 150

TUNE_DEPTH, TUNE_SLOPE, TUNE_SHAPE, TUNE_RADIUS = 1.035, 0.006, 1.010, 1.30
TUNE_SIGMA_DEPTH, TUNE_SIGMA_SHAPE, TUNE_CORRELATION = 0.861, 0.804, -0.291
"""Factors (correlation: a term; slope: of the depth's factor, by ln(E / 100 GeV)) fitted to our Geant4
electrons [D: showers/README.md]."""

HALO, HALO_RADIUS = 0.06, 60.0
"""Part of the preshower's energy in a wide component that the profile lacks, and its radius in mm: in Geant4
97.8 % of the preshower's energy of electrons of 100 GeV is in 3x3 cells, 83.5 % in the central one [D]."""

CALIBRATION = 1.0142
"""Factor that gives electrons of 100 GeV in the 6x6 cells 100 GeV, as in the library; the rest leaks
[D: this module]."""

_SPLIT = PRESHOWER_LAYERS * LAYER
_EDGES = np.array([0.0, 2.8, _SPLIT, 6.5, 8.5, 11.0, 14.5, 20.0, LAYERS * LAYER])
_N_PRESHOWER_SLICES = 2
_LOWEST_ENERGY = 0.5
_BLOCK = 4096


@dataclass(frozen=True, slots=True)
class Grid:
    """The ECAL seen from the centre of the beam cell: ``n_x`` by ``n_y`` cells, the beam in ``beam_cell``."""

    n_x: int
    n_y: int
    beam_cell: tuple[int, int]

    def edges(self, axis: int) -> Floats:
        """(n + 1,) float64, mm: the edges of the cells along x (0) or y (1)."""
        n = (self.n_x, self.n_y)[axis]
        return (np.arange(n + 1, dtype=np.float64) - (self.beam_cell[axis] + 0.5)) * PITCH


def mean_cells(energy: Floats, x: Floats, y: Floats, grid: Grid, rng: np.random.Generator) -> Floats:
    """Share the energy of electrons over cells; the longitudinal profile fluctuates, sampling does not yet.

    Parameters
    ----------
    energy : (n,) float64, GeV
    x, y : (n,) float64, mm
        Impact point from the centre of the beam cell.
    grid : Grid
    rng : numpy.random.Generator

    Returns
    -------
    (n, 2, n_x, n_y) float64, GeV
        Plane 0 is the preshower.
    """
    cells = np.empty((len(energy), 2, grid.n_x, grid.n_y))
    for start in range(0, len(energy), _BLOCK):
        block = slice(start, start + _BLOCK)
        cells[block] = _block_of_cells(energy[block], x[block], y[block], grid, rng)
    return cells


def _block_of_cells(energy: Floats, x: Floats, y: Floats, grid: Grid, rng: np.random.Generator) -> Floats:
    depth, shape = longitudinal(energy, rng)
    scale = (shape - 1) / depth
    integral = gammainc(shape[:, None], scale[:, None] * _EDGES)
    fractions = np.diff(integral, axis=1) / integral[:, -1:]
    middle = (_EDGES[1:] + _EDGES[:-1]) / 2
    to_x = grid.edges(0) - x[:, None]
    to_y = grid.edges(1) - y[:, None]
    corners = np.zeros((2, len(energy), grid.n_x + 1, grid.n_y + 1))
    for piece, t in enumerate(middle):
        core, tail, core_fraction = _radial(energy, np.minimum(t / depth, 3.0))
        plane = corners[int(piece >= _N_PRESHOWER_SLICES)]
        share = CALIBRATION * energy * fractions[:, piece]
        plane += (share * core_fraction)[:, None, None] * corner_integrals(to_x, to_y, core)
        plane += (share * (1 - core_fraction))[:, None, None] * corner_integrals(to_x, to_y, tail)
    in_preshower = CALIBRATION * energy * fractions[:, :_N_PRESHOWER_SLICES].sum(axis=1)
    halo = corner_integrals(to_x, to_y, np.full(len(energy), HALO_RADIUS))
    corners[0] += HALO * (in_preshower[:, None, None] * halo - corners[0])
    cells: Floats = np.diff(np.diff(corners, axis=2), axis=3)
    return np.maximum(cells, 0.0).transpose(1, 0, 2, 3)


def longitudinal(energy: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Depth of the maximum T, in X0, and shape a of the profile, with their correlated fluctuations."""
    log_y = np.log(np.maximum(energy, _LOWEST_ENERGY) / CRITICAL_ENERGY)
    depth = log_y - 0.812 - 0.55 / SAMPLING_FREQUENCY - 0.69 * (1 - E_HAT)
    shape = 0.81 + (0.458 + 2.26 / ATOMIC_NUMBER) * log_y - 0.476 / SAMPLING_FREQUENCY
    sigma_depth = TUNE_SIGMA_DEPTH / (-2.5 + 1.25 * log_y)
    sigma_shape = TUNE_SIGMA_SHAPE / (-0.82 + 0.79 * log_y)
    correlation = 0.784 - 0.023 * log_y + TUNE_CORRELATION
    tune = TUNE_DEPTH + TUNE_SLOPE * np.log(np.maximum(energy, _LOWEST_ENERGY) / 100)
    first, second = rng.standard_normal((2, len(energy)))
    second = correlation * first + np.sqrt(1 - correlation**2) * second
    return (
        tune * depth * np.exp(sigma_depth * first),
        np.maximum(TUNE_SHAPE * shape * np.exp(sigma_shape * second), 1.1),
    )


def _radial(energy: Floats, tau: Floats) -> tuple[Floats, Floats, Floats]:
    """Core and tail radius, mm, and weight of the core at depth ``tau`` = t / T."""
    log_e = np.log(np.maximum(energy, _LOWEST_ENERGY))
    z, missing = ATOMIC_NUMBER, 1 - E_HAT
    early = np.exp(-tau) / SAMPLING_FREQUENCY
    core = 0.0251 + 0.00319 * log_e + (0.1162 - 0.000381 * z) * tau - 0.0203 * missing + 0.0397 * early
    growth = np.exp(-2.59 * (tau - 0.645)) + np.exp((0.3585 + 0.0421 * log_e) * (tau - 0.645))
    tail = (0.659 - 0.00309 * z) * growth - 0.14 * missing - 0.495 * early
    q = (0.401 + 0.00187 * z - tau) / (1.313 - 0.0686 * log_e)
    weight = (2.632 - 0.00094 * z) * np.exp(q - np.exp(q))
    weight += missing * (0.348 - 0.642 / SAMPLING_FREQUENCY * np.exp(-((tau - 1) ** 2)))
    unit = TUNE_RADIUS * MOLIERE_RADIUS
    return unit * np.maximum(core, 0.005), unit * np.maximum(tail, 0.02), np.clip(weight, 0.0, 1.0)


def corner_integrals(to_x: Floats, to_y: Floats, radius: Floats) -> Floats:
    """Integral of the radial profile below each corner, up to terms that cancel in a cell."""
    over_x = 1 / np.hypot(to_x, radius[:, None])
    over_y = 1 / np.hypot(to_y, radius[:, None])
    first = (to_x * over_x)[:, :, None] * np.arctan(to_y[:, None, :] * over_x[:, :, None])
    second = (to_y * over_y)[:, None, :] * np.arctan(to_x[:, :, None] * over_y[:, None, :])
    result: Floats = (first + second) / (2 * math.pi)
    return result


def fluctuate(cells: Floats, stochastic: float, rng: np.random.Generator) -> Floats:
    """Draw each cell from a gamma distribution of its mean E and the variance ``stochastic**2 * E``.

    Parameters
    ----------
    cells : array of float64, GeV
    stochastic : float
        Square root of GeV; 0.09 is 9 % / sqrt(E).
    rng : numpy.random.Generator
    """
    spread = stochastic**2
    return rng.standard_gamma(cells / spread) * spread
