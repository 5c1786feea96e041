from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator
from numpy.typing import NDArray

from na64.outputs.report.style import images, stamp, style
from na64.outputs.report.ticks import draw_ticks

Ends = tuple[float, float]


def panel(x: Ends, y: Ends, *, ours: bool) -> Figure:
    figure = Figure(figsize=(3.4, 2.6))
    axes = figure.subplots()
    figure.subplots_adjust(0.2, 0.2, 0.9, 0.9)
    axes.axvline(sum(x) / 2, color="red")
    axes.set_xlim(*x)
    if y[1] > 10:
        axes.set_yscale("symlog", linthresh=1, linscale=0.7)
        axes.yaxis.set_major_locator(FixedLocator([0, 1, 10, 100, 1000]))
    axes.set_ylim(*y)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 2.5, 5, 10]))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_locator(NullLocator())
    if ours:
        draw_ticks(axes)
    return figure


def pixels(figure: Figure) -> NDArray[np.uint8]:
    canvas: Any = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba()).copy()


@pytest.mark.parametrize(
    ("x", "y"),
    [
        pytest.param((0.0, 125.0), (0.0, 5e3), id="up to the last tick"),
        pytest.param((-0.5, 1.5), (0.0, 200.0), id="a tick below the line of a cut"),
        pytest.param((74.7, 121.3), (0.0, 7.0), id="ends between ticks"),
        pytest.param((5.0, -5.0), (0.0, 1e3), id="backwards"),
        pytest.param((0.0, 3e-7), (0.0, 200.0), id="a common factor"),
        pytest.param((0.0, 1.0), (0.0, 4e-9), id="a common factor beside"),
    ],
)
def test_ticks_of_panels_are_those_of_matplotlib_to_the_pixel(x: Ends, y: Ends) -> None:
    with style():
        ours, theirs = (pixels(panel(x, y, ours=ours)) for ours in (True, False))
    assert (theirs < 255).any()
    assert np.array_equal(ours, theirs)


def test_panels_have_no_more_ticks_to_measure() -> None:
    with style():
        (axes,) = panel((0.0, 125.0), (0.0, 5e3), ours=True).axes
        assert not [*axes.get_xticks(), *axes.get_yticks()]


@pytest.mark.parametrize("top", [3.0, 4e-7])
def test_headings_are_above_the_factor_of_an_axis(top: float) -> None:
    with style():
        figure = Figure()
        axes = figure.subplots()
        axes.set_ylim(0, top)
        stamp(axes, "simulation\n100 runs", right="by run")
        canvas: Any = FigureCanvasAgg(figure)
        canvas.draw()
        factor = axes.yaxis.offsetText.get_window_extent()
        headings = [axes.title, axes._left_title, axes._right_title]  # type: ignore[attr-defined]
        assert bool(axes.yaxis.offsetText.get_text()) is (top < 1)
        assert not [one for one in headings if one.get_text() and one.get_window_extent().overlaps(factor)]


@pytest.mark.parametrize("name", ["cost$_\\frac$ cut", "E_{$x^$}"])
def test_names_at_an_axis_that_only_look_like_formulas_are_written(name: str) -> None:
    with style():
        figure = Figure(figsize=(3, 3))
        axes: Any = figure.subplots()
        axes.set_yticks([0, 1], [name, "other"])
        axes.set_xlabel(name)
        found = dict(images(figure))
    assert io.BytesIO(found["png"]).read(4) == b"\x89PNG"
