"""Places of axes that stand above each other, with room for what is written around them, measured once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import LayoutEngine

_PAD = 3 / 72
"""Inches around everything that is written."""

_BESIDE = 0.12
"""Inches between axes and the bar of colours beside them."""


@dataclass(frozen=True, slots=True)
class _Around:
    """Inches that numbers, names and headings take beside, below and above axes."""

    left: float
    right: float
    below: float
    above: float


class ColumnLayout(LayoutEngine):
    """Layout of one column of axes, with at most one bar of colours beside it and a legend below.

    Figures look as with a constrained layout, which measures everything twice, also what is in the axes.
    """

    _adjust_compatible = False
    _colorbar_gridspec = False

    def execute(self, fig: Figure) -> None:
        """Place the axes of a figure."""
        width, height = fig.get_size_inches()
        renderer = renderer_of(fig)
        column = [axes for axes in fig.axes if axes.get_subplotspec() is not None]
        bars = [axes for axes in fig.axes if axes.get_subplotspec() is None]
        around = [_around(axes, renderer) for axes in column]
        legend = sum(one.get_window_extent(renderer).height / fig.dpi + _PAD for one in fig.legends)
        bottom, top = _PAD + around[-1].below + legend, height - _PAD - around[0].above
        left, right = _PAD + max(one.left for one in around), width - _PAD
        for bar in bars:
            right -= _place_bar(bar, _around(bar, renderer).right, right, bottom, top) + _BESIDE
        if not bars:
            right -= max(one.right for one in around)
        for axes, (low, high) in zip(column, _rows(column, around, bottom, top), strict=True):
            _place(axes, left, right, low, high)


def renderer_of(figure: Figure) -> Any:
    """Renderer in pixels, by which the texts of a figure can be measured."""
    agg: Any = RendererAgg
    return agg(*(figure.dpi * figure.get_size_inches()), figure.dpi)


def _around(axes: Axes, renderer: Any) -> _Around:
    inside = axes.get_window_extent(renderer)
    box: Any = axes.get_tightbbox(renderer, bbox_extra_artists=[*axes.texts])
    beyond = (inside.x0 - box.x0, box.x1 - inside.x1, inside.y0 - box.y0, box.y1 - inside.y1)
    return _Around(*(float(pixels) / axes.figure.dpi for pixels in beyond))


def _rows(
    column: Sequence[Axes], around: Sequence[_Around], bottom: float, top: float
) -> Iterator[tuple[float, float]]:
    """Lower and upper end of every row, from above."""
    between = [above.below + below.above + 2 * _PAD for above, below in pairwise(around)]
    spec: Any = column[0].get_subplotspec()
    shares = np.asarray(spec.get_gridspec().get_height_ratios(), np.float64)
    heights = (top - bottom - sum(between)) * shares / shares.sum()
    for high, below in zip(heights, [*between, 0.0], strict=True):
        yield top - float(high), top
        top -= float(high) + below


def _place_bar(bar: Axes, numbers: float, right: float, bottom: float, top: float) -> float:
    """Place a bar of colours, with the shape that it was to have, and its numbers; give their width."""
    thickness = (top - bottom) / float(bar.get_box_aspect() or 1.0)
    bar.set_box_aspect(None)
    _place(bar, right - numbers - thickness, right - numbers, bottom, top)
    return numbers + thickness


def _place(axes: Axes, left: float, right: float, low: float, high: float) -> None:
    figure: Any = axes.figure
    width, height = figure.get_size_inches()
    axes.set_position((left / width, low / height, (right - left) / width, (high - low) / height))
