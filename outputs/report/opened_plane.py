"""The plane of an opened box: what was in it, beside what was visible all along."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import hist
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from na64.datasets.basics.atomic_file import write_bytes
from na64.outputs.blinding.names import OPENED
from na64.outputs.blinding.opened_box import as_opened, read_opened
from na64.outputs.blinding.opened_tables import PLANE_TABLE, PlaneRow, read_plane
from na64.outputs.report.heading import heading, read_status
from na64.outputs.report.plane import draw_boxes, draw_closed, draw_counts
from na64.outputs.report.style import ACCENT, INK, QUIET, axis_label, images, stamp, style
from na64.outputs.result.cutflow import VISIBLE
from na64.outputs.result.products import plane_of
from na64.outputs.result.store import read_result
from na64.outputs.result.summary_facts import BoxFacts
from na64.outputs.result.table import Table
from na64.processors.unblinded_counts import BIN, STAGES
from na64.selections.planes import ENERGIES

_ABOVE = 4.0
"""GeV of HCAL energy above the box that the figure shows."""

_WHOLE = 100.0
"""GeV that the figure shows of a box that is not below two energies."""


def opened_plane(
    visible: Sequence[hist.Hist[Any]],
    opened: Table[PlaneRow],
    boxes: Sequence[BoxFacts],
    *,
    label: str,
    who: str,
) -> Figure:
    """Draw the events of an opened box before any cut and after all of them, with the visible ones around it.

    Parameters
    ----------
    visible : sequence of Hist
        The planes of visible events at the same two stages.
    opened : Table
        `na64.outputs.blinding.opened_tables.plane_table`.
    boxes : sequence of BoxFacts
    label, who : str
        What the events are; who opened the box.
    """
    figure = Figure(figsize=(7.4, 7.6), layout="constrained")
    for axes, histogram, stage, column in zip(
        figure.subplots(2, 1, sharex=True), visible, STAGES, ("before_cuts", "after_cuts"), strict=True
    ):
        colours = draw_counts(axes, histogram)
        figure.colorbar(colours, ax=axes, pad=0.01, fraction=0.04, label="events per bin")
        if _features(histogram) == ENERGIES:
            draw_boxes(axes, boxes, closed=True)
        else:
            draw_closed(axes, _features(histogram), boxes, closed=False)
        for box in (box for box in boxes if box.is_rectangle):
            axes.add_patch(
                Rectangle((0, 0), box.width, box.height, facecolor="white", edgecolor=ACCENT, lw=1.4)
            )
        n_events = _draw_bins(axes, opened, column, colours, histogram)
        axes.set(**_limits(histogram, boxes), ylabel=axis_label(histogram.axes[1]))
        note = f"{stage}: {n_events:,} in the box"
        text = axes.text(0.98, 0.96, note, transform=axes.transAxes, ha="right", va="top", color=INK)
        text.set_bbox({"facecolor": "white", "edgecolor": "none", "alpha": 0.85})
    axes.set_xlabel(axis_label(visible[0].axes[0]))
    stamp(figure.axes[0], label)
    note = f"{who}; between solid and dashed: guard band, closed"
    axes.annotate(
        note,
        (0, 0),
        (0, -40),
        xycoords="axes fraction",
        textcoords="offset points",
        va="top",
        fontsize=9,
        color=QUIET,
    )
    return figure


def _features(histogram: hist.Hist[Any]) -> tuple[str, ...]:
    return tuple(axis.name for axis in histogram.axes)


def _limits(histogram: hist.Hist[Any], boxes: Sequence[BoxFacts]) -> dict[str, tuple[float, float]]:
    """What the figure shows: somewhat more than boxes below two energies, of other features everything."""
    if _features(histogram) != ENERGIES:
        x, y = (axis.edges for axis in histogram.axes)
        return {"xlim": (x[0], x[-1]), "ylim": (y[0], y[-1])}
    right = max((box.hidden_width for box in boxes if box.is_rectangle), default=_WHOLE)
    top = max((box.hidden_height for box in boxes if box.is_rectangle), default=_WHOLE)
    return {"xlim": (0, 1.5 * right), "ylim": (0, top + _ABOVE)}


def _width(axis: Any, place: float) -> float:
    """Width of the bin that begins at a place."""
    edges = np.asarray(axis.edges)
    below = min(int(np.argmin(np.abs(edges - place))), len(edges) - 2)
    return float(edges[below + 1] - edges[below])


def _draw_bins(
    axes: Axes,
    opened: Table[PlaneRow],
    column: str,
    colours: ScalarMappable,
    histogram: hist.Hist[Any],
) -> int:
    """Draw the opened events in the colours of the visible ones; give their number."""
    names = _features(histogram)
    rows = [row for row in opened.rows if getattr(row, column)]
    counts = np.array([getattr(row, column) for row in rows], np.float64)
    for row, colour in zip(rows, colours.to_rgba(counts), strict=True):
        corner = (row.corner[names[0]], row.corner[names[1]])
        pairs = zip(histogram.axes, corner, strict=True)
        width, height = (BIN, BIN) if names == ENERGIES else (_width(axis, at) for axis, at in pairs)
        axes.add_patch(
            Rectangle(corner, width, height, facecolor=tuple(colour), linewidth=0, antialiased=False)
        )
    return int(counts.sum())


def write_plane(folder: Path) -> Path:
    """Draw the opened plane of the result in a folder, and give the picture."""
    products = read_result(folder)
    box = read_opened(folder, products.summary)
    products = as_opened(products, box)
    cuts = [VISIBLE, *(cut.name for cut in products.summary.selection.cuts)]
    opened = read_plane((folder / OPENED / PLANE_TABLE).read_bytes(), PLANE_TABLE)
    features = opened.groups["corner"]
    with style():
        figure = opened_plane(
            [plane_of(products, features, cut) for cut in (cuts[0], cuts[-1])],
            opened,
            boxes=products.summary.boxes,
            label=heading(products.summary, read_status(folder)),
            who="" if box is None else f"{box.words}, freeze {box.freeze[:12]}",
        )
        for suffix, data in images(figure):
            write_bytes(folder / OPENED / f"plane.{suffix}", data)
    return folder / OPENED / "plane.png"
