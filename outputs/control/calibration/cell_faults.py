"""Cells that are dead or noisy: those that are not what the other cells of the detector are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from na64.datasets.calibration.constants import BadCell, Defect
from na64.datasets.instrument.detector import Detector
from na64.datasets.instrument.roles import Role

Integers = NDArray[np.int64]

FALSE_ALARM = 0.01
"""Chance of any false noisy cell among all that are looked at."""

NOISY_SHARE, NOISY_FACTOR = 0.1, 5.0
"""A noisy cell has something in more than this share of random triggers, and so often what others have."""

_ALL, _NONE = 0.9, 0.1
_FEWEST_FLASHES = 10
_FEWEST_NEAR, _DEAD_FACTOR = 400, 200
"""Pulses that cells beside a dead one have at least, and how many times fewer it has: at the edge of a shower
from cell to cell twenty times fewer is usual."""


@dataclass(frozen=True, slots=True, eq=False)
class CellCounts:
    """How often the cells of a detector had something.

    Attributes
    ----------
    n_led : int
    led : (n_cells,) int64
        Flashes of the light pulser that each cell has seen.
    particles : (n_cells,) int64
        Pulses of particles.
    n_random : int
    random : (n_cells,) int64
        Random triggers with something.
    expected : mapping of str to (n_events, (n_cells,) float64)
        By sample: its events, and the share of them in which the reference had a signal.
    seen : mapping of str to (n_cells,) int64
        By sample: signals now.
    """

    n_led: int
    led: Integers
    particles: Integers
    n_random: int
    random: Integers
    expected: Mapping[str, tuple[int, NDArray[np.float64]]]
    seen: Mapping[str, Integers]


def bad_cells(counts: Mapping[str, CellCounts], detectors: Mapping[str, Detector]) -> list[BadCell]:
    """Bad cells of all detectors, by detector and cell."""
    n_looks = sum(detectors[name].n_cells for name in counts)
    found = []
    for name, one in counts.items():
        dead = dict(_dead(one, detectors[name]))
        noisy = dict(_noisy(one, n_looks))
        found += [BadCell(name, cell, Defect.DEAD, reason) for cell, reason in dead.items()]
        found += [BadCell(name, cell, Defect.NOISY, why) for cell, why in noisy.items() if cell not in dead]
    return sorted(found, key=lambda entry: (list(counts).index(entry.detector), entry.cell))


def _dead(counts: CellCounts, detector: Detector) -> Iterator[tuple[int, str]]:
    flashed = counts.n_led >= _FEWEST_FLASHES and np.median(counts.led) > _ALL * counts.n_led
    for cell in range(detector.n_cells):
        if flashed and counts.led[cell] < _NONE * counts.n_led:
            yield cell, f"{counts.led[cell]} of {counts.n_led} flashes of the light pulser, others nearly all"
        elif lost := _lost(counts, cell):
            yield cell, lost
        elif not flashed and (near := adjacent(detector, cell)):
            usual = float(np.median(counts.particles[near]))
            if usual >= _FEWEST_NEAR and counts.particles[cell] * _DEAD_FACTOR < usual:
                yield cell, f"{counts.particles[cell]} pulses, the cells beside it have {usual:.0f}"


def _lost(counts: CellCounts, cell: int) -> str:
    """What the reference saw in a cell and is not there any more; empty if nothing is missed."""
    for sample, (n_events, share) in counts.expected.items():
        wanted = n_events * float(share[cell])
        if wanted >= _FEWEST_FLASHES and counts.seen[sample][cell] < _NONE * wanted:
            return f"{counts.seen[sample][cell]} signals of {sample}, {wanted:.0f} expected by the reference"
    return ""


def _noisy(counts: CellCounts, n_looks: int) -> Iterator[tuple[int, str]]:
    n = counts.n_random
    if n == 0:
        return
    usual = (float(np.median(counts.random)) + 1) / (n + 1)
    limit = max(NOISY_SHARE, NOISY_FACTOR * usual)
    for cell, seen in enumerate(counts.random.tolist()):
        share = seen / n
        chance = float(stats.binom.sf(seen - 1, n, min(usual, 1.0)))
        if share > limit and chance < FALSE_ALARM / n_looks:
            yield cell, f"something in {share:.1%} of {n} random triggers, usually {usual:.1%}"


def adjacent(detector: Detector, cell: int) -> Sequence[int]:
    """Cells beside a cell in its plane; of counters and photomultipliers all others."""
    if detector.role in (Role.COUNTERS, Role.PADDLES):
        return [other for other in range(detector.n_cells) if other != cell]
    _, n_x, n_y = detector.shape
    first = cell - cell % (n_x * n_y)
    ix, iy = divmod(cell - first, n_y)
    steps = ((ix - 1, iy), (ix + 1, iy), (ix, iy - 1), (ix, iy + 1))
    return [first + x * n_y + y for x, y in steps if 0 <= x < n_x and 0 <= y < n_y]
