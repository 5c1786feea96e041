"""Regions that may be shown: those that are provably outside every signal box."""

from __future__ import annotations

import math

import numpy as np
import pytest

from na64.selections.boxes import boxes_beside, default_box
from na64.selections.interval import Interval
from na64.selections.regions import Region
from na64.selections.signal_box import check_outside
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


def test_a_region_is_kept_apart_from_the_boxes_of_its_search_and_those_beside_them() -> None:
    """Runs of the visible mode have no box of missing energy, those with axions do; for others all count."""
    found = {search: [*boxes_beside(search)] for search in ("invisible", "alp", "visible", "new")}
    of_pairs = {("2017V", "visible"), ("2018V", "visible")}
    assert {(box.name, box.search) for box in found["visible"]} == of_pairs
    assert {(box.name, box.search) for box in found["alp"]} >= {("2018", "alp"), ("2018", "invisible")}
    assert {box.name for box in found["invisible"]} >= {"default", "2018", "2022", "2023A"}
    assert all(box.is_rectangle for box in (*found["invisible"], *found["new"]))
    assert found["new"] == found["invisible"]
    kaons = Region("region_K0", (Interval("s4_sum", -math.inf, 2.0**-14),), "", "")
    check_outside([kaons], found["visible"])
    with pytest.raises(ValueError, match="region_K0 is not outside the signal box of period default"):
        check_outside([kaons], found["new"])
