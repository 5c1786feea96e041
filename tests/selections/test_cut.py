from __future__ import annotations

import math
import tomllib

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from na64.datasets.basics.toml import TomlTable
from na64.datasets.instrument.features import FEATURES
from na64.selections.cut import Cut, check_periods, read_cut
from na64.selections.interval import Interval, Limits

F32 = np.float32
numbers = st.floats(-1e6, 1e6, allow_subnormal=False)
values = st.floats(width=32)


def read(text: str) -> Cut:
    table = TomlTable(tomllib.loads(f'name = "a"\n{text}'), "own.toml")
    cut = read_cut(table, FEATURES)
    table.done()
    return cut


def bounds(condition: str) -> tuple[float, float]:
    (interval,) = read(condition).intervals
    return interval.low, interval.high


def is_inside(interval: Interval, value: np.float32) -> bool:
    return bool(F32(interval.low) <= value <= F32(interval.high))


@given(
    bound=numbers,
    value=values,
    key=st.sampled_from(["above", "min", "below", "max"]),
    near=st.integers(-2, 2),
)
@example(bound=0.0, value=-0.0, key="above", near=0)
@example(bound=0.0, value=-0.0, key="min", near=0)
@example(bound=80.0, value=math.nan, key="below", near=0)
@example(bound=80.0, value=math.inf, key="above", near=0)
@example(bound=80.0, value=-math.inf, key="max", near=0)
def test_a_bound_means_what_it_says_of_every_float32(bound: float, value: float, key: str, near: int) -> None:
    (interval,) = read(f'ecal = {{ {key} = {bound!r}, unit = "MeV" }}').intervals
    edge = F32(bound / 1000)
    neighbour = edge
    for _ in range(abs(near)):
        neighbour = np.nextafter(neighbour, F32(math.copysign(math.inf, near)))
    for x in (F32(value), neighbour):
        expected = {"above": x > edge, "min": x >= edge, "below": x < edge, "max": x <= edge}[key]
        assert is_inside(interval, x) == bool(expected)


def test_the_unit_is_converted_before_rounding() -> None:
    assert bounds('srd_0 = { min = 7.6, max = 80, unit = "MeV" }') == (float(F32(0.0076)), float(F32(0.08)))
    assert bounds('track_angle = { min = -3, unit = "mrad" }') == (float(F32(-0.003)), math.inf)
    assert bounds('ecal = { max = 0.05, unit = "TeV" }') == (-math.inf, 50.0)


def test_strict_bounds_become_the_next_float32_inside() -> None:
    low, high = bounds('hcal_0 = { above = 4, below = 8, unit = "GeV" }')
    assert low == float(np.nextafter(F32(4), F32(5))) > 4
    assert high == float(np.nextafter(F32(8), F32(7))) < 8


def test_equals_is_one_value() -> None:
    assert bounds("hcal_muon = { equals = 0 }") == (0.0, 0.0)


def test_a_table_has_a_value_between_edges_and_one_beyond() -> None:
    text = 'of = "ecal", edges_unit = "MeV", edges = [0, 5000, 10000], max = [2.5, 3.5], beyond = 4'
    (interval,) = read(f"shower_chi2 = {{ {text} }}").intervals
    assert interval.limits == Limits("ecal", (0.0, 5.0, 10.0), (2.5, 3.5, 4.0))
    assert (interval.low, interval.high) == (-math.inf, math.inf)
    assert interval.features == ("shower_chi2", "ecal")


def test_without_beyond_the_last_value_holds_and_below_is_strict() -> None:
    text = 'ecal = { unit = "MeV", of = "shower_chi2", edges = [0, 1, 2], below = [100, 200] }'
    (interval,) = read(text).intervals
    expected = [np.nextafter(F32(value), F32(0)) for value in (0.1, 0.2, 0.2)]
    assert interval.limits == Limits("shower_chi2", (0.0, 1.0, 2.0), tuple(map(float, expected)))


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        ('srd_0 = { above = 1, below = 80, unit = "MeV" }', "1 < srd_0 < 80 MeV"),
        ("straw3_x = { min = 1, max = 5 }", "1 <= straw3_x <= 5"),
        ("track_pvalue = { above = 0.01 }", "track_pvalue > 0.01"),
        ('preshower = { min = 0.5, unit = "GeV" }', "preshower >= 0.5 GeV"),
        ('vhcal = { max = 1.5, unit = "GeV" }', "vhcal <= 1.5 GeV"),
        ("hcal_muon = { equals = 0 }", "hcal_muon = 0"),
        (
            'ecal = { of = "hcal_r", edges = [0, 1, 2], below = [3, 2], beyond = 7, unit = "GeV" }',
            "ecal < 2 to 7 GeV, by hcal_r",
        ),
    ],
)
def test_a_condition_is_shown_as_it_was_written(condition: str, text: str) -> None:
    assert read(condition).intervals[0].text == text


