"""Yields by run, and whether they are constant."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from na64.outputs.result.summary import RunAccounting
from na64.outputs.result.table import Table, columns_of
from na64.processors.counting.tally import REGIONS, Tally, sums

NAMED_REGIONS = REGIONS[1:]
"""The regions that have a column of their own."""

REGION_NAMES = {"region_I": "I", "region_II": "II", "region_III": "III", "elsewhere": "elsewhere"}
"""What people call the regions."""

YIELD_NAMES = ("selected", *NAMED_REGIONS)
"""Counts of the yields table, in order."""

_ONE_SIGMA = math.erf(math.sqrt(0.5))


@dataclass(frozen=True, slots=True)
class YieldsRow:
    """Row of `yields.csv`: a run.

    Attributes
    ----------
    run : int
    period : str
    eot : float or None
        Delivered electrons on target.
    recorded, processed, skipped, missing : int
        Events.
    hidden : int or None
        Events; None for simulation.
    selected : int
        Events that pass all cuts.
    region_I, region_II, region_III : int or None
        Events of the regions; None for a selection without regions.
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
    region_I: int | None
    region_II: int | None
    region_III: int | None


@dataclass(frozen=True, slots=True)
class WeightedYieldsRow(YieldsRow):
    """Row of `yields.csv` for weighted simulation: sums of weights and of their squares too."""

    selected_sumw: float
    selected_sumw2: float
    region_I_sumw: float | None
    region_I_sumw2: float | None
    region_II_sumw: float | None
    region_II_sumw2: float | None
    region_III_sumw: float | None
    region_III_sumw2: float | None


def yields_table(
    runs: Sequence[RunAccounting],
    tallies: Mapping[int, Tally],
    *,
    stage: int,
    is_data: bool,
    regions: bool = True,
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
    regions : bool
        The selection has regions; without them their fields stay empty.
    """
    ordered = sorted(runs, key=lambda run: run.run)
    weighted = any(tally.n_components > 1 for tally in tallies.values())
    rows = [_row(run, tallies.get(run.run), stage, is_data=is_data, weighted=weighted) for run in ordered]
    if not regions:
        rows = [_without_regions(row) for row in rows]
    return Table(WeightedYieldsRow if weighted else YieldsRow, rows)


def _without_regions(row: YieldsRow) -> YieldsRow:
    empty: dict[str, Any] = {name: None for name in columns_of(type(row)) if name.startswith("region_")}
    return replace(row, **empty)


def _row(run: RunAccounting, tally: Tally | None, stage: int, *, is_data: bool, weighted: bool) -> YieldsRow:
    counts = run.accounting
    head = (
        run.run,
        run.period,
        run.eot_delivered,
        counts["recorded"],
        counts["processed"],
        sum(number for name, number in counts.items() if name.startswith("skipped_")),
        counts["missing"],
        counts["hidden"] if is_data else None,
    )
    row = WeightedYieldsRow if weighted else YieldsRow
    return row(*head, *_yields(tally, stage, weighted=weighted))


def _yields(tally: Tally | None, stage: int, *, weighted: bool) -> list[Any]:
    """Yields of a run, and for weighted simulation sumw and sumw2 of each."""
    if tally is None:
        return [0] * len(YIELD_NAMES) + [0.0] * (2 * len(YIELD_NAMES) if weighted else 0)
    after = tally.regions_after()
    numbers = sums(np.column_stack([tally.passed()[:, -1], after[:, stage, 1:]]))
    found: list[Any] = numbers.count.tolist()
    if weighted:
        found += np.column_stack([numbers.sumw, numbers.sumw2]).ravel().tolist()
    return found


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
