"""What becomes of the particles of a search, as far as an event is counted: probabilities by energy."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from na64.outputs.signal.decays import decay_length, decays_between, to_photons
from na64.outputs.signal.inelastic import Inelastic, heavy_width

Floats = NDArray[np.float64]


class Fate(Protocol):
    """Probability that a particle is what a category counts."""

    @property
    def needs_energy(self) -> bool:
        """Whether it depends on the energy of the particle."""

    @property
    def is_missing_energy(self) -> bool:
        """Whether it is seen as missing energy, so that a stored result of such a selection counts it."""

    def probability(self, mass: float, couplings: Floats, energy: Floats) -> Floats:
        """Probability for each coupling and energy.

        Parameters
        ----------
        mass : float, GeV
        couplings : (n,) float64
        energy : (m,) float64, GeV

        Returns
        -------
        (n, m) float64
        """


@dataclass(frozen=True, slots=True)
class TwoPhotons:
    """An axion-like particle that decays to two photons between two places, mm from the shower."""

    first: float
    last: float

    @property
    def needs_energy(self) -> bool:
        """It does: of the length of flight."""
        return True

    @property
    def is_missing_energy(self) -> bool:
        """It is beyond everything only."""
        return math.isinf(self.last)

    def probability(self, mass: float, couplings: Floats, energy: Floats) -> Floats:
        """Probability for each coupling and energy."""
        widths = np.array([to_photons(mass, float(coupling)) for coupling in couplings])
        return decays_between(self.first, self.last, decay_length(widths[:, None], mass, energy))


@dataclass(frozen=True, slots=True)
class HeavyBeyond:
    """A heavier state of dark matter that decays beyond a place, mm from the shower, or not at all.

    Attributes
    ----------
    first : float, mm
    ratio, splitting, alpha_d : float
        As `Inelastic` has them.
    """

    first: float
    ratio: float
    splitting: float
    alpha_d: float

    @property
    def needs_energy(self) -> bool:
        """It does: of the length of flight."""
        return True

    @property
    def is_missing_energy(self) -> bool:
        """It is."""
        return True

    def probability(self, mass: float, couplings: Floats, energy: Floats) -> Floats:
        """Probability for each coupling and energy, averaged over the energy of the heavier state."""
        model = Inelastic(mass, self.ratio, self.splitting, self.alpha_d)
        energies, weights = model.heavy_energies(energy)
        widths = couplings**2 * _heavy_width(model)
        lengths = decay_length(widths[:, None, None], model.heavy, energies)
        result: Floats = decays_between(self.first, np.inf, lengths) @ weights
        return result


@dataclass(frozen=True, slots=True)
class Faint:
    """A charge so small that its ionisation passes the cuts on energy: nothing is counted from `most` on."""

    most: float

    @property
    def needs_energy(self) -> bool:
        """It does not."""
        return False

    @property
    def is_missing_energy(self) -> bool:
        """It is."""
        return True

    def probability(self, mass: float, couplings: Floats, energy: Floats) -> Floats:
        """One below `most`, else zero, whatever mass and energy."""
        del mass
        result: Floats = np.broadcast_to(
            (couplings < self.most)[:, None] * 1.0, (len(couplings), len(energy))
        )
        return result


@lru_cache(4096)
def _heavy_width(model: Inelastic) -> float:
    return heavy_width(model)
