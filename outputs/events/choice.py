"""Which of the visible events are wanted, and what a stored result says that there are."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np

from na64.outputs.events.analysis import Analysis
from na64.outputs.result.cutflow import ALL_RUNS
from na64.processors.counting.counting import Judgement, judge_events
from na64.processors.counting.tally import REGIONS
from na64.processors.reread_events import SeenEvents
from na64.selections.selection import VISIBLE

REGION_CODES = {"elsewhere": 0, "I": 1, "II": 2, "III": 3}
"""Regions as they are named on the command line, and their numbers in a skim."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Visible events that pass a cut and all before it, in a region, of some runs.

    Attributes
    ----------
    after : str or None
        `VISIBLE`, a cut, or None for all cuts.
    region : str or None
        A key of `REGION_CODES`, None for all.
    runs : collection of int or None
    limit : int or None
        So many at most, the first by run, file and entry.
    """

    after: str | None = None
    region: str | None = None
    runs: Collection[int] | None = None
    limit: int | None = None

    def __str__(self) -> str:
        after = "all cuts" if self.after is None else self.after
        where = f" in region {self.region}" if self.region else ""
        return f"before any cut{where}" if after == VISIBLE else f"after {after}{where}"


@dataclass(frozen=True, slots=True, eq=False)
class Chosen:
    """Chosen events of one run and file, and what the selection says of them."""

    events: SeenEvents
    judgement: Judgement


def choose(analysis: Analysis, choice: Choice, *, cells: bool = False) -> Iterator[Chosen]:
    """Read the events of a result again and yield those that are chosen, file after file.

    Parameters
    ----------
    analysis : Analysis
    choice : Choice
    cells : bool
        With the columns of the detectors.
    """
    stage, left = analysis.stage(choice.after), choice.limit
    for events in analysis.look(runs=choice.runs, cells=cells):
        judgement = judge_events(analysis.job.selection_in(events.run), events.values)
        wanted = judgement.first >= stage
        if choice.region is not None:
            wanted &= judgement.region == REGION_CODES[choice.region]
        rows = np.flatnonzero(wanted)[:left]
        part = Judgement(judgement.failed[rows], judgement.first[rows], judgement.region[rows])
        yield Chosen(events.take(rows), part)
        if left is not None:
            left -= len(rows)
            if left == 0:
                return


def counted(analysis: Analysis, choice: Choice) -> int | None:
    """How many events the stored tables have of a choice, its limit aside; None if they do not say."""
    after = (VISIBLE, *analysis.selection.cut_names)[analysis.stage(choice.after)]
    if analysis.opening:
        return None if choice.region or choice.runs else analysis.n_opened[after]
    names = REGIONS if choice.region is None else (REGIONS[REGION_CODES[choice.region]],)
    runs = None if choice.runs is None else {str(run) for run in choice.runs}
    total = 0
    for row in analysis.products.regions.records():
        if row["cut"] == after and row["run"] != ALL_RUNS and (runs is None or str(row["run"]) in runs):
            total += sum(int(row[name] or 0) for name in names)
    return total
