"""Momentum of a charged particle in a magnet, and invariant mass of a pair, with their resolutions."""

from __future__ import annotations

import math

from na64.outputs.signal.synchrotron import GEV_PER_TESLA_METRE, bending_angle


def momentum_of_radius(field: float, radius: float) -> float:
    """Momentum p = q B r of a particle of unit charge, GeV; T and m."""
    return GEV_PER_TESLA_METRE * field * radius


def momentum_of_angle(angle: float, field_integral: float) -> float:
    """Momentum of a particle of unit charge that is bent by a small angle, GeV; rad and T m."""
    return GEV_PER_TESLA_METRE * field_integral / angle


def momentum_resolution(momentum: float, field_integral: float, angle_resolution: float) -> float:
    """Relative resolution dp / p, which is that of the angle; GeV, T m and rad."""
    return angle_resolution / bending_angle(momentum, field_integral)


def invariant_mass(positron: float, electron: float, angle: float) -> float:
    """Mass of a pair of light particles at a small angle, sqrt(E+ E-) theta, GeV; GeV and rad."""
    return math.sqrt(positron * electron) * angle


def smallest_opening(mass: float, energy: float) -> float:
    """Smallest angle between the two light particles of a decay, 2 m / E, rad; GeV."""
    return 2 * mass / energy


def mass_resolution(angle: float, positron: float, electron: float) -> float:
    """Relative resolution of the invariant mass, of the relative ones of angle and both energies."""
    return math.hypot(angle, positron / 2, electron / 2)
