"""From a stored result to the rows of the table."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from na64.outputs.background.estimate import Settings, estimate
from na64.outputs.background.files import facts_of, of_estimate
from na64.outputs.background.sidebands import BEAM_LINE, TARGET, in_box
from na64.outputs.result.products import Products
from na64.outputs.result.store import read_result, write_numbers
from na64.outputs.result.summary_facts import ClosedFacts, VariationFacts

LAST = "plane_after_hcal_out_of_time"


@pytest.fixture
def products(case: Any, tmp_path: Path) -> Products:
    """The tiny result of data with a plane that has a tail and the edge of a trigger."""
    write_numbers(tmp_path, facts=case.facts, tallies=case.tallies, booking=case.booking, made_by={})
    found = read_result(tmp_path)
    plane = found.histograms[LAST].copy()
    centres = np.arange(150) + 0.5
    plane.view()[...] = 0
    plane.view()[65:, 0] = (6 * np.exp((centres - 65) / 4) * (centres < 84))[65:]
    return replace(found, histograms={**found.histograms, LAST: plane})


def test_every_source_has_a_row(products: Products) -> None:
    found = estimate(products, Settings())
    assert [row.source for row in found.table.rows[:2]] == [BEAM_LINE, TARGET]
    beside, above = found.table.rows[:2]
    assert beside.upper_limit
    assert beside.n is not None
    assert 6 * 4 * np.exp(-5 / 4) < beside.n < 5 * 300
    assert "slopes of any number and a floor" in beside.method
    assert "next to the guard (65 to 68 GeV)" in beside.method
    assert above.upper_limit
    assert above.n == pytest.approx(2.302585 * (1 - np.exp(-0.5)) / (np.exp(-1) - np.exp(-10)), rel=1e-3)
    assert found.table.missing == ("dimuons", "decays of kaons", "decays of pions", "punch-through")
    assert found.simulated is None


def test_only_physics_runs_have_electrons_on_target_that_count(products: Products, tmp_path: Path) -> None:
    rates = tmp_path / "rates.toml"
    rates.write_text(
        '[[source]]\nname = "x"\nproportional_to = "eot"\n'
        '[[source.factor]]\nname = "f"\nvalue = 1e-9\nsource = "test"\n'
    )
    physics, other = products.summary.runs
    assert physics.eot_live
    runs = (physics, replace(other, type="calibration", eot_live=1e12, eot_delivered=1e12))
    changed = replace(products, summary=replace(products.summary, runs=runs))
    assert estimate(changed, Settings(rates)).table.rows[2].n == pytest.approx(1e-9 * physics.eot_live)
    without_live = replace(other, type="physics", eot_delivered=4e9, eot_live=None)
    both = replace(products, summary=replace(products.summary, runs=(physics, without_live)))
    expected = pytest.approx(1e-9 * (physics.eot_live + 4e9))
    assert estimate(both, Settings(rates)).table.rows[2].n == expected
    runs = (replace(physics, type="beam"), other)
    without = replace(products, summary=replace(products.summary, runs=runs))
    assert estimate(without, Settings(rates)).table.rows[2].method == "not known: eot"


def test_runs_of_several_beams_are_not_estimated_together(products: Products) -> None:
    first, second = products.summary.runs
    for change, said in (
        ({"particle": "mu-"}, "electrons on target and muons on target are not added"),
        ({"energy": 150.0}, "the events beside the box of tiny: beams of 100 GeV and 150 GeV are not added"),
    ):
        runs = (first, replace(second, **change))
        mixed = replace(products, summary=replace(products.summary, runs=runs))
        with pytest.raises(ValueError, match=said):
            estimate(mixed, Settings())


def test_the_end_of_the_fits_can_be_stated(products: Products) -> None:
    found = estimate(products, Settings(end=73.5))
    assert found.extrapolations[0].sideband.stop == 73.0


def test_the_begin_of_the_fits_can_be_stated(products: Products) -> None:
    found = estimate(products, Settings(end=77, start=67, hcal_start=4))
    assert [e.sideband.start for e in found.extrapolations] == [67.0, 4.0]
    inside = estimate(products, Settings(end=77, start=50, hcal_start=0.5))
    assert [e.sideband.start for e in inside.extrapolations] == [65.0, 2.0]


def test_a_packaged_set_up_that_hides_more_needs_a_stated_begin(products: Products) -> None:
    boxes = tuple(replace(box, packaged_too=True) for box in products.summary.boxes)
    closed = replace(products, summary=replace(products.summary, boxes=boxes))
    with pytest.raises(ValueError, match="the packaged set-up of period 2023A hides events beyond"):
        estimate(closed, Settings(end=77, start=67))
    assert estimate(closed, Settings(end=77, start=67, hcal_start=4)).extrapolations


def test_a_box_of_another_search_in_any_period_needs_a_stated_begin(products: Products) -> None:
    (box,) = products.summary.boxes[:1]
    other = ClosedFacts("alp", "where ecal is between 65 and 80 GeV", (65.0, 80.0), (None, None), True)
    late = replace(box, period="late", others=(other,))
    closed = replace(products, summary=replace(products.summary, boxes=(box, late)))
    with pytest.raises(ValueError, match="the box of search alp, period late, hides events beyond"):
        estimate(closed, Settings())
    assert estimate(closed, Settings(end=77, start=67, hcal_start=4)).extrapolations


def test_variations_that_hide_more_need_a_stated_begin(products: Products) -> None:
    selection = replace(
        products.summary.selection, variations=(VariationFacts("scale", (), moves_plane=True),)
    )
    varied = replace(products, summary=replace(products.summary, selection=selection))
    with pytest.raises(ValueError, match="variation scale hides events beyond the guard band"):
        estimate(varied, Settings(start=70))
    assert estimate(varied, Settings(start=67, hcal_start=3)).table.rows[0].n
    simulation = replace(varied, summary=replace(varied.summary, is_data=False))
    assert estimate(simulation, Settings()).table.rows[0].n


@pytest.mark.parametrize(("n_events", "said"), [(1, "1 event"), (2, "2 events")])
def test_without_an_edge_there_is_a_limit_from_next_to_the_guard(
    n_events: int, said: str, products: Products
) -> None:
    few = products.histograms[LAST].copy()
    few.view()[...] = 0
    few.view()[65, 0] = n_events
    found = estimate(replace(products, histograms={**products.histograms, LAST: few}), Settings())
    row = found.table.rows[0]
    assert row.upper_limit
    if n_events == 2:
        assert row.n == pytest.approx(60 * 5.32232, rel=1e-3)
    assert f"{said} beside the box: the trigger's edge cannot be measured" in row.method
    assert f"slope through the {said} next to the guard" in row.method
    assert found.turn_on is None
    assert len(found.extrapolations) == 2


def test_a_single_slope_can_be_assumed(products: Products) -> None:
    row = estimate(products, Settings(one_slope=True)).table.rows[0]
    assert not row.upper_limit
    assert row.n == pytest.approx(6 * 4 * np.exp(-5 / 4), rel=0.5)


def test_the_file_says_what_the_fits_gave(products: Products) -> None:
    facts = facts_of(products, estimate(products, Settings()))
    beside: dict[str, Any] = facts["sidebands"][0]  # type: ignore[index]
    assert beside["validation"].keys() >= {
        "observed",
        "predicted",
        "low",
        "high",
        "pull",
        "errors_enlarged_by",
    }
    assert beside["in_box"]["median"] < beside["in_box"]["upper_limit_90"]
    assert sum(part["height_at_start"] for part in beside["mixture"]) > 0


def test_boxes_of_two_sizes_are_refused(products: Products) -> None:
    (box,) = products.summary.boxes
    boxes = (box, replace(box, period="2022", ecal=50.0))
    two = replace(products, summary=replace(products.summary, boxes=boxes))
    with pytest.raises(ValueError, match="2023A, 2022 have 2 different signal boxes"):
        estimate(two, Settings())


def test_nobody_looks_into_the_box_of_data(products: Products) -> None:
    with pytest.raises(ValueError, match="nobody looks into the box"):
        in_box(products)


def test_of_simulation_the_box_is_counted(products: Products) -> None:
    plane = products.histograms[LAST].copy()
    plane.view()[59, 0] = 4
    plane.view()[60, 0] = plane.view()[59, 1] = 100
    summary = replace(products.summary, is_data=False)
    simulation = replace(products, summary=summary, histograms={**products.histograms, LAST: plane})
    found = estimate(simulation, Settings())
    assert found.simulated == 4
    assert "simulation: 4 events are in the box" in list(of_estimate(found))
