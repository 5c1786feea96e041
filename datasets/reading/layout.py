"""Layouts: which branch of a tree is which column. A layout is a TOML file; a new one needs no code."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from importlib.resources import files
from pathlib import Path

from na64.datasets.basics.identity import identity
from na64.datasets.basics.packaged import PackagedFiles
from na64.datasets.basics.toml import Source, TomlTable, load_table
from na64.datasets.instrument.features import Feature
from na64.datasets.reading.branch import Branch
from na64.datasets.reading.detector_entries import read_detectors
from na64.datasets.reading.detector_layout import DetectorLayout
from na64.datasets.reading.event_entries import EventEntries, FeatureEntries, read_event, read_features
from na64.datasets.reading.given_features import check_given
from na64.datasets.reading.stored import Branches

_PACKAGED = PackagedFiles("layout", files("na64.datasets.reading.layouts"))


@dataclass(frozen=True)
class Layout:
    """How files of one kind map to columns.

    Attributes
    ----------
    name : str
    description, source : str
    trees : tuple of str
        Names the tree may have in a ROOT file, those of its folders included.
    time_is_residual : bool
        Times are differences to the expected time.
    event : dict of str to Branch
        The one-value columns, those of the user's own too.
    constants : dict of str to int
        Columns that have one value in all events.
    counts_entries : bool
        The number of an event is that of its entry in the file.
    own : tuple of Feature
        The columns of the user's own, which are features by that name.
    features : dict of str to Branch
        Features that a file holds ready made.
    sums : dict of str to tuple of str
        Features that are the sum of some of those.
    detectors : dict of str to DetectorLayout
    text : str
        The TOML it was made of; the catalogue keeps that of a layout that is not packaged.
    """

    name: str
    description: str
    source: str
    trees: tuple[str, ...]
    time_is_residual: bool
    event: dict[str, Branch]
    constants: dict[str, int]
    counts_entries: bool
    own: tuple[Feature, ...]
    features: dict[str, Branch]
    sums: dict[str, tuple[str, ...]]
    detectors: dict[str, DetectorLayout]
    text: str = field(repr=False)

    def branches(self) -> Iterator[Branch]:
        """Every column of the layout that has a branch."""
        yield from self.event.values()
        yield from self.features.values()
        for detector in self.detectors.values():
            yield from detector.columns.values()

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of all columns and features that files of the layout may give."""
        entry = ("event",) if self.counts_entries else ()
        return (*(branch.column for branch in self.branches()), *entry, *self.constants, *self.sums)

    def giving(self, columns: Collection[str]) -> Layout:
        """The part of the layout that some columns and features need."""
        sums = {name: parts for name, parts in self.sums.items() if name in columns}
        wanted = {*columns}.union(*sums.values())
        detectors = {
            name: replace(one, columns={k: b for k, b in one.columns.items() if b.column in wanted})
            for name, one in self.detectors.items()
        }
        return replace(
            self,
            event={name: branch for name, branch in self.event.items() if name in wanted},
            constants={name: value for name, value in self.constants.items() if name in wanted},
            features={name: branch for name, branch in self.features.items() if name in wanted},
            counts_entries=self.counts_entries and "event" in columns,
            sums=sums,
            detectors={name: one for name, one in detectors.items() if one.columns},
        )

    @property
    def given_features(self) -> tuple[str, ...]:
        """Features that are not computed: those of branches, and sums of them."""
        return (*self.features, *self.sums)

    @property
    def absent_nan(self) -> frozenset[str]:
        """Columns where NaN means that nothing was recorded."""
        return frozenset(branch.column for branch in self.branches() if branch.nan_is_absent)

    @cached_property
    def identity(self) -> str:
        """Name of what the layout does; its description does not count."""
        numbers = [self.event, self.constants, self.counts_entries, list(self.own)]
        parts = [*numbers, self.features, self.sums, self.detectors]
        return identity([self.name, self.trees, self.time_is_residual, *parts])

    def in_tree(self, tree: Branches) -> Layout:
        """The layout with the names of the branches as a tree has them."""
        event, features = (_in_tree(branches, tree) for branches in (self.event, self.features))
        is_same = event == self.event and features == self.features
        return self if is_same else replace(self, event=event, features=features)

    def stored_names(self, tree: Branches) -> tuple[str, ...]:
        """Branches of the layout that a tree has."""
        branches = self.in_tree(tree).branches()
        names = (name for branch in branches if branch.is_in(tree) for name in branch.names)
        return tuple(dict.fromkeys(names))

    def missing_columns(self, tree: Branches) -> tuple[str, ...]:
        """Columns of the layout that a tree has no branch of."""
        branches = self.in_tree(tree).branches()
        return tuple(branch.column for branch in branches if not branch.is_in(tree))

    def without(self, columns: Collection[str]) -> Layout:
        """The layout as a file has it that lacks some columns, and what is nothing without them."""
        there = {*self.columns} - {*columns}
        kept = self.giving({name for name in there if there >= {*self.sums.get(name, ())}})
        needed = {name: {*self.detectors[name].needed} for name in kept.detectors}
        detectors = {name: one for name, one in kept.detectors.items() if one.columns.keys() >= needed[name]}
        return replace(kept, detectors=detectors)

    def has_truth(self, tree: Branches) -> bool:
        """Whether a tree says what was simulated."""
        event = self.in_tree(tree).event
        return "truth_component" in event and event["truth_component"].is_in(tree)

    def problems(self, tree: Branches) -> list[str]:
        """Problems that keep a tree from being of this layout, in one line each."""
        branches = self.in_tree(tree).branches()
        return [problem for branch in branches if (problem := branch.check(tree)) is not None]


