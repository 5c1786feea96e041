"""Planes of any two features, with the regions that have bounds there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import hist
import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from na64.outputs.report.plane import plane
from na64.outputs.report.style import style
from na64.outputs.result.summary_facts import (
    BoxFacts,
    ClosedEdges,
    ClosedFacts,
    IntervalFacts,
    PlaneFacts,
    RegionFacts,
)

BOX = BoxFacts("2023A", 60.0, 1.0, 5.0, 0.5, "", (0, 1))


def region(name: str, **bounds: tuple[float | None, float | None]) -> RegionFacts:
    intervals = (IntervalFacts(feature, "GeV", "", low, high) for feature, (low, high) in bounds.items())
    return RegionFacts(f"region_{name}", tuple(intervals), label=name)


REGIONS = (
    region("I", hcal_0=(4, 8), hcal_1=(4, 8)),
    region("flat", hcal_0=(10, 20), hcal_1=(0.1, 0.4)),
    region("diagonal", visible_energy=(75, 110)),
    region("beyond", hcal_0=(500, None)),
)


def draw(
    x: str,
    *,
    zoom: float | None,
    others: tuple[ClosedFacts, ...] = (),
    closed: bool = True,
    regions: tuple[RegionFacts, ...] = REGIONS,
) -> Figure:
    first = hist.axis.Variable(np.geomspace(0.1, 100, 9), name=x)
    first.__dict__["scale"] = "log"
    histogram: hist.Hist[Any] = hist.Hist(first, hist.axis.Variable([0, 1, 2, 8, 50], name="hcal_1"))
    histogram.fill([1.0, 5.0, 50.0], [0.5, 6.0, 30.0])
    facts = PlaneFacts("modules", "two modules", zoom)
    with style():
        return plane(
            histogram,
            facts,
            boxes=(replace(BOX, others=others),),
            closed=closed,
            regions=regions,
            label="data",
            title="after a cut",
        )


def test_regions_are_outlined_where_they_have_bounds_and_named_where_there_is_room() -> None:
    figure = draw("hcal_0", zoom=4.0)
    whole, low = figure.axes[:2]
    assert {patch.get_gid() for patch in whole.patches} == {"region_I", "region_flat"}
    assert (whole.get_xscale(), whole.get_yscale()) == ("log", "linear")
    assert low.get_ylim() == (0.0, 4.0)
    assert [text.get_text() for text in whole.texts] == ["I"]
    assert [text.get_text() for text in low.texts] == ["flat"]


def test_names_of_regions_stay_inside_the_plane_and_off_each_other() -> None:
    upper = {"hcal_1": (20.0, None)}
    regions = tuple(region(name, hcal_0=(None, 0.2), **upper) for name in ("crossing", "neutral", "radiated"))
    figure = draw("hcal_0", zoom=None, regions=(*regions, region("muon", hcal_0=(70.0, None), **upper)))
    figure.draw_without_rendering()
    inside = figure.axes[0].get_window_extent()
    names = [text.get_window_extent() for text in figure.axes[0].texts]
    assert len(names) == 4
    assert all(inside.x0 < name.x0 and name.x1 < inside.x1 for name in names)
    assert not any(a.overlaps(b) for n, a in enumerate(names) for b in names[:n])
    assert len({text.get_fontsize() for text in figure.axes[0].texts}) == 1


def test_a_plane_of_other_features_has_neither_box_nor_a_second_panel_it_did_not_ask_for() -> None:
    figure = draw("srd_sum", zoom=None)
    assert len(figure.axes) == 2  # with that of the colours
    assert {patch.get_gid() for patch in figure.axes[0].patches} == {"region_I", "region_flat"}
    assert not any("signal box" in text.get_text() for text in figure.findobj(Text))


def closed_box(search: str, *edges: tuple[str, float | None, float | None]) -> ClosedFacts:
    listed = tuple(ClosedEdges(*one) for one in edges)
    return ClosedFacts(search, "", (None, None), (None, None), covers=False, edges=listed)


def test_closed_boxes_are_outlined_in_any_plane_that_their_bounds_are_on() -> None:
    others = (
        closed_box("whole", ("srd_sum", 1.0, 10.0), ("hcal_1", None, 8.0)),
        closed_box("part", ("hcal_1", 2.0, None), ("ecal", 50.0, None)),
        closed_box("elsewhere", ("ecal", 50.0, None)),
    )
    axes = draw("srd_sum", zoom=None, others=others).axes[0]
    found = {patch.get_gid(): patch for patch in axes.patches if str(patch.get_gid()).startswith("closed")}
    assert {*found} == {"closed whole", "closed part"}
    assert found["closed whole"].get_extents().transformed(axes.transData.inverted()).y1 == pytest.approx(8)
    assert found["closed part"].get_extents().transformed(axes.transData.inverted()).y0 == pytest.approx(2)
    assert [bool(patch.get_hatch()) for patch in found.values()] == [True, False]
    simulated = draw("srd_sum", zoom=None, others=others, closed=False).axes[0]
    assert not any(patch.get_hatch() for patch in simulated.patches)
