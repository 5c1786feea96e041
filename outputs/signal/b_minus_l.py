"""Decays of a gauge boson of B - L: neutrinos, leptons, and a pion with a photon.

It couples to electrons as a dark photon of eps = g / e does. Widths of leptons: 2101.12192; of hadrons only
the pion and photon by way of the omega (1404.4370, from memory), so masses end where more of them open.
"""

from __future__ import annotations

import math

from na64.outputs.signal.bosons import Boson
from na64.outputs.signal.decays import to_fermions
from na64.outputs.signal.matter import ALPHA, ELECTRON_MASS, MUON_MASS

HIGHEST = 0.6
"""GeV; above, decays to more hadrons are not here."""

_PION_MASS, _OMEGA_MASS, _OMEGA_WIDTH, _PION_DECAY = 0.1349768, 0.78266, 0.00868, 0.0922
"""GeV [PDG 2022]."""


def to_neutrinos(mass: float, coupling: float) -> float:
    """Width to three Dirac neutrinos, GeV: g^2 m / 4 pi."""
    return coupling**2 * mass / (4 * math.pi)


def to_leptons(mass: float, coupling: float) -> float:
    """Width to electrons and muons, GeV."""
    strength = coupling**2 / (4 * math.pi)
    return sum(to_fermions(Boson.VECTOR, mass, one, strength) for one in (ELECTRON_MASS, MUON_MASS))


def to_pion_and_photon(mass: float, coupling: float) -> float:
    """Width to a neutral pion and a photon, GeV; 0 below its threshold."""
    if mass <= _PION_MASS:
        return 0.0
    pole = abs(1 - (mass / _OMEGA_MASS) ** 2 - 1j * _OMEGA_WIDTH / _OMEGA_MASS)
    strength = ALPHA * coupling**2 / (4 * math.pi) / (96 * math.pi**3)
    return strength * mass**3 / _PION_DECAY**2 * (1 - (_PION_MASS / mass) ** 2) ** 3 / pole**2


def width(mass: float, coupling: float) -> float:
    """Width to everything, GeV.

    Raises
    ------
    ValueError
        A mass above `HIGHEST`.
    """
    if not 0 < mass <= HIGHEST:
        raise ValueError(f"a boson of B - L of {mass:g} GeV: its decays are known up to {HIGHEST:g} GeV")
    parts = (to_neutrinos, to_leptons, to_pion_and_photon)
    return math.fsum(part(mass, coupling) for part in parts)


def invisible_fraction(mass: float) -> float:
    """Fraction of decays to neutrinos, whatever the coupling; masses as of `width`."""
    return to_neutrinos(mass, 1.0) / width(mass, 1.0)
