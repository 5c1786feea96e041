"""What changes the energy of a resonance of a positron with an atomic electron: its motion, and radiation.

Each is a list of scales: the cross-section is that at `scale` times the energy of the positron, of which the
part `missing` is missing, with a weight.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from na64.outputs.signal.matter import ALPHA, ELECTRON_MASS
from na64.outputs.signal.quadrature import composite

Floats = NDArray[np.float64]

_NARROW = 0.01
"""Part of the electron's mass: momentum of outer electrons."""
_PLACES: Floats = np.linspace(-math.asinh(90), math.asinh(150), 17)
_LEFT: Floats = np.array([1.0, 0.99, 0.93, 0.85, 0.75, 0.65, 0.55, 0.45, 0.35, 0.25, 0.15, 0.1])
"""Parts of the squared energy between which radiation is integrated, evenly in the power that is flat."""
_SLOWEST = 0.1
"""An electron that recedes still faster meets no positron of enough energy."""


@dataclass(frozen=True, slots=True)
class Corrections:
    """Which of the two are made.

    Attributes
    ----------
    motion : bool
        Of atomic electrons.
    radiation : bool
        Of photons before the annihilation.
    """

    motion: bool = False
    radiation: bool = False


@dataclass(frozen=True, slots=True)
class Scales:
    """Scales of the energy: (n,) float64 each.

    Attributes
    ----------
    scale, missing, weight : (n,) float64
    """

    scale: Floats
    missing: Floats
    weight: Floats


_NONE = Scales(np.ones(1), np.ones(1), np.ones(1))


def scales_of(corrections: Corrections, mass: float) -> Scales:
    """Both effects together, for a resonance of a mass in GeV.

    An electron that comes towards the positron meets it more often: the rate has the relative velocity
    1 + p_z / m_e, which is the scale of its motion.
    """
    moved = motion() if corrections.motion else _NONE
    radiated = radiation(mass) if corrections.radiation else _NONE
    return Scales(
        np.outer(moved.scale, radiated.scale).ravel(),
        np.outer(moved.missing, radiated.missing).ravel(),
        np.outer(moved.weight * moved.scale, radiated.weight).ravel(),
    )


@cache
def motion() -> Scales:
    """Motion of the electrons of lead along the beam: s = 2 m_e E (1 + p_z / m_e), normal in each shell."""
    electrons, charge, number = _shells()
    spread = ALPHA * charge / number / math.sqrt(3)
    # Evenly in the inverse hyperbolic sine: outer shells are a hundred times narrower than inner ones.
    place, weights = composite(_PLACES, 8)
    momentum = _NARROW * np.sinh(place)
    density = np.exp(-((momentum / spread[:, None]) ** 2) / 2) / spread[:, None] / math.sqrt(2 * math.pi)
    weight = (electrons / electrons.sum()) @ density * weights * _NARROW * np.cosh(place)
    kept = 1 + momentum > _SLOWEST
    return Scales(1 + momentum[kept], np.ones(int(kept.sum())), weight[kept])


def radiation(mass: float) -> Scales:
    """Radiation before the annihilation at the squared energy mass^2, GeV.

    A part z of the squared energy is left, with the density beta (1 - z)^(beta - 1) (1 + z^2) / 2, where
    beta = 2 alpha / pi (ln(mass^2 / m_e^2) - 1), times 1 + 3 beta / 4 for soft and virtual photons. One in
    two photons goes along the positron: it showers, and is not missing.
    """
    beta = 2 * ALPHA / math.pi * (2 * math.log(mass / ELECTRON_MASS) - 1)
    v, weights = composite((1 - _LEFT) ** beta, 4)
    z = 1 - v ** (1 / beta)
    weight = (1 + 0.75 * beta) * weights * (1 + z**2) / 2
    return Scales(np.tile(z, 2), np.append(z, np.ones(len(z))), np.tile(weight / 2, 2))


def _shells() -> tuple[Floats, Floats, Floats]:
    """Electrons, effective charge and principal quantum number of each shell: (n,) float64."""
    text = (files(__package__) / "lead_shells.csv").read_text(encoding="utf-8")
    _, *rows = [line.split(",")[1:] for line in text.splitlines() if not line.startswith("#")]
    electrons, charge, number = np.array(rows, dtype=np.float64).T
    return electrons, charge, number
