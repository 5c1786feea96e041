"""The contour of a search beside published points."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from na64.outputs.limits.figures import cited
from na64.outputs.limits.searches.contour import Row
from na64.outputs.limits.searches.published_points import load_points
from na64.outputs.limits.searches.reference import Reference
from na64.outputs.report.style import INK, stamp

Floats = NDArray[np.float64]

_EXCLUDED = "#dbe8f2"
_POINTS = (("#b45309", "o"), ("#0f766e", "s"), ("#6a1b6a", "^"), ("#1d4ed8", "D"))


def draw_contour(reference: Reference) -> Figure:
    """Draw what a reference configuration excludes."""
    figure = Figure(figsize=(7.4, 6.0), layout="constrained")
    axes = figure.subplots()
    axes.set_xscale("log")
    axes.set_yscale("log")
    handles = [*_draw_published(axes, reference), *_draw_excluded(axes, reference)]
    axes.legend(handles=handles, loc="best", fontsize=9)
    card = reference.card
    axes.set_xlabel(rf"${card.symbol}$ [GeV]")
    axes.set_ylabel(card.coupling.label)
    axes.grid(visible=True, which="major", color="#e5e5e0", linewidth=0.6)
    axes.set_axisbelow(True)
    stamp(axes, "reference", right=reference.variant.label)
    return figure


def _draw_excluded(axes: Axes, reference: Reference) -> Iterator[Artist]:
    edges = [edge for row in reference.rows for edge in (row.lower, row.upper) if edge is not None]
    low, high = axes.get_ylim() if reference.variant.published else (min(edges), max(edges))
    low, high = min([low, *edges]) / 2, max([high, *edges]) * 2
    for index, (mass, lower, upper) in enumerate(stretches(reference.rows)):
        top, bottom = np.where(np.isnan(upper), high, upper), np.where(np.isnan(lower), low, lower)
        axes.fill_between(mass, bottom, top, color=_EXCLUDED, linewidth=0, zorder=0)
        (line,) = axes.plot(mass, lower, color=INK, linewidth=1.8)
        axes.plot(mass, upper, color=INK, linewidth=1.8)
        if not index:
            line.set_label(f"{reference.card.title.lower()}, {reference.level:.0%} CL (calculated)")
            yield line
    axes.set_ylim(low, high)


def stretches(rows: Sequence[Row]) -> Iterator[tuple[Floats, Floats, Floats]]:
    """Lower and upper edges over mass, for the first range of couplings at each mass, the second, and so on.

    Yields
    ------
    mass, lower, upper : (n,) float64
        nan where there is no edge.
    """
    left = list(rows)
    while left:
        first: dict[float, Row] = {}
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


def _draw_published(axes: Axes, reference: Reference) -> Iterator[Artist]:
    seen = set()
    for published, (colour, marker) in zip(reference.variant.published, _POINTS, strict=False):
        curve = load_points(published.curve)
        (line,) = axes.plot(curve.mass, curve.value, marker, color=colour, markersize=4, mfc="white")
        if curve.label not in seen:
            seen.add(curve.label)
            line.set_label(cited(curve))
            yield line