def test_label_and_source_are_optional() -> None:
    assert read("hcal_muon = { equals = 0 }") == Cut(
        "a", (Interval("hcal_muon", 0, 0, None, "hcal_muon = 0"),), "a", ""
    )
    cut = read('hcal_muon = { equals = 0 }\nlabel = "no muon"\nsource = "[V: EJ]"')
    assert (cut.label, cut.source) == ("no muon", "[V: EJ]")


@pytest.mark.parametrize(
    ("source", "unverified"),
    [
        ("[V: EJ]", False),
        ("[D: RC]", False),
        ("[V: seed] rule, [R-lo] value", True),
        ("value NOT FOUND", True),
    ],
)
def test_recollection_and_choices_are_unverified(source: str, unverified: bool) -> None:
    assert read(f'hcal_muon = {{ equals = 0 }}\nsource = "{source}"').is_unverified is unverified


@pytest.mark.parametrize(
    ("condition", "kind", "message"),
    [
        (
            'ecla = { below = 1, unit = "GeV" }',
            KeyError,
            'own.toml: unknown feature "ecla", nearest known is "ecal"',
        ),
        (
            'ecal = { beloww = 1, unit = "GeV" }',
            KeyError,
            'ecal: unknown key "beloww", nearest known is "below"',
        ),
        (
            'ecal = { below = 1, unit = "GeV", abovee = 0 }',
            KeyError,
            'unknown key "abovee", nearest known is "above"',
        ),
        (
            'ecal = { below = 1, unit = "Gev" }',
            KeyError,
            'ecal.unit: unknown unit "Gev", nearest known is "GeV"',
        ),
        ('ecal = { below = 1, unit = "mm" }', ValueError, "own.toml: ecal.unit: "),
        ("ecal = { below = 1 }", KeyError, 'own.toml: ecal: "unit" is missing'),
        ('hcal_r = { below = 1, unit = "GeV" }', ValueError, "own.toml: hcal_r.unit: "),
        ('ecal = { unit = "GeV" }', ValueError, "ecal: has none of above, min, below, max, equals"),
        ('ecal = { below = 1, max = 1, unit = "GeV" }', ValueError, "ecal: has both below and max"),
        ('ecal = { above = 1, min = 1, unit = "GeV" }', ValueError, "ecal: has both above and min"),
        ('ecal = { equals = 1, max = 2, unit = "GeV" }', KeyError, 'unknown key "max"'),
        (
            'ecal = { above = 1, below = 1, unit = "GeV" }',
            ValueError,
            "ecal: no value is in 1 < ecal < 1 GeV",
        ),
        ('ecal = { min = 2, max = 1, unit = "GeV" }', ValueError, "ecal: no value is in 2 <= ecal <= 1 GeV"),
        ('ecal = { max = 1e36, unit = "TeV" }', ValueError, "ecal: 1e+36 TeV does not fit into float32"),
        ('ecal = { max = "1", unit = "GeV" }', ValueError, "own.toml: ecal.max: '1' is not a finite number"),
        ('ecal = { max = inf, unit = "GeV" }', ValueError, "own.toml: ecal.max: inf is not a finite number"),
        ("ecal = 50", ValueError, "own.toml: ecal: 50 is not a table"),
        ("", ValueError, "own.toml: bounds no feature"),
        ('hcal_r = { of = "eca", edges = [0, 1], below = [1] }', KeyError, 'unknown feature "eca"'),
        ('hcal_r = { of = "ecal", edges = [0, 1], below = [1] }', KeyError, '"edges_unit" is missing'),
        (
            'hcal_r = { of = "hcal_muon", edges = [0, 1] }',
            ValueError,
            "has a list for none of above, min, below, max",
        ),
        ('hcal_r = { of = "hcal_muon", edges = [0, 1], beloww = [1] }', KeyError, 'unknown key "beloww"'),
        (
            'hcal_r = { of = "hcal_muon", edges = [0, 1], max = [1, 2] }',
            ValueError,
            "2 values do not go between 2 edges",
        ),
        (
            'hcal_r = { of = "hcal_muon", edges = [0, 0], max = [1] }',
            ValueError,
            "edges in hcal_muon do not rise",
        ),
        ('hcal_r = { of = "hcal_muon", edges = [0, 1e-60], max = [1] }', ValueError, "do not rise"),
        (
            'hcal_r = { of = "hcal_muon", edges = [0, 1], max = [1], above = 0, equals = 1 }',
            KeyError,
            'unknown key "equals"',
        ),
    ],
)
def test_what_cannot_be_is_refused_with_its_place(
    condition: str, kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind) as caught:
        read(condition)
    assert message in caught.value.args[0]


