"""Columns of a chunk of events to the features cuts act on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import IntEnum
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from na64.datasets.columns import DETECTORS, Array, Cells, EventColumns, Hits, Shape
from na64.datasets.detector import Detector, Setup
from na64.processors.kernels import ecal, hcal, shower, small
from na64.processors.kernels.window import LARGEST, window_cells, window_hits
from na64.selections.features import FEATURES, INDEX

BLOCK = 1024
"""Events whose calibrated cells are held at a time: few enough to stay in the cache."""

DIRECT = (
    "master_time",
    "track_momentum",
    "track_pvalue",
    "track_angle",
    "straw3_x",
    "straw3_y",
    "straw4_x",
    "straw4_y",
    "shower_chi2",
)
"""Columns that are features as they are."""

MADE_OF = {
    "ecal": (*ecal.FEATURES, *shower.FEATURES),
    "hcal": hcal.FEATURES,
    "vhcal": small.VHCAL_FEATURES,
    "srd": small.SRD_FEATURES,
    "veto": small.VETO_FEATURES,
}
"""Features that need a detector's cells."""

_PULSE = ("energy", "time", "expected_time", "time_sigma")

Values = NDArray[np.float32]
Step = Callable[[int, int], object]


class Skip(IntEnum):
    """Why an event has no features."""

    NONE = 0
    NONFINITE = 1
    CELL_RANGE = 2
    UNEQUAL_HITS = 3


@dataclass(frozen=True, slots=True)
class FeatureTable:
    """The features of a chunk of events.

    Attributes
    ----------
    values : (n_features, n_events) float32
        Rows in the order of `na64.selections.features.FEATURES`; nan where the file lacks what a feature is
        made of, and everywhere in a skipped event.
    skip : (n_events,) uint8
        `Skip`; of several reasons the one with the largest number.
    """

    values: Values
    skip: NDArray[np.uint8]

    def __getitem__(self, name: str) -> Values:
        """Give the row of one feature."""
        row: Values = self.values[INDEX[name]]
        return row


@dataclass(frozen=True, slots=True)
class Calibrated:
    """Energies of one detector's cells in a block of events, GeV, and whether they can be used."""

    total: NDArray[np.float64]
    in_time: NDArray[np.float64]
    state: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Window:
    """What decides if a pulse is in time: an array a quantity, of the file or one value a cell."""

    time: Array
    expected: Array
    sigma: Array
    n_sigma: float
    sigma_of_cell: NDArray[np.int64]
    of_file: tuple[bool, bool, bool]


def compute(
    events: EventColumns,
    setup: Setup,
    *,
    bad: NDArray[np.bool_],
    residual_times: bool = False,
    absent_nan: frozenset[str] = frozenset(),
    profile_chi2: bool = False,
    out: Values | None = None,
) -> FeatureTable:
    """Make every feature of every event.

    An event is skipped if a value that a feature needs is not finite, if a hit is in a cell that does not
    exist, or if its columns have unequal numbers of hits.

    Parameters
    ----------
    events : EventColumns
    setup : Setup
        Of the period the events are from.
    bad : (n_events,) bool
        Events of the bad list.
    residual_times : bool
        Times are already relative to the expected ones.
    absent_nan : frozenset of str
        Columns where nan means that there was nothing: the features made of it are nan, the event is kept.
    profile_chi2 : bool
        Make ``ecal_chi2`` although the file has the tree's own; it costs more than all the rest.
    out : (n_features, n_events) float32, C-contiguous, optional
        Filled and returned, to spare a new table for every chunk.

    Returns
    -------
    FeatureTable

    Raises
    ------
    ValueError
        An array of another length or with other cells than the set-up has; names detector and column.
    """
    _check_setup(setup)
    _check_lengths(events, bad)
    table = FeatureTable(_table(out, events.n_events), np.zeros(events.n_events, np.uint8))
    with np.errstate(all="ignore"):  # a value beyond float32 is inf by rounding, not by mistake
        _store_event_columns(table, events, setup, bad, absent_nan)
        _store_cells(
            table,
            events,
            setup,
            residual_times=residual_times,
            absent_nan=absent_nan,
            profile_chi2=profile_chi2,
        )
    if "shower_chi2" not in events.event:
        table["shower_chi2"][:] = table["ecal_chi2"]
    if table.skip.any():
        table.values[:, table.skip != Skip.NONE] = np.nan
    return table


