"""What is known of the detectors, as the kernels that make features take it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from na64.datasets.instrument.detector import Detector, Setup
from na64.datasets.instrument.features import INDEX
from na64.processors.kernels import ecal, hcal, shower, small

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


def ecal_arguments(setup: Setup) -> KernelArguments:
    """What `na64.processors.kernels.ecal.sum_ecal` takes between the grid and its outputs."""
    _, n_x, n_y = setup.ecal.shape
    x, y = centres(setup.ecal)
    windows = [around(setup.beam_cell, reach, n_x, n_y) for reach in (1, 2)]
    return (x, y, *windows, setup.beam_cell[0] * n_y + setup.beam_cell[1], rows_of(ecal.FEATURES))


def shower_arguments(setup: Setup) -> KernelArguments:
    """What `na64.processors.kernels.shower.fit_shower` takes between the grid and its outputs."""
    t = setup.template
    if t is None:
        raise ValueError("ecal: the period has no shower template")
    template = np.array(
        [t.core, t.tail, t.core_slope, t.tail_slope, t.core_fraction, t.stochastic, t.constant, t.noise]
    )
    rows = rows_of(("ecal_max_cell", *shower.FEATURES))
    return (setup.ecal.shape[2], float(setup.cell_pitch), template, t.ring, rows)


def hcal_arguments(setup: Setup) -> KernelArguments:
    """What `na64.processors.kernels.hcal.sum_hcal` takes between the grid and its outputs."""
    _, n_x, n_y = setup.hcal.shape
    return (
        n_x * n_y,
        setup.hcal.place(*setup.hcal.middle),
        np.array(setup.hcal_modules, np.int64),
        np.array(setup.hcal_subtracted_modules, np.int64),
        float(setup.topology_threshold),
        setup.topology_peripheral_only,
        float(setup.muon_hcal_2),
        float(setup.muon_centre),
        float(setup.muon_hcal_2_with_centre),
        rows_of(hcal.FEATURES),
    )


def srd_arguments(_: Setup) -> KernelArguments:
    """What `na64.processors.kernels.small.sum_small` takes before its outputs, for the SRD."""
    return (small.SRD, math.nan, math.nan, rows_of(small.SRD_FEATURES))


def veto_arguments(setup: Setup) -> KernelArguments:
    """What `na64.processors.kernels.small.sum_small` takes before its outputs, for the VETO."""
    return (small.VETO, float(setup.veto_mip), float(setup.veto.balance), rows_of(small.VETO_FEATURES))


def vhcal_arguments(_: Setup) -> KernelArguments:
    """What `na64.processors.kernels.small.sum_small` takes before its outputs, for the VHCAL."""
    return (small.VHCAL, math.nan, math.nan, rows_of(small.VHCAL_FEATURES))
