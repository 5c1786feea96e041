"""Least energy of a pulse that counts for a calibration, by detector."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from na64.datasets.basics.toml import load_table
from na64.datasets.basics.units import read_quantity
from na64.datasets.instrument.detector import Detector


def threshold_of(detector: Detector) -> float:
    """Least energy of a pulse of a detector, GeV with the scale of the period."""
    if (known := _stated().get(detector.name)) is not None:
        return known
    if detector.mip is not None:
        return detector.mip / 2
    pedestal = detector.pedestal if math.isfinite(detector.pedestal) else 0.0
    return max(detector.threshold, pedestal, 0.0)


@cache
def _stated() -> Mapping[str, float]:
    table = load_table(files(__package__).joinpath("thresholds.toml"))
    found = {name: read_quantity(table, name, "GeV").values[0] for name in table.names()}
    table.done()
    return MappingProxyType(found)
