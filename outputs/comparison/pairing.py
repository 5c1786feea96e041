"""The same events in two results, matched by run, spill and event: what one selects and another does not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from na64.outputs.comparison.nesting import Nesting, nesting
from na64.outputs.events.analysis import ReopenedResult
from na64.processors.counting.counting import apply_cuts

ABSENT = "not visible or not there"
"""Why an event of one result is not selected in the other, if no cut is why: no more is told."""


@dataclass(frozen=True, slots=True, eq=False)
class Changed:
    """An event that one of two results selects.

    Attributes
    ----------
    gained : bool
        The second selects it; else the first does.
    run, spill, event : int
    reason : str
        The first cut it fails in the other result, or `ABSENT`.
    values : dict of str to float
        Features in the result that selects it.
    """

    gained: bool
    run: int
    spill: int
    event: int
    reason: str
    values: dict[str, float]


@dataclass(frozen=True, slots=True)
class RunChange:
    """Selected events of a run in two results: by both, by the second alone, by the first alone.

    Attributes
    ----------
    run, both, gained, lost : int
    nesting : Nesting
        Whether the cuts of the two leave room for both, gains and losses.
    """

    run: int
    both: int
    gained: int
    lost: int
    nesting: Nesting


@dataclass(frozen=True, slots=True, eq=False)
class _Run:
    """Visible events of a run: sorted keys, index of the first failed cut, and features of the selected."""

    run: int
    of: ReopenedResult
    key: NDArray[np.int64]
    first: NDArray[np.uint8]
    selected: NDArray[np.int64]
    values: NDArray[np.float32]


def changes(
    one: ReopenedResult, other: ReopenedResult, after: str | None
) -> Iterator[tuple[RunChange, list[Changed]]]:
    """Yield what changed of each run, with the events; one run in memory at a time.

    Parameters
    ----------
    one, other : ReopenedResult
    after : str or None
        The cut after which events count as selected; all cuts of each if None.
    """
    for run in sorted(one.job.runs.keys() | other.job.runs.keys()):
        stages = (one.stage(after), other.stage(after))
        a, b = _read(one, run, stages[0]), _read(other, run, stages[1])
        lost = ~np.isin(a.selected, b.selected)
        gained = ~np.isin(b.selected, a.selected)
        both = int((~lost).sum())
        events = [
            *_events(a, np.flatnonzero(lost), b, gained=False),
            *_events(b, np.flatnonzero(gained), a, gained=True),
        ]
        nested = nesting(one, other, run, stages)
        yield RunChange(run, both, int(gained.sum()), int(lost.sum()), nested), events


def _read(analysis: ReopenedResult, run: int, stage: int) -> _Run:
    keys, firsts, values = [np.zeros(0, np.int64)], [np.zeros(0, np.uint8)], []
    for part in analysis.read_events(runs=(run,)) if run in analysis.job.runs else ():
        first = apply_cuts(analysis.job.selection_in(run), part.values).first
        keys.append(part.columns.event["spill"] << 32 | part.columns.event["event"])
        firsts.append(first)
        values.append(part.values[:, first >= stage])
    key, first = np.concatenate(keys), np.concatenate(firsts)
    order = np.argsort(key, kind="stable")
    if (np.diff(key[order]) == 0).any():  # files that number their entries
        raise ValueError(f"run {run}: events of several files have the same numbers, none can be compared")
    chosen = np.concatenate(values, axis=1) if values else np.zeros((len(analysis.selection.index), 0), "f4")
    return _Run(run, analysis, key[order], first[order], key[first >= stage], chosen)


def _events(of: _Run, rows: NDArray[np.int64], against: _Run, *, gained: bool) -> Iterator[Changed]:
    index, cuts = of.of.selection.index, against.of.selection.cut_names
    for row in rows.tolist():
        key = int(of.selected[row])
        place = int(np.searchsorted(against.key, key))
        there = place < len(against.key) and against.key[place] == key
        reason = cuts[int(against.first[place])] if there else ABSENT
        values = dict(zip(index, of.values[:, row].tolist(), strict=True))
        yield Changed(gained, of.run, key >> 32, key & 0xFFFFFFFF, reason, values)
