"""Columns of one detector as the window kernels take them."""

# ruff: noqa: PLR0917 (a kernel takes arrays and numbers, all in order)

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from na64.datasets.instrument.calibrated_detector import CalibratedDetector
from na64.datasets.instrument.columns import Array, Cells, Hits
from na64.datasets.instrument.detector import Detector
from na64.datasets.instrument.roles import CellOrder
from na64.processors.features.calibrated_columns import corrected
from na64.processors.kernels.cells import StoredCells, window_cells
from na64.processors.kernels.vector import KINDS, WIDTH
from na64.processors.kernels.window import LANES, LARGEST, USUAL, Kept, most_hits, window_hits

WindowArguments = tuple[Any, ...]

MOST_PULSES = 64
"""Hits of an event at most, for each cell of a detector: a digitiser records some tens of samples, and a
pulse takes several. More are damaged offsets, or meant to fill the memory."""

_PULSE = ("energy", "time", "expected_time", "time_sigma")


@dataclass(frozen=True, slots=True)
class Window:
    """What decides if a pulse is in time: an array a quantity, of the file or one value a cell."""

    time: Array
    expected: Array
    sigma: Array
    n_sigma: float
    sigma_of_cell: NDArray[np.int64]
    of_file: tuple[bool, bool, bool]


def window_arguments(
    columns: Cells | Hits,
    detector: Detector,
    *,
    residual_times: bool,
    absent_nan: frozenset[str],
    n_events: int,
) -> WindowArguments:
    """What `na64.processors.kernels.cells.window_cells` or ``window_hits`` takes before its outputs.

    Parameters
    ----------
    columns : Cells or Hits
    detector : Detector
    residual_times : bool
        Times are already relative to the expected ones.
    absent_nan : frozenset of str
        Columns where nan means that there was nothing.
    n_events : int

    Raises
    ------
    ValueError
        An array of another length or with other cells than the detector has; names detector and column.
    """
    columns = canonical(columns, detector)
    window = window_of(columns, detector, residual_times)
    absent = sum(1 << bit for bit, what in enumerate(_PULSE) if f"{detector.name}_{what}" in absent_nan)
    arrays = (columns.energy, window.time, window.expected, window.sigma)
    calibration = (np.array(detector.scale, np.float64), float(detector.pedestal), absent)
    if isinstance(columns, Cells):
        grids = _grids(detector, window, arrays, n_events)
        return cell_arguments(grids, window.sigma_of_cell, float(window.n_sigma), *calibration)
    _check_hits(detector.name, columns, n_events)
    offsets = _plain(columns.offsets, np.int64)
    unequal = np.zeros(0, np.bool_) if columns.unequal is None else columns.unequal
    tables = (window.expected, window.sigma, calibration[0])
    return (
        offsets,
        _plain(columns.cell),
        *(_plain_float(array) for array in arrays),
        sum(2 << bit for bit, given in enumerate(window.of_file) if given),
        float(window.n_sigma),
        *calibration,
        _plain(unequal, np.bool_),
        window.of_file == (True, False, False) and all(np.ptp(table) == 0.0 for table in tables),
        _room(detector.name, offsets),
    )


def canonical(columns: Cells | Hits, detector: Detector) -> Cells | Hits:
    """Columns with the cells numbered as those of the set-up are, whatever the files do, and calibrated."""
    ordered = _in_order(columns, detector)
    return corrected(ordered, detector) if isinstance(detector, CalibratedDetector) else ordered


def _in_order(columns: Cells | Hits, detector: Detector) -> Cells | Hits:
    if detector.cell_order is CellOrder.Y_FASTEST:
        return columns
    order = np.array(detector.order)
    if isinstance(columns, Cells):
        energy, *times = (_reordered(getattr(columns, what), order) for what in _PULSE)
        return Cells(np.asarray(energy), *times)
    number = np.argsort(order)
    cell = columns.cell.astype(np.int64)
    there = (cell >= 0) & (cell < len(order))
    return replace(columns, cell=np.where(there, number[np.where(there, cell, 0)], -1))


