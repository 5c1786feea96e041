"""Whole batches of events: calibrated a few at a time, and made features of while they are in the cache.

There is one function a kernel and shape of the columns, and one for all small detectors: a function that is
given the others would be compiled anew in every process. ``pulses`` is what the window takes before its
outputs, ``arguments`` what the maker takes before its outputs; ``grid`` (n_cells, 2 * LANES), ``state``
(LANES,) and ``work`` are scratch.
"""

# ruff: noqa: PLR0917 (a kernel takes arrays and numbers, all in order)

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from na64.datasets.compiled.jit import jit, jit_lent
from na64.processors.kernels.calorimeter import sum_calorimeter
from na64.processors.kernels.cells import window_cells
from na64.processors.kernels.modules import sum_modules
from na64.processors.kernels.shower import fit_shower
from na64.processors.kernels.small import sum_small
from na64.processors.kernels.window import LANES, window_hits

Scratch = NDArray[np.float64]
Bytes = NDArray[np.uint8]
Values = NDArray[np.float32]
Arguments = tuple[object, ...]


@jit_lent
def calorimeter_of_cells(
    pulses: Arguments,
    arguments: Arguments,
    grid: Scratch,
    state: Bytes,
    work: Scratch,
    skip: Bytes,
    values: Values,
    visible: Scratch,
) -> None:
    """Make the features of a calorimeter from cells."""
    for start in range(0, skip.size, LANES):
        stop = min(start + LANES, skip.size)
        window_cells(*pulses, grid, state, skip, start, stop)
        sum_calorimeter(grid, state, work, *arguments, values, visible, start, stop)


@jit_lent
def calorimeter_of_hits(
    pulses: Arguments,
    arguments: Arguments,
    grid: Scratch,
    state: Bytes,
    work: Scratch,
    skip: Bytes,
    values: Values,
    visible: Scratch,
) -> None:
    """Make the features of a calorimeter from hits."""
    for start in range(0, skip.size, LANES):
        stop = min(start + LANES, skip.size)
        window_hits(*pulses, grid, state, skip, start, stop)
        sum_calorimeter(grid, state, work, *arguments, values, visible, start, stop)


@jit
def shower_of_cells(
    pulses: Arguments,
    arguments: Arguments,
    grid: Scratch,
    state: Bytes,
    work: Scratch,
    skip: Bytes,
    values: Values,
) -> None:
    """Make the features of the shower profile from cells."""
    for start in range(0, skip.size, LANES):
        stop = min(start + LANES, skip.size)
        window_cells(*pulses, grid, state, skip, start, stop)
        fit_shower(grid, state, work, *arguments, values, start, stop)


@jit
def shower_of_hits(
    pulses: Arguments,
    arguments: Arguments,
    grid: Scratch,
    state: Bytes,
    work: Scratch,
    skip: Bytes,
    values: Values,
) -> None:
    """Make the features of the shower profile from hits."""
    for start in range(0, skip.size, LANES):
        stop = min(start + LANES, skip.size)
        window_hits(*pulses, grid, state, skip, start, stop)
        fit_shower(grid, state, work, *arguments, values, start, stop)


@jit_lent
def modules_of_cells(
    pulses: Arguments,
    arguments: Arguments,
    grid: Scratch,
    state: Bytes,
    work: Scratch,
    skip: Bytes,
    values: Values,
    visible: Scratch,
) -> None:
    """Make the features of modules from cells."""
    for start in range(0, skip.size, LANES):
        stop = min(start + LANES, skip.size)
        window_cells(*pulses, grid, state, skip, start, stop)
        sum_modules(grid, state, work, *arguments, values, visible, start, stop)


@jit_lent
def modules_of_hits(
    pulses: Arguments,
    arguments: Arguments,
    grid: Scratch,
    state: Bytes,
    work: Scratch,
    skip: Bytes,
    values: Values,
    visible: Scratch,
) -> None:
    """Make the features of modules from hits."""
    for start in range(0, skip.size, LANES):
        stop = min(start + LANES, skip.size)
        window_hits(*pulses, grid, state, skip, start, stop)
        sum_modules(grid, state, work, *arguments, values, visible, start, stop)


@jit_lent
def small_of_cells(
    pulses: Arguments,
    arguments: Arguments,
    grid: Scratch,
    state: Bytes,
    work: Scratch,
    skip: Bytes,
    values: Values,
) -> None:
    """Make the features of a small detector from cells."""
    for start in range(0, skip.size, LANES):
        stop = min(start + LANES, skip.size)
        window_cells(*pulses, grid, state, skip, start, stop)
        sum_small(grid, state, work, *arguments, values, start, stop)


@jit_lent
def small_of_hits(
    pulses: Arguments,
    arguments: Arguments,
    grid: Scratch,
    state: Bytes,
    work: Scratch,
    skip: Bytes,
    values: Values,
) -> None:
    """Make the features of a small detector from hits."""
    for start in range(0, skip.size, LANES):
        stop = min(start + LANES, skip.size)
        window_hits(*pulses, grid, state, skip, start, stop)
        sum_small(grid, state, work, *arguments, values, start, stop)
