"""Pairs of millicharged particles from virtual photons that a beam radiates in lead.

A photon of mass M is made as often as a dark photon of that mass at eps = 1, and becomes a pair of charge Q:

    pairs = Q^2 int dM^2/M^2 (alpha / 3 pi) sqrt(1 - 4 m^2/M^2) (1 + 2 m^2/M^2) y(M)

with the yield y of dark photons [D: this package]; for the search see 1810.06856 and 2505.04295.
"""

from __future__ import annotations

import math
from functools import cache
from importlib.resources import files
from pathlib import Path

import correctionlib
import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from na64.outputs.signal.cross_sections import total
from na64.outputs.signal.grid_file import YieldGrid, write_grids
from na64.outputs.signal.integration import integrate_yield
from na64.outputs.signal.kinematics import Radiation
from na64.outputs.signal.matter import ALPHA, LEAD, MUON_MASS
from na64.outputs.signal.quadrature import composite

Floats = NDArray[np.float64]

PAIRS = "pairs.json"
"""Name of the shipped file."""

MASSES: Floats = np.geomspace(1e-3, 0.5, 19)
"""GeV, of the millicharged particle."""

THRESHOLDS: dict[tuple[str, float], Floats] = {
    ("e-", 100.0): np.array([40.0, 50.0, 60.0]),
    ("mu-", 160.0): np.array([60.0, 80.0, 100.0]),
}
"""GeV, of the pair, by particle and energy of the beam."""

MUON_TARGET = 40.0
"""Radiation lengths of lead that muons cross [V: seed, the ECAL]; they lose next to nothing there."""

_PHOTON_MASSES: Floats = np.geomspace(2e-3, 5.0, 24)
"""GeV; above, photons are too rare to matter."""


def photons_per_particle(mass: float, *, threshold: float, particle: str, beam_energy: float) -> float:
    """Yield of dark photons at eps = 1 of electrons in a thick target, or of muons that cross one; GeV."""
    if particle == "mu-":
        radiation = Radiation(mass, beam_energy, lepton_mass=MUON_MASS)
        return LEAD.per_picobarn * MUON_TARGET * total(radiation, above=threshold)
    return integrate_yield(mass, threshold=threshold, beam_energy=beam_energy)


def integrate_pairs(masses: Floats, photon_masses: Floats, photons: Floats) -> Floats:
    """Pairs at Q = 1 of each mass.

    Parameters
    ----------
    masses : (n,) float64, GeV
    photon_masses, photons : (m,) float64
        Masses in GeV, and the yield of photons at each.

    Returns
    -------
    (n,) float64
    """
    spline = CubicSpline(np.log(photon_masses), np.log(photons))
    found = []
    for mass in masses.tolist():
        # Evenly in the square root of ln(M / 2m), in which the threshold is smooth.
        root, weights = composite(np.linspace(0, math.sqrt(math.log(photon_masses[-1] / (2 * mass))), 13), 8)
        logarithm = root**2 + math.log(2 * mass)
        r2 = np.exp(2 * (math.log(mass) - logarithm))
        pair = ALPHA / (3 * math.pi) * np.sqrt(np.maximum(1 - 4 * r2, 0.0)) * (1 + 2 * r2)
        found.append(float(np.sum(weights * 2 * root * 2 * pair * np.exp(spline(logarithm)))))
    return np.array(found)


def pairs_per_particle(mass: float, *, threshold: float, particle: str, beam_energy: float) -> float:
    """Pairs of millicharged particles per particle on target at Q = 1, from the shipped table.

    Parameters
    ----------
    mass : float, GeV
    threshold : float, GeV
        Least energy of the pair.
    particle : str
    beam_energy : float, GeV

    Raises
    ------
    ValueError
        The table has no such beam, mass or threshold.
    """
    beam = (particle, beam_energy)
    if beam not in THRESHOLDS:
        known = " or ".join(f"{name} of {energy:g} GeV" for name, energy in THRESHOLDS)
        raise ValueError(f"no millicharged pairs of {particle} of {beam_energy:g} GeV are known: {known}")
    nodes = THRESHOLDS[beam]
    if not (MASSES[0] <= mass <= MASSES[-1] and nodes[0] <= threshold <= nodes[-1]):
        raise ValueError(
            f"millicharged pairs of {mass:g} GeV above {threshold:g} GeV: the table has {MASSES[0]:g} to "
            f"{MASSES[-1]:g} GeV above {nodes[0]:g} to {nodes[-1]:g}"
        )
    return float(_table()[_name(*beam)].evaluate(float(mass), float(threshold)))


def write_pairs(folder: Path) -> Path:
    """Compute the shipped table anew, in about a minute, and write it into a folder."""
    return write_grids(folder / PAIRS, [_grid(*beam) for beam in THRESHOLDS])


def _grid(particle: str, beam_energy: float) -> YieldGrid:
    nodes = THRESHOLDS[particle, beam_energy]
    columns = []
    for threshold in nodes.tolist():
        photons = [
            photons_per_particle(mass, threshold=threshold, particle=particle, beam_energy=beam_energy)
            for mass in _PHOTON_MASSES.tolist()
        ]
        columns.append(integrate_pairs(MASSES, _PHOTON_MASSES, np.array(photons)))
    target = f"that cross {MUON_TARGET:g} X0 of lead" if particle == "mu-" else "in thick lead"
    return YieldGrid(
        _name(particle, beam_energy),
        f"millicharged pairs of {particle} of {beam_energy:g} GeV {target}, exact tree level",
        ("threshold", "GeV, least energy of the pair"),
        MASSES,
        nodes,
        np.stack(columns, axis=1),
        ("pairs", "per particle on target and Q^2"),
        particle="the millicharged particle",
    )


def _name(particle: str, beam_energy: float) -> str:
    return f"{particle} {beam_energy:g} GeV"


@cache
def _table() -> correctionlib.CorrectionSet:
    text = (files(__package__) / PAIRS).read_text(encoding="utf-8")
    return correctionlib.CorrectionSet.from_string(text)
