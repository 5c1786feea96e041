"""The picture of one visible event: cells, counters, times against their windows, and the cuts."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpecFromSubplotSpec
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator, NullLocator

from na64.datasets.instrument.roles import CALORIMETER, COUNTERS, MODULES, PADDLES, SURROUNDING, Role
from na64.outputs.events.event_record import CutCheck, EventRecord
from na64.outputs.events.planes import SCALE, CellPlane, draw_plane, planes_of
from na64.outputs.events.table import further_parts, number
from na64.outputs.report.style import ACCENT, CLOSED, COUNTS, FILL, INK, QUIET, stamp_figure
from na64.selections.regions import ELSEWHERE

_SMALL = 9.0
_LATEST = 90.0
"""ns from the expected time that the picture reaches; what is beyond is drawn at its edge."""


def draw_event(record: EventRecord) -> Figure:
    """Draw an event."""
    figure = Figure(figsize=(14.2, 8.6))
    whole = figure.add_gridspec(
        1, 2, width_ratios=(1.72, 1), left=0.03, right=0.985, top=0.875, bottom=0.06, wspace=0.06
    )
    grid = whole[0, 0].subgridspec(3, 24, height_ratios=(1.45, 0.9, 1.0), hspace=0.36, wspace=0.6)
    _heading(figure, record)
    _calorimeter(figure, record, grid)
    for place, plane in enumerate(planes_of(record, MODULES)[:4]):
        _cell_panel(figure.add_subplot(grid[1, 6 * place : 6 * place + 6]), plane, size=_SMALL)
    for plane in planes_of(record, SURROUNDING):
        _cell_panel(figure.add_subplot(grid[2, 0:5]), plane, size=7.5)
    _paddles(figure.add_subplot(grid[2, 7:12]), record)
    _times(figure.add_subplot(grid[2, 14:24]), record)
    _cuts(figure.add_subplot(whole[0, 1]), record)
    return figure


def _heading(figure: Figure, record: EventRecord) -> None:
    place = f"run {record.run}, spill {record.spill}, event {record.event}"
    stamp_figure(figure, record.heading, left=0.03)
    figure.text(0.985, 0.985, place, fontsize=15, fontweight="bold", color=INK, ha="right", va="top")
    trigger = "" if record.trigger is None else f", trigger word {record.trigger:#x}"
    figure.text(0.03, 0.912, f"{record.file}, entry {record.entry}{trigger}", fontsize=10, color=QUIET)
    where = "in no region" if record.region == ELSEWHERE else f"region {record.region}"
    figure.text(0.985, 0.936, where, fontsize=13, color=record.colour, ha="right", fontweight="bold")
    colour = CLOSED if record.failed else ACCENT
    figure.text(0.985, 0.91, record.verdict, fontsize=11, color=colour, ha="right")


def _calorimeter(figure: Figure, record: EventRecord, grid: GridSpecFromSubplotSpec) -> None:
    places = {0: (0, 8), 1: (8, 16)}
    for n, plane in enumerate(planes_of(record, CALORIMETER)):
        start, stop = places[n]
        axes = figure.add_subplot(grid[0, start:stop])
        _cell_panel(axes, plane, size=_SMALL)
        if n == 1:
            _scale(figure, axes)
    _radiation(figure.add_subplot(grid[0, 19:24]), record)


def _cell_panel(axes: Axes, plane: CellPlane, *, size: float) -> None:
    n_x, n_y = plane.energy.shape
    draw_plane(axes, plane, size=size)
    axes.set(
        xlim=(-0.02, n_x + 0.02), ylim=(-0.02, n_y + 0.02), aspect="equal", xticks=[], yticks=[], anchor="W"
    )
    axes.set_frame_on(False)
    total, in_time = plane.energy.sum(), plane.in_time.sum()
    axes.set_title(plane.title, loc="left", fontsize=10.5, fontweight="bold", pad=3)
    other_times = f" (+{total - in_time:.2g})" if total - in_time > 0.005 else ""
    axes.set_title(f"{in_time:.4g} GeV{other_times}", loc="right", fontsize=9.5, pad=3, color=INK)


def _scale(figure: Figure, axes: Axes) -> None:
    inset = axes.inset_axes((1.06, 0.0, 0.05, 0.72))
    bar = figure.colorbar(ScalarMappable(SCALE, COUNTS), cax=inset)
    bar.ax.tick_params(labelsize=8, length=3)
    bar.ax.yaxis.set_minor_locator(NullLocator())
    bar.set_label("GeV in time", fontsize=8.5)
    late = Patch(facecolor="white", edgecolor=CLOSED, hatch="//////", linewidth=0.6)
    inset.legend([late], ["at other\ntimes"], loc="lower left", bbox_to_anchor=(-0.6, 1.02), fontsize=8.5)


def _bars(axes: Axes, names: list[str], energy: list[float], in_time: list[float]) -> None:
    """Draw energies (MeV) as bars: at any time hatched, in time filled."""
    rows = np.arange(len(names))
    axes.barh(rows, energy, height=0.62, facecolor="none", edgecolor=CLOSED, hatch="//////", linewidth=0)
    axes.barh(rows, in_time, height=0.62, color=FILL, edgecolor=ACCENT, linewidth=0.8)
    top = max(*energy, 20.0) * 1.8
    for row, (now, all_of_it) in enumerate(zip(in_time, energy, strict=True)):
        other_times = f" (+{all_of_it - now:.1f})" if all_of_it - now > 0.05 else ""
        text = f"{now:.1f}{other_times}"
        axes.text(all_of_it + 0.03 * top, row, text, va="center", fontsize=8.5, color=INK)
    axes.set(xlim=(0, top), ylim=(len(names) - 0.4, -0.6))
    axes.set_yticks(rows, names)
    axes.tick_params(labelsize=8.5, length=3)
    axes.tick_params(axis="y", length=0)
    axes.tick_params(which="both", top=False, right=False)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=4))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("MeV", fontsize=9, labelpad=1)


def _radiation(axes: Axes, record: EventRecord) -> None:
    _counters(axes, record, COUNTERS, COUNTERS.upper())


def _paddles(axes: Axes, record: EventRecord) -> None:
    _counters(axes, record, PADDLES, f"{PADDLES.upper()}, each photomultiplier")


def _counters(axes: Axes, record: EventRecord, detector: str, title: str) -> None:
    axes.set_title(title, loc="left", fontsize=10.5, fontweight="bold", pad=3)
    if detector not in record.cells:
        axes.set_axis_off()
        return
    table, cells = record.cells[detector], range(record.cells[detector].energy.shape[1])
    two_a_part = record.setup.detectors[detector].role is Role.PADDLES
    names = [f"{n // 2}{'ab'[n % 2]}" if two_a_part else f"{n}" for n in cells]
    _bars(axes, names, (1e3 * table.energy[0]).tolist(), (1e3 * table.in_time[0]).tolist())


def _times(axes: Axes, record: EventRecord) -> None:
    axes.set_title("times against windows", loc="left", fontsize=10.5, fontweight="bold", pad=3)
    names = [
        name
        for name in record.setup.detectors
        if name in record.cells and np.isfinite(record.cells[name].delay).any()
    ]
    for row, name in enumerate(names):
        table = record.cells[name]
        there = np.isfinite(table.delay[0])
        delay, width = table.delay[0][there], table.window[0][there]
        axes.fill_betweenx([row - 0.4, row + 0.4], -width.max(), width.max(), color=FILL, alpha=0.45, lw=0)
        size = 8 + 14 * np.sqrt(table.energy[0][there])
        inside = table.in_time[0][there] > 0
        x = np.clip(delay, -_LATEST, _LATEST)
        y = row + 0.3 * np.linspace(-1, 1, len(x))
        axes.scatter(x[inside], y[inside], size[inside], color=ACCENT, alpha=0.75, linewidths=0)
        axes.scatter(
            x[~inside], y[~inside], size[~inside], facecolors="none", edgecolors=CLOSED, linewidths=1
        )
    axes.set(xlim=(-_LATEST * 1.04, _LATEST * 1.04), ylim=(len(names) - 0.4, -0.6))
    axes.set_yticks(range(len(names)), [name.upper() for name in names])
    axes.tick_params(labelsize=8.5, length=3)
    axes.tick_params(axis="y", length=0)
    axes.tick_params(which="both", top=False, right=False)
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("ns from the expected time; band: window", fontsize=9, labelpad=1)


def _cuts(axes: Axes, record: EventRecord) -> None:
    axes.set_axis_off()
    step = min(1 / (len(record.checks) + 1.5), 0.036)
    axes.set(xlim=(0, 1), ylim=(0, 1))
    for x, text, align in ((0.0, "cut", "left"), (0.53, "value", "right"), (0.57, "condition", "left")):
        axes.text(x, 1.0, text, ha=align, va="center", fontsize=9.5, fontweight="bold", color=QUIET)
    before = ""
    for row, check in enumerate((one.shown(record.display) for one in record.checks), start=1):
        _cut(axes, check, 1.0 - row * step * 1.02, named=check.cut != before)
        before = check.cut
    _further(axes, record, 1.0 - (len(record.checks) + 2) * step * 1.02, step)


def _further(axes: Axes, record: EventRecord, top: float, step: float) -> None:
    """Write what detectors have that are no standard ones, as far as there is room."""
    found = list(further_parts(record))
    n_shown = max(int(top / step), 0)
    if found and n_shown:
        axes.text(0.0, top, "further detectors", va="center", fontsize=9.5, fontweight="bold", color=QUIET)
    for row, (name, text) in enumerate(found[:n_shown], start=1):
        axes.text(0.025, top - row * step, name, va="center", fontsize=9, color=INK)
        axes.text(0.25, top - row * step, text, va="center", fontsize=9, color=INK)


def _cut(axes: Axes, check: CutCheck, y: float, *, named: bool) -> None:
    colour = INK if check.passed else CLOSED
    weight = "normal" if check.passed else "bold"
    if named:
        axes.text(0.025, y, check.cut.replace("_", " "), va="center", fontsize=9, color=INK)
    axes.plot([0.0], [y], "o", ms=4.5, mfc=ACCENT if check.passed else "white", clip_on=False)
    axes.lines[-1].set(mec=ACCENT if check.passed else CLOSED, mew=1.3)
    shown = f"{number(check.value)}{' ' + check.unit if check.unit else ''}"
    axes.text(0.53, y, shown, ha="right", va="center", fontsize=9, color=colour, fontweight=weight)
    size = min(9.0, 9.0 * 34 / max(len(check.bound), 1))
    axes.text(0.57, y, check.bound, va="center", fontsize=size, color=QUIET if check.passed else CLOSED)
