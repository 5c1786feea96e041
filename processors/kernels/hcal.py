"""Cells of the hadronic calorimeter to its features."""

# ruff: noqa: PLR0917 (a kernel takes arrays and numbers, all in order)

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from na64.processors.kernels.jit import jit_inline
from na64.processors.kernels.vector import WIDTH, put_vector, vector_at, vector_of, where_larger
from na64.processors.kernels.window import LANES, add_visible, copy_lanes, store, sum_cells

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


_L = LANES
_MODULE = 3 * _L
_CHOSEN = N_NAMED * _MODULE
_SUBTRACTED, _STRUCK, _MADE = _CHOSEN + 2 * _L, _CHOSEN + 4 * _L, _CHOSEN + 5 * _L
WORK = _MADE + len(FEATURES) * _L
"""Length of the scratch array, and 3 * LANES more for each module without a name: one array, with everything
at a constant distance, so that several events are done at once without tests for overlap. First come, of
each named module, the sums at any time and in time, and the centre in time."""


@jit_inline
def place_of(module: int) -> int:
    """Where the sums of a module are in the scratch array."""
    return module * _MODULE if module < N_NAMED else WORK + (module - N_NAMED) * _MODULE


@jit_inline
def sum_modules(grid: NDArray[np.float64], n_module: int, centre: int, work: NDArray[np.float64]) -> None:
    """Add the cells of each module, and copy its centre; nan for named modules that are not there."""
    for column in range(_CHOSEN):
        work[column] = np.nan
    for module in range(grid.shape[0] // n_module):
        own, cells = work[place_of(module) :], grid[module * n_module : (module + 1) * n_module]
        sum_cells(cells, own)
        copy_lanes(cells[centre, _L:], own[2 * _L :])


@jit_inline
def join_modules(work: NDArray[np.float64], chosen: NDArray[np.int64], place: int) -> None:
    """Add the chosen modules in their order, at any time and in time."""
    for column in range(0, 2 * _L, WIDTH):
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
    for lane in range(0, _L, WIDTH):
        found = vector_of(0.0)
        for cell in range(n_module):
            if not (peripheral_only and cell == centre):
                energy = vector_at(grid[cell], lane + _L)
                found = where_larger(energy, vector_of(threshold), vector_of(1.0), found)
        put_vector(found, struck, lane)


@jit_inline
def make_features(
    work: NDArray[np.float64], muon_hcal_2: float, muon_centre: float, muon_hcal_2_with_centre: float
) -> None:
    """Make the features of `LANES` events from their sums."""
    for lane in range(_L):
        total_0, total_1, total_2 = work[lane], work[lane + _MODULE], work[lane + 2 * _MODULE]
        in_time_0, in_time_1 = work[lane + _L], work[lane + _L + _MODULE]
        in_time_2, in_time_3 = work[lane + _L + 2 * _MODULE], work[lane + _L + 3 * _MODULE]
        centre_0, centre_1 = work[lane + 2 * _L], work[lane + 2 * _L + _MODULE]
        centre_2 = work[lane + 2 * _L + 2 * _MODULE]
        axis, axis_total = in_time_0 + in_time_1 + in_time_2, total_0 + total_1 + total_2
        outside = axis - (centre_0 + centre_1 + centre_2)
        through = (centre_0 > muon_centre) & (centre_1 > muon_centre) & (in_time_2 > muon_hcal_2_with_centre)
        work[lane + _MADE] = work[lane + _CHOSEN + _L]
        work[lane + _MADE + _L] = work[lane + _CHOSEN]
        work[lane + _MADE + 2 * _L] = in_time_0
        work[lane + _MADE + 3 * _L] = in_time_1
        work[lane + _MADE + 4 * _L] = in_time_2
        work[lane + _MADE + 5 * _L] = in_time_3
        work[lane + _MADE + 6 * _L] = work[lane + 3 * _MODULE]
        work[lane + _MADE + 7 * _L] = in_time_0 + in_time_1
        work[lane + _MADE + 8 * _L] = axis
        work[lane + _MADE + 9 * _L] = axis_total
        work[lane + _MADE + 10 * _L] = axis_total - work[lane + _SUBTRACTED + _L]
        work[lane + _MADE + 11 * _L] = centre_0
        work[lane + _MADE + 12 * _L] = centre_1
        work[lane + _MADE + 13 * _L] = centre_2
        work[lane + _MADE + 14 * _L] = outside / (axis if axis > 0.0 else np.nan)
        work[lane + _MADE + 15 * _L] = 0.0 if in_time_0 < 2.0 * centre_0 else work[lane + _STRUCK]
        work[lane + _MADE + 16 * _L] = 1.0 if (in_time_2 > muon_hcal_2) | through else 0.0


@jit_inline
def sum_hcal(
    grid: NDArray[np.float64],
    state: NDArray[np.uint8],
    work: NDArray[np.float64],
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
    grid : (n_modules * n_module, 2 * LANES) float64, GeV
        Module by module; see `na64.processors.kernels.window.window_cells`.
    state : (LANES,) uint8
    work : (WORK + 3 * LANES a module without a name,) float64, scratch
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
    visible : (n_events,) float64, GeV
        The in-time sum of modules 0 to 2 is added to it.
    start, stop : int
    """
    sum_modules(grid, n_module, centre, work)
    join_modules(work, chosen, _CHOSEN)
    join_modules(work, subtracted, _SUBTRACTED)
    find_struck(grid, n_module, centre, topology_threshold, peripheral_only, work[_STRUCK:])
    make_features(work, muon_hcal_2, muon_centre, muon_hcal_2_with_centre)
    made = work[_MADE:WORK]
    add_visible(made[8 * _L :], state, visible, start, stop)
    store(made, state, rows, values, start, stop)
