"""What a beam consists of, as far as the yield of dark photons depends on it."""

from __future__ import annotations

from dataclasses import dataclass

PARTICLES = ("e-", "e+")
"""Those that a yield is known for."""

LOWEST, HIGHEST = 20.0, 200.0
"""GeV: beam energies that a yield is known for."""


@dataclass(frozen=True, slots=True)
class Beam:
    """A beam of electrons or positrons.

    Attributes
    ----------
    particle : str
        One of `PARTICLES`.
    energy : float
        GeV.
    """

    particle: str = "e-"
    energy: float = 100.0

    def __post_init__(self) -> None:
        if self.particle not in PARTICLES or not LOWEST <= self.energy <= HIGHEST:
            raise ValueError(
                f"no yield of dark photons is known for a beam of {self.particle} of {self.energy:g} GeV: "
                f"expected {' or '.join(PARTICLES)} of {LOWEST:g} to {HIGHEST:g} GeV"
            )

    @property
    def name(self) -> str:
        """Name of its particles."""
        return "electrons" if self.particle == "e-" else "positrons"

    @property
    def text(self) -> str:
        """As ``e- of 100 GeV``."""
        return f"{self.particle} of {self.energy:g} GeV"


@dataclass(frozen=True, slots=True)
class CrossingBeam(Beam):
    """A beam of muons or hadrons, of which nothing is known here but what crosses a target makes."""

    def __post_init__(self) -> None:
        if self.particle in PARTICLES or not self.energy > 0:
            raise ValueError(f"{self.particle} of {self.energy:g} GeV do not cross a target")

    @property
    def name(self) -> str:
        """Name of its particles."""
        return self.particle


ELECTRONS = Beam()
"""Electrons of 100 GeV: the beam of most of the periods."""