def warm_up(setup: Setup, variants: Iterable[tuple[Shape, str]] = ((Shape.CELLS, "float64"),)) -> None:
    """Compile, or load from the cache, what files with such columns need: once a worker, before the first.

    Parameters
    ----------
    setup : Setup
    variants : iterable of (Shape, str)
        Shape and dtype of the cell columns, `Shape.CELLS` or `Shape.HITS`.
    """
    for shape, dtype in variants:
        detectors = {name: _example(getattr(setup, name), shape, dtype) for name in DETECTORS}
        compute(EventColumns(1, {}, detectors), setup, bad=np.zeros(1, np.bool_))


def _example(detector: Detector, shape: Shape, dtype: str) -> Cells | Hits:
    one = np.ones(1, dtype)
    if shape is Shape.HITS:
        return Hits(np.array([0, 1]), np.zeros(1, np.uint8), one, one)
    cells = np.ones((1, detector.n_cells), dtype)
    return Cells(cells, cells, cells, cells)


def _table(out: Values | None, n_events: int) -> Values:
    if out is None:
        return np.empty((len(FEATURES), n_events), np.float32)
    if out.shape != (len(FEATURES), n_events) or out.dtype != np.float32 or not out.flags.c_contiguous:
        raise ValueError(
            f"out: {out.dtype} {out.shape}, not C-contiguous float32 {(len(FEATURES), n_events)}"
        )
    return out


def _check_setup(setup: Setup) -> None:
    planes, n_x, n_y = setup.ecal.shape
    if planes != 2:
        raise ValueError(f"ecal: {planes} planes, not preshower and main")
    if not (0 <= setup.beam_cell[0] < n_x and 0 <= setup.beam_cell[1] < n_y):
        raise ValueError(f"beam cell {setup.beam_cell}: not in the {n_x} x {n_y} cells of the ecal")
    if setup.veto.n_cells % 2:
        raise ValueError(f"veto: {setup.veto.n_cells} photomultipliers, not two a paddle")
    for module in (*setup.hcal_modules, *setup.hcal_subtracted_modules):
        if not 0 <= module < setup.hcal.shape[0]:
            raise ValueError(f"hcal module {module}: not one of {setup.hcal.shape[0]}")


def _check_lengths(events: EventColumns, bad: NDArray[np.bool_]) -> None:
    for name, column in (*events.event.items(), ("bad", bad)):
        if column.shape != (events.n_events,):
            raise ValueError(f"{name}: shape {column.shape} for {events.n_events} events")


def _store_event_columns(
    table: FeatureTable,
    events: EventColumns,
    setup: Setup,
    bad: NDArray[np.bool_],
    absent_nan: frozenset[str],
) -> None:
    table["bad_spill"][:] = bad
    table["trigger_physics"][:] = np.nan
    if "trigger" in events.event:
        table["trigger_physics"][:] = (events.event["trigger"] & setup.physics_trigger_mask) != 0
    for name in DIRECT:
        table[name][:] = events.event.get(name, np.nan)
        if name in events.event and events.event[name].dtype.kind == "f":
            _note_nonfinite(table.skip, events.event[name], nan_is_absent=name in absent_nan)
    if "unequal_hits" in events.event:
        table.skip[events.event["unequal_hits"].astype(np.bool_)] = Skip.UNEQUAL_HITS


def _note_nonfinite(skip: NDArray[np.uint8], column: Array, *, nan_is_absent: bool) -> None:
    wrong = np.isinf(column) if nan_is_absent else ~np.isfinite(column)
    skip[wrong] = np.maximum(skip[wrong], Skip.NONFINITE)


