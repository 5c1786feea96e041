"""Columns of a chunk of events to the features cuts act on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from na64.datasets.instrument.columns import DETECTORS, Array, Cells, EventColumns, Hits, Shape, TrackerHits
from na64.datasets.instrument.detector import Detector, Setup
from na64.datasets.instrument.features import OWN_CHI2, STANDARD, made_of
from na64.datasets.instrument.recipes import feature_index
from na64.datasets.instrument.roles import CALORIMETER, STANDARD_DETECTORS, Kernel, Role
from na64.processors.features.feature_table import FeatureTable, Skip, Values
from na64.processors.features.further import example, store_formulas, store_further, store_given
from na64.processors.features.kernel_arguments import (
    calorimeter_arguments,
    counters_arguments,
    modules_arguments,
    paddles_arguments,
    rows_of,
    shower_arguments,
    whole_arguments,
)
from na64.processors.features.window_arguments import crowded, window_arguments
from na64.processors.kernels import blocks, calorimeter, modules, small
from na64.processors.kernels.window import LANES

DIRECT = tuple(name for name, one in STANDARD.items() if one.quantity == "column")
"""Columns that are features as they are."""

MADE_OF = {name: made_of(name) for name in DETECTORS}
"""Features that need a detector's cells."""


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
    exist, if its columns have unequal numbers of hits, or if a detector has more than
    `na64.processors.features.window_arguments.MOST_PULSES` a cell.

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
        Make `OWN_CHI2` although the file has the tree's own; it costs more than all the rest.
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
    index = feature_index(setup)
    values = _table(out, (len(index), events.n_events))
    table = FeatureTable(values, np.zeros(events.n_events, np.uint8), index)
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
        store_further(table, events, setup, residual_times=residual_times, absent_nan=absent_nan)
        store_given(table, events, _given(events, setup, index), absent_nan)
    if "shower_chi2" not in events.event:
        table["shower_chi2"][:] = table[OWN_CHI2]
    store_formulas(table, setup)
    if table.skip.any():
        table.values[:, table.skip != Skip.NONE] = np.nan
    return table


def _given(events: EventColumns, setup: Setup, index: Mapping[str, int]) -> list[str]:
    """Features among the columns of events: ready made, and not columns of the package or the period."""
    columns = {*DIRECT, *(feature.name for feature in setup.columns)}
    return [name for name in events.event if name in index and name not in columns]


def warm_up(setup: Setup, variants: Iterable[tuple[Shape, str]] = ((Shape.CELLS, "float64"),)) -> None:
    """Compile, or load from the cache, what files with such columns need: once a worker, before the first.

    Parameters
    ----------
    setup : Setup
    variants : iterable of (Shape, str)
        Shape and dtype of the cell columns, `Shape.CELLS` or `Shape.HITS`.
    """
    for shape, dtype in variants:
        detectors = {one.name: example(one, shape, dtype) for one in setup.detectors.values()}
        compute(EventColumns(1, {}, detectors), setup, bad=np.zeros(1, np.bool_))


def _table(out: Values | None, shape: tuple[int, int]) -> Values:
    if out is None:
        return np.empty(shape, np.float32)
    if out.shape != shape or out.dtype != np.float32 or not out.flags.c_contiguous:
        raise ValueError(f"out: {out.dtype} {out.shape}, not C-contiguous float32 {shape}")
    return out


def _check_setup(setup: Setup) -> None:
    if CALORIMETER in setup.detectors:
        planes, n_x, n_y = setup.calorimeter.shape
        if planes != 2:
            raise ValueError(f"{CALORIMETER}: {planes} planes, not preshower and main")
        if not (0 <= setup.beam_cell[0] < n_x and 0 <= setup.beam_cell[1] < n_y):
            raise ValueError(
                f"beam cell {setup.beam_cell}: not in the {n_x} x {n_y} cells of the {CALORIMETER}"
            )
    for detector in setup.detectors.values():
        if detector.role is Role.PADDLES and detector.n_cells % 2:
            raise ValueError(f"{detector.name}: {detector.n_cells} photomultipliers, not two a paddle")
    for module in (*setup.chosen_modules, *setup.subtracted_modules):
        if not 0 <= module < setup.modules.shape[0]:
            raise ValueError(f"{setup.modules.name} module {module}: not one of {setup.modules.shape[0]}")


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
    is_physics = (
        (events.event["trigger"] & setup.physics_trigger_mask) != 0 if "trigger" in events.event else np.nan
    )
    table["trigger_physics"][:] = is_physics
    for name in DIRECT:
        table[name][:] = events.event.get(name, np.nan)
        if name in events.event and events.event[name].dtype.kind == "f":
            _note_nonfinite(table.skip, events.event[name], nan_is_absent=name in absent_nan)
    if "unequal_hits" in events.event:
        table.skip[events.event["unequal_hits"].astype(np.bool_)] = Skip.UNEQUAL_HITS


