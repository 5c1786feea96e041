"""Distributions of single variables: cut variables, times, and what the selection asks for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import hist
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator
from numpy.typing import NDArray

from na64.outputs.report.column_layout import ColumnLayout
from na64.outputs.report.plane import draw_boxes, draw_counts, draw_regions, draw_sums, is_energies
from na64.outputs.report.style import ACCENT, CLOSED, FILL, INK, QUIET, axis_label, stamp
from na64.outputs.report.ticks import draw_ticks
from na64.outputs.result.histograms import is_logarithmic
from na64.outputs.result.summary_facts import BoxFacts, CutFacts, IntervalFacts, RegionFacts

_PANELS_A_ROW = 3
_HEADROOM = 20
_LETTERS_ABOVE = 36
"""Letters of title and note that fit above a panel."""
_LETTERS_BESIDE = 30
"""Letters that fit beside a panel."""
_PANEL_HEIGHT, _ABOVE, _BELOW = 2.55, 0.88, 0.55
"""Inches: of a row of panels, of the heading, and below the last row."""


_BEYOND_TEXT: dict[str, Any] = {
    "va": "top",
    "fontsize": 9.5,
    "color": QUIET,
    "path_effects": [withStroke(linewidth=3, foreground="white")],
}


@dataclass(frozen=True, slots=True)
class Panel:
    """One distribution of a page.

    Attributes
    ----------
    title, note : str
        Above the panel.
    counts : (n_bins,) float64
    edges : (n_bins + 1,) float64
    x_label : str
    beyond : tuple of float
        Events below and above the axis.
    intervals : tuple of IntervalFacts
        Bounds to draw.
    after : (n_bins,) float64 or None
        Drawn filled: what is left after the window.
    names : tuple of str
        What the line and the filling are, for the legend.
    log : bool
        The axis is logarithmic.
    kept : str
        What the cut keeps, in words.
    weight : str
        What each event counts as, with the unit; empty where events are counted.
    errors : (n_bins,) float64 or None
        Of sums of weights: the root of the sum of their squares.
    """

    title: str
    counts: NDArray[np.float64]
    edges: NDArray[np.float64]
    x_label: str
    beyond: tuple[float, float] = (0.0, 0.0)
    intervals: tuple[IntervalFacts, ...] = ()
    after: NDArray[np.float64] | None = None
    names: tuple[str, str] = ("before", "after")
    note: str = ""
    log: bool = False
    kept: str = ""
    weight: str = ""
    errors: NDArray[np.float64] | None = None

    @property
    def ends(self) -> tuple[float, float]:
        """Ends of the sums of weights with their errors, from 0 or below it to 0 or above it."""
        errors = np.zeros_like(self.counts) if self.errors is None else self.errors
        low, high = self.counts - errors, self.counts + errors
        return min(float(low.min(initial=0)), 0.0), max(float(high.max(initial=0)), 0.0)

    @property
    def power(self) -> int:
        """Power of ten that the numbers on the axis of sums of weights are divided by; 0 of counts."""
        largest = max(map(abs, self.ends)) if self.weight else 0.0
        return 3 * math.floor(math.log10(largest) / 3) if largest else 0

    @property
    def y_label(self) -> str:
        """What the height of a bin is."""
        what = f"sum of {self.weight}" if self.weight else "events"
        if not np.allclose(np.diff(self.edges), self.edges[1] - self.edges[0]):
            what = f"{what} per bin"
        return f"{what} / $10^{{{self.power}}}$" if self.power else what


def panel_of(
    histogram: hist.Hist[Any],
    *,
    title: str,
    note: str = "",
    cut: CutFacts | None = None,
    kept: str = "",
    weight: str = "",
) -> Panel:
    """Make the panel of a one-dimensional histogram, with the bounds of a cut on its feature."""
    (axis,) = histogram.axes
    counts = histogram.values(flow=True)
    intervals = cut.intervals if cut is not None else ()
    return Panel(
        title=title,
        counts=counts[1:-1].astype(np.float64),
        edges=axis.edges,
        x_label=axis_label(axis),
        beyond=(float(counts[0]), float(counts[-1])),
        intervals=tuple(interval for interval in intervals if interval.feature == axis.name),
        note=note,
        log=is_logarithmic(axis),
        kept=kept,
        weight=weight,
        errors=np.sqrt(np.asarray(histogram.variances())) if weight else None,
    )


def window_of(panel: Panel) -> Panel:
    """Return the panel with what its own bounds keep filled."""
    kept = np.ones(len(panel.counts), np.bool_)
    for low, high in (_drawn(interval, panel.edges) for interval in panel.intervals):
        kept &= (panel.edges[1:] > low) & (panel.edges[:-1] < high)
    after = np.where(kept, panel.counts, 0.0)
    return replace(panel, after=after)


def in_time_of(histogram: hist.Hist[Any], *, title: str, note: str) -> Panel:
    """Make the panel of the energy at any time (line) and in time (filled) from the histogram of both.

    Parameters
    ----------
    histogram : Hist
        First axis: energy at any time; second axis, with the same bins: energy in time.
    title, note : str
    """
    any_time, in_time = histogram.axes
    counts = histogram.values(flow=True).astype(np.float64)
    total, left = counts.sum(axis=1), counts.sum(axis=0)
    return Panel(
        title=title,
        counts=total[1:-1],
        edges=any_time.edges,
        x_label=axis_label(in_time).replace(", in time", ""),
        after=left[1:-1],
        names=("any time", "in time"),
        note=note,
        log=is_logarithmic(any_time),
    )


def page(panels: Sequence[Panel], *, label: str, title: str) -> Figure:
    """Draw panels side by side, three a row, with logarithmic counts."""
    n_rows = max(1, math.ceil(len(panels) / _PANELS_A_ROW))
    width, height = 10.5, _PANEL_HEIGHT * n_rows + _ABOVE + _BELOW
    figure = Figure(figsize=(width, height))
    grid = figure.subplots(n_rows, _PANELS_A_ROW, squeeze=False).ravel()
    # Fixed places: measuring the text of thirty panels takes longer than everything else of the report.
    figure.subplots_adjust(0.065, _BELOW / height, 0.98, 1 - _ABOVE / height, 0.25, 0.55)
    for axes, panel in zip(grid, panels, strict=False):
        draw_panel(axes, panel)
        size = min(11.0, 11.0 * _LETTERS_ABOVE / max(1, len(panel.title) + len(panel.note)))
        if not panel.log:
            draw_ticks(axes)
        axes.xaxis.set_label_coords(1.0, -0.17)
        axes.yaxis.set_label_coords(-0.14, 1.0)
        axes.set_title(panel.title, loc="left", fontsize=size, fontweight="bold", y=1.0, pad=5)
        axes.text(1, 1.02, panel.note, transform=axes.transAxes, ha="right", fontsize=9, color=QUIET)
    for axes in grid[len(panels) :]:
        axes.remove()
    first, _, second = label.partition("\n")
    heading = f"$\\bf{{NA64}}$  {first}: {title}"
    figure.text(0.01, 1 - 0.1 / height, heading, fontsize=12, ha="left", va="top")
    figure.text(0.01, 1 - 0.36 / height, second, fontsize=10.5, ha="left", va="top", color=QUIET)
    return figure


def draw_panel(axes: Axes, panel: Panel) -> None:
    """Draw counts as steps, bounds as lines hatched on the side they remove, and what is beyond the axis."""
    if panel.after is not None:
        axes.stairs(panel.after, panel.edges, fill=True, color=FILL, label=panel.names[1])
    colour = ACCENT if panel.after is None else INK
    axes.stairs(panel.counts, panel.edges, color=colour, linewidth=1.2, label=panel.names[0])
    if panel.errors is None:
        _scale_counts(axes, panel)
    else:
        centres = (panel.edges[1:] + panel.edges[:-1]) / 2
        axes.errorbar(centres, panel.counts, panel.errors, fmt="none", ecolor=colour, elinewidth=0.8)
        _scale_sums(axes, panel)
    _scale_variable(axes, panel)
    for interval in panel.intervals:
        _draw_bounds(axes, interval, panel.edges)
    axes.set_xlabel(panel.x_label)
    axes.set_ylabel(panel.y_label)
    if panel.weight:
        label: Any = axes.yaxis.label
        size = label.get_fontsize()
        label.set_fontsize(min(size, size * _LETTERS_BESIDE / len(panel.y_label)))
    if panel.after is None:
        _write_beyond(axes, panel)
        axes.text(
            0.5, 0.95, panel.kept, transform=axes.transAxes, ha="center", **_BEYOND_TEXT | {"color": INK}
        )
    else:
        axes.legend(loc="upper right", fontsize=10)


def _scale_counts(axes: Axes, panel: Panel) -> None:
    top = max(3.0, _HEADROOM * float(panel.counts.max(initial=0)))
    axes.set_yscale("symlog", linthresh=1, linscale=0.7)
    axes.set_ylim(0, top)
    step = max(1, round(math.log10(top) / 4))
    decades = [10.0**power for power in range(0, math.ceil(math.log10(top)), step)]
    axes.yaxis.set_major_locator(FixedLocator([0.0, *decades]))
    axes.yaxis.set_minor_locator(NullLocator())


def _scale_sums(axes: Axes, panel: Panel) -> None:
    """Make room for sums of weights with their errors, and for what is written above them."""
    bottom, top = panel.ends
    height = (top - bottom) or 1.0
    axes.set_ylim(bottom - 0.05 * height if bottom < 0 else 0.0, top + 0.25 * height)
    unit = 10.0**panel.power
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 2.5, 5, 10]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value / unit:.3g}"))
    axes.yaxis.set_minor_locator(NullLocator())


def _scale_variable(axes: Axes, panel: Panel) -> None:
    axes.set_xlim(panel.edges[0], panel.edges[-1])
    if panel.log:
        axes.set_xscale("log")
        return
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 2.5, 5, 10]))
    axes.xaxis.set_minor_locator(NullLocator())


def _drawn(interval: IntervalFacts, edges: NDArray[np.float64]) -> tuple[float, float]:
    """Bounds as drawn: of whole numbers in bins around them, to the edges of the bins."""
    margin = 0.5 if np.allclose(edges % 1, 0.5) else 0.0
    low = -math.inf if interval.low is None else interval.low - margin
    high = math.inf if interval.high is None else interval.high + margin
    return low, high


def _draw_bounds(axes: Axes, interval: IntervalFacts, edges: NDArray[np.float64]) -> None:
    left, right = axes.get_xlim()
    low, high = _drawn(interval, edges)
    for bound, start, stop in ((low, left, low), (high, high, right)):
        if not left < bound < right:
            continue
        axes.axvline(bound, color=CLOSED, linewidth=1.2, gid="cut")
        axes.axvspan(start, stop, facecolor="none", edgecolor=CLOSED, hatch="////", alpha=0.35, linewidth=0)
    if interval.table:
        text = "limit depends on\nanother variable"
        axes.text(0.97, 0.8, text, transform=axes.transAxes, ha="right", va="top", fontsize=9.5, color=CLOSED)


def _write_beyond(axes: Axes, panel: Panel) -> None:
    written = ".3g" if panel.weight else ",.0f"
    below, above = (f"{number:{written}}".replace(",", "\u2009") for number in panel.beyond)
    if panel.beyond[0]:
        axes.text(0.03, 0.95, f"\u2190 {below}", transform=axes.transAxes, ha="left", **_BEYOND_TEXT)
    if panel.beyond[1]:
        axes.text(0.97, 0.95, f"{above} \u2192", transform=axes.transAxes, ha="right", **_BEYOND_TEXT)


def two_dimensional(
    histogram: hist.Hist[Any],
    *,
    boxes: Sequence[BoxFacts],
    closed: bool,
    regions: Sequence[RegionFacts],
    label: str,
    title: str,
    weight: str = "",
) -> Figure:
    """Draw a two-dimensional histogram; where it is of ECAL and HCAL with regions and box."""
    figure = Figure(figsize=(6.4, 4.9), layout=ColumnLayout())
    axes = figure.subplots()
    colours = draw_sums(axes, histogram) if weight else draw_counts(axes, histogram)
    what = f"sum of {weight}" if weight else "events"
    figure.colorbar(colours, ax=axes, pad=0.02).set_label(f"{what} per bin")
    axes.set_xlabel(axis_label(histogram.axes[0]))
    axes.set_ylabel(axis_label(histogram.axes[1]))
    if is_energies(histogram):
        draw_regions(axes, histogram, regions, boxes)
        draw_boxes(axes, boxes, closed=closed)
    stamp(axes, label)
    axes.text(0.03, 0.97, title, transform=axes.transAxes, va="top", fontsize=10.5, color=QUIET)
    return figure
