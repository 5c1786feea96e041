"""Bosons per electron on target by direct integration, at eps = 1; `yields` has the table."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

from na64.outputs.signal.bosons import Boson
from na64.outputs.signal.cascade import STEP, TrackLengths, track_lengths
from na64.outputs.signal.cross_sections import CrossSectionModel, total
from na64.outputs.signal.kinematics import Radiation
from na64.outputs.signal.matter import LEAD

Floats = NDArray[np.float64]

BEAM_ENERGY = 100.0
"""GeV."""
LOWEST = 0.1
"""Part of the beam's energy down to which the shower is followed."""
RESOLUTION = 0.09
"""Resolution of the ECAL: sigma / E = 0.09 / sqrt(E / GeV)."""
_ENERGY_NODES = 16
_RESOLUTION_NODES = 5


@cache
def shower(beam_energy: float) -> TrackLengths:
    """Track lengths above a tenth of the beam's energy, GeV; computed once."""
    return track_lengths(beam_energy, LOWEST * beam_energy - STEP)


def integrate_yield(
    mass: float,
    *,
    threshold: float,
    model: CrossSectionModel = CrossSectionModel.ETL,
    beam_energy: float = BEAM_ENERGY,
    boson: Boson = Boson.VECTOR,
) -> float:
    """Fold the cross-section with the track lengths of electrons and positrons in lead (docs/physics.md)."""
    least = max(threshold, mass)
    lengths = shower(beam_energy)
    if not LOWEST * beam_energy <= least < beam_energy:
        raise ValueError(
            f"missing energy above {least:g} GeV: expected {LOWEST * beam_energy:g} to {beam_energy:g}"
        )
    # The cross-section rises steeply above its threshold, then slowly: nodes crowd there.
    root = np.linspace(0, 1, _ENERGY_NODES)
    energies = least + (beam_energy - least) * root[1:] ** 3
    radiations = [Radiation(mass, float(energy), boson=boson) for energy in energies]
    values = [total(radiation, model, above=threshold) for radiation in radiations]
    inside = lengths.energy > least
    position = np.cbrt((lengths.energy[inside] - least) / (beam_energy - least))
    sigma = PchipInterpolator(root, [0.0, *values])(position)
    return LEAD.per_picobarn * float(np.sum(lengths.charged[inside] * sigma))


def resolved_thresholds(
    threshold: float, *, resolution: float = RESOLUTION, beam_energy: float = BEAM_ENERGY
) -> tuple[Floats, Floats]:
    """True missing energies at which an event of Gaussian fluctuations passes the threshold.

    An event that leaves D passes if D + resolution sqrt(D) z < D_0: for a given z that is a threshold on D.

    Returns
    -------
    thresholds : (5,) float64, GeV
    weights : (5,) float64
        Of Gauss and Hermite; they add up to 1.
    """
    z, weights = np.polynomial.hermite_e.hermegauss(_RESOLUTION_NODES)
    half = resolution * z / 2
    root = -half + np.sqrt(half**2 + beam_energy - threshold)
    return beam_energy - root**2, weights / math.sqrt(2 * math.pi)
