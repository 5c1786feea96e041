"""Figure of a control region: its counts, and the box that its shape is extrapolated into."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from na64.outputs.background.control_shape import ControlShape
from na64.outputs.report.style import ACCENT, CLOSED, INK, stamp
from na64.outputs.result.yields import poisson_errors


def shape_figure(found: ControlShape, *, label: str) -> Figure:
    """Draw the counts of a control region, and box and guard band beside it.

    Parameters
    ----------
    found : ControlShape
    label : str
        What the events are.
    """
    figure = Figure(figsize=(7.2, 4.6), layout="constrained")
    axes = figure.subplots()
    axes.axvspan(0, found.box, facecolor="none", edgecolor=CLOSED, hatch="////", alpha=0.35, linewidth=0)
    axes.axvline(float(found.edges[0]), color=CLOSED, linewidth=0.9, linestyle="--")
    middles, seen = (found.edges[:-1] + found.edges[1:]) / 2, found.counts > 0
    errors = poisson_errors(found.counts)
    axes.errorbar(
        middles[seen], found.counts[seen], yerr=errors[:, seen], fmt="o", color=INK, elinewidth=1.1, ms=4
    )
    axes.axvspan(float(found.edges[0]), float(found.edges[-1]), color=ACCENT, alpha=0.08, linewidth=0)
    last = float(middles[seen].max()) if seen.any() else 0.4
    axes.set_xlim(0, min(1.0, 1.3 * last))
    axes.set_ylim(0, 2.2 * max(float(np.max(found.counts, initial=1)), 1.0))
    axes.set_xlabel(found.shape.feature)
    axes.set_ylabel("events per bin")
    axes.text(
        0.98, 0.95, f"events in the box: {found.row().text}", transform=axes.transAxes, ha="right", va="top"
    )
    stamp(axes, label, right=found.shape.name)
    return figure