def _note_nonfinite(skip: NDArray[np.uint8], column: Array, *, nan_is_absent: bool) -> None:
    wrong = np.isinf(column) if nan_is_absent else ~np.isfinite(column)
    if wrong.any():  # rarely, and choosing among all events takes longer than looking
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
    visible = np.zeros(events.n_events)
    for name in DETECTORS:
        columns = events.detectors.get(name)
        if columns is None or name not in setup.detectors:
            table.values[rows_of(MADE_OF[name])] = np.nan
            continue
        detector = setup.detectors[name]
        if isinstance(columns, TrackerHits):
            raise ValueError(f"{name}: hits of a tracker, but its role is {detector.role.value}")
        pulses = window_arguments(
            columns,
            detector,
            residual_times=residual_times,
            absent_nan=absent_nan,
            n_events=events.n_events,
        )
        if isinstance(columns, Hits):
            table.skip[crowded(columns, detector)] = Skip.TOO_MANY_HITS
        scratch, kernel, shape = _scratch(detector), STANDARD_DETECTORS[name].kernel, type(columns)
        known = _KNOWN[kernel](setup) if kernel in _KNOWN else _KNOWN_ALONE[kernel](detector)
        to_visible = (visible,) if name in _VISIBLE else ()
        _MAKERS[kernel, shape](pulses, known, *scratch, table.skip, table.values, *to_visible)
        if name == CALORIMETER and (profile_chi2 or "shower_chi2" not in events.event):
            known = shower_arguments(setup)
            _SHOWERS[shape](pulses, known, *scratch, table.skip, table.values)
        elif name == CALORIMETER:
            table[OWN_CHI2][:] = np.nan
    is_whole = events.detectors.keys() & setup.detectors.keys() >= _VISIBLE
    table["visible_energy"][:] = visible if is_whole else np.nan


def _scratch(detector: Detector) -> tuple[Array, Array, Array]:
    work = max(calorimeter.WORK, modules.WORK, small.WORK) + 3 * LANES * detector.shape[0]
    return np.zeros((detector.n_cells, 2 * LANES)), np.zeros(LANES, np.uint8), np.zeros(work)


_VISIBLE = frozenset(STANDARD["visible_energy"].feature.detectors)
_KNOWN = {
    Kernel.CALORIMETER: calorimeter_arguments,
    Kernel.MODULES: modules_arguments,
    Kernel.PADDLES: paddles_arguments,
}
_KNOWN_ALONE = {Kernel.COUNTERS: counters_arguments, Kernel.WHOLE: whole_arguments}
_MAKERS: dict[tuple[Kernel, type], Callable[..., None]] = {
    (Kernel.CALORIMETER, Cells): blocks.calorimeter_of_cells,
    (Kernel.CALORIMETER, Hits): blocks.calorimeter_of_hits,
    (Kernel.MODULES, Cells): blocks.modules_of_cells,
    (Kernel.MODULES, Hits): blocks.modules_of_hits,
    (Kernel.WHOLE, Cells): blocks.small_of_cells,
    (Kernel.WHOLE, Hits): blocks.small_of_hits,
    (Kernel.COUNTERS, Cells): blocks.small_of_cells,
    (Kernel.COUNTERS, Hits): blocks.small_of_hits,
    (Kernel.PADDLES, Cells): blocks.small_of_cells,
    (Kernel.PADDLES, Hits): blocks.small_of_hits,
}
_SHOWERS: dict[type, Callable[..., None]] = {Cells: blocks.shower_of_cells, Hits: blocks.shower_of_hits}
