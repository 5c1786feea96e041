"""One radiation off a lepton: boson, masses, beam energy, and the grid of x = E_X / E0."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from na64.outputs.signal.bosons import Boson
from na64.outputs.signal.matter import ELECTRON_MASS, LEAD, Nucleus
from na64.outputs.signal.quadrature import composite

Floats = NDArray[np.float64]

_X_PANELS, _X_POINTS = 4, 8


@dataclass(frozen=True, slots=True)
class Radiation:
    """A lepton of `energy` that radiates a boson of `mass` off a nucleus, GeV; by default a dark photon."""

    mass: float
    energy: float
    nucleus: Nucleus = LEAD
    lepton_mass: float = ELECTRON_MASS
    boson: Boson = Boson.VECTOR

    def __post_init__(self) -> None:
        if not 0 < self.mass < self.energy - self.lepton_mass:
            raise ValueError(
                f"a lepton of {self.energy:g} GeV radiates no {self.boson.text} of {self.mass:g} GeV: "
                f"expected above 0 and below {self.energy - self.lepton_mass:g}"
            )

    @property
    def largest_x(self) -> float:
        """Largest x (2101.12192)."""
        recoil = self.mass**4 / (8 * self.energy**3 * self.nucleus.mass)
        return 1 - self.lepton_mass / self.energy - recoil

    def least_virtuality(self, x: Floats) -> Floats:
        """U at angle 0 for small masses: m^2 (1 - x) / x + m_l^2 x, GeV^2."""
        return self.mass**2 * (1 - x) / x + self.lepton_mass**2 * x

    def x_grid(self, lowest: float) -> tuple[Floats, Floats]:
        """Nodes and weights from `lowest` to the largest x; they crowd towards 1."""
        if lowest >= self.largest_x:
            return np.empty(0), np.empty(0)
        edges = np.linspace(np.log1p(-self.largest_x), np.log1p(-lowest), _X_PANELS + 1)
        nodes, weights = composite(edges, _X_POINTS)
        missing = np.exp(nodes)
        return 1 - missing, weights * missing
