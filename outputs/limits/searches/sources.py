"""Where the particles of a search come from: numbers per particle on target at coupling 1."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from na64.datasets.synthetic.dark_photon import BEAM_ENERGIES, load_spectrum
from na64.outputs.signal.annihilation import UNCORRECTED, Matter, Resonance, resonant_spectrum
from na64.outputs.signal.beam import Beam
from na64.outputs.signal.bosons import Boson
from na64.outputs.signal.curves import ParameterPlane
from na64.outputs.signal.depth import photon_depths, radiation_depths
from na64.outputs.signal.millicharged import pairs_per_particle
from na64.outputs.signal.primakoff import primakoff_spectrum
from na64.outputs.signal.resonance_corrections import Corrections
from na64.outputs.signal.spectra import Setting, spectrum_per_particle
from na64.outputs.signal.yields import yield_per_particle

Floats = NDArray[np.float64]

_BINS = 400
"""Of the energy that annihilation takes."""


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """Particles by energy.

    Attributes
    ----------
    energy : (n,) float64, GeV
    number : (n,) float64
        Per particle on target at coupling 1.
    depth : (n,) float64 or None
        Radiation lengths of the target in front of where they are made; None where it is not asked for.
    """

    energy: Floats
    number: Floats
    depth: Floats | None = None


class Source(Protocol):
    """A process that makes particles, in proportion to a power of the coupling."""

    def __hash__(self) -> int:
        """The numbers of a source are kept."""

    @property
    def power(self) -> int:
        """Power of the coupling: 2, or 0 for mesons, which are made without any."""

    @property
    def plane(self) -> ParameterPlane:
        """What the coupling is: events of different kinds do not add up."""

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
        """The same process with another beam and least energy in GeV.

        Raises
        ------
        ValueError
            It is a process of other beams.
        """


@dataclass(frozen=True, slots=True)
class Radiated:
    """Bosons that electrons and positrons of the shower radiate off nuclei.

    Attributes
    ----------
    boson : Boson
    beam : Beam
    threshold : float, GeV
        Least energy of the boson.
    target : str
        Symbol of the nucleus.
    """

    boson: Boson
    beam: Beam
    threshold: float
    target: str = "Pb"
    power = 2
    plane = ParameterPlane.MIXING

    def of_beam(self, beam: Beam, threshold: float) -> Radiated:
        """The same process with another beam and least energy in GeV."""
        return replace(self, beam=beam, threshold=threshold)

    def number(self, mass: float) -> float:
        """Particles per particle on target at coupling 1, for a mass in GeV."""
        if self.target != "Pb":
            return float(self.spectrum(mass).number.sum())
        return yield_per_particle(
            mass, threshold=self.threshold, beam_energy=self.beam.energy, boson=self.boson
        )

    def spectrum(self, mass: float) -> Made:
        """The same by energy, of the targets, beams and bosons that there are tables of."""
        if self.target != "Pb" or self.boson is not Boson.VECTOR:
            setting = Setting(self.boson, self.target, self.beam.energy)
            return Made(*spectrum_per_particle(mass, setting, self.threshold))
        if self.beam.energy not in BEAM_ENERGIES:
            tables = " and ".join(f"{energy:g} GeV" for energy in BEAM_ENERGIES)
            raise ValueError(
                f"dark photons of {self.beam.text}: their spectrum is in no table, which are of {tables}"
            )
        known, least = load_spectrum(self.beam.energy), self.threshold / self.beam.energy
        fractions = np.append(least, known.fraction[known.fraction > least])
        survival = np.array([known.above(mass, float(fraction)) for fraction in fractions])
        energy = self.beam.energy * (fractions[1:] + fractions[:-1]) / 2
        return Made(energy, -np.diff(survival) / survival[0] * self.number(mass))

    def depths(self, mass: float, energy: Floats) -> tuple[Floats, Floats]:
        """Depths at which particles of each energy are made, and weights."""
        return radiation_depths(mass, energy, self.beam.energy)


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
        Least energy that is missing: that of the positron.
    corrections : Corrections
    """

    boson: Boson
    matter: Matter
    alpha_d: float
    ratio: float
    beam: Beam
    threshold: float
    corrections: Corrections = UNCORRECTED
    power = 2
    plane = ParameterPlane.MIXING

    def of_beam(self, beam: Beam, threshold: float) -> Annihilated:
        """The same process with another beam and least energy in GeV."""
        return replace(self, beam=beam, threshold=threshold)

    def number(self, mass: float) -> float:
        """Particles per particle on target at coupling 1, for a mass in GeV."""
        return float(self._points(mass)[1].sum())

    def spectrum(self, mass: float) -> Made:
        """The same by the energy that is missing, in bins."""
        energy, number = self._points(mass)
        edges = np.linspace(self.threshold, self.beam.energy, _BINS + 1)
        inside = np.clip(np.searchsorted(edges, energy, side="right") - 1, 0, _BINS - 1)
        made, mean = (np.bincount(inside, one, _BINS).astype(np.float64) for one in (number, number * energy))
        kept = made > 0
        return Made(mean[kept] / made[kept], made[kept])

    def _points(self, mass: float) -> tuple[Floats, Floats]:
        resonance = Resonance(mass, self.alpha_d, self.ratio, self.matter, self.boson)
        return resonant_spectrum(
            resonance, threshold=self.threshold, beam=self.beam, corrections=self.corrections
        )


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
    power = 2
    plane = ParameterPlane.PHOTONS

    def of_beam(self, beam: Beam, threshold: float) -> Converted:
        """The same process with another beam and least energy in GeV."""
        return replace(self, beam=beam, threshold=threshold)

    def number(self, mass: float) -> float:
        """Particles per particle on target at coupling 1, for a mass in GeV."""
        return float(self.spectrum(mass).number.sum())

    def spectrum(self, mass: float) -> Made:
        """The same by energy."""
        return Made(*_converted(mass, self.threshold, self.beam.energy))

    def depths(self, mass: float, energy: Floats) -> tuple[Floats, Floats]:
        """Depths at which particles of each energy are made, and weights."""
        del mass
        return photon_depths(energy, self.beam.energy)


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
    power = 2
    plane = ParameterPlane.CHARGE

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


@lru_cache(4096)
def deep_spectrum_of(source: Source, mass: float) -> Made:
    """Spectrum of a source by energy and depth, computed once: one point for each of both.

    Raises
    ------
    ValueError
        It is not known how deep that process is.
    """
    if not isinstance(source, Radiated | Converted):
        raise ValueError(
            f"how deep in the target a particle of {mass:g} GeV is made is not known of its source"
        )
    found = spectrum_of(source, mass)
    depth, weights = source.depths(mass, found.energy)
    number = found.number[:, None] * weights
    return Made(np.repeat(found.energy, len(depth)), number.ravel(), np.tile(depth, len(found.energy)))
