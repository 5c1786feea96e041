"""Regions that may be shown: those that are provably outside every signal box."""

from __future__ import annotations

import math

import numpy as np
import pytest

from na64.selections.boxes import boxes_beside, default_box, load_boxes
from na64.selections.interval import Interval
from na64.selections.regions import Region
from na64.selections.selection import load_selection
from na64.selections.signal_box import check_outside, not_outside
from na64.tests.selections.example_boxes import TWO_SIDED

DEFAULT = default_box()
JUST_BELOW_1, JUST_BELOW_50 = (float(np.nextafter(np.float32(edge), np.float32(-np.inf))) for edge in (1, 50))


@pytest.mark.parametrize(
    ("feature", "low", "is_outside"),
    [
        ("ecal", 50.0, True),
        ("ecal", JUST_BELOW_50, False),
        ("hcal", 1.0, True),
        ("hcal", JUST_BELOW_1, False),
        ("hcal_0", 1.0, True),
        ("hcal_0", JUST_BELOW_1, False),
        ("hcal_2", 90.0, False),
        ("ecal_total", 90.0, False),
        ("visible_energy", 90.0, False),
    ],
)
def test_a_region_is_outside_only_if_that_is_certain(feature: str, low: float, is_outside: bool) -> None:
    vetoed = Interval("veto_0", -math.inf, 1.0)
    region = Region("region_II", (vetoed, Interval(feature, low, math.inf)), "", "")
    if is_outside:
        check_outside([region], [DEFAULT])
    else:
        with pytest.raises(ValueError, match="region_II is not outside the signal box of period default"):
            check_outside([region], [DEFAULT])


def test_a_region_is_outside_every_box() -> None:
    region = Region("region_II", (Interval("ecal", 55.0, math.inf),), "", "")
    with pytest.raises(ValueError, match="of period 2023A: it needs ecal from 60 GeV"):
        check_outside([region], boxes_beside("invisible"))


@pytest.mark.parametrize(
    ("feature", "low", "high", "is_outside"),
    [
        ("ecal", 75.0, math.inf, True),
        ("ecal", -math.inf, 45.0, True),
        ("ecal", 46.0, 74.0, False),
        ("hcal_0", 1.0, math.inf, True),
        ("hcal_012", 1.0, math.inf, False),
    ],
)
def test_a_region_is_outside_by_either_edge_or_by_what_implies_one(
    feature: str, low: float, high: float, is_outside: bool
) -> None:
    region = Region("region_II", (Interval(feature, low, high),), "", "")
    if is_outside:
        check_outside([region], [TWO_SIDED])
        return
    said = "tests, search band: it needs ecal from 75 GeV or up to 45 GeV or hcal or hcal_0 from 1 GeV"
    with pytest.raises(ValueError, match=said):
        check_outside([region], [TWO_SIDED])


def test_regions_are_kept_apart_from_boxes_below_two_energies_of_periods_of_their_search() -> None:
    """Runs of the visible mode have no box of missing energy, those with axions do; for others all count."""
    found = {search: [*boxes_beside(search)] for search in ("invisible", "alp", "visible", "new")}
    assert found["visible"] == []
    assert {(box.name, box.search) for box in found["alp"]} == {
        (year, "invisible") for year in ("2016", "2018")
    }
    assert {box.name for box in found["invisible"]} >= {"default", "2018", "2022", "2023A"}
    assert all(box.is_rectangle for box in (*found["invisible"], *found["new"]))
    assert found["new"] == found["invisible"]
    kaons = Region("region_K0", (Interval("s4_sum", -math.inf, 2.0**-14),), "", "")
    check_outside([kaons], found["visible"])
    with pytest.raises(ValueError, match="region_K0 is not outside the signal box of period default"):
        check_outside([kaons], found["new"])


@pytest.mark.parametrize("name", ["visible_2017", "visible_2018", "visible_2018_no_w2"])
def test_no_control_region_of_pairs_is_in_their_box(name: str) -> None:
    boxes = [box for period in ("2017V", "2018V") for box in load_boxes()[period]]
    assert not [*not_outside(load_selection(name).regions, boxes)]


def test_no_control_region_of_muons_is_in_their_box() -> None:
    assert not [*not_outside(load_selection("muon_2022").regions, load_boxes()["2022M"])]
