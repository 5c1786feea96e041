"""Bosons that muons radiate while they cross a target, and the muon that is left.

Energies and angles of the muon: exact tree level, and the Weizsaecker-Williams form of 2101.12192. The Z' of
L_mu - L_tau couples to muons as a dark photon of eps = g / e does.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from na64.outputs.signal.bosons import Boson
from na64.outputs.signal.cross_sections import total
from na64.outputs.signal.flux import flux
from na64.outputs.signal.kinematics import Radiation
from na64.outputs.signal.matter import ALPHA, LEAD, MUON_MASS, TAU_MASS
from na64.outputs.signal.quadrature import composite
from na64.outputs.signal.tree_level import tree_level_spectrum

Floats = NDArray[np.float64]

_X_NODES, _ANGLE_NODES = 48, 400
_FARTHEST = 1e6


def radiated_by_muon(
    mass: float,
    *,
    beam_energy: float,
    threshold: float,
    radiation_lengths: float,
    boson: Boson = Boson.VECTOR,
) -> float:
    """Bosons per muon that crosses lead at eps = 1; muons lose next to nothing there.

    Parameters
    ----------
    mass, beam_energy : float, GeV
    threshold : float, GeV
        Least energy of the boson.
    radiation_lengths : float
        Of the target.
    boson : Boson
    """
    if threshold >= beam_energy - MUON_MASS or mass >= beam_energy - MUON_MASS:
        return 0.0
    radiation = Radiation(mass, beam_energy, lepton_mass=MUON_MASS, boson=boson)
    return LEAD.per_picobarn * radiation_lengths * total(radiation, above=threshold)


def momentum_quantiles(mass: float, levels: ArrayLike, *, beam_energy: float, threshold: float) -> Floats:
    """Quantiles of the energy that is left to the muon by dark photons above a threshold, GeV: (n,)."""
    left, weights = _left(mass, beam_energy, threshold)
    order = np.argsort(left)
    below = np.cumsum(weights[order]) - weights[order] / 2
    return np.interp(np.asarray(levels, dtype=np.float64), below / weights.sum(), left[order])


def mean_momentum(mass: float, *, beam_energy: float, threshold: float) -> float:
    """Mean energy that is left to the muon, GeV, for dark photons above a threshold."""
    left, weights = _left(mass, beam_energy, threshold)
    return float(np.average(left, weights=weights))


def _left(mass: float, beam_energy: float, threshold: float) -> tuple[Floats, Floats]:
    radiation = Radiation(mass, beam_energy, lepton_mass=MUON_MASS)
    edges = np.linspace(max(threshold, mass) / beam_energy, radiation.largest_x, _X_NODES + 1)
    x, weights = composite(edges, 8)
    return beam_energy * (1 - x), weights * tree_level_spectrum(radiation, x)


def recoil_angle(mass: float, *, beam_energy: float, threshold: float) -> float:
    """Median angle of the muon after it radiated a dark photon above a threshold, rad.

    With y the share of the energy that is left, a = psi^2 / 2 and the least transfer (t / 2 E (1 - y))^2:
    t = m^2 - m_mu^2 + 2 y E^2 a + m_mu^2 (1 - y) / y + m_mu^2 y, in the Weizsaecker-Williams approximation.
    """
    radiation = Radiation(mass, beam_energy, lepton_mass=MUON_MASS)
    lowest = max(threshold, mass) / beam_energy
    x, weights = composite(np.linspace(lowest, radiation.largest_x, _X_NODES + 1), 8)
    angle = np.geomspace(1e-6, 1.0, _ANGLE_NODES)
    by_angle = weights @ _by_energy_and_angle(radiation, 1 - x[:, None], angle)
    steps = np.diff(angle) * (by_angle[1:] * angle[1:] + by_angle[:-1] * angle[:-1]) / 2
    below = np.append(0.0, np.cumsum(steps))
    return float(np.interp(below[-1] / 2, below, angle))


def angle_quantiles(radiation: Radiation, left: float, levels: ArrayLike) -> Floats:
    """Quantiles of the angle of a muon to which a share `left` of its energy is left, rad: (n,)."""
    angle = np.geomspace(1e-6, 1.0, _ANGLE_NODES)
    density = _by_energy_and_angle(radiation, np.array([[left]]), angle)[0] * angle
    below = np.append(0.0, np.cumsum(np.diff(angle) * (density[1:] + density[:-1]) / 2))
    return np.interp(np.asarray(levels, dtype=np.float64), below / below[-1], angle)


def _by_energy_and_angle(radiation: Radiation, y: Floats, angle: Floats) -> Floats:
    """Shape of d(sigma)/dy da (n, m), a = angle^2 / 2."""
    mass2, lepton2, energy = radiation.mass**2, radiation.lepton_mass**2, radiation.energy
    t = mass2 - lepton2 + y * (energy * angle) ** 2 + lepton2 * (1 - y) / y + lepton2 * y
    chi = flux((t / (2 * energy * (1 - y))) ** 2, mass2 + lepton2, radiation.nucleus)
    rest = lepton2 * (1 - y) ** 2 / y + mass2 - t
    bracket = 1 / (2 * y) + y / 2 + (mass2 + 2 * lepton2) * (1 - y) ** 2 / (t**2 * y) * rest
    result: Floats = chi * (1 - y) * np.sqrt(np.maximum(y**2 - lepton2 / energy**2, 0.0)) / t**2 * bracket
    return result


def to_neutrinos(mass: float, coupling: float) -> float:
    """Width of the Z' of L_mu - L_tau to both kinds of neutrinos, GeV; g^2 m / 12 pi (2101.12192)."""
    return coupling**2 * mass / (12 * math.pi)


def to_muons(mass: float, coupling: float) -> float:
    """Width of the Z' of L_mu - L_tau to muons, GeV; 0 below its threshold."""
    return to_neutrinos(mass, coupling) * _pair(MUON_MASS / mass)


def invisible_fraction(mass: float) -> float:
    """Fraction of the decays of the Z' of L_mu - L_tau to neutrinos; without dark matter and electrons."""
    return 1 / (1 + _pair(MUON_MASS / mass) + _pair(TAU_MASS / mass))


def _pair(ratio: float) -> float:
    r2 = ratio**2
    return (1 + 2 * r2) * math.sqrt(1 - 4 * r2) if r2 < 0.25 else 0.0


def mixing_of_loop(coupling: float) -> float:
    """Mixing with the photon that muons and taus give a Z' of L_mu - L_tau of a coupling g (2404.06982)."""
    return (
        coupling * math.sqrt(4 * math.pi * ALPHA) / (12 * math.pi**2) * math.log((TAU_MASS / MUON_MASS) ** 2)
    )


def threshold_of_conversion(mass: float, lepton_mass: float = TAU_MASS) -> float:
    """Least energy of a muon that becomes a heavier lepton on a nucleus at rest of a mass, GeV."""
    return ((mass + lepton_mass) ** 2 - mass**2 - MUON_MASS**2) / (2 * mass)
