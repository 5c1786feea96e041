from __future__ import annotations

from dataclasses import replace
from typing import Any

import hist
import numpy as np
import pytest
from matplotlib.figure import Figure

from na64.outputs.report import plots
from na64.outputs.report.figures import drawings as drawings_of
from na64.outputs.report.spectra import Panel, page, window_of
from na64.outputs.report.style import style
from na64.outputs.result.cutflow import cutflow_table, regions_table
from na64.outputs.result.histograms import to_hists
from na64.outputs.result.products import Products, of_all_runs, of_physics_runs
from na64.outputs.result.summary_facts import ClosedFacts, IntervalFacts, RegionFacts, Role
from na64.outputs.result.yields import yields_table

NAMES = ("region_I", "region_II", "region_III")
REGIONS = tuple(RegionFacts(name, ()) for name in NAMES)


@pytest.fixture
def products(case: Any) -> Products:
    return products_of(case)


def products_of(case: Any) -> Products:
    return Products(
        summary=case.facts,
        yields=yields_table(
            case.facts.runs, case.tallies, stage=2, is_data=case.facts.is_data, regions=NAMES
        ),
        cutflow=cutflow_table(case.tallies, case.booking.cuts),
        regions=regions_table(case.tallies, case.booking.cuts, regions=NAMES),
        histograms=to_hists(case.booking, case.tallies[8700].histograms),
        provenance={},
    )


@pytest.fixture(scope="module")
def drawings(make_case: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Figure]:
    return draw(products_of(make_case(tmp_path_factory.mktemp("selection"))))


def draw(products: Products, *names: str) -> dict[str, Figure]:
    """Draw the figures of these names, or all."""
    with style():
        return {d.name: d.make() for d in drawings_of(products) if not names or d.name in names}


def named(figure: Figure, gid: str) -> list[Any]:
    return figure.findobj(lambda artist: artist.get_gid() == gid)


def texts(figure: Figure) -> str:
    found: list[Any] = figure.findobj(lambda artist: hasattr(artist, "get_text"))
    return "\n".join(artist.get_text() for artist in found)


def drawn(figure: Figure) -> list[float]:
    """Points of the uppermost panel."""
    container: Any = figure.axes[0].containers[0]
    return [float(y) for y in container.lines[0].get_ydata()]


def test_every_figure_is_drawn(drawings: Any) -> None:
    assert set(drawings) == {
        "plane_after_visible",
        "plane_after_momentum",
        "plane_after_hcal_out_of_time",
        "cutflow",
        "regions",
        "yields",
        "n_minus_one",
        "timing",
        "spectra",
        "ecal_timing",
    }


def test_every_figure_says_what_the_events_are(drawings: Any) -> None:
    for name, figure in drawings.items():
        assert "data, blind" in texts(figure), name


def test_box_is_hatched_with_its_guard_band(drawings: Any) -> None:
    figure = drawings["plane_after_visible"]
    boxes, guards = named(figure, "box"), named(figure, "guard")
    assert len(boxes) == len(guards) == 2
    for box, guard in zip(boxes, guards, strict=True):
        assert box.get_hatch()
        assert box.get_bbox().bounds == (0, 0, 60, 1)
        assert guard.get_bbox().bounds == (0, 0, 65, 1.5)
        assert guard.get_facecolor() == (1, 1, 1, 1)


def test_boxes_of_other_searches_are_outlined_and_covered_where_they_hide_all(case: Any) -> None:
    whole = ClosedFacts("band", "", (73.0, 92.0), (None, 1.5), covers=True)
    part = ClosedFacts("alp", "", (None, 90.0), (13.0, None), covers=False)
    boxes = tuple(replace(box, others=(whole, part)) for box in case.facts.boxes)
    products = products_of(replace(case, facts=replace(case.facts, boxes=boxes)))
    figure = draw(products)["plane_after_visible"]
    for patch in named(figure, "closed band"):
        assert patch.get_hatch()
        assert patch.get_bbox().bounds == (73, 0, 19, 1.5)
    outlines = named(figure, "closed alp")
    assert len(outlines) == 2
    assert not any(patch.get_hatch() or patch.get_facecolor()[3] for patch in outlines)


def test_box_of_simulation_covers_nothing(case: Any) -> None:
    products = products_of(replace(case, facts=replace(case.facts, is_data=False)))
    figure = next(iter(draw(products).values()))
    for patch in (*named(figure, "box"), *named(figure, "guard")):
        assert patch.get_facecolor()[3] == 0
        assert not patch.get_hatch()
    assert "closed" not in texts(figure)


def test_regions_are_outlined(drawings: Any) -> None:
    figure = drawings["plane_after_momentum"]
    for name in ("region_I", "region_II", "region_III"):
        assert named(figure, name), name


def test_axes_carry_units(drawings: Any) -> None:
    for axes in drawings["n_minus_one"].axes:
        assert axes.get_ylabel() == "events"
        assert axes.get_xlabel().endswith("]")


def test_cut_is_drawn_where_it_is(drawings: Any) -> None:
    lines = named(drawings["n_minus_one"], "cut")
    assert [round(float(line.get_xdata()[0]), 3) for line in lines] == [86.5, 113.5, 90.0, 110.0, 50.0]


def test_whole_numbers_are_cut_between_bins(case: Any) -> None:
    edges = np.linspace(-0.5, 7.5, 9)
    interval = IntervalFacts("straw3_x", "1", "", 1.0, 5.0)
    panel = window_of(Panel("straw", np.ones(8), edges, "hits", intervals=(interval,)))
    lines = named(page([panel], label="data", title=""), "cut")
    assert [float(line.get_xdata()[0]) for line in lines] == [0.5, 5.5]
    assert panel.after is not None
    assert panel.after.tolist() == [0, 1, 1, 1, 1, 1, 0, 0]


