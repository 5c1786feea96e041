"""Recorded cells or hits to calibrated energies, out of time and in time."""

# ruff: noqa: PLR0917 (a kernel takes arrays and numbers, all in order)

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from na64.datasets.compiled.jit import jit_inline
from na64.processors.kernels.vector import WIDTH, put_vector, vector_at, vector_of

Floats = NDArray[np.floating]
Scratch = NDArray[np.float64]
Bytes = NDArray[np.uint8]
Kept = tuple[Scratch, NDArray[np.uint8], NDArray[np.uint32]]
"""Columns of the hits that are kept: energy, lane, and place in the grid."""

LANES = 32
"""Events side by side in a grid of cells, where one instruction works on several of them; the fastest of
8 to 64."""

USUAL = 64
"""Lanes of hits that are written at once: rarely has an event more hits in a detector."""

_STEP = np.uint64(2 * LANES)
_OUT, _IN_TIME = np.uint64(0), np.uint64(LANES)

LARGEST = float(np.finfo(np.float64).max)


def offsets(number: int, start: int = 0) -> tuple[int, ...]:
    """Places of quantities in a scratch array in which each has one value for each of `LANES` events."""
    return tuple(start + LANES * index for index in range(number))


USABLE = 0
ABSENT = 1
NONFINITE = 2
CELL_RANGE = 3
UNEQUAL = 4
"""State of a detector in an event; of several the largest holds. From `NONFINITE` on the event is skipped:
the number less `ABSENT` is its `na64.processors.features.compute.Skip`."""


@jit_inline
def raise_skip(skip: NDArray[np.uint8], event: int, state: int) -> None:
    """Note why an event cannot be used, unless something worse is noted already."""
    if state >= NONFINITE:
        skip[event] = max(skip[event], state - ABSENT)


@jit_inline
def classify_value(value: float, nan_is_absent: int) -> int:
    """State that one recorded value leaves its detector in."""
    if abs(np.float64(value)) <= LARGEST:
        return USABLE
    if value != value and nan_is_absent != 0:  # noqa: PLR0124 (true of nan only)
        return ABSENT
    return NONFINITE


@jit_inline
def classify_pulse(energy: float, time: float, expected: float, sigma: float, absent: int) -> int:
    """Worst state of the four values of a pulse; ``absent`` has one bit for each."""
    return max(
        classify_value(energy, absent & 1),
        classify_value(time, absent & 2),
        classify_value(expected, absent & 4),
        classify_value(sigma, absent & 8),
    )


@jit_inline
def most_hits(offsets: NDArray[np.int64]) -> int:
    """Most hits of `LANES` events side by side; -1 if offsets decrease."""
    most, decreasing = 0, False
    for event in range(1, offsets.size):
        decreasing |= offsets[event] < offsets[event - 1]
    for start in range(0, offsets.size - 1, LANES):
        most = max(most, offsets[min(start + LANES, offsets.size - 1)] - offsets[start])
    return -1 if decreasing else most


@jit_inline
def mark_lanes(offsets: NDArray[np.int64], lanes: NDArray[np.uint8]) -> None:
    """Write the lane of each hit, a full register an event: its end is written over by the next event."""
    first, usual = offsets[0], np.uint64(USUAL)
    for lane in range(offsets.size - 1):
        start, stop = np.uint64(offsets[lane] - first), np.uint64(offsets[lane + 1] - first)
        for hit in range(usual):
            lanes[start + hit] = lane
        for hit in range(start + usual, stop):
            lanes[hit] = lane


@jit_inline
def keep_alike(
    cells: NDArray[np.integer],
    energy: Floats,
    time: Floats,
    expected: float,
    limit: float,
    scale: float,
    n_cells: int,
    pedestal: float,
    kept: Kept,
) -> int:
    """Calibrate hits of cells that are all alike; give how many are not good for sure."""
    kept_energy, lanes, places = kept
    lost = 0
    for hit in range(energy.size):
        cell, value = np.uint64(cells[hit]), np.float64(energy[hit]) * scale
        delay = np.float64(time[hit]) - expected
        there = cell < np.uint64(n_cells)
        lost += 0 if there & (abs(value) + abs(delay) + abs(limit) <= LARGEST) else 1
        kept_energy[hit] = value if there & (value > pedestal) else 0.0
        side = _IN_TIME if abs(delay) < limit else _OUT
        places[hit] = np.uint32((cell if there else np.uint64(0)) * _STEP + side + np.uint64(lanes[hit]))
    return lost


@jit_inline
def keep_hits(
    cells: NDArray[np.integer],
    energy: Floats,
    time: Floats,
    expected: Floats,
    sigma: Floats,
    per_hit: int,
    n_sigma: float,
    scale: Scratch,
    pedestal: float,
    start: int,
    stop: int,
    kept: Kept,
) -> int:
    """Calibrate hits from ``start`` to ``stop``; give how many are not good for sure."""
    kept_energy, lanes, places = kept
    lost = 0
    for hit in range(stop - start):
        number = np.uint64(start + hit)
        cell = np.uint64(cells[number])
        kept_energy[hit] = 0.0
        places[hit] = 0
        if cell < np.uint64(scale.size):
            t = np.float64(time[number if per_hit & 2 else cell])
            x = np.float64(expected[number if per_hit & 4 else cell])
            limit = n_sigma * np.float64(sigma[number if per_hit & 8 else cell])
            value = np.float64(energy[number]) * scale[cell]
            lost += 0 if abs(value) + abs(t - x) + abs(limit) <= LARGEST else 1
            kept_energy[hit] = value if value > pedestal else 0.0
            side = _IN_TIME if abs(t - x) < limit else _OUT
            places[hit] = np.uint32(cell * _STEP + side + np.uint64(lanes[hit]))
        else:
            lost += 1
    return lost