def _store_cells(
    table: FeatureTable,
    events: EventColumns,
    setup: Setup,
    *,
    residual_times: bool,
    absent_nan: frozenset[str],
    profile_chi2: bool,
) -> None:
    visible = np.zeros(BLOCK)
    steps: list[Step] = []
    for name in DETECTORS:
        columns = events.detectors.get(name)
        if columns is None:
            table.values[_rows(MADE_OF[name])] = np.nan
            continue
        detector: Detector = getattr(setup, name)
        shape = (BLOCK, detector.n_cells)
        cells = Calibrated(np.zeros(shape), np.zeros(shape), np.zeros(BLOCK, np.uint8))
        window = window_of(columns, detector, residual_times)
        absent = absent_bits(name, absent_nan)
        steps.append(
            calibrate(
                columns,
                detector,
                window,
                absent=absent,
                cells=cells,
                skip=table.skip,
                n_events=events.n_events,
            )
        )
        steps.append(_MAKERS[name](setup, cells, table.values, visible))
        if name == "ecal" and (profile_chi2 or "shower_chi2" not in events.event):
            steps.append(_fit_shower(setup, cells, table.values))
        elif name == "ecal":
            table["ecal_chi2"][:] = np.nan
    _run(steps, visible, table["visible_energy"])
    if not {"ecal", "hcal"} <= events.detectors.keys():
        table["visible_energy"][:] = np.nan


def _run(steps: list[Step], visible: NDArray[np.float64], visible_energy: Values) -> None:
    for start in range(0, visible_energy.size, BLOCK):
        stop = min(start + BLOCK, visible_energy.size)
        visible[:] = 0.0
        for step in steps:
            step(start, stop)
        visible_energy[start:stop] = visible[: stop - start]


def absent_bits(detector: str, absent_nan: frozenset[str]) -> int:
    """Give a bit for each of a detector's columns where nan says that there was nothing."""
    return sum(1 << bit for bit, what in enumerate(_PULSE) if f"{detector}_{what}" in absent_nan)


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
    if np.isnan(array).any():
        raise ValueError(f"{detector}: no {what}, neither in the file nor in the period")
    return np.clip(array, -LARGEST, LARGEST)


def calibrate(
    columns: Cells | Hits,
    detector: Detector,
    window: Window,
    *,
    absent: int,
    cells: Calibrated,
    skip: NDArray[np.uint8],
    n_events: int,
) -> Step:
    """Make ready the step that fills ``cells`` with the events ``start`` to ``stop`` it is called with."""
    scale = np.array(detector.scale, np.float64)
    arrays = (columns.energy, window.time, window.expected, window.sigma)
    outputs = (cells.total, cells.in_time, cells.state, skip)
    if isinstance(columns, Cells):
        grids = _grids(detector, window, arrays, n_events)
        rest = (float(window.n_sigma), window.sigma_of_cell, scale, float(detector.pedestal), absent)
        return partial(window_cells, *grids, *rest, *outputs)
    _check_hits(detector.name, columns, n_events)
    per_hit = sum(2 << bit for bit, given in enumerate(window.of_file) if given)
    unequal = np.zeros(0, np.bool_) if columns.unequal is None else columns.unequal
    mode = (
        per_hit,
        float(window.n_sigma),
        scale,
        float(detector.pedestal),
        absent,
        _plain(unequal, np.bool_),
    )
    hits = (
        _plain(columns.offsets, np.int64),
        _plain(columns.cell),
        *(_plain_float(array) for array in arrays),
    )
    return partial(window_hits, *hits, *mode, *outputs)


def _grids(detector: Detector, window: Window, arrays: tuple[Array, ...], n_events: int) -> list[Array]:
    grids = []
    n_sigma = int(window.sigma_of_cell.max()) + 1
    for what, array in zip(_PULSE, arrays, strict=True):
        grid = _plain_float(np.atleast_2d(array))
        rows = (n_events,) if what == "energy" else (n_events, 1)
        wide = grid.shape[1] >= n_sigma if what == "time_sigma" else grid.shape[1] == detector.n_cells
        if grid.ndim != 2 or grid.shape[0] not in rows or not wide:
            raise ValueError(
                f"{detector.name}_{what}: shape {array.shape} for {n_events} events, {detector.n_cells} cells"
            )
        grids.append(grid)
    return grids


