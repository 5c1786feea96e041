"""Ticks and labels of axes whose limits are final.

matplotlib makes five objects for every tick and measures them in every pass; that took longer than the data.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.lines import Line2D
from matplotlib.markers import TICKDOWN, TICKLEFT, TICKRIGHT, TICKUP
from matplotlib.text import Text
from matplotlib.ticker import NullLocator, ScalarFormatter
from numpy.typing import NDArray

from na64.outputs.canvas import RULER

_BESIDE, _BELOW = 10.0, 21.0
"""Points between axes and labels: beside those of the ticks, and below with them."""

_PAD, _FONT_SIZE = 5.0, 11.0
_MAJOR, _MINOR = (6.0, 0.8), (3.0, 0.6)
"""Length and width of the ticks, in points."""

_LABEL = {"x": "label of x", "y": "label of y"}


def powers_of_ten(value: float, _position: float | None = None) -> str:
    """Write a power of ten, or zero, at an axis."""
    return f"$10^{{{round(math.log10(value))}}}$" if value > 0 else "0"


def draw_ticks(
    panels: Sequence[Axes], *, marks: str = "xy", right: bool = False, x_text: dict[str, Any] | None = None
) -> None:
    """Draw the ticks of each side as one line and their labels as plain text; matplotlib draws no more.

    Parameters
    ----------
    panels : sequence of Axes
        Above each other with the same x axis: only the lowest has labels there.
    marks : str
        Axes with marks at their ticks.
    right : bool
        The labels of y are on the right.
    x_text : dict, optional
        How the labels of x are written.
    """
    for axes in panels:
        _write(axes, "y", axes.get_yaxis_text2_transform if right else axes.get_yaxis_text1_transform, {})
        if axes is panels[-1]:
            _write(axes, "x", axes.get_xaxis_text1_transform, x_text or {})
        for name in marks:
            _mark(axes, name)
    for axes in panels:
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(NullLocator())
            axis.set_minor_locator(NullLocator())


def place_labels(axes: Axes) -> None:
    """Put the labels of the axes beside those of the ticks."""
    width, height = axes.get_window_extent().size / RULER.dpi
    away = extent(tick_labels(axes, "y"))[0] + _BESIDE / 72
    axes.xaxis.set_label_coords(1.0, -_BELOW / 72 / height)
    axes.yaxis.set_label_coords(-away / width, 1.0)


def tick_labels(axes: Axes, name: str) -> list[Text]:
    """Labels that `draw_ticks` wrote, of x or y."""
    return [text for text in axes.texts if text.get_gid() == _LABEL[name]]


def extent(texts: Iterable[Text]) -> tuple[float, float]:
    """Width and height of the largest of some texts, in inches."""
    boxes = [text.get_window_extent(RULER) for text in texts]
    size = np.array([(box.width, box.height) for box in boxes]).reshape(-1, 2).max(axis=0, initial=0.0)
    return float(size[0] / RULER.dpi), float(size[1] / RULER.dpi)


def _axis(axes: Axes, name: str) -> Axis:
    return axes.xaxis if name == "x" else axes.yaxis


def _inside(axis: Axis, ticks: NDArray[np.float64]) -> NDArray[np.float64]:
    low, high = sorted(axis.get_view_interval())
    margin = 1e-9 * (high - low)
    ticks = np.asarray(ticks, np.float64)
    return ticks[(ticks >= low - margin) & (ticks <= high + margin)]


def _write(axes: Axes, name: str, place: Any, how: dict[str, Any]) -> None:
    axis = _axis(axes, name)
    transform, va, ha = place(_PAD)
    end = 1.0 if ha == "left" else 0.0
    formatter = axis.get_major_formatter()
    if isinstance(formatter, ScalarFormatter):
        formatter.set_scientific(False)
        formatter.set_useOffset(False)
    ticks = _inside(axis, axis.get_majorticklocs())
    for tick, label in zip(ticks, formatter.format_ticks(ticks.tolist()), strict=True):
        at = (tick, end) if name == "x" else (end, tick)
        text = axes.text(at[0], at[1], label, transform=transform, va=va, ha=ha, gid=_LABEL[name])
        text.set(fontsize=_FONT_SIZE, **how)


def _mark(axes: Axes, name: str) -> None:
    axis = _axis(axes, name)
    marks: tuple[Any, Any] = (TICKUP, TICKDOWN) if name == "x" else (TICKRIGHT, TICKLEFT)
    transform = axes.get_xaxis_transform() if name == "x" else axes.get_yaxis_transform()
    for (length, width), ticks in ((_MAJOR, axis.get_majorticklocs()), (_MINOR, axis.get_minorticklocs())):
        inside = _inside(axis, ticks)
        for side, mark in enumerate(marks if len(inside) else ()):
            ends = np.full(len(inside), float(side))
            x, y = (inside, ends) if name == "x" else (ends, inside)
            line = Line2D(
                x,
                y,
                linestyle="",
                marker=mark,
                markersize=length,
                markeredgewidth=width,
                color="black",
                zorder=1.5,
                clip_on=False,
                transform=transform,
            )
            axes.add_artist(line)
