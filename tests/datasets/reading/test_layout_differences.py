from __future__ import annotations

import pytest

from na64.datasets.reading.layout import LAYOUTS, Layout, load_layout, parse_layout
from na64.datasets.reading.layout_differences import (
    deciding_differences,
    describe_layout,
    differences,
    has_packaged_truth,
    nearest_packaged,
    own_layouts,
    warning_of,
)

TOUT = load_layout("tout2023").text.replace('name = "tout2023"', 'name = "mine"')


def changed(*pairs: tuple[str, str], text: str = TOUT) -> Layout:
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    return parse_layout(text, "mine.toml")


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_packaged_layout_differs_from_none(name: str) -> None:
    layout = load_layout(name)
    found = nearest_packaged(layout)
    assert found is not None
    assert found.name == name
    assert differences(layout) == ()
    assert warning_of(layout) == ""
    assert has_packaged_truth(layout) is (name != "ana_tree")  # which has none
    assert own_layouts([layout]) == []
    assert describe_layout(layout) == {"identity": layout.identity}


DECIDING = [
    (
        'energy = { branch = "ECAL_ene", unit = "GeV"',
        'energy = { branch = "ECAL_t0", unit = "GeV"',
        "ecal_energy",
    ),
    ('branch = "ECAL_ene", unit = "GeV"', 'branch = "ECAL_ene", unit = "TeV"', "ecal_energy"),
    ('branch = "ECAL_tE", unit = "ns"', 'branch = "ECAL_tE", unit = "us"', "ecal_expected_time"),
    ('branch = "HCAL_ene", unit = "GeV"', 'branch = "HCAL_ene", unit = "TeV"', "hcal_energy"),
    ('branch = "HCAL_t0"', 'branch = "HCAL_tE"', "hcal_time"),
    ('branch = "HCAL_ene"', 'nan_is_absent = true, branch = "HCAL_ene"', "hcal_energy"),
    ('branch = "triggerSources"', 'branch = "mpStraw3X"', "trigger"),
    ('branch = "runN"', 'branch = "period_number"', "run"),
    (
        'truth_component = { branch = "truth_component"',
        'truth_component = { branch = "mpStraw4Y"',
        "truth_component",
    ),
    ('time_sigma = { branch = "ECAL_tSigma", unit = "ns", shape = [60] }\n', "", "ecal_time_sigma"),
    ('trees = ["tout"]', 'trees = ["tout"]\ntime_is_residual = true', "times are residuals"),
]

BGO = '[detector.bgo]\nkind = "cells"\nshape = [3]\nenergy = { branch = "BGO", unit = "GeV" }\n'
OWN = [
    ('run = { branch = "runN" }', "run = { value = 8701 }", "run is 8701 in all events"),
    ('trigger = { branch = "triggerSources" }', "trigger = { value = 2 }", "trigger is 2 in all events"),
    ("[ecal]\n", '[ecal]\ncell_order = "x_fastest"\n', "cells of ecal are counted x first"),
    (
        "# Cell index: plane",
        f"{BGO}# Cell index: plane",
        'bgo_energy is "BGO" in GeV',
    ),
    (
        "# Cell index: plane",
        '[feature]\ndump_0 = { branch = "D", unit = "GeV" }\n# Cell index: plane',
        'dump_0 is "D" in GeV',
    ),
]
"""What no packaged layout says."""


@pytest.mark.parametrize(("old", "new", "column"), DECIDING)
def test_what_decides_what_is_hidden_is_told_by_name(old: str, new: str, column: str) -> None:
    layout = changed((old, new))
    (text,) = deciding_differences(layout)
    assert text.startswith(column)
    assert "tout2023" in text
    assert warning_of(layout) == f"layout mine says what is hidden differently from tout2023: {text}"
    described = describe_layout(layout)
    assert described["nearest"] == "tout2023"
    assert described["differs"] == [text]
    assert own_layouts([layout]) == [f"mine ({text})"]


@pytest.mark.parametrize(("old", "new", "text"), OWN)
def test_what_no_packaged_layout_says_and_may_hide_is_told(old: str, new: str, text: str) -> None:
    layout = changed((old, new))
    assert deciding_differences(layout) == (text,)
    assert describe_layout(layout)["differs"] == [text]


def test_sums_that_are_said_to_be_others_are_told() -> None:
    start, stop = TOUT.index("[hcal]"), TOUT.index("[vhcal]")
    given = '[feature]\nhcal_01 = { sum_of = ["hcal_0", "hcal_1"] }\n'
    given += "".join(f'hcal_{n} = {{ branch = "H[{n}]", unit = "GeV" }}\n' for n in (0, 1))
    found = deciding_differences(changed((TOUT[start:stop], given)))
    assert 'hcal_0 is "H[0]" in GeV' in found
    assert "hcal_01 is taken for hcal_0 + hcal_1" in found
    assert 'hcal_energy is left out, tout2023 has "HCAL_ene" in GeV' in found


