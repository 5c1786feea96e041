"""The contour of a search beside published points."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from na64.outputs.limits.figures import cited
from na64.outputs.limits.searches.card import Card, Variant
from na64.outputs.limits.searches.contour import ExcludedCouplings
from na64.outputs.limits.searches.published_points import load_points
from na64.outputs.report.style import INK, stamp
from na64.outputs.signal.moments import ELECTRON_BERKELEY, ELECTRON_LKB, band

Floats = NDArray[np.float64]

_EXCLUDED = "#dbe8f2"
_MOMENTS = ((ELECTRON_LKB, r"LKB $\alpha$"), (ELECTRON_BERKELEY, r"Berkeley $\alpha$"))
_DASHES = (("#a8834a", "--"), ("#9f1239", ":"))
_POINTS = (("#b45309", "o"), ("#0f766e", "s"), ("#6a1b6a", "^"), ("#1d4ed8", "D"))


@dataclass(frozen=True, slots=True)
class Drawn:
    """A contour as a figure has it.

    Attributes
    ----------
    card : Card
    variant : Variant
    rows : list of ExcludedCouplings
    level : float
    title, label : str
        What it is of; what kind of numbers it shows.
    fitted : tuple of str
        Numbers in it that were fitted to published contours.
    """

    card: Card
    variant: Variant
    rows: list[ExcludedCouplings]
    level: float
    title: str
    label: str
    fitted: tuple[str, ...] = ()

    @property
    def legend(self) -> str:
        """What its line is called; a symbol at the beginning of a title stays."""
        title = self.card.title
        named = title[:1].lower() + title[1:] if title[1:2].islower() else title
        return f"{named}, {self.level:.0%} CL" + (
            "\nwith numbers fitted to published limits" if self.fitted else ""
        )


def draw_contour(drawn: Drawn) -> Figure:
    """Draw what a search excludes, beside published points."""
    figure = Figure(figsize=(7.4, 6.0), layout="constrained")
    axes = figure.subplots()
    axes.set_xscale("log")
    axes.set_yscale("log")
    handles = [*_draw_published(axes, drawn), *_draw_excluded(axes, drawn)]
    if drawn.card.electron_moment:
        handles += _draw_moments(axes, drawn)
    axes.legend(handles=handles, loc="best", fontsize=9)
    card = drawn.card
    symbol = card.symbol.replace("'", r"\prime")  # a quote is set too small to be seen in a subscript
    axes.set_xlabel(rf"${symbol}$ [GeV]")
    axes.set_ylabel(card.coupling.label)
    axes.grid(visible=True, which="major", color="#e5e5e0", linewidth=0.6)
    axes.set_axisbelow(True)
    stamp(axes, drawn.label, right=drawn.title)
    return figure


def _draw_excluded(axes: Axes, drawn: Drawn) -> Iterator[Artist]:
    edges = [edge for row in drawn.rows for edge in (row.lower, row.upper) if edge is not None]
    if not edges:
        yield _draw_nothing(axes, drawn)
        return
    low, high = axes.get_ylim() if drawn.variant.published else (min(edges), max(edges))
    low, high = min([low, *edges]) / 2, max([high, *edges]) * 2
    if drawn.variant.mesons:
        yield _draw_mesons(axes, drawn, high)
        axes.set_ylim(low, high)
        return
    for index, (mass, lower, upper) in enumerate(stretches(drawn.rows)):
        top, bottom = np.where(np.isnan(upper), high, upper), np.where(np.isnan(lower), low, lower)
        axes.fill_between(mass, bottom, top, color=_EXCLUDED, linewidth=0, zorder=0)
        (line,) = axes.plot(mass, lower, color=INK, linewidth=1.8)
        axes.plot(mass, upper, color=INK, linewidth=1.8)
        if not index:
            line.set_label(drawn.legend)
            yield line
    axes.set_ylim(low, high)


def _draw_nothing(axes: Axes, drawn: Drawn) -> Artist:
    """Empty axes that say so."""
    axes.set_xlim(min(drawn.variant.masses), max(drawn.variant.masses))
    axes.set_ylim(drawn.card.coupling.lowest, drawn.card.coupling.highest)
    (line,) = axes.plot([], [], color=INK, label=f"{drawn.legend}: nothing is excluded")
    return line


def _draw_mesons(axes: Axes, drawn: Drawn, high: float) -> Artist:
    """A bar from the limit on each meson up, with its name."""
    names = {one.mass: one.name for one in drawn.variant.mesons}
    found = [(row.mass, row.lower) for row in drawn.rows if row.lower is not None]
    mass, lower = [at for at, _ in found], [limit for _, limit in found]
    for at, limit in zip(mass, lower, strict=True):
        axes.plot([at, at], [limit, high], color=_EXCLUDED, linewidth=14, solid_capstyle="butt", zorder=0)
        axes.annotate(names[at], (at, limit), (0, -14), textcoords="offset points", ha="center", color=INK)
    (line,) = axes.plot(mass, lower, "_", color=INK, markersize=14, markeredgewidth=1.8)
    axes.set_xlim(min(mass) / 2, max(mass) * 2)
    line.set_label(drawn.legend)
    return line


def stretches(rows: Sequence[ExcludedCouplings]) -> Iterator[tuple[Floats, Floats, Floats]]:
    """Lower and upper edges over mass, for the first range of couplings at each mass, the second, and so on.

    Yields
    ------
    mass, lower, upper : (n,) float64
        nan where there is no edge.
    """
    left = list(rows)
    while left:
        first: dict[float, ExcludedCouplings] = {}
        rest = []
        for row in left:
            if row.mass in first:
                rest.append(row)
            else:
                first[row.mass] = row
        edges = [[np.nan if edge is None else edge for edge in (r.lower, r.upper)] for r in first.values()]
        lower, upper = np.array(edges).T
        yield np.array(list(first)), lower, upper
        left = rest


def _draw_moments(axes: Axes, drawn: Drawn) -> Iterator[Artist]:
    """Couplings that either value of the electron's anomalous moment allows at two standard deviations."""
    masses = np.unique([row.mass for row in drawn.rows])
    for (deviation, name), (colour, dashes) in zip(_MOMENTS, _DASHES, strict=True):
        bands = [band(drawn.variant.boson, float(mass), deviation) for mass in masses]
        edges = np.array([(found.low, found.high) if found else (np.nan, np.nan) for found in bands])
        (line,) = axes.plot(masses, edges[:, 1], color=colour, linestyle=dashes, linewidth=1.3)
        if (edges[:, 0] > 0).any():
            axes.plot(masses, edges[:, 0], color=colour, linestyle=dashes, linewidth=1.3)
        known = np.isfinite(edges).any()
        line.set_label(f"electron $g-2$ ({name})" + ("" if known else ": excluded for any coupling"))
        yield line


def _draw_published(axes: Axes, drawn: Drawn) -> Iterator[Artist]:
    styles: dict[str, tuple[str, str]] = {}  # both edges of a contour are of one label
    for published in drawn.variant.published:
        curve = load_points(published.curve)
        is_new = curve.label not in styles
        colour, marker = styles.setdefault(curve.label, _POINTS[len(styles) % len(_POINTS)])
        (line,) = axes.plot(curve.mass, curve.value, marker, color=colour, markersize=4, mfc="white")
        if is_new:
            line.set_label(cited(curve))
            yield line
