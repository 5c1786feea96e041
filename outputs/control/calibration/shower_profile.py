"""Radii of the shower template, fitted to the mean shower of beam electrons by impact point."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from na64.datasets.calibration.calibration_file import rounded
from na64.datasets.instrument.detector import Setup, ShowerTemplate
from na64.datasets.instrument.roles import CALORIMETER
from na64.processors.calibration.cell_sums import MICRO, QUANTUM, ring_of
from na64.processors.calibration.sums import Sums
from na64.processors.kernels.shower import integrate_profile

Floats = NDArray[np.float64]

_LEAST_ELECTRONS = 500
_LEAST_IN_BIN = 20
_FITTED = ("core", "tail", "core_fraction")
_FLOOR = 1e-4
"""Share of the energy: how well the profile describes a mean shower at best."""


@dataclass(frozen=True, slots=True, eq=False)
class MeanShower:
    """Mean showers of beam electrons, one an impact point.

    Attributes
    ----------
    place : (n_bins, 2) float64
        Impact point in cells from the middle of the beam cell.
    share : (n_bins, n_ring) float64
        Share of the energy in each cell of the ring, both planes together.
    error : (n_bins, n_ring) float64
        Its statistical error.
    offsets : (n_ring, 2) float64
        Middle of each cell in cells from that of the beam cell.
    ignored : (n_ring,) bool
        Bad cells.
    """

    place: Floats
    share: Floats
    error: Floats
    offsets: Floats
    ignored: NDArray[np.bool_]


def mean_shower(
    sums: Sums, setup: Setup, scales: Sequence[float], bad: Collection[int], baselines: Floats
) -> MeanShower | None:
    """Mean shower of beam electrons with scales and baselines of the cells; None of too few electrons.

    Parameters
    ----------
    sums : Sums
    setup : Setup
        Of the period.
    scales : sequence of float
        In place of those of the period.
    bad : collection of int
        Cells that are left out.
    baselines : (n_cells,) float64, GeV
        Under the scale of the period.
    """
    n = sums.array("shower.n", (1,))
    if n.sum() < _LEAST_ELECTRONS or CALORIMETER not in setup.detectors:
        return None
    used = n >= _LEAST_IN_BIN
    factor = np.array(scales) / np.where(np.array(setup.calorimeter.scale) == 0, 1.0, setup.calorimeter.scale)
    mean = sums.arrays["shower.cells"][used] / n[used, None] * QUANTUM
    square = sums.arrays["shower.squares"][used] / n[used, None] * QUANTUM**2
    variance = np.maximum(square - mean**2, 0) / n[used, None] * factor**2
    mean = (mean - baselines) * factor
    n_plane = setup.calorimeter.n_cells // 2
    lateral, error = (
        mean[:, :n_plane] + mean[:, n_plane:],
        np.sqrt(variance[:, :n_plane] + variance[:, n_plane:]),
    )
    ring, (_, _, n_y) = ring_of(setup), setup.calorimeter.shape
    beam = setup.calorimeter.place(*setup.beam_cell)
    whole = lateral.sum(axis=1, keepdims=True)
    return MeanShower(
        place=sums.arrays["shower.place"][used] / n[used, None] / MICRO,
        share=lateral[:, ring] / whole,
        error=np.hypot(error[:, ring] / whole, _FLOOR),
        offsets=np.stack([ring // n_y - beam // n_y, ring % n_y - beam % n_y], axis=1).astype(np.float64),
        ignored=np.isin(ring, [cell % n_plane for cell in bad]),
    )


def expected_share(
    shower: MeanShower, pitch: float, core: float, tail: float, core_fraction: float
) -> Floats:
    """Share of the energy in each cell of the ring that a profile has: (n_bins, n_ring) float64."""
    found = np.empty(shower.share.shape)
    for row, place in enumerate(shower.place):
        for column, offset in enumerate(shower.offsets):
            (left, low), (right, high) = (offset - 0.5 - place) * pitch, (offset + 0.5 - place) * pitch
            corners = [(right, high, 1), (right, low, -1), (left, high, -1), (left, low, 1)]
            found[row, column] = sum(
                sign * integrate_profile(x, y, core, tail, core_fraction) for x, y, sign in corners
            )
    return found


def fit_template(
    shower: MeanShower | None, setup: Setup, beam_energy: float
) -> tuple[ShowerTemplate | None, dict[str, float]]:
    """Template of electrons with radii and core fraction of those of the beam, and their errors.

    The growth of the radii with energy, the resolution terms and the ring stay those of the period: electrons
    of one energy say nothing of them.

    Returns
    -------
    ShowerTemplate or None, dict of str to float
        None where there are too few electrons, or no template to begin with.
    """
    before = setup.template
    if before is None or shower is None or not setup.cell_pitch:
        return None, {}
    growth = math.log(beam_energy)
    start = [
        before.core + before.core_slope * growth,
        before.tail + before.tail_slope * growth,
        before.core_fraction,
    ]
    pitch, used = setup.cell_pitch, ~shower.ignored

    def residuals(parameters: Floats) -> Floats:
        expected = expected_share(shower, pitch, *parameters.tolist())
        pulls: Floats = ((shower.share - expected) / shower.error)[:, used].ravel()
        return pulls

    fit = least_squares(residuals, start, bounds=([0.5, 1.0, 0.05], [30.0, 200.0, 0.999]), x_scale=start)
    freedom = max(len(fit.fun) - len(start), 1)
    scatter = max(2 * fit.cost / freedom, 1.0)
    errors = np.sqrt(np.diag(np.linalg.pinv(fit.jac.T @ fit.jac)) * scatter)
    core, tail, fraction = fit.x.tolist()
    template = replace(
        before,
        core=rounded(core - before.core_slope * growth),
        tail=rounded(tail - before.tail_slope * growth),
        core_fraction=rounded(fraction),
    )
    return template, {name: rounded(error) for name, error in zip(_FITTED, errors.tolist(), strict=True)}
