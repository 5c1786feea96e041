"""What a result consists of, as read back from its files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import hist

from na64.outputs.result.cutflow import ALL_RUNS, CutflowRow, RegionsRow
from na64.outputs.result.summary import Summary
from na64.outputs.result.summary_facts import Role
from na64.outputs.result.table import Table
from na64.outputs.result.variations import VariationsRow, VariedYieldsRow
from na64.outputs.result.yields import YieldsRow
from na64.selections.planes import ENERGIES
from na64.selections.regions import short_name

AfterCut = TypeVar("AfterCut", CutflowRow, RegionsRow)


@dataclass(frozen=True, slots=True)
class Products:
    """Everything the figures and the report are made of; read back from the stored files alone.

    ``digest`` is the sha256 of the `result.json` that was read: the one that is there may be another by now.
    """

    summary: Summary
    yields: Table[YieldsRow]
    cutflow: Table[CutflowRow]
    regions: Table[RegionsRow]
    histograms: Mapping[str, hist.Hist[Any]]
    provenance: Mapping[str, object]
    variations: Table[VariationsRow] | None = None
    varied_yields: Table[VariedYieldsRow] | None = None
    digest: str = ""

    @property
    def is_weighted(self) -> bool:
        """Whether yields have sums of weights beside the counts."""
        return bool(self.yields.groups.get("sums"))


def weighted_names(products: Products) -> frozenset[str]:
    """Names of the histograms in which events count as a feature says: what is in them are no counts."""
    return frozenset(facts.name for facts in products.summary.histograms if facts.weight)


def counted_histograms(products: Products) -> dict[str, hist.Hist[Any]]:
    """All other histograms, by name."""
    weighted = weighted_names(products)
    return {name: found for name, found in products.histograms.items() if name not in weighted}


def energy_planes(products: Products) -> dict[str, hist.Hist[Any]]:
    """Histograms of E_ECAL against E_HCAL, by the cut after which they are."""
    found: dict[str, hist.Hist[Any]] = {}
    for facts in products.summary.histograms:
        histogram = products.histograms.get(facts.name) if facts.role is Role.PLANE else None
        if histogram is not None and tuple(axis.name for axis in histogram.axes) == ENERGIES:
            found.setdefault(facts.cut, histogram)
    return found


def plane_of(products: Products, features: tuple[str, ...], cut: str) -> hist.Hist[Any]:
    """Histogram of two features after a cut.

    Raises
    ------
    ValueError
        The selection has none: names it.
    """
    for facts in products.summary.histograms:
        histogram = products.histograms.get(facts.name) if facts.role is Role.PLANE else None
        if histogram is None or facts.cut != cut:
            continue
        if tuple(axis.name for axis in histogram.axes) == features:
            return histogram
    name = products.summary.selection.name
    raise ValueError(f"selection {name} has no plane of {' and '.join(features)} after {cut}")


def energy_plane(products: Products, cut: str, *, what: str) -> hist.Hist[Any]:
    """Histogram of E_ECAL against E_HCAL after a cut.

    Raises
    ------
    ValueError
        The selection has none: names it, and what needs the plane.
    """
    found = energy_planes(products).get(cut)
    if found is None:
        name = products.summary.selection.name
        axes = " and ".join(ENERGIES)
        raise ValueError(f"selection {name} has no plane of {axes} after {cut}, which {what} needs")
    return found


def require_regions(products: Products, *names: str, what: str) -> None:
    """Refuse a result whose selection lacks a region.

    Raises
    ------
    ValueError
        Names the selection, the region and what needs it.
    """
    known = products.summary.selection.region_names
    for name in names:
        if name not in known:
            there = ", ".join(map(short_name, known)) or "none"
            raise ValueError(
                f"selection {products.summary.selection.name} has no region {short_name(name)}, "
                f"which {what} needs: its regions are {there}"
            )


def of_physics_runs(products: Products) -> Table[YieldsRow]:
    """Rows of the yields of runs that are not known to be of another type."""
    chosen = {run.run for run in products.summary.physics_runs}
    return replace(products.yields, rows=[row for row in products.yields.rows if row.run in chosen])


def of_all_runs(table: Table[AfterCut]) -> Table[AfterCut]:
    """Rows of the sum of all runs."""
    return replace(table, rows=[row for row in table.rows if row.run == ALL_RUNS])