def _in_tree(branches: dict[str, Branch], tree: Branches) -> dict[str, Branch]:
    return {name: branch.in_tree(tree) for name, branch in branches.items()}


LAYOUTS = _PACKAGED.names
"""Names of the packaged layouts."""


def load_layout(name_or_path: str | Path) -> Layout:
    """Load a packaged layout by name, or any by the path of its TOML file.

    Raises
    ------
    KeyError
        No such packaged layout, or an unknown or missing key in the file.
    ValueError
        A value of the file that is not allowed; the name of a packaged layout that does something else.
    """
    source = _PACKAGED.find(name_or_path)
    layout = _read_layout(source)
    if layout.name in LAYOUTS and layout.identity != _packaged_identity(layout.name):
        raise ValueError(f"{source.name}: a layout other than this is packaged as {layout.name}")
    return layout


@cache
def _packaged_identity(name: str) -> str:
    return _read_layout(_PACKAGED.find(name)).identity


def parse_layout(text: str, where: str) -> Layout:
    """Make a layout of the TOML text that a catalogue kept."""
    return _read_layout(_Text(text, where))


@dataclass(frozen=True, slots=True)
class _Text:
    """Text where a file is expected."""

    text: str
    name: str

    def read_bytes(self) -> bytes:
        return self.text.encode()


def _read_layout(source: Source | _Text) -> Layout:
    table = load_table(source)  # type: ignore[arg-type]
    with table.telling_misspelt():
        layout = _layout(table, source.read_bytes().decode())
    table.done()
    _check_layout(layout, table)
    return layout


def _layout(table: TomlTable, text: str) -> Layout:
    event: EventEntries = read_event(table.table("event"))
    given = table.table("feature", None)
    features = FeatureEntries({}, {}) if given is None else read_features(given)
    return Layout(
        name=table.text("name"),
        description=table.text("description", ""),
        source=table.text("source", ""),
        trees=table.texts("trees"),
        time_is_residual=table.flag("time_is_residual", False),
        event=event.branches,
        constants=event.constants,
        counts_entries=event.counts_entries,
        own=event.own,
        features=features.branches,
        sums=features.sums,
        detectors=read_detectors(table),
        text=text,
    )


def _check_layout(layout: Layout, table: TomlTable) -> None:
    if not re.fullmatch(r"[\w.-]{1,64}", layout.name):
        raise ValueError(f"{table.place('name')}: {layout.name!r} is not a plain name")
    if not layout.trees or not all(layout.trees):
        raise ValueError(f"{table.place('trees')}: names no tree")
    for name in layout.trees:
        if ";" in name or name != name.strip("/"):
            raise ValueError(f'{table.place("trees")}: "{name}" is not the name of a tree, "dir/tree" is one')
    for name in layout.given_features:
        if reason := check_given(name, layout.detectors, layout.columns):
            raise ValueError(f"{table.place(f'feature.{name}')}: {reason}")
    names = [*layout.columns, *layout.detectors]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"{table.place()}: {twice[0]} is there twice")
