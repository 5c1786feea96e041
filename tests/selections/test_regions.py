from __future__ import annotations

import math
import tomllib

import pytest

from na64.datasets.basics.toml import TomlTable
from na64.datasets.instrument.features import FEATURES
from na64.selections.interval import Interval, Limits
from na64.selections.regions import REGIONS, Region, check_disjoint, read_regions

GOOD = """
[I]
ecal = { below = 10, unit = "GeV" }
[II]
ecal = { min = 10, max = 20, unit = "GeV" }
label = "the middle"
source = "[V: seed]"
[III]
ecal = { above = 20, unit = "GeV" }
"""


def read(text: str) -> tuple[Region, ...]:
    return read_regions(TomlTable(tomllib.loads(text), "own.toml", "region"), FEATURES)


def test_the_regions_come_in_order() -> None:
    regions = read(GOOD)
    assert tuple(region.name for region in regions) == REGIONS == ("region_I", "region_II", "region_III")
    assert (regions[0].label, regions[0].source) == ("region I", "")
    assert (regions[1].label, regions[1].source) == ("the middle", "[V: seed]")


@pytest.mark.parametrize(
    ("old", "new", "pair"),
    [
        ("below = 10", "max = 10", "region_I and region_II"),
        ("above = 20", "min = 20", "region_II and region_III"),
        ("max = 20, ", "", "region_II and region_III"),
        ("{ below = 10,", "{ above = 30, below = 40,", "region_I and region_III"),
    ],
)
def test_regions_that_touch_are_refused(old: str, new: str, pair: str) -> None:
    with pytest.raises(ValueError, match=f"own.toml: region: {pair} can share events"):
        read(GOOD.replace(old, new))


def test_another_feature_does_not_keep_regions_apart() -> None:
    with pytest.raises(ValueError, match="region_I and region_II can share events"):
        read(GOOD.replace("[I]\necal", "[I]\nhcal"))


def test_one_feature_of_several_is_enough() -> None:
    text = GOOD.replace("[I]", '[I]\nhcal = { max = 1, unit = "GeV" }')
    assert len(read(text.replace("[II]", '[II]\nhcal = { max = 1, unit = "GeV" }'))) == 3


@pytest.mark.parametrize(("low", "is_apart"), [(5.0, False), (5.5, True)])
def test_a_table_reaches_as_high_as_its_highest_value(low: float, is_apart: bool) -> None:
    limits = Limits("hcal", (0.0, 1.0, 2.0), (4.0, 5.0, 3.0))
    tabulated = Region("region_I", (Interval("ecal", -math.inf, math.inf, limits),), "", "")
    above = Region("region_II", (Interval("ecal", low, math.inf),), "", "")
    if is_apart:
        check_disjoint([above, tabulated])
    else:
        with pytest.raises(ValueError, match="region_II and region_I"):
            check_disjoint([above, tabulated])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GOOD.replace("[III]", "[IV]"), '"III" is missing'),
        (GOOD + '[IV]\necal = { below = 1, unit = "GeV" }', 'unknown key "IV", nearest known is "I'),
        (GOOD.replace("[I]\necal", "[I]\necall"), 'own.toml: region.I: unknown feature "ecall"'),
    ],
)
def test_exactly_three_regions_are_read(text: str, message: str) -> None:
    with pytest.raises(KeyError) as caught:
        read(text)
    assert message in caught.value.args[0]
