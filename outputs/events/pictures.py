"""Finding events by number or by a filter, and writing their pictures."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from na64.datasets.instrument.roles import CALORIMETER, MODULES
from na64.outputs.events.analysis import ReopenedResult
from na64.outputs.events.display import draw_event
from na64.outputs.events.event_filter import EventFilter, FilteredEvents, filter_events
from na64.outputs.events.event_record import EventRecord, event_records
from na64.outputs.events.planes import CellPlane, draw_plane, planes_of
from na64.outputs.report.drawing import Make, write_figure
from na64.outputs.report.style import ACCENT, CLOSED, HEADING, INK, marked, stamp_figure
from na64.processors.counting.counting import apply_cuts
from na64.selections.regions import ELSEWHERE

_COLUMNS = 4
_ROWS = 3
_ROW_HEIGHT = 2.15  # inches

Number = tuple[int, int, int]


class NoEventError(KeyError):
    """No visible event has this number; the text does not tell whether there is another."""


def find(
    analysis: ReopenedResult, wanted: EventFilter | Sequence[str], opened: ReopenedResult | None = None
) -> list[EventRecord]:
    """Find chosen events, or those with numbers like ``8701:2:17``; of an opened box too, if it is given.

    All events of a run are read whether or not one with that number is there and may be seen, so neither the
    answer nor the time it takes tells of events that may not.

    Raises
    ------
    ValueError
        Text that is no number of an event, or a filter that no event passes.
    NoEventError
        There is no visible event with a number; the same words whatever the reason.
    """
    if isinstance(wanted, EventFilter):
        records = [
            record
            for part in filter_events(analysis, wanted, cells=True)
            for record in event_records(part, analysis)
        ]
        if not records:
            raise ValueError(f"{analysis.folder.name}: no {analysis.kind} events {wanted}")
        return records
    numbers = [parse(text) for text in wanted]
    looked_at = (analysis,) if opened is None else (analysis, opened)
    found = {event_number(record): record for one in looked_at for record in _with_numbers(one, set(numbers))}
    for number in numbers:
        if number not in found:
            shown = ":".join(map(str, number))
            raise NoEventError(
                f"event {shown}: no {analysis.kind} event of {analysis.folder.name} has this number"
            )
    return [found[number] for number in dict.fromkeys(numbers)]


def parse(text: str) -> Number:
    """Read the number of an event."""
    parts = text.split(":")
    if len(parts) != 3 or not all(part.isdecimal() and len(part) < 12 for part in parts):
        raise ValueError(f'"{text}" is not RUN:SPILL:EVENT')
    run, spill, event = map(int, parts)
    return run, spill, event


def event_number(record: EventRecord) -> Number:
    """Number of an event."""
    return record.run, record.spill, record.event


def _with_numbers(analysis: ReopenedResult, numbers: set[Number]) -> Iterator[EventRecord]:
    runs = sorted({run for run, _, _ in numbers} & analysis.job.runs.keys())
    for events in analysis.read_events(runs=runs, cells=True) if runs else ():
        spill, event = (events.columns.event[name] for name in ("spill", "event"))
        wanted = np.zeros(len(spill), bool)
        for run, *pair in numbers:
            wanted |= (spill == pair[0]) & (event == pair[1]) & (run == events.run)
        if wanted.any():
            filtered = events.take(np.flatnonzero(wanted))
            selection = analysis.job.selection_in(events.run)
            yield from event_records(
                FilteredEvents(filtered, apply_cuts(selection, filtered.values)), analysis
            )


def pictures(
    analysis: ReopenedResult, records: Sequence[EventRecord], folder: Path, *, sheet: bool = False
) -> list[Path]:
    """Write a picture of each event, or pages of twelve.

    Parameters
    ----------
    analysis : ReopenedResult
    records : sequence of EventRecord
    folder : Path
    sheet : bool
        Pages.
    """
    mark = "unverified simulation" if analysis.products.summary.is_unverified else ""
    return [
        folder / f"{name}.png"
        for name, make in (_sheets(records) if sheet else _singles(records))
        if write_figure(folder, name, partial(marked, make, mark), formats=("png",))
    ]


def _singles(records: Sequence[EventRecord]) -> Iterator[tuple[str, Make]]:
    for record in records:
        yield record.number.replace(":", "_"), partial(draw_event, record)


def _sheets(records: Sequence[EventRecord]) -> Iterator[tuple[str, Make]]:
    most = _COLUMNS * _ROWS
    for page, start in enumerate(range(0, len(records), most), start=1):
        yield f"sheet_{page}", partial(draw_sheet, records[start : start + most])


def draw_sheet(records: Sequence[EventRecord]) -> Figure:
    """Draw events small, four a row: ECAL and HCAL, their sums, and the first failed cut."""
    n_rows = max(1, math.ceil(len(records) / _COLUMNS))
    height = _ROW_HEIGHT * n_rows + HEADING
    figure = Figure(figsize=(14.2, height))
    figure.subplots_adjust(0.012, 0.012, 0.988, 1 - HEADING / height, 0.09, 0.06)
    grid = figure.subplots(n_rows, _COLUMNS, squeeze=False).ravel()
    for axes in grid:
        axes.set_axis_off()
    for axes, record in zip(grid, records, strict=False):
        _draw_small(axes, record)
    note = f"preshower, {CALORIMETER.upper()}, {MODULES.upper()} 0 to 3; colour: energy in time, "
    note += "hatched: energy at other times only"
    stamp_figure(figure, records[0].heading, right=note)
    return figure


def _pitch(plane: CellPlane, width: float, height: float) -> float:
    """Size of a cell with which a plane of any shape fits into a place."""
    n_x, n_y = plane.energy.shape
    return float(min(width / n_x, height / n_y))


def _draw_small(axes: Axes, record: EventRecord) -> None:
    planes = planes_of(record, CALORIMETER)
    for plane, left, room in zip(planes, (0.0, 3.1), ((2.9, 3.2), (5.6, 6.4)), strict=False):
        draw_plane(axes, plane, at=(left, 0.0), pitch=_pitch(plane, *room), size=0 if left == 0 else 6.5)
    for place, module in enumerate(planes_of(record, MODULES)[:4]):
        corner = (9.0 + 3.3 * (place % 2), 3.4 - 3.4 * (place // 2))
        draw_plane(axes, module, at=corner, pitch=_pitch(module, 3.0, 3.0), size=6.5)
    axes.set(xlim=(-0.1, 15.4), ylim=(-0.2, 8.6), aspect="equal", anchor="NW")
    axes.text(0, 8.0, record.number, fontsize=10.5, fontweight="bold", color=INK)
    sums = [f"{name.upper()} {record.values[name]:.1f}" for name in (CALORIMETER, MODULES)]
    axes.text(0, 7.0, f"{', '.join(sums)} GeV", fontsize=8.5, color=INK)
    region = "in no region" if record.region == ELSEWHERE else f"region {record.region}"
    axes.text(15.3, 8.0, region, fontsize=9.5, fontweight="bold", ha="right", color=record.colour)
    axes.text(15.3, 7.0, record.verdict, fontsize=8.5, ha="right", color=CLOSED if record.failed else ACCENT)
