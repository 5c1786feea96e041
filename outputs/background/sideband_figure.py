"""Figures of the sidebands: counts, fitted functions, and what they say of the box."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from na64.outputs.background.extrapolation import Extrapolation, Fit, Sideband
from na64.outputs.background.table import with_error
from na64.outputs.report.style import ACCENT, CLOSED, INK, QUIET, as_symbol, stamp
from na64.outputs.result.yields import poisson_errors

_LINES = ("-", "--", "-.", ":")
_DECADES_BELOW = 1e-4
"""The axis ends this far below the lowest count: extrapolations that fall faster leave the figure."""


def sideband_figure(found: Extrapolation, *, label: str) -> Figure:
    """Draw the counts of a sideband, every function fitted to the widest range, and the box hatched.

    Parameters
    ----------
    found : Extrapolation
    label : str
        What the events are.
    """
    sideband = found.sideband
    figure = Figure(figsize=(7.2, 4.6), layout="constrained")
    axes = figure.subplots()
    axes.axvspan(*sideband.box, facecolor="none", edgecolor=CLOSED, hatch="////", alpha=0.35, linewidth=0)
    stop = sideband.stops[0] + 0.25 * (sideband.stops[0] - sideband.box[0])
    _draw_counts(axes, sideband, stop, below=_DECADES_BELOW if found.fits else 0.1)
    widest = [f for f in found.fits if (f.start, f.stop) == (sideband.starts[0], sideband.stops[0])]
    for fit, line in zip(widest, _LINES, strict=False):
        _draw_fit(axes, fit, sideband, line)
    axes.axvspan(sideband.starts[0], sideband.stops[0], color=ACCENT, alpha=0.08, linewidth=0)
    axes.set_xlim(sideband.box[0], stop)
    axes.set_xlabel(as_symbol(sideband.axis))
    axes.set_ylabel("events per GeV")
    if widest:
        n = with_error(found.n, found.n * found.log_error).replace("+-", "±") if found.average else "no fit"
        axes.legend(loc="upper left", title=f"events in the box: {n}", alignment="left", fontsize=10)
    stamp(axes, label, right=sideband.name)
    return figure


def _draw_counts(axes: Axes, sideband: Sideband, stop: float, *, below: float) -> None:
    edges, counts = sideband.cut(float(sideband.edges[0]), stop)
    widths = np.diff(edges)
    centres = edges[:-1] + widths / 2
    seen = counts > 0
    errors = poisson_errors(counts) / widths
    axes.errorbar(
        centres[seen], (counts / widths)[seen], yerr=errors[:, seen], fmt="o", color=INK, elinewidth=1.1, ms=4
    )
    axes.set_yscale("log")
    lowest = float((counts / widths)[seen].min()) if seen.any() else 1.0
    axes.set_ylim(lowest * below, max(float(np.max(counts / widths, initial=1)), 1.0) * 30)


def _draw_fit(axes: Axes, fit: Fit, sideband: Sideband, line: str) -> None:
    x = np.linspace(sideband.box[0], fit.stop, 400)
    y = fit.shape.density(x - sideband.starts[0], list(fit.parameters))
    n = with_error(fit.n, fit.n * fit.log_error)
    text = f"{fit.shape.name}: {n.replace('+-', '±')}, p = {fit.p_value:.2g}"
    axes.plot(x, y, line, color=ACCENT if fit.is_acceptable else QUIET, linewidth=1.4, label=text)
