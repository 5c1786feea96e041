from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from matplotlib.figure import Figure

from na64.outputs.report.column_layout import ColumnLayout, renderer_of
from na64.outputs.report.style import stamp, style

LONG = "a name of a cut that takes a third of the width"


def column(*, n_rows: int, with_bar: bool, with_legend: bool, top: float) -> Figure:
    figure = Figure(figsize=(7.4, 5), layout=ColumnLayout())
    grid = figure.subplots(n_rows, 1, squeeze=False, height_ratios=[3, 1][:n_rows])[:, 0]
    for axes in grid:
        axes.set_ylim(0, top)
        axes.set(xlabel="run", ylabel="events")
    grid[-1].set_yticks([0, top], ["none", LONG])
    grid[-1].set_xticks([0, 1], ["visible", "out of time"], rotation=50, ha="right")
    if with_bar:
        drawn = grid[0].pcolormesh([0, 1], [0, 1], np.ones((1, 1)))
        figure.colorbar(drawn, ax=[*grid], aspect=42).set_label("events per bin")
    if with_legend:
        grid[0].plot([0, 1], [0, 1], label="region")
        figure.legend(loc="outside lower center")
    stamp(grid[0], "simulation\n100 runs", right="by run")
    return figure


@pytest.mark.parametrize("n_rows", [1, 2])
@pytest.mark.parametrize("with_bar", [False, True])
@pytest.mark.parametrize(("with_legend", "top"), [(False, 3.0), (True, 3.0), (False, 4e-7)])
def test_nothing_is_cut_off_or_lies_on_something_else(
    n_rows: int, with_bar: bool, with_legend: bool, top: float
) -> None:
    with style():
        figure = column(n_rows=n_rows, with_bar=with_bar, with_legend=with_legend, top=top)
        ColumnLayout().execute(figure)
        renderer = renderer_of(figure)
        boxes = [axes.get_tightbbox(renderer) for axes in figure.axes]
        boxes += [legend.get_window_extent(renderer) for legend in figure.legends]
    page = figure.bbox
    assert len(boxes) == n_rows + with_bar + with_legend
    for box in boxes:
        assert box is not None
        assert page.x0 <= box.x0 < box.x1 <= page.x1
        assert page.y0 <= box.y0 < box.y1 <= page.y1
    assert not [one for one, other in combinations(boxes, 2) if one.overlaps(other)]  # type: ignore[union-attr,arg-type]
    rows = [axes.get_position() for axes in figure.axes[:n_rows]]
    assert [row.height / rows[0].height for row in rows] == pytest.approx([1, 1 / 3][:n_rows])
    assert rows[0].width > 0.4
