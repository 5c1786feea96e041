"""The event model for coffea: ``events.ecal.energy``, ``events.track.momentum``, ``events.straw3.x``."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache
from typing import Any

import awkward as ak
import numpy as np
from coffea.nanoevents import BaseSchema
from coffea.nanoevents.methods import base

from na64.datasets.instrument.columns import COLUMNS, DETECTORS, EVENT_GROUPS, EventColumns, Shape
from na64.datasets.reading.branch import Branch
from na64.datasets.reading.coffea_files import check_source
from na64.datasets.reading.detection import detect_layout
from na64.datasets.reading.layout import LAYOUTS, Layout, load_layout, parse_layout
from na64.datasets.reading.layout_differences import has_packaged_truth, warning_of
from na64.datasets.reading.layout_rules import check_keys
from na64.datasets.reading.read import assemble
from na64.datasets.reading.rntuple_files import flatten, stored_form
from na64.datasets.reading.stored import BadFileError, Branches, Stored, Values

_NAMES = frozenset(
    (*DETECTORS, *EVENT_GROUPS, *(name for name, column in COLUMNS.items() if Shape.EVENT in column.shapes))
)
_NAMES -= {"run"}
_CLOSED = (
    "{name}: coffea reads hidden events too; na64.nanoevents gives those that are not hidden, "
    "NA64Schema.simulated() all of files that say what was simulated"
)
_HASH = 64
_RECIPES = "na64_recipes"
_LAYOUT = "na64_layout"

_behavior: dict[Any, Any] = dict(base.behavior)


class _Converted:
    """Columns that the file has in another unit or shape, computed when they are asked for."""

    def __getattr__(self, name: str) -> Any:
        recipes = _recipes(self)
        if name not in recipes:
            return super().__getattr__(name)  # type: ignore[misc]
        return _convert(self, recipes[name])

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *_recipes(self)})


def _recipes(events: Any) -> Mapping[str, Any]:
    return events.layout.purelist_parameter(_RECIPES) or {}


def _convert(record: Any, recipe: Mapping[str, Any]) -> Any:
    parts = [record[name] for name in recipe["fields"]]
    values = parts[0] if len(parts) == 1 else ak.concatenate(parts, axis=-1)
    if recipe["index"] is not None:
        values = ak.fill_none(ak.pad_none(values, recipe["index"] + 1, axis=-1), np.nan)[..., recipe["index"]]
    return values * recipe["multiply"] / recipe["divide"]


@ak.mixin_class(_behavior)
class NA64Group(_Converted):
    """The columns of one detector, of the track or of a straw station."""


@ak.mixin_class(_behavior)
class NA64Events(_Converted, base.NanoEvents):  # type: ignore[misc]
    """All columns of the events."""

    def __awkward_validation__(self) -> None:
        """Refuse events of a file of which coffea shows other numbers than this package reads."""
        text = self.layout.purelist_parameter(_LAYOUT)
        if text is not None and self.attrs:
            check_source(self.attrs.get("@events_factory"), _parsed(text))


@ak.mixin_class(_behavior)
class NA64ClosedEvents(base.NanoEvents):  # type: ignore[misc]
    """Events of which only the number of the run is shown: nothing has dropped the hidden ones."""

    def __getattr__(self, name: str) -> Any:
        if name in _NAMES:
            raise AttributeError(_CLOSED.format(name=name))
        return super().__getattr__(name)

    def __getitem__(self, where: Any) -> Any:
        if isinstance(where, str) and where in _NAMES:
            raise KeyError(_CLOSED.format(name=where))
        return super().__getitem__(where)


class Access(Enum):
    """What a schema shows.

    ``run_numbers`` hides everything else of data and simulation, ``simulated`` shows files that say what was
    simulated, ``opened`` shows every event: the log has a line about it.
    """

    RUN_NUMBERS = "run_numbers"
    SIMULATED = "simulated"
    OPENED = "opened"


class NA64Schema(BaseSchema):  # type: ignore[misc]
    """Arranges the branches of a run file by detector, under the names of `na64.datasets.instrument.columns`.

    By itself it shows only the run numbers, as coffea reads hidden events like all others: enough for
    `na64.processors.processor.NA64Processor`, which reads the rest itself and hides. To look at events,
    `na64.nanoevents` gives those that are not hidden, `simulated` those of files that say what was simulated.

    ``events.ecal.energy`` has every cell, shape (n_events, n_cells), or only the hits, as the file has it.
    Values are in GeV, ns, mm and rad. The layout is found by the names and types of the branches, among the
    packaged ones or the one given to `using`.

    Examples
    --------
    >>> from coffea.nanoevents import NanoEventsFactory
    >>> simulated = na64.NA64Schema.simulated()
    >>> factory = NanoEventsFactory.from_root({"data/run_8701.root": "tout"}, schemaclass=simulated)
    >>> factory.events().ecal.energy.ndim
    2
    """

    __dask_capable__ = False

    access = Access.RUN_NUMBERS

    _form: dict[str, Any]

    layouts: tuple[Layout, ...] | None = None
    """Layouts to choose from; the packaged ones if None."""

    @classmethod
    def using(cls, layout: Layout) -> type[NA64Schema]:
        """Schema for one layout, packaged or not; one that decides what is hidden warns."""
        check_keys(layout)
        if text := warning_of(layout):
            warnings.warn(text, stacklevel=2)
        return type(f"{cls.__name__}_{layout.name}", (cls,), {"layouts": (layout,)})

    @classmethod
    def simulated(cls) -> type[NA64Schema]:
        """Schema that shows all events of files that say what was simulated, and refuses others."""
        return type(f"{cls.__name__}_simulated", (cls,), {"access": Access.SIMULATED})

    @classmethod
    def opened(cls, *, log_line: str) -> type[NA64Schema]:
        """Schema that shows hidden events too; `na64.opened_schema` writes the line and calls it.

        Parameters
        ----------
        log_line : str
            Hash of the line in the audit log that says so.
        """
        if len(log_line) != _HASH:
            raise ValueError("hidden events are shown by na64.opened_schema, which writes a line in the log")
        return type(f"{cls.__name__}_opened", (cls,), {"access": Access.OPENED})

    def __init__(self, base_form: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        super().__init__(base_form, *args, **kwargs)
        parameters: dict[str, Any] = self._form["parameters"]
        forms = _FormTree(dict(zip(base_form["fields"], base_form["contents"], strict=True)))
        layout, _ = detect_layout(_FormFile(forms), self.layouts or _packaged())
        if self.access is Access.SIMULATED and not (layout.has_truth(forms) and has_packaged_truth(layout)):
            raise BadFileError("does not say what was simulated: na64.nanoevents shows what is not hidden")
        is_closed = self.access is Access.RUN_NUMBERS
        named = layout.in_tree(forms)
        if layout.counts_entries and not is_closed:
            raise BadFileError(
                f"layout {layout.name} has no branch for event: na64.nanoevents numbers events"
            )
        if "run" in layout.constants:
            raise BadFileError(f"layout {layout.name} has no branch for run, which is what coffea shows")
        if not is_closed:
            _check_shown(layout)
        branches = (named.event["run"],) if is_closed else named.branches()
        record = "NA64ClosedEvents" if is_closed else "NA64Events"
        self._form = _arrange(branches, forms, _places(named)).form(
            record, parameters | {_LAYOUT: layout.text}
        )

    @classmethod
    def behavior(cls) -> dict[Any, Any]:
        """Classes of the events and their parts."""
        return _behavior


def _arrange(branches: Iterable[Branch], forms: _FormTree, places: Mapping[str, tuple[str, str]]) -> _Part:
    """Put the branches that a file has into the parts of an event."""
    parts = {name: _Part() for name in ("", *(part for part, _ in places.values()))}
    for branch in branches:
        if branch.is_in(forms):
            group, column = places[branch.column]
            parts[group].add(branch, column, forms.forms)
    events = parts.pop("")
    for name, part in parts.items():
        if part.contents:
            events.contents[name] = part.form("NA64Group", {})
    return events


@lru_cache(maxsize=1)
def _packaged() -> tuple[Layout, ...]:
    return tuple(load_layout(name) for name in LAYOUTS)


@lru_cache(maxsize=8)
def _parsed(text: str) -> Layout:
    return parse_layout(text, "layout of the events")


@dataclass(frozen=True, slots=True)
class _FormTree:
    """The branches of a file as coffea describes them."""

    forms: Mapping[str, Any]

    def stored(self, name: str) -> Stored | None:
        if name not in self.forms:
            return None
        form = self.forms[name]
        return stored_form(form, str(form.get("parameters", {}).get("typename", form["class"])))

    def names(self) -> tuple[str, ...]:
        return tuple(self.forms)


@dataclass(frozen=True, slots=True)
class _FormFile:
    """A file of which only the branches are known."""

    only: _FormTree

    def trees(self) -> tuple[str, ...]:
        return ("",)

    def tree(self, name: str) -> Branches:  # noqa: ARG002
        return self.only


@dataclass(frozen=True, slots=True)
class _Part:
    """A record under construction: stored branches, and recipes for columns that are computed from them."""

    contents: dict[str, Any] = field(default_factory=dict)
    recipes: dict[str, Any] = field(default_factory=dict)

    def add(self, branch: Branch, column: str, forms: Mapping[str, Any]) -> None:
        fields = _fields(branch, column)
        for name, stored in zip(fields, branch.names, strict=True):
            self.contents[name] = _flat_form(forms[stored])
        if not _is_plain(branch):
            self.recipes[column] = {
                "fields": fields,
                "index": branch.index,
                "multiply": branch.unit.multiply,
                "divide": branch.unit.divide,
            }

    def form(self, record: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "class": "RecordArray",
            "fields": list(self.contents),
            "contents": list(self.contents.values()),
            "parameters": {**parameters, "__record__": record, _RECIPES: self.recipes},
            "form_key": None,
        }


def place_of(column: str) -> tuple[str, str]:
    """Part of the event and the name in it: ``track_angle`` is ``events.track.angle``.

    Parameters
    ----------
    column : str
        With one value an event; one that is not of the track or a straw station is by itself.
    """
    group, _, name = column.partition("_")
    return (group, name) if column in COLUMNS and group in EVENT_GROUPS else ("", column)


def _places(layout: Layout) -> dict[str, tuple[str, str]]:
    """Place of every column of a layout that has a branch."""
    found = {name: place_of(name) for name in (*layout.event, *layout.features)}
    for name, detector in layout.detectors.items():
        found |= {branch.column: (name, key) for key, branch in detector.columns.items()}
    return found


def _check_shown(layout: Layout) -> None:
    """Refuse to show cells that are numbered otherwise than all else here: coffea shows what the file has."""
    for name, detector in layout.detectors.items():
        if detector.is_renumbered:
            raise BadFileError(
                f"layout {layout.name} numbers the cells of {name} in another way, which coffea does not "
                "undo: na64.nanoevents does"
            )


def _is_plain(branch: Branch) -> bool:
    return branch.index is None and len(branch.names) == 1 and branch.unit.multiply == branch.unit.divide


def _fields(branch: Branch, name: str) -> list[str]:
    """Name the fields that hold the stored branches of a column, by its name in a part of the event."""
    if _is_plain(branch):
        return [name]
    return [f"{name}_in_file_{part}" for part in range(len(branch.names))]


def _flat_form(form: dict[str, Any]) -> dict[str, Any]:
    """Make one dimension of cells of nested fixed dimensions."""
    size, content = 1, form
    while content["class"] == "RegularArray":
        size, content = size * content["size"], content["content"]
    return form if content is form else {**form, "size": size, "content": content}


def is_closed(events: Any) -> bool:
    """Whether events show their run numbers only."""
    return bool(events.layout.purelist_parameter("__record__") == "NA64ClosedEvents")


def columns_of(events: Any, layout: Layout | None = None) -> EventColumns:
    """Take the columns out of coffea events, the same as `na64.datasets.reading.read.read` takes from a file.

    Parameters
    ----------
    events : NanoEvents
        Made with `NA64Schema`; a selection of events will do.
    layout : Layout, optional
        By default the one that the schema found.

    Returns
    -------
    EventColumns
    """
    if is_closed(events):
        raise ValueError(_CLOSED.format(name="columns"))
    known = layout or _parsed(events.layout.purelist_parameter(_LAYOUT))
    values: dict[str, Values] = {}
    places = _places(known)
    for branch in known.branches():
        group, column = places[branch.column]
        record = events if not group else events[group] if group in events.fields else None
        for stored, name in zip(branch.names, _fields(branch, column), strict=True):
            if record is not None and name in record.fields:
                values[stored] = flatten(ak.to_packed(ak.materialize(record[name]), highlevel=False))
    return assemble(known, values, len(events))
