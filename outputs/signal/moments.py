"""Anomalous magnetic moments: one loop of a new neutral boson, and the couplings that measurements ask for.

The boson X couples to a lepton l with strength g. With lambda = m_l / m_X the loop is

    Delta a = g^2 / (8 pi^2) lambda^2 int_0^1 dx N(x) / (1 - x + lambda^2 x^2)

(Leveille 1978); for a heavy boson it gives the limits that NA64 quotes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from na64.outputs.signal.bosons import Boson
from na64.outputs.signal.matter import ALPHA, ELECTRON_MASS, MUON_MASS
from na64.outputs.signal.quadrature import composite

Floats = NDArray[np.float64]


_NUMERATORS: dict[Boson, Callable[[Floats, float], Floats]] = {
    Boson.SCALAR: lambda x, _: x**2 * (2 - x),
    Boson.PSEUDOSCALAR: lambda x, _: -(x**3),
    Boson.VECTOR: lambda x, _: 2 * x**2 * (1 - x),
    Boson.AXIAL: lambda x, lambda2: 2 * x * (1 - x) * (x - 4) - 4 * lambda2 * x**3,
}


@dataclass(frozen=True, slots=True)
class Deviation:
    """Measured less expected anomalous moment of a lepton.

    Attributes
    ----------
    name : str
        For a legend; the two of the electron differ in the fine-structure constant and are never combined.
    lepton_mass : float, GeV
    value, error : float
    source : str
    """

    name: str
    lepton_mass: float
    value: float
    error: float
    source: str

    def window(self, n_sigma: float = 2.0) -> tuple[float, float]:
        """Lowest and the highest deviation allowed."""
        return self.value - n_sigma * self.error, self.value + n_sigma * self.error


ELECTRON_LKB = Deviation("electron, alpha of LKB (Rb)", ELECTRON_MASS, 4.8e-13, 3.0e-13, "[V: seed]")
ELECTRON_BERKELEY = Deviation(
    "electron, alpha of Berkeley (Cs)", ELECTRON_MASS, -8.8e-13, 3.6e-13, "[V: seed]"
)
MUON_2021 = Deviation("muon, 2021", MUON_MASS, 251e-11, 59e-11, "[V: 2104.03281 (abs)]")


@dataclass(frozen=True, slots=True)
class CouplingRange:
    """Couplings g / e that explain a deviation, from `low` to `high`; `low` is 0 if none is needed."""

    low: float
    high: float


def one_loop(boson: Boson, mass: float, lepton_mass: float) -> float:
    """Delta a at g = 1 for a boson of `mass`, GeV."""
    lambda2 = (lepton_mass / mass) ** 2
    # The denominator is small next to x = 1 for heavy bosons, next to 0 for light ones.
    logarithm, weights = composite(np.linspace(math.log(1e-12), math.log(0.5), 25), 12)
    near, weights = np.exp(logarithm), weights * np.exp(logarithm)
    integral = 0.0
    for x, one_minus_x in ((near, 1 - near), (1 - near, near)):
        integrand = _NUMERATORS[boson](x, lambda2) / (one_minus_x + lambda2 * x**2)
        integral += float(np.sum(weights * integrand))
    return lambda2 / (8 * math.pi**2) * integral


def band(boson: Boson, mass: float, deviation: Deviation, *, n_sigma: float = 2.0) -> CouplingRange | None:
    """Couplings g / e whose loop is in the window of a deviation.

    Returns
    -------
    CouplingRange or None
        None if the window excludes every coupling: the boson contributes with the wrong sign.
    """
    unit = one_loop(boson, mass, deviation.lepton_mass) * 4 * math.pi * ALPHA
    edges = sorted(edge / unit for edge in deviation.window(n_sigma))
    if edges[1] < 0:
        return None
    return CouplingRange(math.sqrt(max(edges[0], 0.0)), math.sqrt(edges[1]))
