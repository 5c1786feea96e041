"""Finding events by number or by choice, and writing their pictures."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from na64.outputs.events.analysis import Analysis
from na64.outputs.events.card import Card, cards_of
from na64.outputs.events.choice import Choice, Chosen, choose
from na64.outputs.events.display import draw_event
from na64.outputs.events.planes import draw_plane, planes_of
from na64.outputs.report.drawing import Make, write_figure
from na64.outputs.report.style import ACCENT, CLOSED, INK, QUIET, REGION_COLOURS, marked
from na64.processors.counting.counting import judge_events

_COLUMNS = 4
_ROWS = 3
_ROW_HEIGHT, _HEADING = 2.15, 0.6  # inches

Number = tuple[int, int, int]


class NoEventError(KeyError):
    """No visible event has this number; the text does not tell whether there is another."""


def find(analysis: Analysis, wanted: Choice | Sequence[str], opened: Analysis | None = None) -> list[Card]:
    """Find chosen events, or those with numbers like ``8701:2:17``; of an opened box too, if it is given.

    All events of a run are read whether or not one with that number is there and may be seen, so neither the
    answer nor the time it takes tells of events that may not.

    Raises
    ------
    ValueError
        Text that is no number of an event, or a choice without events.
    NoEventError
        There is no visible event with a number; the same words whatever the reason.
    """
    if isinstance(wanted, Choice):
        cards = [card for part in choose(analysis, wanted, cells=True) for card in cards_of(part, analysis)]
        if not cards:
            raise ValueError(f"{analysis.folder.name}: no {analysis.kind} events {wanted}")
        return cards
    numbers = [parse(text) for text in wanted]
    looked_at = (analysis,) if opened is None else (analysis, opened)
    found = {card_number(card): card for one in looked_at for card in _with_numbers(one, set(numbers))}
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


def card_number(card: Card) -> Number:
    """Number of an event."""
    return card.run, card.spill, card.event


def _with_numbers(analysis: Analysis, numbers: set[Number]) -> Iterator[Card]:
    runs = sorted({run for run, _, _ in numbers} & analysis.job.runs.keys())
    for events in analysis.look(runs=runs, cells=True) if runs else ():
        spill, event = (events.columns.event[name] for name in ("spill", "event"))
        wanted = np.zeros(len(spill), bool)
        for run, *pair in numbers:
            wanted |= (spill == pair[0]) & (event == pair[1]) & (run == events.run)
        if wanted.any():
            chosen = events.take(np.flatnonzero(wanted))
            selection = analysis.job.selection_in(events.run)
            yield from cards_of(Chosen(chosen, judge_events(selection, chosen.values)), analysis)


def pictures(analysis: Analysis, cards: Sequence[Card], folder: Path, *, sheet: bool = False) -> list[Path]:
    """Write a picture of each event, or pages of twelve.

    Parameters
    ----------
    analysis : Analysis
    cards : sequence of Card
    folder : Path
    sheet : bool
        Pages.
    """
    mark = "unverified simulation" if analysis.products.summary.is_unverified else ""
    return [
        folder / f"{name}.png"
        for name, make in (_sheets(cards) if sheet else _singles(cards))
        if write_figure(folder, name, partial(marked, make, mark), formats=("png",))
    ]


def _singles(cards: Sequence[Card]) -> Iterator[tuple[str, Make]]:
    for card in cards:
        yield card.number.replace(":", "_"), partial(draw_event, card)


def _sheets(cards: Sequence[Card]) -> Iterator[tuple[str, Make]]:
    most = _COLUMNS * _ROWS
    for page, start in enumerate(range(0, len(cards), most), start=1):
        yield f"sheet_{page}", partial(draw_sheet, cards[start : start + most])


def draw_sheet(cards: Sequence[Card]) -> Figure:
    """Draw events small, four a row: ECAL and HCAL, their sums, and the first failed cut."""
    n_rows = max(1, math.ceil(len(cards) / _COLUMNS))
    height = _ROW_HEIGHT * n_rows + _HEADING
    figure = Figure(figsize=(14.2, height))
    figure.subplots_adjust(0.012, 0.012, 0.988, 1 - _HEADING / height, 0.09, 0.06)
    grid = figure.subplots(n_rows, _COLUMNS, squeeze=False).ravel()
    for axes in grid:
        axes.set_axis_off()
    for axes, card in zip(grid, cards, strict=False):
        _draw_small(axes, card)
    heading = f"$\\bf{{NA64}}$  {cards[0].label}"
    figure.text(0.012, 1 - 0.32 / height, heading, fontsize=13, color=INK)
    note = "preshower, ECAL, HCAL 0 to 3; colour: energy in time, hatched: energy at other times only"
    figure.text(0.988, 1 - 0.32 / height, note, fontsize=10, color=QUIET, ha="right")
    return figure


def _draw_small(axes: Axes, card: Card) -> None:
    planes = planes_of(card, "ecal")
    for plane, left, height in zip(planes, (0.0, 3.1), (3.2, 6.4), strict=False):
        draw_plane(
            axes, plane, at=(left, 0.0), pitch=height / plane.energy.shape[1], size=0 if left == 0 else 6.5
        )
    for place, module in enumerate(planes_of(card, "hcal")[:4]):
        corner = (9.0 + 3.3 * (place % 2), 3.4 - 3.4 * (place // 2))
        draw_plane(axes, module, at=corner, pitch=3.0 / module.energy.shape[1], size=6.5)
    axes.set(xlim=(-0.1, 15.4), ylim=(-0.2, 8.6), aspect="equal", anchor="NW")
    axes.text(0, 8.0, card.number, fontsize=10.5, fontweight="bold", color=INK)
    sums = f"ECAL {card.values['ecal']:.1f}, HCAL {card.values['hcal']:.1f} GeV"
    axes.text(0, 7.0, sums, fontsize=8.5, color=INK)
    region = "in no region" if card.region == "elsewhere" else f"region {card.region}"
    colour = REGION_COLOURS.get(f"region_{card.region}", QUIET)
    axes.text(15.3, 8.0, region, fontsize=9.5, fontweight="bold", ha="right", color=colour)
    axes.text(15.3, 7.0, card.verdict, fontsize=8.5, ha="right", color=CLOSED if card.failed else ACCENT)
