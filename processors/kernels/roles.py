"""Calibrated cells to the features of any detector: one kernel a role.

What a kernel makes of an event lies in ``made``: first what it makes of the detector as a whole, then each
quantity of all parts, then each quantity of all sums, in the order of `WHOLE`, `OF_PART` and `OF_SUM`.
Cells add in order, then planes or modules, in float64; rounded to float32 where they are stored.
"""

# ruff: noqa: PLR0917 (a kernel takes arrays and numbers, all in order)

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from na64.datasets.compiled.jit import jit_inline, jit_lent
from na64.processors.kernels.calorimeter import spread
from na64.processors.kernels.small import combine_paddle
from na64.processors.kernels.window import USABLE

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Values = NDArray[np.float32]

WHOLE = {
    "calorimeter": (
        *("sum", "total", "out_of_time", "n_hits", "max", "max_cell"),
        *("max_in_beam_cell", "3x3", "5x5", "ring", "ratio", "x", "y", "width_x", "width_y"),
    ),
    "modules": ("sum", "total", "out_of_time", "n_hits", "max", "max_cell", "r"),
    "counters": ("sum", "total", "out_of_time", "n_hits", "max", "max_cell"),
    "paddles": ("sum", "total", "out_of_time", "n_hits"),
}
OF_PART = {
    "calorimeter": ("part", "part_total", "part_mip"),
    "modules": ("part", "part_total", "part_mip", "part_centre", "part_r"),
    "counters": ("part", "part_total", "part_mip"),
    "paddles": ("part", "part_total", "part_mip"),
}
OF_SUM = {
    "calorimeter": ("some", "some_total"),
    "modules": ("some", "some_total", "some_r"),
    "counters": ("some", "some_total"),
    "paddles": ("some", "some_total"),
}
"""Quantities that the kernel of a role makes of a detector, of each of its parts and of each of its sums."""

_CALORIMETER, _MODULES = len(WHOLE["calorimeter"]), len(WHOLE["modules"])
_COUNTERS, _PADDLES = len(WHOLE["counters"]), len(WHOLE["paddles"])


@jit_inline
def add_parts(in_time: Floats, out: Floats, n_part: int, place: int, made: Floats) -> None:
    """Add the cells of each part in time and at any time, then the parts."""
    n_parts = in_time.size // n_part
    energy = total = 0.0
    for part in range(n_parts):
        early = late = 0.0
        for cell in range(part * n_part, (part + 1) * n_part):
            late += out[cell]
            early += in_time[cell]
        made[place + part] = early
        made[place + n_parts + part] = late + early
        energy += early
        total += late + early
    made[0] = energy
    made[1] = total
    made[2] = total - energy


@jit_inline
def divide_parts(made: Floats, place: int, n_parts: int, mip: float) -> None:
    """Energy of each part in time, in MIPs."""
    for part in range(n_parts):
        made[place + 2 * n_parts + part] = made[place + part] / mip


@jit_inline
def join_parts(made: Floats, energies: int, parts: Integers, starts: Integers, place: int) -> None:
    """Add the parts of each sum; ``energies`` and ``place`` say where those lie and the sums go."""
    for one in range(starts.size - 1):
        energy = 0.0
        for part in parts[starts[one] : starts[one + 1]]:
            energy += made[energies + part]
        made[place + one] = energy


@jit_inline
def count_above(energies: Floats, threshold: float) -> float:
    """How many energies are above a threshold."""
    found = 0.0
    for energy in energies:
        found += 1.0 if energy > threshold else 0.0
    return found


@jit_inline
def find_largest(energies: Floats, made: Floats, place: int) -> None:
    """Largest energy and where it is, the first of several; 0 and -1 where none is positive."""
    most, found = 0.0, -1.0
    for cell in range(energies.size):
        if energies[cell] > most:
            most, found = energies[cell], float(cell)
    made[place] = most
    made[place + 1] = found


