from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from na64.selections.selection import Selection, load_selection

HEAD = 'base = "invisible_2023"\nname = "mine"\nlabel = "mine"\n'
BASE = load_selection("invisible_2023")
NEW = '[[append]]\nname = "{}"\necal = {{ above = 60, unit = "GeV" }}\n{}\n'


def load_text(folder: Path, text: str) -> Selection:
    path = folder / "mine.toml"
    path.write_text(HEAD + text, encoding="utf-8")
    return load_selection(path)


def bounds(selection: Selection, cut: str) -> list[str]:
    (found,) = (one for one in selection.cuts if one.name == cut)
    return [interval.text for interval in found.intervals]


def test_a_changed_cut_stays_where_it_is_and_keeps_its_other_bounds(tmp_path: Path) -> None:
    mine = load_text(tmp_path, '[change.srd]\nsrd_1 = { below = 70, unit = "MeV" }\n')
    assert mine.cut_names == BASE.cut_names
    assert bounds(mine, "srd") == ["1 < srd_0 < 80 MeV", "srd_1 < 70 MeV", "1 < srd_2 < 80 MeV"]
    others = [(a, b) for a, b in zip(mine.cuts, BASE.cuts, strict=True) if a.name != "srd"]
    assert all(a == b for a, b in others)
    assert replace(mine, cuts=BASE.cuts, name=BASE.name, label=BASE.label) == BASE


def test_a_change_without_a_source_is_not_that_of_the_base(tmp_path: Path) -> None:
    silent = load_text(tmp_path, '[change.vhcal]\nvhcal_total = { below = 3, unit = "GeV" }\n').cuts[8]
    assert silent.source == "NOT FOUND: changed from invisible_2023; before: [V: EJ]"
    assert silent.is_unverified
    text = '[change.vhcal]\nsource = "[V: EJ] mail"\nvhcal_total = { below = 3, unit = "GeV" }\n'
    assert load_text(tmp_path, text).cuts[8].source == "[V: EJ] mail"
    assert load_text(tmp_path, '[change.vhcal]\nlabel = "VHCAL"\n').cuts[8].source == BASE.cuts[8].source


def test_a_change_removes_bounds_and_adds_others_at_the_end(tmp_path: Path) -> None:
    text = '[change.ecal_energy]\nremove = ["ecal_total"]\necal = { below = 90, unit = "GeV" }\n'
    found = bounds(load_text(tmp_path, text), "ecal_energy")
    assert found == ["ecal_out_of_time < 30 GeV", "preshower_total > 0.7 GeV", "ecal < 90 GeV"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('remove = ["veto"]\n', [n for n in BASE.cut_names if n != "veto"]),
        (NEW.format("a", "") + NEW.format("b", ""), [*BASE.cut_names, "a", "b"]),
        (NEW.format("a", 'before = "trigger"'), ["a", *BASE.cut_names]),
        (NEW.format("a", 'after = "hcal_muon"'), [*BASE.cut_names, "a"]),
        (NEW.format("a", 'after = "trigger"'), ["trigger", "a", *BASE.cut_names[1:]]),
        (
            NEW.format("a", 'after = "trigger"') + NEW.format("b", 'after = "a"'),
            ["trigger", "a", "b", *BASE.cut_names[1:]],
        ),
        ('remove = ["veto"]\n' + NEW.format("veto", 'before = "trigger"'), None),
        (NEW.format("a", "").replace("append", "cut") + NEW.format("b", ""), [*BASE.cut_names, "b", "a"]),
    ],
)
def test_the_order_of_cuts_is_as_stated(tmp_path: Path, text: str, expected: list[str] | None) -> None:
    moved = ["veto", *(name for name in BASE.cut_names if name != "veto")]
    assert list(load_text(tmp_path, text).cut_names) == (expected or moved)


