"""Widths of bosons by what they decay to, and where along their flight they decay.

Widths of a boson that couples to a fermion with a strength alpha_f, that of the electric charge being alpha.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from na64.outputs.signal.bosons import Boson

Floats = NDArray[np.float64]

HBAR_C = 1.973269804e-13
"""GeV mm [PDG 2022]."""


def to_fermions(boson: Boson, mass: float, fermion_mass: float, strength: float) -> float:
    """Width of the decay to a pair of Dirac fermions, GeV; 0 below its threshold.

    Parameters
    ----------
    boson : Boson
    mass, fermion_mass : float, GeV
    strength : float
        alpha_f: alpha eps^2 for electrons, alpha_D for dark matter. V, P: 2101.12192; A, S: derived here.
    """
    r2 = (fermion_mass / mass) ** 2
    if r2 >= 0.25:
        return 0.0
    speed = math.sqrt(1 - 4 * r2)
    if boson is Boson.VECTOR:
        return strength * mass / 3 * speed * (1 + 2 * r2)
    if boson is Boson.AXIAL:
        return strength * mass / 3 * speed**3
    return strength * mass / 2 * (speed if boson is Boson.PSEUDOSCALAR else speed**3)


def to_scalars(mass: float, scalar_mass: float, strength: float) -> float:
    """Width of the decay of a vector to a pair of complex scalars, GeV (2101.12192)."""
    r2 = (scalar_mass / mass) ** 2
    return strength * mass / 12 * math.pow(1 - 4 * r2, 1.5) if r2 < 0.25 else 0.0


def to_photons(mass: float, coupling: float) -> float:
    """Width of the decay of an axion-like particle to two photons, GeV (2101.12192).

    Parameters
    ----------
    mass : float, GeV
    coupling : float, 1/GeV
    """
    return coupling**2 * mass**3 / (64 * math.pi)


def decay_length(width: ArrayLike, mass: float, energy: ArrayLike) -> Floats:
    """Mean length of flight, mm; infinite without a width.

    Parameters
    ----------
    width : array of float64, GeV
    mass : float, GeV
    energy : array of float64, GeV
    """
    momentum = np.sqrt(np.maximum(np.asarray(energy, dtype=np.float64) ** 2 - mass**2, 0.0))
    with np.errstate(divide="ignore"):
        result: Floats = momentum / mass * HBAR_C / np.asarray(width, dtype=np.float64)
    return result


def decays_between(first: ArrayLike, last: ArrayLike, length: ArrayLike) -> Floats:
    """Probability to decay between two places; of the second infinite, beyond the first.

    Parameters
    ----------
    first, last : array of float64, mm
        From where the particle is made.
    length : array of float64, mm
        Mean length of flight; infinite for a particle that does not decay, which is then beyond everything.
    """
    start, stop = np.asarray(first, dtype=np.float64), np.asarray(last, dtype=np.float64)
    if not np.all((start >= 0) & (start < stop)):
        raise ValueError(
            f"a decay from {np.min(start):g} to {np.min(stop):g} mm: expected the second above the first"
        )
    with np.errstate(divide="ignore"):
        per_length = 1 / np.asarray(length, dtype=np.float64)
    finite = np.where(np.isinf(stop), 0.0, stop)
    within = np.where(np.isinf(stop), np.inf, (finite - start) * per_length)
    result: Floats = np.exp(-start * per_length) * -np.expm1(-within)
    return result
