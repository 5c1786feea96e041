"""How many dark photons a period makes: its beam, its threshold, and what it assumes of dark matter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from na64.outputs.limits.dark_matter import Resonant
from na64.outputs.signal.beam import ELECTRONS, Beam
from na64.outputs.signal.yields import yield_per_eot

Radiated = Callable[[float, float, Beam], float]
"""Dark photons per particle on target at eps = 1, of mass and threshold in GeV and the beam."""


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
    """

    beam: Beam = ELECTRONS
    threshold: float = 50.0
    resonant: Resonant | None = None
    by_radiation: Radiated = radiated

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
        return self.resonant.yield_per_particle(mass, self.threshold, self.beam) if self.resonant else 0.0

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
