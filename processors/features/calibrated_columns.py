"""Recorded columns of a detector with the constants of its cells applied that the kernels do not know."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from na64.datasets.instrument.calibrated_detector import CalibratedDetector
from na64.datasets.instrument.columns import Array, Cells, Hits


def corrected(columns: Cells | Hits, detector: CalibratedDetector) -> Cells | Hits:
    """Columns less delay and baseline of each cell, with the resolutions that were measured.

    Whatever is not finite stays so, and cells that do not exist stay as they are: what a value is good for is
    decided later.

    Parameters
    ----------
    columns : Cells or Hits
        Numbered as the detector is.
    detector : CalibratedDetector

    Returns
    -------
    Cells or Hits
        In the dtypes of the columns, so that no kernel has to be compiled for them.
    """
    if isinstance(columns, Cells):
        return replace(
            columns,
            energy=_without_baseline(columns.energy, np.array(detector.baseline)),
            time=_shifted(columns.time, np.array(detector.delay)),
            time_sigma=_sigma_of_cells(columns, detector),
        )
    there = (columns.cell >= 0) & (columns.cell < detector.n_cells)
    cell = np.where(there, columns.cell, 0).astype(np.int64)

    def of_hits(values: tuple[float, ...]) -> NDArray[np.float64]:
        return np.where(there, np.array(values)[cell], 0.0)

    return replace(
        columns,
        energy=_without_baseline(columns.energy, of_hits(detector.baseline)),
        time=_shifted(columns.time, of_hits(detector.delay)),
        time_sigma=_sigma_of_hits(columns, detector, of_hits(detector.measured_sigma), cell),
    )


def _without_baseline(energy: Array, baseline: NDArray[np.float64]) -> Array:
    """Energies less the baseline; zero is a cell that nothing was recorded of."""
    if not baseline.any():
        return energy
    return np.where(energy != 0, energy - baseline, energy).astype(energy.dtype)


def _shifted(time: Array | None, delay: NDArray[np.float64]) -> Array | None:
    return time if time is None or not delay.any() else (time - delay).astype(time.dtype)


def _sigma_of_cells(columns: Cells, detector: CalibratedDetector) -> Array | None:
    measured = np.array(detector.measured_sigma)
    if columns.time is None or not measured.any():
        return columns.time_sigma
    known: Array = np.array(detector.timing.sigma or np.full(detector.n_cells, np.nan))[None]
    if columns.time_sigma is not None:
        recorded = np.atleast_2d(columns.time_sigma)
        shared = recorded.shape[-1] != detector.n_cells
        known = recorded[:, np.array(detector.sigma_of_cell)] if shared else recorded
    if measured.all():
        known = known[:1]
    return np.where(measured > 0, measured, known).astype(columns.time.dtype)


def _sigma_of_hits(
    columns: Hits, detector: CalibratedDetector, measured: NDArray[np.float64], cell: NDArray[np.int64]
) -> Array | None:
    if columns.time is None or not any(detector.measured_sigma):
        return columns.time_sigma
    known = columns.time_sigma
    if known is None:
        known = np.array(detector.timing.sigma or np.full(detector.n_cells, np.nan))[cell]
    return np.where(measured > 0, measured, known).astype(columns.time.dtype)