@jit_inline
def add_hits(n_hits: int, kept: Kept, grid: Scratch) -> None:
    """Add calibrated hits to their cells, in their order."""
    energy, _, places = kept
    flat = grid.reshape(-1)
    for hit in range(n_hits):
        place = np.uint64(places[hit])  # Unsigned numbers spare numba the test for a negative index.
        flat[place] += energy[hit]


@jit_inline
def classify_hits(
    cells: NDArray[np.integer],
    energy: Floats,
    time: Floats,
    expected: Floats,
    sigma: Floats,
    per_hit: int,
    absent: int,
    n_cells: int,
    start: int,
    stop: int,
) -> int:
    """Worst state that hits ``start`` to ``stop`` leave their detector in."""
    state = USABLE
    for hit in range(start, stop):
        cell, number = np.uint64(cells[hit]), np.uint64(hit)
        if cell < np.uint64(n_cells):
            t = time[number if per_hit & 2 else cell]
            x = expected[number if per_hit & 4 else cell]
            s = sigma[number if per_hit & 8 else cell]
            state = max(state, classify_pulse(energy[number], t, x, s, absent))
        else:
            state = CELL_RANGE
    return state


@jit_inline
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
    alike: bool,
    kept: Kept,
    grid: Scratch,
    state: NDArray[np.uint8],
    skip: NDArray[np.uint8],
    start: int,
    stop: int,
) -> None:
    """Calibrate hits as `na64.processors.kernels.cells.window_cells` does cells.

    Hits of the same cell add, each with its own window.

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
        As there.
    unequal : (n_events or 0,) bool
        Events whose hits are not to be used.
    alike : bool
        Times are one a hit; expected times, resolutions and scales are the same for all cells.
    kept : tuple of (at least the hits of `LANES` events,) float64, uint8 and uint32, scratch
        Written over; see `Kept`.
    grid : (n_cells, 2 * LANES) float64, GeV, output
        Energies out of time of up to `LANES` events, then their energies in time.
    state : (LANES,) uint8, output
    skip : (n_events,) uint8, output
        Why the event is skipped; raised, never lowered.
    start, stop : int
    """
    first, last = offsets[start], offsets[stop]
    mark_lanes(offsets[start : stop + 1], kept[1])
    if alike:
        calibration = (
            np.float64(expected[0]),
            n_sigma * np.float64(sigma[0]),
            scale[0],
            scale.size,
            pedestal,
        )
        lost = keep_alike(cells[first:last], energy[first:last], time[first:last], *calibration, kept)
    else:
        of_file = (cells, energy, time, expected, sigma)
        lost = keep_hits(*of_file, per_hit, n_sigma, scale, pedestal, first, last, kept)
    grid[:] = 0.0
    add_hits(last - first, kept, grid)
    state[:] = USABLE
    if lost > 0 or unequal.size > 0:
        for event in range(start, stop):
            own = (offsets[event], offsets[event + 1])
            found = classify_hits(cells, energy, time, expected, sigma, per_hit, absent, scale.size, *own)
            state[event - start] = UNEQUAL if unequal.size > 0 and unequal[event] else found
            raise_skip(skip, event, state[event - start])


@jit_inline
def store(
    made: Scratch,
    state: NDArray[np.uint8],
    rows: NDArray[np.int64],
    values: NDArray[np.float32],
    start: int,
    stop: int,
) -> None:
    """Round what was made of events ``start`` to ``stop`` into the table; nan where the detector is unusable.

    Parameters
    ----------
    made : (at least n_made * LANES,) float64
        One after the other.
    state : (LANES,) uint8
    rows : (n_made,) int64
        Rows of ``values``.
    values : (n_features, n_events) float32, output
    start, stop : int
    """
    for feature in range(rows.size):
        row, column = values[rows[feature], start:stop], made[feature * LANES :]
        for lane in range(row.size):
            row[lane] = np.float32(column[lane]) if state[lane] == USABLE else np.float32(np.nan)


@jit_inline
def add_visible(energy: Scratch, state: NDArray[np.uint8], visible: Scratch, start: int, stop: int) -> None:
    """Add an energy to the visible one, which becomes nan where the detector is unusable."""
    row = visible[start:stop]
    for lane in range(row.size):
        row[lane] += energy[lane] if state[lane] == USABLE else np.nan


@jit_inline
def sum_cells(cells: Scratch, sums: Scratch) -> None:
    """Add cells in order, event by event, at any time and in time."""
    for lane in range(0, LANES, WIDTH):
        out = in_time = vector_of(0.0)
        for cell in range(cells.shape[0]):
            out = out + vector_at(cells[cell], lane)
            in_time = in_time + vector_at(cells[cell], LANES + lane)
        put_vector(out + in_time, sums, lane)
        put_vector(in_time, sums, LANES + lane)


@jit_inline
def copy_lanes(one: Scratch, other: Scratch) -> None:
    """Copy a number an event."""
    for lane in range(0, LANES, WIDTH):
        put_vector(vector_at(one, lane), other, lane)
