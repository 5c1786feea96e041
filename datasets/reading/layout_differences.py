"""How a layout differs, column by column, from the packaged one that is nearest to it.

A layout says which branch is the energy of a calorimeter, the trigger or the run: what is hidden of data
follows from it. What it says otherwise than the packaged layouts is said by name wherever data are used.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from na64.datasets.instrument.columns import COLUMNS, Shape
from na64.datasets.instrument.roles import APART, STANDARD_ROLES
from na64.datasets.reading.branch import Branch
from na64.datasets.reading.branch_names import may_be_one
from na64.datasets.reading.layout import LAYOUTS, Layout, load_layout

_HIDING_COLUMNS = ("run", "trigger")
TRUTH = "truth_component"
"""The column that says what was simulated."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that a layout says otherwise than a packaged one.

    Attributes
    ----------
    column : str
    text : str
        Both branches by name.
    decides : bool
        What is hidden of data, or whether they are taken for simulation, depends on it.
    """

    column: str
    text: str
    decides: bool


def nearest_packaged(layout: Layout) -> Layout | None:
    """Packaged layout that gives most columns the same branches, None if it gives none.

    Of several the one whose columns have most often the same shape and unit.
    """
    mine = _by_column(layout)

    def likeness(other: Layout) -> tuple[int, bool, int]:
        theirs = _by_column(other)
        both = [(mine[column], theirs[column]) for column in mine if column in theirs]
        shared = sum(_is_same(one, another) for one, another in both)
        alike = sum((one.shape, one.unit) == (another.shape, another.unit) for one, another in both)
        return shared, other.identity == layout.identity, alike

    found = max(_packaged(), key=likeness)
    return found if likeness(found)[0] else None


def differences(layout: Layout, closed: Collection[str] = ()) -> tuple[Difference, ...]:
    """List what a layout says otherwise than the nearest packaged one, in the order of its columns.

    Parameters
    ----------
    layout : Layout
    closed : collection of str
        Detectors and columns that boxes of the runs are about, besides those of the packaged boxes.
    """
    other = nearest_packaged(layout)
    if other is not None and other.identity == layout.identity:
        return ()
    return tuple(_differences(layout, other, closed))


def deciding_differences(layout: Layout, closed: Collection[str] = ()) -> tuple[str, ...]:
    """List the differences on which it depends what is hidden, in words."""
    return tuple(one.text for one in differences(layout, closed) if one.decides)


def warning_of(layout: Layout, closed: Collection[str] = ()) -> str:
    """One line about a layout that decides what is hidden otherwise than the packaged ones; empty if none."""
    found = deciding_differences(layout, closed)
    if not found:
        return ""
    other = nearest_packaged(layout)
    how = "by branches that no packaged layout has" if other is None else f"differently from {other.name}"
    return f"layout {layout.name} says what is hidden {how}: {'; '.join(found)}"


def describe_layout(layout: Layout) -> dict[str, object]:
    """Identity of a layout; of one that is not packaged also all that differs from the nearest that is.

    Parameters
    ----------
    layout : Layout
    """
    described: dict[str, object] = {"identity": layout.identity}
    if layout.name in LAYOUTS:
        return described
    nearest = nearest_packaged(layout)
    return described | {
        "nearest": "" if nearest is None else nearest.name,
        "differs": [one.text for one in differences(layout)],
    }


def own_layouts(layouts: Iterable[Layout], closed: Collection[str] = ()) -> list[str]:
    """Name the layouts that are not packaged, each with what it decides otherwise: for the timeline."""
    return [
        f"{layout.name} ({'; '.join(deciding_differences(layout, closed)) or 'hides as a packaged one'})"
        for layout in layouts
        if layout.name not in LAYOUTS
    ]


def meanings(branch: str, index: int | None = None) -> dict[str, str]:
    """Columns that packaged layouts take a branch for, each with the name of the layout.

    Of several that take it for the same, one with standard detectors only is named.

    Parameters
    ----------
    branch : str
    index : int, optional
        Of its values, the one in question; None is any.
    """
    return {
        known.column: layout.name
        for layout in sorted(_packaged(), key=lambda one: {*one.detectors} <= {*STANDARD_ROLES})
        for known in layout.branches()
        if any(may_be_one(branch, name) for name in known.names)
        and (known.index is None or index is None or known.index == index)
    }


def has_packaged_truth(layout: Layout) -> bool:
    """Whether the branch that says what was simulated is one that a packaged layout reads for it."""
    branch = layout.event.get(TRUTH)
    return branch is not None and any(
        _is_same(branch, known.event[TRUTH]) for known in _packaged() if TRUTH in known.event
    )


@cache
def _packaged() -> tuple[Layout, ...]:
    return tuple(load_layout(name) for name in LAYOUTS)


def _by_column(layout: Layout) -> dict[str, Branch]:
    return {branch.column: branch for branch in layout.branches()}


def _is_same(one: Branch, other: Branch) -> bool:
    same_place = (one.names, one.index, one.jagged) == (other.names, other.index, other.jagged)
    return same_place and (one.unit, one.nan_is_absent) == (other.unit, other.nan_is_absent)


def _differences(layout: Layout, other: Layout | None, closed: Collection[str]) -> Iterator[Difference]:
    mine, theirs = _by_column(layout), {} if other is None else _by_column(other)
    name = "" if other is None else other.name
    if other is not None and layout.time_is_residual != other.time_is_residual:
        word = "are" if layout.time_is_residual else "are not"
        yield Difference("time_is_residual", f"times {word} residuals, unlike in {name}", decides=True)
    for column in dict.fromkeys((*mine, *theirs)):
        if column not in mine:
            text = f"{column} is left out, {name} has {_described(theirs[column])}"
            if column in (*layout.constants, *layout.sums):
                continue
        elif column not in theirs:
            text = f"{column} is {_described(mine[column])}{_known_as(mine[column])}"
        elif _is_same(mine[column], theirs[column]):
            continue
        else:
            text = (
                f"{column} is {_described(mine[column])}{_known_as(mine[column])}, "
                f"{name} has {_described(theirs[column])}"
            )
        decides = _is_closed(column, closed) or _decides(column, layout, is_left_out=column not in mine)
        yield Difference(column, text, decides=decides)
    yield from _without_branches(layout)
    yield from _of_numbers(layout, closed)


def _without_branches(layout: Layout) -> Iterator[Difference]:
    """What a layout says without a branch; the packaged ones say nothing so."""
    for column, value in layout.constants.items():
        yield Difference(column, f"{column} is {value} in all events", decides=column in _HIDING_COLUMNS)
    if layout.counts_entries:
        yield Difference("event", "event is the entry in the file", decides=False)
    for name, parts in layout.sums.items():
        yield Difference(name, f"{name} is taken for {' + '.join(parts)}", decides=True)


def _of_numbers(layout: Layout, closed: Collection[str]) -> Iterator[Difference]:
    """Which cell is which, where a layout counts otherwise than the packaged ones."""
    for name, detector in layout.detectors.items():
        words = ["x first"] if detector.is_reordered and "cell_x" not in detector.columns else []
        words += ["from 1"] if detector.first_cell else []
        if words:
            text = f"cells of {name} are counted {' and '.join(words)}"
            decides = name in closed or name not in APART
            yield Difference(f"{name}_cell", text, decides=decides)


def _is_closed(column: str, closed: Collection[str]) -> bool:
    """Whether a column, or the detector whose name it begins with, is one of those that boxes are about."""
    return column in closed or column.startswith(tuple(f"{name}_" for name in closed))


def _decides(column: str, layout: Layout, *, is_left_out: bool) -> bool:
    """Whether what is hidden may follow: of the packaged boxes, or of one that a period states."""
    if column == TRUTH:
        return not is_left_out
    if column in _HIDING_COLUMNS:
        return True
    is_of_detector = column not in layout.event and Shape.EVENT not in _shapes(column)
    return is_of_detector and not column.startswith(tuple(f"{name}_" for name in APART))


def _shapes(column: str) -> tuple[Shape, ...]:
    return COLUMNS[column].shapes if column in COLUMNS else ()


def _described(branch: Branch) -> str:
    index = "" if branch.index is None else f"[{branch.index}]"
    names = "+".join(branch.names)
    unit = "" if branch.unit.base == "1" else f" in {branch.unit.name}"
    hits = " hit by hit" if branch.jagged else ""
    return f'"{names}{index}"{unit}{hits}' + (" with nan for absent" if branch.nan_is_absent else "")


def _known_as(branch: Branch) -> str:
    """What packaged layouts take the branches for, if that is something else."""
    found = {
        f"{column} of {layout}"
        for name in branch.names
        for column, layout in meanings(name, branch.index).items()
        if column != branch.column and branch.column not in meanings(name, branch.index)
    }
    return f" ({' and '.join(sorted(found))})" if found else ""
