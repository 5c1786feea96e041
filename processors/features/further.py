"""The features that a period has besides the standard ones: of its own columns, detectors and formulas."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from na64.datasets.instrument.columns import (
    Array,
    Cells,
    DetectorColumns,
    EventColumns,
    Hits,
    Shape,
    TrackerHits,
)
from na64.datasets.instrument.detector import Detector, Setup
from na64.datasets.instrument.recipes import made_of
from na64.datasets.instrument.roles import Role
from na64.processors.features.feature_table import FeatureTable, Skip
from na64.processors.features.formulas import compute_formulas
from na64.processors.features.tracks import store_tracks
from na64.processors.features.window_arguments import crowded, window_arguments
from na64.processors.kernels.window import LANES

BLOCK = 64 * LANES
"""Events that are calibrated at a time: a multiple of `LANES`, so few that the cache holds their cells."""

LARGEST_INTEGER = 1 << 24
"""Up to here float32 has every integer."""


def store_further(
    table: FeatureTable,
    events: EventColumns,
    setup: Setup,
    *,
    residual_times: bool,
    absent_nan: frozenset[str],
) -> None:
    """Make the features of further columns and detectors; nan where the file lacks them.

    Parameters
    ----------
    table : FeatureTable
        Its rows are filled, and it notes events that are skipped.
    events, setup, residual_times, absent_nan
        As `na64.processors.features.compute.compute` takes them.
    """
    for feature in setup.columns:
        if feature.name in events.event:
            _store_column(table, feature.name, events.event[feature.name], absent_nan)
        else:
            table[feature.name][:] = np.nan
    for detector in setup.by_recipes:
        columns = events.detectors.get(detector.name)
        if columns is None:
            for made in made_of(detector):
                table[made.feature.name][:] = np.nan
        elif detector.role is Role.TRACKER:
            _store_tracker(table, _tracker_hits(columns, detector, events.n_events), detector, absent_nan)
        else:
            _store_cells(table, columns, detector, residual_times=residual_times, absent_nan=absent_nan)
    store_tracks(table, events, setup.spectrometers)


def store_given(
    table: FeatureTable, events: EventColumns, names: Iterable[str], absent_nan: frozenset[str]
) -> None:
    """Take features that the file holds ready made, in place of what its cells would give.

    Parameters
    ----------
    table : FeatureTable
        Its rows are filled, and it notes events that are skipped.
    events : EventColumns
        Has them among its one-value columns.
    names : iterable of str
    absent_nan : frozenset of str
        Features that may be nan.
    """
    for name in names:
        _store_column(table, name, events.event[name], absent_nan)


def _store_column(table: FeatureTable, name: str, column: Array, absent_nan: frozenset[str]) -> None:
    """Take a column as a feature; an event is skipped if float32 has no such number."""
    table[name][:] = column
    if column.dtype.kind == "f":
        raise_skip(table, np.isinf(column) if name in absent_nan else ~np.isfinite(column), Skip.NONFINITE)
    else:
        beyond = (column > LARGEST_INTEGER) | (column < -LARGEST_INTEGER)  # the lowest int64 has no abs
        raise_skip(table, beyond, Skip.NONFINITE)


def store_formulas(table: FeatureTable, setup: Setup) -> None:
    """Make the features that the period makes of others, which the table has to have already."""
    if not setup.formulas:
        return
    inputs = {name for formula in setup.formulas for name in formula.inputs}
    rows = {name: table[name] for name in table.index if name in inputs}
    made = compute_formulas(setup.formulas, rows, dict(setup.constants), len(table.skip))
    for formula, row in zip(setup.formulas, made, strict=True):
        table[formula.name][:] = row


def example(detector: Detector, shape: Shape, dtype: str) -> DetectorColumns:
    """One event in a detector, for the kernels to be compiled with."""
    one = np.ones(1, dtype)
    if detector.role is Role.TRACKER:
        return TrackerHits(np.array([0, 1]), one)
    if shape is Shape.HITS:
        return Hits(np.array([0, 1]), np.zeros(1, np.uint8), one, one)
    cells = np.ones((1, detector.n_cells), dtype)
    return Cells(cells, cells, cells, cells)


def raise_skip(table: FeatureTable, wrong: NDArray[np.bool_], why: Skip) -> None:
    """Note why events are skipped, unless something worse is noted already."""
    if wrong.any():
        table.skip[wrong] = np.maximum(table.skip[wrong], why)


def _store_cells(
    table: FeatureTable,
    columns: DetectorColumns,
    detector: Detector,
    *,
    residual_times: bool,
    absent_nan: frozenset[str],
) -> None:
    # Imported here, so that a period without further detectors starts as fast as if there were none.
    from na64.processors.features.role_arguments import role_arguments, rows_of_kernel  # noqa: PLC0415
    from na64.processors.kernels import calibrated, roles  # noqa: PLC0415

    if isinstance(columns, TrackerHits):
        raise ValueError(f"{detector.name}: hits of a tracker, but its role is {detector.role.value}")
    n_events, n_cells = len(table.skip), detector.n_cells
    pulses = window_arguments(
        columns, detector, residual_times=residual_times, absent_nan=absent_nan, n_events=n_events
    )
    calibrate = calibrated.calibrate_cells
    if isinstance(columns, Hits):
        calibrate = calibrated.calibrate_hits
        table.skip[crowded(columns, detector)] = Skip.TOO_MANY_HITS
    make: Callable[..., None] = getattr(roles, f"make_{detector.role.value}")
    known = role_arguments(detector)
    rows = rows_of_kernel(detector, made_of(detector), table.index)
    size = min(BLOCK, n_events)
    grid, lanes, state = np.zeros((n_cells, 2 * LANES)), np.zeros(LANES, np.uint8), np.zeros(size, np.uint8)
    out, in_time, made = np.zeros((size, n_cells)), np.zeros((size, n_cells)), np.zeros(len(rows))
    for start in range(0, n_events, BLOCK):
        stop = min(start + BLOCK, n_events)
        calibrate(pulses, grid, lanes, table.skip, out, in_time, state, start, stop)
        n = stop - start
        make(in_time[:n], out[:n], state[:n], *known, made, rows, table.values, start)


def _tracker_hits(columns: DetectorColumns, detector: Detector, n_events: int) -> TrackerHits:
    if not isinstance(columns, TrackerHits):
        raise ValueError(f"{detector.name}: cells, but its role is {detector.role.value}")
    offsets, n_hits = columns.offsets, columns.x.size
    if offsets.shape != (n_events + 1,) or offsets[0] < 0 or offsets[-1] > n_hits:
        raise ValueError(f"{detector.name}: offsets do not point to {n_hits} hits of {n_events} events")
    if (np.diff(offsets) < 0).any():
        raise ValueError(f"{detector.name}: offsets decrease")
    return columns


def _store_tracker(
    table: FeatureTable, hits: TrackerHits, detector: Detector, absent_nan: frozenset[str]
) -> None:
    """Count the hits of a plane and take the first: NumPy does it as fast as a kernel would."""
    counts = np.diff(hits.offsets)
    first = np.full(len(counts), np.nan)
    hit = counts > 0
    first[hit] = hits.x[hits.offsets[:-1][hit]]
    wrong = hit & (np.isinf(first) if f"{detector.name}_x" in absent_nan else ~np.isfinite(first))
    raise_skip(table, wrong, Skip.NONFINITE)
    if hits.unequal is not None:
        raise_skip(table, hits.unequal, Skip.UNEQUAL_HITS)
    rows = {made.quantity: table[made.feature.name] for made in made_of(detector)}
    rows["n_hits"][:], rows["first_hit"][:] = counts, first