def test_regions_histograms_and_variations_are_edited_alike(tmp_path: Path) -> None:
    text = """
remove_histogram = ["srd_0", "veto_2"]
[change_histogram.momentum]
after = "angle"
[[append_histogram]]
name = "mine"
after = "srd"
axes = [{ feature = "ecal", bins = 3, low = 0, high = 9, unit = "GeV" }]
[change_region.I]
label = "dimuons"
[[append_variation]]
name = "loose"
threshold = { srd = 1.1 }
"""
    mine = load_text(tmp_path, text)
    names = [one.name for one in BASE.histograms if one.name not in ("srd_0", "veto_2")]
    assert [one.name for one in mine.histograms] == [*names, "mine"]
    assert {one.name: one.after for one in mine.histograms}["momentum"] == "angle"
    assert mine.regions[0] == replace(BASE.regions[0], label="dimuons")
    assert mine.regions[1:] == BASE.regions[1:]
    assert [one.name for one in mine.variations] == ["loose"]
    path = tmp_path / "varied.toml"
    path.write_text(
        'base = "systematics_2023"\nname = "varied"\nremove_variation = ["vhcal_tight"]\n'
        "[change_variation.ecal_scale_up]\nscale = { ecal = 1.02 }\n"
    )
    varied = load_selection(path)
    known = [one.name for one in load_selection("systematics_2023").variations]
    assert [one.name for one in varied.variations] == [name for name in known if name != "vhcal_tight"]
    assert varied.variations[0].effect.scale == (("ecal", 1.02),)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('remove = ["vhcall"]', 'remove: unknown cut of invisible_2023 "vhcall", nearest known is "vhcal"'),
        ('[change.vhcla]\nlabel = "x"', 'change: unknown cut of invisible_2023 "vhcla", nearest known'),
        ('remove = ["srd"]\n[change.srd]\nlabel = "x"', 'unknown cut of invisible_2023 "srd"'),
        ('[change.srd]\nsrd_3 = { below = 1, unit = "MeV" }', 'mine.toml: change.srd: unknown feature'),
        ('[change.srd]\nremove = ["srd_9"]', 'change.srd.remove: unknown key "srd_9", nearest known is'),
        ('[change.srd]\nname = "x"', "change.srd.name: what is changed keeps its name"),
        (NEW.format("srd", ""), 'append[0]: invisible_2023 has a cut "srd": [change.srd] changes it'),
        (NEW.format("a", 'before = "srdd"'), 'append[0].before: unknown cut "srdd", nearest known is "srd"'),
        (NEW.format("a", 'before = "srd"\nafter = "srd"'), "append[0]: has both before and after"),
        (NEW.format("a", "").replace("60,", "60, abovve = 1,"), 'mine.toml: append[0].ecal: unknown key'),
        ('remove = ["hcal_topology"]', 'remove: histogram "hcal_0" is about cut "hcal_topology"'),
        ('remove = ["shower_chi2"]', 'remove: "shower_chi2" is where yields are taken: say yields_after'),
        ('remove_histogram = ["srd_9"]', 'remove_histogram: unknown histogram of invisible_2023 "srd_9"'),
        ('[change_region.IV]\nlabel = "x"', 'change_region: unknown region of invisible_2023 "IV"'),
        (NEW.format("a", "").replace("append", "cut"), "mine.toml: cut: replaces all cuts of invisible_2023"),
        ("remove = []\nremoved = 1", 'unknown key "removed"'),
    ],
)  # fmt: skip
def test_an_edit_that_cannot_be_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises((KeyError, ValueError)) as caught:
        load_text(tmp_path, text)
    assert message in caught.value.args[0]


def test_a_cut_that_a_variation_is_about_is_not_removed(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('base = "systematics_2023"\nremove = ["veto"]\n')
    with pytest.raises(ValueError, match='variation "veto_data_over_simulation" is about cut "veto"'):
        load_selection(path)


def test_all_cuts_are_replaced_where_that_is_meant(tmp_path: Path) -> None:
    text = 'yields_after = "a"\nhistogram = []\n' + NEW.format("a", "").replace("append", "cut")
    assert load_text(tmp_path, text).cut_names == ("a",)


def test_what_is_changed_without_a_label_says_so(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('base = "invisible_2023"\nremove = ["veto"]\n')
    assert load_selection(path).label == f"{BASE.label}, changed"
    path.write_text('name = "alone"\nlabel = "x"\nremove = ["veto"]\n')
    with pytest.raises(ValueError, match=r"mine\.toml: remove: there is no base to edit"):
        load_selection(path)


def test_a_mistake_in_the_base_is_told_with_its_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('base = "invisible_2023"\nremove = ["angle"]\nyields_after = "angle"\n')
    with pytest.raises(ValueError, match=r"mine\.toml: remove"):
        load_selection(path)
    path.write_text('base = "invisible_2023"\n[change_histogram.momentum]\nafter = "angel"\n')
    with pytest.raises(KeyError, match=r'mine\.toml: change_histogram.momentum.after: unknown cut "angel"'):
        load_selection(path)


@pytest.mark.parametrize(
    ("key", "meant"), [("appends", "append"), ("features", "feature"), ("changed", "change"), ("cutt", "cut")]
)
def test_a_misspelt_list_is_named_whatever_is_missing_without_it(
    tmp_path: Path, key: str, meant: str
) -> None:
    path = tmp_path / "mine.toml"
    histogram = '[[histogram]]\nname = "h"\nafter = "own"\naxes = []\n'
    path.write_text(f'base = "invisible_2023"\nname = "mine"\n{histogram}[[{key}]]\nname = "own"\n')
    with pytest.raises(KeyError, match=f'unknown key "{key}", nearest known is "{meant}"'):
        load_selection(path)