def test_unverified_simulation_has_a_watermark(case: Any) -> None:
    facts = replace(case.facts, is_data=False)
    for figure in draw(products_of(replace(case, facts=facts))).values():
        assert [t.get_text() for t in figure.texts].count("unverified simulation") == 1


def test_watermark_is_for_unverified_simulation_only(drawings: Any) -> None:
    for figure in drawings.values():
        assert "unverified" not in texts(figure)


def test_cutflow_bars_are_as_long_as_the_counts(products: Any) -> None:
    figure = plots.cutflow(of_all_runs(products.cutflow), label="data")
    (bars,) = figure.axes[0].containers
    assert [bar.get_x() + bar.get_width() for bar in bars] == [45, 38, 28, 20]


def test_yields_are_per_eot_where_half_of_the_runs_have_it(products: Any) -> None:
    figure = plots.yields_by_run(products.yields, regions=REGIONS, yields_after="momentum", label="data")
    assert "EOT, 1 left out" in texts(figure)
    # 12 selected in 2.5e9 EOT.
    assert drawn(figure) == pytest.approx([12 / 2.5])


def test_yields_are_per_visible_event_without_eot(products: Any) -> None:
    bare = replace(products.yields, rows=[replace(row, eot=None) for row in products.yields.rows])
    figure = plots.yields_by_run(bare, regions=REGIONS, yields_after="momentum", label="data")
    assert "per 1000 visible events" in texts(figure)
    assert drawn(figure) == pytest.approx([12 / 0.022, 8 / 0.023])


def test_nothing_selected_can_be_drawn(case: Any) -> None:
    empty = {run: replace(t, first_fail=t.first_fail * 0) for run, t in case.tallies.items()}
    for figure in draw(products_of(replace(case, tallies=empty))).values():
        figure.draw_without_rendering()


def test_weighted_simulation_can_be_drawn(weighted_case: Any) -> None:
    names = [drawing.name for drawing in drawings_of(products_of(weighted_case))]
    assert "plane_after_visible" in names


def test_calibration_runs_are_not_tested_for_constancy(products: Products) -> None:
    first, second = products.summary.runs
    summary = replace(products.summary, runs=(replace(first, type="calibration"), second))
    rows = of_physics_runs(replace(products, summary=summary)).rows
    assert [row.run for row in rows] == [second.run]


def summed(case: Any) -> Products:
    """The result with a weight in both histograms of the selection, and sums below and above 0."""
    products = products_of(case)
    facts = tuple(
        replace(one, weight="ecal [GeV]") if one.role is Role.SELECTION else one
        for one in products.summary.histograms
    )
    made = {}
    for name in ("hcal_0", "ecal_timing"):
        axes = products.histograms[name].axes
        made[name] = hist.Hist(*axes, storage=hist.storage.Weight())
        places = ([1.5, 1.5, 2.5, -1.0], [5.0, 5.0, 25.0, 5.0])[: len(axes)]
        made[name].fill(*places, weight=[0.3, 0.4, -2.0, -7.0])
    summary = replace(products.summary, histograms=facts)
    return replace(products, summary=summary, histograms={**products.histograms, **made})


def test_sums_of_weights_have_errors_and_their_own_scale(case: Any) -> None:
    figure = draw(summed(case), "spectra")["spectra"]
    (axes,) = figure.axes
    assert (axes.get_ylabel(), axes.get_yscale()) == ("sum of ecal [GeV]", "linear")
    low, high = axes.get_ylim()
    assert low < -4
    assert 0.7 + 0.5 < high < 5
    bars: Any = axes.containers[0]
    ends = [sorted(segment[:, 1]) for segment in bars.lines[2][0].get_segments()]
    assert ends[1] == pytest.approx([0.7 - 0.5, 0.7 + 0.5])
    assert ends[2] == pytest.approx([-4.0, 0.0])
    assert "\u2190 -7" in texts(figure)
    # Of counts nothing is different.
    assert {one.get_ylabel() for one in draw(products_of(case), "spectra")["spectra"].axes} == {"events"}


def test_a_map_of_sums_shows_what_is_below_zero_and_is_no_energy_in_time(case: Any) -> None:
    figures = draw(summed(case), "ecal_timing", "timing")
    axes, colours = figures["ecal_timing"].axes
    assert colours.get_ylabel() == "sum of ecal [GeV] per bin"
    (mesh,) = axes.collections
    shown: Any = mesh.get_array()
    assert sorted(shown.compressed().tolist()) == pytest.approx([-2.0, 0.7])
    assert mesh.norm.vmin == pytest.approx(-2.0)
    assert "in time" not in texts(figures["timing"])
    assert "in time" in texts(draw(products_of(case), "timing")["timing"])


@pytest.mark.parametrize(
    ("largest", "label"), [(6e3, r"sum of w / $10^{3}$"), (4e-7, r"sum of w / $10^{-9}$"), (12.0, "sum of w")]
)
def test_large_and_small_sums_are_written_in_thousands(largest: float, label: str) -> None:
    sums = np.array([0.0, largest, -largest / 3])
    panel = Panel("a", sums, np.arange(4.0), "x", weight="w", errors=sums * 0)
    figure = page([panel], label="data", title="")
    figure.draw_without_rendering()
    (axes,) = figure.axes
    assert axes.get_ylabel() == label
    numbers = [float(text.get_text()) for text in axes.texts if text.get_text()[-1:].isdigit()]
    assert max(map(abs, numbers)) < 1e3
