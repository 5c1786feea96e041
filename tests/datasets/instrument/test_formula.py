from __future__ import annotations

from pathlib import Path

import pytest

from na64.datasets.instrument.features import Feature
from na64.datasets.instrument.formula import parse
from na64.selections.selection import Selection, load_selection


def load_text(folder: Path, *features: tuple[str, str, str], more: str = "") -> Selection:
    text = 'base = "invisible_2023"\nname = "mine"\nlabel = "mine"\n'
    for name, unit, formula in features:
        text += f'[[feature]]\nname = "{name}"\nunit = "{unit}"\nformula = "{formula}"\n'
    path = folder / "mine.toml"
    path.write_text(text + more, encoding="utf-8")
    return load_selection(path)


@pytest.mark.parametrize(
    ("unit", "formula"),
    [
        ("GeV", "100 - ecal - hcal"),
        ("GeV", "beam_energy - ecal"),
        ("GeV", "ecal + 80 * MeV"),
        ("GeV", "hypot(ecal, hcal, 3)"),
        ("GeV", "sqrt(ecal) * hcal**0.5"),
        ("GeV", "ecal**2 / (ecal + hcal)"),
        ("GeV", "min(ecal, hcal, 5)"),
        ("GeV", "where(ecal > hcal and not hcal_muon, ecal, -abs(hcal))"),
        ("1", "ecal / hcal"),
        ("1", "(ecal > 5) + (1 < hcal <= 3)"),
        ("1", "ecal**-2 * hcal**2"),
        ("rad", "atan2(ecal_x, ecal_y) + 3 * mrad"),
        ("mm", "ecal_x - 2 * cell_pitch + 1 * cm"),
        ("ns", "12"),
    ],
)
def test_a_formula_is_in_its_unit(tmp_path: Path, unit: str, formula: str) -> None:
    selection = load_text(tmp_path, ("mine", unit, formula))
    assert selection.extra_features == (Feature("mine", unit, formula),)
    assert selection.index["mine"] == len(selection.index) - 1
    assert selection.identity != load_text(tmp_path, ("mine", unit, f"2 * ({formula})")).identity


@pytest.mark.parametrize(
    ("unit", "formula", "message"),
    [
        ("GeV", "ecal + ecal_x", '"+" of something in GeV and something in mm'),
        ("GeV", "max(ecal, master_time)", '"max" of something in GeV and something in ns'),
        ("1", "ecal > ecal_x", '">" of something in GeV and something in mm'),
        ("GeV", "where(ecal > 1, ecal, ecal_x)", '"where" of something in GeV and something in mm'),
        ("GeV", "where(ecal, ecal, 1)", '"where" of something in GeV: expected a comparison'),
        ("1", "ecal and hcal", '"and" of something in GeV: expected a comparison'),
        ("GeV", "ecal * hcal", 'is in GeV^2, its unit says "GeV"'),
        ("GeV", "ecal / ecal_x", 'is in GeV mm^-1, its unit says "GeV"'),
        ("GeV", "sqrt(ecal)", 'is in GeV^1/2, its unit says "GeV"'),
        ("GeV", "ecal > 3", 'is in 1, its unit says "GeV"'),
        ("MeV", "ecal", '"MeV" is not a base unit, expected "GeV"'),
        ("Gev", "ecal", 'unknown unit "Gev", nearest known is "GeV"'),
        ("GeV", "ecl", 'unknown name "ecl", nearest known is "ecal"'),
        ("GeV", "mime", 'unknown name "mime", nearest known is "mm"'),
        ("GeV", "mn(ecal, hcal)", 'unknown function "mn", nearest known is "min"'),
        ("GeV", "min(ecal)", "min: 1 arguments, expected 2 to 20"),
        ("GeV", "sqrt(ecal, hcal)", "sqrt: 2 arguments, expected 1"),
        ("GeV", "ecal**hcal", 'exponent "hcal": expected 0.5 or a whole number up to 8'),
        ("GeV", "ecal**9", 'exponent "9"'),
        ("GeV", "ecal # + hcal", 'what comes after "#" would not count'),
        ("GeV", "ecal +", "is no formula"),
        ("GeV", "", "is no formula"),
        ("GeV", "ecal.real", '"ecal.real" is not part of a formula'),
        ("GeV", "ecal[0]", '"ecal[0]" is not part of a formula'),
        ("GeV", "(lambda: ecal)()", "is not part of a formula"),
        ("GeV", "ecal if hcal else 1", "is not part of a formula"),
        ("GeV", "[x for x in ecal]", "is not part of a formula"),
        ("GeV", "min(hcal, *ecal)", "is not part of a formula"),
        ("GeV", "min(ecal, key=hcal)", "is not part of a formula"),
        ("GeV", "__import__('os')", 'unknown function "__import__"'),
        ("GeV", "ecal // 2", '"ecal // 2" is not part of a formula'),
        ("GeV", "ecal is hcal", "is not part of a formula"),
        ("GeV", "True", '"True" is not a number'),
        ("GeV", "1j", '"1j" is not a number'),
        ("GeV", "1e999", "is too large a number"),
        ("GeV", "-" * 500 + "ecal", "is nested more than 150 deep"),
        ("GeV", "ecal" + "+ecal" * 300, "letters, not up to 1000"),
        ("GeV", "mine", "made of themselves: mine of mine"),
    ],
)
def test_what_is_no_formula_is_refused(tmp_path: Path, unit: str, formula: str, message: str) -> None:
    with pytest.raises((KeyError, ValueError)) as caught:
        load_text(tmp_path, ("mine", unit, formula))
    assert message in caught.value.args[0]
    assert caught.value.args[0].startswith("mine.toml: feature")


