"""Recorded cells or hits to calibrated energies, event by event, for kernels of any detector."""

# ruff: noqa: PLR0917 (a kernel takes arrays and numbers, all in order)

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from na64.datasets.compiled.jit import jit_inline, jit_lent
from na64.processors.kernels.cells import window_cells
from na64.processors.kernels.window import LANES, window_hits

Scratch = NDArray[np.float64]
Bytes = NDArray[np.uint8]
Arguments = tuple[object, ...]


@jit_inline
def turn(grid: Scratch, lanes: Bytes, out: Scratch, in_time: Scratch, state: Bytes) -> None:
    """Copy a grid of events side by side to events one after the other."""
    for lane in range(state.size):
        state[lane] = lanes[lane]
        for cell in range(grid.shape[0]):
            out[lane, cell] = grid[cell, lane]
            in_time[lane, cell] = grid[cell, LANES + lane]


@jit_lent
def calibrate_cells(
    pulses: Arguments,
    grid: Scratch,
    lanes: Bytes,
    skip: Bytes,
    out: Scratch,
    in_time: Scratch,
    state: Bytes,
    start: int,
    stop: int,
) -> None:
    """Calibrate the cells of events ``start`` to ``stop``.

    Parameters
    ----------
    pulses : tuple
        What `na64.processors.kernels.cells.window_cells` takes before its outputs.
    grid : (n_cells, 2 * LANES) float64, scratch
    lanes : (LANES,) uint8, scratch
    skip : (n_events,) uint8, output
        Why an event is skipped; raised, never lowered.
    out, in_time : (at least stop - start, n_cells) float64, GeV, output
    state : (at least stop - start,) uint8, output
    start, stop : int
    """
    for first in range(start, stop, LANES):
        last = min(first + LANES, stop)
        window_cells(*pulses, grid, lanes, skip, first, last)
        own = slice(first - start, last - start)
        turn(grid, lanes, out[own], in_time[own], state[own])


@jit_lent
def calibrate_hits(
    pulses: Arguments,
    grid: Scratch,
    lanes: Bytes,
    skip: Bytes,
    out: Scratch,
    in_time: Scratch,
    state: Bytes,
    start: int,
    stop: int,
) -> None:
    """Do as `calibrate_cells` for what `na64.processors.kernels.window.window_hits` takes."""
    for first in range(start, stop, LANES):
        last = min(first + LANES, stop)
        window_hits(*pulses, grid, lanes, skip, first, last)
        own = slice(first - start, last - start)
        turn(grid, lanes, out[own], in_time[own], state[own])
