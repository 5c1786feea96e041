"""What the monitoring remembers: sums over beam, LED and random triggers by spill, cell by cell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from na64.datasets.calibration.thresholds import threshold_of
from na64.datasets.instrument.detector import Detector, Setup
from na64.datasets.instrument.features import FEATURES as STANDARD
from na64.datasets.instrument.roles import Role
from na64.processors.calibration.samples import SampledCells
from na64.processors.calibration.sums import Integers, SparseHistogram, Sums

EVENTS = ("beam", "random", "led")
"""Samples that are looked at: physics triggers are not."""

FEATURES = ("ecal_total", "preshower_total", "hcal_012_total", "srd_sum", "vhcal_total", "track_momentum")
"""Features of beam triggers of which the mean logarithm is followed."""

MICRO = 1_000_000
"""Logarithms are summed in millionths, times in fs, so that sums are whole numbers and exact."""

MOST_DELAY = 25.0
"""ns: pulses farther from the expected time do not count for its mean: most are of other particles."""

LEAST_VALUE = 1e-3
"""What a feature counts as where it is smaller or not a number, in its unit: a logarithm needs one.

Events without the detector that it is made of do not count.
"""

_CELL = (
    "beam_n",
    "beam_log",
    "beam_square",
    "time_n",
    "time",
    "time_square",
    "led_n",
    "led_log",
    "led_square",
    "random_n",
    "noise",
    "noise_square",
)
NOISE_STEPS = 1000
"""Energies in random triggers are summed in such parts of the threshold of a pulse."""


@dataclass(frozen=True, slots=True)
class Slots:
    """Where each sum of a spill is among all of them.

    Attributes
    ----------
    cells : dict of str to int
        By detector: its number of cells, in order.
    """

    cells: Mapping[str, int]

    @property
    def head(self) -> int:
        """Sums that are not of cells: events by sample; three of every feature; six of every detector."""
        return len(EVENTS) + 3 * len(FEATURES) + 6 * len(self.cells)

    @property
    def size(self) -> int:
        """Sums of a spill."""
        return self.head + len(_CELL) * sum(self.cells.values())

    def of_cells(self, detector: str, what: str) -> slice:
        """Those of a kind of all cells of a detector."""
        start = self.head
        for name, n_cells in self.cells.items():
            if name == detector:
                start += _CELL.index(what) * n_cells
                return slice(start, start + n_cells)
            start += len(_CELL) * n_cells
        raise KeyError(detector)

    def of_time(self, detector: str) -> slice:
        """Number, sum and sum of squares of the delay of the largest cell of a detector."""
        start = self._of_detector(detector)
        return slice(start, start + 3)

    def of_events(self, detector: str, sample: str) -> int:
        """Number of the events of a sample in which a detector was recorded."""
        return self._of_detector(detector) + 3 + EVENTS.index(sample)

    def _of_detector(self, detector: str) -> int:
        return len(EVENTS) + 3 * len(FEATURES) + 6 * list(self.cells).index(detector)

    def of_feature(self, name: str) -> slice:
        """Number, sum and sum of squares of a feature."""
        place = len(EVENTS) + 3 * FEATURES.index(name)
        return slice(place, place + 3)


def slots_of(setup: Setup) -> Slots:
    """Slots of the detectors of a set-up, the same whichever of them a file has."""
    detectors = setup.detectors.values()
    return Slots({one.name: one.n_cells for one in detectors if one.role is not Role.TRACKER})


def spill_sums(sampled: SampledCells, setup: Setup, index: Mapping[str, int]) -> Sums:
    """Sums over the beam, LED and random triggers of one run, spill by spill.

    Parameters
    ----------
    sampled : SampledCells
    setup : Setup
        Of the period.
    index : mapping of str to int
        Row of each feature.

    Returns
    -------
    Sums
        One histogram a spill, ``spill.NUMBER``, whose keys are places in `Slots`.
    """
    wanted = np.logical_or.reduce([sampled.samples[name] for name in EVENTS])
    slots = slots_of(setup)
    histograms = {}
    for spill in np.unique(sampled.spill[wanted]).tolist():
        row = _sums_of_spill(sampled, wanted & (sampled.spill == spill), setup, slots, index)
        keys = np.flatnonzero(row)
        histograms[f"spill.{spill}"] = SparseHistogram(keys, row[keys])
    return Sums({}, histograms)


def _sums_of_spill(
    sampled: SampledCells,
    chosen: NDArray[np.bool_],
    setup: Setup,
    slots: Slots,
    index: Mapping[str, int],
) -> Integers:
    row = np.zeros(slots.size, np.int64)
    samples = {name: sampled.samples[name] & chosen for name in EVENTS}
    for place, name in enumerate(EVENTS):
        row[place] = np.count_nonzero(samples[name])
    for name in FEATURES:
        values = sampled.values[index[name], samples["beam"] & _has(sampled, name)].astype(np.float64)
        logs = np.rint(MICRO * np.log(np.fmax(values, LEAST_VALUE))).astype(np.int64)
        row[slots.of_feature(name)] = len(logs), logs.sum(), _squares(logs).sum()
    for name in sampled.cells:
        for sample in EVENTS:
            row[slots.of_events(name, sample)] = np.count_nonzero(samples[sample] & sampled.present[name])
        threshold = threshold_of(setup.detectors[name])
        row[slots.of_time(name)] = _of_largest(sampled, name, samples["beam"], threshold)
        for what, sums in _of_cells(sampled, name, samples, setup.detectors[name]):
            row[slots.of_cells(name, what)] = sums
    return row


def _has(sampled: SampledCells, name: str) -> NDArray[np.bool_]:
    """Events in which all detectors were recorded that a feature is made of."""
    has = np.ones(len(sampled.spill), np.bool_)
    for detector in STANDARD[name].detectors:
        has &= sampled.present[detector] if detector in sampled.cells else False
    return has


def _of_largest(
    sampled: SampledCells, name: str, chosen: NDArray[np.bool_], threshold: float
) -> tuple[int, int, int]:
    """Number, sum and sum of squares of the delay of the largest cell, one an event."""
    rows = np.flatnonzero(chosen & sampled.present[name])
    energy, delay = sampled.cells[name].energy[rows], sampled.cells[name].delay[rows]
    largest = energy.argmax(axis=1)
    every = np.arange(len(rows))
    energy, delay = energy[every, largest], delay[every, largest]
    timed = delay[(energy > threshold) & (np.abs(delay) < MOST_DELAY)]
    steps = np.rint(MICRO * timed).astype(np.int64)
    return len(steps), int(steps.sum()), int(_squares(steps).sum())


def _squares(values: Integers) -> Integers:
    """Squares in the unit of the values: millionths of the square of what is 1."""
    squares: Integers = values * values // MICRO
    return squares


def _of_cells(
    sampled: SampledCells, name: str, samples: Mapping[str, NDArray[np.bool_]], detector: Detector
) -> Iterator[tuple[str, Integers]]:
    table, present, threshold = sampled.cells[name], sampled.present[name], threshold_of(detector)
    energy = np.where(present[:, None], table.energy, 0.0)
    for sample in ("beam", "led"):
        hit = (energy > threshold) & samples[sample][:, None]
        logs = np.where(hit, np.rint(MICRO * np.log(np.where(hit, energy, 1.0))), 0).astype(np.int64)
        yield f"{sample}_n", hit.sum(axis=0)
        yield f"{sample}_log", logs.sum(axis=0)
        yield f"{sample}_square", _squares(logs).sum(axis=0)
    timed = (energy > threshold) & samples["beam"][:, None] & (np.abs(table.delay) < MOST_DELAY)
    delay = np.where(timed, np.rint(MICRO * np.where(timed, table.delay, 0.0)), 0).astype(np.int64)
    yield "time_n", timed.sum(axis=0)
    yield "time", delay.sum(axis=0)
    yield "time_square", _squares(delay).sum(axis=0)
    quiet = energy[samples["random"] & present]
    steps = np.rint(NOISE_STEPS * np.clip(quiet / max(threshold, 1e-12), -1, 1)).astype(np.int64)
    yield "random_n", (quiet != 0).sum(axis=0)
    yield "noise", steps.sum(axis=0)
    yield "noise_square", (steps * steps).sum(axis=0)
