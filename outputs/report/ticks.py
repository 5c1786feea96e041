"""Ticks and numbers of a panel: a line of marks a side and a text a number, not six artists a tick."""

from __future__ import annotations

from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.lines import Line2D
from matplotlib.markers import TICKDOWN, TICKLEFT, TICKRIGHT, TICKUP
from matplotlib.ticker import NullLocator

_BELOW_LINES = 1.5
"""Order of drawing of ticks in matplotlib: over areas, under lines."""

_ROUNDING = 1e-9
"""Share of an axis that a tick may lie beyond its end."""


def draw_ticks(axes: Axes) -> None:
    """Draw the major ticks of both axes, inwards on all sides, with numbers below and on the left.

    They look as those of matplotlib, and a page of panels is drawn in two thirds of the time. Limits and
    scales have to be final. An axis whose numbers have a common factor keeps the ticks of matplotlib.

    Parameters
    ----------
    axes : Axes
        Without minor ticks.
    """
    places, numbers = _ticks_of(axes.xaxis)
    across = axes.get_xaxis_transform(which="grid")
    for side, marker in ((0.0, TICKUP), (1.0, TICKDOWN)) if numbers else ():
        sides = np.full(len(places), side)
        axes.add_artist(Line2D(places, sides, transform=across, **_look("xtick", marker)))
    below, *_ = axes.get_xaxis_text1_transform(mpl.rcParams["xtick.major.pad"])
    for place, number in zip(places, numbers, strict=True):
        axes.text(place, 0, number, transform=below, va="top", ha="center", **_letters("xtick"))
    places, numbers = _ticks_of(axes.yaxis)
    along = axes.get_yaxis_transform(which="grid")
    for side, marker in ((0.0, TICKRIGHT), (1.0, TICKLEFT)) if numbers else ():
        sides = np.full(len(places), side)
        axes.add_artist(Line2D(sides, places, transform=along, **_look("ytick", marker)))
    beside, *_ = axes.get_yaxis_text1_transform(mpl.rcParams["ytick.major.pad"])
    for place, number in zip(places, numbers, strict=True):
        axes.text(0, place, number, transform=beside, va="center_baseline", ha="right", **_letters("ytick"))


def _ticks_of(axis: Axis) -> tuple[list[float], list[str]]:
    """Places and numbers of the ticks of an axis, which has none of its own from now on."""
    low, high = sorted(axis.get_view_interval())
    margin = _ROUNDING * (high - low)
    places = [float(place) for place in axis.get_majorticklocs() if low - margin <= place <= high + margin]
    formatter = axis.get_major_formatter()
    numbers = formatter.format_ticks(places)
    if formatter.get_offset():
        return [], []
    axis.set_major_locator(NullLocator())
    return places, numbers


def _look(name: str, marker: int) -> dict[str, Any]:
    settings: Any = mpl.rcParams
    colour, width = settings[f"{name}.color"], settings[f"{name}.major.width"]
    return {
        "marker": marker,
        "linestyle": "none",
        "clip_on": False,
        "zorder": _BELOW_LINES,
        "markersize": settings[f"{name}.major.size"],
        "markeredgewidth": width,
        "markeredgecolor": colour,
    }


def _letters(name: str) -> dict[str, Any]:
    settings: Any = mpl.rcParams
    return {"fontsize": settings[f"{name}.labelsize"], "color": settings[f"{name}.color"]}
