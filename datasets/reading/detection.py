"""Which layout a file has, and in which of its trees its events are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from na64.datasets.reading.chunks import segment_ranges
from na64.datasets.reading.layout import Layout
from na64.datasets.reading.stored import BadFileError, Jagged, RunFile, StructureError, Tree, Trees, Values

_STEP = 50_000
"""Events that are compared at a time."""

_OTHER, _UNKNOWN, _EXPECTED = "not of layout", "of no known layout, nearest", " found, expected "
"""What the refusal of a file that no layout fits begins with, or has in it."""


def detect_layout(file: Trees, layouts: Iterable[Layout]) -> tuple[Layout, str]:
    """Layout of a file, and its tree.

    Parameters
    ----------
    file : Trees
    layouts : iterable of Layout

    Returns
    -------
    Layout, str
        The layout and the name of the tree, empty for Parquet.

    Raises
    ------
    BadFileError
        No layout fits (the message is about the one of which most branches are there), or more than one, or
        several trees have events of it, in whatever folders of the file.
    """
    known = tuple(layouts)
    found = file.trees()
    candidates = [(layout, tree) for layout in known for tree in found if tree in (*layout.trees, "")]
    if not candidates:
        expected = sorted({tree for layout in known for tree in layout.trees})
        raise StructureError(f"tree {_quoted(found)}{_EXPECTED}{_quoted(expected, 'or')}")
    compared = [(layout, tree, layout.problems(file.tree(tree))) for layout, tree in candidates]
    fitting = [(layout, tree) for layout, tree, problems in compared if not problems]
    names = sorted({layout.name for layout, _ in fitting})
    if len(names) > 1:
        raise StructureError(f"fits several layouts: {', '.join(names)}")
    if not fitting:
        raise StructureError(_nearest(file, compared, is_only=len(known) == 1))
    layout, tree = fitting[0]
    others = [other for other in found if other != tree and _is_like(file, other, layout)]
    if others:
        raise StructureError(f"trees {_quoted([tree, *others])} of layout {layout.name}, expected one")
    return layout, tree


def fits_no_layout(reason: str) -> bool:
    """Whether a file was refused because it is of no layout, so that one of its own would help."""
    return reason.startswith((_OTHER, _UNKNOWN)) or _EXPECTED in reason


def _is_like(file: Trees, name: str, layout: Layout) -> bool:
    """Whether a tree could be meant as well: it has one of the names, in any folder, and the branches."""
    names = {tree.rpartition("/")[2] for tree in layout.trees}
    return name.rpartition("/")[2] in names and not layout.problems(file.tree(name))


def _nearest(file: Trees, compared: Sequence[tuple[Layout, str, list[str]]], *, is_only: bool) -> str:
    """What keeps a file from being of the layout of which most branches are there."""

    def likeness(entry: tuple[Layout, str, list[str]]) -> tuple[int, int, str]:
        layout, tree, problems = entry
        return -len(layout.stored_names(file.tree(tree))), len(problems), layout.name

    layout, _, problems = min(compared, key=likeness)
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    what = _OTHER if is_only else _UNKNOWN
    return f"{what} {layout.name}: {problems[0]}{more}"


def _quoted(names: Iterable[str], joint: str = "and") -> str:
    return f" {joint} ".join(f'"{name}"' for name in names) or "none"


def check_older(file: RunFile, layout: Layout, name: str) -> None:
    """Refuse a file in which a tree has replaced one of its name that had other events.

    ROOT keeps both and readers take the newer. A backup of it, with fewer events or as many, is no loss.

    Raises
    ------
    BadFileError
        Names both trees.
    """
    tree, newest = file.tree(name), file.cycles(name)[0]
    for label, older in file.older(name).items():
        try:
            is_backup = not older.entries or _is_backup(older, tree, layout)
        except BadFileError as error:
            raise StructureError(
                f"tree {label}, which {newest} has replaced, cannot be compared: {error}"
            ) from error
        if not is_backup:
            raise StructureError(f"two trees {label} and {newest} with different events")


def _is_backup(older: Tree, tree: Tree, layout: Layout) -> bool:
    """Whether a tree begins with the events of another."""
    names = layout.stored_names(tree)
    if older.entries > tree.entries or any(older.stored(name) != tree.stored(name) for name in names):
        return False
    first = min(tree.shared(older, names), older.entries)
    cuts = (first, *(cut for cut in older.boundaries(names) if cut > first))
    return all(
        _is_equal(older.read(names, *cut)[name], values)
        for cut in segment_ranges(cuts, _STEP)
        for name, values in tree.read(names, *cut).items()
    )


def _is_equal(one: Values, other: Values) -> bool:
    if isinstance(one, Jagged) and isinstance(other, Jagged):
        return np.array_equal(one.offsets, other.offsets) and _is_equal(one.values, other.values)
    return bool(np.array_equal(one, other, equal_nan=True))
