"""Yields and feature means against run, spill and place in the spill, gathered from events read again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from na64.datasets.instrument.features import INDEX
from na64.outputs.events.analysis import ReopenedResult
from na64.outputs.result.yields import yield_names
from na64.processors.counting.booking import default_axis
from na64.processors.counting.counting import apply_cuts
from na64.processors.reread_events import EventBatch
from na64.selections.selection import VISIBLE, Selection

_FINE = 16  # events; of a spill, to be joined into parts later

Floats = NDArray[np.float64]


class Against(Enum):
    """What is looked along."""

    RUN = "run"
    SPILL = "spill"
    PART = "part of the spill"


@dataclass(slots=True, eq=False)
class DriftSums:
    """What the events of one place add up to.

    Attributes
    ----------
    n_events, n_listed : int
        Events, and those of them on the bad list.
    yields : (n_regions + 1,) int64
        Events that pass all cuts, then those of each region.
    n, total, square : (n_features,) float64
        Finite values, their sum and that of their squares.
    """

    n_features: int
    n_regions: int
    n_events: int = 0
    n_listed: int = 0
    yields: NDArray[np.int64] = field(init=False)
    n: Floats = field(init=False)
    total: Floats = field(init=False)
    square: Floats = field(init=False)

    def __post_init__(self) -> None:
        self.yields = np.zeros(self.n_regions + 1, np.int64)
        self.n, self.total, self.square = (np.zeros(self.n_features) for _ in range(3))

    def __iadd__(self, other: DriftSums) -> DriftSums:
        self.n_events += other.n_events
        self.n_listed += other.n_listed
        for name in ("yields", "n", "total", "square"):
            getattr(self, name)[...] += getattr(other, name)
        return self


Place = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Gathered:
    """Sums by place.

    Attributes
    ----------
    features, yields : tuple of str
    after : str
        The events looked at pass this cut and all before.
    spills : dict of (run, spill) to DriftSums
    parts : dict of int to DriftSums
        By event number within the spill over `_FINE`; of all runs, without what is on the bad list.
    left_out : tuple of int
        Runs that are not of the physics kind.
    """

    features: tuple[str, ...]
    yields: tuple[str, ...]
    after: str
    spills: dict[Place, DriftSums]
    parts: dict[Place, DriftSums]
    left_out: tuple[int, ...]

    def places(self, against: Against) -> dict[Place, DriftSums]:
        """Sums by run (without bad spills), by run and spill, or by first and last event of a part."""
        if against is Against.SPILL:
            return dict(sorted(self.spills.items()))
        if against is Against.RUN:
            return self._runs()
        return _joined_parts(self.parts, self._empty)

    def _empty(self) -> DriftSums:
        return DriftSums(len(self.features), len(self.yields) - 1)

    def _runs(self) -> dict[Place, DriftSums]:
        runs: dict[Place, DriftSums] = {}
        for (run, _), sums in sorted(self.spills.items()):
            if not is_listed(sums):
                runs.setdefault((run,), self._empty())
                runs[run,] += sums
        return runs


def is_listed(sums: DriftSums) -> bool:
    """Whether most events of a place are on the bad list."""
    return 2 * sums.n_listed > sums.n_events


def gather(analysis: ReopenedResult, after: str | None) -> Gathered:
    """Read the visible events of a result again and add them up by place.

    Values of features are taken no further than the ends of the axis they are drawn on, so that a few wild
    ones do not decide a mean. Calibration and beam runs are left out.

    Parameters
    ----------
    analysis : ReopenedResult
    after : str or None
        Look at the events that pass this cut and all before; `VISIBLE`, all visible ones, by default.
    """
    selection = analysis.selection
    names, after = tuple(selection.index), after or VISIBLE
    left_out = tuple(run for run, context in analysis.job.runs.items() if not context.type.is_physics)
    spills: dict[Place, DriftSums] = {}
    parts: dict[Place, DriftSums] = {}
    low, high = _ends(selection)
    for events in analysis.read_events(runs=[run for run in analysis.job.runs if run not in left_out]):
        cut_events = _CutEvents(
            events, analysis.job.selection_in(events.run), analysis.stage(after), low, high
        )
        spill = events.columns.event["spill"]
        _add(spills, cut_events, spill, (events.run,), np.ones(len(spill), bool))
        _add(parts, cut_events, events.columns.event["event"] // _FINE, (), ~cut_events.listed)
    return Gathered(names, yield_names(selection.region_names), after, spills, parts, left_out)


class _CutEvents:
    """Events with what is to be added of each."""

    def __init__(
        self, events: EventBatch, selection: Selection, stage: int, low: Floats, high: Floats
    ) -> None:
        cut_result = apply_cuts(selection, events.values)
        yields_after = selection.cut_names.index(selection.yields_after) + 1
        counted = cut_result.first >= yields_after
        self.looked: NDArray[np.bool_] = cut_result.first >= stage
        self.listed: NDArray[np.bool_] = events.values[INDEX["bad_spill"]] == 1
        self.yields = np.stack(
            [
                cut_result.first == len(selection.cuts),
                *(counted & (cut_result.region == n + 1) for n in range(len(selection.regions))),
            ]
        )
        finite = np.isfinite(events.values)
        self.finite = finite
        self.values = np.where(finite, np.clip(events.values, low[:, None], high[:, None]), 0.0)


def _add(
    sums: dict[Place, DriftSums],
    cut_events: _CutEvents,
    number: NDArray[np.int64],
    prefix: Place,
    used: NDArray[np.bool_],
) -> None:
    rows = np.flatnonzero(used & cut_events.looked)
    if not rows.size:
        return
    found, place = np.unique(number[rows], return_inverse=True)
    order = np.argsort(place, kind="stable")
    starts = np.searchsorted(place[order], np.arange(found.size))
    rows = rows[order]

    def added(table: NDArray[np.generic]) -> Floats:
        return np.add.reduceat(table[:, rows], starts, axis=1, dtype=np.float64)

    values = cut_events.values.astype(np.float64)
    yields, n, total, square = (
        added(t) for t in (cut_events.yields, cut_events.finite, values, values * values)
    )
    n_events, n_listed = np.bincount(place), added(cut_events.listed[None])[0]
    for column, key in enumerate(found.tolist()):
        one = sums.setdefault((*prefix, key), DriftSums(len(values), len(yields) - 1))
        one.n_events += int(n_events[column])
        one.n_listed += int(n_listed[column])
        one.yields += yields[:, column].astype(np.int64)
        one.n += n[:, column]
        one.total += total[:, column]
        one.square += square[:, column]


def _ends(selection: Selection) -> tuple[Floats, Floats]:
    axes = [default_axis(feature) for feature in selection.features.values()]
    return np.array([axis.low for axis in axes]), np.array([axis.high for axis in axes])


_PARTS = 40
_FEWEST = 150
"""A spill is looked at in about so many parts of equal numbers of events, at least so many of them."""


def _joined_parts(fine: Mapping[Place, DriftSums], empty: Callable[[], DriftSums]) -> dict[Place, DriftSums]:
    total = sum(sums.n_events for sums in fine.values())
    joined: dict[Place, DriftSums] = {}
    for first, last, members in _groups(fine, max(total / _PARTS, _FEWEST)):
        joined[first, last] = empty()
        for member in members:
            joined[first, last] += member
    return joined


def _groups(fine: Mapping[Place, DriftSums], size: float) -> Iterator[tuple[int, int, list[DriftSums]]]:
    members: list[DriftSums] = []
    first = 0
    held = 0
    ordered = sorted(fine.items())
    for (number,), sums in ordered:
        first = number * _FINE if not members else first
        members.append(sums)
        held += sums.n_events
        if held >= size or (number,) == ordered[-1][0]:
            yield first, (number + 1) * _FINE - 1, members
            members, held = [], 0
