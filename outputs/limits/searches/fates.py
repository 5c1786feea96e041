"""What becomes of the particles of a search, as far as an event is counted: probabilities by energy."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from na64.outputs.signal import b_minus_l
from na64.outputs.signal.bosons import Boson
from na64.outputs.signal.decays import decay_length, decays_between, to_fermions, to_photons
from na64.outputs.signal.matter import ALPHA, ELECTRON_MASS
from na64.outputs.signal.muons import invisible_fraction

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Stretch:
    """Where along the beam a decay is counted, mm from the front of the target.

    Attributes
    ----------
    first, last : float, mm
        The last one is infinite for everything beyond the first.
    radiation_length : float, mm
        Of the target, by which particles are made deeper than its front; 0 where they are all made there.
    """

    first: float
    last: float = math.inf
    radiation_length: float = 0.0

    def decays(self, length: Floats, depth: Floats) -> Floats:
        """Probability to decay there.

        Parameters
        ----------
        length : (..., m) float64, mm
            Mean length of flight.
        depth : (m,) float64
            Radiation lengths in front of where the particle is made; within the stretch it begins at once.
        """
        made = self.radiation_length * depth
        return decays_between(
            np.maximum(self.first - made, 0.0), self.last - np.minimum(made, self.first), length
        )


class Fate(Protocol):
    """Probability that a particle is what a category counts."""

    @property
    def stretch(self) -> Stretch | None:
        """Where it decays; None if it does not matter."""

    @property
    def needs_energy(self) -> bool:
        """Whether it depends on the energy of the particle."""

    @property
    def is_power(self) -> bool:
        """Whether it does not depend on the coupling."""

    @property
    def is_missing_energy(self) -> bool:
        """Whether it is seen as missing energy, so that a stored result of such a selection counts it."""

    def probability(self, mass: float, couplings: Floats, energy: Floats, depth: Floats) -> Floats:
        """Probability for each coupling and particle.

        Parameters
        ----------
        mass : float, GeV
        couplings : (n,) float64
        energy : (m,) float64, GeV
        depth : (m,) float64
            Radiation lengths in front of where it is made.

        Returns
        -------
        (n, m) float64
        """


@dataclass(frozen=True, slots=True)
class TwoPhotons:
    """An axion-like particle that decays to two photons somewhere."""

    stretch: Stretch
    needs_energy = True
    is_power = False

    @property
    def is_missing_energy(self) -> bool:
        """It is beyond everything only."""
        return math.isinf(self.stretch.last)

    def probability(self, mass: float, couplings: Floats, energy: Floats, depth: Floats) -> Floats:
        """Probability for each coupling and particle."""
        widths = np.array([to_photons(mass, float(coupling)) for coupling in couplings])
        return self.stretch.decays(decay_length(widths[:, None], mass, energy), depth)


@dataclass(frozen=True, slots=True)
class ElectronPair:
    """A boson that decays to an electron and a positron somewhere, and to nothing else.

    Attributes
    ----------
    stretch : Stretch
    boson : Boson
    """

    stretch: Stretch
    boson: Boson
    needs_energy = True
    is_power = False

    @property
    def is_missing_energy(self) -> bool:
        """It is beyond everything only."""
        return math.isinf(self.stretch.last)

    def probability(self, mass: float, couplings: Floats, energy: Floats, depth: Floats) -> Floats:
        """Probability for each coupling and particle."""
        widths = couplings**2 * to_fermions(self.boson, mass, ELECTRON_MASS, ALPHA)
        return self.stretch.decays(decay_length(widths[:, None], mass, energy), depth)


@dataclass(frozen=True, slots=True)
class Faint:
    """A charge so small that its ionisation passes the cuts on energy: nothing is counted from `most` on."""

    most: float
    stretch = None
    needs_energy = False
    is_power = False
    is_missing_energy = True

    def probability(self, mass: float, couplings: Floats, energy: Floats, depth: Floats) -> Floats:
        """One below `most`, else zero, whatever the particle."""
        del mass, depth
        result: Floats = np.broadcast_to(
            (couplings < self.most)[:, None] * 1.0, (len(couplings), len(energy))
        )
        return result


@dataclass(frozen=True, slots=True)
class Neutrinos:
    """A Z' of L_mu - L_tau that decays to neutrinos, and not to muons."""

    stretch = None
    needs_energy = False
    is_power = True
    is_missing_energy = True

    def probability(self, mass: float, couplings: Floats, energy: Floats, depth: Floats) -> Floats:
        """Fraction of its decays, whatever coupling and energy."""
        del depth
        return np.full((len(couplings), len(energy)), invisible_fraction(mass))


@dataclass(frozen=True, slots=True)
class NeutrinosOrBeyond:
    """A gauge boson of B - L that decays to neutrinos, or to anything beyond a place."""

    stretch: Stretch
    needs_energy = True
    is_power = False
    is_missing_energy = True

    def probability(self, mass: float, couplings: Floats, energy: Floats, depth: Floats) -> Floats:
        """Probability for each coupling, which is g over the electric charge, and particle."""
        widths = 4 * math.pi * ALPHA * couplings**2 * b_minus_l.width(mass, 1.0)
        beyond = self.stretch.decays(decay_length(widths[:, None], mass, energy), depth)
        unseen = b_minus_l.invisible_fraction(mass)
        result: Floats = unseen + (1 - unseen) * beyond
        return result


@dataclass(frozen=True, slots=True)
class Branching:
    """A meson that decays to nothing that is seen: the coupling is the branching ratio.

    Attributes
    ----------
    ctau : float, mm
        Mean life times the speed of light; 0 for a meson that decays where it is made.
    interaction_length : float, mm
        Within which a meson that lives longer interacts: it is seen then, and decays no more.
    """

    ctau: float = 0.0
    interaction_length: float = math.inf
    stretch = None
    is_power = False
    is_missing_energy = False

    @property
    def needs_energy(self) -> bool:
        """Whether the meson flies."""
        return self.ctau > 0

    def probability(self, mass: float, couplings: Floats, energy: Floats, depth: Floats) -> Floats:
        """Branching ratio, of mesons that decay before they interact."""
        del depth
        result: Floats = couplings[:, None] * self.decays(mass, energy)
        return result

    def decays(self, mass: float, energy: Floats) -> Floats:
        """Share that decays before it interacts, of mesons of an energy: (m,) float64."""
        if not self.needs_energy:
            return np.ones(len(energy))
        flight = np.sqrt(np.maximum(energy**2 - mass**2, 0.0)) / mass * self.ctau
        result: Floats = 1 / (1 + flight / self.interaction_length)
        return result
