"""Efficiency of a channel: one number, or a table by mass of the particle and by the energy that it takes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_EDGE = 1e-9


@dataclass(frozen=True, slots=True)
class Efficiency:
    """Share that is counted of what has the energy and the fate that a channel is of.

    Attributes
    ----------
    values : tuple of float
        One, or a value for each mass and energy, energies fastest.
    masses, energies : tuple of float, GeV
        Rising; empty where it does not depend on them. It is linear in the logarithm of the mass, and in the
        energy.
    """

    values: tuple[float, ...]
    masses: tuple[float, ...] = ()
    energies: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        for name, nodes in (("masses", self.masses), ("energies", self.energies)):
            if nodes and not (len(nodes) > 1 and nodes[0] > 0 and np.all(np.diff(nodes) > 0)):
                raise ValueError(
                    f"efficiency: {name} of its table are expected above 0, rising, two at least"
                )
        expected = max(len(self.masses), 1) * max(len(self.energies), 1)
        if len(self.values) != expected:
            raise ValueError(f"efficiency: {len(self.values)} values where {expected} are expected")
        if not all(0 <= value <= 1 for value in self.values) or not any(self.values):
            worst = min(self.values) if min(self.values) < 0 else max(self.values)
            raise ValueError(f"efficiency: {worst:g}: expected above 0 and up to 1")

    @property
    def needs_energy(self) -> bool:
        """Whether it depends on the energy."""
        return bool(self.energies)

    def at(self, mass: float, energy: Floats) -> Floats:
        """Efficiency at a mass and energies.

        Parameters
        ----------
        mass : float, GeV
        energy : (n,) float64, GeV

        Returns
        -------
        (n,) float64

        Raises
        ------
        ValueError
            Mass or energy are outside the table.
        """
        table = np.reshape(self.values, (max(len(self.masses), 1), max(len(self.energies), 1)))
        if self.masses:
            _check("mass", mass, mass, self.masses)
            place = np.interp(np.log(mass), np.log(self.masses), np.arange(len(self.masses)))
            below = min(int(place), len(self.masses) - 2)
            row = table[below] + (place - below) * (table[below + 1] - table[below])
        else:
            row = table[0]
        if not self.energies:
            return np.full(len(energy), row[0])
        if len(energy):
            _check("energy", float(energy.min()), float(energy.max()), self.energies)
        result: Floats = np.interp(energy, self.energies, row)
        return result


def _check(what: str, lowest: float, highest: float, nodes: tuple[float, ...]) -> None:
    if lowest < nodes[0] * (1 - _EDGE) or highest > nodes[-1] * (1 + _EDGE):
        raise ValueError(
            f"efficiency at the {what} {lowest:g} to {highest:g} GeV: "
            f"the table has {nodes[0]:g} to {nodes[-1]:g}"
        )


WHOLE = Efficiency((1.0,))
"""Everything is counted."""
