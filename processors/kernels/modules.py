"""Cells of a calorimeter of modules, one behind the other, to its features."""

# ruff: noqa: PLR0917 (a kernel takes arrays and numbers, all in order)

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from na64.datasets.compiled.jit import jit_inline
from na64.processors.kernels.vector import WIDTH, put_vector, vector_at, vector_of, where_larger
from na64.processors.kernels.window import LANES, add_visible, copy_lanes, offsets, store, sum_cells

N_FEATURES = 17
"""What the kernel makes, in the order in which they are standard features of the detector."""

N_NAMED = 4
"""Modules that have features of their own; nan for those that are not there."""


ANY_TIME, IN_TIME, CENTRE = offsets(3)
"""Where sums of up to `LANES` events lie in what a module has of the scratch array: of all cells at any time
and in time, and of the centre in time."""

MODULE = 3 * LANES
"""Length of what a module has."""

CHOSEN, CHOSEN_IN_TIME, SUBTRACTED, SUBTRACTED_IN_TIME, STRUCK = offsets(5, N_NAMED * MODULE)
"""Where the sums over modules lie, after those of the named modules."""

MADE = STRUCK + LANES
"""Where the features lie, one after the other in their order."""

WORK = MADE + N_FEATURES * LANES
"""Length of the scratch array, and `MODULE` more for each module without a name: one array, with everything
at a constant distance, so that several events are done at once without tests for overlap."""

(
    _SUM,
    _TOTAL,
    _MODULE_0,
    _MODULE_1,
    _MODULE_2,
    _MODULE_3,
    _MODULE_3_TOTAL,
    _MODULES_01,
    _MODULES_012,
    _MODULES_012_TOTAL,
    _OUT_OF_TIME,
    _CENTRE_0,
    _CENTRE_1,
    _CENTRE_2,
    _R,
    _TOPOLOGY_BAD,
    _MUON,
) = offsets(N_FEATURES, MADE)


@jit_inline
def place_of(module: int) -> int:
    """Where the sums of a module are in the scratch array."""
    return module * MODULE if module < N_NAMED else WORK + (module - N_NAMED) * MODULE