def test_a_column_of_ones_own_is_listed_and_decides_nothing() -> None:
    column = '{} = {{ branch = "{}", unit = "1", meaning = "hits" }}'
    own = [column.format("n_hits", "mpStraw3X"), column.format("n_mine", "N")]
    layout = changed(("[event]", "\n".join(["[event]", *own])))
    assert [one.text for one in differences(layout)] == [
        'n_hits is "mpStraw3X" (straw3_x of tout2023)',
        'n_mine is "N"',
    ]
    assert deciding_differences(layout) == ()


def test_a_branch_that_means_something_else_is_told() -> None:
    layout = changed(('branch = "ECAL_ene"', 'branch = "SRD_ene"'))
    assert deciding_differences(layout) == (
        'ecal_energy is "SRD_ene" in GeV (srd_energy of tout2023), tout2023 has "ECAL_ene" in GeV',
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [('branch = "VETO_enePMT"', 'branch = "VETO_mine"'), ('branch = "mpStraw3X"', 'branch = "mine"')],
)
def test_other_differences_are_listed_and_decide_nothing(old: str, new: str) -> None:
    layout = changed((old, new))
    assert len(differences(layout)) == 1
    assert deciding_differences(layout) == ()
    assert warning_of(layout) == ""
    assert own_layouts([layout]) == ["mine (hides as a packaged one)"]


@pytest.mark.parametrize(
    "pairs",
    [[], [('description = "flat', 'description = "my flat')], [('trees = ["tout"]', 'trees = ["t"]')]],
)
def test_a_renamed_copy_decides_nothing(pairs: list[tuple[str, str]]) -> None:
    assert differences(changed(*pairs)) == ()


def test_of_layouts_that_share_as_much_the_one_of_the_same_shapes_is_nearest() -> None:
    names = {branch.names[0] for branch in load_layout("tout2023").branches()} - {"weight", "truth_component"}
    layout = changed(*((f'branch = "{name}', f'branch = "my_{name}') for name in names))
    found = nearest_packaged(layout)
    assert found is not None
    assert found.name == "tout2023"
    assert "differently from tout2023" in warning_of(layout)


def test_branches_that_nobody_knows_are_all_told() -> None:
    layout = parse_layout(UNKNOWN, "mine.toml")
    assert nearest_packaged(layout) is None
    assert deciding_differences(layout) == (
        'run is "RunNumber"',
        'trigger is "Trigger"',
        'ecal_energy is "EcalE" in GeV',
    )
    assert "by branches that no packaged layout has: run is" in warning_of(layout)
    assert len(differences(layout)) == 5
    assert not has_packaged_truth(layout)


UNKNOWN = """
name = "mine"
trees = ["reco"]
[event]
run = { branch = "RunNumber" }
spill = { branch = "Spill" }
event = { branch = "Number" }
trigger = { branch = "Trigger" }
[ecal]
kind = "cells"
shape = [60]
energy = { branch = "EcalE", unit = "GeV" }
"""


def test_truth_is_believed_of_the_packaged_branch_only() -> None:
    old = 'truth_component = { branch = "truth_component"'
    assert has_packaged_truth(changed())
    assert not has_packaged_truth(changed((old, 'truth_component = { branch = "triggerSources"')))
    assert not has_packaged_truth(changed((old, 'truth_component = { branch = "truth_component[0]"')))


OF_A_BOX = [
    ('branch = "VETO_tE"', 'branch = "VETO_t0"', "veto", "veto_expected_time"),
    ('branch = "SRD_ene", unit = "GeV"', 'branch = "SRD_ene", unit = "MeV"', "srd", "srd_energy"),
    ("[vhcal]", '[vhcal]\ncell_order = "x_fastest"', "vhcal", "cells of vhcal are counted x first"),
    ('branch = "mom_genfit_upMM"', 'branch = "pvalue_genfit_upMM"', "track_momentum", "track_momentum"),
    ("[ecal]", '[event.mine]\nbranch = "W"\nunit = "GeV"\nmeaning = "m"\n[ecal]', "mine", "mine"),
]


@pytest.mark.parametrize(("old", "new", "closed", "said"), OF_A_BOX)
def test_what_a_box_of_the_period_is_about_decides_too(old: str, new: str, closed: str, said: str) -> None:
    layout = changed((old, new))
    assert deciding_differences(layout) == ()
    assert warning_of(layout, {"ecal"}) == ""
    assert any(text.startswith(said) for text in deciding_differences(layout, {closed}))
    assert said in warning_of(layout, {"ecal", closed})
    assert said in own_layouts([layout], {closed})[0]
