"""Cells of the hadronic calorimeter to its features."""

# ruff: noqa: PLR0917 (a kernel takes arrays and numbers, all in order)

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from na64.processors.kernels.jit import jit
from na64.processors.kernels.window import USABLE

FEATURES = (
    "hcal",
    "hcal_total",
    "hcal_0",
    "hcal_1",
    "hcal_2",
    "hcal_3",
    "hcal_3_total",
    "hcal_01",
    "hcal_012",
    "hcal_012_total",
    "hcal_out_of_time",
    "hcal_0_centre",
    "hcal_1_centre",
    "hcal_2_centre",
    "hcal_r",
    "hcal_topology_bad",
    "hcal_muon",
)
"""What the kernel makes, in its order."""

N_NAMED = 4
"""Modules that have features of their own; nan for those that are not there."""


@jit
def sum_modules(modules: NDArray[np.float64], chosen: NDArray[np.int64]) -> float:
    """Add the chosen modules in their order."""
    energy = 0.0
    for module in chosen:
        energy += modules[module]
    return energy


@jit
def is_struck(
    in_time: NDArray[np.float64],
    row: int,
    n_module: int,
    centre: int,
    threshold: float,
    peripheral_only: bool,
) -> bool:
    """Tell if a cell of module 0 is above the threshold; ``peripheral_only`` leaves out the centre."""
    struck = False
    for cell in range(n_module):
        struck |= in_time[row, cell] > threshold and not (peripheral_only and cell == centre)
    return struck


@jit
def sum_hcal(
    total: NDArray[np.float64],
    in_time: NDArray[np.float64],
    state: NDArray[np.uint8],
    n_module: int,
    centre: int,
    chosen: NDArray[np.int64],
    subtracted: NDArray[np.int64],
    topology_threshold: float,
    peripheral_only: bool,
    muon_hcal_2: float,
    muon_centre: float,
    muon_hcal_2_with_centre: float,
    rows: NDArray[np.int64],
    values: NDArray[np.float32],
    visible: NDArray[np.float64],
    start: int,
    stop: int,
) -> None:
    """Make the features of events ``start`` to ``stop``; cells add in order, then modules.

    Parameters
    ----------
    total, in_time : (at least stop - start, n_modules * n_module) float64, GeV
        Module by module.
    state : (at least stop - start,) uint8
    n_module : int
        Cells of a module.
    centre : int
        Cell of a module that is its centre.
    chosen, subtracted : int64
        Modules of ``hcal``, and those whose in-time sum ``hcal_out_of_time`` subtracts.
    topology_threshold, muon_hcal_2, muon_centre, muon_hcal_2_with_centre : float, GeV
    peripheral_only : bool
    rows : (17,) int64
        Rows of ``values`` for `FEATURES`.
    values : (n_features, n_events) float32, output
    visible : (at least stop - start,) float64, GeV
        The in-time sum of modules 0 to 2 is added to it.
    start, stop : int
    """
    n_modules = in_time.shape[1] // n_module
    width = np.uint64(n_module)  # unsigned: spares numba the test for a negative index, a third of the time
    late = np.full(max(n_modules, N_NAMED), np.nan)
    prompt = np.full(max(n_modules, N_NAMED), np.nan)
    middle = np.full(max(n_modules, N_NAMED), np.nan)
    for event in range(start, stop):
        row = np.uint64(event - start)
        if state[row] != USABLE:
            visible[row] = np.nan
            for feature in rows:
                values[feature, event] = np.nan
            continue
        for module in range(n_modules):
            first = np.uint64(module * n_module)
            energy = energy_total = 0.0
            for cell in range(width):
                energy += in_time[row, first + cell]
                energy_total += total[row, first + cell]
            prompt[module] = energy
            late[module] = energy_total
            middle[module] = in_time[row, first + np.uint64(centre)]
        axis = prompt[0] + prompt[1] + prompt[2]
        axis_total = late[0] + late[1] + late[2]
        outside = axis - (middle[0] + middle[1] + middle[2])
        struck = is_struck(in_time, row, n_module, centre, topology_threshold, peripheral_only)
        through = middle[0] > muon_centre and middle[1] > muon_centre and prompt[2] > muon_hcal_2_with_centre
        visible[row] += axis
        values[rows[0], event] = sum_modules(prompt, chosen)
        values[rows[1], event] = sum_modules(late, chosen)
        values[rows[2], event] = prompt[0]
        values[rows[3], event] = prompt[1]
        values[rows[4], event] = prompt[2]
        values[rows[5], event] = prompt[3]
        values[rows[6], event] = late[3]
        values[rows[7], event] = prompt[0] + prompt[1]
        values[rows[8], event] = axis
        values[rows[9], event] = axis_total
        values[rows[10], event] = axis_total - sum_modules(prompt, subtracted)
        values[rows[11], event] = middle[0]
        values[rows[12], event] = middle[1]
        values[rows[13], event] = middle[2]
        values[rows[14], event] = outside / axis if axis > 0.0 else np.nan
        values[rows[15], event] = 1.0 if struck and not prompt[0] < 2.0 * middle[0] else 0.0
        values[rows[16], event] = 1.0 if prompt[2] > muon_hcal_2 or through else 0.0
