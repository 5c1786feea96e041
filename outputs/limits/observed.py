"""The observed limits of an opened box: those that were frozen, made again with what was seen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from na64.datasets.basics.identity import bytes_digest
from na64.outputs.limits.analysis import LimitsAnalysis
from na64.outputs.limits.request import found_again, make_limits
from na64.outputs.result.product_names import LIMITS, TABLE, Y_TABLE
from na64.outputs.result.request import log_use


def observed_limits(folder: Path, freeze: str, manifest: dict[str, Any]) -> LimitsAnalysis | None:
    """Set the limits of the freeze again, now that the box is open, and log them.

    None if the freeze has no limits.
    """
    estimate = manifest["estimate"]
    if estimate is None:
        return None
    analysis = make_limits([folder], found_again(estimate["request"], folder), folder)
    files = {name: bytes_digest((folder / name).read_bytes()) for name in (LIMITS, TABLE, Y_TABLE)}
    log_use(folder, "observed", {"freeze": freeze, "files": files})
    return analysis
