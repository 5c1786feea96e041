"""How many dark photons a period makes: its beam, its threshold, and what it assumes of dark matter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from na64.outputs.limits.dark_matter import Resonant
from na64.outputs.signal.beam import ELECTRONS, Beam
from na64.outputs.signal.yields import yield_per_eot

Floats = NDArray[np.float64]

Radiated = Callable[[float, float, Beam], float]
"""Dark photons per particle on target at eps = 1, of mass and threshold in GeV and the beam."""


class ByAnnihilation(Protocol):
    """Dark photons that positrons make on atomic electrons, per particle on target at eps = 1."""

    def yield_per_eot(self, mass: float, threshold: float, beam: Beam) -> float:
        """Those with more than the threshold missing, GeV."""

    def spectrum(self, mass: float, threshold: float, beam: Beam) -> tuple[Floats, Floats]:
        """The same by missing energy: energies in GeV and numbers, two (n,) float64."""


def radiated(mass: float, threshold: float, beam: Beam) -> float:
    """Dark photons that are radiated in the shower: as many by a positron as by an electron."""
    return yield_per_eot(mass, threshold=threshold, beam_energy=beam.energy)


@dataclass(frozen=True, slots=True)
class Production:
    """Dark photons that count, of the beam of a period.

    Attributes
    ----------
    beam : Beam
    threshold : float
        GeV of missing energy.
    resonant : Resonant or None
        Those that positrons make on atomic electrons are added.
    by_radiation : callable
        `radiated`, or something else.
    by_annihilation : ByAnnihilation or None
        In place of `resonant`, of a search card.
    """

    beam: Beam = ELECTRONS
    threshold: float = 50.0
    resonant: Resonant | None = None
    by_radiation: Radiated = radiated
    by_annihilation: ByAnnihilation | None = None

    def __post_init__(self) -> None:
        if not 0.2 * self.beam.energy <= self.threshold < self.beam.energy:
            raise ValueError(
                f"missing energy above {self.threshold:g} GeV with {self.beam.text}: "
                f"expected {0.2 * self.beam.energy:g} to {self.beam.energy:g} GeV"
            )

    def radiated(self, mass: float) -> float:
        """Dark photons per particle on target that are radiated, at eps = 1, for a mass in GeV."""
        return self.by_radiation(mass, self.threshold, self.beam)

    def annihilated(self, mass: float) -> float:
        """Those that positrons make."""
        made = self.annihilation
        return made.yield_per_eot(mass, self.threshold, self.beam) if made else 0.0

    @property
    def annihilation(self) -> ByAnnihilation | None:
        """What positrons make, if it counts."""
        return self.by_annihilation or self.resonant

    @property
    def text(self) -> str:
        """As ``e- of 100 GeV, more than 50 GeV missing``."""
        return f"{self.beam.text}, more than {self.threshold:g} GeV missing"


BY_ELECTRONS = Production()
"""Production by electrons of 100 GeV, more than 50 GeV missing."""


def by_production(periods: Sequence[tuple[str, Production]]) -> dict[str, list[str]]:
    """Names of periods by beam and threshold."""
    found: dict[str, list[str]] = {}
    for name, production in periods:
        found.setdefault(production.text, []).append(name)
    return found
