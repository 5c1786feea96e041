from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from na64.datasets.instrument.features import FEATURES, INDEX, Feature
from na64.selections.histograms import Axis, Histogram
from na64.selections.selection import VISIBLE, Selection, load_selection

SMALL = """
name = "small"
label = "a small one"
yields_after = "chi2"
[[cut]]
name = "chi2"
shower_chi2 = { below = 5 }
[[cut]]
name = "veto"
veto_mip_0 = { below = 0.6, unit = "MIP" }
[region.I]
ecal = { below = 50, unit = "GeV" }
hcal = { min = 1, unit = "GeV" }
[region.II]
ecal = { min = 60, max = 80, unit = "GeV" }
[region.III]
ecal = { above = 80, unit = "GeV" }
[[histogram]]
name = "energies"
after = "veto"
axes = [
  { feature = "ecal", bins = 10, low = 0, high = 100, unit = "GeV", label = "E [GeV]" },
  { feature = "srd_0", bins = 20, low = 0, high = 80, unit = "MeV" },
]
"""


def load_text(folder: Path, text: str, extra_features: dict[str, Feature] | None = None) -> Selection:
    path = folder / "own.toml"
    path.write_text(text, encoding="utf-8")
    return load_selection(path, extra_features=extra_features)


def test_a_share_of_unusable_events_is_declared(tmp_path: Path) -> None:
    assert load_selection("dimuon_2023").skipped_at_most == 0.001
    assert load_text(tmp_path, 'base = "dimuon_2023"\nskipped_at_most = 0.2').skipped_at_most == 0.2
    for share in ("-0.1", "1.1", "nan"):
        with pytest.raises(ValueError, match=r"own\.toml: skipped_at_most: .* "):
            load_text(tmp_path, f'base = "dimuon_2023"\nskipped_at_most = {share}')


def test_a_selection_is_what_its_file_says(tmp_path: Path) -> None:
    selection = load_text(tmp_path, SMALL)
    assert (selection.name, selection.label, selection.description) == ("small", "a small one", "")
    assert selection.cut_names == ("chi2", "veto")
    axes = (Axis("ecal", 10, 0.0, 100.0, "E [GeV]"), Axis("srd_0", 20, 0.0, 0.08, "srd_0 [GeV]"))
    assert selection.histograms == (Histogram("energies", "veto", axes, "energies"),)
    assert selection.feature_names == ("srd_0", "ecal", "shower_chi2", "hcal", "veto_mip_0")
    assert list(selection.index) == list(FEATURES)


def test_the_arrays_have_the_cuts_first_then_the_regions(tmp_path: Path) -> None:
    arrays = load_text(tmp_path, SMALL).arrays()
    assert arrays.n_cut_intervals == 2
    names = ("shower_chi2", "veto_mip_0", "ecal", "hcal", "ecal", "ecal")
    assert arrays.feature.tolist() == [INDEX[name] for name in names]
    assert arrays.owner.tolist() == [0, 1, 0, 0, 1, 2]


def test_features_of_a_plug_in_follow_the_packages_own(tmp_path: Path) -> None:
    text = SMALL.replace(
        "shower_chi2 = { below = 5 }", 'shower_chi2 = { below = 5 }\nmine = { max = 1, unit = "cm" }'
    )
    with pytest.raises(KeyError, match='unknown feature "mine"'):
        load_text(tmp_path, text)
    extra = {"other": Feature("other", "1", "of mine"), "mine": Feature("mine", "mm", "of mine")}
    selection = load_text(tmp_path, text, extra_features=extra)
    assert selection.extra_features == tuple(extra.values())
    assert selection.arrays().feature[1] == len(FEATURES) + 1
    assert selection.arrays().high[1] == 10
    assert selection.feature_names[-1] == "mine"


def test_a_plug_in_cannot_replace_a_feature(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match='"ecal" of the plug-in is already one of the package'):
        load_text(tmp_path, SMALL, extra_features={"ecal": Feature("ecal", "GeV", "of mine")})


@pytest.mark.parametrize("name", ["spill", "cuts_passed", "beam_energy", "sqrt", "GeV", "any"])
def test_a_feature_of_ones_own_is_called_as_nothing_else(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match=f'"{name}" of the plug-in is a [a-z ]+ already'):
        load_text(tmp_path, SMALL, extra_features={name: Feature(name, "GeV", "of mine")})
    formula = f'[[feature]]\nname = "{name}"\nunit = "GeV"\nformula = "ecal"\n'
    with pytest.raises(ValueError, match=f"feature.0..name: .*{name}"):
        load_text(tmp_path, SMALL + formula)


def test_yields_are_taken_after_the_shower_cut_unless_told(tmp_path: Path) -> None:
    text = SMALL.replace('yields_after = "chi2"\n', "")
    with pytest.raises(KeyError, match=r'own.toml: yields_after: unknown cut "shower_chi2"'):
        load_text(tmp_path, text)
    text = text.replace('name = "chi2"', 'name = "shower_chi2"')
    assert load_text(tmp_path, text).yields_after == "shower_chi2"


