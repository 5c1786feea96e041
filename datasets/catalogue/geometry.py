"""The cells of a file against the cells of the period its runs belong to."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate, chain
from operator import mul

import numpy as np
from numpy.typing import NDArray

from na64.datasets.basics.toml import unknown
from na64.datasets.catalogue.layout_columns import clash
from na64.datasets.conditions.periods import Period
from na64.datasets.instrument.columns import EventColumns, Hits
from na64.datasets.instrument.detector import Detector
from na64.datasets.instrument.features import FEATURES
from na64.datasets.instrument.recipes import made_of
from na64.datasets.instrument.roles import STANDARD_ROLES, CellOrder, Role
from na64.datasets.reading.branch import Branch
from na64.datasets.reading.detector_layout import CellStorage, DetectorLayout
from na64.datasets.reading.layout import Layout
from na64.datasets.reading.read import UNEQUAL
from na64.datasets.reading.stored import Jagged, Tree

SAMPLE = 256
"""Events at the end of a file whose cells are checked."""

_FEWEST = 16
"""Events that have to be wrong: fewer may be damaged ones, which are skipped and counted."""


def check_layout(layout: Layout, period: Period) -> str:
    """Reason why cells as a layout has them are not those of a period; empty if they may be.

    Parameters
    ----------
    layout : Layout
    period : Period
    """
    return clash(layout, period) or next(chain(_of_layout(layout, period), _of_features(layout, period)), "")


def check_events(events: EventColumns, tree: Tree, layout: Layout, period: Period) -> str:
    """Reason why cells as events have them are not those of a period; empty if they may be.

    Only how many values an event has and whether cell numbers exist is looked at, no energy and no time.

    Parameters
    ----------
    events : EventColumns
        The last events of the tree.
    tree : Tree
    layout : Layout
        Of the tree.
    period : Period
        Of the run of the last of the events; events of other runs are passed over.
    """
    if events.n_events == 0:
        return ""
    rows = events.event["run"] == events.event["run"][-1]
    for name, hits in events.detectors.items():
        if name not in period.setup.detectors:
            continue
        detector = period.setup.detectors[name]
        if isinstance(hits, Hits) and _is_beyond(hits, detector.n_cells, rows):
            shape = _product(detector.shape)
            return f"{name} has hits in cells beyond the {detector.n_cells} ({shape}) of period {period.name}"
    if UNEQUAL in events.event and _is_usual(events.event[UNEQUAL], rows):
        return _other_length(tree, layout, events.n_events)
    return ""


def _of_layout(layout: Layout, period: Period) -> Iterator[str]:
    for name, detector in layout.detectors.items():
        if name not in period.setup.detectors:
            if name not in STANDARD_ROLES:  # usual ones are in layouts that are for all periods
                noun = f"detector of period {period.name}"
                yield f"layout {layout.name}: {unknown(noun, name, period.setup.detectors)}"
            continue
        known = period.setup.detectors[name]
        if (detector.kind is CellStorage.POSITIONS) is not (known.role is Role.TRACKER):
            yield (
                f"{name} of layout {layout.name} has {detector.kind.value}, of period {period.name} it is of "
                f"{known.role.value}"
            )
            continue
        if not _is_grid(detector, known):
            yield (
                f"{name} of layout {layout.name} is {_product(detector.shape)}, "
                f"of period {period.name} {_product(known.shape)}"
            )
        if known.cell_order is CellOrder.X_FASTEST and detector.fixes_grid:
            yield (
                f"cells of {name} would be put in order twice: layout {layout.name} says how files count "
                f"them, and so does period {period.name}"
            )
        yield from _of_columns(layout, detector, known, period)


def _of_features(layout: Layout, period: Period) -> Iterator[str]:
    """Compare ready-made features with those of the period: which there are, and in which unit."""
    made = {
        one.feature.name: one.feature for detector in period.setup.by_recipes for one in made_of(detector)
    }
    known = FEATURES | made
    for name in layout.given_features:
        unit = layout.features[layout.sums.get(name, (name,))[0]].unit.base
        if name in period.features and name not in made:
            yield f"layout {layout.name}: no branch can give {name}, which period {period.name} makes itself"
        elif name not in known:
            noun = f"feature of period {period.name}"
            yield f"layout {layout.name}: {unknown(noun, name, known)}"
        elif unit != known[name].unit:
            there = f"{known[name].unit} in period {period.name}"
            yield f"layout {layout.name}: {name} is in {unit}, but in {there}"


def _is_grid(detector: DetectorLayout, known: Detector) -> bool:
    """Whether cells can be those of the period: if x and y are told apart, only in the same planes."""
    if not detector.shape:
        return True
    if not detector.fixes_grid:
        return _may_be(detector.shape, known.shape)
    is_told_apart = detector.is_reordered or "cell_x" in detector.columns
    is_any_order = 1 in known.shape[1:] and not is_told_apart
    return detector.grid == known.shape or (is_any_order and _may_be(detector.shape, known.shape))


def _of_columns(layout: Layout, detector: DetectorLayout, known: Detector, period: Period) -> Iterator[str]:
    """Compare the values of each column: one a cell, of resolutions at least one a paddle."""
    if not detector.shape:
        return
    fewest = max(known.sigma_of_cell) + 1
    for key, branch in detector.columns.items():
        if branch.jagged:
            continue
        fits = branch.n_values >= fewest if key == "time_sigma" else branch.n_values == known.n_cells
        if not fits:
            expected = f"at least {fewest}" if key == "time_sigma" else str(known.n_cells)
            yield (
                f"{branch.column} of layout {layout.name} has {branch.n_values} values an event, "
                f"expected {expected} in period {period.name}"
            )


def _may_be(shape: tuple[int, ...], known: tuple[int, ...]) -> bool:
    """Whether a shape is the known one, some of its neighbouring dimensions taken together."""
    sizes, known_sizes = list(accumulate(shape, mul)), list(accumulate(known, mul))
    return sizes[-1] == known_sizes[-1] and {*sizes} <= {1, *known_sizes}


def _is_beyond(hits: Hits, n_cells: int, rows: NDArray[np.bool_]) -> bool:
    is_wrong = (hits.cell < 0) | (hits.cell.astype(np.int64) >= n_cells)
    before = np.concatenate([[0], np.cumsum(is_wrong)])
    has_wrong = before[hits.offsets[1:]] > before[hits.offsets[:-1]]
    return _is_usual(has_wrong, rows & (np.diff(hits.offsets) > 0))


def _is_usual(wrong: NDArray[np.bool_], among: NDArray[np.bool_]) -> bool:
    n_wrong = int(np.count_nonzero(wrong & among))
    return n_wrong >= _FEWEST and 2 * n_wrong > int(np.count_nonzero(among))


def _other_length(tree: Tree, layout: Layout, n_events: int) -> str:
    """Name the vector that has not one value a cell."""
    fixed = (branch for detector in layout.detectors.values() for branch in detector.columns.values())
    for branch in fixed:
        if branch.jagged or not branch.is_in(tree):
            continue
        for name in branch.names:
            if found := _usual_length(tree, branch, name, n_events):
                return f'branch "{name}" has {found} values an event, layout {layout.name} {_length(branch)}'
    return ""


def _usual_length(tree: Tree, branch: Branch, name: str, n_events: int) -> int:
    """Values that most events have in a vector, if those are not as many as they should be; else 0."""
    values = tree.read([name], tree.entries - n_events, tree.entries)[name]
    if not isinstance(values, Jagged):
        return 0
    lengths = np.diff(values.offsets)
    usual = int(np.median(lengths))
    return 0 if usual == _length(branch) else usual


def _length(branch: Branch) -> int:
    return branch.n_values // len(branch.names)


def _product(shape: tuple[int, ...]) -> str:
    return "x".join(str(n) for n in shape)
