"""What a result consists of, as read back from its files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import hist

from na64.outputs.result.cutflow import ALL_RUNS, CutflowRow, RegionsRow
from na64.outputs.result.summary import Summary
from na64.outputs.result.table import Table
from na64.outputs.result.variations import VariationsRow, VariedYieldsRow
from na64.outputs.result.yields import WeightedYieldsRow, YieldsRow

AfterCut = TypeVar("AfterCut", CutflowRow, RegionsRow)


@dataclass(frozen=True, slots=True)
class Products:
    """Everything the figures and the report are made of; read back from the stored files alone."""

    summary: Summary
    yields: Table[YieldsRow]
    cutflow: Table[CutflowRow]
    regions: Table[RegionsRow]
    histograms: Mapping[str, hist.Hist[Any]]
    provenance: Mapping[str, object]
    variations: Table[VariationsRow] | None = None
    varied_yields: Table[VariedYieldsRow] | None = None

    @property
    def is_weighted(self) -> bool:
        """Whether yields have sums of weights beside the counts."""
        return issubclass(self.yields.row, WeightedYieldsRow)


def of_physics_runs(products: Products) -> Table[YieldsRow]:
    """Rows of the yields of runs that are not known to be of another type."""
    others = {run.run for run in products.summary.runs if run.type not in ("physics", "unknown")}
    return replace(products.yields, rows=[row for row in products.yields.rows if row.run not in others])


def of_all_runs(table: Table[AfterCut]) -> Table[AfterCut]:
    """Rows of the sum of all runs."""
    return replace(table, rows=[row for row in table.rows if row.run == ALL_RUNS])
