"""Boxes as the file of a period states them: read in either form, or refused by place and value."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest

from na64.datasets.conditions.periods import describe, load_period
from na64.datasets.conditions.stated_boxes import StatedBound

PACKAGED = """\
[box]  # nobody looks at data below both energies, or in the guard band around them
ecal = { value = 60, unit = "GeV", source = "[V: 2503.11275 (abs)] missing energy > 40 GeV; [D] 100 - 40" }
hcal = { value = 1, unit = "GeV", source = "[R-hi]" }
"""
BOUND = """
[[box.bound]]
features = ["ecal", "ecal_total"]
between = { values = [45, 75000], unit = "MeV", source = "x" }
guard = { value = 3, unit = "GeV", source = "y" }
"""
SHARE = """
[[box.bound]]
features = ["hcal_r"]
below = { value = 0.06, source = "z" }
guard = { value = 0.01, source = "u" }
implied_by = ["ecal_ratio"]
"""
SHORT = 'ecal = { value = 9, unit = "GeV", source = "a" }\nhcal = { value = 2, unit = "GeV", source = "b" }\n'

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path, edited: Callable[..., Path]) -> Write:
    """A folder with the packaged period whose box is another text."""
    return lambda text: edited("period", "2023A", tmp_path / "p", (PACKAGED, text), to="").parent


def test_both_forms_are_read_and_listed(write: Write) -> None:
    period = load_period(write(f'[[box]]\n{SHORT}[[box]]\nsearch = "alp"\n{BOUND}{SHARE}'), "2023A")
    short, long = period.boxes
    assert (short.search, {edge: one.values for edge, one in short.edges.items()}, short.bounds) == (
        "invisible",
        {"ecal": (9.0,), "hcal": (2.0,)},
        (),
    )
    assert (long.search, dict(long.edges)) == ("alp", {})
    assert long.bounds == (
        StatedBound(("ecal", "ecal_total"), "GeV", 0.045, 75.0, 3.0, (), "between x; guard y"),
        StatedBound(("hcal_r",), "1", -math.inf, 0.06, 0.01, ("ecal_ratio",), "below z; guard u"),
    )
    listed = {name: (value, unit, source) for name, value, unit, source in describe(period)}
    assert listed["box[0].ecal"] == ("9", "GeV", "a")
    assert listed["box[1].search"][0] == "alp"
    assert listed["box[1].bound[0].between"] == ("0.045, 75", "GeV", "x")
    assert listed["box[1].bound[0].features"][0] == "ecal, ecal_total"
    assert listed["box[1].bound[1].implied_by"][0] == "ecal_ratio"


def test_a_table_is_one_box(write: Write) -> None:
    (box,) = load_period(write(f'[box]\nsearch = "alp"\n{BOUND}'), "2023A").boxes
    assert (box.search, len(box.bounds)) == ("alp", 1)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('search = "alp"', 'search = "Alp"', 'box[0].search: "Alp" is not a letter and up to 39'),
        ('search = "alp"', 'search = "alp"\n' + SHORT, "box[0].ecal: the box has bounds, which say it all"),
        ('"ecal", ', '"ecla", ', 'features: unknown feature "ecla", nearest known is "ecal"'),
        ('"ecal", ', '"bad_spill", ', 'features: "bad_spill" does not say where an event is'),
        ('"ecal", ', '"trigger_physics", ', 'features: "trigger_physics" does not say'),
        ('"ecal", ', '"veto_mip_0", ', "features: features in MIP and in GeV"),
        ('["ecal", "ecal_total"]', "[]", "features: no feature"),
        ("between", "betwn", "needs one of below, above, between, and has 0"),
        (
            "guard = { value = 3",
            'above = { value = 3, unit = "GeV", source = "x" }\nguard = { value = 3',
            "and has 2",
        ),
        ("[45, 75000]", "[45]", "between: 1 values for two edges"),
        ("values = [45, 75000]", "value = 45", "between: 1 values for two edges"),
        ('"MeV"', '"ns"', 'between.unit: unit "ns" cannot be converted to "GeV"'),
        (', source = "x"', "", 'between: "source" is missing'),
        ("guard =", "guardd =", 'box[0].bound[0]: "guard" is missing, there is "guardd"'),
        ("guard = { value = 3", "guard = { value = -3", "box[0].bound[0].guard: -3 GeV is below 0"),
        ("[45, 75000]", "[45000, 75]", "bound[0].between: nothing is between 45 and 0.075 GeV"),
        (
            "guard = { value = 3",
            'implied_by = ["hcal_0"]\nguard = { value = 3',
            "implied_by: does not say which of two edges it is about",
        ),
        ("guard = { value = 3", "needed = true\nguard = { value = 3", 'unknown key "needed"'),
    ],
)
def test_a_wrong_box_is_refused(write: Write, old: str, new: str, said: str) -> None:
    text = f'[[box]]\nsearch = "alp"\n{BOUND}'
    assert old in text
    with pytest.raises((KeyError, ValueError)) as caught:
        load_period(write(text.replace(old, new, 1)), "2023A")
    message = str(caught.value.args[0])
    assert message.startswith("2023A.toml: box[0]")
    assert said in message


def test_an_implying_feature_has_the_unit_of_the_bound(write: Write) -> None:
    with pytest.raises(ValueError, match="implied_by: features in 1 and in GeV"):
        load_period(write(f"[[box]]\n{SHARE.replace('ecal_ratio', 'hcal_0')}"), "2023A")


def test_a_formula_of_what_does_not_say_where_an_event_is_is_in_no_bound(write: Write) -> None:
    formulas = """
[[feature]]
name = "good"
unit = "1"
formula = "1 - bad_spill"
[[feature]]
name = "lost"
unit = "GeV"
formula = "where(good > 0, 100 * GeV - ecal, 0)"
"""
    text = f'{formulas}[[box]]\nsearch = "alp"\n{BOUND}'
    assert load_period(write(text), "2023A").closed == {"ecal", "ecal_total"}
    with pytest.raises(
        ValueError, match=r'features: "bad_spill", of which "lost" is made, does not say where'
    ):
        load_period(write(text.replace('"ecal", "ecal_total"', '"ecal", "lost"')), "2023A")