def test_formulas_may_be_made_of_each_other_in_any_order(tmp_path: Path) -> None:
    chain = (("c", "GeV", "b + a"), ("b", "GeV", "2 * a"), ("a", "GeV", "ecal"))
    assert [one.name for one in load_text(tmp_path, *chain).formulas] == ["a", "b", "c"]
    with pytest.raises(ValueError, match=r"feature: made of themselves: [abc] of [abc] of"):
        load_text(tmp_path, *chain[:2], ("a", "GeV", "c"))


@pytest.mark.parametrize("name", ["ecal", "min", "beam_energy", "any", "source", "and", "mm"])
def test_a_name_that_means_something_else_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match=rf'mine\.toml: feature\[0\]\.name: "{name}" (is a|cannot be)'):
        load_text(tmp_path, (name, "GeV", "hcal"))
    with pytest.raises(ValueError, match='"x" is there twice'):
        load_text(tmp_path, ("x", "GeV", "hcal"), ("x", "GeV", "ecal"))


def test_a_formula_stands_where_a_feature_does(tmp_path: Path) -> None:
    more = """
[[append]]
name = "missing"
missing = { above = 40, unit = "GeV" }
any = [{ ratio = { below = 2 } }, { ratio = { above = 5 } }]
[change_region.II]
ratio = { above = 0 }
[[append_histogram]]
name = "missing"
after = "srd"
axes = [{ feature = "missing", bins = 9, low = 0, high = 90, unit = "GeV" }]
"""
    made = (("missing", "GeV", "100 - ecal"), ("ratio", "1", "missing / hcal"))
    selection = load_text(tmp_path, *made, more=more)
    assert selection.cuts[-1].condition.features == ("missing", "ratio")
    assert {"missing", "ratio"} <= set(selection.feature_names)
    assert selection.plugin_features == ()
    with pytest.raises(KeyError, match='unknown feature "missingg", nearest known is "missing"'):
        load_text(tmp_path, *made, more=more.replace("missing = {", "missingg = {"))


def test_a_formula_can_be_set(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    made = '[[feature]]\nname = "missing"\nunit = "GeV"\nformula = "beam_energy - ecal"\n'
    path.write_text(f'base = "invisible_2023"\nname = "own"\nlabel = "x"\n{made}')
    found = load_selection(path, settings=["feature.missing.formula=beam_energy - hcal"])
    assert [formula.text for formula in found.formulas] == ["beam_energy - hcal"]


def test_formulas_of_a_base_are_edited(tmp_path: Path) -> None:
    load_text(tmp_path, ("a", "GeV", "ecal"))
    more = '[[append_feature]]\nname = "b"\nunit = "GeV"\nformula = "2 * hcal"\n'
    assert [one.text for one in load_text(tmp_path, more=more).formulas] == ["2 * hcal"]


def test_spaces_and_parentheses_change_no_step() -> None:
    assert parse("ecal+ (2*hcal)") == parse(" ecal + 2 * hcal ")
    assert parse("1 < ecal < 2") == parse("1 < ecal and ecal < 2")
