"""Dark matter from thermal freeze-out through a dark photon: a check of the published targets.

Annihilation to electrons and muons, so for m_chi below the pion's mass, where hadrons begin. Cross-sections
by crossing from e+e- -> mu mu and e+e- -> phi phi; thermal average of Gondolo and Gelmini (1991). Fast pairs
make muons before pairs at rest could. Pairs that are fast enough meet the pole of the dark photon, so its
width cannot be left out: the average would have no limit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import kve

from na64.outputs.signal.annihilation import Matter, Resonance
from na64.outputs.signal.matter import ALPHA, ELECTRON_MASS, MUON_MASS, PION_MASS
from na64.outputs.signal.quadrature import composite

Floats = NDArray[np.float64]

RELIC_DENSITY = 0.12
"""Omega h^2 [PDG 2022]."""
_PLANCK_MASS = 1.220890e19
_DENSITY_OF_YIELD = 2.744e8
"""Omega h^2 for one particle of 1 GeV per unit of entropy, today [D: PDG 2022]."""
_GRID: Floats = np.geomspace(8.0, 4000.0, 8000)
_COARSE: Floats = np.geomspace(8.0, 4000.0, 200)
"""m / T: steps of the solution, which are right to 0.3 %, and where the average is computed."""


class Species(Enum):
    """Kinds of dark matter."""

    SCALAR = "complex scalar"
    MAJORANA = "Majorana"
    PSEUDO_DIRAC = "pseudo-Dirac"


@dataclass(frozen=True, slots=True)
class _Counting:
    """States, the part of all pairs that can annihilate, and the dark photon's decays.

    The width is `decays` times that of `matter`; for Majorana by detailed balance [D].
    """

    states: int
    pairs: float
    matter: Matter
    decays: float = 1.0


_COUNTING = {
    Species.SCALAR: _Counting(2, 0.5, Matter.SCALAR),
    Species.MAJORANA: _Counting(2, 1.0, Matter.SCALAR, 2.0),
    Species.PSEUDO_DIRAC: _Counting(4, 0.5, Matter.DIRAC),
}


@dataclass(frozen=True, slots=True)
class DarkMatter:
    """Dark matter of `mass` (GeV) with a dark photon `ratio` times as heavy, and its coupling."""

    species: Species
    mass: float
    alpha_d: float = 0.1
    ratio: float = 3.0

    def __post_init__(self) -> None:
        if not ELECTRON_MASS < self.mass < PION_MASS:
            raise ValueError(
                f"dark matter of {self.mass:g} GeV: expected to annihilate to electrons and muons only, "
                f"from {ELECTRON_MASS:.3g} to {PION_MASS:g} GeV"
            )
        if not self.ratio > 2:
            raise ValueError(f"m_A' is {self.ratio:g} m_chi: expected above 2")

    @property
    def width(self) -> float:
        """Width of the dark photon, GeV."""
        counting = _COUNTING[self.species]
        resonance = Resonance(self.ratio * self.mass, self.alpha_d, self.ratio, counting.matter)
        return counting.decays * resonance.width


def to_y(eps: float, *, alpha_d: float = 0.1, ratio: float = 3.0) -> float:
    """Y = eps^2 alpha_D (m_chi / m_A')^4."""
    return eps**2 * alpha_d / ratio**4


def annihilation_cross_section(matter: DarkMatter, s: Floats) -> Floats:
    """Cross-section of chi chi -> e+ e- and mu+ mu- at eps = 1 for s (n,) GeV^2: (n,) float64, GeV^-2."""
    beta = np.sqrt(1 - 4 * matter.mass**2 / s)
    shape = (3 - beta**2) / (2 * beta) if matter.species is Species.PSEUDO_DIRAC else beta
    leptons = _phase_space(ELECTRON_MASS, s) + _phase_space(MUON_MASS, s)
    pole = matter.ratio * matter.mass
    propagator = (s - pole**2) ** 2 + (pole * matter.width) ** 2
    coupling = 4 * math.pi * ALPHA * matter.alpha_d / 3
    result: Floats = coupling * s * shape * leptons / propagator
    return result


def _phase_space(mass: float, s: Floats) -> Floats:
    """Phase space of a pair of leptons relative to massless ones; 0 below their threshold."""
    ratio = mass**2 / s
    result: Floats = np.sqrt(np.maximum(1 - 4 * ratio, 0.0)) * (1 + 2 * ratio)
    return result


def thermal_average(matter: DarkMatter, x: Floats) -> Floats:
    """<sigma v> at eps = 1 at x = m / T, (n,): (n,) float64, GeV^-2."""
    nodes, weights = composite(np.linspace(0, 7, 113), 12)
    # sqrt(s) = 2 m + z^2 T: the Boltzmann factor is exp(-z^2).
    temperature = (matter.mass / x)[:, None]
    root = 2 * matter.mass + nodes**2 * temperature
    s = root**2
    bessel = kve(1, root / temperature) * np.exp(-(nodes**2))
    flux = annihilation_cross_section(matter, s) * (s - 4 * matter.mass**2) * root
    integral = (weights * 2 * nodes * temperature * 2 * root * flux * bessel).sum(axis=1)
    norm = 8 * matter.mass**4 * temperature[:, 0] * kve(2, x) ** 2
    result: Floats = integral / norm
    return result


def relic_density(matter: DarkMatter, eps: float) -> float:
    """Omega h^2 by solving the Boltzmann equation, by implicit steps in the logarithm of m / T."""
    x, step = _GRID, float(np.log(_GRID[1] / _GRID[0]))
    counting = _COUNTING[matter.species]
    entropy, expansion = _degrees(matter.mass / x)
    average = np.exp(np.interp(np.log(x), np.log(_COARSE), np.log(thermal_average(matter, _COARSE))))
    rate = counting.pairs * eps**2 * average * math.sqrt(math.pi / 45) * _PLANCK_MASS * matter.mass
    rate = step * rate * expansion / x
    equilibrium = 45 / (4 * math.pi**4) * counting.states * x**2 * kve(2, x) * np.exp(-x) / entropy
    source = rate * equilibrium**2
    found = float(equilibrium[0])
    for one_rate, one_source in zip(rate.tolist(), source.tolist(), strict=True):
        known = found + one_source
        found = 2 * known / (1 + math.sqrt(1 + 4 * one_rate * known))
    return _DENSITY_OF_YIELD * matter.mass * found


def thermal_target(matter: DarkMatter) -> float:
    """Y at which freeze-out leaves the dark matter that there is."""

    def excess(log_eps: float) -> float:
        return math.log(relic_density(matter, math.exp(log_eps)) / RELIC_DENSITY)

    eps = math.exp(brentq(excess, math.log(1e-7), math.log(1.0), rtol=1e-4))
    return to_y(eps, alpha_d=matter.alpha_d, ratio=matter.ratio)


def _degrees(temperature: Floats) -> tuple[Floats, Floats]:
    """Degrees of freedom of the entropy, and sqrt(g*) of the Boltzmann equation: photons, e+-, neutrinos."""
    pressure, energy = _electron_gas(ELECTRON_MASS / temperature)
    coupled = 2 + (3 * energy + pressure) / 4
    of_neutrinos = coupled / 5.5  # (T_nu / T)^3: they keep their entropy when e+ and e- annihilate
    entropy = coupled + 5.25 * of_neutrinos
    density = 2 + energy + 5.25 * of_neutrinos ** (4 / 3)
    slope = np.gradient(np.log(entropy), np.log(temperature))
    return entropy, entropy / np.sqrt(density) * (1 + slope / 3)


def _electron_gas(ratio: Floats) -> tuple[Floats, Floats]:
    """Pressure (times 3) and energy of electrons and positrons, in degrees of freedom of a boson."""
    nodes, weights = composite(np.linspace(0, 40, 21), 8)
    energy = np.hypot(nodes, ratio[:, None])
    number = weights * nodes**2 / (np.exp(np.minimum(energy, 700.0)) + 1)
    unit = 15 / math.pi**4 * 4
    return unit * (number * nodes**2 / energy).sum(axis=1), unit * (number * energy).sum(axis=1)
