"""Recorded cells or hits to calibrated energies, at any time and in time."""

# ruff: noqa: PLR0917 (a kernel takes arrays and numbers, all in order)

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from na64.processors.kernels.jit import jit

Floats = NDArray[np.floating]
Scratch = NDArray[np.float64]

LARGEST = float(np.finfo(np.float64).max)

USABLE = 0
ABSENT = 1
NONFINITE = 2
CELL_RANGE = 3
UNEQUAL = 4
"""State of a detector in an event; of several the largest holds. From `NONFINITE` on the event is skipped:
the number less `ABSENT` is its `na64.processors.features.Skip`."""


@jit
def raise_skip(skip: NDArray[np.uint8], event: int, state: int) -> None:
    """Note why an event cannot be used, unless something worse is noted already."""
    if state >= NONFINITE:
        skip[event] = max(skip[event], state - ABSENT)


@jit
def judge(value: float, nan_is_absent: int) -> int:
    """Give the state that one recorded value leaves its detector in."""
    if abs(np.float64(value)) <= LARGEST:
        return USABLE
    if value != value and nan_is_absent != 0:  # noqa: PLR0124 (true of nan only)
        return ABSENT
    return NONFINITE


@jit
def judge_pulse(energy: float, time: float, expected: float, sigma: float, absent: int) -> int:
    """Give the worst state of the four values of a pulse; ``absent`` has one bit for each."""
    return max(
        judge(energy, absent & 1),
        judge(time, absent & 2),
        judge(expected, absent & 4),
        judge(sigma, absent & 8),
    )


@jit
def window_cells(
    energy: Floats,
    time: Floats,
    expected: Floats,
    sigma: Floats,
    n_sigma: float,
    sigma_of_cell: NDArray[np.int64],
    scale: Scratch,
    pedestal: float,
    absent: int,
    total: Scratch,
    in_time: Scratch,
    state: NDArray[np.uint8],
    skip: NDArray[np.uint8],
    start: int,
    stop: int,
) -> None:
    """Calibrate the cells of events ``start`` to ``stop`` and keep those in time.

    The energy of a cell is ``energy * scale``, or zero if that is not above the pedestal. It is in time if
    ``|time - expected| < n_sigma * sigma``. Where ``time``, ``expected`` or ``sigma`` has one row, the row is
    of every event.

    Parameters
    ----------
    energy : (n_events, n_cells) float, GeV
    time, expected : (n_events or 1, n_cells) float, ns
    sigma : (n_events or 1, n_sigma) float, ns
    n_sigma : float
    sigma_of_cell : (n_cells,) int64
        Column of ``sigma`` of each cell.
    scale : (n_cells,) float64
    pedestal : float, GeV
    absent : int
        Bits 0 to 3: a nan in energy, time, expected, sigma says that the detector was absent.
    total, in_time : (at least stop - start, n_cells) float64, GeV, output
    state : (at least stop - start,) uint8, output
    skip : (n_events,) uint8, output
        Why the event is skipped; raised, never lowered.
    start, stop : int
    """
    n_cells = energy.shape[1]
    time_step = 1 if time.shape[0] == energy.shape[0] else 0
    expected_step = 1 if expected.shape[0] == energy.shape[0] else 0
    sigma_step = 1 if sigma.shape[0] == energy.shape[0] else 0
    for event in range(start, stop):
        row = event - start
        t, x, s = event * time_step, event * expected_step, event * sigma_step
        finite = True
        for cell in range(n_cells):
            value = np.float64(energy[event, cell])
            delay = np.float64(time[t, cell]) - np.float64(expected[x, cell])
            resolution = np.float64(sigma[s, sigma_of_cell[cell]])
            finite &= bool(abs(value) + abs(delay) + abs(resolution) <= LARGEST)
            value *= scale[cell]
            kept = value if value > pedestal else 0.0
            total[row, cell] = 0.0 + kept
            in_time[row, cell] = 0.0 + (kept if abs(delay) < n_sigma * resolution else 0.0)
        state[row] = USABLE
        if not finite:
            for cell in range(n_cells):
                worst = judge_pulse(
                    energy[event, cell],
                    time[t, cell],
                    expected[x, cell],
                    sigma[s, sigma_of_cell[cell]],
                    absent,
                )
                state[row] = max(state[row], worst)
            raise_skip(skip, event, state[row])


@jit
def window_hits(
    offsets: NDArray[np.int64],
    cells: NDArray[np.integer],
    energy: Floats,
    time: Floats,
    expected: Floats,
    sigma: Floats,
    per_hit: int,
    n_sigma: float,
    scale: Scratch,
    pedestal: float,
    absent: int,
    unequal: NDArray[np.bool_],
    total: Scratch,
    in_time: Scratch,
    state: NDArray[np.uint8],
    skip: NDArray[np.uint8],
    start: int,
    stop: int,
) -> None:
    """Do what `window_cells` does for an event's hits; hits of the same cell add, each with its own window.

    Parameters
    ----------
    offsets : (n_events + 1,) int64
    cells : (n_hits,) integer
        Checked here: a hit elsewhere than in ``0`` to ``n_cells - 1`` is not used and leaves `CELL_RANGE`.
    energy : (n_hits,) float, GeV
    time, expected, sigma : (n_hits,) or (n_cells,) float, ns
    per_hit : int
        Bits 1 to 3: time, expected, sigma are one a hit, else one a cell.
    n_sigma, scale, pedestal, absent
        As in `window_cells`.
    unequal : (n_events or 0,) bool
        Events whose hits are not to be used.
    total, in_time : (at least stop - start, n_cells) float64, GeV, output
    state : (at least stop - start,) uint8, output
    skip : (n_events,) uint8, output
        Why the event is skipped; raised, never lowered.
    start, stop : int
    """
    n_cells = scale.size
    for event in range(start, stop):
        row = np.uint64(event - start)
        total[row, :] = 0.0
        in_time[row, :] = 0.0
        state[row] = USABLE
        if unequal.size > 0 and unequal[event]:
            state[row] = UNEQUAL
            raise_skip(skip, event, UNEQUAL)
            continue
        for hit in range(offsets[event], offsets[event + 1]):
            where = np.int64(cells[hit])
            if where < 0 or where >= n_cells:
                state[row] = CELL_RANGE
                continue
            # An unsigned index spares numba the test for a negative one: a fifth of the time.
            cell, number = np.uint64(where), np.uint64(hit)
            value = np.float64(energy[number])
            t = np.float64(time[number if per_hit & 2 else cell])
            x = np.float64(expected[number if per_hit & 4 else cell])
            s = np.float64(sigma[number if per_hit & 8 else cell])
            if not abs(value) + abs(t - x) + abs(s) <= LARGEST:
                state[row] = max(state[row], judge_pulse(value, t, x, s, absent))
            value *= scale[cell]
            kept = value if value > pedestal else 0.0
            total[row, cell] += kept
            in_time[row, cell] += kept if abs(t - x) < n_sigma * s else 0.0
        raise_skip(skip, event, state[row])
