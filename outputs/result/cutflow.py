"""Counts after every cut: by run and summed, and by region."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from na64.outputs.result.table import Groups, Table
from na64.processors.counting.tally import Tally
from na64.selections.regions import region_columns

VISIBLE = "visible"
"""Name of the first row of a run: its events before any cut."""

ALL_RUNS = "all"
"""What stands in the column of runs for their sum."""


@dataclass(frozen=True, slots=True)
class CutflowRow:
    """Row of `cutflow.csv`: events of a run after a cut.

    Attributes
    ----------
    run : str
        A number, or `ALL_RUNS`.
    cut : str
        A cut, or `VISIBLE`.
    passed, alone, n_minus_one : int
        Events that pass all cuts so far, this cut alone, and all the other cuts.
    """

    run: str
    cut: str
    passed: int
    alone: int
    n_minus_one: int


@dataclass(frozen=True, slots=True)
class RegionsRow:
    """Row of `regions.csv`: events of a run after a cut, by region.

    Attributes
    ----------
    run, cut : str
        As in `CutflowRow`.
    regions : mapping of str to int
        By region; empty for a selection without regions.
    elsewhere : int
    """

    run: str
    cut: str
    regions: Mapping[str, int]
    elsewhere: int


def cutflow_table(tallies: Mapping[int, Tally], cuts: Sequence[str]) -> Table[CutflowRow]:
    """Count events passing all cuts so far, this cut alone, and all the other cuts.

    In the row `VISIBLE`, which is no cut, ``alone`` is all events and ``n_minus_one`` those that pass all.
    """
    rows: list[CutflowRow] = []
    for run, tally in with_sum(tallies):
        passed = tally.passed()[0].tolist()
        single_cut = [passed[0], *tally.single_cut[0].tolist()]
        n_minus_one = [passed[-1], *tally.n_minus_one[0].tolist()]
        columns = zip((VISIBLE, *cuts), passed, single_cut, n_minus_one, strict=True)
        rows += [CutflowRow(run, *values) for values in columns]
    return Table(CutflowRow, rows)


def regions_table(
    tallies: Mapping[int, Tally], cuts: Sequence[str], *, regions: Sequence[str]
) -> Table[RegionsRow]:
    """Count events by region after every cut.

    Parameters
    ----------
    tallies : mapping of int to Tally
    cuts, regions : sequence of str
        Names, in the order of the tallies.
    """
    rows: list[RegionsRow] = []
    for run, tally in with_sum(tallies):
        after = tally.regions_after()[0].tolist()
        for cut, (elsewhere, *inside) in zip((VISIBLE, *cuts), after, strict=True):
            rows.append(RegionsRow(run, cut, dict(zip(regions, inside, strict=True)), elsewhere))
    return Table(RegionsRow, rows, region_groups(regions))


def region_groups(regions: Sequence[str]) -> Groups:
    """Columns of the table of regions that depend on the selection."""
    return {"regions": region_columns(regions)}


def with_sum(tallies: Mapping[int, Tally]) -> list[tuple[str, Tally]]:
    """Tallies by run number, then their sum; histograms play no part."""
    runs = sorted(tallies)
    if not runs:
        return []
    everything = tallies[runs[0]]
    for run in runs[1:]:
        everything = everything + tallies[run]
    return [*((str(run), tallies[run]) for run in runs), (ALL_RUNS, everything)]
