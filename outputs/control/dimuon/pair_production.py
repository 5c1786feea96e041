"""Muon pairs from photons in an electromagnetic shower: cross-section, and pairs per electron.

The cross-section is that of Burkhardt, Kelner and Kokoulin (CERN-SL-2002-016) in the parametrised form of
Geant4 11.4, with the correction energy in GeV; the track length is that of Rossi's approximation B.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import constants, integrate, optimize

Numbers = NDArray[np.float64]

ELECTRON_MASS, MUON_MASS = 0.51099895e-3, 0.1056583755
"""GeV."""

_CLASSICAL_RADIUS = constants.physical_constants["classical electron radius"][0]
_RADIUS = _CLASSICAL_RADIUS * ELECTRON_MASS / MUON_MASS
"""Of the muon, m."""

_MICROBARN = 1e-34
"""m^2."""

ROSSI = 0.572
"""Photon track length above k in units of X0 E0 / k: 0.572 dk / k^2 (Rossi 1952, approximation B)."""


@dataclass(frozen=True, slots=True)
class Element:
    """What a cross-section needs to know of a nucleus, and a shower of its material.

    Attributes
    ----------
    charge : int
    mass : float
        g/mol.
    radiation_length : float
        g/cm^2.
    """

    charge: int
    mass: float
    radiation_length: float

    @property
    def nuclei(self) -> float:
        """Nuclei in a radiation length, per m^2."""
        return float(constants.Avogadro) * self.radiation_length / self.mass * 1e4


LEAD = Element(82, 207.2, 6.37)
"""98.7 % of a radiation length of the ECAL is lead [D: plates of 1.5 mm lead and 1.5 mm scintillator]."""


def cross_section(energy: Numbers | float, element: Element = LEAD) -> Numbers:
    """Give the total cross-section of gamma Z -> mu+ mu- Z.

    Parameters
    ----------
    energy : (n,) float64 or float, GeV
        Of the photon.
    element : Element

    Returns
    -------
    (n,) float64, microbarn
        Zero below threshold.
    """
    photon = np.maximum(np.asarray(energy, np.float64), 4 * MUON_MASS)
    b_z, d_n = 183 * element.charge ** (-1 / 3), 1.54 * element.mass**0.27
    medium = 1 / (4 * d_n * math.sqrt(math.e) * MUON_MASS)
    saturation = b_z * MUON_MASS / (d_n * ELECTRON_MASS) / medium
    threshold = (1 - 4 * MUON_MASS / photon) ** (1.479 + 0.00799 * d_n)
    effective = threshold * (saturation**-0.88 + photon**-0.88) ** (-1 / 0.88)
    correction = 1 + 0.04 * np.log1p((-18 + 4347 / b_z) / photon)
    height = 7 / 9 * 4 * constants.fine_structure * (element.charge * _RADIUS) ** 2
    found: Numbers = height * np.log1p(medium * correction * effective) / _MICROBARN
    return found


def pairs_per_electron(
    lowest: float, highest: float, *, beam_energy: float = 100.0, element: Element = LEAD
) -> float:
    """Give the muon pairs per electron that a thick target absorbs, from photons in a range of energies.

    Parameters
    ----------
    lowest, highest : float, GeV
        Of the converting photon.
    beam_energy : float, GeV
    element : Element
    """
    if not 4 * MUON_MASS <= lowest < highest <= beam_energy:
        raise ValueError(f"photons of {lowest:g} to {highest:g} GeV from electrons of {beam_energy:g} GeV")

    def density(log_energy: float) -> float:
        energy = math.exp(log_energy)
        return float(cross_section(energy, element)) * ROSSI * beam_energy / energy

    area, _ = integrate.quad(density, math.log(lowest), math.log(highest))
    return float(area) * _MICROBARN * element.nuclei


def mean_multiplicity(n_pairs: NDArray[np.int64]) -> float:
    """Give the mean number of pairs per shower from showers that were kept because they have at least one.

    A biased cross-section makes a Poisson number of pairs a shower; the mean of those kept is
    ``m / (1 - exp(-m))``, which is solved for ``m``.

    Parameters
    ----------
    n_pairs : (n,) int64, from 1 on
    """
    mean = float(np.mean(n_pairs))
    if n_pairs.min(initial=1) < 1:
        raise ValueError("showers without a pair are among those that should have one")
    if mean == 1:
        return 0.0
    return float(optimize.brentq(lambda m: m / -math.expm1(-m) - mean, 1e-9, 2 * mean))


def single_pair_weight(bias: float, multiplicity: float) -> float:
    """Give the weight of a shower with exactly one pair, in showers without bias.

    Of showers with a biased mean of ``m`` pairs ``m exp(-m)`` have one; without the bias ``m / bias`` do.

    Parameters
    ----------
    bias : float
        Factor on the cross-section.
    multiplicity : float
        `mean_multiplicity` of the biased showers.
    """
    return math.exp(multiplicity) / bias
