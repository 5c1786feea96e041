"""What a result consists of, as read back from its files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import hist

from na64.outputs.result.cutflow import ALL_RUNS
from na64.outputs.result.summary import Summary
from na64.outputs.result.table import Table


@dataclass(frozen=True, slots=True)
class Products:
    """Everything the figures and the report are made of; read back from the stored files alone."""

    summary: Summary
    yields: Table
    cutflow: Table
    regions: Table
    histograms: Mapping[str, hist.Hist]
    provenance: Mapping[str, object]
    variations: Table | None = None
    varied_yields: Table | None = None


def of_physics_runs(products: Products) -> Table:
    """Rows of the yields of runs that are not known to be of another type."""
    others = {run.run for run in products.summary.runs if run.type not in ("physics", "unknown")}
    return Table(products.yields.kinds, [row for row in products.yields.rows if row[0] not in others])


def of_all_runs(table: Table) -> Table:
    """Rows of the sum of all runs."""
    return Table(table.kinds, [row for row in table.rows if row[0] == ALL_RUNS])