def _check_hits(name: str, hits: Hits, n_events: int) -> None:
    offsets, n_hits = hits.offsets, hits.cell.size
    if offsets.shape != (n_events + 1,) or offsets[0] < 0 or offsets[-1] > n_hits:
        raise ValueError(f"{name}: offsets do not point to {n_hits} hits of {n_events} events")
    if np.any(offsets[1:] < offsets[:-1]):
        raise ValueError(f"{name}: offsets decrease")
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
    """Give a read-only, native, contiguous view or copy: one signature of a kernel whatever the source."""
    target = np.dtype(dtype or array.dtype).newbyteorder("=")
    view = np.require(array, target, ["C", "A"]).view()
    view.flags.writeable = False
    return view


def _rows(names: tuple[str, ...]) -> NDArray[np.int64]:
    return np.array([INDEX[name] for name in names], np.int64)


def _around(cell: tuple[int, int], reach: int, n_x: int, n_y: int) -> NDArray[np.int64]:
    near = [
        ix * n_y + iy
        for ix in range(max(cell[0] - reach, 0), min(cell[0] + reach, n_x - 1) + 1)
        for iy in range(max(cell[1] - reach, 0), min(cell[1] + reach, n_y - 1) + 1)
    ]
    return np.array(near, np.int64)


def _make_ecal(setup: Setup, cells: Calibrated, values: Values, visible: NDArray[np.float64]) -> Step:
    _, n_x, n_y = setup.ecal.shape
    x = np.repeat((np.arange(n_x) - (n_x - 1) / 2) * setup.cell_pitch, n_y)
    y = np.tile((np.arange(n_y) - (n_y - 1) / 2) * setup.cell_pitch, n_x)
    windows = [_around(setup.beam_cell, reach, n_x, n_y) for reach in (1, 2)]
    beam_cell = setup.beam_cell[0] * n_y + setup.beam_cell[1]
    geometry = (x, y, *windows, beam_cell, _rows(ecal.FEATURES))
    return partial(ecal.sum_ecal, cells.total, cells.in_time, cells.state, *geometry, values, visible)


def _fit_shower(setup: Setup, cells: Calibrated, values: Values) -> Step:
    t = setup.template
    template = np.array(
        [t.core, t.tail, t.core_slope, t.tail_slope, t.core_fraction, t.stochastic, t.constant, t.noise]
    )
    rows = _rows(("ecal_max_cell", *shower.FEATURES))
    geometry = (setup.ecal.shape[2], float(setup.cell_pitch), template, t.ring, rows)
    return partial(shower.fit_shower, cells.in_time, cells.state, *geometry, values)


def _make_hcal(setup: Setup, cells: Calibrated, values: Values, visible: NDArray[np.float64]) -> Step:
    _, n_x, n_y = setup.hcal.shape
    modules = (n_x * n_y, (n_x // 2) * n_y + n_y // 2, np.array(setup.hcal_modules, np.int64))
    limits = (float(setup.topology_threshold), setup.topology_peripheral_only, float(setup.muon_hcal_2))
    muon = (float(setup.muon_centre), float(setup.muon_hcal_2_with_centre), _rows(hcal.FEATURES))
    choice = (*modules, np.array(setup.hcal_subtracted_modules, np.int64), *limits, *muon)
    return partial(hcal.sum_hcal, cells.total, cells.in_time, cells.state, *choice, values, visible)


def _make_srd(_: Setup, cells: Calibrated, values: Values, __: NDArray[np.float64]) -> Step:
    return partial(small.sum_srd, cells.in_time, cells.state, _rows(small.SRD_FEATURES), values)


def _make_veto(setup: Setup, cells: Calibrated, values: Values, _: NDArray[np.float64]) -> Step:
    scale = (float(setup.veto_mip), float(setup.veto_balance), _rows(small.VETO_FEATURES))
    return partial(small.sum_veto, cells.in_time, cells.state, *scale, values)


def _make_vhcal(_: Setup, cells: Calibrated, values: Values, __: NDArray[np.float64]) -> Step:
    return partial(
        small.sum_vhcal, cells.total, cells.in_time, cells.state, _rows(small.VHCAL_FEATURES), values
    )


_MAKERS = {"ecal": _make_ecal, "hcal": _make_hcal, "vhcal": _make_vhcal, "srd": _make_srd, "veto": _make_veto}