@pytest.mark.parametrize("name", ["", "Veto", "2nd", "a b", "a/b", "a" * 41, "é", "_a"])
def test_a_name_is_safe_in_a_file_name(name: str) -> None:
    with pytest.raises(ValueError, match=r"own\.toml: name: "):
        read_cut(TomlTable({"name": name, "hcal_muon": {"equals": 0}}, "own.toml"), FEATURES)


@pytest.mark.parametrize("bound", [0.1, math.nan])
def test_an_interval_takes_float32_only(bound: float) -> None:
    with pytest.raises(ValueError, match="is not a float32"):
        Interval("ecal", -math.inf, bound)


def test_an_interval_has_a_table_or_an_upper_bound() -> None:
    with pytest.raises(ValueError, match="both a table and an upper bound"):
        Interval("ecal", 0.0, 1.0, Limits("hcal", (0.0,), (1.0,)))


@pytest.mark.parametrize(("edges", "highs"), [((), ()), ((0.0, 1.0), (1.0,))])
def test_limits_have_one_value_a_bin(edges: tuple[float, ...], highs: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="values for"):
        Limits("ecal", edges, highs)


def test_lower_bounds_are_tables_too() -> None:
    text = 'of = "ecal", edges_unit = "GeV", edges = [0, 5, 9], above = [1, 2], max = 9, beyond = 3'
    (interval,) = read(f"shower_chi2 = {{ {text} }}").intervals
    expected = tuple(float(np.nextafter(F32(value), F32(99))) for value in (1, 2, 3))
    assert interval.lowest == Limits("ecal", (0.0, 5.0, 9.0), expected)
    assert (interval.low, interval.high, interval.limits) == (-math.inf, 9.0, None)
    assert interval.text == "1 to 3 < shower_chi2 <= 9, by ecal"
    text = 'of = "ecal", edges_unit = "GeV", edges = [0, 5], min = [1], max = [4], beyond = [2, 3]'
    (both,) = read(f"shower_chi2 = {{ {text} }}").intervals
    assert both.lowest == Limits("ecal", (0.0, 5.0), (1.0, 2.0))
    assert both.limits == Limits("ecal", (0.0, 5.0), (4.0, 3.0))
    assert both.bounds == (4.0, 3.0, 1.0, 2.0)


def test_alternatives_and_what_must_not_hold_are_shown_as_they_were_written() -> None:
    text = """
hcal = { below = 9, unit = "GeV" }
any = [
  { hcal_0 = { above = 4, unit = "GeV" }, hcal_1 = { above = 4, unit = "GeV" } },
  { hcal_2 = { above = 8, unit = "GeV" }, not = { hcal_muon = { equals = 1 } } },
]
not = { veto_0 = { above = 7, unit = "MeV" } }
"""
    cut = read(text)
    either, never = cut.clauses
    assert either.text == "(hcal_0 > 4 GeV and hcal_1 > 4 GeV) or (hcal_2 > 8 GeV and not (hcal_muon = 1))"
    assert [len(group) for group in either.alternatives] == [2, 2, 2]
    assert never.text == "not (veto_0 > 7 MeV)"
    assert [one.high for group in never.alternatives for one in group] == [float(F32(0.007))]
    assert cut.condition.features == ("hcal", "hcal_0", "hcal_1", "hcal_2", "hcal_muon", "veto_0")


