"""Figures of the sidebands: counts, fitted densities, the validation band, and what they say of the box."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from na64.outputs.background.extrapolation import Extrapolation, Sideband, Validation
from na64.outputs.report.style import ACCENT, CLOSED, INK, QUIET, as_symbol, stamp
from na64.outputs.result.table import two_digits
from na64.outputs.result.yields import poisson_errors

_DECADES_BELOW = 1e-4
"""The axis ends this far below the lowest count: extrapolations that fall faster leave the figure."""


def sideband_figure(found: Extrapolation, *, label: str) -> Figure:
    """Draw the counts of a sideband, the best density, the validation band, and the box hatched.

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
    stop = sideband.stop + 0.25 * (sideband.stop - sideband.box[0])
    _draw_counts(axes, sideband, stop, below=_DECADES_BELOW if found.n_events else 0.1)
    if found.n_events:
        _draw_density(axes, found)
    _draw_band(axes, found.validation)
    axes.axvspan(sideband.start, sideband.stop, color=ACCENT, alpha=0.08, linewidth=0)
    axes.set_xlim(sideband.box[0], stop)
    axes.set_xlabel(as_symbol(sideband.axis))
    axes.set_ylabel("events per GeV")
    low, _, high, limit = found.quantiles
    title = (
        f"events in the box: {two_digits(low)} to {two_digits(high)} (68 %), below {two_digits(limit)} (90 %)"
    )
    axes.legend(loc="upper left", title=title, alignment="left", fontsize=10)
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


def _draw_density(axes: Axes, found: Extrapolation) -> None:
    sideband = found.sideband
    x = np.linspace(sideband.box[0], sideband.stop, 400)
    kind = "single slope" if sideband.one_slope else "mixture of slopes"
    text = f"best {kind}, p = {found.p_value:.2g}"
    color = ACCENT if found.is_acceptable else QUIET
    axes.plot(x, found.density(x), color=color, linewidth=1.4, label=text)


def _draw_band(axes: Axes, seen: Validation) -> None:
    """Draw what the bins next to the guard should hold by a fit without them."""
    width = seen.stop - seen.start
    low, high = seen.low / width, seen.high / width
    predicted = f"{seen.low:.3g} to {seen.high:.3g} predicted"
    text = f"{seen.start:g} to {seen.stop:g} GeV: {seen.observed:.0f} seen, {predicted}"
    axes.fill_between([seen.start, seen.stop], low, high, color=CLOSED, alpha=0.3, linewidth=0, label=text)
