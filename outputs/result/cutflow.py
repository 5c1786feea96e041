"""Counts after every cut: by run and summed, and by region."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from na64.outputs.result.table import ColumnType, Table, Value
from na64.processors.counting.tally import Tally

VISIBLE = "visible"
"""Name of the first row of a run: its events before any cut."""

ALL_RUNS = "all"
"""What stands in the column of runs for their sum."""

KINDS: dict[str, ColumnType] = {
    "run": ColumnType.TEXT,
    "cut": ColumnType.TEXT,
    "passed": ColumnType.COUNT,
    "alone": ColumnType.COUNT,
    "n_minus_one": ColumnType.COUNT,
}
"""Columns of `cutflow.csv`."""

REGION_KINDS: dict[str, ColumnType] = {
    "run": ColumnType.TEXT,
    "cut": ColumnType.TEXT,
    **dict.fromkeys(("region_I", "region_II", "region_III", "elsewhere"), ColumnType.COUNT),
}
"""Columns of `regions.csv`."""


def cutflow_table(tallies: Mapping[int, Tally], cuts: Sequence[str]) -> Table:
    """Count events passing all cuts so far, this cut alone, and all the other cuts.

    In the row `VISIBLE`, which is no cut, ``alone`` is all events and ``n_minus_one`` those that pass all.
    """
    rows: list[tuple[Value, ...]] = []
    for run, tally in with_sum(tallies):
        passed = tally.passed()[0].tolist()
        single_cut = [passed[0], *tally.single_cut[0].tolist()]
        n_minus_one = [passed[-1], *tally.n_minus_one[0].tolist()]
        names = (VISIBLE, *cuts)
        rows += zip([run] * len(names), names, passed, single_cut, n_minus_one, strict=True)
    return Table(KINDS, rows)


def regions_table(tallies: Mapping[int, Tally], cuts: Sequence[str]) -> Table:
    """Count events by region after every cut."""
    rows: list[tuple[Value, ...]] = []
    for run, tally in with_sum(tallies):
        after = tally.regions_after()[0].tolist()
        for cut, (elsewhere, *regions) in zip((VISIBLE, *cuts), after, strict=True):
            rows.append((run, cut, *regions, elsewhere))
    return Table(REGION_KINDS, rows)


def with_sum(tallies: Mapping[int, Tally]) -> list[tuple[str, Tally]]:
    """Tallies by run number, then their sum; histograms play no part."""
    runs = sorted(tallies)
    if not runs:
        return []
    everything = tallies[runs[0]]
    for run in runs[1:]:
        everything = everything + tallies[run]
    return [*((str(run), tallies[run]) for run in runs), (ALL_RUNS, everything)]
