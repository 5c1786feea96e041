"""From columns to the branches of a layout: the reverse of `na64.datasets.reading.read`."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from na64.datasets.conditions.conditions import RunType
from na64.datasets.instrument.columns import Array, Cells, DetectorColumns, EventColumns, TrackerHits
from na64.datasets.reading.branch import Branch
from na64.datasets.reading.detector_layout import CELL_PARTS, CellStorage, DetectorLayout
from na64.datasets.reading.layout import Layout


@dataclass(frozen=True, slots=True)
class JaggedBranch:
    """Values of a branch with one value a hit: event ``i`` owns ``content[offsets[i]:offsets[i+1]]``."""

    offsets: Array
    content: Array


def to_branches(columns: EventColumns, layout: Layout, run_type: RunType) -> dict[str, Array | JaggedBranch]:
    """Make the content of every branch of a layout.

    Parameters
    ----------
    columns : EventColumns
        With `Cells` of every detector, and hits of tracking planes.
    layout : Layout
    run_type : RunType
        In a calibration run, columns whose NaN means absent are NaN.

    Returns
    -------
    dict of str to (n_events, ...) array or JaggedBranch
        By name of the branch, in its type, shape and unit.
    """
    check_simulated(layout, columns.detectors)
    branches: dict[str, Array | JaggedBranch] = {}
    for branch in layout.event.values():
        branches.update(_one_value(branch, columns.event[branch.column]))
    for name, detector in layout.detectors.items():
        cells = columns.detectors[name]
        if detector.kind is CellStorage.POSITIONS:
            branches.update(_positions(detector, cells))
            continue
        if not isinstance(cells, Cells):
            raise TypeError(f"{name}: hits cannot be written, only cells")
        if detector.kind is CellStorage.HITS:
            branches.update(_hits(detector, cells, time_is_residual=layout.time_is_residual))
        else:
            branches.update(_cells(detector, cells, is_absent=run_type is RunType.CALIBRATION))
    return branches


def check_simulated(layout: Layout, detectors: Collection[str]) -> None:
    """Refuse a layout with columns that nothing simulates.

    Parameters
    ----------
    layout : Layout
    detectors : collection of str
        Those that are simulated.

    Raises
    ------
    ValueError
        Names the layout and the column.
    """
    others = [name for name in layout.detectors if name not in detectors]
    for what, names in (
        ("a column", [feature.name for feature in layout.own]),
        ("a feature", layout.given_features),
        ("a detector", others),
    ):
        if names:
            raise ValueError(f"layout {layout.name}: {names[0]} is {what} that is not simulated")


def _one_value(branch: Branch, values: Array) -> dict[str, Array]:
    stored = _stored(branch, values)
    if branch.index is None:
        return {branch.names[0]: stored}
    several = np.zeros((len(values), *branch.shape), dtype=stored.dtype)
    several[:, branch.index] = stored
    return {branch.names[0]: several}


def _positions(detector: DetectorLayout, hits: DetectorColumns) -> dict[str, JaggedBranch]:
    if not isinstance(hits, TrackerHits):
        raise TypeError(f"{detector.name}: cells, and not hits of a tracking plane, are simulated")
    branch = detector.columns["x"]
    return {branch.names[0]: JaggedBranch(hits.offsets, _stored(branch, hits.x))}


def _cells(detector: DetectorLayout, cells: Cells, *, is_absent: bool) -> dict[str, Array]:
    branches: dict[str, Array] = {}
    for key, branch in detector.columns.items():
        column = _column(cells, key)
        ordered = column[:, np.argsort(detector.in_file())] if detector.is_reordered else column
        values = _stored(branch, ordered)
        if is_absent and branch.nan_is_absent:
            values = np.full_like(values, np.nan)
        parts = values.reshape(len(values), len(branch.names), *branch.shape)
        branches.update({name: np.ascontiguousarray(parts[:, n]) for n, name in enumerate(branch.names)})
    return branches


def _hits(detector: DetectorLayout, cells: Cells, *, time_is_residual: bool) -> dict[str, JaggedBranch]:
    event, cell = np.nonzero(cells.energy > 0)
    offsets = np.zeros(len(cells.energy) + 1, dtype=np.int64)
    np.cumsum(np.bincount(event, minlength=len(cells.energy)), out=offsets[1:])
    branches = {}
    for key, branch in detector.columns.items():
        if key == "cell":
            values = detector.in_file()[cell] if detector.is_reordered else cell
            values = values + detector.first_cell
        elif key in CELL_PARTS:
            values = np.unravel_index(cell, detector.grid)[CELL_PARTS.index(key)] + detector.first_cell
        elif key == "time_sigma":
            sigma = _column(cells, key)
            values = sigma[event, cell * sigma.shape[1] // cells.energy.shape[1]]
        elif key == "time" and time_is_residual:
            values = (_column(cells, key) - _column(cells, "expected_time"))[event, cell]
        else:
            values = _column(cells, key)[event, cell]
        branches[branch.names[0]] = JaggedBranch(offsets, _stored(branch, values))
    return branches


def _column(cells: Cells, key: str) -> Array:
    values: Array | None = getattr(cells, key)
    if values is None:
        raise ValueError(f"no {key} to write")
    return values


def _stored(branch: Branch, values: Array) -> Array:
    in_unit = values * branch.unit.divide / branch.unit.multiply if branch.unit.name != "1" else values
    return in_unit.astype(_dtype(branch))


def _dtype(branch: Branch) -> str:
    """Choose a type that the layout accepts: compact for hits, as in the 2023 trees otherwise."""
    preferred = ["float64", "int32", "int64"]
    if branch.jagged:
        preferred = ["float32", "uint8"]
    if branch.column in ("run", "spill", "event"):
        preferred = ["uint32"]
    return next((name for name in preferred if name in branch.types), branch.types[-1])
