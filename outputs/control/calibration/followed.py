"""What the monitoring follows from run to run and from spill to spill, out of the sums of the spills."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from na64.datasets.calibration.thresholds import threshold_of
from na64.datasets.instrument.detector import Setup
from na64.processors.calibration.spill_sums import EVENTS, FEATURES, MICRO, NOISE_STEPS, Slots, slots_of
from na64.processors.calibration.sums import Integers, Sums
from na64.processors.job import Job

Floats = NDArray[np.float64]

BEAM = "beam"
"""In place of a detector: quantities of beam triggers as a whole."""

FEWEST = 100
"""Entries below which a mean is not normal enough to be tested."""

QUIET = 4.0
"""Widths of noise that make no pulse: fewer of them than the threshold."""

UNITS = {"time": "ns", "share": "1", "occupancy": "1", "led_occupancy": "1", "noise_occupancy": "1"}
"""Units that are not GeV."""


@dataclass(frozen=True, slots=True)
class Place:
    """A run, or a spill of one, and the places that it can be compared with: those of the same group.

    Attributes
    ----------
    run : int
    spill : int or None
        None is the whole run.
    group : str
        Period and type of the run.
    """

    run: int
    spill: int | None
    group: str

    @property
    def name(self) -> str:
        """As it is written: ``8701`` or ``8701:3``."""
        return str(self.run) if self.spill is None else f"{self.run}:{self.spill}"


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """One quantity of some cells, or of beam triggers, at one place.

    Attributes
    ----------
    value, error : (n_cells,) float64
        nan where there is nothing.
    hits, trials : (n_cells,) int64 or None
        Of shares: what `value` is the ratio of, which is tested exactly.
    """

    value: Floats
    error: Floats
    hits: Integers | None = None
    trials: Integers | None = None


Key = tuple[str, str]
"""Detector or `BEAM`, and quantity."""

Rows = dict[Key, Row]


@dataclass(frozen=True, slots=True, eq=False)
class SpillTotals:
    """Sums of a spill, or of several, by place in `Slots`."""

    slots: Slots
    row: Integers

    def of_cells(self, detector: str, what: str) -> Integers:
        """A sum of every cell of a detector."""
        return self.row[self.slots.of_cells(detector, what)]

    def events(self, sample: str, detector: str = "") -> int:
        """Events of a sample, or those of them in which a detector was recorded."""
        return int(self.row[self.slots.of_events(detector, sample) if detector else EVENTS.index(sample)])

    @property
    def detectors(self) -> tuple[str, ...]:
        """Detectors that were recorded in some event."""
        return tuple(name for name in self.slots.cells if any(self.events(one, name) for one in EVENTS))


def spills_of(sums: Sums, setup: Setup) -> dict[int, SpillTotals]:
    """Sums of each spill of a run."""
    slots, found = slots_of(setup), {}
    for name, histogram in sums.histograms.items():
        row = np.zeros(slots.size, np.int64)
        row[histogram.keys] = histogram.counts
        found[int(name.removeprefix("spill."))] = SpillTotals(slots, row)
    return dict(sorted(found.items()))


def together(spills: Mapping[int, SpillTotals]) -> SpillTotals | None:
    """Sums of all spills of a run; None if there is none."""
    listed = list(spills.values())
    return (
        SpillTotals(listed[0].slots, sum((one.row for one in listed[1:]), listed[0].row)) if listed else None
    )


def rows_of(totals: SpillTotals, setup: Setup) -> Rows:
    """Every quantity that is followed, at one place."""
    rows = dict(_of_beam(totals))
    for name in totals.detectors:
        rows |= {
            (name, what): row for what, row in _of_detector(totals, name, threshold_of(setup.detectors[name]))
        }
        rows |= dict(_of_whole_detector(totals, name))
    return rows


def _of_beam(totals: SpillTotals) -> Iterator[tuple[Key, Row]]:
    n_beam = totals.events("beam")
    others = totals.events("random") + totals.events("led")
    yield (BEAM, "share"), _share(np.array([n_beam]), np.array([n_beam + others]))
    for name in FEATURES:
        n, total, square = np.split(totals.row[totals.slots.of_feature(name)], 3)
        yield (BEAM, name), _geometric(n, total, square)


def _of_whole_detector(totals: SpillTotals, name: str) -> Iterator[tuple[Key, Row]]:
    """Time of the largest cell of a detector, and mean number of cells, of beam triggers."""
    n, total, square = np.split(totals.row[totals.slots.of_time(name)], 3)
    yield (BEAM, f"{name}_time"), _mean(n, total, square)
    hit, n_beam = totals.of_cells(name, "beam_n"), totals.events("beam", name)
    mean = np.array([hit.sum() / n_beam]) if n_beam >= FEWEST else np.array([math.nan])
    # Cells of one event are not independent of each other: as if each event had all of them or none.
    spread = np.sqrt(mean * max(len(hit), 1) / max(n_beam, 1))
    yield (BEAM, f"{name}_cells"), Row(mean, spread)


def _of_detector(totals: SpillTotals, name: str, threshold: float) -> Iterator[tuple[str, Row]]:
    def of(*what: str) -> Iterator[Integers]:
        return (totals.of_cells(name, one) for one in what)

    n_cells = totals.slots.cells[name]
    yield "signal", _geometric(*of("beam_n", "beam_log", "beam_square"))
    yield "time", _mean(*of("time_n", "time", "time_square"))
    yield "led", _geometric(*of("led_n", "led_log", "led_square"))
    for what, hits, sample in (
        ("occupancy", "beam_n", "beam"),
        ("led_occupancy", "led_n", "led"),
        ("noise_occupancy", "random_n", "random"),
    ):
        trials = np.full(n_cells, totals.events(sample, name), np.int64)
        yield what, _share(totals.of_cells(name, hits), trials)
    yield "noise", _noise(totals, name, threshold)
    yield "baseline", _baseline(totals, name, threshold)


def _share(hits: Integers, trials: Integers) -> Row:
    n = np.maximum(trials, 1)
    value = np.where(trials > 0, hits / n, np.nan)
    error = np.sqrt(np.maximum(value * (1 - value), 1 / n) / n)
    return Row(value, error, hits, trials)


def _mean(n: Integers, total: Integers, square: Integers) -> Row:
    """Mean and its error, of sums in `MICRO`."""
    enough = n >= FEWEST
    safe = np.where(enough, n, 1)
    value = total / safe / MICRO
    variance = np.maximum(square / safe / MICRO - value**2, 0)
    return Row(np.where(enough, value, np.nan), np.where(enough, np.sqrt(variance / safe), np.nan))


def _geometric(n: Integers, total: Integers, square: Integers) -> Row:
    """Geometric mean and its error, of sums of logarithms."""
    found = _mean(n, total, square)
    value = np.exp(found.value)
    return Row(value, value * found.error)


def _noise(totals: SpillTotals, name: str, threshold: float) -> Row:
    """Width of energies in random triggers, those beyond the threshold of a pulse counted as that, GeV.

    Where most events have nothing the files leave small signals out, and there is only `noise_occupancy`.
    """
    n = totals.events("random", name)
    enough = (totals.of_cells(name, "random_n") > n / 2) & (n >= FEWEST)
    value = np.where(enough, noise_steps(totals, name) * threshold / NOISE_STEPS, np.nan)
    return Row(value, value / math.sqrt(2 * max(n, 1)))


def _baseline(totals: SpillTotals, name: str, threshold: float) -> Row:
    """Mean energy in random triggers, where most have something, GeV."""
    n = totals.events("random", name)
    enough = (totals.of_cells(name, "random_n") > n / 2) & (n >= FEWEST)
    mean = totals.of_cells(name, "noise") / max(n, 1)
    unit = threshold / NOISE_STEPS
    error = noise_steps(totals, name) * unit / math.sqrt(max(n, 1))
    return Row(np.where(enough, mean * unit, np.nan), np.where(enough, error, np.nan))


def noise_steps(totals: SpillTotals, name: str) -> Floats:
    """Width of the energies of cells in random triggers, in `NOISE_STEPS` of the threshold of a pulse."""
    n = max(totals.events("random", name), 1)
    mean = totals.of_cells(name, "noise") / n
    width: Floats = np.sqrt(np.maximum(totals.of_cells(name, "noise_square") / n - mean**2, 0))
    return width


def group_of(job: Job, run: int) -> str:
    """What a run can be compared with: runs of its period and type."""
    context = job.runs[run]
    return f"{context.period} {context.type.value}"
