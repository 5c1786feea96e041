"""What limits assume of the dark matter that a dark photon decays to."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from na64.outputs.signal.annihilation import Matter, Resonance, resonant_spectrum, resonant_yield
from na64.outputs.signal.beam import Beam

Floats = NDArray[np.float64]

ALPHAS = (0.1, 0.5)
"""Couplings alpha_D that y is given for."""

MASS_RATIO = 3.0
"""Mass of the dark photon over that of dark matter."""


@dataclass(frozen=True, slots=True)
class Resonant:
    """Dark photons that positrons of the shower make on atomic electrons, besides those that are radiated.

    Their number depends on what the dark photon decays to, which that of the radiated ones does not.

    Attributes
    ----------
    matter : Matter
    alpha_d : float
        Coupling to dark matter.
    """

    matter: Matter = Matter.DIRAC
    alpha_d: float = ALPHAS[0]

    def yield_per_eot(self, mass: float, threshold: float, beam: Beam) -> float:
        """Dark photons per particle on target at eps = 1.

        Parameters
        ----------
        mass : float
            GeV.
        threshold : float
            Least energy of the positron, all of which is missing, in GeV.
        beam : Beam
        """
        resonance = Resonance(mass, self.alpha_d, MASS_RATIO, self.matter)
        return resonant_yield(resonance, threshold=threshold, beam=beam)

    def spectrum(self, mass: float, threshold: float, beam: Beam) -> tuple[Floats, Floats]:
        """The same by missing energy: energies in GeV and numbers, two (n,) float64."""
        return _spectrum(Resonance(mass, self.alpha_d, MASS_RATIO, self.matter), threshold, beam)

    @property
    def label(self) -> str:
        """As a figure names it."""
        matter = self.matter.value.capitalize()
        return rf"with resonant annihilation ({matter}, $\alpha_D = {self.alpha_d:g}$)"

    @property
    def text(self) -> str:
        """What it assumes."""
        return (
            "resonant annihilation of positrons counts, of the shower and of a beam of them, for "
            f"{self.matter.value.capitalize()} dark matter with alpha_D = {self.alpha_d:g}"
        )


@lru_cache(4096)
def _spectrum(resonance: Resonance, threshold: float, beam: Beam) -> tuple[Floats, Floats]:
    return resonant_spectrum(resonance, threshold=threshold, beam=beam)


def y_of(eps: float, alpha: float, ratio: float = MASS_RATIO) -> float:
    """``eps^2 alpha_D (m_chi / m_A')^4``."""
    return eps**2 * alpha / ratio**4
