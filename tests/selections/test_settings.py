from __future__ import annotations

from dataclasses import replace

import pytest

from na64.selections.selection import load_selection

BASE = load_selection("invisible_2023")


def test_a_value_that_is_set_is_the_only_difference() -> None:
    found = load_selection("invisible_2023", settings=["vhcal.vhcal_total.below=3"])
    assert [interval.text for interval in found.cuts[8].intervals] == ["vhcal_total < 3 GeV"]
    assert found.cuts[8].source == "NOT FOUND: set below = 3; before: [V: EJ]"
    assert found.label == f"{BASE.label}; vhcal.vhcal_total.below=3"
    assert found.settings == ("vhcal.vhcal_total.below=3",)
    assert found.identity != BASE.identity
    cuts = (*found.cuts[:8], BASE.cuts[8], *found.cuts[9:])
    assert replace(found, cuts=cuts, label=BASE.label, settings=()) == BASE


def test_every_kind_of_value_can_be_set() -> None:
    texts = ["srd.srd_1.below = 70", "region.I.ecal.below=70", "yields_after=srd", "skipped_at_most=0.5"]
    texts += ["histogram.momentum.after=angle", "ecal_energy.preshower_total.below=50"]
    found = load_selection("invisible_2023", settings=texts)
    assert found.cuts[3].intervals[1].text == "1 < srd_1 < 70 MeV"
    assert found.cuts[11].intervals[2].text == "0.7 < preshower_total < 50 GeV"
    assert found.regions[0].intervals[0].text == "ecal < 70 GeV"
    assert (found.yields_after, found.skipped_at_most) == ("srd", 0.5)
    assert {one.name: one.after for one in found.histograms}["momentum"] == "angle"
    varied = load_selection("systematics_2023", settings=["variation.ecal_scale_up.scale.ecal=1.5"])
    assert varied.variations[0].effect.scale == (("ecal", 1.5),)


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (
            ["vhca.vhcal_total.below=3"],
            'vhca.vhcal_total.below: unknown cut "vhca", nearest known is "vhcal"',
        ),
        (["vhcal.vhcal_totl.below=3"], 'unknown key "vhcal_totl", nearest known is "vhcal_total"'),
        (["vhcal.hcal_3_total.below=3"], 'unknown key "hcal_3_total", nearest known is "vhcal_total"'),
        (["vhcal.vhcal_total.belw=3"], 'unknown key "belw", nearest known is "below"'),
        (["vhcal.vhcal_total.below.x=3"], "below has nothing below it"),
        (["region.IV.ecal.below=3"], 'unknown region "IV"'),
        (["vhcal=3"], "--set vhcal: expected a value below it, one of label, source, vhcal_total"),
        (["vhcal.vhcal_total=3"], "expected a value below it, one of below, unit"),
        (["vhcal.vhcal_total.below=abc"], "--set: vhcal.vhcal_total.below: 'abc' is not a finite number"),
        (["vhcal.vhcal_total.below=nan"], "not a finite number"),
        (["vhcal.vhcal_total.max=3"], "--set: vhcal.vhcal_total: has both below and max"),
        (["vhcal.below=3"], 'expected CUT.FEATURE.BOUND=VALUE, "vhcal.vhcal_total.below=3"'),
        (["region.I.max=3"], 'expected CUT.FEATURE.BOUND=VALUE, "region.I.ecal.max=3"'),
        (["vhcal.vhcal_total.below=3GeV"], "below: 3GeV has a unit: write 3, the unit is GeV"),
        (["vhcal.vhcal_total.below=-3.5e2 GeV"], "has a unit: write -3.5e2, the unit is GeV"),
        (["vhcal.vhcal_total.below=3MeV"], "below: 3MeV has a unit: the unit is GeV"),
        (["srd.srd_0.above=2GeV"], "above: 2GeV has a unit: the unit is MeV"),
        (["vhcal.vhcal_total.below"], "expected CUT.FEATURE.BOUND=VALUE"),
        (["vhcal.name=x"], "a name cannot be set"),
        (["yields_after=srdd"], 'yields_after: unknown cut "srdd", nearest known is "srd"'),
        (["a.b=1", "a.b=2"], 'unknown cut "a"'),
        (["angle.track_angle.below=1", "angle.track_angle.below=2"], "angle.track_angle.below: is set twice"),
        (["label=x"], 'unknown cut "label"'),
    ],
)
def test_a_value_that_cannot_be_set_is_refused_with_the_nearest(texts: list[str], message: str) -> None:
    with pytest.raises((KeyError, ValueError)) as caught:
        load_selection("invisible_2023", settings=texts)
    assert message in caught.value.args[0]
    assert caught.value.args[0].startswith(("--set", "invisible_2023.toml: "))
