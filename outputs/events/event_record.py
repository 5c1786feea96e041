"""One visible event with all that is to be shown of it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from na64.datasets.basics.units import UNITS
from na64.datasets.instrument.detector import Setup
from na64.outputs.events.analysis import ReopenedResult
from na64.outputs.events.event_filter import FilteredEvents
from na64.outputs.report.display import Display, display_of
from na64.outputs.report.heading import heading, read_status
from na64.outputs.report.region_styles import region_styles
from na64.processors.features.single_cells import CellTable, cell_tables
from na64.selections.interval import Interval, Limits
from na64.selections.regions import ELSEWHERE
from na64.selections.selection import Selection


@dataclass(frozen=True, slots=True)
class CutCheck:
    """One interval of a cut, or one of its clauses, and where the event is.

    Attributes
    ----------
    cut : str
    bound : str
        As the selection writes it: ``1 < srd_0 < 80 MeV``.
    value : float or None
        In the unit of the bound; none for a clause.
    unit : str
    passed : bool
    feature : str
        Empty for a clause.
    """

    cut: str
    bound: str
    value: float | None
    unit: str
    passed: bool
    feature: str = ""

    def shown(self, display: Display) -> CutCheck:
        """The same in words and in the unit of display."""
        bound, _, here = self.bound.partition(" (here ")
        bound = display.bound(self.feature, bound) if self.feature else display.in_words(bound)
        shown = display.units.get(self.feature)
        fits = shown is not None and self.unit in UNITS and UNITS[self.unit].base == shown.base
        unit = shown.name if shown is not None and fits else self.unit
        factor = _factor(unit) / _factor(self.unit)
        numbers = [f"{float(number) * factor:.4g}" for number in here.rstrip(")").split(" and ") if number]
        if numbers:
            bound = f"{bound} (here {' and '.join(numbers)})"
        value = None if self.value is None else self.value * factor
        return replace(self, bound=bound, value=value, unit=unit)


@dataclass(frozen=True, slots=True, eq=False)
class EventRecord:
    """One visible event.

    Attributes
    ----------
    run, spill, event : int
    label : str
        What the events are: data or simulation.
    heading : str
        The same with status, and on a second line exposure, periods and beam: above pictures.
    display : Display
        How features are shown in pictures.
    file : str
    entry : int
        In the file.
    trigger : int or None
    setup : Setup
    values : mapping of str to float
        Every feature, in its base unit.
    cells : mapping of str to CellTable
        By detector; of this event alone.
    checks : tuple of CutCheck
        Every interval and clause of every cut, in order.
    region : str
        Its name, or `na64.selections.regions.ELSEWHERE`.
    colour : str
        Of the region, in figures.
    """

    run: int
    spill: int
    event: int
    label: str
    heading: str
    display: Display
    file: str
    entry: int
    trigger: int | None
    setup: Setup
    values: Mapping[str, float]
    cells: Mapping[str, CellTable]
    checks: tuple[CutCheck, ...]
    region: str
    colour: str

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
    summary = analysis.products.summary
    above = heading(summary, read_status(analysis.folder))
    display = display_of(summary, analysis.products.histograms, analysis.units)
    styles = region_styles(summary.selection.regions)
    places = (styles[ELSEWHERE], *(styles[name] for name in analysis.selection.region_names))
    for row, entry in enumerate(events.entry.tolist()):
        numbers = {name: int(events.columns.event[name][row]) for name in ("run", "spill", "event")}
        trigger = events.columns.event.get("trigger")
        values = events.values[:, row]
        yield EventRecord(
            **numbers,
            label=summary.label,
            heading=above,
            display=display,
            file=events.name,
            entry=entry,
            trigger=None if trigger is None else int(trigger[row]),
            setup=setup,
            values=dict(zip(analysis.selection.index, values.tolist(), strict=True)),
            cells={name: _one(table, row) for name, table in tables.items()},
            checks=tuple(_checks(analysis.job.selection_in(events.run), values)),
            region=places[int(filtered.cut_result.region[row])].name,
            colour=places[int(filtered.cut_result.region[row])].colour,
        )


def _one(table: CellTable, row: int) -> CellTable:
    part = slice(row, row + 1)
    return CellTable(table.energy[part], table.in_time[part], table.delay[part], table.window[part])


def _checks(selection: Selection, values: NDArray[np.float32]) -> Iterator[CutCheck]:
    features = {name: values[row] for name, row in selection.index.items()}
    for cut, condition in zip(selection.cuts, selection.conditions_of(selection.cuts), strict=True):
        for interval in condition.intervals:
            yield _check(cut.name, interval, features)
        for clause in condition.clauses:
            passed = any(all(_passes(one, features) for one in group) for group in clause.alternatives)
            yield CutCheck(cut.name, clause.text, None, "", passed)


def _check(cut: str, interval: Interval, features: Mapping[str, np.float32]) -> CutCheck:
    bound, tables = interval.text, (interval.lowest, interval.limits)
    unit = _unit(interval.text)
    factor = _factor(unit)
    here = [f"{_here(table, features) * factor:.4g}" for table in tables if table is not None]
    if here:
        bound = f"{bound} (here {' and '.join(here)})"
    value, passed = float(features[interval.feature]) * factor, _passes(interval, features)
    return CutCheck(cut, bound, value, unit, passed, interval.feature)


def _passes(interval: Interval, features: Mapping[str, np.float32]) -> bool:
    low = interval.low if interval.lowest is None else _here(interval.lowest, features)
    high = interval.high if interval.limits is None else _here(interval.limits, features)
    return bool(np.float32(low) <= features[interval.feature] <= np.float32(high))


def _here(table: Limits, features: Mapping[str, np.float32]) -> float:
    """Bound for an event; nan, which nothing is inside of, if the feature that chooses it is none."""
    of = features[table.feature]
    if np.isnan(of):
        return math.nan
    place = np.searchsorted(np.array(table.edges, np.float32), of, side="right") - 1
    return table.values[max(int(place), 0)]


def _factor(unit: str) -> float:
    """How many of a unit its base unit is; 1 without one."""
    return UNITS[unit].divide / UNITS[unit].multiply if unit else 1.0


def _unit(text: str) -> str:
    """Find the unit at the end of a condition, empty for a plain number."""
    last = text.partition(",")[0].rpartition(" ")[2]
    return last if last in UNITS and last != "1" else ""