def test_a_histogram_may_be_filled_before_any_cut(tmp_path: Path) -> None:
    text = SMALL.replace('after = "veto"', 'after = "visible"')
    assert load_text(tmp_path, text).histograms[0].after == VISIBLE == "visible"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('label = "a small', 'labell = "a small', '"label" is missing'),
        (
            'label = "a',
            'labell = "b"\nlabel = "a',
            'own.toml: unknown key "labell", nearest known is "label"',
        ),
        (
            '[[cut]]\nname = "veto"\nveto_mip_0',
            '[[cut]]\nname = "veto"\nveto_mip_O',
            'own.toml: cut[1]: unknown feature "veto_mip_O", nearest known is "veto_mip_0"',
        ),
        ('name = "veto"', 'name = "chi2"', 'own.toml: cut: "chi2" is there twice'),
        ('name = "veto"', 'name = "visible"', 'own.toml: cut: "visible" is there twice'),
        ('name = "small"', 'name = "../small"', 'own.toml: name: "../small" is not'),
        (
            'yields_after = "chi2"',
            'yields_after = "chi"',
            'own.toml: yields_after: unknown cut "chi", nearest known is "chi2"',
        ),
        (
            'after = "veto"',
            'after = "vto"',
            'own.toml: histogram[0].after: unknown cut "vto", nearest known is "veto"',
        ),
        (
            'feature = "ecal", bins',
            'feature = "eca", bins',
            'own.toml: histogram[0].axes[0]: unknown feature "eca"',
        ),
        ("bins = 10,", "bins = 0,", "own.toml: histogram[0].axes[0]: 0 bins from 0 to 100 GeV are no axis"),
        ("low = 0, high = 100", "low = 100, high = 100", "are no axis"),
        (
            'label = "E [GeV]"',
            'label = "E [MeV]"',
            'own.toml: histogram[0].axes[0].label: "E [MeV]", but a histogram has its axis in GeV',
        ),
        ("bins = 20", "bins = 200000", "own.toml: histogram[0].axes: more than 1000000 bins"),
        ("bins = 20", "bin = 20", '"bins" is missing'),
        ("axes = [", 'axes = [{ feature = "hcal_r", bins = 1, low = 0, high = 1 },', "3 axes, not 1 or 2"),
        ('high = 80, unit = "MeV"', 'high = 80, unit = "MIP"', "own.toml: histogram[0].axes[1].unit: "),
        ("max = 80", "max = 81", "own.toml: region: region_II and region_III can share events"),
        (
            "{ min = 60, max = 80",
            "{ min = 59, max = 80",
            "own.toml: region: region_II is not outside the signal box",
        ),
        (
            'hcal = { min = 1, unit = "GeV" }\n',
            "",
            "own.toml: region: region_I is not outside the signal box",
        ),
        ("[region.I]", "[region.1]", 'own.toml: region: "1" is not a letter and up to 39'),
        ("[region.II]", "[region.i]", 'own.toml: region: "I" and "i" are alike'),
    ],
)
def test_what_cannot_be_is_refused_with_its_place(tmp_path: Path, old: str, new: str, message: str) -> None:
    text = SMALL.replace(old, new)
    assert text != SMALL
    with pytest.raises((KeyError, ValueError)) as caught:
        load_text(tmp_path, text)
    assert message in caught.value.args[0]


def test_a_selection_on_a_base_says_only_what_is_different(tmp_path: Path) -> None:
    text = 'base = "dimuon_2023"\nname = "mine"\nlabel = "mine"\nyields_after = "srd"\n'
    mine, base = load_text(tmp_path, text), load_selection("dimuon_2023")
    assert replace(mine, name=base.name, label=base.label, yields_after=base.yields_after) == base
    assert mine.yields_after == "srd"
    for wrong in ("mine", "own.toml"):
        with pytest.raises(KeyError, match=rf'own.toml: base: unknown selection "{wrong}", nearest known is'):
            load_text(tmp_path, f'base = "{wrong}"\n')
    twice = load_text(tmp_path, 'base = "systematics_2023"\nname = "twice"\n')
    assert twice.cuts == load_selection("invisible_2023").cuts
    systematics, searched = load_selection("systematics_2023"), load_selection("invisible_2023")
    assert systematics.cuts == searched.cuts
    assert len(systematics.variations) == 12
    assert searched.variations == ()


def test_two_histograms_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r'own\.toml: histogram: "energies" is there twice'):
        load_text(tmp_path, SMALL + SMALL[SMALL.index("[[histogram]]") :])


@pytest.mark.parametrize("n_cuts", [0, 61])
def test_the_number_of_cuts_has_limits(tmp_path: Path, n_cuts: int) -> None:
    head, _, tail = SMALL.partition("[[cut]]")
    tail = tail[tail.index("[region.I]") :]
    cuts = "".join(f'[[cut]]\nname = "cut_{n}"\nhcal_muon = {{ equals = 0 }}\n' for n in range(n_cuts))
    with pytest.raises(ValueError, match=f"own.toml: cut: {n_cuts} cuts, not 1 to 60"):
        load_text(tmp_path, head + (cuts or "cut = []\n") + tail)


def test_an_unknown_selection_is_refused_with_the_nearest() -> None:
    with pytest.raises(KeyError, match=r'unknown selection "dimuon_202", nearest known is "dimuon_202[23]"'):
        load_selection("dimuon_202")
    with pytest.raises(KeyError, match='unknown selection "signal_boxes"'):
        load_selection("signal_boxes")