@jit_inline
def add_window(in_time: Floats, n_part: int, window: Integers) -> float:
    """Add some cells of each part in time, part by part, then the parts."""
    energy = 0.0
    for part in range(in_time.size // n_part):
        inner = 0.0
        for cell in window:
            inner += in_time[part * n_part + cell]
        energy += inner
    return energy


@jit_inline
def fraction_outside(energy: float, centre: float) -> float:
    """Fraction of an energy that is not in the centre; nan where there is no energy."""
    return (energy - centre) / (energy if energy > 0.0 else np.nan)


@jit_inline
def find_moments(in_time: Floats, x: Floats, y: Floats, energy: float, made: Floats, place: int) -> None:
    """Energy-weighted mean and standard deviation in x and y, of all parts together; nan without energy."""
    sum_x = sum_y = sum_xx = sum_yy = 0.0
    for cell in range(x.size):
        lateral = 0.0
        for part in range(in_time.size // x.size):
            lateral += in_time[part * x.size + cell]
        sum_x += lateral * x[cell]
        sum_y += lateral * y[cell]
        sum_xx += lateral * (x[cell] * x[cell])
        sum_yy += lateral * (y[cell] * y[cell])
    divisor = energy if energy > 0.0 else np.nan
    made[place] = sum_x / divisor
    made[place + 1] = sum_y / divisor
    made[place + 2] = spread(sum_xx / divisor, sum_x / divisor)
    made[place + 3] = spread(sum_yy / divisor, sum_y / divisor)


@jit_inline
def put(made: Floats, state: int, rows: Integers, values: Values, event: int) -> None:
    """Round what was made of an event into the table; nan where the detector is unusable."""
    for number in range(rows.size):
        if rows[number] >= 0:
            values[rows[number], event] = np.float32(made[number] if state == USABLE else np.nan)


@jit_lent
def make_calorimeter(
    in_time: Floats,
    out: Floats,
    state: NDArray[np.uint8],
    n_part: int,
    threshold: float,
    mip: float,
    parts: Integers,
    starts: Integers,
    x: Floats,
    y: Floats,
    window_3x3: Integers,
    window_5x5: Integers,
    ring: Integers,
    beam_cell: int,
    made: Floats,
    rows: Integers,
    values: Values,
    first: int,
) -> None:
    """Make the features of a calorimeter of planes.

    Parameters
    ----------
    in_time, out : (n_events, n_planes * n_part) float64, GeV
        In time, and out of time.
    state : (n_events,) uint8
    n_part : int
        Cells of a plane.
    threshold : float, GeV
        A cell with more in time is hit.
    mip : float, GeV
        Of a plane; nan if nobody knows.
    parts, starts : int64
        Planes of each sum, one sum after the other, and where each begins.
    x, y : (n_part,) float64, mm
        Centres of the cells, from the plane's centre.
    window_3x3, window_5x5, ring : int64
        Cells of a plane around the beam cell; the ring has the nearest but the beam cell.
    beam_cell : int
        -1 if nobody knows.
    made : (n_quantities,) float64, scratch
    rows : (n_quantities,) int64
        Rows of ``values``; -1 for what is not wanted.
    values : (n_features, at least first + n_events) float32, output
    first : int
        Column of ``values`` of the first event.
    """
    n_parts, n_sums = in_time.shape[1] // n_part, starts.size - 1
    for event in range(in_time.shape[0]):
        cells = in_time[event]
        add_parts(cells, out[event], n_part, _CALORIMETER, made)
        divide_parts(made, _CALORIMETER, n_parts, mip)
        join_parts(made, _CALORIMETER, parts, starts, _CALORIMETER + 3 * n_parts)
        join_parts(made, _CALORIMETER + n_parts, parts, starts, _CALORIMETER + 3 * n_parts + n_sums)
        made[3] = count_above(cells, threshold)
        find_largest(cells[(n_parts - 1) * n_part :], made, 4)
        inner = add_window(cells, n_part, window_3x3)
        made[6] = 1.0 if made[5] == beam_cell else 0.0
        made[7] = inner
        made[8] = add_window(cells, n_part, window_5x5)
        made[9] = add_window(cells, n_part, ring)
        made[10] = (made[0] - inner) / made[0] if made[0] > 0.0 else np.inf
        find_moments(cells, x, y, made[0], made, 11)
        put(made, state[event], rows, values, first + event)


@jit_lent
def make_modules(
    in_time: Floats,
    out: Floats,
    state: NDArray[np.uint8],
    n_part: int,
    threshold: float,
    mip: float,
    parts: Integers,
    starts: Integers,
    centre: Integers,
    centre_starts: Integers,
    made: Floats,
    rows: Integers,
    values: Values,
    first: int,
) -> None:
    """Make the features of a detector of modules.

    Parameters
    ----------
    in_time, out, state, n_part, threshold, mip, parts, starts, made, rows, values, first
        As in `make_calorimeter`, with modules for planes.
    centre, centre_starts : int64
        Cells of the centre of each module, one module after the other, and where each begins.
    """
    n_parts, n_sums = in_time.shape[1] // n_part, starts.size - 1
    centres, ratios = _MODULES + 3 * n_parts, _MODULES + 4 * n_parts
    sums = _MODULES + 5 * n_parts
    for event in range(in_time.shape[0]):
        cells = in_time[event]
        add_parts(cells, out[event], n_part, _MODULES, made)
        divide_parts(made, _MODULES, n_parts, mip)
        inner = 0.0
        for part in range(n_parts):
            energy = 0.0
            for cell in centre[centre_starts[part] : centre_starts[part + 1]]:
                energy += cells[part * n_part + cell]
            made[centres + part] = energy
            made[ratios + part] = fraction_outside(made[_MODULES + part], energy)
            inner += energy
        join_parts(made, _MODULES, parts, starts, sums)
        join_parts(made, _MODULES + n_parts, parts, starts, sums + n_sums)
        join_parts(made, centres, parts, starts, sums + 2 * n_sums)
        for one in range(n_sums):
            made[sums + 2 * n_sums + one] = fraction_outside(made[sums + one], made[sums + 2 * n_sums + one])
        made[3] = count_above(cells, threshold)
        find_largest(cells, made, 4)
        made[6] = fraction_outside(made[0], inner)
        put(made, state[event], rows, values, first + event)


@jit_lent
def make_counters(
    in_time: Floats,
    out: Floats,
    state: NDArray[np.uint8],
    threshold: float,
    mip: float,
    parts: Integers,
    starts: Integers,
    made: Floats,
    rows: Integers,
    values: Values,
    first: int,
) -> None:
    """Make the features of counters; parameters as in `make_calorimeter`, with counters for planes."""
    n_parts, n_sums = in_time.shape[1], starts.size - 1
    sums = _COUNTERS + 3 * n_parts
    for event in range(in_time.shape[0]):
        cells = in_time[event]
        add_parts(cells, out[event], 1, _COUNTERS, made)
        divide_parts(made, _COUNTERS, n_parts, mip)
        join_parts(made, _COUNTERS, parts, starts, sums)
        join_parts(made, _COUNTERS + n_parts, parts, starts, sums + n_sums)
        made[3] = count_above(cells, threshold)
        find_largest(cells, made, 4)
        put(made, state[event], rows, values, first + event)


@jit_lent
def make_paddles(
    in_time: Floats,
    out: Floats,
    state: NDArray[np.uint8],
    threshold: float,
    mip: float,
    balance: float,
    parts: Integers,
    starts: Integers,
    made: Floats,
    rows: Integers,
    values: Values,
    first: int,
) -> None:
    """Make the features of paddles with two photomultipliers each.

    Parameters
    ----------
    in_time, out, state, threshold, mip, parts, starts, made, rows, values, first
        As in `make_calorimeter`, with paddles for planes; a paddle with more than the threshold is hit.
    balance : float
        See `na64.processors.kernels.small.combine_paddle`.
    """
    n_parts, n_sums = in_time.shape[1] // 2, starts.size - 1
    sums = _PADDLES + 3 * n_parts
    for event in range(in_time.shape[0]):
        cells = in_time[event]
        add_parts(cells, out[event], 2, _PADDLES, made)
        for part in range(n_parts):
            mean = combine_paddle(cells[2 * part], cells[2 * part + 1], balance)
            made[_PADDLES + 2 * n_parts + part] = mean / mip
        join_parts(made, _PADDLES, parts, starts, sums)
        join_parts(made, _PADDLES + n_parts, parts, starts, sums + n_sums)
        made[3] = count_above(made[_PADDLES : _PADDLES + n_parts], threshold)
        put(made, state[event], rows, values, first + event)
