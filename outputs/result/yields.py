"""Yields by run, and whether they are constant."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from na64.outputs.result.summary import RunFacts
from na64.outputs.result.table import ColumnType, Table, Value
from na64.processors.counting.tally import REGIONS, Tally, sums

NAMED_REGIONS = REGIONS[1:]
"""The regions that have a column of their own."""

REGION_NAMES = {"region_I": "I", "region_II": "II", "region_III": "III", "elsewhere": "elsewhere"}
"""What people call the regions."""

YIELD_NAMES = ("selected", *NAMED_REGIONS)
"""Counts of the yields table, in order."""

KINDS: dict[str, ColumnType] = {
    "run": ColumnType.COUNT,
    "period": ColumnType.TEXT,
    "eot": ColumnType.NUMBER,
    **dict.fromkeys(
        ("recorded", "processed", "skipped", "missing", "hidden", *YIELD_NAMES), ColumnType.COUNT
    ),
}
"""Columns of `yields.csv`."""

WEIGHTED_KINDS: dict[str, ColumnType] = {
    **KINDS,
    **{f"{name}_{part}": ColumnType.NUMBER for name in YIELD_NAMES for part in ("sumw", "sumw2")},
}
"""Columns of `yields.csv` for weighted simulation."""

_ONE_SIGMA = math.erf(math.sqrt(0.5))


def yields_table(
    runs: Sequence[RunFacts], tallies: Mapping[int, Tally], *, stage: int, is_data: bool
) -> Table:
    """One row a run, by run number.

    Parameters
    ----------
    runs : sequence of RunFacts
    tallies : mapping of int to Tally
        By run; a run without one has read nothing.
    stage : int
        How many cuts come before the regions are counted.
    is_data : bool
        Simulation has no hidden events: the field stays empty.
    """
    ordered = sorted(runs, key=lambda run: run.run)
    weighted = any(tally.n_components > 1 for tally in tallies.values())
    rows = [_row(run, tallies.get(run.run), stage, is_data=is_data, weighted=weighted) for run in ordered]
    return Table(WEIGHTED_KINDS if weighted else KINDS, rows)


def _row(
    run: RunFacts, tally: Tally | None, stage: int, *, is_data: bool, weighted: bool
) -> tuple[Value, ...]:
    counts = run.accounting
    row: tuple[Value, ...] = (
        run.run,
        run.period,
        run.eot_delivered,
        counts["recorded"],
        counts["processed"],
        sum(number for name, number in counts.items() if name.startswith("skipped_")),
        counts["missing"],
        counts["hidden"] if is_data else None,
    )
    if tally is None:
        n_numbers = len(YIELD_NAMES) * (2 if weighted else 0)
        return (*row, *(0,) * len(YIELD_NAMES), *(0.0,) * n_numbers)
    after = tally.regions_after()
    chosen = np.column_stack([tally.passed()[:, -1], after[:, stage, 1:]])
    numbers = sums(chosen)
    row += tuple(int(count) for count in numbers.count)
    if weighted:
        pairs = zip(numbers.sumw, numbers.sumw2, strict=True)
        row += tuple(float(value) for pair in pairs for value in pair)
    return row


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
    p_value = float(special.chdtrc(n_degrees, chi2))
    return Constancy(float(rate), chi2, n_degrees, p_value, int(np.sum(expected < 5)))


def poisson_errors(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Central 68 % intervals of a Poisson mean (Garwood 1936), as distances below and above, (2, n)."""
    tail = (1 - _ONE_SIGMA) / 2
    low = np.where(counts > 0, special.gammaincinv(np.maximum(counts, 1), tail), 0.0)
    high = special.gammainccinv(counts + 1, tail)
    return np.stack([counts - low, high - counts])
