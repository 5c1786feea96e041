from __future__ import annotations

import io

import hist
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from na64.outputs.plane import draw_counts, draw_scale
from na64.outputs.style import COUNTS, images, style


@pytest.fixture
def figure() -> Figure:
    histogram = hist.Hist.new.Reg(2, 0, 2, name="x").Reg(2, 0, 2, name="y").Int64()
    histogram[...] = np.array([[0, 10], [100, 1000]])
    with style():
        figure = Figure(figsize=(4, 4))
        counts = draw_counts(figure.add_axes((0.0, 0.0, 0.5, 1.0)), histogram)
        draw_scale(counts, figure.add_axes((0.6, 0.0, 0.2, 1.0)))
    return figure


def colour(png: bytes, right: float, up: float) -> tuple[int, ...]:
    """Colour at a fraction of width and height."""
    image = Image.open(io.BytesIO(png))
    found = image.getpixel((int(right * image.width), int((1 - up) * (image.height - 1))))
    assert isinstance(found, tuple)
    return found


def test_a_count_has_the_colour_that_the_scale_has_beside_it(figure: Figure) -> None:
    png = dict(images(figure))["png"]
    low, high = figure.axes[1].get_ylim()
    for count, right, up in ((10, 0.125, 0.75), (100, 0.375, 0.25), (1000, 0.375, 0.75)):
        beside = np.log(count / low) / np.log(high / low)
        expected = np.array(COUNTS(beside)[:3]) * 255
        # Off the tick, which is drawn over the colours.
        assert np.abs(np.array(colour(png, right, up)) - expected).max() <= 2
        assert np.abs(np.array(colour(png, 0.7, min(beside, 0.995))) - expected).max() <= 4


def test_no_count_is_white(figure: Figure) -> None:
    assert colour(dict(images(figure))["png"], 0.125, 0.25) == (255, 255, 255)
