"""The (E_ECAL, E_HCAL) plane with its regions and the closed box."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import hist
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.patches import Polygon, Rectangle
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from na64.outputs.report.outline import outline
from na64.outputs.report.style import (
    CLOSED,
    COUNTS,
    REGION_COLOURS,
    REGION_LINES,
    axis_label,
    stamp,
)
from na64.outputs.result.summary import BoxFacts, ClosedFacts, CutFacts
from na64.outputs.result.yields import REGION_NAMES

AXES = ("ecal", "hcal")
"""Features of the plane."""

_ZOOM = 6.0
"""GeV of HCAL energy in the lower panel."""

_BEYOND = 0.05
"""Outlines end this fraction of the axes beyond them, so that no line runs along the frame."""


def plane(
    histogram: hist.Hist[Any],
    *,
    boxes: Sequence[BoxFacts],
    closed: bool,
    regions: Sequence[CutFacts],
    label: str,
    title: str,
    opened: bool = False,
) -> Figure:
    """Draw the plane with the regions outlined and the box hatched; below, the lowest HCAL energies.

    Parameters
    ----------
    histogram : Hist
        Axes `AXES`, GeV.
    boxes : sequence of BoxFacts
    closed : bool
        Nothing is drawn in the boxes and their guard bands: data. Otherwise the boxes are outlines only.
    regions : sequence of CutFacts
    label, title : str
        What the events are; which of them.
    opened : bool
        The box was opened since; the events in it are in no blind figure.
    """
    figure = Figure(figsize=(7.4, 7.6), layout="constrained")
    whole, low = figure.subplots(2, 1, height_ratios=(3.6, 1), sharex=True)
    colours = draw_counts(whole, histogram)
    draw_counts(low, histogram)
    low.set_ylim(0, _ZOOM)
    draw_regions(whole, regions, boxes, named=True)
    draw_regions(low, regions, boxes, named=False)
    for axes in (whole, low):
        draw_boxes(axes, boxes, closed=closed)
    if boxes:
        state = "opened, not in this figure" if opened else "closed" if closed else "not blinded"
        _name_box(low, boxes, state)
    whole.set_ylabel(axis_label(histogram.axes[1]))
    low.set_ylabel("zoom [GeV]")
    low.set_xlabel(axis_label(histogram.axes[0]))
    figure.colorbar(colours, ax=[whole, low], pad=0.02, aspect=42).set_label("events per bin")
    stamp(whole, label, right=title)
    return figure


def draw_counts(axes: Axes, histogram: hist.Hist[Any]) -> ScalarMappable:
    """Draw a two-dimensional histogram with a logarithmic colour scale; empty bins stay white."""
    counts = histogram.values()
    x, y = (axis.edges for axis in histogram.axes)
    shown = np.ma.masked_less_equal(counts.T, 0)
    lowest = min(1.0, float(shown.min())) if shown.count() else 1.0
    norm = LogNorm(vmin=lowest, vmax=max(float(counts.max(initial=0)), 10 * lowest))
    axes.set_xlim(x[0], x[-1])
    axes.set_ylim(y[0], y[-1])
    return axes.pcolormesh(x, y, shown, cmap=COUNTS, norm=norm, rasterized=True)


def draw_regions(axes: Axes, regions: Sequence[CutFacts], boxes: Sequence[BoxFacts], *, named: bool) -> None:
    """Outline every region as far as it can be inside the axes."""
    modules = boxes[0].hcal_modules if boxes else (0, 1, 2)
    left, right = axes.get_xlim()
    bottom, top = axes.get_ylim()
    x, y = _BEYOND * (right - left), _BEYOND * (top - bottom)
    for region in regions:
        corners = outline(region, (left - x, right + x, bottom - y, top + y), modules)
        if len(corners) < 3:
            continue
        patch = Polygon(corners, closed=True, fill=False, linewidth=1.8, gid=region.name)
        patch.set_edgecolor(REGION_COLOURS[region.name])
        patch.set_linestyle(REGION_LINES[region.name])
        axes.add_patch(patch)
        if named:
            _name_region(axes, region.name, outline(region, (left, right, bottom, top), modules))


def _name_region(axes: Axes, name: str, corners: NDArray[np.float64]) -> None:
    x, y = corners.mean(axis=0)
    text = axes.text(x, y, REGION_NAMES[name], color=REGION_COLOURS[name], fontsize=17, fontweight="bold")
    text.set(ha="center", va="center", path_effects=[withStroke(linewidth=3.5, foreground="white")])


def draw_boxes(axes: Axes, boxes: Sequence[BoxFacts], *, closed: bool) -> None:
    """Draw every box and, dashed, its guard band; closed ones are hatched and cover what is behind them."""
    rectangles = [box for box in boxes if box.is_rectangle]
    for box in rectangles:
        width, height = box.ecal + box.guard_ecal, box.hcal + box.guard_hcal
        guard = Rectangle((0, 0), width, height, edgecolor=CLOSED, gid="guard")
        guard.set(facecolor="white" if closed else "none", linewidth=0.9, linestyle="--")
        axes.add_patch(guard)
    for other in dict.fromkeys(other for box in boxes for other in box.others):
        _draw_other(axes, other, closed=closed)
    for box in rectangles:
        inner = Rectangle((0, 0), box.ecal, box.hcal, facecolor="none", edgecolor=CLOSED, gid="box")
        inner.set(linewidth=1.2, hatch="////" if closed else None)
        axes.add_patch(inner)


def _draw_other(axes: Axes, box: ClosedFacts, *, closed: bool) -> None:
    """Outline the hidden region of another box inside the axes; what it hides as a whole is covered."""
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    x = [edge if known is None else known for known, edge in zip(box.ecal, (left, right), strict=True)]
    y = [edge if known is None else known for known, edge in zip(box.hcal, (bottom, top), strict=True)]
    covers = closed and box.covers
    patch = Rectangle((x[0], y[0]), x[1] - x[0], y[1] - y[0], edgecolor=CLOSED, gid=f"closed {box.search}")
    patch.set(
        facecolor="white" if covers else "none",
        linewidth=0.9,
        linestyle="--",
        hatch="////" if covers else None,
    )
    axes.add_patch(patch)


def _name_box(axes: Axes, boxes: Sequence[BoxFacts], state: str) -> None:
    top = max(box.hcal + box.guard_hcal for box in boxes)  # 0 if none is below two energies
    text = axes.annotate(
        f"signal box, {state}; dashed: guard band",
        xy=(3, top),
        xytext=(3, 0.72 * _ZOOM),
        color=CLOSED,
        fontsize=10,
        va="center",
        arrowprops={"arrowstyle": "-", "color": CLOSED, "linewidth": 0.9, "relpos": (0, 0.5)},
    )
    text.set_path_effects([withStroke(linewidth=3, foreground="white")])