def _reordered(column: Array | None, order: NDArray[np.int64]) -> Array | None:
    """Values of the cells in another order; resolutions that cells share stay as they are."""
    if column is None or np.shape(column)[-1:] != order.shape:
        return column
    return column[..., order]


def calibrate(
    columns: Cells | Hits,
    detector: Detector,
    *,
    residual_times: bool,
    absent_nan: frozenset[str],
    n_events: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Calibrate the cells of a few events: to look at, not to count; parameters as for `window_arguments`.

    Returns
    -------
    total, in_time : (n_events, n_cells) float64, GeV
    """
    options = {"residual_times": residual_times, "absent_nan": absent_nan}
    pulses = window_arguments(columns, detector, n_events=n_events, **options)  # type: ignore[arg-type]
    make = window_cells if isinstance(columns, Cells) else window_hits
    grid, skip = np.zeros((detector.n_cells, 2 * LANES)), np.zeros(n_events, np.uint8)
    energies = np.zeros((2, n_events, detector.n_cells))
    for start in range(0, n_events, LANES):
        stop = min(start + LANES, n_events)
        make(*pulses, grid, np.zeros(LANES, np.uint8), skip, start, stop)
        energies[0, start:stop] = grid[:, : stop - start].T
        energies[1, start:stop] = grid[:, LANES : LANES + stop - start].T
    return energies[0] + energies[1], energies[1]


def crowded(hits: Hits, detector: Detector) -> NDArray[np.int64]:
    """Return the events with more hits than a detector can give: more than `MOST_PULSES` a cell."""
    most = MOST_PULSES * detector.n_cells
    if 0 <= most_hits(_plain(hits.offsets, np.int64)) <= most:  # many events at once: it costs nothing
        return np.zeros(0, np.int64)
    return np.flatnonzero(np.diff(hits.offsets) > most)


def _room(name: str, offsets: NDArray[np.int64]) -> Kept:
    """Room for the hits of `LANES` events side by side, and a register more for their lanes."""
    n_hits = most_hits(offsets)
    if n_hits < 0:
        raise ValueError(f"{name}: offsets decrease")
    lanes, places = np.empty(n_hits + USUAL, np.uint8), np.empty(n_hits, np.uint32)
    return np.empty(n_hits), lanes, places


def window_of(columns: Cells | Hits, detector: Detector, residual_times: bool) -> Window:
    """Choose what decides if a pulse is in time: columns of the file, or numbers of the period."""
    timing, n_cells = detector.timing, detector.n_cells
    own = np.arange(n_cells)
    nothing = np.zeros(n_cells)
    if columns.time is None:
        return Window(nothing, nothing, nothing + LARGEST, 1.0, own, (False, False, False))
    expected: Array | None = nothing if residual_times else columns.expected_time
    of_file = (True, expected is not None and not residual_times, False)
    if expected is None:
        expected = _finite(detector.name, "expected time", timing.expected)
    if timing.half_width is not None:
        return Window(columns.time, expected, nothing + timing.half_width, 1.0, own, of_file)
    if columns.time_sigma is None:
        sigma = _finite(detector.name, "time resolution", timing.sigma)
        return Window(columns.time, expected, sigma, timing.n_sigma, own, of_file)
    shared = isinstance(columns, Cells) and columns.time_sigma.shape[-1] != n_cells
    of_cell = np.array(detector.sigma_of_cell, np.int64) if shared else own
    return Window(columns.time, expected, columns.time_sigma, timing.n_sigma, of_cell, (*of_file[:2], True))


def _finite(detector: str, what: str, values: tuple[float, ...]) -> NDArray[np.float64]:
    array = np.array(values, np.float64)
    if not values or np.isnan(array).any():
        raise ValueError(f"{detector}: no {what}, neither in the file nor in the period")
    return np.clip(array, -LARGEST, LARGEST)


def _grids(detector: Detector, window: Window, arrays: tuple[Array, ...], n_events: int) -> list[Array]:
    grids = []
    n_sigma = int(window.sigma_of_cell.max()) + 1
    for what, array in zip(_PULSE, arrays, strict=True):
        grid = np.atleast_2d(array)
        rows = (n_events,) if what == "energy" else (n_events, 1)
        wide = grid.shape[1] >= n_sigma if what == "time_sigma" else grid.shape[1] == detector.n_cells
        if grid.ndim != 2 or grid.shape[0] not in rows or not wide:
            raise ValueError(
                f"{detector.name}_{what}: shape {array.shape} for {n_events} events, {detector.n_cells} cells"
            )
        grids.append(grid)
    return grids


def cell_arguments(
    grids: list[Array],
    sigma_of_cell: NDArray[np.int64],
    n_sigma: float,
    scale: NDArray[np.float64],
    pedestal: float,
    absent: int,
) -> WindowArguments:
    """What `na64.processors.kernels.cells.window_cells` takes before its outputs.

    Parameters
    ----------
    grids : list of (n_events or 1, n_cells) float
        Energy, time, expected time and resolution; of the last (n_events or 1, n_sigma).
    sigma_of_cell : (n_cells,) int64
        Column of the resolution of each cell.
    n_sigma, pedestal, absent
        As there.
    scale : (n_cells,) float64
    """
    n_cells = scale.size
    if grids[3].shape[1] != n_cells or (sigma_of_cell != np.arange(n_cells)).any():
        grids = [*grids[:3], grids[3][:, sigma_of_cell]]
    columns = [_stored_cells(grid, len(grids[0])) for grid in grids]
    rows = np.zeros(WIDTH * (4 * n_cells + 1))
    return (*columns, n_sigma, np.tile(scale, WIDTH), pedestal, absent, rows)


def _stored_cells(grid: Array, n_events: int) -> StoredCells:
    """Bytes of a column of cells as the file has it: but for the last few events they are not copied."""
    if grid.dtype not in KINDS:
        grid = grid.astype(np.float64)
    kind, n_cells = KINDS.index(grid.dtype), grid.shape[1]
    if len(grid) != n_events:
        return _bytes(np.tile(grid, (WIDTH, 1))), _bytes(grid[:0]), n_events, 0, kind
    n_front = n_events - n_events % WIDTH
    back = np.zeros((WIDTH, n_cells), grid.dtype)
    back[: n_events - n_front] = grid[n_front:]
    return _bytes(grid), _bytes(back), n_front, n_cells * grid.itemsize, kind


def _bytes(grid: Array) -> NDArray[np.uint8]:
    return _read_only(np.ascontiguousarray(grid).reshape(-1).view(np.uint8))


def _read_only(array: Array) -> Array:
    view = array.view()
    view.flags.writeable = False
    return view


def _check_hits(name: str, hits: Hits, n_events: int) -> None:
    offsets, n_hits = hits.offsets, hits.cell.size
    if offsets.shape != (n_events + 1,) or offsets[0] < 0 or offsets[-1] > n_hits:
        raise ValueError(f"{name}: offsets do not point to {n_hits} hits of {n_events} events")
    if hits.cell.dtype.kind not in "iu":
        raise ValueError(f"{name}_cell: {hits.cell.dtype}, not an integer")
    for what in _PULSE:
        column = getattr(hits, what)
        if column is not None and column.shape != (n_hits,):
            raise ValueError(f"{name}_{what}: shape {column.shape} for {n_hits} hits")
    if hits.unequal is not None and hits.unequal.shape != (n_events,):
        raise ValueError(f"{name}: shape {hits.unequal.shape} of unequal for {n_events} events")


def _plain_float(array: Array) -> Array:
    single = array.dtype.kind == "f" and array.dtype.itemsize == 4
    return _plain(array, np.float32 if single else np.float64)


def _plain(array: Array, dtype: Any = None) -> Array:
    """Read-only, native, contiguous view or copy: one signature of a kernel whatever the source."""
    target = np.dtype(dtype or array.dtype).newbyteorder("=")
    return _read_only(np.require(array, target, ["C", "A"]))
