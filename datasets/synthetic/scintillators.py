"""What charged particles leave in counters, and what these report of it."""

from __future__ import annotations

import math

import numpy as np

from na64.datasets.synthetic.deposits import Deposits
from na64.datasets.synthetic.further_detectors import PLACES, Dump, FurtherDetector, Scintillator
from na64.datasets.synthetic.library import Floats

_LEAST_VISIBLE = -2.0
"""Least value of the Moyal numbers that are drawn: one in 800 is below."""


def cell_energies(
    detector: FurtherDetector, deposits: Deposits, dump: Dump | None, rng: np.random.Generator
) -> Floats:
    """Energy in every cell of a further detector, before noise: (n, n_cells) float64, GeV.

    Parameters
    ----------
    detector : FurtherDetector
    deposits : Deposits
        ``n`` events.
    dump : Dump or None
    rng : numpy.random.Generator
    """
    cells = np.zeros((len(deposits), detector.n_cells))
    cells += deposits.within(detector.name, detector.n_cells)
    for one in detector.scintillators:
        energy = _of_particles(one, deposits.charged[:, PLACES.index(one.place)], rng)
        cells[:, one.cell] += reported(one, energy, _leaking(one, deposits, dump), rng)
    return cells


def _leaking(one: Scintillator, deposits: Deposits, dump: Dump | None) -> Floats:
    """Scale of what leaks out of the dump into a counter: (n,) float64, GeV."""
    if dump is None or not one.leakage:
        return np.zeros(len(deposits))
    cells = deposits.within(dump.detector, max(dump.cells) + 1)
    leaking: Floats = one.leakage * cells[:, list(dump.cells)].sum(axis=1)
    return leaking


def _of_particles(one: Scintillator, n_particles: Floats, rng: np.random.Generator) -> Floats:
    """Sum of what each particle leaves, a Moyal number: (n,) float64, GeV."""
    most = int(n_particles.max(initial=0))
    normal = np.abs(rng.standard_normal((len(n_particles), most)))
    moyal = np.maximum(-2 * np.log(np.maximum(normal, 1e-9)), _LEAST_VISIBLE)
    each = np.maximum(one.mip * (1 + one.width * moyal), 0.0)
    summed: Floats = np.where(np.arange(most) < n_particles[:, None], each, 0.0).sum(axis=1)
    return summed


def reported(one: Scintillator, energy: Floats, leaking: Floats, rng: np.random.Generator) -> Floats:
    """What a counter reports of energy (n,) and of what leaks into it: photoelectrons, smearing, efficiency.

    Parameters
    ----------
    one : Scintillator
    energy : (n,) float64, GeV
    leaking : (n,) float64, GeV
        Standard deviation of the normal number whose absolute value is added.
    rng : numpy.random.Generator

    Returns
    -------
    (n,) float64, GeV
    """
    seen = energy
    if math.isfinite(one.photoelectrons):
        seen = rng.poisson(energy * one.photoelectrons) / one.photoelectrons
    if one.leakage:
        seen = seen + leaking * np.abs(rng.standard_normal(len(energy)))
    if one.smearing:
        sigma = one.smearing * (np.minimum(seen / one.smearing_from, 1.0) if one.smearing_from else 1.0)
        seen = np.maximum(seen + sigma * rng.standard_normal(len(energy)), 0.0)
    if one.efficient_from:
        chance = np.minimum(seen / one.efficient_from, 1.0) ** one.efficiency_power
        seen = np.where(rng.random(len(energy)) < chance, seen, 0.0)
    return seen
