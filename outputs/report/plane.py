"""Planes of two features: the events, the regions and, in that of ECAL and HCAL, the closed box."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import hist
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Polygon, Rectangle
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from na64.outputs.report.column_layout import ColumnLayout
from na64.outputs.report.outline import is_bounded, outline
from na64.outputs.report.region_styles import RegionStyle, region_styles
from na64.outputs.report.style import (
    CLOSED,
    COUNTS,
    axis_label,
    stamp,
)
from na64.outputs.result.histograms import is_logarithmic
from na64.outputs.result.summary_facts import BoxFacts, ClosedFacts, PlaneFacts, RegionFacts
from na64.selections.planes import ENERGIES

_BEYOND = 0.05
"""Outlines end this fraction of the axes beyond them, so that no line runs along the frame."""

_CORNERS = 60
"""Points of an outline on each side, where straight lines are drawn curved."""

_LOWEST = 0.04
"""Regions flatter than this fraction of the axes are named where they are zoomed into, if anywhere."""

_SHORT = 4
"""Letters of the names that are drawn large, if none has more."""

_LINE = 0.06
"""Height of a name, as a fraction of that of the axes."""

_MARGIN = 0.012
"""What is kept free beside a name, as a fraction of the width of the axes."""

Ends = tuple[float | None, float | None]
"""Where something begins and ends along an axis; None where it has no edge."""


def features_of(histogram: hist.Hist[Any]) -> tuple[str, ...]:
    """Features of the axes of a histogram."""
    return tuple(str(axis.name) for axis in histogram.axes)


def is_energies(histogram: hist.Hist[Any]) -> bool:
    """Whether a histogram is of the plane in which the box is."""
    return features_of(histogram) == ENERGIES


def plane(
    histogram: hist.Hist[Any],
    facts: PlaneFacts,
    *,
    boxes: Sequence[BoxFacts],
    closed: bool,
    regions: Sequence[RegionFacts],
    label: str,
    title: str,
    opened: bool = False,
) -> Figure:
    """Draw a plane with the regions outlined and the box hatched; below, what is zoomed into.

    Parameters
    ----------
    histogram : Hist
        Of two axes.
    facts : PlaneFacts
    boxes : sequence of BoxFacts
        Drawn in the plane of `ENERGIES`; in others those that have bounds on the features of the plane.
    closed : bool
        Nothing is drawn in the boxes and their guard bands: data. Otherwise the boxes are outlines only.
    regions : sequence of RegionFacts
    label, title : str
        What the events are; which of them.
    opened : bool
        The box was opened since; the events in it are in no blind figure.
    """
    figure = Figure(figsize=(7.4, 7.6 if facts.zoom is not None else 6.2), layout=ColumnLayout())
    panels = _panels(figure, facts.zoom)
    boxes_here, unnamed = boxes if is_energies(histogram) else (), {region.name for region in regions}
    for axes in panels:
        colours = draw_counts(axes, histogram, log_colour=facts.log_colour)
        if axes is not panels[0]:
            axes.set_ylim(axes.get_ylim()[0], facts.zoom)
        least = 0.0 if axes is panels[-1] else _LOWEST
        unnamed -= draw_regions(axes, histogram, regions, boxes, names=unnamed, least=least)
        if boxes_here:
            draw_boxes(axes, boxes_here, closed=closed)
        else:
            draw_closed(axes, features_of(histogram), boxes, closed=closed)
    if boxes_here:
        state = "opened, not in this figure" if opened else "closed" if closed else "not blinded"
        _name_box(panels[-1], boxes_here, state)
    panels[0].set_ylabel(axis_label(histogram.axes[1]))
    if facts.zoom is not None:
        unit = axis_label(histogram.axes[1]).rpartition("[")[2]
        panels[-1].set_ylabel(f"zoom [{unit}" if unit.endswith("]") else "zoom")
    panels[-1].set_xlabel(axis_label(histogram.axes[0]))
    figure.colorbar(colours, ax=panels, pad=0.02, aspect=42).set_label("events per bin")
    stamp(panels[0], label, right=title)
    return figure


def _panels(figure: Figure, zoom: float | None) -> list[Axes]:
    if zoom is None:
        return [figure.subplots()]
    return list(figure.subplots(2, 1, height_ratios=(3.6, 1), sharex=True))


def draw_counts(axes: Axes, histogram: hist.Hist[Any], *, log_colour: bool = True) -> ScalarMappable:
    """Draw a two-dimensional histogram, by default with a logarithmic colour scale; empty bins stay white."""
    counts = histogram.values()
    shown = np.ma.masked_less_equal(counts.T, 0)
    lowest = min(1.0, float(shown.min())) if shown.count() else 1.0
    highest = max(float(counts.max(initial=0)), 10 * lowest)
    norm = LogNorm(vmin=lowest, vmax=highest) if log_colour else Normalize(vmin=0, vmax=highest)
    return _draw_bins(axes, histogram, shown, norm)


def draw_sums(axes: Axes, histogram: hist.Hist[Any]) -> ScalarMappable:
    """Draw sums of weights, which may be below 0, with a colour in proportion; empty bins stay white."""
    sums, variances = histogram.values(), np.asarray(histogram.variances())
    shown = np.ma.masked_where(variances.T == 0, sums.T)
    norm = Normalize(vmin=min(float(sums.min(initial=0)), 0.0), vmax=float(sums.max(initial=0)) or 1.0)
    return _draw_bins(axes, histogram, shown, norm)


def _draw_bins(axes: Axes, histogram: hist.Hist[Any], shown: Any, norm: Normalize) -> ScalarMappable:
    x, y = (axis.edges for axis in histogram.axes)
    for axis, set_scale in zip(histogram.axes, (axes.set_xscale, axes.set_yscale), strict=True):
        if is_logarithmic(axis):
            set_scale("log")
    axes.set_xlim(x[0], x[-1])
    axes.set_ylim(y[0], y[-1])
    return axes.pcolormesh(x, y, shown, cmap=COUNTS, norm=norm, rasterized=True)


def draw_regions(
    axes: Axes,
    histogram: hist.Hist[Any],
    regions: Sequence[RegionFacts],
    boxes: Sequence[BoxFacts],
    *,
    names: Collection[str] = (),
    least: float = 0.0,
) -> set[str]:
    """Outline every region that has a bound in this plane, as far as it can be inside the axes.

    Those of ``names`` that are at least this fraction of the axes high get their name, and are returned.
    """
    named: set[str] = set()
    placed: list[tuple[float, float, float]] = []
    modules = boxes[0].modules if boxes else (0, 1, 2)
    features, styles = features_of(histogram), region_styles(regions)
    size = 17 if all(len(styles[region.name].name) <= _SHORT for region in regions) else 12
    inside = (*axes.get_xlim(), *axes.get_ylim())
    beyond = (*_widened(*axes.get_xlim(), axes.get_xscale()), *_widened(*axes.get_ylim(), axes.get_yscale()))
    for region in regions:
        corners = outline(region, beyond, modules, features)
        if len(corners) < 3 or not is_bounded(region, features):
            continue
        if "log" in (axes.get_xscale(), axes.get_yscale()):
            corners = _along_sides(corners)
        look = styles[region.name]
        patch = Polygon(corners, closed=True, fill=False, linewidth=1.8, gid=region.name)
        patch.set_edgecolor(look.colour)
        patch.set_linestyle(look.line)
        axes.add_patch(patch)
        seen = outline(region, inside, modules, features)
        if region.name in names and len(seen) and _height(axes, seen) >= least:
            _name_region(axes, look, seen, placed, size=size)
            named.add(region.name)
    return named


def _widened(low: float, high: float, scale: str) -> tuple[float, float]:
    if scale == "log":
        ratio = (high / low) ** _BEYOND
        return low / ratio, high * ratio
    margin = _BEYOND * (high - low)
    return low - margin, high + margin


def _along_sides(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points on the sides of a polygon, close enough that a curve through them has no corners of its own."""
    parts = np.linspace(0, 1, _CORNERS, endpoint=False)[:, None]
    following = np.roll(corners, -1, axis=0)
    sides = [a + (b - a) * parts for a, b in zip(corners, following, strict=True)]
    return np.concatenate(sides)


