"""Track lengths of electrons, positrons and photons of high energy in a thick target."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

PAIR_RATE = 7 / 9
"""Pairs that a photon makes in a radiation length, complete screening."""
STEP = 0.25
"""GeV between nodes of energy."""


@dataclass(frozen=True, slots=True)
class TrackLengths:
    """Track lengths per electron on target, at nodes of energy; the first node is the beam.

    Attributes
    ----------
    energy : (n,) float64, GeV
        Falling.
    primary, electron, positron, photon : (n,) float64
        Radiation lengths travelled at each node; `electron` includes `primary`.
    """

    energy: Floats
    primary: Floats
    electron: Floats
    positron: Floats
    photon: Floats

    @property
    def step(self) -> float:
        """GeV between nodes."""
        return float(self.energy[0] - self.energy[1])

    @property
    def charged(self) -> Floats:
        """Track length of electrons and positrons."""
        return self.electron + self.positron

    def above(self, lengths: Floats, energy: float) -> float:
        """Sum track lengths above an energy; the node at the edge counts by half, if it is not the beam."""
        inside = self.energy - energy
        share = np.clip(inside / self.step + 0.5, 0.0, 1.0)
        return float(np.sum(share * lengths))


def track_lengths(beam_energy: float, lowest: float, *, step: float = STEP) -> TrackLengths:
    """Solve the one-dimensional cascade of an electron in an infinite target, complete screening.

    A particle at a node radiates or converts to the nodes below; a product between two nodes is shared
    between them such that its energy is kept. Depth does not matter, and no energy is lost by ionisation.

    Parameters
    ----------
    beam_energy, lowest : float, GeV
    step : float, GeV
    """
    if not 0 < lowest < beam_energy:
        raise ValueError(f"track lengths down to {lowest:g} GeV with a beam of {beam_energy:g} GeV")
    rates = rates_of(beam_energy, lowest, step)
    n = len(rates.energy)
    started = np.zeros(n)
    started[0] = 1.0
    primary = _solve(rates.balance, started)
    coupled = np.block([[rates.balance, -rates.pairs], [-2 * rates.photons, PAIR_RATE * np.eye(n)]])
    source = np.concatenate([np.zeros(n), rates.photons @ primary])
    products = _solve(coupled, source)
    positron, photon = products[:n], products[n:]
    return TrackLengths(rates.energy, primary, primary + positron, positron, photon)


@dataclass(frozen=True, slots=True)
class Rates:
    """What happens in a radiation length at each node of energy.

    Attributes
    ----------
    energy : (n,) float64, GeV
        Falling; the first is the beam.
    balance : (n, n) float64
        Electrons that leave a node (diagonal), less those that come from each other one.
    photons : (n, n) float64
        Photons at each node, from an electron at each other one.
    pairs : (n, n) float64
        Positrons, and as many electrons, at each node, from a photon at each other one.
    """

    energy: Floats
    balance: Floats
    photons: Floats
    pairs: Floats


def rates_of(beam_energy: float, lowest: float, step: float) -> Rates:
    """Rates of radiation and conversion with complete screening, at nodes from the beam down; GeV."""
    n_nodes = int(np.ceil((beam_energy - lowest) / step)) + 1
    energy: Floats = np.array(beam_energy - step * np.arange(n_nodes), dtype=np.float64)
    energy = energy[energy > 0]
    removal, drop = _radiation(energy, step)
    return Rates(energy, np.diag(removal) - drop.T, _photons(energy, step).T, _pairs(energy, step).T)


def _solve(matrix: Floats, source: Floats) -> Floats:
    return np.linalg.solve(matrix, source).astype(np.float64)


def _radiation(energy: Floats, step: float) -> tuple[Floats, Floats]:
    """Rates per X0 to leave each node, (n,), and to go from one to a lower one, (n, n), by bremsstrahlung.

    dN/dk = (4/3 - 4/3 y + y^2) / k with y = k / E (Tsai 1974); the loss is shared between two nodes.
    """
    loss = step * np.arange(len(energy) + 1)
    number = np.zeros((len(energy), len(energy)))
    with np.errstate(divide="ignore"):
        logarithm = np.log(loss)
    logarithm[0] = logarithm[1]  # there the number of photons is multiplied by a loss of 0
    first = 4 / 3 * (logarithm - loss / energy[:, None]) + loss**2 / (2 * energy[:, None] ** 2)
    second = 4 / 3 * loss - 2 / 3 * loss**2 / energy[:, None] + loss**3 / (3 * energy[:, None] ** 2)
    n_photons, lost = np.diff(first), np.diff(second) / step
    steps = np.arange(len(energy))
    rising, falling = lost - steps * n_photons, (steps + 1) * n_photons - lost
    number[:, 1:] = rising[:, :-1] + falling[:, 1:]
    total = 4 / 3 * (np.log(energy / step) - 1 + step / energy) + 0.5 - step**2 / (2 * energy**2)
    removal: Floats = total + rising[:, 0]
    source, target = np.triu_indices(len(energy), 1)
    drop = np.zeros_like(number)
    drop[source, target] = number[source, target - source]
    return removal, drop


def _photons(energy: Floats, step: float) -> Floats:
    """Photons per X0 at each lower node, from each node: (n, n)."""
    y = energy / energy[:, None]
    rates: Floats = step * (4 / 3 - 4 / 3 * y + y**2) / energy * _not_above(len(energy))
    return rates


def _pairs(energy: Floats, step: float) -> Floats:
    """Positrons per X0 at each lower node, from a photon at each node: (n, n)."""
    u = energy / energy[:, None]
    rates: Floats = step * (1 - 4 / 3 * u * (1 - u)) / energy[:, None] * _not_above(len(energy))
    return rates


def _not_above(n: int) -> Floats:
    """Weights of the trapezium rule over the nodes not above each node."""
    return np.triu(np.ones((n, n)), 1) + np.eye(n) / 2
