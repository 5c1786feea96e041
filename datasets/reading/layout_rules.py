"""What a layout of one's own may not do, whatever it is for.

Counts are published by run, hidden events included, and the catalogue lists spills. So a branch that is
measured cannot be the number of a run, a spill or an event: hidden events would be counted by it.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from na64.datasets.reading.branch import Branch
from na64.datasets.reading.branch_names import may_be_one
from na64.datasets.reading.event_entries import KEYS
from na64.datasets.reading.layout import Layout
from na64.datasets.reading.layout_differences import meanings
from na64.datasets.reading.stored import StructureError

_FEWEST = 50
"""Events below which nothing follows from how numbers change."""

_SHORTEST = 10
"""Events, on average, between one return of a number and the next: runs and spills come at a stretch."""


def check_keys(layout: Layout) -> None:
    """Refuse a layout that takes something measured, or one branch twice, for run, spill or event number.

    Raises
    ------
    ValueError
        Names the layout, the branch and the other column.
    """
    for key in KEYS:
        if key not in layout.event:
            continue
        branch = layout.event[key]
        name = _name(branch)
        for other in layout.branches():
            if other is not branch and _overlap(branch, other):
                raise ValueError(
                    f'layout {layout.name}: branch "{name}" cannot be {key} and {other.column}: '
                    f"hidden events are counted by {key}"
                )
        known = meanings(branch.names[0], branch.index)
        if known and key not in known:
            column, packaged = next(iter(known.items()))
            raise ValueError(
                f'layout {layout.name}: branch "{name}" cannot be {key}, it is {column} of layout '
                f"{packaged}: hidden events are counted by {key}"
            )


def check_of_data(layout: Layout) -> None:
    """Refuse a layout that says which run, trigger or event data have, whatever they are.

    Run and trigger decide what is hidden: one by its period and its type, the other as it may open an event.

    Raises
    ------
    ValueError
        Names the layout and the column.
    """
    if reason := _of_simulation(layout):
        raise ValueError(f"layout {layout.name}: {reason}")


def may_be_of_data(layout: Layout) -> bool:
    """Whether files of a layout may be data: it says of no event what only the file can."""
    return not _of_simulation(layout)


def _of_simulation(layout: Layout) -> str:
    """Why a layout is for simulation only; empty if it is not."""
    for column in ("run", "trigger"):
        if column in layout.constants:
            return (
                f"{column} is {layout.constants[column]} in all events, which only simulation may have: what "
                f"is hidden of data follows from {column}"
            )
    if layout.counts_entries:
        return (
            "event is the entry in the file, which only simulation may have: nobody would notice an event of "
            "data that is in two files"
        )
    return ""


def check_numbers(layout: Layout, event: Mapping[str, NDArray[np.int64]]) -> None:
    """Refuse numbers that change as no run and no spill does, of branches that no packaged layout knows.

    Parameters
    ----------
    layout : Layout
    event : mapping of str to (n_events,) int64
        ``run`` and ``spill`` of successive events.

    Raises
    ------
    BadFileError
        Names the branch, and how often its number comes back.
    """
    n_events = len(event["run"])
    if n_events < _FEWEST:
        return
    within = np.zeros(n_events, np.int64)
    for key in ("run", "spill"):
        _, numbered = np.unique(event[key], return_inverse=True)
        within = within * (int(numbered.max()) + 1) + numbered
        returns = int(np.count_nonzero(np.diff(within))) + 1 - len(np.unique(within))
        branch = layout.event.get(key)
        if branch is None or returns * _SHORTEST <= n_events:
            continue
        if key not in meanings(branch.names[0], branch.index):
            raise StructureError(
                f'branch "{_name(branch)}" is no {key}: its number comes back {returns} times in '
                f"{n_events} events"
            )


def _overlap(one: Branch, other: Branch) -> bool:
    same_value = one.index is None or other.index is None or one.index == other.index
    return same_value and any(may_be_one(name, of_other) for name in one.names for of_other in other.names)


def _name(branch: Branch) -> str:
    return branch.names[0] + ("" if branch.index is None else f"[{branch.index}]")