def _height(axes: Axes, corners: NDArray[np.float64]) -> float:
    """Height of a polygon as a fraction of that of the axes."""
    in_axes = axes.transAxes.inverted().transform(axes.transData.transform(corners))
    return float(np.ptp(in_axes[:, 1]))


def _name_region(
    axes: Axes,
    look: RegionStyle,
    corners: NDArray[np.float64],
    placed: list[tuple[float, float, float]],
    *,
    size: int,
) -> None:
    """Write the name into the middle of a region, inside the axes and beside no other name; note where."""
    x, y = axes.transAxes.inverted().transform(axes.transData.transform(corners).mean(axis=0))
    text = axes.text(x, y, look.name, color=look.colour, fontsize=size, fontweight="bold")
    text.set_transform(axes.transAxes)
    text.set(ha="center", va="center", path_effects=[withStroke(linewidth=3.5, foreground="white")])
    half = text.get_window_extent().width / axes.bbox.width / 2 + _MARGIN
    x = min(max(x, half), 1 - half)
    y = _free_height(x, y, half, placed)
    text.set_position((x, y))
    placed.append((x, y, half))


def _free_height(x: float, y: float, half: float, placed: Sequence[tuple[float, float, float]]) -> float:
    """Nearest height at which a name of half a width touches none that is placed; below comes first."""
    steps = sorted(range(-len(placed), len(placed) + 1), key=lambda step: (abs(step), step))
    heights = [y + step * _LINE for step in steps]
    for height in heights:
        is_free = all(
            abs(x - other) >= half + wide or abs(height - above) >= 0.99 * _LINE
            for other, above, wide in placed
        )
        if is_free and _LINE / 2 <= height <= 1 - _LINE / 2:
            return height
    return y


