"""The columns of a recorded event: the only place where a column is named."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from importlib.resources import files
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from na64.datasets.basics.toml import TomlTable, load_table
from na64.datasets.instrument.roles import STANDARD_DETECTORS, STANDARD_ROLES, Role

Array: TypeAlias = NDArray[Any]

DETECTORS = tuple(STANDARD_ROLES)
"""The standard detectors, in the order their columns are listed; a period may have others besides."""


class Shape(Enum):
    """How many values an event has in a column."""

    EVENT = "one value an event"
    CELLS = "one value a cell, every cell present"
    HITS = "one value a hit, cells without signal suppressed"


@dataclass(frozen=True, slots=True)
class Column:
    """Name, type, unit and meaning of one column."""

    name: str
    dtype: str
    unit: str
    shapes: tuple[Shape, ...]
    meaning: str


_EVENT = (Shape.EVENT,)
_CELL = (Shape.CELLS, Shape.HITS)


def detector_columns(name: str, role: Role) -> tuple[Column, ...]:
    """Columns that files may have of a detector.

    Parameters
    ----------
    name : str
        Of the detector; each column begins with it.
    role : Role
    """
    if role is Role.TRACKER:
        return (Column(f"{name}_x", "float64", "mm", (Shape.HITS,), f"position of each hit in {name}"),)
    known = STANDARD_DETECTORS.get(name)
    noun = known.cell if known else f"{_CELLS[role]} of {name}"
    return (
        Column(f"{name}_cell", "int32", "1", (Shape.HITS,), f"index of the {noun} that was hit"),
        Column(f"{name}_energy", "float64", "GeV", _CELL, f"energy in each {noun}"),
        Column(f"{name}_time", "float64", "ns", _CELL, f"time of the pulse in each {noun}"),
        Column(f"{name}_expected_time", "float64", "ns", _CELL, "time expected of an in-time pulse"),
        Column(f"{name}_time_sigma", "float64", "ns", _CELL, "resolution of the time (of paddles: one each)"),
    )


_CELLS = {
    Role.CALORIMETER: "cell",
    Role.MODULES: "cell",
    Role.COUNTERS: "counter",
    Role.PADDLES: "photomultiplier",
}
_FILE = load_table(files(__package__) / "columns.toml")

EVENT_GROUPS = _FILE.texts("groups")
"""Parts of an event that are tables of their own in a layout, and that no detector can be called."""


def _of_event(table: TomlTable) -> Column:
    name, dtype, unit, meaning = (table.text(key) for key in ("name", "dtype", "unit", "meaning"))
    return Column(name, dtype, unit, _EVENT, meaning)


_LISTED = [
    *map(_of_event, _FILE.tables("columns")),
    *(column for name, role in STANDARD_ROLES.items() for column in detector_columns(name, role)),
]

COLUMNS: dict[str, Column] = {column.name: column for column in _LISTED}
"""Every column of the standard detectors and of the event by name."""


@dataclass(frozen=True, slots=True)
class Cells:
    """One detector, every cell of every event.

    Attributes
    ----------
    energy : (n_events, n_cells) float32 or float64, GeV
    time, expected_time : (n_events, n_cells), ns, or None where the file has none
    time_sigma : (n_events, n_sigma), ns, or None; the veto has one a paddle
    """

    energy: Array
    time: Array | None = None
    expected_time: Array | None = None
    time_sigma: Array | None = None


@dataclass(frozen=True, slots=True)
class Hits:
    """One detector, only the cells that were hit; event ``i`` owns hits ``offsets[i]:offsets[i+1]``.

    Attributes
    ----------
    offsets : (n_events + 1,) int64
    cell : (n_hits,) integer
    energy : (n_hits,) float, GeV
    time, expected_time, time_sigma : (n_hits,) float, ns, or None where the file has none
    unequal : (n_events,) bool or None
        Events whose columns have different numbers of hits: their hits are not to be used.
    """

    offsets: Array
    cell: Array
    energy: Array
    time: Array | None = None
    expected_time: Array | None = None
    time_sigma: Array | None = None
    unequal: NDArray[np.bool_] | None = None


@dataclass(frozen=True, slots=True)
class TrackerHits:
    """Hits of one tracking plane; event ``i`` owns hits ``offsets[i]:offsets[i+1]``.

    Attributes
    ----------
    offsets : (n_events + 1,) int64
    x : (n_hits,) float, mm
        Where each hit is in the coordinate that the plane measures, in the order of the file.
    unequal : (n_events,) bool or None
        Events whose columns have different numbers of hits: their hits are not to be used.
    """

    offsets: Array
    x: Array
    unequal: NDArray[np.bool_] | None = None


DetectorColumns: TypeAlias = Cells | Hits | TrackerHits


@dataclass(frozen=True, slots=True)
class EventColumns:
    """The columns of a chunk of events, in the terms of this module and in its units.

    Attributes
    ----------
    n_events : int
    event : dict of str to (n_events,) array
        The one-value columns; a column the file does not have is absent.
    detectors : dict of str to Cells, Hits or TrackerHits
        By detector name, those of the period too; a detector the file does not have is absent.
    """

    n_events: int
    event: dict[str, Array]
    detectors: dict[str, DetectorColumns]

    def cells(self, name: str) -> Cells | Hits:
        """Columns of a detector with cells.

        Raises
        ------
        KeyError
            It is not there.
        ValueError
            It is a tracker.
        """
        columns = self.detectors[name]
        if isinstance(columns, TrackerHits):
            raise ValueError(f"{name}: hits of a tracker, not cells")
        return columns
