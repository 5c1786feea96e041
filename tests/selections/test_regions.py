from __future__ import annotations

import math
import tomllib

import pytest

from na64.datasets.basics.toml import TomlTable
from na64.datasets.instrument.features import FEATURES
from na64.selections.interval import Interval, Limits
from na64.selections.regions import (
    MOST_REGIONS,
    Region,
    check_disjoint,
    read_regions,
    region_columns,
    short_name,
)

GOOD = """
[region.I]
ecal = { below = 10, unit = "GeV" }
[region.II]
ecal = { min = 10, max = 20, unit = "GeV" }
label = "the middle"
source = "[V: seed]"
[region.III]
ecal = { above = 20, unit = "GeV" }
"""


def read(text: str) -> tuple[Region, ...]:
    table = TomlTable(tomllib.loads(text), "own.toml")
    regions = read_regions(table, FEATURES)
    table.done()
    return regions


def bands(*names: str) -> str:
    """Regions side by side, each 1 GeV wide."""
    return "".join(
        f'[[region]]\nname = "{name}"\necal = {{ min = {2 * n}, max = {2 * n + 1}, unit = "GeV" }}\n'
        for n, name in enumerate(names)
    )


def test_tables_come_in_the_order_of_the_contract() -> None:
    regions = read(GOOD)
    assert tuple(region.name for region in regions) == ("region_I", "region_II", "region_III")
    assert (regions[0].label, regions[0].source) == ("region I", "")
    assert (regions[1].label, regions[1].source) == ("the middle", "[V: seed]")
    other = GOOD.replace("region.I]", "region.X]").replace("region.III]", "region.I]")
    assert tuple(region.name for region in read(other)) == ("region_I", "region_II", "region_X")


def test_a_list_comes_in_its_own_order_with_looks() -> None:
    text = bands("K0S", "I", "two_pions") + 'label = "pions"\ncolour = "#0b5394"\nmarker = "D"\n'
    regions = read(text)
    assert tuple(region.name for region in regions) == ("region_K0S", "region_I", "region_two_pions")
    assert [short_name(region.name) for region in regions] == ["K0S", "I", "two_pions"]
    assert (regions[0].colour, regions[0].marker, regions[0].label) == ("", "", "region K0S")
    assert (regions[2].colour, regions[2].marker, regions[2].label) == ("#0b5394", "D", "pions")


def test_no_region_is_allowed_and_keeps_the_columns_of_the_contract() -> None:
    assert read("") == read("[region]") == read("region = []") == ()
    assert region_columns(()) == ("region_I", "region_II", "region_III")
    assert region_columns(("region_K0S",)) == ("region_K0S",)


def test_so_many_regions_and_no_more() -> None:
    names = [f"r{n}" for n in range(MOST_REGIONS + 1)]
    assert len(read(bands(*names[:-1]))) == 12
    with pytest.raises(ValueError, match=r"own\.toml: region: 13 regions, at most 12"):
        read(bands(*names))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (bands("a", "a"), 'own.toml: region: "a" is there twice'),
        (bands("K0", "k0"), 'region: "K0" and "k0" are alike'),
        (bands("elsewhere"), 'region: no region can be called "elsewhere"'),
        (bands("I_sumw2"), 'region: no region can be called "I_sumw2"'),
        (bands("a-b"), 'region: "a-b" is not a letter and up to 39 letters, digits and underscores'),
        (bands("I", "II") + 'colour = "blue"', 'region[1].colour: "blue" is not a colour like "#b45309"'),
        (bands("I") + 'marker = "?"', 'region[0].marker: "?" is none of o s ^'),
        (GOOD + 'name = "IV"', 'region.III.name: the region is called "III"'),
        ('[[region]]\nname = "I"', "region[0]: bounds no feature"),
    ],
)
def test_a_region_that_cannot_be_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (the text is looked at below)
        read(text)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            GOOD.replace("[region.I]\necal", "[region.I]\necall"),
            'region.I: unknown feature "ecall"',
        ),
        (GOOD + 'color = "#117733"', 'region.III: unknown feature "color", nearest known is "colour"'),
        (GOOD + "when.2023A = {}", 'own.toml: region.III: unknown key "when"'),
        ('[[region]]\necal = { below = 1, unit = "GeV" }', 'own.toml: region[0]: "name" is missing'),
    ],
)
def test_an_unknown_key_of_a_region_is_refused(text: str, message: str) -> None:
    with pytest.raises(KeyError) as caught:
        read(text)
    assert message in caught.value.args[0]


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
    with pytest.raises(
        ValueError, match="region_I and region_II can share events: there is no feature whose bounds"
    ):
        read(GOOD.replace("[region.I]\necal", "[region.I]\nhcal"))


def test_one_feature_of_several_is_enough() -> None:
    text = GOOD.replace("[region.I]", '[region.I]\nhcal = { max = 1, unit = "GeV" }')
    assert len(read(text.replace("[region.II]", '[region.II]\nhcal = { max = 1, unit = "GeV" }'))) == 3


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
