"""From what cells show to their constants: each measured, or kept and said to be."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from na64.datasets.calibration.calibration_file import rounded
from na64.datasets.calibration.constants import (
    KEPT,
    CellValues,
    DetectorConstants,
    Quantity,
    RunRange,
    base_of,
)
from na64.datasets.instrument.detector import Detector, Setup
from na64.datasets.instrument.roles import CALORIMETER, Role
from na64.outputs.control.calibration.cell_faults import bad_cells
from na64.outputs.control.calibration.estimators import Estimate
from na64.outputs.control.calibration.measuring import (
    SIGNALS,
    CellMeasurement,
    Measurement,
    baselines_of,
    counts_of,
    measure,
)
from na64.outputs.control.calibration.shower_profile import fit_template, mean_shower
from na64.processors.calibration.sums import Sums

GOOD_ENOUGH, BEST_OF_REST = 0.02, 0.1
"""Relative errors of scales: the first method below the one is taken, or else the best below the other."""


_FEWEST_WITH_BOTH = 3


@dataclass(frozen=True, slots=True)
class Value:
    """A constant of one cell."""

    value: float
    error: float = 0.0
    entries: int = 0
    method: str = KEPT


@dataclass(frozen=True, slots=True)
class RangeInput:
    """What the constants of some runs are made of.

    Attributes
    ----------
    first, last : int
    period : str
    setup : Setup
        Of the period.
    beam_energy : float
        GeV.
    reference : RunRange or None
        Earlier constants: what is kept, and what signals are compared with.
    least : int
        Entries that a constant needs.
    """

    first: int
    last: int
    period: str
    setup: Setup
    beam_energy: float
    reference: RunRange | None
    least: int


def constants_of(sums: Sums, asked: RangeInput) -> tuple[RunRange, Measurement]:
    """Constants of all cells in some runs, and what they were made of."""
    measured = measure(sums, asked.setup, asked.beam_energy, asked.least)
    detectors = {
        name: _of_detector(cells, asked.setup.detectors[name], measured, asked)
        for name, cells in measured.cells.items()
    }
    bad = bad_cells(counts_of(sums, measured, asked.setup, asked.reference), asked.setup.detectors)
    scales = detectors[CALORIMETER].values[Quantity.SCALE].values if CALORIMETER in detectors else ()
    ignored = frozenset(entry.cell for entry in bad if entry.detector == CALORIMETER)
    baselines = baselines_of(measured.cells.get(CALORIMETER, ()))
    shower = mean_shower(sums, asked.setup, scales, ignored, baselines)
    template, errors = fit_template(shower, asked.setup, asked.beam_energy)
    if template is None and asked.reference is not None:
        template, errors = asked.reference.template, {}
    found = RunRange(asked.first, asked.last, asked.period, detectors, tuple(bad), template, errors)
    return found, measured


def _of_detector(
    cells: tuple[CellMeasurement, ...], detector: Detector, measured: Measurement, asked: RangeInput
) -> DetectorConstants:
    before = None if asked.reference is None else asked.reference.detectors.get(detector.name)
    if before is not None and (before.base != base_of(detector) or before.n_cells != detector.n_cells):
        raise ValueError(
            f"reference: {detector.name} of period {asked.period} is not what it was made for: other cells, "
            "another order of them or other expected times"
        )
    old = _Old(detector, before)
    scales = [_scale(number, cell, old) for number, cell in enumerate(cells)]
    if detector.name == CALORIMETER:
        scales = _to_beam_energy(scales, detector, measured)
    ratios = [
        scale.value / period if period else 0.0 for scale, period in zip(scales, detector.scale, strict=True)
    ]
    values = {
        Quantity.SCALE: _listed(scales),
        Quantity.DELAY: _listed(_delays(cells, old)),
        Quantity.SIGMA: _listed(_sigma(n, cell, old) for n, cell in enumerate(cells)),
        Quantity.BASELINE: _listed(_baseline(n, cell, old) for n, cell in enumerate(cells)),
        Quantity.NOISE: _listed(_noise(cell, ratios[n]) for n, cell in enumerate(cells)),
        Quantity.OCCUPANCY: _listed(_occupancy(cell) for cell in cells),
    }
    for sample, quantity in SIGNALS.items():
        values[quantity] = _listed(_signal(cell, sample, ratios[n]) for n, cell in enumerate(cells))
    return DetectorConstants(base_of(detector), values)


def _listed(values: Iterator[Value] | list[Value]) -> CellValues:
    rows = list(values)
    return CellValues(
        tuple(rounded(row.value) for row in rows),
        tuple(rounded(row.error) for row in rows),
        tuple(row.entries for row in rows),
        tuple(row.method for row in rows),
    )


@dataclass(frozen=True, slots=True)
class _Old:
    """Constants from before: of a reference, or else of the period."""

    detector: Detector
    reference: DetectorConstants | None

    def value(self, quantity: Quantity, cell: int) -> float:
        """The constant that is kept if nothing is measured."""
        if self.reference is not None:
            return self.reference.values[quantity].values[cell]
        return self.detector.scale[cell] if quantity is Quantity.SCALE else 0.0

    def signal(self, sample: str, cell: int) -> Estimate | None:
        """Signal that a cell should have, GeV; None if nobody knows."""
        quantity = SIGNALS[sample]
        if self.reference is not None and quantity in self.reference.values:
            listed = self.reference.values[quantity]
            if listed.is_measured(cell):
                return Estimate(listed.values[cell], listed.errors[cell], listed.entries[cell])
        if sample == "muons" and self.detector.mip is not None and self.detector.role is not Role.TRACKER:
            return Estimate(self.detector.mip, 0.0, 0)
        return None


def _scale(number: int, cell: CellMeasurement, old: _Old) -> Value:
    """Scale by the first method that is sure enough, relative to the reference or to a known MIP."""
    found = list(_scales(number, cell, old))
    sure = [one for one in found if one.error < GOOD_ENOUGH * one.value]
    if sure:
        return sure[0]
    best = min(found, key=lambda one: one.error / one.value, default=None)
    if best is not None and best.error < BEST_OF_REST * best.value:
        return best
    return Value(old.value(Quantity.SCALE, number))


def _scales(number: int, cell: CellMeasurement, old: _Old) -> Iterator[Value]:
    period = old.detector.scale[number]
    # What electrons leave in a cell of a calorimeter depends on where the beam is; light does not.
    is_shared = old.detector.role is Role.CALORIMETER
    for sample in ("led", "electrons") if is_shared else ("electrons", "muons", "led"):
        now, then = cell.signals.get(sample), old.signal(sample, number)
        if now is None or then is None:
            continue
        relative = math.hypot(now.error / now.value, then.error / then.value)
        scale = period * then.value / now.value
        yield Value(scale, scale * relative, now.entries, sample)


def _to_beam_energy(scales: list[Value], detector: Detector, measured: Measurement) -> list[Value]:
    """Scales of all cells of the ECAL times one factor, with which electrons have the energy of the beam.

    The mean of electrons about their median is linear in the scales. How the energy is shared between cells
    is no measure of their scales: to choose those with the best resolution would only move energy from one
    plane to the other.
    """
    electron = measured.electron
    if electron is None or not measured.beam_energy > 0:
        return scales
    period = np.array(detector.scale)
    ratios = np.array([one.value for one in scales]) / np.where(period == 0, 1.0, period)
    factor = measured.beam_energy / float(ratios @ electron.cells)
    return [
        Value(
            one.value * factor,
            one.value * factor * math.hypot(one.error / one.value, electron.error),
            one.entries or electron.entries,
            "electrons, all cells" if one.method == KEPT else f"{one.method}; electrons, all cells",
        )
        if one.value > 0
        else one
        for one in scales
    ]


def _delays(cells: Sequence[CellMeasurement], old: _Old) -> Iterator[Value]:
    """Delays of particles; of cells with too few that of the light pulser, less what it has of its own."""
    own = _own_delay(cells)
    for number, cell in enumerate(cells):
        if cell.delay is not None:
            found = cell.delay.place
            yield Value(found.value, found.error, found.entries, "particles")
        elif cell.led_delay is not None and own is not None:
            found = cell.led_delay.place
            yield Value(found.value - own.value, math.hypot(found.error, own.error), found.entries, "led")
        else:
            yield Value(old.value(Quantity.DELAY, number), entries=cell.n_delays)


def _own_delay(cells: Sequence[CellMeasurement]) -> Estimate | None:
    """Delay of the light pulser against particles, and how much it differs between cells; None of too few."""
    both = [one.led_delay.place.value - one.delay.place.value for one in cells if one.led_delay and one.delay]
    if len(both) < _FEWEST_WITH_BOTH:
        return None
    middle = float(np.median(both))
    return Estimate(middle, 1.4826 * float(np.median(np.abs(np.array(both) - middle))), len(both))


def _sigma(number: int, cell: CellMeasurement, old: _Old) -> Value:
    """Resolution for particles: pulses of the light pulser are larger, and their times better."""
    if cell.delay is None:
        return Value(old.value(Quantity.SIGMA, number), entries=cell.n_delays)
    found = cell.delay.width
    return Value(found.value, found.error, found.entries, "particles")


def _baseline(number: int, cell: CellMeasurement, old: _Old) -> Value:
    period = old.detector.scale[number]
    if cell.noise is None or cell.noise.baseline is None or period == 0:
        return Value(old.value(Quantity.BASELINE, number), entries=_n_random(cell))
    found = cell.noise.baseline
    return Value(found.value / period, found.error / period, found.entries, "random")


def _noise(cell: CellMeasurement, ratio: float) -> Value:
    if cell.noise is None or cell.noise.noise is None:
        return Value(0.0, entries=_n_random(cell))
    found = cell.noise.noise
    return Value(found.value * ratio, found.error * ratio, found.entries, "random")


def _occupancy(cell: CellMeasurement) -> Value:
    if cell.noise is None:
        return Value(0.0)
    found = cell.noise.occupied
    return Value(found.value, found.error, found.entries, "random")


def _signal(cell: CellMeasurement, sample: str, ratio: float) -> Value:
    found = cell.signals.get(sample)
    if found is None or ratio == 0:
        return Value(0.0, entries=cell.seen[sample])
    return Value(found.value * ratio, found.error * ratio, found.entries, sample)


def _n_random(cell: CellMeasurement) -> int:
    return 0 if cell.noise is None else cell.noise.occupied.entries
