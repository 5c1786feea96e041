"""Calibrations for tests: constants of a period's detectors with some changed."""

from __future__ import annotations

from na64.datasets.calibration.constants import (
    KEPT,
    BadCell,
    Calibration,
    CellValues,
    DetectorConstants,
    Quantity,
    RunRange,
    base_of,
)
from na64.datasets.conditions.periods import load_periods
from na64.datasets.instrument.detector import Detector

Changes = dict[tuple[str, Quantity], dict[int, float]]
"""Values of cells, by detector and quantity."""

_USUAL = {Quantity.DELAY: 0.0, Quantity.SIGMA: 0.0, Quantity.BASELINE: 0.0}


def values_of(detector: Detector, changes: Changes) -> DetectorConstants:
    """Constants that change nothing but some cells."""
    found = {}
    for quantity in (Quantity.SCALE, *_USUAL):
        usual = detector.scale if quantity is Quantity.SCALE else (_USUAL[quantity],) * detector.n_cells
        changed = changes.get((detector.name, quantity), {})
        values = tuple(float(changed.get(cell, value)) for cell, value in enumerate(usual))
        methods = tuple("particles" if cell in changed else KEPT for cell in range(detector.n_cells))
        found[quantity] = CellValues(values, (0.0,) * detector.n_cells, (0,) * detector.n_cells, methods)
    return DetectorConstants(base_of(detector), found)


def calibration_of(
    changes: Changes,
    runs: tuple[int, int] = (8701, 8705),
    *,
    period: str = "2023A",
    name: str = "example",
    bad: tuple[BadCell, ...] = (),
) -> Calibration:
    """Calibration of one range of runs."""
    detectors = {one.name: values_of(one, changes) for one in load_periods()[period].setup.detectors.values()}
    return Calibration(name, (RunRange(*runs, period, detectors, bad),), {})
