"""Muon pairs from photons of an electromagnetic shower: cross-section, and the photons that make them.

The cross-section is that of Burkhardt, Kelner and Kokoulin (CERN-SL-2002-016) in the parametrised form of
Geant4 11.4, with the correction energy in GeV. The photons are those of the cascade in
`na64.outputs.signal.cascade`, in a table: with complete screening their track length is a function of the
fraction of the beam's energy alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray
from scipy import constants

Numbers = NDArray[np.float64]

ELECTRON_MASS, MUON_MASS = 0.51099895e-3, 0.1056583755
"""GeV."""

_CLASSICAL_RADIUS = constants.physical_constants["classical electron radius"][0]
_RADIUS = _CLASSICAL_RADIUS * ELECTRON_MASS / MUON_MASS
"""Classical radius of the muon, m."""

MICROBARN = 1e-34
"""m^2."""

PHOTON_LENGTHS = "photon_lengths.csv"
_NODES = 2_000


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
    """Total cross-section of gamma Z -> mu+ mu- Z.

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
    found: Numbers = height * np.log1p(medium * correction * effective) / MICROBARN
    return found


@cache
def load_photon_lengths() -> tuple[Numbers, Numbers]:
    """Track length of photons in a thick target: fraction of the beam's energy, and X0 per unit of it.

    Returns
    -------
    tuple of (n,) float64
        The fractions rise to 1.
    """
    lines = (files(__package__) / PHOTON_LENGTHS).read_text(encoding="utf-8").splitlines()
    rows = [[float(text) for text in line.split(",")] for line in lines if line[:1].isdigit()]
    fraction, length = np.array(rows).T
    return fraction, length


def photon_lengths(energy: Numbers, beam_energy: float) -> Numbers:
    """Track length of photons per GeV, per electron of the beam.

    Parameters
    ----------
    energy : (n,) float64, GeV
        Of the photon.
    beam_energy : float, GeV

    Returns
    -------
    (n,) float64, X0 per GeV

    Raises
    ------
    ValueError
        The table has no such energy.
    """
    fraction, length = load_photon_lengths()
    wanted = energy / beam_energy
    if wanted.min() < fraction[0] or wanted.max() > 1:
        raise ValueError(
            f"photons of {energy.min():g} to {energy.max():g} GeV in the shower of an electron of "
            f"{beam_energy:g} GeV: expected {fraction[0] * beam_energy:g} to {beam_energy:g} GeV"
        )
    found: Numbers = np.exp(np.interp(np.log(wanted), np.log(fraction), np.log(length))) / beam_energy
    return found


@dataclass(frozen=True, slots=True)
class PairSpectrum:
    """Energies of the photons that convert to muon pairs: their track length times the cross-section.

    Attributes
    ----------
    beam_energy, lowest, highest : float, GeV
    """

    beam_energy: float
    lowest: float
    highest: float

    def __post_init__(self) -> None:
        if not 4 * MUON_MASS <= self.lowest < self.highest <= self.beam_energy:
            raise ValueError(
                f"photons of {self.lowest:g} to {self.highest:g} GeV "
                f"from electrons of {self.beam_energy:g} GeV"
            )

    def _cumulative(self) -> tuple[Numbers, Numbers]:
        energy = np.geomspace(self.lowest, self.highest, _NODES)
        density = cross_section(energy) * photon_lengths(energy, self.beam_energy)
        area = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2 * np.diff(energy))])
        return energy, area

    def pairs_per_electron(self) -> float:
        """Muon pairs per electron in lead."""
        return float(self._cumulative()[1][-1]) * MICROBARN * LEAD.nuclei

    def draw(self, n: int, rng: np.random.Generator) -> Numbers:
        """Energies of `n` converting photons: (n,) float64, GeV."""
        energy, area = self._cumulative()
        drawn: Numbers = np.interp(rng.random(n) * area[-1], area, energy)
        return drawn


def muon_fraction(photon: Numbers, rng: np.random.Generator) -> Numbers:
    """Fraction of the photon's energy that one muon takes: 1 - 4/3 x (1 - x), without the slow logarithm.

    Parameters
    ----------
    photon : (n,) float64, GeV
    rng : numpy.random.Generator
    """
    lowest = 0.5 - np.sqrt(np.maximum(0.25 - MUON_MASS / photon, 0.0))
    uniform = rng.random((len(photon), 8))
    x = lowest[:, None] + (1 - 2 * lowest[:, None]) * uniform
    accepted = rng.random(x.shape) < 1 - 4 / 3 * x * (1 - x)
    result: Numbers = x[np.arange(len(photon)), np.argmax(accepted, axis=1)]
    return result
