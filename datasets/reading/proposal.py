"""A layout proposed for a tree that none fits: the nearest one with the names that are there."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from na64.datasets.instrument.columns import COLUMNS
from na64.datasets.instrument.taken_names import TAKEN
from na64.datasets.reading.branch import Branch
from na64.datasets.reading.event_entries import KEYS
from na64.datasets.reading.layout import Layout
from na64.datasets.reading.stored import Branches, Stored, Trees

_ALIKE = 0.6
"""Likeness from which a name is proposed for another."""

_TABLE = re.compile(r"\[(detector\.)?(?P<name>\w+)\]")
_LINE = re.compile(r"(?P<column>\w+) = \{ (?P<key>branch|branches) = (?P<value>\[[^\]]*\]|\"[^\"]*\")")


@dataclass(frozen=True, slots=True)
class Fit:
    """How a layout fits a tree.

    Attributes
    ----------
    layout : Layout
    tree : str
    problems : tuple of str
        What keeps the tree from being of the layout; none if it fits.
    n_found : int
        Columns that are there by name, type and shape.
    lacking : frozenset of str
        Columns that are not there by name, type and shape.
    guesses : dict of str to str
        Of these, by column, the branch that may be meant.
    unread : dict of str to Stored or None
        Branches of the tree that the layout has no column for, in their order, with their types.
    """

    layout: Layout
    tree: str
    problems: tuple[str, ...]
    n_found: int
    lacking: frozenset[str]
    guesses: Mapping[str, str]
    unread: Mapping[str, Stored | None]

    @property
    def n_columns(self) -> int:
        """Columns of the layout."""
        return sum(1 for _ in self.layout.branches())


def fits(file: Trees, layouts: Iterable[Layout]) -> list[Fit]:
    """How layouts fit the trees of a file, whatever the trees are called; the best first.

    Parameters
    ----------
    file : Trees
    layouts : iterable of Layout
    """
    found = [fit(layout, name, file.tree(name)) for layout in layouts for name in file.trees()]
    return sorted(found, key=_unlikeness)


def _unlikeness(one: Fit) -> tuple[bool, int, int, str]:
    explained = one.n_found + len(one.guesses)
    return bool(one.problems), -explained, len(one.problems), one.layout.name


def fit(layout: Layout, name: str, tree: Branches) -> Fit:
    """How one layout fits one tree."""
    actual = layout.in_tree(tree)
    lacking = [branch for branch in actual.branches() if branch.check(tree) is not None]
    problems = list(layout.problems(tree))
    if name and name not in layout.trees:
        names = " or ".join(f'"{one}"' for one in layout.trees)
        problems.insert(0, f'tree "{name}" is called otherwise, expected {names}')
    taken = set(actual.stored_names(tree))
    columns = frozenset(branch.column for branch in lacking)
    present = [b for b in actual.branches() if b.is_in(tree) and b.column not in columns]
    unread = {branch: tree.stored(branch) for branch in tree.names() if branch not in taken}
    guesses = dict(_guesses(lacking, tree, taken))
    return Fit(layout, name, tuple(problems), len(present), columns, guesses, unread)


def _guesses(lacking: list[Branch], tree: Branches, taken: set[str]) -> Iterator[tuple[str, str]]:
    """Branches that may be meant, each for one column only; the most alike pairs first."""
    free = [name for name in tree.names() if name not in taken]
    pairs = sorted(
        ((_likeness(branch, name), branch.column, name) for branch in lacking for name in free),
        key=lambda pair: (-pair[0], pair[1:]),
    )
    known = {branch.column: branch for branch in lacking if len(branch.names) == 1}
    done: set[str] = set()
    for likeness, column, name in pairs:
        if likeness < _ALIKE or column not in known or column in done or name in taken:
            continue
        if replace(known[column], names=(name,)).check(tree) is None:
            done.add(column)
            taken.add(name)
            index = known[column].index
            yield column, name if index is None else f"{name}[{index}]"


def _likeness(branch: Branch, name: str) -> float:
    """How much a name is like that of the layout, or like the column itself."""
    known, plain = (_plain(branch.names[0]), _plain(branch.column)), _plain(name)
    likeness = max(difflib.SequenceMatcher(None, one, plain).ratio() for one in known)
    return max(likeness, _ALIKE) if plain.startswith(known[1]) else likeness


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.partition("[")[0].rpartition("/")[2].rpartition(".")[2].casefold())


def propose(best: Fit, name: str) -> str:
    """Layout as TOML that takes the branches of a tree: what was found, and what has to be filled in.

    Parameters
    ----------
    best : Fit
        The nearest layout.
    name : str
        Of the new layout.
    """
    header = [
        f"# A layout proposed by na64 inspect after {best.layout.name}.",
        "# Names, types and shapes are those of the file; units and meanings are guesses.",
        "# It decides which events are hidden: check every line, those marked GUESS first. See layout.md.",
    ]
    return "\n".join([*header, *_lines(best, name)]) + "\n"


def _lines(best: Fit, name: str) -> Iterator[str]:
    table, lost = "", _lost_tables(best)
    for line in best.layout.text.splitlines():
        if heading := _TABLE.fullmatch(line.strip()):
            if table == "event":
                yield from _lines_of_unread(best)
            table = heading["name"]
        if line.startswith("name ="):
            yield f'name = "{name}"'
        elif line.startswith("trees ="):
            yield f'trees = ["{best.tree or "events"}"]'
        elif line.startswith(("description =", "source =", "#")):
            continue
        elif table in lost:
            yield f"# {line}" if line else line
        else:
            yield _line(line, table, best)


def _lines_of_unread(best: Fit) -> Iterator[str]:
    """A line for each number that is not read, commented out: what its unit is no file tells."""
    taken = {*best.layout.columns, *COLUMNS, *(name for names in TAKEN.values() for name in names)}
    guessed = {guess.partition("[")[0] for guess in best.guesses.values()}
    for name, stored in best.unread.items():
        if name in guessed or (best.problems and stored and stored.shape not in ((), (1,))):
            continue  # arrays of a tree that no layout fits may be any detector
        column = re.sub(r"\W", "_", name.casefold(), flags=re.ASCII)
        if stored is None or not stored.dtype or stored.jagged:
            continue
        while column in taken:
            column += "_too"
        taken.add(column)
        branch = name if stored.shape in ((), (1,)) else f"{name}[0]"
        entry = f'{column} = {{ branch = "{branch}", unit = "1", meaning = "" }}'
        yield f"# {entry}  # NOT READ: unit and meaning?"
    yield ""


def _line(line: str, table: str, best: Fit) -> str:
    """A line of the layout with the branch that is there; commented out if none is."""
    found = _LINE.match(line)
    if found is None:
        return line
    column = found["column"] if table in ("event", "feature") else f"{table}_{found['column']}"
    if column in best.guesses:
        guess = f'branch = "{best.guesses[column]}"'
        return f"{line.replace(found[0].partition('{ ')[2], guess)}  # GUESS, in place of {found['value']}"
    if column not in best.lacking:
        return line
    if column in KEYS:
        return f"{line}  # NOT FOUND: a layout needs it, fill it in"
    return f"# {line}  # NOT FOUND"


def _lost_tables(best: Fit) -> set[str]:
    """Detectors without energies, cells or positions: without them there is no detector."""
    lacking = best.lacking - set(best.guesses)
    return {
        name
        for name, detector in best.layout.detectors.items()
        if any(detector.columns[key].column in lacking for key in detector.needed)
    }
