"""Cross-sections by model, and the K-factor between them."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from na64.outputs.signal.bosons import Boson
from na64.outputs.signal.kinematics import Radiation
from na64.outputs.signal.tree_level import tree_level_spectrum
from na64.outputs.signal.weizsaecker import iww_log_total, iww_spectrum, ww_spectrum

Floats = NDArray[np.float64]


class CrossSectionModel(Enum):
    """How the cross-section is computed."""

    ETL = "etl"
    """Exact tree level."""
    WW = "ww"
    """Weizsaecker-Williams, flux at each x and angle."""
    IWW = "iww"
    """Weizsaecker-Williams, one flux."""


SPECTRA: dict[CrossSectionModel, Callable[[Radiation, Floats], Floats]] = {
    CrossSectionModel.ETL: tree_level_spectrum,
    CrossSectionModel.WW: ww_spectrum,
    CrossSectionModel.IWW: iww_spectrum,
}
"""d(sigma)/dx of each model, pb per eps^2."""


def total(
    radiation: Radiation, model: CrossSectionModel = CrossSectionModel.ETL, *, above: float | None = None
) -> float:
    """Integrate the cross-section over bosons that take more than `above`, GeV; by default, all.

    Returns
    -------
    float, pb per eps^2
        0 if a boson cannot have that much.

    Raises
    ------
    ValueError
        An approximation for anything but dark photons.
    """
    if radiation.boson is not Boson.VECTOR and model is not CrossSectionModel.ETL:
        raise ValueError(f"{radiation.boson.text}: the cross-section is known at exact tree level only")
    lowest = max(radiation.mass, above if above is not None else 0.0) / radiation.energy
    if lowest >= 1:
        return 0.0
    x, weights = radiation.x_grid(lowest)
    return float(np.sum(weights * SPECTRA[model](radiation, x)))


def k_factor(radiation: Radiation) -> float:
    """Leading-logarithm cross-section over the exact one."""
    return iww_log_total(radiation) / total(radiation)
