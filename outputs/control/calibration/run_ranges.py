"""Ranges of runs in which no cell has jumped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import NormalDist

from na64.outputs.control.calibration.estimators import Estimate
from na64.outputs.control.calibration.measuring import Measurement

FALSE_ALARM = 0.01
"""Chance of any false jump among all that are looked at."""

DELAY_FLOOR, SIGNAL_FLOOR = 0.1, 0.01
"""How well a run repeats itself at best: ns, and relative; part of every error."""

Key = tuple[str, int, str]
"""Detector, cell, and ``delay`` or the sample of a signal."""


@dataclass(frozen=True, slots=True)
class Jump:
    """A cell that is not what it was in the runs before."""

    run: int
    detector: str
    cell: int
    quantity: str
    before: float
    after: float
    n_sigma: float

    def __str__(self) -> str:
        unit = "ns" if self.quantity == "delay" else "GeV"
        what = self.quantity if self.quantity == "delay" else f"signal of {self.quantity}"
        return (
            f"run {self.run}: {self.detector} cell {self.cell}: {what} from {self.before:.4g} to "
            f"{self.after:.4g} {unit} ({self.n_sigma:.0f} standard deviations)"
        )


@dataclass
class _Course:
    """What cells had since the range began: sums of weights and of weighted values."""

    weights: dict[Key, float] = field(default_factory=dict)
    totals: dict[Key, float] = field(default_factory=dict)

    def add(self, values: Mapping[Key, Estimate]) -> None:
        for key, one in values.items():
            weight = 1 / _variance(key, one)
            self.weights[key] = self.weights.get(key, 0.0) + weight
            self.totals[key] = self.totals.get(key, 0.0) + weight * one.value

    def before(self, key: Key) -> tuple[float, float] | None:
        if key not in self.weights:
            return None
        return self.totals[key] / self.weights[key], 1 / self.weights[key]


def followed(measured: Measurement) -> dict[Key, Estimate]:
    """What is followed from run to run: delays and signals of all cells that have them."""
    found: dict[Key, Estimate] = {}
    for name, cells in measured.cells.items():
        for number, cell in enumerate(cells):
            if cell.delay is not None:
                found[name, number, "delay"] = cell.delay.place
            found |= {(name, number, sample): one for sample, one in cell.signals.items()}
    return found


def _variance(key: Key, one: Estimate) -> float:
    floor = DELAY_FLOOR if key[2] == "delay" else SIGNAL_FLOOR * one.value
    return one.error**2 + floor**2


def find_ranges(
    runs: Iterable[tuple[int, str, Mapping[Key, Estimate]]], n_runs: int
) -> tuple[list[tuple[int, ...]], list[Jump]]:
    """Runs that go together, and the jumps between them; the limit is for all cells and runs together.

    Parameters
    ----------
    runs : iterable of (run, period, values)
        Ascending.
    n_runs : int
    """
    groups: list[list[int]] = []
    jumps: list[Jump] = []
    course, period = _Course(), ""
    for run, own_period, values in runs:
        found = [] if own_period != period else list(_jumps(run, values, course, n_runs))
        if found or own_period != period or not groups:
            course, period = _Course(), own_period
            groups.append([])
            jumps += sorted(found, key=lambda jump: -jump.n_sigma)
        groups[-1].append(run)
        course.add(values)
    return [tuple(group) for group in groups], jumps


def _jumps(run: int, values: Mapping[Key, Estimate], course: _Course, n_runs: int) -> Iterator[Jump]:
    limit = NormalDist().inv_cdf(1 - FALSE_ALARM / max(2 * len(values) * n_runs, 1))
    for key, one in values.items():
        before = course.before(key)
        if before is None:
            continue
        distance = abs(one.value - before[0]) / (_variance(key, one) + before[1]) ** 0.5
        if distance > limit:
            yield Jump(run, *key, before=before[0], after=one.value, n_sigma=distance)


def stated_ranges(text: str, runs: Sequence[int]) -> list[tuple[int, int, tuple[int, ...]]]:
    """First and last run of every stated range, ``8701-8704,8705-8710``, and its runs that are there.

    Raises
    ------
    ValueError
        A range that is none or has no run, or a run that is in none of them; names it.
    """
    groups = []
    for part in text.split(","):
        first, _, last = part.strip().partition("-")
        if not first.isdecimal() or (last and not last.isdecimal()):
            raise ValueError(f'--ranges: "{part.strip()}" is not a range of runs such as 8701-8704')
        start, stop = int(first), int(last or first)
        groups.append((start, stop, tuple(run for run in runs if start <= run <= stop)))
        if not groups[-1][2]:
            raise ValueError(f"--ranges: {part.strip()}: no run of the catalogue is in it")
    for one, other in pairwise(groups):
        if other[0] <= one[1]:
            raise ValueError(f"--ranges: run {other[0]} is not after run {one[1]}")
    listed = {run for group in groups for run in group[2]}
    if lost := [run for run in runs if run not in listed]:
        raise ValueError(f"--ranges: run {lost[0]} is in none of them")
    return groups
