"""What a calibration remembers of cells: histograms of delays and signals, and sums over beam electrons."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from na64.datasets.calibration.thresholds import threshold_of
from na64.datasets.instrument.detector import Setup
from na64.datasets.instrument.roles import CALORIMETER
from na64.processors.calibration.samples import SampledCells
from na64.processors.calibration.sums import Integers, SparseHistogram, Sums, histogram_of
from na64.processors.features.single_cells import CellTable
from na64.processors.kernels.shower import LOG_WEIGHT

DELAY_BIN, DELAY_LOW, N_DELAYS = 0.25, -100.0, 1000
"""ns: bins of delays, from -100 to 150 ns."""

SIGNAL_BINS, SIGNAL_LOW, N_SIGNALS = 400, -6.0, 4000
"""Bins of signals: so many for a factor of ten, from 1e-6 to 1e4 GeV."""

NOISE_STEP, NOISE_UNIT, N_NOISE = 0.02, 1e-5, 4096
"""Bins of energies in random triggers, of either sign: 0.2 keV wide at zero, 2 % of the energy far away."""

ELECTRON_BINS, N_ELECTRON = 200, 520
"""Bins of the whole energy of electrons: so many for a factor of ten, from 1 to 400 GeV."""

QUANTUM = 1e-3
"""GeV: unit of the energies in sums over electrons, so that these are whole numbers and exact."""

SHOWER_BINS = 5
"""Bins of the impact point of electrons across the beam cell, in x and in y."""

MICRO = 10**6
"""Unit of the impact point: millionth parts of a cell."""

PARTICLES = ("beam", "electrons", "muons", "physics")
SIGNALS = ("electrons", "muons", "led")
"""Samples of which signals of cells are kept."""

Floats = NDArray[np.float64]


def cell_sums(sampled: SampledCells, setup: Setup) -> Sums:
    """Sums over the events of one run.

    Parameters
    ----------
    sampled : SampledCells
    setup : Setup
        Of the period.
    """
    histograms: dict[str, SparseHistogram] = {}
    arrays: dict[str, Integers] = {}
    for name, table in sampled.cells.items():
        arrays |= dict(_event_counts(sampled, name))
        threshold = threshold_of(setup.detectors[name])
        histograms |= {
            f"{name}.{what}": histogram for what, histogram in _histograms(sampled, name, table, threshold)
        }
    if CALORIMETER in sampled.cells:
        chosen = sampled.samples["electrons"] & sampled.present[CALORIMETER]
        arrays |= electron_sums(sampled.cells[CALORIMETER].energy[chosen], setup)
    return Sums(arrays, histograms)


def _event_counts(sampled: SampledCells, name: str) -> Iterator[tuple[str, Integers]]:
    present = sampled.present[name]
    for sample, mask in sampled.samples.items():
        yield f"{name}.n.{sample}", np.array([np.count_nonzero(mask & present)], np.int64)
    particles = np.logical_or.reduce([sampled.samples[one] for one in PARTICLES]) & present
    yield f"{name}.n.particles", np.array([np.count_nonzero(particles)], np.int64)


def _histograms(
    sampled: SampledCells, name: str, table: CellTable, threshold: float
) -> Iterator[tuple[str, SparseHistogram]]:
    present = np.broadcast_to(sampled.present[name][:, None], table.energy.shape)
    particles = np.logical_or.reduce([sampled.samples[one] for one in PARTICLES])[:, None]
    timed = present & (table.energy > threshold) & np.isfinite(table.delay)
    yield "delay", _delays(table.delay, timed & particles)
    yield "delay_led", _delays(table.delay, timed & sampled.samples["led"][:, None])
    seen = present & (table.energy > 0.2 * threshold)  # a fifth: gains may be wrong
    for sample in SIGNALS:
        yield f"signal.{sample}", _signals(table.energy, seen & sampled.samples[sample][:, None])
    yield "random", _noise(table.energy, present & sampled.samples["random"][:, None])


def _delays(delay: Floats, chosen: NDArray[np.bool_]) -> SparseHistogram:
    _, cell = np.nonzero(chosen)
    bins = np.floor((delay[chosen] - DELAY_LOW) / DELAY_BIN)
    inside = (bins >= 0) & (bins < N_DELAYS)
    return histogram_of(cell[inside] * N_DELAYS + bins[inside].astype(np.int64))


def _signals(energy: Floats, chosen: NDArray[np.bool_]) -> SparseHistogram:
    _, cell = np.nonzero(chosen)
    bins = np.floor((np.log10(energy[chosen]) - SIGNAL_LOW) * SIGNAL_BINS)
    return histogram_of(cell * N_SIGNALS + np.clip(bins, 0, N_SIGNALS - 1).astype(np.int64))


def _noise(energy: Floats, chosen: NDArray[np.bool_]) -> SparseHistogram:
    _, cell = np.nonzero(chosen)
    bins = np.rint(np.arcsinh(energy[chosen] / NOISE_UNIT) / NOISE_STEP) + N_NOISE // 2
    return histogram_of(cell * N_NOISE + np.clip(bins, 0, N_NOISE - 1).astype(np.int64))


def signal_edges(bins: Integers) -> Floats:
    """Lower edges of bins of signals, GeV."""
    edges: Floats = 10.0 ** (SIGNAL_LOW + bins / SIGNAL_BINS)
    return edges


def noise_edges(bins: Integers) -> Floats:
    """Lower edges of bins of energies in random triggers, GeV."""
    edges: Floats = NOISE_UNIT * np.sinh((bins - N_NOISE // 2 - 0.5) * NOISE_STEP)
    return edges


def electron_sums(energy: Floats, setup: Setup) -> dict[str, Integers]:
    """Sums over beam electrons: mean energies of cells, and the shower by impact point.

    Parameters
    ----------
    energy : (n_events, n_cells) float64, GeV
    setup : Setup

    Returns
    -------
    dict of str to int64 array
        ``electrons.n`` (n_energies,) and ``electrons.cells`` (n_energies, n_cells), in `QUANTUM`, by bin of
        the whole energy, see `electron_energy`; and of those whose largest cell is the beam's ``shower.n``
        (n_bins,), ``shower.cells`` (n_bins, n_cells), ``shower.squares`` of the same, and ``shower.place``
        (n_bins, 2) in `MICRO`.
    """
    quanta = np.rint(energy / QUANTUM).astype(np.int64)
    whole, by_energy = _energy_bins(energy), np.zeros((N_ELECTRON, energy.shape[1]), np.int64)
    np.add.at(by_energy, whole, quanta)
    bins, place = _impact(energy, setup)
    inside = bins >= 0
    n_bins = SHOWER_BINS**2
    n = np.bincount(bins[inside], minlength=n_bins).astype(np.int64)
    cells, squares, places = (
        np.zeros((n_bins, width), np.int64) for width in (energy.shape[1], energy.shape[1], 2)
    )
    np.add.at(cells, bins[inside], quanta[inside])
    np.add.at(squares, bins[inside], quanta[inside] ** 2)
    np.add.at(places, bins[inside], np.rint(place[inside] * MICRO).astype(np.int64))
    return {
        "electrons.n": np.bincount(whole, minlength=N_ELECTRON).astype(np.int64),
        "electrons.cells": by_energy,
        "shower.n": n,
        "shower.cells": cells,
        "shower.squares": squares,
        "shower.place": places,
    }


def _energy_bins(energy: Floats) -> Integers:
    whole = np.maximum(energy.sum(axis=1), 1.0)
    bins: Integers = np.clip(ELECTRON_BINS * np.log10(whole), 0, N_ELECTRON - 1).astype(np.int64)
    return bins


def electron_energy(bins: Integers) -> Floats:
    """Energy in the middle of bins of the whole energy of electrons, GeV."""
    energy: Floats = 10.0 ** ((bins + 0.5) / ELECTRON_BINS)
    return energy


def ring_of(setup: Setup) -> Integers:
    """Cells of a plane of the ECAL that enter the shower profile around the beam cell: (n,) int64."""
    _, n_x, n_y = setup.calorimeter.shape
    reach = 2 if setup.template is None else setup.template.ring
    ix, iy = np.meshgrid(np.arange(n_x), np.arange(n_y), indexing="ij")
    near = (abs(ix - setup.beam_cell[0]) <= reach) & (abs(iy - setup.beam_cell[1]) <= reach)
    return np.flatnonzero(near.ravel())


def _impact(energy: Floats, setup: Setup) -> tuple[Integers, Floats]:
    """Bin of the impact point, -1 if the largest cell is not the beam's, and where it is in cells: (n, 2)."""
    _, _, n_y = setup.calorimeter.shape
    n_plane = setup.calorimeter.n_cells // 2
    lateral = energy[:, :n_plane] + energy[:, n_plane:]
    ring, beam = ring_of(setup), setup.calorimeter.place(*setup.beam_cell)
    whole = lateral.sum(axis=1, keepdims=True)
    share = np.divide(lateral[:, ring], whole, out=np.zeros((len(lateral), len(ring))), where=whole > 0)
    weight = np.where(share > math.exp(-LOG_WEIGHT), LOG_WEIGHT + np.log(np.maximum(share, 1e-9)), 0.0)
    total = np.maximum(weight.sum(axis=1), 1e-9)
    from_beam = np.stack([ring // n_y - beam // n_y, ring % n_y - beam % n_y])
    place = (weight @ from_beam.T) / total[:, None]
    steps = np.floor((place + 0.5) * SHOWER_BINS).astype(np.int64)
    inside = (energy[:, n_plane:].argmax(axis=1) == beam) if len(energy) else np.zeros(0, bool)
    inside &= ((steps >= 0) & (steps < SHOWER_BINS)).all(axis=1) & (whole[:, 0] > 0)
    return np.where(inside, steps[:, 0] * SHOWER_BINS + steps[:, 1], -1), place
