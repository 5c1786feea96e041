"""Cells of events as files have them to calibrated energies, out of time and in time."""

# ruff: noqa: PLR0917 (a kernel takes arrays and numbers, all in order)

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from na64.datasets.compiled.jit import jit_inline, jit_lent
from na64.processors.kernels.vector import (
    N_DOUBLE,
    WIDTH,
    Vector,
    magnitude,
    numbers_at,
    put_columns,
    put_vector,
    vector_at,
    vector_of,
    where_larger,
)
from na64.processors.kernels.window import LANES, USABLE, classify_pulse, raise_skip

Scratch = NDArray[np.float64]
Bytes = NDArray[np.uint8]

StoredCells = tuple[Bytes, Bytes, int, int, int]
"""A column of cells as a file has it, event by event: its bytes; those of the last events, if they are fewer
than eight, with zeros behind; the event where these begin; bytes from an event to the next (0 where one row
is of every event, and there eight times); and type, a place in `na64.processors.kernels.vector.KINDS`."""


@jit_inline
def place_of(cells: StoredCells, event: int) -> tuple[Bytes, int, int]:
    """Where eight events have their numbers: bytes, the first of them, and the type."""
    front, back, n_front, step, kind = cells
    if event < n_front:
        return front, event * step, kind
    return back, 0, kind


@jit_inline
def vectors_at(
    numbers: tuple[Bytes, int, int],
    number: int,
) -> Vector:
    """Eight numbers of a column from a number on."""
    stored, place, kind = numbers
    return numbers_at(stored, place + number * (8 if kind < N_DOUBLE else 4), kind)


@jit_lent
def window_rows(
    energy: StoredCells,
    time: StoredCells,
    expected: StoredCells,
    sigma: StoredCells,
    n_sigma: float,
    scale: Scratch,
    pedestal: float,
    event: int,
    rows: Scratch,
) -> bool:
    """Calibrate the cells of eight events, event by event; whether all values are finite.

    ``rows`` gets the energies out of time of all cells of all events, then those in time.
    """
    energies, times = place_of(energy, event), place_of(time, event)
    expectations, sigmas = place_of(expected, event), place_of(sigma, event)
    zero, one, infinity = vector_of(0.0), vector_of(1.0), vector_of(np.inf)
    nonfinite, factor, noise = zero, vector_of(n_sigma), vector_of(pedestal)
    for number in range(0, scale.size, WIDTH):
        value = vectors_at(energies, number)
        delay = magnitude(vectors_at(times, number) - vectors_at(expectations, number))
        resolution = vectors_at(sigmas, number)
        size = magnitude(value) + delay + magnitude(resolution)
        nonfinite = where_larger(infinity, size, nonfinite, one)
        value = value * vector_at(scale, number)
        kept = where_larger(value, noise, value, zero)
        limit = factor * resolution
        put_vector(zero + where_larger(limit, delay, zero, kept), rows, number)
        put_vector(zero + where_larger(limit, delay, kept, zero), rows, scale.size + number)
    put_vector(nonfinite, rows, 2 * scale.size)
    n_wrong = 0.0
    for lane in range(WIDTH):
        n_wrong += rows[2 * scale.size + lane]
    return n_wrong == 0.0


@jit_inline
def put_cells(rows: Scratch, n_cells: int, start: int, grid: Scratch, lane: int) -> None:
    """Bring the cells of eight events side by side into a grid."""
    flat, distance = grid.reshape(-1), grid.shape[1]
    if n_cells >= WIDTH:
        for cell in range(0, n_cells, WIDTH):
            first = min(cell, n_cells - WIDTH)
            put_columns(rows, start + first, n_cells, flat, first * distance + lane, distance)
    else:
        for cell in range(n_cells):
            for row in range(WIDTH):
                grid[cell, lane + row] = rows[start + row * n_cells + cell]


@jit_lent
def classify_rows(
    energy: StoredCells,
    time: StoredCells,
    expected: StoredCells,
    sigma: StoredCells,
    absent: int,
    event: int,
    n_rows: int,
    rows: Scratch,
    n_cells: int,
    state: Bytes,
    skip: Bytes,
    lane: int,
) -> None:
    """Find the worst state that the values of some of eight events leave their detector in."""
    n_values = n_cells * WIDTH
    energies, times = place_of(energy, event), place_of(time, event)
    expectations, sigmas = place_of(expected, event), place_of(sigma, event)
    for number in range(0, n_values, WIDTH):
        put_vector(vectors_at(energies, number), rows, number)
        put_vector(vectors_at(times, number), rows, n_values + number)
        put_vector(vectors_at(expectations, number), rows, 2 * n_values + number)
        put_vector(vectors_at(sigmas, number), rows, 3 * n_values + number)
    for row in range(n_rows):
        worst = USABLE
        for value in range(row * n_cells, (row + 1) * n_cells):
            pulse = (
                rows[value],
                rows[n_values + value],
                rows[2 * n_values + value],
                rows[3 * n_values + value],
            )
            worst = max(worst, classify_pulse(*pulse, absent))
        state[lane + row] = worst
        raise_skip(skip, event + row, worst)


@jit_lent
def window_cells(
    energy: StoredCells,
    time: StoredCells,
    expected: StoredCells,
    sigma: StoredCells,
    n_sigma: float,
    scale: Scratch,
    pedestal: float,
    absent: int,
    rows: Scratch,
    grid: Scratch,
    state: Bytes,
    skip: Bytes,
    start: int,
    stop: int,
) -> None:
    """Calibrate the cells of events ``start`` to ``stop`` and keep those in time.

    The energy of a cell is ``energy * scale``, or zero if that is not above the pedestal. It is in time if
    ``|time - expected| < n_sigma * sigma``. A file has the cells of an event side by side: eight at a time
    are calibrated in that order, and what is kept of them is brought into columns of eight events, since
    every sum is then one instruction for eight of them.

    Parameters
    ----------
    energy, time, expected, sigma : StoredCells, GeV and ns
        Of every cell.
    n_sigma : float
    scale : (WIDTH * n_cells,) float64
        Of every cell, as often as events are calibrated at once.
    pedestal : float, GeV
    absent : int
        Bits 0 to 3: a nan in energy, time, expected, sigma says that the detector was absent.
    rows : (4 * WIDTH * n_cells + WIDTH,) float64, scratch
    grid : (n_cells, 2 * LANES) float64, GeV, output
        Energies out of time of up to `LANES` events, then their energies in time.
    state : (LANES,) uint8, output
    skip : (n_events,) uint8, output
        Why the event is skipped; raised, never lowered.
    start, stop : int
        ``start`` is a multiple of eight.
    """
    n_cells = scale.size // WIDTH
    for lane in range(0, stop - start, WIDTH):
        event = start + lane
        n_rows = min(WIDTH, stop - event)
        finite = window_rows(energy, time, expected, sigma, n_sigma, scale, pedestal, event, rows)
        put_cells(rows, n_cells, 0, grid, lane)
        put_cells(rows, n_cells, scale.size, grid, LANES + lane)
        for row in range(n_rows):
            state[lane + row] = USABLE
        if not finite:
            of_file = (energy, time, expected, sigma)
            classify_rows(*of_file, absent, event, n_rows, rows, n_cells, state, skip, lane)