@jit_inline
def add_modules(grid: NDArray[np.float64], n_module: int, centre: int, work: NDArray[np.float64]) -> None:
    """Add the cells of each module, and copy its centre; nan for named modules that are not there."""
    for column in range(CHOSEN):
        work[column] = np.nan
    for module in range(grid.shape[0] // n_module):
        own, cells = work[place_of(module) :], grid[module * n_module : (module + 1) * n_module]
        sum_cells(cells, own)
        copy_lanes(cells[centre, LANES:], own[CENTRE:])


@jit_inline
def join_modules(work: NDArray[np.float64], chosen: NDArray[np.int64], place: int) -> None:
    """Add the chosen modules in their order, at any time and in time."""
    for column in range(0, 2 * LANES, WIDTH):
        energy = vector_of(0.0)
        for module in chosen:
            energy = energy + vector_at(work, place_of(module) + column)
        put_vector(energy, work, place + column)


@jit_inline
def find_struck(
    grid: NDArray[np.float64],
    n_module: int,
    centre: int,
    threshold: float,
    peripheral_only: bool,
    struck: NDArray[np.float64],
) -> None:
    """Whether a cell of module 0 is above the threshold; ``peripheral_only`` leaves out the centre."""
    for lane in range(0, LANES, WIDTH):
        found = vector_of(0.0)
        for cell in range(n_module):
            if not (peripheral_only and cell == centre):
                energy = vector_at(grid[cell], lane + LANES)
                found = where_larger(energy, vector_of(threshold), vector_of(1.0), found)
        put_vector(found, struck, lane)


@jit_inline
def make_features(
    work: NDArray[np.float64], muon_module_2: float, muon_centre: float, muon_module_2_with_centre: float
) -> None:
    """Make the features of `LANES` events from their sums."""
    for lane in range(LANES):
        module_0, module_1, module_2, module_3 = lane, lane + MODULE, lane + 2 * MODULE, lane + 3 * MODULE
        energy_0, energy_1 = work[module_0 + IN_TIME], work[module_1 + IN_TIME]
        energy_2, energy_3 = work[module_2 + IN_TIME], work[module_3 + IN_TIME]
        centre_0, centre_1 = work[module_0 + CENTRE], work[module_1 + CENTRE]
        centre_2 = work[module_2 + CENTRE]
        axis = energy_0 + energy_1 + energy_2
        axis_total = work[module_0 + ANY_TIME] + work[module_1 + ANY_TIME] + work[module_2 + ANY_TIME]
        outside = axis - (centre_0 + centre_1 + centre_2)
        through = (centre_0 > muon_centre) & (centre_1 > muon_centre) & (energy_2 > muon_module_2_with_centre)
        work[lane + _SUM] = work[lane + CHOSEN_IN_TIME]
        work[lane + _TOTAL] = work[lane + CHOSEN]
        work[lane + _MODULE_0] = energy_0
        work[lane + _MODULE_1] = energy_1
        work[lane + _MODULE_2] = energy_2
        work[lane + _MODULE_3] = energy_3
        work[lane + _MODULE_3_TOTAL] = work[module_3 + ANY_TIME]
        work[lane + _MODULES_01] = energy_0 + energy_1
        work[lane + _MODULES_012] = axis
        work[lane + _MODULES_012_TOTAL] = axis_total
        work[lane + _OUT_OF_TIME] = axis_total - work[lane + SUBTRACTED_IN_TIME]
        work[lane + _CENTRE_0] = centre_0
        work[lane + _CENTRE_1] = centre_1
        work[lane + _CENTRE_2] = centre_2
        work[lane + _R] = outside / (axis if axis > 0.0 else np.nan)
        work[lane + _TOPOLOGY_BAD] = 0.0 if energy_0 < 2.0 * centre_0 else work[lane + STRUCK]
        work[lane + _MUON] = 1.0 if (energy_2 > muon_module_2) | through else 0.0


@jit_inline
def sum_modules(
    grid: NDArray[np.float64],
    state: NDArray[np.uint8],
    work: NDArray[np.float64],
    n_module: int,
    centre: int,
    chosen: NDArray[np.int64],
    subtracted: NDArray[np.int64],
    topology_threshold: float,
    peripheral_only: bool,
    muon_module_2: float,
    muon_centre: float,
    muon_module_2_with_centre: float,
    rows: NDArray[np.int64],
    values: NDArray[np.float32],
    visible: NDArray[np.float64],
    start: int,
    stop: int,
) -> None:
    """Make the features of events ``start`` to ``stop``; cells add in order, then modules.

    Parameters
    ----------
    grid : (n_modules * n_module, 2 * LANES) float64, GeV
        Module by module; see `na64.processors.kernels.cells.window_cells`.
    state : (LANES,) uint8
    work : (WORK + 3 * LANES a module without a name,) float64, scratch
    n_module : int
        Cells of a module.
    centre : int
        Cell of a module that is its centre.
    chosen, subtracted : int64
        Modules of the detector's sum, and those whose in-time sum is subtracted for what is out of time.
    topology_threshold, muon_module_2, muon_centre, muon_module_2_with_centre : float, GeV
    peripheral_only : bool
    rows : (17,) int64
        Rows of ``values`` of its features.
    values : (n_features, n_events) float32, output
    visible : (n_events,) float64, GeV
        The in-time sum of modules 0 to 2 is added to it.
    start, stop : int
    """
    add_modules(grid, n_module, centre, work)
    join_modules(work, chosen, CHOSEN)
    join_modules(work, subtracted, SUBTRACTED)
    find_struck(grid, n_module, centre, topology_threshold, peripheral_only, work[STRUCK:])
    make_features(work, muon_module_2, muon_centre, muon_module_2_with_centre)
    made = work[MADE:WORK]
    add_visible(work[_MODULES_012:], state, visible, start, stop)
    store(made, state, rows, values, start, stop)
