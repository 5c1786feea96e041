"""What yields of runs are divided by: particles on target, or visible events where these are not known."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from na64.datasets.conditions.on_target import UNKNOWN, exposure_label
from na64.outputs.result.table import Table
from na64.outputs.result.yields import YieldsRow

_THOUSAND = 3
"""Power of ten of the visible events that a yield is of."""


@dataclass(frozen=True, slots=True)
class RunExposure:
    """Exposure of every run of a table.

    Attributes
    ----------
    values : (n_runs,) float64
        In ``10**power`` of `unit`; 0 where it is not known.
    power : int
    unit : str
    """

    values: NDArray[np.float64]
    power: int
    unit: str

    @property
    def mathematical(self) -> str:
        """The unit in mathematical notation, ``$10^{7}$ EOT``."""
        number = "1000" if self.power == _THOUSAND else f"$10^{{{self.power}}}$"
        return f"{number} {self.unit}"

    @property
    def plain(self) -> str:
        """The unit in letters, ``1e7 EOT``."""
        return f"{1000 if self.power == _THOUSAND else f'1e{self.power}'} {self.unit}"


def run_exposure(table: Table[YieldsRow]) -> RunExposure:
    """Exposure of runs: particles on target if half of them have it and all are of one kind of beam.

    Parameters
    ----------
    table : Table
        `na64.outputs.result.yields.yields_table`.
    """
    exposure = np.array([float(value) if value is not None else 0.0 for value in table.column("eot")])
    known, kinds = (
        exposure[exposure > 0],
        dict.fromkeys(str(kind or UNKNOWN) for kind in table.column("particle")),
    )
    if known.size and 2 * known.size >= exposure.size and len(kinds) == 1:
        power = math.floor(math.log10(np.median(known)))
        return RunExposure(exposure / 10.0**power, power, exposure_label(*kinds))
    return RunExposure(
        (numbers(table, "processed") - numbers(table, "hidden")) / 10.0**_THOUSAND,
        _THOUSAND,
        "visible events",
    )


def numbers(table: Table[Any], name: str) -> NDArray[np.float64]:
    """Column as numbers; an empty field is zero."""
    return np.array([float(value) if value is not None else 0.0 for value in table.column(name)])