@pytest.mark.parametrize(
    "text",
    [
        "ecal_ratio = { min = 1, max = 2 }",
        "ecal_ratio = { above = 1 }",
        'ecal_ratio = { of = "hcal_r", edges = [0, 1, 2], min = [0, 1], below = [3, 2], beyond = [1, 1.5] }',
    ],
)
def test_every_number_is_inside_an_interval_or_outside(text: str) -> None:
    (interval,) = read(text).intervals
    numbers = [F32(x) for x in (-1, 0, 1, 1.5, 2, 3)]
    for value in [np.nextafter(x, F32(s)) for x in numbers for s in (-9, x, 9)]:
        for of in numbers:
            outside = [holds(piece, value, of) for piece in interval.outside()]
            assert any(outside) != holds(interval, value, of)
            assert not any(holds(piece, F32(np.nan), of) for piece in interval.outside())


def holds(interval: Interval, value: np.float32, of: np.float32) -> bool:
    def bound(table: Limits | None, fixed: float) -> float:
        if table is None:
            return fixed
        return table.values[max(int(np.searchsorted(table.edges, of, "right")) - 1, 0)]

    return bool(bound(interval.lowest, interval.low) <= value <= bound(interval.limits, interval.high))


WHEN = """
ecal = { below = 60, unit = "GeV" }
hcal = { below = 9, unit = "GeV" }
[when."4310-5261,6000"]
ecal = { below = 70, unit = "GeV" }
[when.2023A]
srd_0 = { above = 1, unit = "MeV" }
"""


def test_bounds_of_a_run_replace_those_of_the_same_feature() -> None:
    cut = read(WHEN)
    texts = [list(condition.texts()) for condition in cut.conditions]
    assert texts == [
        ["ecal < 60 GeV", "hcal < 9 GeV"],
        ["ecal < 70 GeV", "hcal < 9 GeV"],
        ["ecal < 60 GeV", "hcal < 9 GeV", "srd_0 > 1 MeV"],
    ]
    asked = [(4309, "2018"), (4310, "2018"), (5261, "x"), (5262, "x"), (6000, "x"), (8701, "2023A")]
    assert [cut.which(*one) for one in asked] == [0, 1, 1, 0, 1, 2]
    with pytest.raises(ValueError, match=r'cut a: both "4310-5261,6000" and "2023A" are about run 6000'):
        cut.which(6000, "2023A")


def test_a_run_without_bounds_is_refused() -> None:
    cut = read('[when."1-5"]\necal = { below = 70, unit = "GeV" }')
    assert cut.which(5, "2023A") == 1
    with pytest.raises(ValueError, match="cut a: has no bounds for run 6 of period 2023A"):
        cut.which(6, "2023A")
    check_periods((read(WHEN),), ("2023A",))
    with pytest.raises(KeyError, match='cut a: when: unknown period "2023A", nearest known is "2023B"'):
        check_periods((read(WHEN),), ("2023B", "2018"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("any = []", "any: has no alternative"),
        ("any = [{}]", "any[0]: bounds no feature"),
        ("not = {}", "not: bounds no feature"),
        ("any = [{ any = [] }]", 'any[0]: unknown feature "any"'),
        ("any = [{ hcal_mun = { equals = 1 } }]", 'any[0]: unknown feature "hcal_mun", nearest'),
        ('[when."5-3"]\nhcal_muon = { equals = 1 }', 'when.5-3: "5-3" is not ascending'),
        ('[when."5-"]\nhcal_muon = { equals = 1 }', 'when.5-: "5-" is not a list of ranges'),
        ("[when.2018]\nhcal_muon = { equals = 1 }", 'a run is written "2018-2018", a period "period 2018"'),
        ('[when."1-5"]\n', "when.1-5: bounds no feature"),
        (
            '[when."1-5"]\nhcal_muon = { equals = 1 }\n[when."5-9"]\nhcal_muon = { equals = 1 }',
            'when: "1-5" and "5-9" share runs',
        ),
    ],
)
def test_a_clause_that_cannot_be_is_refused(text: str, message: str) -> None:
    with pytest.raises((KeyError, ValueError)) as caught:
        read(text)
    assert message in caught.value.args[0]
