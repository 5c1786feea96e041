"""Constants of cells as a file of correctionlib, for programs that read those."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import correctionlib.schemav2 as schema

from na64.datasets.calibration.constants import REQUIRED, Calibration, Quantity, RunRange, unit_of

_MEANINGS = {
    Quantity.SCALE: "factor on the recorded energy less the baseline; 0 for a noisy cell",
    Quantity.DELAY: "to be subtracted from the recorded time",
    Quantity.SIGMA: "resolution of the time; 0 is that of the file or of the period",
    Quantity.BASELINE: "to be subtracted from a recorded energy that is not zero",
}


def to_correctionlib(calibration: Calibration) -> bytes:
    """Text of the file: corrections in run, detector and cell, which refuse what was not calibrated."""
    made = schema.CorrectionSet(
        schema_version=2,
        description=f"calibration {calibration.name}, identity {calibration.identity}",
        corrections=[_correction(calibration, quantity) for quantity in REQUIRED],
    )
    text: str = made.model_dump_json(exclude_unset=True)
    return (text + "\n").encode()


def _correction(calibration: Calibration, quantity: Quantity) -> schema.Correction:
    edges, content = _bins(calibration.ranges, quantity)
    return schema.Correction.model_validate(
        {
            "name": quantity.value,
            "description": _MEANINGS[quantity],
            "version": 1,
            "inputs": [
                {"name": "run", "type": "real", "description": "number of the run"},
                {"name": "detector", "type": "string"},
                {"name": "cell", "type": "int", "description": "as the period numbers them"},
            ],
            "output": {"name": quantity.value, "type": "real", "description": unit_of(quantity)},
            "data": {
                "nodetype": "binning",
                "input": "run",
                "edges": edges,
                "content": content,
                "flow": "error",
            },
        }
    )


def _bins(ranges: Sequence[RunRange], quantity: Quantity) -> tuple[list[float], list[Any]]:
    """Bins of runs: those of the ranges, and between them bins without any detector."""
    edges: list[float] = [ranges[0].first - 0.5]
    content: list[Any] = []
    for part in ranges:
        if part.first - 0.5 > edges[-1]:
            edges.append(part.first - 0.5)
            content.append(_category("detector", {}))
        edges.append(part.last + 0.5)
        content.append(_of_range(part, quantity))
    return edges, content


def _of_range(part: RunRange, quantity: Quantity) -> dict[str, Any]:
    detectors = {}
    for name, constants in part.detectors.items():
        values = dict(enumerate(constants.values[quantity].values))
        if quantity is Quantity.SCALE:
            values |= dict.fromkeys(part.masked(name), 0.0)
        detectors[name] = _category("cell", values)
    return _category("detector", detectors)


def _category(name: str, content: Mapping[Any, Any]) -> dict[str, Any]:
    items = [{"key": key, "value": value} for key, value in content.items()]
    return {"nodetype": "category", "input": name, "content": items}