def draw_boxes(axes: Axes, boxes: Sequence[BoxFacts], *, closed: bool) -> None:
    """Draw every box and, dashed, its guard band; closed ones are hatched and cover what is behind them."""
    rectangles = [box for box in boxes if box.is_rectangle]
    for box in rectangles:
        width, height = box.hidden_width, box.hidden_height
        guard = Rectangle((0, 0), width, height, edgecolor=CLOSED, gid="guard")
        guard.set(facecolor="white" if closed else "none", linewidth=0.9, linestyle="--")
        axes.add_patch(guard)
    for other in dict.fromkeys(other for box in boxes for other in box.others):
        _draw_other(axes, other, closed=closed)
    for box in rectangles:
        inner = Rectangle((0, 0), box.width, box.height, facecolor="none", edgecolor=CLOSED, gid="box")
        inner.set(linewidth=1.2, hatch="////" if closed else None)
        axes.add_patch(inner)


def _draw_other(axes: Axes, box: ClosedFacts, *, closed: bool) -> None:
    _draw_closed(axes, box.search, box.in_plane, covers=closed and box.covers)


def draw_closed(axes: Axes, features: Sequence[str], boxes: Sequence[BoxFacts], *, closed: bool) -> None:
    """Outline hidden regions in a plane of any two features, as far as their bounds are on these."""
    for other in dict.fromkeys(other for box in boxes for other in box.others):
        edges = {one.feature: (one.low, one.high) for one in other.edges}
        if not edges.keys().isdisjoint(features):
            x, y = (edges.get(name, (None, None)) for name in features)
            _draw_closed(axes, other.search, (x, y), covers=closed and edges.keys() <= {*features})


def _draw_closed(axes: Axes, search: str, ends: tuple[Ends, Ends], *, covers: bool) -> None:
    """Outline the hidden region of another box inside the axes; what it hides as a whole is covered."""
    limits = axes.get_xlim(), axes.get_ylim()
    (left, right), (bottom, top) = (
        tuple(edge if known is None else known for known, edge in zip(one, ends_of_axis, strict=True))
        for one, ends_of_axis in zip(ends, limits, strict=True)
    )
    patch = Rectangle((left, bottom), right - left, top - bottom, edgecolor=CLOSED, gid=f"closed {search}")
    patch.set(
        facecolor="white" if covers else "none",
        linewidth=0.9,
        linestyle="--",
        hatch="////" if covers else None,
    )
    axes.add_patch(patch)


def _name_box(axes: Axes, boxes: Sequence[BoxFacts], state: str) -> None:
    top = max(box.hidden_height for box in boxes)  # 0 if none is below two energies
    text = axes.annotate(
        f"signal box, {state}; dashed: guard band",
        xy=(3, top),
        xytext=(3, 0.72 * axes.get_ylim()[1]),
        color=CLOSED,
        fontsize=10,
        va="center",
        arrowprops={"arrowstyle": "-", "color": CLOSED, "linewidth": 0.9, "relpos": (0, 0.5)},
    )
    text.set_path_effects([withStroke(linewidth=3, foreground="white")])
