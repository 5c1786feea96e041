"""Yields by run, and whether they are constant."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from na64.datasets.conditions.on_target import UNKNOWN
from na64.outputs.result.summary import RunAccounting
from na64.outputs.result.table import Groups, Table
from na64.processors.counting.tally import N_COMPONENTS_WEIGHTED, Tally, sums
from na64.selections.regions import region_columns

SELECTED = "selected"
"""The yield that every selection has: events that pass all cuts."""

_ONE_SIGMA = math.erf(math.sqrt(0.5))


@dataclass(frozen=True, slots=True)
class YieldsRow:
    """Row of `yields.csv`: a run.

    Attributes
    ----------
    run : int
    period : str
    eot : float or None
        Delivered particles on target.
    recorded, processed, skipped, missing : int
        Events.
    hidden : int or None
        Events; None for simulation.
    selected : int
        Events that pass all cuts.
    regions : mapping of str to int
        Events of the regions; empty for a selection without regions.
    sums : mapping of str to float
        Of weighted simulation, for each of these counts the sums of weights and of their squares.
    particle : str
        Of the beam; empty where nobody stated it.
    """

    run: int
    period: str
    eot: float | None
    recorded: int
    processed: int
    skipped: int
    missing: int
    hidden: int | None
    selected: int
    regions: Mapping[str, int]
    sums: Mapping[str, float]
    particle: str = UNKNOWN

    def weighted(self, name: str) -> tuple[float, float]:
        """Sum of weights of a yield, and of their squares; without weights both are the count."""
        if self.sums:
            return self.sums.get(f"{name}_sumw", 0.0), self.sums.get(f"{name}_sumw2", 0.0)
        count = float(self.selected if name == SELECTED else self.regions.get(name, 0))
        return count, count


def yield_names(regions: Sequence[str]) -> tuple[str, ...]:
    """Counts of the yields table of a selection with these regions, in order."""
    return (SELECTED, *regions)


def yield_groups(regions: Sequence[str], *, weighted: bool) -> Groups:
    """Columns of the yields table that depend on the selection and on what the events are."""
    columns = region_columns(regions)
    weights = (f"{name}_{part}" for name in yield_names(columns) for part in ("sumw", "sumw2"))
    return {"regions": columns, "sums": tuple(weights) if weighted else ()}


def yields_table(
    runs: Sequence[RunAccounting],
    tallies: Mapping[int, Tally],
    *,
    stage: int,
    is_data: bool,
    regions: Sequence[str],
) -> Table[YieldsRow]:
    """One row a run, by run number.

    Parameters
    ----------
    runs : sequence of RunAccounting
    tallies : mapping of int to Tally
        By run; a run without one has read nothing.
    stage : int
        How many cuts come before the regions are counted.
    is_data : bool
        Simulation has no hidden events: the field stays empty.
    regions : sequence of str
        Names of the regions of the selection, in the order of the tallies.
    """
    ordered = sorted(runs, key=lambda run: run.run)
    weighted = any(tally.n_components > 1 for tally in tallies.values())
    empty = Tally.empty(
        n_cuts=0, n_regions=len(regions), n_bins=0, n_components=N_COMPONENTS_WEIGHTED if weighted else 1
    )
    rows = []
    for run in ordered:
        tally = tallies.get(run.run)
        found = _yields(tally or empty, stage if tally else 0, regions)
        rows.append(_row(run, found, is_data=is_data, weighted=weighted))
    return Table(YieldsRow, rows, yield_groups(regions, weighted=weighted))


def _row(run: RunAccounting, found: _Yields, *, is_data: bool, weighted: bool) -> YieldsRow:
    counts = run.accounting
    return YieldsRow(
        run.run,
        run.period,
        run.eot_delivered,
        counts["recorded"],
        counts["processed"],
        sum(number for name, number in counts.items() if name.startswith("skipped_")),
        counts["missing"],
        counts["hidden"] if is_data else None,
        found.counts[SELECTED],
        {name: count for name, count in found.counts.items() if name != SELECTED},
        found.sums if weighted else {},
        run.particle,
    )


@dataclass(frozen=True, slots=True)
class _Yields:
    counts: dict[str, int]
    sums: dict[str, float]


def _yields(tally: Tally, stage: int, regions: Sequence[str]) -> _Yields:
    """Yields of a run, and sumw and sumw2 of each."""
    after, names = tally.regions_after(), yield_names(regions)
    numbers = sums(np.column_stack([tally.passed()[:, -1], after[:, stage, 1:]]))
    weights: dict[str, float] = {}
    for name, sumw, sumw2 in zip(names, numbers.sumw.tolist(), numbers.sumw2.tolist(), strict=True):
        weights |= {f"{name}_sumw": sumw, f"{name}_sumw2": sumw2}
    return _Yields(dict(zip(names, numbers.count.tolist(), strict=True)), weights)


@dataclass(frozen=True, slots=True)
class Constancy:
    """Pearson's test that counts follow the exposure.

    Attributes
    ----------
    rate : float
        Counts per exposure, all runs together.
    chi2 : float
    n_degrees : int
    p_value : float
    n_sparse : int
        Runs of fewer than five expected counts: with any, the p-value is only indicative.
    """

    rate: float
    chi2: float
    n_degrees: int
    p_value: float
    n_sparse: int


def constancy(counts: NDArray[np.float64], exposure: NDArray[np.float64]) -> Constancy | None:
    """Test a constant rate; None with fewer than two runs or no count.

    Parameters
    ----------
    counts, exposure : (n_runs,) float64
    """
    if len(counts) < 2 or counts.sum() <= 0 or exposure.min() <= 0:
        return None
    rate = counts.sum() / exposure.sum()
    expected = rate * exposure
    chi2 = float(np.sum((counts - expected) ** 2 / expected))
    n_degrees = len(counts) - 1
    special = _special_functions()
    p_value = float(special.chdtrc(n_degrees, chi2))
    return Constancy(float(rate), chi2, n_degrees, p_value, int(np.sum(expected < 5)))


def poisson_errors(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Central 68 % intervals of a Poisson mean (Garwood 1936), as distances below and above, (2, n)."""
    tail, special = (1 - _ONE_SIGMA) / 2, _special_functions()
    low = np.where(counts > 0, special.gammaincinv(np.maximum(counts, 1), tail), 0.0)
    high = special.gammainccinv(counts + 1, tail)
    return np.stack([counts - low, high - counts])


def _special_functions() -> ModuleType:
    """Module of scipy, which is slow to import and not needed to count."""
    return import_module("scipy.special")
