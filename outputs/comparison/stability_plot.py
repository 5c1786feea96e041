"""Pages of yields and feature means against run, spill and place in the spill."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullLocator

from na64.outputs.comparison.drift import Against
from na64.outputs.comparison.stability import Series, Stability
from na64.outputs.report.drawing import Make
from na64.outputs.report.style import ACCENT, CLOSED, INK, QUIET

_ALWAYS = ("ecal", "preshower", "hcal", "srd_sum", "track_momentum", "veto_1")
_MOST = 8
"""Quantities a page; those with the surest outliers, then those that everybody looks at."""

_MANY = 300
"""Points of a series that can be told from each other with their errors."""


def pages(found: Stability, label: str) -> Iterator[tuple[str, Make]]:
    """Yield a page for each direction, with its name."""
    for against in Against:
        series = [one for one in found.series if one.against is against]
        name = against.value.split(" ", maxsplit=1)[0]
        yield f"stability_{name}", partial(draw_page, found, _chosen(series), label)


def _chosen(series: Sequence[Series]) -> list[Series]:
    def rank(one: Series) -> tuple[float, int]:
        listed = _ALWAYS.index(one.quantity) if one.quantity in _ALWAYS else len(_ALWAYS)
        place = -1 if one.is_share else listed
        return min(np.nanmin(one.p, initial=1.0), 1.0), place

    sure = [one for one in sorted(series, key=rank) if np.nanmin(one.p, initial=1.0) < 1e-6][: _MOST // 2]
    others = sorted((one for one in series if one not in sure), key=lambda one: rank(one)[1])
    return [*sure, *others[: _MOST - len(sure)]]


def draw_page(found: Stability, series: Sequence[Series], label: str) -> Figure:
    """Draw series, two a row, with outliers marked."""
    n_rows = (len(series) + 1) // 2
    height = 2.0 * n_rows + 1.2
    figure = Figure(figsize=(13.6, height))
    figure.subplots_adjust(0.06, 0.6 / height, 0.985, 1 - 0.85 / height, 0.14, 0.42)
    grid = figure.subplots(n_rows, 2, squeeze=False).ravel()
    for axes, one in zip(grid, series, strict=False):
        _draw(axes, one, found)
    for axes in grid[len(series) :]:
        axes.set_axis_off()
    figure.text(0.012, 1 - 0.3 / height, f"$\\bf{{NA64}}$  {label}", fontsize=13, color=INK)
    note = (
        f"circles: outliers, p below {found.limit:.1g} for {found.n_looks:,} looks; crosses: on the bad list"
    )
    figure.text(0.985, 1 - 0.3 / height, note, fontsize=10, color=QUIET, ha="right")
    return figure


def _draw(axes: Axes, one: Series, found: Stability) -> None:
    x = np.arange(len(one.places)) if one.against is not Against.PART else _middles(one)
    outlier = found.outliers(one)
    good = np.isfinite(one.value) & ~one.listed
    listed = np.isfinite(one.value) & one.listed
    if good.sum() <= _MANY:
        usual = {"color": ACCENT, "ms": 3.2, "lw": 0.8}
        axes.errorbar(x[good], one.value[good], one.error[good], fmt="o", **usual)  # type: ignore[arg-type]
    else:  # errors that touch each other hide the points
        ends = one.value[good] - one.error[good], one.value[good] + one.error[good]
        axes.vlines(x[good], *ends, color=ACCENT, linewidth=0.4, alpha=0.2, rasterized=True)
        axes.plot(x[good], one.value[good], ".", color=ACCENT, ms=2, rasterized=True)
    axes.plot(x[listed], one.value[listed], "x", color=QUIET, ms=6)
    axes.plot(x[outlier], one.value[outlier], "o", mfc="none", mec=CLOSED, ms=9, mew=1.3, gid="outlier")
    if np.isfinite(one.elsewhere).any():
        axes.axhline(float(np.nanmedian(one.elsewhere)), color=QUIET, linewidth=0.8, linestyle="--")
    kind = "share" if one.is_share else "mean"
    axes.set_title(one.quantity.replace("_", " "), loc="left", fontsize=10.5, fontweight="bold", pad=3)
    axes.set_title(
        f"{kind} {'after ' + found.after if found.after != 'visible' else 'of visible events'}",
        loc="right",
        fontsize=9,
        color=QUIET,
        pad=3,
    )
    axes.margins(x=0.02, y=0.18)
    axes.tick_params(labelsize=9)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_locator(MaxNLocator(nbins=4))
    _name_places(axes, one)


def _middles(one: Series) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array([(first + last) / 2 for first, last in one.places], np.float64)


def _name_places(axes: Axes, one: Series) -> None:
    if one.against is Against.PART:
        axes.set_xlabel("event number in the spill", fontsize=9, labelpad=1)
        return
    runs = [place[0] for place in one.places]
    firsts = [n for n, run in enumerate(runs) if n == 0 or runs[n - 1] != run]
    step = max(1, len(firsts) // 12)
    axes.set_xticks(firsts[::step], [str(runs[n]) for n in firsts[::step]])
    if one.against is Against.SPILL and len(firsts) <= _MANY:
        for n in firsts[1:]:
            axes.axvline(n - 0.5, color=QUIET, linewidth=0.4, alpha=0.6)
    what = "run" if one.against is Against.RUN else "spill, run by run"
    axes.set_xlabel(what, fontsize=9, labelpad=1)
