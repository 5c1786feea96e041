"""One visible event with all that is to be shown of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from na64.datasets.basics.units import UNITS
from na64.datasets.instrument.detector import Setup
from na64.outputs.events.analysis import ReopenedResult
from na64.outputs.events.event_filter import FilteredEvents
from na64.processors.counting.tally import REGIONS
from na64.processors.features.single_cells import CellTable, cell_tables
from na64.selections.cut import Interval


@dataclass(frozen=True, slots=True)
class Check:
    """One interval of a cut, and where the event is.

    Attributes
    ----------
    cut : str
    bound : str
        As the selection writes it: ``1 < srd_0 < 80 MeV``.
    value : float
        In the unit of the bound.
    unit : str
    passed : bool
    """

    cut: str
    bound: str
    value: float
    unit: str
    passed: bool


@dataclass(frozen=True, slots=True, eq=False)
class EventRecord:
    """One visible event.

    Attributes
    ----------
    run, spill, event : int
    label : str
        What the events are: data or simulation.
    file : str
    entry : int
        In the file.
    trigger : int or None
    setup : Setup
    values : mapping of str to float
        Every feature, in its base unit.
    cells : mapping of str to CellTable
        By detector; of this event alone.
    checks : tuple of Check
        Every interval of every cut, in order.
    region : str
    """

    run: int
    spill: int
    event: int
    label: str
    file: str
    entry: int
    trigger: int | None
    setup: Setup
    values: Mapping[str, float]
    cells: Mapping[str, CellTable]
    checks: tuple[Check, ...]
    region: str

    @property
    def number(self) -> str:
        """As it is asked for: ``8701:2:17``."""
        return f"{self.run}:{self.spill}:{self.event}"

    @property
    def failed(self) -> tuple[str, ...]:
        """Cuts that it fails, in order."""
        return tuple(dict.fromkeys(check.cut for check in self.checks if not check.passed))

    @property
    def verdict(self) -> str:
        """Result of the cuts, in words."""
        if not self.failed:
            return "passes all cuts"
        more = f" and {len(self.failed) - 1} more" if len(self.failed) > 1 else ""
        return f"fails {self.failed[0]}{more}"


def event_records(filtered: FilteredEvents, analysis: ReopenedResult) -> Iterator[EventRecord]:
    """Yield a record of every event that passes the filter; the events need their cells."""
    events, job = filtered.events, analysis.job
    layout, setup = job.layouts[events.file.layout], job.runs[events.run].setup
    tables = cell_tables(
        events.columns, setup, residual_times=layout.time_is_residual, absent_nan=layout.absent_nan
    )
    for row, entry in enumerate(events.entry.tolist()):
        numbers = {name: int(events.columns.event[name][row]) for name in ("run", "spill", "event")}
        trigger = events.columns.event.get("trigger")
        values = events.values[:, row]
        yield EventRecord(
            **numbers,
            label=analysis.products.summary.label,
            file=events.name,
            entry=entry,
            trigger=None if trigger is None else int(trigger[row]),
            setup=setup,
            values=dict(zip(analysis.selection.index, values.tolist(), strict=True)),
            cells={name: _one(table, row) for name, table in tables.items()},
            checks=tuple(_checks(analysis, values)),
            region=REGIONS[int(filtered.cut_result.region[row])].removeprefix("region_"),
        )


def _one(table: CellTable, row: int) -> CellTable:
    part = slice(row, row + 1)
    return CellTable(table.energy[part], table.in_time[part], table.delay[part], table.window[part])


def _checks(analysis: ReopenedResult, values: NDArray[np.float32]) -> Iterator[Check]:
    index = analysis.selection.index
    for cut in analysis.selection.cuts:
        for interval in cut.intervals:
            features = {name: values[index[name]] for name in interval.features}
            yield _check(cut.name, interval, features)


def _check(cut: str, interval: Interval, features: Mapping[str, np.float32]) -> Check:
    value, high, bound = features[interval.feature], interval.high, interval.text
    if interval.limits is not None:
        of = features[interval.limits.feature]
        place = np.searchsorted(np.array(interval.limits.edges, np.float32), of, side="right") - 1
        high = interval.limits.values[max(int(place), 0)] if of == of else -np.inf  # noqa: PLR0124
        bound = f"{bound} (here {high:.4g})"
    passed = bool(np.float32(interval.low) <= value <= np.float32(high))
    unit = _unit(interval.text)
    factor = UNITS[unit].divide / UNITS[unit].multiply if unit else 1.0
    return Check(cut, bound, float(value) * factor, unit, passed)


def _unit(text: str) -> str:
    """Find the unit at the end of a condition, empty for a plain number."""
    last = text.partition(",")[0].rpartition(" ")[2]
    return last if last in UNITS and last != "1" else ""
