"""Which of the visible events are wanted, and what a stored result says that there are."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np

from na64.datasets.basics.toml import unknown
from na64.outputs.events.analysis import ReopenedResult
from na64.outputs.result.cutflow import ALL_RUNS
from na64.processors.counting.counting import CutResult, apply_cuts
from na64.processors.reread_events import EventBatch
from na64.selections.regions import ELSEWHERE, short_name
from na64.selections.selection import VISIBLE


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Visible events that pass a cut and all before it, in a region, of some runs.

    Attributes
    ----------
    after : str or None
        `VISIBLE`, a cut, or None for all cuts.
    region : str or None
        Its name, or `ELSEWHERE`; None for all.
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
class FilteredEvents:
    """Chosen events of one run and file, and what the selection says of them."""

    events: EventBatch
    cut_result: CutResult


def filter_events(
    analysis: ReopenedResult, event_filter: EventFilter, *, cells: bool = False
) -> Iterator[FilteredEvents]:
    """Read the events of a result again and yield those that are chosen, file after file.

    Parameters
    ----------
    analysis : ReopenedResult
    event_filter : EventFilter
    cells : bool
        With the columns of the detectors.
    """
    stage, left = analysis.stage(event_filter.after), event_filter.limit
    code = None if event_filter.region is None else region_code(analysis, event_filter.region)
    for events in analysis.read_events(runs=event_filter.runs, cells=cells):
        cut_result = apply_cuts(analysis.job.selection_in(events.run), events.values)
        wanted = cut_result.first >= stage
        if code is not None:
            wanted &= cut_result.region == code
        rows = np.flatnonzero(wanted)[:left]
        part = CutResult(cut_result.failed[rows], cut_result.first[rows], cut_result.region[rows])
        yield FilteredEvents(events.take(rows), part)
        if left is not None:
            left -= len(rows)
            if left == 0:
                return


def region_code(analysis: ReopenedResult, name: str) -> int:
    """Number of a region of the result in a skim: 0 is elsewhere.

    Raises
    ------
    KeyError
        The selection has no such region: names it, and the nearest one.
    """
    known = (ELSEWHERE, *(short_name(region) for region in analysis.selection.region_names))
    if name not in known:
        raise KeyError(f"selection {analysis.selection.name}: {unknown('region', name, known)}")
    return known.index(name)


def counted(analysis: ReopenedResult, event_filter: EventFilter) -> int | None:
    """How many events the stored tables have of a filter, its limit aside; None if they do not say."""
    after = (VISIBLE, *analysis.selection.cut_names)[analysis.stage(event_filter.after)]
    if analysis.opening:
        return None if event_filter.region or event_filter.runs else analysis.n_opened[after]
    known = (ELSEWHERE, *analysis.selection.region_names)
    if event_filter.region is not None:
        known = (known[region_code(analysis, event_filter.region)],)
    runs = None if event_filter.runs is None else {str(run) for run in event_filter.runs}
    total = 0
    for row in analysis.products.regions.rows:
        if row.cut == after and row.run != ALL_RUNS and (runs is None or row.run in runs):
            total += sum(row.elsewhere if name == ELSEWHERE else row.regions.get(name, 0) for name in known)
    return total
