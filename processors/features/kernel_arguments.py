"""What is known of the detectors, as the kernels that make features take it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from na64.datasets.instrument.detector import Detector, Setup
from na64.datasets.instrument.features import INDEX, OWN_CHI2, made_of
from na64.processors.kernels import calorimeter, small

KernelArguments = tuple[Any, ...]


def rows_of(names: tuple[str, ...]) -> NDArray[np.int64]:
    """Return the rows of features in the table."""
    return np.array([INDEX[name] for name in names], np.int64)


def around(cell: tuple[int, int], reach: int, n_x: int, n_y: int) -> NDArray[np.int64]:
    """Cells of a plane within a reach of one, in order."""
    near = [
        ix * n_y + iy
        for ix in range(max(cell[0] - reach, 0), min(cell[0] + reach, n_x - 1) + 1)
        for iy in range(max(cell[1] - reach, 0), min(cell[1] + reach, n_y - 1) + 1)
    ]
    return np.array(near, np.int64)


def centres(detector: Detector) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where the cells of a plane are in x and y, from its centre, mm; nan if nobody knows their pitch."""
    _, n_x, n_y = detector.shape
    pitch = np.nan if detector.cell_pitch is None else detector.cell_pitch
    x = np.repeat((np.arange(n_x) - (n_x - 1) / 2) * pitch, n_y)
    y = np.tile((np.arange(n_y) - (n_y - 1) / 2) * pitch, n_x)
    return x, y


def calorimeter_arguments(setup: Setup) -> KernelArguments:
    """What `na64.processors.kernels.calorimeter.sum_calorimeter` takes between the grid and its outputs."""
    detector, beam_cell = setup.calorimeter, setup.beam_cell
    _, n_x, n_y = detector.shape
    x, y = centres(detector)
    windows = [around(beam_cell, reach, n_x, n_y) for reach in (1, 2)]
    rows = rows_of(made_of(detector.name)[: calorimeter.N_FEATURES])
    return (x, y, *windows, beam_cell[0] * n_y + beam_cell[1], rows)


def shower_arguments(setup: Setup) -> KernelArguments:
    """What `na64.processors.kernels.shower.fit_shower` takes between the grid and its outputs."""
    t, detector = setup.template, setup.calorimeter
    if t is None:
        raise ValueError(f"{detector.name}: the period has no shower template")
    template = np.array(
        [t.core, t.tail, t.core_slope, t.tail_slope, t.core_fraction, t.stochastic, t.constant, t.noise]
    )
    rows = rows_of((f"{detector.name}_max_cell", OWN_CHI2))
    return (detector.shape[2], float(setup.cell_pitch), template, t.ring, rows)


def modules_arguments(setup: Setup) -> KernelArguments:
    """What `na64.processors.kernels.modules.sum_modules` takes between the grid and its outputs."""
    detector = setup.modules
    _, n_x, n_y = detector.shape
    return (
        n_x * n_y,
        detector.place(*detector.middle),
        np.array(setup.chosen_modules, np.int64),
        np.array(setup.subtracted_modules, np.int64),
        float(setup.topology_threshold),
        setup.topology_peripheral_only,
        float(setup.muon_module_2),
        float(setup.muon_centre),
        float(setup.muon_module_2_with_centre),
        rows_of(made_of(detector.name)),
    )


def paddles_arguments(setup: Setup) -> KernelArguments:
    """What `na64.processors.kernels.small.sum_small` takes before its outputs, for paddles."""
    of_setup = float(setup.paddle_mip), float(setup.paddles.balance)
    return (small.PADDLES, *of_setup, rows_of(made_of(setup.paddles.name)))


def counters_arguments(detector: Detector) -> KernelArguments:
    """What `na64.processors.kernels.small.sum_small` takes before its outputs, for counters."""
    return (small.COUNTERS, math.nan, math.nan, rows_of(made_of(detector.name)))


def whole_arguments(detector: Detector) -> KernelArguments:
    """What `na64.processors.kernels.small.sum_small` takes before its outputs, for the sum of all cells."""
    return (small.WHOLE, math.nan, math.nan, rows_of(made_of(detector.name)))
