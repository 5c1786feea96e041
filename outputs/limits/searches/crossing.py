"""Sources of beams that cross a target without a shower: muons that radiate, hadrons that exchange charge."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from na64.outputs.limits.searches.sources import Made, Source
from na64.outputs.signal.beam import Beam
from na64.outputs.signal.bosons import Boson
from na64.outputs.signal.charge_exchange import Layers, mesons_per_particle
from na64.outputs.signal.curves import ParameterPlane
from na64.outputs.signal.muons import radiated_by_muon

Floats = NDArray[np.float64]

MUONS = ("mu-", "mu+")
"""Particles of such beams."""


@dataclass(frozen=True, slots=True)
class RadiatedByMuons:
    """Bosons that muons radiate while they cross lead.

    Attributes
    ----------
    boson : Boson
    energy, threshold : float, GeV
        Of the beam, and least energy of the boson.
    radiation_lengths : float
        Of the target.
    """

    boson: Boson
    energy: float
    threshold: float
    radiation_lengths: float
    power = 2
    plane = ParameterPlane.MIXING

    def number(self, mass: float) -> float:
        """Bosons per muon on target at coupling 1, for a mass in GeV."""
        return radiated_by_muon(
            mass,
            beam_energy=self.energy,
            threshold=self.threshold,
            radiation_lengths=self.radiation_lengths,
            boson=self.boson,
        )

    def spectrum(self, mass: float) -> Made:
        """No spectrum: they are counted in searches for missing momentum only."""
        raise ValueError(f"the energies of bosons of {mass:g} GeV of muons are not known")

    def of_beam(self, beam: Beam, threshold: float) -> Source:
        """The same process with muons of another energy, and another least energy, in GeV."""
        if beam.particle not in MUONS:
            raise ValueError(f"muons cross a target, {beam.text} do not")
        return replace(self, energy=beam.energy, threshold=threshold)


@dataclass(frozen=True, slots=True)
class Exchanged:
    """Mesons that pions or kaons of a beam become.

    Attributes
    ----------
    particle : str
    momentum : float, GeV
    target : Layers
    """

    particle: str
    momentum: float
    target: Layers
    power = 0
    plane = ParameterPlane.BRANCHING

    def number(self, mass: float) -> float:
        """Mesons per particle on target, of a mass in GeV."""
        return mesons_per_particle(mass, self.particle, self.momentum, self.target)

    def spectrum(self, mass: float) -> Made:
        """One energy: the meson has that of the beam."""
        return Made(np.array([self.momentum]), np.array([self.number(mass)]))

    def of_beam(self, beam: Beam, threshold: float) -> Source:
        """The same process with another energy of the same particles, whatever the threshold.

        Raises
        ------
        ValueError
            Other particles make other mesons, or none.
        """
        del threshold
        if beam.particle != self.particle:
            raise ValueError(f"mesons of {self.particle} are not made by {beam.text}")
        return replace(self, momentum=beam.energy)
