"""Neutral mesons that pions and kaons of a beam become on nuclei, by exchange of their charge.

The parametrisation is that of V. Lyubovitskij in Geant4 (`G4ChargeExchangeXS`); its constants changed between
releases, and those of `charge_exchange.csv` are the newest that were read.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from na64.outputs.signal.matter import AVOGADRO, PION_MASS, Nucleus

Floats = NDArray[np.float64]

_MICROBARN_IN_CM2 = 1e-30
_PROTON_MASS = 0.93827209
KAON_MASS = 0.497611
"""Of K_S and K_L, GeV [PDG 2022]."""
_SHADOWING = 0.0036
_KAON_SIZE, _KAON_SLOPE = 56.3, 1.60


@dataclass(frozen=True, slots=True)
class Meson:
    """A meson that pions become, with the constants of its cross-section.

    Attributes
    ----------
    name : str
    mass : float, GeV
    size, slope : float
    c, g : (float, float)
        At s = 10 GeV^2, and what each logarithm of s adds.
    """

    name: str
    mass: float
    size: float
    slope: float
    c: tuple[float, float]
    g: tuple[float, float]

    def shape(self, momentum: float) -> tuple[float, float]:
        """Constants c and g of the momentum transfer, (1 + g c |t|) exp(-c |t|), 1/GeV^2 and 1."""
        logarithm = math.log(squared_energy(momentum) / 10)
        return self.c[0] + self.c[1] * logarithm, self.g[0] + self.g[1] * logarithm


def squared_energy(momentum: float) -> float:
    """Squared energy s of a pion and a nucleon at rest, GeV^2; momentum in GeV."""
    energy = math.hypot(momentum, PION_MASS)
    return PION_MASS**2 + _PROTON_MASS**2 + 2 * energy * _PROTON_MASS


@cache
def mesons() -> Mapping[str, Meson]:
    """Mesons that pions become, by name."""
    text = (files(__package__) / "charge_exchange.csv").read_text(encoding="utf-8")
    _, *rows = [line.split(",") for line in text.splitlines() if not line.startswith("#")]
    found = {}
    for name, *texts in rows:
        mass, size, slope, c0, c1, g0, g1 = map(float, texts)
        found[name] = Meson(name, mass, size, slope, (c0, c1), (g0, g1))
    return found


def by_pions(meson: Meson, nucleus: Nucleus, momentum: float) -> float:
    """Cross-section of pi- to become a meson on a nucleus, microbarn; momentum in GeV."""
    c, g = meson.shape(momentum)
    energy = meson.size * (squared_energy(momentum) / 10) ** -meson.slope
    number = nucleus.mass_number
    shadowing = number ** (-3 * _SHADOWING * math.log(number)) if number > 1.5 else 1.0
    return float(nucleus.charge ** (2 / 3) * energy * shadowing * (1 + g) / c)


def by_kaons(nucleus: Nucleus, momentum: float) -> float:
    """Cross-section of K- to become a neutral kaon on a nucleus, microbarn; half are K_S, half K_L."""
    return float(_KAON_SIZE * nucleus.charge ** (2 / 3) * (momentum / 10) ** -_KAON_SLOPE)


def transfers(meson: Meson, t: Floats, momentum: float) -> Floats:
    """Density of the squared momentum transfer |t| (n,) GeV^2, 1/GeV^2; its integral is 1."""
    c, g = meson.shape(momentum)
    result: Floats = c * (1 + g * c * t) * np.exp(-c * t) / (1 + g)
    return result


@dataclass(frozen=True, slots=True)
class Layers:
    """A target of several nuclei that a beam crosses while it is absorbed.

    Attributes
    ----------
    nuclei : tuple of Nucleus
    areal_densities : tuple of float, g/cm2
    interaction_lengths : float
        Of the whole target: what is left of the beam falls exponentially, evenly along all nuclei.
    """

    nuclei: tuple[Nucleus, ...]
    areal_densities: tuple[float, ...]
    interaction_lengths: float

    def __post_init__(self) -> None:
        if len(self.nuclei) != len(self.areal_densities) or not self.nuclei:
            raise ValueError(
                f"{len(self.nuclei)} nuclei and {len(self.areal_densities)} areal densities: expected as many"
            )
        if not (min(self.areal_densities) > 0 and self.interaction_lengths > 0):
            raise ValueError("areal densities and interaction lengths of a target: expected above 0")

    def per_particle(self, cross_sections: Sequence[float]) -> float:
        """Reactions per particle of the beam, of cross-sections of each nucleus in microbarn."""
        flux = -math.expm1(-self.interaction_lengths) / self.interaction_lengths
        return flux * sum(
            AVOGADRO / nucleus.mass_number * density * cross_section * _MICROBARN_IN_CM2
            for nucleus, density, cross_section in zip(
                self.nuclei, self.areal_densities, cross_sections, strict=True
            )
        )


def mesons_per_particle(mass: float, particle: str, momentum: float, target: Layers) -> float:
    """Mesons of a mass per pion or kaon of a beam.

    Parameters
    ----------
    mass : float, GeV
        Of one of `mesons`, or `KAON_MASS` for K_S, of which there are as many as K_L.
    particle : str
        ``pi-`` or ``K-``.
    momentum : float, GeV
    target : Layers

    Raises
    ------
    ValueError
        No meson of that mass is made.
    """
    if particle == "K-" and math.isclose(mass, KAON_MASS, rel_tol=1e-3):
        return target.per_particle([by_kaons(nucleus, momentum) / 2 for nucleus in target.nuclei])
    for meson in mesons().values():
        if particle == "pi-" and math.isclose(mass, meson.mass, rel_tol=1e-3):
            return target.per_particle([by_pions(meson, nucleus, momentum) for nucleus in target.nuclei])
    raise ValueError(f"{particle} of {momentum:g} GeV: no meson of {mass:g} GeV is made of them")
