"""What the cells of a detector show in some runs: delays, signals and noise, each with its error."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from na64.datasets.calibration.constants import Quantity, RunRange
from na64.datasets.calibration.thresholds import threshold_of
from na64.datasets.instrument.detector import Detector, Setup
from na64.datasets.instrument.roles import CALORIMETER
from na64.outputs.control.calibration.cell_faults import CellCounts
from na64.outputs.control.calibration.estimators import (
    Estimate,
    Noise,
    Peak,
    median_signal,
    noise_of,
    time_peak,
)
from na64.processors.calibration.cell_sums import (
    N_DELAYS,
    N_ELECTRON,
    N_NOISE,
    N_SIGNALS,
    QUANTUM,
    electron_energy,
    noise_edges,
)
from na64.processors.calibration.sums import SparseHistogram, Sums

SIGNALS = {"electrons": Quantity.ELECTRONS, "muons": Quantity.MUONS, "led": Quantity.LED}
"""Samples of which signals are measured."""

LEAST_ENTRIES = 50
"""Entries of a cell, at least, that a constant is measured with."""

LEAST_OCCUPANCY = 0.5
"""Share of the events of a sample in which a cell has to have a signal: fewer are tails."""

_LEAST_ELECTRONS = 200
_QUIET = 4.0
_CORE = 3.0


@dataclass(frozen=True, slots=True)
class CellMeasurement:
    """What one cell shows; None where it has too few entries.

    Attributes
    ----------
    delay, led_delay : Peak or None
        Of particles, and of the light pulser: ns.
    n_delays : int
        Pulses of particles with a time.
    signals : dict of str to Estimate
        By sample: median signal less the baseline, under the scale of the period, GeV.
    seen : dict of str to int
        By sample: events with a signal.
    noise : Noise or None
    """

    delay: Peak | None
    led_delay: Peak | None
    n_delays: int
    signals: Mapping[str, Estimate]
    seen: Mapping[str, int]
    noise: Noise | None


@dataclass(frozen=True, slots=True, eq=False)
class MeanElectron:
    """Beam electrons in the ECAL, those within three standard deviations of their median energy.

    Attributes
    ----------
    cells : (n_cells,) float64
        Mean energy of each cell under the scale of the period, GeV.
    error : float
        Relative statistical error of their sum.
    entries : int
    """

    cells: NDArray[np.float64]
    error: float
    entries: int


@dataclass(frozen=True, slots=True, eq=False)
class Measurement:
    """What the detectors show in some runs.

    Attributes
    ----------
    cells : dict of str to tuple of CellMeasurement
        By detector.
    events : dict of str to dict of str to int
        By detector: events of each sample in which it was recorded.
    electron : MeanElectron or None
    beam_energy : float
        GeV.
    """

    cells: Mapping[str, tuple[CellMeasurement, ...]]
    events: Mapping[str, Mapping[str, int]]
    electron: MeanElectron | None
    beam_energy: float


def measure(sums: Sums, setup: Setup, beam_energy: float, least: int = LEAST_ENTRIES) -> Measurement:
    """Measure every cell of the detectors that the files have.

    Parameters
    ----------
    sums : Sums
        As `na64.processors.calibration.cell_sums.cell_sums` makes them.
    setup : Setup
        Of the period.
    beam_energy : float
        GeV.
    least : int
        Entries that a constant needs.
    """
    names = [name for name in setup.detectors if f"{name}.n.random" in sums.arrays]
    cells = {name: _cells(sums, setup.detectors[name], least) for name in names}
    events = {
        name: {sample: sums.count(f"{name}.n.{sample}") for sample in ("particles", "random", *SIGNALS)}
        for name in names
    }
    electron = mean_electron(sums, baselines_of(cells[CALORIMETER])) if CALORIMETER in cells else None
    return Measurement(cells, events, electron, beam_energy)


def baselines_of(cells: Sequence[CellMeasurement]) -> NDArray[np.float64]:
    """Baseline of every cell under the scale of the period, 0 where there is none: (n_cells,) float64."""
    return np.array([one.noise.baseline.value if one.noise and one.noise.baseline else 0.0 for one in cells])


def mean_electron(sums: Sums, baselines: NDArray[np.float64]) -> MeanElectron | None:
    """Mean cells, less their baselines, of the beam electrons about their median energy; None of too few."""
    n = sums.array("electrons.n", (N_ELECTRON,))
    if n.sum() < _LEAST_ELECTRONS:
        return None
    energy, sums_of_bins = electron_energy(np.arange(N_ELECTRON)), np.cumsum(n)
    low, median, high = (float(np.interp(q * n.sum(), sums_of_bins, energy)) for q in (0.16, 0.5, 0.84))
    spread = max((high - low) / 2, 0.005 * median)
    core = np.abs(energy - median) <= _CORE * spread
    entries = int(n[core].sum())
    cells = sums.arrays["electrons.cells"][core].sum(axis=0) * QUANTUM / entries - baselines
    return MeanElectron(cells, spread / float(cells.sum()) / math.sqrt(entries), entries)


def _cells(sums: Sums, detector: Detector, least: int) -> tuple[CellMeasurement, ...]:
    def of(what: str, cell: int, n_bins: int) -> SparseHistogram:
        return sums.histogram(f"{detector.name}.{what}").between(cell * n_bins, (cell + 1) * n_bins)

    found = []
    for cell in range(detector.n_cells):
        particles, noise = of("delay", cell, N_DELAYS), noise_of(of("random", cell, N_NOISE), least)
        signals = {name: of(f"signal.{name}", cell, N_SIGNALS) for name in SIGNALS}
        found.append(
            CellMeasurement(
                delay=time_peak(particles, least),
                led_delay=time_peak(of("delay_led", cell, N_DELAYS), least),
                n_delays=int(particles.counts.sum()),
                signals=dict(_signals(signals, sums, detector.name, least, noise)),
                seen={name: int(histogram.counts.sum()) for name, histogram in signals.items()},
                noise=noise,
            )
        )
    return tuple(found)


def _signals(
    histograms: Mapping[str, SparseHistogram], sums: Sums, detector: str, least: int, noise: Noise | None
) -> Iterator[tuple[str, Estimate]]:
    """Median signals less the baseline of the cell."""
    baseline = noise.baseline if noise and noise.baseline else Estimate(0.0, 0.0, 0)
    for sample, histogram in histograms.items():
        n_events = sums.count(f"{detector}.n.{sample}")
        estimate = median_signal(histogram, least)
        if estimate is None or estimate.entries < LEAST_OCCUPANCY * n_events:
            continue
        value, error = estimate.value - baseline.value, math.hypot(estimate.error, baseline.error)
        if value > 0:
            yield sample, Estimate(value, error, estimate.entries)


def counts_of(
    sums: Sums, measured: Measurement, setup: Setup, reference: RunRange | None
) -> dict[str, CellCounts]:
    """How often cells had something, for the search of bad ones."""
    return {name: _counts(sums, name, measured, setup.detectors[name], reference) for name in measured.cells}


def _counts(
    sums: Sums, name: str, measured: Measurement, detector: Detector, reference: RunRange | None
) -> CellCounts:
    cells, events = measured.cells[name], measured.events[name]
    seen = {sample: np.array([cell.seen[sample] for cell in cells], np.int64) for sample in SIGNALS}
    return CellCounts(
        n_led=events["led"],
        led=seen["led"],
        particles=np.array([cell.n_delays for cell in cells], np.int64),
        n_random=events["random"],
        random=_above_noise(sums.histogram(f"{name}.random"), cells, detector),
        expected=_expected(reference, name, events),
        seen=seen,
    )


def _above_noise(
    histogram: SparseHistogram, cells: tuple[CellMeasurement, ...], detector: Detector
) -> NDArray[np.int64]:
    """Random triggers in which each cell is farther from its baseline than noise takes it.

    That is the usual noise of the detector, or what the cell itself has as long as that makes no pulses.
    """
    widths = [cell.noise.noise.value for cell in cells if cell.noise and cell.noise.noise]
    usual = float(np.median(widths)) if 2 * len(widths) > detector.n_cells else 0.0
    found = np.zeros(detector.n_cells, np.int64)
    for cell in range(detector.n_cells):
        part = histogram.between(cell * N_NOISE, (cell + 1) * N_NOISE)
        noise = cells[cell].noise
        middle, own = 0.0, 0.0
        if noise and noise.baseline and noise.noise:
            middle, own = noise.baseline.value, noise.noise.value
        limit = max(_QUIET * usual, min(_QUIET * own, threshold_of(detector)))
        energy = (noise_edges(part.keys) + noise_edges(part.keys + 1)) / 2
        above = (np.abs(energy - middle) > limit) & (part.keys != N_NOISE // 2)
        found[cell] = part.counts[above].sum()
    return found


def _expected(
    reference: RunRange | None, name: str, events: Mapping[str, int]
) -> dict[str, tuple[int, NDArray[np.float64]]]:
    """Share of the events in which the reference had a signal, by sample: it keeps those above one half."""
    if reference is None or name not in reference.detectors:
        return {}
    values = reference.detectors[name].values
    return {
        sample: (
            events[sample],
            np.array([LEAST_OCCUPANCY * values[q].is_measured(c) for c in range(len(values[q].values))]),
        )
        for sample, q in SIGNALS.items()
        if q in values
    }
