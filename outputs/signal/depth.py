"""How deep in a thick target particles of the shower are, and so where bosons are made: T(E, z).

The cascade is that of `cascade`, followed through depth by the exponential of its matrix of rates.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import cumulative_simpson
from scipy.linalg import expm

from na64.outputs.signal.cascade import PAIR_RATE, rates_of
from na64.outputs.signal.integration import LOWEST
from na64.outputs.signal.kinematics import Radiation
from na64.outputs.signal.matter import LEAD
from na64.outputs.signal.weizsaecker import iww_spectrum

Floats = NDArray[np.float64]

_NODES = 180
"""Of energy, between the beam's and a tenth of it."""
_STEP = 0.05
_WITHIN: Floats = np.linspace(-0.4, 0.4, 5)
"""Places within a step of energy: most bosons take nearly all of it."""
_EDGES: Floats = np.array([0.0, 0.2, 0.4, 0.7, 1.0, 1.4, 1.8, 2.3, 3.0, 4.0, 5.5, 8.0, 12.0, 25.0])
"""Radiation lengths between which track lengths are added up."""


@dataclass(frozen=True, slots=True)
class Depths:
    """Track lengths by energy and depth, of a beam of one electron or positron.

    Attributes
    ----------
    energy : (n,) float64, GeV
        Falling; the first is the beam.
    depth : (m,) float64
        Radiation lengths, the middle of each bin.
    primary, positron, photon : (n, m) float64
        Radiation lengths travelled at each node and in each bin; of secondaries there are as many electrons
        as positrons, and the beam's own particle is the primary whatever its charge.
    """

    energy: Floats
    depth: Floats
    primary: Floats
    positron: Floats
    photon: Floats

    @property
    def charged(self) -> Floats:
        """Track lengths of electrons and positrons: (n, m) float64."""
        return self.primary + 2 * self.positron


@cache
def depths(beam_energy: float) -> Depths:
    """Follow the shower of an electron or positron above a tenth of its energy, GeV; computed once."""
    rates = rates_of(beam_energy, LOWEST * beam_energy, (1 - LOWEST) * beam_energy / _NODES)
    n = len(rates.energy)
    none = np.zeros((n, n))
    growth = np.block(
        [
            [-rates.balance, none, none],
            [none, -rates.balance, rates.pairs],
            [rates.photons, 2 * rates.photons, -PAIR_RATE * np.eye(n)],
        ]
    )
    step = expm(_STEP * growth)
    places = _STEP * np.arange(round(_EDGES[-1] / _STEP) + 1)
    followed = np.zeros((len(places), 3 * n))
    followed[0, 0] = 1.0
    for index in range(1, len(places)):
        followed[index] = step @ followed[index - 1]
    travelled = cumulative_simpson(followed, dx=_STEP, axis=0, initial=0)[
        np.searchsorted(places, _EDGES - 1e-9)
    ]
    primary, positron, photon = np.diff(travelled, axis=0).T.reshape(3, n, -1)
    return Depths(rates.energy, (_EDGES[1:] + _EDGES[:-1]) / 2, primary, positron, photon)


def radiation_depths(mass: float, energies: Floats, beam_energy: float) -> tuple[Floats, Floats]:
    """Depths at which bosons of some energies are radiated.

    Leptons count by track length and by the chance to radiate that energy, whose shape is that of dark
    photons with a constant flux, whatever the boson and the nucleus.

    Parameters
    ----------
    mass : float, GeV
    energies : (n,) float64, GeV
        Of the boson.
    beam_energy : float, GeV

    Returns
    -------
    depth : (m,) float64
        Radiation lengths.
    weights : (n, m) float64
        They add up to 1 at each energy.
    """
    found = depths(beam_energy)
    step = found.energy[0] - found.energy[1]
    leptons = found.energy[:, None] + step * _WITHIN
    leptons[0] = found.energy[0]  # what the beam travels undisturbed
    boson = energies[:, None, None]
    radiation = Radiation(mass, beam_energy, LEAD)
    x = np.minimum(boson / np.maximum(leptons, boson), radiation.largest_x)
    by_point = iww_spectrum(radiation, x.ravel()).reshape(x.shape) / leptons * (leptons > boson)
    chance = by_point.mean(axis=2)
    weights = chance @ found.charged
    result: Floats = weights / weights.sum(axis=1, keepdims=True)
    return found.depth, result


def photon_depths(energies: Floats, beam_energy: float) -> tuple[Floats, Floats]:
    """Depths at which photons of some energies are, as `radiation_depths` gives them."""
    found = depths(beam_energy)
    order = found.energy[::-1]
    columns = [np.interp(energies, order, column[::-1]) for column in found.photon.T]
    weights = np.stack(columns, axis=1)
    result: Floats = weights / weights.sum(axis=1, keepdims=True)
    return found.depth, result
