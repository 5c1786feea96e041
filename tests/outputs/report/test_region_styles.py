"""Regions are told apart with and without colour."""

from __future__ import annotations

import re

from na64.outputs.report.region_styles import region_styles, region_title
from na64.outputs.result.summary_facts import RegionFacts
from na64.selections.regions import ELSEWHERE, MOST_REGIONS


def test_every_region_differs_in_colour_line_and_marker() -> None:
    names = ["region_K0S", "region_III", *(f"region_r{n}" for n in range(MOST_REGIONS - 2))]
    styles = region_styles([RegionFacts(name, ()) for name in names])
    assert list(styles) == [*names, ELSEWHERE]
    for what in ("colour", "line", "marker"):
        assert len({getattr(style, what) for style in styles.values()}) == MOST_REGIONS + 1
    assert all(re.fullmatch("#[0-9a-f]{6}", style.colour) for style in styles.values())


def test_regions_of_the_contract_look_alike_everywhere_and_a_selection_may_choose() -> None:
    own = RegionFacts("region_own", (), colour="#123456", marker="P")
    styles = region_styles([own, RegionFacts("region_II", ())])
    assert (styles["region_II"].colour, styles["region_II"].line) == ("#b45309", "--")
    assert (styles["region_own"].name, styles["region_own"].colour) == ("own", "#123456")
    assert styles["region_own"].marker == "P"
    assert region_title(RegionFacts("region_I", (), label="I: dimuons")) == "I: dimuons"
    assert region_title(RegionFacts("region_K0S", (), label="kaons")) == "K0S: kaons"
