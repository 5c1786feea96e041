from __future__ import annotations

import io
import re
import zlib

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

from na64.outputs.canvas import draw_both
from na64.outputs.style import style
from na64.outputs.ticks import draw_ticks, place_labels, powers_of_ten, tick_labels


def content(pdf: bytes) -> str:
    """Give what is drawn on the page, the longest of the streams."""
    streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL)
    return max((zlib.decompress(data) for data in streams), key=len).decode("latin-1")


def test_pixels_are_those_of_matplotlib() -> None:
    with style():
        figure = Figure(figsize=(4, 3))
        axes = figure.add_axes((0.2, 0.2, 0.7, 0.7))
        axes.plot([0, 1, 2], [1, 100, 10], "o--", label="line")
        axes.axvspan(0.5, 1, facecolor="none", edgecolor="red", hatch="//", alpha=0.5)
        axes.imshow(np.eye(4), extent=(1.5, 2, 20, 60), aspect="auto")
        axes.pcolormesh([0, 0.2, 0.4], [10, 20, 30], np.eye(2))
        axes.set_title("title with $10^{3}$")
        axes.legend()
        expected = io.BytesIO()
        figure.savefig(expected, format="png")
        png, pdf = draw_both(figure)
    assert np.array_equal(
        np.array(Image.open(io.BytesIO(png))), np.array(Image.open(expected).convert("RGB"))
    )
    assert pdf.startswith(b"%PDF")
    assert b"Date" not in pdf


def test_page_is_in_points_from_below() -> None:
    figure = Figure(figsize=(2, 1), dpi=144)
    axes = figure.add_axes((0.5, 0.5, 0.25, 0.25))
    axes.add_patch(Rectangle((0.5, 0.5), 5, 5, gid="clipped"))
    figure.text(0.25, 0.75, "A")
    page = content(draw_both(figure)[1])
    # 144 by 72 points: the patch from (90, 45), clipped by the axes; the text at (36, 54).
    assert re.search(r"\b90 45 m\b", page)
    assert re.search(r"\b72 36 36 18 re\s+W\b", page)
    assert re.search(r"\b36 54 cm\b", page)


def test_ticks_inside_the_axes_are_written_and_marked_once() -> None:
    with style():
        figure = Figure()
        upper, lower = (figure.add_axes((0.2, y, 0.7, 0.3)) for y in (0.6, 0.2))
        for axes in (upper, lower):
            axes.set_xlim(0, 2_500_000)
            axes.set_ylim(1, 200)
            axes.set_yscale("log")
            axes.yaxis.set_major_formatter(powers_of_ten)
        draw_ticks([upper, lower])
    assert [text.get_text() for text in tick_labels(lower, "x")][:3] == ["0", "500000", "1000000"]
    assert tick_labels(upper, "x") == []
    assert [text.get_text() for text in tick_labels(upper, "y")] == ["$10^{0}$", "$10^{1}$", "$10^{2}$"]
    assert list(upper.xaxis.get_majorticklocs()) == []
    marked = {tuple(np.ravel(line.get_ydata())) for line in upper.lines if line.get_marker() in (0, 1)}
    assert (1.0, 10.0, 100.0) in marked


@pytest.mark.parametrize("value", [5.0, 50_000.0])
def test_labels_stand_beside_the_widest_of_the_ticks(value: float) -> None:
    with style():
        figure = Figure(figsize=(4, 3))
        axes = figure.add_axes((0.4, 0.2, 0.5, 0.7))
        axes.set_ylim(0, value)
        axes.set_ylabel("events")
        draw_ticks([axes])
        place_labels(axes)
    label = axes.yaxis.label.get_window_extent()
    assert label.x1 < min(text.get_window_extent().x0 for text in tick_labels(axes, "y"))
    assert label.x1 > min(text.get_window_extent().x0 for text in tick_labels(axes, "y")) - 20
