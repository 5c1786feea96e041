"""A charged particle in a bending magnet: its angle, and the synchrotron radiation that the SRD counts.

The number of photons depends on the field integral only, so that thresholds on their energy go with E^2.
"""

from __future__ import annotations

import math

from na64.outputs.signal.matter import ALPHA, ELECTRON_MASS

GEV_PER_TESLA_METRE = 0.299792458
"""Momentum over field integral and angle: the speed of light in its units."""
_HBAR_C = 1.973269804e-16
"""GeV m [PDG 2022]."""


def bending_angle(momentum: float, field_integral: float) -> float:
    """Angle of a particle of unit charge, rad; GeV and T m."""
    return GEV_PER_TESLA_METRE * field_integral / momentum


def n_photons(field_integral: float, mass: float = ELECTRON_MASS) -> float:
    """Mean number of synchrotron photons at any energy; T m and GeV."""
    return 5 / (2 * math.sqrt(3)) * ALPHA * GEV_PER_TESLA_METRE * field_integral / mass


def critical_energy(
    energy: float, field_integral: float, length: float, mass: float = ELECTRON_MASS
) -> float:
    """Energy that photons above and below have the same power, GeV.

    Parameters
    ----------
    energy : float, GeV
    field_integral : float, T m
    length : float, m
        Of the field.
    mass : float, GeV
    """
    curvature = bending_angle(energy, field_integral) / length
    return 1.5 * _HBAR_C * (energy / mass) ** 3 * curvature


def radiated_energy(
    energy: float, field_integral: float, length: float, mass: float = ELECTRON_MASS
) -> float:
    """Mean energy of all synchrotron photons, GeV; arguments as of `critical_energy`."""
    mean = 8 / (15 * math.sqrt(3)) * critical_energy(energy, field_integral, length, mass)
    return n_photons(field_integral, mass) * mean
