"""Pages of yields and feature means against run, spill and place in the spill."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullLocator
from numpy.typing import NDArray

from na64.outputs.comparison.drift import Against
from na64.outputs.comparison.stability import Series, Stability
from na64.outputs.report.display import Display
from na64.outputs.report.drawing import Make
from na64.outputs.report.style import ACCENT, CLOSED, HEADING, INK, QUIET, as_symbol, stamp_figure
from na64.outputs.result.messages import counted

Floats = NDArray[np.float64]

_ALWAYS = ("ecal", "preshower", "hcal", "srd_sum", "track_momentum", "veto_1")
_MOST = 8
"""Quantities a page; those with the surest outliers, then those that everybody looks at."""

_MOST_POINTS = 160
"""Points of a panel that can be told from each other; of more places neighbours are drawn together."""

_MOST_CIRCLES = 40
"""Outliers of a panel that get a circle; of more the surest, and the others only a dot."""

_BEYOND = 2.0
"""Ranges of the usual points by which an outlier may widen an axis; what is farther is drawn at its edge."""


@dataclass(frozen=True, slots=True)
class Shown:
    """How quantities are shown.

    Attributes
    ----------
    display : Display
    units : mapping of str to str
        Base units of features.
    """

    display: Display
    units: Mapping[str, str]

    def title(self, one: Series) -> str:
        """Quantity in words, with its unit of display."""
        if one.is_share:
            return one.quantity.replace("_", " ")
        return self.display.axis_label(one.quantity, f"{one.quantity} [{self.units.get(one.quantity, '')}]")

    def values(self, one: Series, values: Floats) -> Floats:
        """Values of a series in its unit of display."""
        return values if one.is_share else self.display.values(one.quantity, values)


def pages(found: Stability, label: str, shown: Shown) -> Iterator[tuple[str, Make]]:
    """Yield a page for each direction, with its name.

    Parameters
    ----------
    found : Stability
    label : str
        `na64.outputs.report.heading.heading`.
    shown : Shown
    """
    for against in Against:
        series = [one for one in found.series if one.against is against]
        name = against.value.split(" ", maxsplit=1)[0]
        yield f"stability_{name}", partial(draw_page, found, _chosen(series), label, shown)


def _chosen(series: Sequence[Series]) -> list[Series]:
    def rank(one: Series) -> tuple[float, int]:
        listed = _ALWAYS.index(one.quantity) if one.quantity in _ALWAYS else len(_ALWAYS)
        place = -1 if one.is_share else listed
        return min(np.nanmin(one.p, initial=1.0), 1.0), place

    sure = [one for one in sorted(series, key=rank) if np.nanmin(one.p, initial=1.0) < 1e-6][: _MOST // 2]
    others = sorted((one for one in series if one not in sure), key=lambda one: rank(one)[1])
    return [*sure, *others[: _MOST - len(sure)]]


def draw_page(found: Stability, series: Sequence[Series], label: str, shown: Shown) -> Figure:
    """Draw series, two a row, with outliers marked."""
    n_rows = (len(series) + 1) // 2
    height = 2.0 * n_rows + HEADING + 0.8
    figure = Figure(figsize=(13.6, height))
    figure.subplots_adjust(0.06, 0.6 / height, 0.985, 1 - (HEADING + 0.2) / height, 0.14, 0.42)
    grid = figure.subplots(n_rows, 2, squeeze=False).ravel()
    for axes, one in zip(grid, series, strict=False):
        _draw(axes, one, found, shown)
    for axes in grid[len(series) :]:
        axes.set_axis_off()
    stamp_figure(figure, label, right=_note(found, series))
    return figure


def _note(found: Stability, series: Sequence[Series]) -> str:
    together = max((_together(int(_usual(one).sum())) for one in series), default=1)
    word = series[0].against.value if series else ""
    grouped = f"a point is {counted(together, word)}; " if together > 1 else ""
    looks = f"p below {found.limit:.1g} for {found.n_looks:,} looks"
    outliers = f"circles: outliers, {looks}; triangles: beyond the axis"
    return f"{grouped}{outliers}; crosses: bad list"


def _usual(one: Series) -> NDArray[np.bool_]:
    usual: NDArray[np.bool_] = np.isfinite(one.value) & ~one.listed
    return usual


def _draw(axes: Axes, one: Series, found: Stability, shown: Shown) -> None:
    x = np.arange(len(one.places), dtype=np.float64) if one.against is not Against.PART else _middles(one)
    value, error = shown.values(one, one.value), shown.values(one, one.error)
    good, outlier = _usual(one), found.outliers(one)
    usual = good & ~outlier if (good & ~outlier).any() else good
    points = _grouped(x[usual], value[usual], error[usual], one.n[usual], _together(int(good.sum())))
    axes.errorbar(*points, fmt="o", color=ACCENT, ms=3.2, lw=0.8)
    if np.isfinite(one.elsewhere).any():
        middle = float(np.nanmedian(shown.values(one, one.elsewhere)))
        axes.axhline(middle, color=QUIET, linewidth=0.8, linestyle="--")
    listed = np.isfinite(value) & one.listed
    low, high = _limits(points, value[listed | outlier])
    room = 0.06 * (high - low)
    inside = np.clip(value, low + room, high - room)
    axes.plot(x[listed], inside[listed], "x", color=QUIET, ms=6 if listed.sum() <= _MOST_CIRCLES else 3)
    _mark(axes, x[outlier], inside[outlier], one.p[outlier], np.sign(value - inside)[outlier])
    axes.set_ylim(low, high)
    axes.margins(x=0.02)
    _titles(axes, one, shown, found.after)
    _name_places(axes, one)


def _mark(axes: Axes, x: Floats, value: Floats, p: Floats, beyond: Floats) -> None:
    """Circle outliers; of many the surest. What is beyond the axis is a triangle that points there."""
    surest = np.argsort(p, kind="stable")[:_MOST_CIRCLES]
    for side, marker in ((0, "."), (1, "^"), (-1, "v")):
        there = beyond == side
        axes.plot(x[there], value[there], marker, color=CLOSED, ms=4, gid="outlier")
    axes.plot(x[surest], value[surest], "o", mfc="none", mec=CLOSED, ms=9, mew=1.3)


def _together(n_places: int) -> int:
    """Neighbouring places of one point."""
    return max(-(-n_places // _MOST_POINTS), 1)


def _grouped(
    x: Floats, value: Floats, error: Floats, n: Floats, together: int
) -> tuple[Floats, Floats, Floats]:
    """Places, means and errors of so many neighbours each, weighted with the events they are made of."""
    starts = np.arange(0, len(x), together)
    if together == 1:
        return x, value, error
    weight = np.maximum(n, 1.0)
    total = np.add.reduceat(weight, starts)
    mean = np.add.reduceat(weight * value, starts) / total
    spread = np.sqrt(np.add.reduceat((weight * error) ** 2, starts)) / total
    middle = np.add.reduceat(x, starts) / np.diff(np.append(starts, len(x)))
    return middle, mean, spread


def _limits(points: tuple[Floats, Floats, Floats], others: Floats) -> tuple[float, float]:
    """Ends of an axis: all usual points with their errors, and others that are not too far from them."""
    _, value, error = points
    everything = np.concatenate([value - error, value + error]) if len(value) else others
    if not len(everything):
        return 0.0, 1.0
    low, high = float(everything.min()), float(everything.max())
    room = max(high - low, 1e-6 * max(abs(high), abs(low), 1e-30))
    near = others[(others > low - _BEYOND * room) & (others < high + _BEYOND * room)]
    ends = min(low, *near, low), max(high, *near, high)
    margin = 0.15 * max(ends[1] - ends[0], room)
    return ends[0] - margin, ends[1] + margin


def _titles(axes: Axes, one: Series, shown: Shown, after: str) -> None:
    kind = "share" if one.is_share else "mean"
    axes.set_title(
        as_symbol(shown.title(one)), loc="left", fontsize=10.5, fontweight="bold", pad=3, color=INK
    )
    events = f"after {after}" if after != "visible" else "of visible events"
    axes.set_title(f"{kind} {events}", loc="right", fontsize=9, color=QUIET, pad=3)
    axes.tick_params(labelsize=9)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_locator(MaxNLocator(nbins=4))


def _middles(one: Series) -> Floats:
    return np.array([(first + last) / 2 for first, last in one.places], np.float64)


def _name_places(axes: Axes, one: Series) -> None:
    if one.against is Against.PART:
        axes.set_xlabel("event number in the spill", fontsize=9, labelpad=1)
        return
    runs = [place[0] for place in one.places]
    firsts = [n for n, run in enumerate(runs) if n == 0 or runs[n - 1] != run]
    step = max(1, len(firsts) // 12)
    axes.set_xticks(firsts[::step], [str(runs[n]) for n in firsts[::step]])
    if one.against is Against.SPILL and len(firsts) <= _MOST_POINTS // 2:
        for n in firsts[1:]:
            axes.axvline(n - 0.5, color=QUIET, linewidth=0.4, alpha=0.6)
    what = "run" if one.against is Against.RUN else "spill, run by run"
    axes.set_xlabel(what, fontsize=9, labelpad=1)
