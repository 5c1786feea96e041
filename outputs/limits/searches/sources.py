"""Where the particles of a search come from: numbers per particle on target at coupling 1."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from na64.datasets.synthetic.dark_photon import load_spectrum
from na64.outputs.signal.annihilation import Matter, Resonance, resonant_yield
from na64.outputs.signal.beam import Beam
from na64.outputs.signal.bosons import Boson
from na64.outputs.signal.integration import BEAM_ENERGY
from na64.outputs.signal.millicharged import pairs_per_particle
from na64.outputs.signal.primakoff import primakoff_spectrum
from na64.outputs.signal.yields import yield_per_eot

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """Particles by energy.

    Attributes
    ----------
    energy : (n,) float64, GeV
    number : (n,) float64
        Per particle on target at coupling 1.
    """

    energy: Floats
    number: Floats


class Source(Protocol):
    """A process that makes particles, in proportion to the square of the coupling."""

    def __hash__(self) -> int:
        """The numbers of a source are kept."""

    def number(self, mass: float) -> float:
        """Particles per particle on target at coupling 1, for a mass in GeV."""

    def spectrum(self, mass: float) -> Made:
        """The same by energy.

        Raises
        ------
        ValueError
            The spectrum is not known.
        """

    def of_beam(self, beam: Beam, threshold: float) -> Source:
        """The same process with another beam and least energy in GeV."""


@dataclass(frozen=True, slots=True)
class Radiated:
    """Bosons that electrons and positrons of the shower radiate off nuclei.

    Attributes
    ----------
    boson : Boson
    beam : Beam
    threshold : float, GeV
        Least energy of the boson.
    """

    boson: Boson
    beam: Beam
    threshold: float

    def of_beam(self, beam: Beam, threshold: float) -> Radiated:
        """The same process with another beam and least energy in GeV."""
        return replace(self, beam=beam, threshold=threshold)

    def number(self, mass: float) -> float:
        """Particles per particle on target at coupling 1, for a mass in GeV."""
        return yield_per_eot(mass, threshold=self.threshold, beam_energy=self.beam.energy, boson=self.boson)

    def spectrum(self, mass: float) -> Made:
        """The same by energy: dark photons of beams of 100 GeV."""
        if self.boson is not Boson.VECTOR or self.beam.energy != BEAM_ENERGY:
            raise ValueError(
                f"{self.boson.text}s of {self.beam.text}: their spectrum is not in the table, "
                f"which has dark photons of {BEAM_ENERGY:g} GeV"
            )
        known = load_spectrum()
        fractions = np.append(
            self.threshold / BEAM_ENERGY, known.fraction[known.fraction > self.threshold / BEAM_ENERGY]
        )
        survival = np.array([known.above(mass, float(fraction)) for fraction in fractions])
        energy = BEAM_ENERGY * (fractions[1:] + fractions[:-1]) / 2
        return Made(energy, -np.diff(survival) / survival[0] * self.number(mass))


@dataclass(frozen=True, slots=True)
class Annihilated:
    """Bosons that positrons of shower and beam make on atomic electrons, and that decay to dark matter.

    Attributes
    ----------
    boson : Boson
    matter : Matter
    alpha_d, ratio : float
        Coupling of dark matter, and m_X / m_chi.
    beam : Beam
    threshold : float, GeV
        Least energy of the positron, all of which is missing.
    """

    boson: Boson
    matter: Matter
    alpha_d: float
    ratio: float
    beam: Beam
    threshold: float

    def of_beam(self, beam: Beam, threshold: float) -> Annihilated:
        """The same process with another beam and least energy in GeV."""
        return replace(self, beam=beam, threshold=threshold)

    def number(self, mass: float) -> float:
        """Particles per particle on target at coupling 1, for a mass in GeV."""
        resonance = Resonance(mass, self.alpha_d, self.ratio, self.matter, self.boson)
        return resonant_yield(resonance, threshold=self.threshold, beam=self.beam)

    def spectrum(self, mass: float) -> Made:
        """No spectrum: what is made this way is counted in searches for missing energy only."""
        raise ValueError(f"the energies of what annihilation makes are not known at {mass:g} GeV")


@dataclass(frozen=True, slots=True)
class Converted:
    """Axion-like particles that photons of the shower become on nuclei.

    Attributes
    ----------
    beam : Beam
    threshold : float, GeV
        Least energy of the photon, which is the particle's.
    """

    beam: Beam
    threshold: float

    def of_beam(self, beam: Beam, threshold: float) -> Converted:
        """The same process with another beam and least energy in GeV."""
        return replace(self, beam=beam, threshold=threshold)

    def number(self, mass: float) -> float:
        """Particles per particle on target at coupling 1, for a mass in GeV."""
        return float(self.spectrum(mass).number.sum())

    def spectrum(self, mass: float) -> Made:
        """The same by energy."""
        return Made(*_converted(mass, self.threshold, self.beam.energy))


@dataclass(frozen=True, slots=True)
class Paired:
    """Pairs of millicharged particles that virtual photons become.

    Attributes
    ----------
    particle : str
        Of the beam.
    energy, threshold : float, GeV
        Of the beam, and least energy of the pair.
    """

    particle: str
    energy: float
    threshold: float

    def of_beam(self, beam: Beam, threshold: float) -> Paired:
        """The same process with another beam and least energy in GeV."""
        return Paired(beam.particle, beam.energy, threshold)

    def number(self, mass: float) -> float:
        """Pairs per particle on target at charge 1, for a mass in GeV."""
        return pairs_per_particle(
            mass, threshold=self.threshold, particle=self.particle, beam_energy=self.energy
        )

    def spectrum(self, mass: float) -> Made:
        """No spectrum: pairs are counted in searches for missing energy only."""
        raise ValueError(f"the energies of millicharged pairs are not known at {mass:g} GeV")


@lru_cache(4096)
def _converted(mass: float, threshold: float, beam_energy: float) -> tuple[Floats, Floats]:
    return primakoff_spectrum(mass, threshold=threshold, beam_energy=beam_energy)


@lru_cache(4096)
def number_of(source: Source, mass: float) -> float:
    """Number of a source, computed once."""
    return source.number(mass)


@lru_cache(4096)
def spectrum_of(source: Source, mass: float) -> Made:
    """Spectrum of a source, computed once."""
    return source.spectrum(mass)
