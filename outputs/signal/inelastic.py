"""Inelastic dark matter, A' -> chi1 chi2 with chi2 -> chi1 e+ e-: semi-visible."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from na64.outputs.signal.bosons import Boson
from na64.outputs.signal.decays import to_fermions
from na64.outputs.signal.matter import ALPHA, ELECTRON_MASS
from na64.outputs.signal.quadrature import composite

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Inelastic:
    """Two states of dark matter that a dark photon couples to each other only.

    Attributes
    ----------
    mass : float, GeV
        Of the dark photon.
    ratio : float
        m_A' / m_chi1.
    splitting : float
        f = (m_chi2 - m_chi1) / m_chi1.
    alpha_d : float
        Coupling to dark matter.
    """

    mass: float
    ratio: float = 3.0
    splitting: float = 0.4
    alpha_d: float = 0.1

    def __post_init__(self) -> None:
        for name in ("mass", "ratio", "alpha_d"):
            if not getattr(self, name) > 0:
                raise ValueError(
                    f"inelastic dark matter: {name} is {getattr(self, name):g}, expected above 0"
                )
        if not 0 <= self.splitting < self.ratio - 2:
            raise ValueError(
                f"m_A' is {self.ratio:g} m_chi1 and the splitting {self.splitting:g}: the dark photon decays "
                f"to both for splittings from 0 to below {self.ratio - 2:g}"
            )

    @property
    def light(self) -> float:
        """Mass of chi1, GeV."""
        return self.mass / self.ratio

    @property
    def heavy(self) -> float:
        """Mass of chi2, GeV."""
        return self.light * (1 + self.splitting)

    @property
    def momentum(self) -> float:
        """Of either in the rest frame of the dark photon, GeV."""
        total, difference = self.light + self.heavy, self.heavy - self.light
        return math.sqrt((self.mass**2 - total**2) * (self.mass**2 - difference**2)) / (2 * self.mass)

    @property
    def width(self) -> float:
        """Width of A' -> chi1 chi2, GeV (2101.12192)."""
        m, light, heavy = self.mass, self.light, self.heavy
        squared = 3 * light * heavy + m**2 - (light**2 + heavy**2) / 2
        squared -= (light**2 - heavy**2) ** 2 / (2 * m**2)
        return 2 * self.alpha_d * self.momentum / (3 * m**2) * squared

    def heavy_energies(self, energy: Floats, panels: int = 1) -> tuple[Floats, Floats]:
        """Energies of chi2, evenly spread between the limits of the two-body decay.

        Parameters
        ----------
        energy : (n,) float64, GeV
            Of the dark photon.
        panels : int
            Of eight points each: more of them where a threshold is among the energies.

        Returns
        -------
        energies : (n, m) float64, GeV
        weights : (m,) float64
            They add up to 1.
        """
        nodes, weights = composite(np.linspace(-1, 1, panels + 1), 8)
        at_rest = math.hypot(self.heavy, self.momentum)
        momentum = np.sqrt(np.maximum(energy**2 - self.mass**2, 0.0))
        energies: Floats = (energy[:, None] * at_rest + momentum[:, None] * self.momentum * nodes) / self.mass
        return energies, weights / 2


def heavy_width(model: Inelastic) -> float:
    """Width of chi2 -> chi1 e+ e- at eps = 1, GeV; 0 below its threshold.

    The integral over q^2 / pi of Gamma(chi2 -> chi1 V*) q Gamma_ee(q) / (q^2 - m^2)^2, where q is the mass of
    the virtual dark photon, with the sum over transverse polarisations [D: this package].
    """
    return float(np.sum(_by_pair_mass(model)[1]))


def _by_pair_mass(model: Inelastic, panels: int = 4) -> tuple[Floats, Floats]:
    """Masses of the electron pair in GeV, and how much of the width is about each; none below threshold."""
    lowest, highest = 2 * ELECTRON_MASS, model.heavy - model.light
    if highest <= lowest:
        return np.empty(0), np.empty(0)
    # Sine of an angle: the square roots at either end are then smooth.
    angle, weights = composite(np.linspace(-math.pi / 2, math.pi / 2, panels + 1), 12)
    q = (lowest + highest) / 2 + (highest - lowest) / 2 * np.sin(angle)
    steps = weights * (highest - lowest) / 2 * np.cos(angle)
    virtual = _to_virtual(model, q)
    pairs = np.array([to_fermions(Boson.VECTOR, float(one), ELECTRON_MASS, ALPHA) for one in q])
    return q, steps * 2 * q / math.pi * virtual * q * pairs / (q**2 - model.mass**2) ** 2


@lru_cache(1024)
def pair_fractions(model: Inelastic) -> tuple[Floats, Floats]:
    """Energy of the electron pair over that of a fast chi2, whose decays have no direction in its rest frame.

    Returns
    -------
    fractions, weights : (n,) float64
        The weights add up to 1; none below the threshold.
    """
    q, width = _by_pair_mass(model, panels=1)
    cosine, weights = composite(np.linspace(-1, 1, 4), 8)
    at_rest = (model.heavy**2 + q**2 - model.light**2) / (2 * model.heavy)
    momentum = np.sqrt(np.maximum(at_rest**2 - q**2, 0.0))
    fractions = (at_rest[:, None] + momentum[:, None] * cosine) / model.heavy
    shares = np.outer(width / width.sum() if len(width) else width, weights / 2)
    return fractions.ravel(), shares.ravel()


def _to_virtual(model: Inelastic, q: Floats) -> Floats:
    """Width of chi2 -> chi1 V* for masses q of the virtual dark photon, GeV."""
    light, heavy = model.light, model.heavy
    energy = (heavy**2 + light**2 - q**2) / (2 * heavy)
    momentum = np.sqrt(np.maximum(energy**2 - light**2, 0.0))
    both = heavy * energy
    along = (both - light**2) * (heavy**2 - both)
    squared = 8 * both - 16 * light * heavy + 4 * (2 * along / q**2 - (both - light * heavy))
    result: Floats = 2 * math.pi * model.alpha_d * squared * momentum / (8 * math.pi * heavy**2)
    return result


def heavy_width_approximated(model: Inelastic) -> float:
    """Width of chi2 -> chi1 e+ e- at eps = 1 for a small splitting and light electrons, GeV (2101.12192).

    It is an upper bound: what is exact is 0.64 of it at f = 0.4.
    """
    splitting = model.heavy - model.light
    return 4 * ALPHA * model.alpha_d * splitting**5 / (15 * math.pi * model.mass**4)


def heavy_width_mixed(model: Inelastic, angle: float) -> float:
    """Width of chi2 -> chi1 e+ e- at eps = 1 where the states are mixed by an angle (i2DM), GeV (2101.12192).

    4 alpha tan^2(angle) cos^4(angle) y m_1 (Delta / m_1)^5 / (15 pi) with y = alpha_D (m_1 / m_A')^4, for a
    small splitting: that of inelastic dark matter times the square of sin(angle) cos(angle).
    """
    y = model.alpha_d * (model.light / model.mass) ** 4
    mixed = math.tan(angle) ** 2 * math.cos(angle) ** 4
    splitting = (model.heavy - model.light) / model.light
    return 4 * ALPHA * mixed * y * model.light * splitting**5 / (15 * math.pi)
