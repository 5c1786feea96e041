"""Pages of data upon simulation, with ratios below."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from na64.outputs.comparison.overlay import Distribution, Overlay
from na64.outputs.comparison.overlay_table import hidden_note
from na64.outputs.comparison.statistics import chance
from na64.outputs.report.display import Display
from na64.outputs.report.drawing import Make
from na64.outputs.report.style import ACCENT, CLOSED, FILL, HEADING, INK, QUIET, as_symbol, stamp_figure
from na64.outputs.result.yields import poisson_errors

_COLUMNS = 3
_ROWS = 3
_FILLS = (FILL, "#f0cfa0", "#cdb5d6", "#bcd8bd")
_HATCHES = ("", "////", "....", "\\\\\\\\")
_CLOSED_HATCH = "\\\\\\\\"
_RATIO = 1.0
"""The ratio panel shows one plus and minus this much."""


def pages(found: Overlay, label: str, display: Display) -> Iterator[tuple[str, Make]]:
    """Yield pages of nine variables with their names.

    Parameters
    ----------
    found : Overlay
    label : str
        `na64.outputs.report.heading.heading` of the data.
    display : Display
    """
    there = [one for one in found.distributions if one.counts.sum() + one.expected.sum() > 0]
    shown = [_displayed(one, display) for one in there]
    most = _COLUMNS * _ROWS
    for page, start in enumerate(range(0, len(shown), most), start=1):
        yield f"overlay_{page}", partial(draw_page, found, shown[start : start + most], label)


def _displayed(one: Distribution, display: Display) -> Distribution:
    """The same contents in the unit of display, under the names that people read."""
    return replace(
        one,
        title=as_symbol(one.title or display.label(one.feature)),
        edges=display.values(one.feature, one.edges),
        label=display.axis_label(one.feature, one.label),
    )


def draw_page(found: Overlay, shown: Sequence[Distribution], label: str) -> Figure:
    """Draw distributions, three a row."""
    n_rows = max(1, math.ceil(len(shown) / _COLUMNS))
    height = 3.4 * n_rows + HEADING + 0.4
    figure = Figure(figsize=(13.6, height))
    grid = figure.add_gridspec(
        n_rows,
        _COLUMNS,
        left=0.055,
        right=0.985,
        top=1 - (HEADING + 0.45) / height,
        bottom=0.5 / height,
        hspace=0.42,
    )
    for place, one in enumerate(shown):
        cell = grid[place // _COLUMNS, place % _COLUMNS]
        pair = cell.subgridspec(2, 1, height_ratios=(2.6, 1), hspace=0.06)
        upper, lower = figure.add_subplot(pair[0]), figure.add_subplot(pair[1])
        _draw_counts(upper, one, found.names)
        _draw_ratio(lower, one)
        if place == 0:
            upper.legend(loc="upper right", fontsize=9, handlelength=1.4)
    stamp_figure(figure, label, right=found.norm)
    return figure


def _draw_counts(axes: Axes, one: Distribution, names: Sequence[str]) -> None:
    base = np.zeros(len(one.edges) - 1)
    for n, (part, name) in enumerate(zip(one.parts, names, strict=True)):
        top = base + part[1:-1]
        steps = axes.stairs(top, one.edges, baseline=base, fill=True, label=name)
        steps.set(facecolor=_FILLS[n % 4], edgecolor=ACCENT, hatch=_HATCHES[n % 4], linewidth=0.5)
        base = top
    top = base if one.hidden is None else base + np.maximum(one.hidden[1:-1], 0)
    if one.hidden is not None:
        closed = axes.stairs(top, one.edges, baseline=base, fill=True, label="hidden in both")
        closed.set(facecolor="none", edgecolor=CLOSED, hatch=_CLOSED_HATCH, linewidth=0.0)
    error = np.sqrt(one.variance[1:-1])
    band = axes.stairs(base + error, one.edges, baseline=np.maximum(base - error, 0), fill=True)
    band.set(facecolor="none", edgecolor=QUIET, hatch="xxxxxx", linewidth=0.0)
    _draw_points(axes, one)
    highest = 5.0 * max(float(one.counts[1:-1].max(initial=0)), float(top.max(initial=0)), 3.0)
    axes.set_yscale("symlog", linthresh=1, linscale=0.5)
    axes.set_ylim(0, highest)
    axes.set_yticks([0.0, *(10.0**n for n in range(0, math.ceil(math.log10(highest)), 1 + (highest > 1e4)))])
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_xlim(one.edges[0], one.edges[-1])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.tick_params(labelsize=9, labelbottom=False)
    axes.set_title(
        one.title or one.name.replace("_", " "), loc="left", fontsize=10.5, fontweight="bold", pad=14
    )
    axes.text(0.0, 1.02, _note(one), transform=axes.transAxes, fontsize=8, color=QUIET)
    colour = CLOSED if one.found.p_chi2 < 1e-3 else QUIET
    text = f"$\\chi^2$/{one.found.n_degrees} = {one.found.chi2 / max(one.found.n_degrees, 1):.2f}"
    axes.set_title(f"{text}, {chance(one.found.p_chi2)}", loc="right", fontsize=9, color=colour, pad=14)


def _note(one: Distribution) -> str:
    return f"{one.events}{hidden_note(one)}"


def _draw_points(axes: Axes, one: Distribution) -> None:
    centres, counts = (one.edges[1:] + one.edges[:-1]) / 2, one.counts[1:-1]
    there = counts > 0
    errors = poisson_errors(counts)[:, there]
    axes.errorbar(centres[there], counts[there], errors, fmt="o", ms=2.2, lw=0.7, color=INK, label="data")


def _draw_hidden_part(axes: Axes, one: Distribution) -> None:
    """Hatch, from the bottom of the panel, the part of each bin of the simulation that is hidden."""
    if one.hidden is None:
        return
    hidden, shown = np.maximum(one.hidden[1:-1], 0), one.expected[1:-1]
    total = hidden + shown
    part = np.divide(hidden, total, out=np.zeros_like(total), where=total > 0)
    closed = axes.stairs(1 - _RATIO + 2 * _RATIO * part, one.edges, baseline=1 - _RATIO, fill=True)
    closed.set(facecolor="none", edgecolor=CLOSED, hatch=_CLOSED_HATCH, linewidth=0.0, zorder=0)


def _draw_ratio(axes: Axes, one: Distribution) -> None:
    expected, counts = one.expected[1:-1], one.counts[1:-1]
    good = expected > 0
    safe = np.where(good, expected, 1.0)
    error = np.where(good, np.sqrt(one.variance[1:-1]) / safe, 0.0)
    band = axes.stairs(1 + error, one.edges, baseline=1 - error, fill=True)
    band.set(facecolor=FILL, alpha=0.6)
    there = good & (counts > 0)
    centres = (one.edges[1:] + one.edges[:-1]) / 2
    errors = (poisson_errors(counts) / safe)[:, there]
    ratio = (counts / safe)[there]
    axes.errorbar(centres[there], ratio, errors, fmt="o", ms=2.2, lw=0.7, color=INK)
    axes.axhline(1, color=QUIET, linewidth=0.8)
    _draw_hidden_part(axes, one)
    axes.set_ylim(1 - _RATIO, 1 + _RATIO)
    axes.set_xlim(one.edges[0], one.edges[-1])
    axes.set_yticks([0.5, 1.0, 1.5])
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_locator(NullLocator())
    axes.tick_params(labelsize=9)
    axes.set_ylabel("ratio", fontsize=9, loc="center")
    axes.set_xlabel(as_symbol(one.label), fontsize=9.5, labelpad=1)
