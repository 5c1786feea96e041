"""The packaged selections: cuts, values, regions and where they come from."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from na64.selections.boxes import load_boxes
from na64.selections.selection import SELECTIONS, load_selection
from na64.selections.signal_box import not_outside
from na64.tests.selections.test_selection import load_text

SHARED_2023 = [
    *("trigger", "bad_spill", "master_time", "srd", "track_quality", "momentum", "angle", "straw3", "vhcal"),
    *("straw4", "ecal_centre", "ecal_energy", "ecal_ratio", "shower_chi2", "hcal_out_of_time", "hcal3"),
    "hcal_topology",
]


TAGS, PROBES = ("not_physics", "bad_spill"), ("vhcal", "hcal3", "veto", "hcal")


VISIBLE_CUTS = [
    "trigger",
    "bad_spill",
    "straw3",
    "ecal_centre",
    "srd",
    "momentum",
    "early",
    "wcat",
    "ecal_share",
    "w2_v2",
    "s4",
    "veto",
    "hcal",
    "shower_chi2",
    "beam_energy",
]


CUTS = {
    "alp_2018": [
        *("trigger", "bad_spill", "timing", "ecal_centre", "srd", "momentum", "angle", "preshower", "veto"),
        "shower_chi2",
    ],
    "beam_2023": [*TAGS, "master_time", "one_track"],
    "calibration": ["beam", "electrons", "muons", "random", "led", "physics"],
    "dimuon_2022": ["trigger", "bad_spill", "ecal_centre", "srd", "preshower", "ecal_energy", "dimuon"],
    "dimuon_2023": [*SHARED_2023, "dimuon"],
    "efficiency_beam": [*TAGS, "track", "full_energy", "srd", *PROBES],
    "efficiency_random": [*TAGS, "no_track", "no_pulser", *PROBES],
    "hadron_50": [
        *("trigger", "bad_spill", "master_time", "out_of_time", "straw3", "srd", "track_quality", "momentum"),
        *("angle", "straw4", "vhcal", "ecal_energy", "veto", "hcal"),
    ],
    "invisible_2018": [
        "trigger",
        "bad_spill",
        "timing",
        "angle",
        "momentum",
        "srd",
        "ecal_centre",
        "shower_chi2",
        "veto",
        "hcal_muon",
    ],
    "invisible_2023": [*SHARED_2023, "veto", "hcal_muon"],
    "invisible_2023_in_time": [*SHARED_2023, "veto", "hcal_muon", "ecal_in_time"],
    "muon_2022": [
        *("trigger", "bad_spill", "p_in", "single_hits", "p_out_chi2", "vhcal", "hcal_mip", "e_cal", "p_out")
    ],
    "positron_2022": [*(name for name in SHARED_2023 if name != "vhcal"), "veto", "hcal_muon"],
    "positron_2023": [*SHARED_2023, "veto", "hcal_muon"],
    "systematics_2023": [*SHARED_2023, "veto", "hcal_muon"],
    "timing_beam": [*TAGS, "master_time", "track", "srd", "ecal_centre", "full_energy"],
    "visible_2017": [cut for cut in VISIBLE_CUTS if cut != "wcat"],
    "visible_2018": VISIBLE_CUTS,
    "visible_2018_no_w2": VISIBLE_CUTS,
}


YIELDS_AFTER = {
    "calibration": "physics",
    "beam_2023": "one_track",
    "dimuon_2022": "preshower",
    "efficiency_beam": "full_energy",
    "efficiency_random": "no_pulser",
    "hadron_50": "vhcal",
    "muon_2022": "p_in",
    "timing_beam": "full_energy",
    "visible_2017": "early",
    "visible_2018": "wcat",
    "visible_2018_no_w2": "wcat",
}


def packaged(name: str) -> str:
    return (files("na64.selections") / f"{name}.toml").read_text(encoding="utf-8")


def conditions(name: str) -> dict[str, list[str]]:
    return {cut.name: [interval.text for interval in cut.intervals] for cut in load_selection(name).cuts}


def test_the_packaged_selections_have_the_agreed_cuts() -> None:
    assert tuple(CUTS) == SELECTIONS
    for name, cuts in CUTS.items():
        selection = load_selection(name)
        assert selection.name == name
        assert list(selection.cut_names) == cuts


def test_the_2023_cuts_have_the_published_values() -> None:
    found = conditions("dimuon_2023")
    assert found == {
        "trigger": ["trigger_physics = 1"],
        "bad_spill": ["bad_spill = 0"],
        "master_time": ["86.5 <= master_time <= 113.5 ns"],
        "srd": [f"1 < srd_{i} < 80 MeV" for i in range(3)],
        "track_quality": ["0 < track_momentum < 9999 GeV", "track_pvalue > 0.01"],
        "momentum": ["90 < track_momentum < 110 GeV"],
        "angle": ["-3 < track_angle < 3 mrad"],
        "straw3": ["1 <= straw3_x <= 5", "1 <= straw3_y <= 5"],
        "vhcal": ["vhcal_total < 1.5 GeV"],
        "straw4": ["1 <= straw4_x <= 5", "1 <= straw4_y <= 5"],
        "ecal_centre": ["ecal_max_in_beam_cell = 1"],
        "ecal_energy": ["ecal_total < 120 GeV", "ecal_out_of_time < 30 GeV", "preshower_total > 0.7 GeV"],
        "ecal_ratio": ["ecal_ratio < 0.06"],
        "shower_chi2": ["shower_chi2 < 100"],
        "hcal_out_of_time": ["hcal_out_of_time < 50 GeV"],
        "hcal3": ["hcal_3_total < 2 GeV"],
        "hcal_topology": ["hcal_topology_bad = 0"],
        "dimuon": [f"4 < hcal_{i} < 8 GeV" for i in range(3)],
    }
    invisible = conditions("invisible_2023")
    assert [name for name in SHARED_2023 if invisible[name] != found[name]] == ["shower_chi2"]
    assert invisible["veto"] == ["veto_0 < 7.6 MeV", "veto_1 < 8 MeV", "veto_2 < 7.6 MeV"]
    assert invisible["hcal_muon"] == ["hcal_muon = 0"]


def test_the_2023_shower_limit_is_a_table_in_the_in_time_ecal_energy() -> None:
    cut = load_selection("invisible_2023").cuts[SHARED_2023.index("shower_chi2")]
    (interval,) = cut.intervals
    assert interval.limits is not None
    assert interval.limits.feature == "ecal"
    assert interval.limits.edges == tuple(range(0, 85, 5))
    written = [
        2.5,
        3.86,
        3.25,
        2.915,
        2.83,
        2.85,
        2.93,
        3.035,
        3.16,
        3.285,
        3.385,
        3.51,
        3.6,
        3.685,
        3.74,
        3.695,
        4,
    ]
    for value, highest in zip(written, interval.limits.values, strict=True):
        assert np.nextafter(np.float32(highest), np.float32(9)) == np.float32(value)


@pytest.mark.parametrize("name", SELECTIONS)
def test_a_packaged_selection_says_where_its_values_come_from(name: str) -> None:
    selection = load_selection(name)
    sources = [cut.source for cut in selection.cuts] + [region.source for region in selection.regions]
    for source in sources:
        assert any(tag in source for tag in ("[V: ", "[D: ", "[R-", "NOT FOUND")), source


def test_what_nobody_ran_says_so() -> None:
    assert "assembled from public 2023 code, not run by anyone" in load_selection("invisible_2023").label
    assert "unverified" in load_selection("invisible_2018").label
    assert any(cut.is_unverified for cut in load_selection("invisible_2018").cuts)
    assert not any(cut.is_unverified for cut in load_selection("dimuon_2023").cuts)


# The others cut on none of them.
@pytest.mark.parametrize(
    "name", sorted(set(SELECTIONS) - {"alp_2018", "beam_2023", "calibration", "timing_beam"})
)
def test_yields_are_taken_before_a_cut_on_the_regions_own_features(name: str) -> None:
    selection = load_selection(name)
    later = selection.cuts[selection.cut_names.index(selection.yields_after) + 1 :]
    assert selection.yields_after == YIELDS_AFTER.get(name, "shower_chi2")
    assert {"dimuon", "veto", "p_out"} & {cut.name for cut in later}


@pytest.mark.parametrize("name", SELECTIONS)
def test_the_default_regions_have_the_agreed_shapes(name: str) -> None:
    shapes = [[interval.text for interval in region.intervals] for region in load_selection(name).regions]
    if name in {"beam_2023", "calibration", "efficiency_beam", "efficiency_random", "timing_beam"}:
        assert shapes == []
        return
    if name == "positron_2023":
        assert shapes == [
            ["ecal < 56 GeV", "4 < hcal_0 < 8 GeV", "4 < hcal_1 < 8 GeV", "visible_energy < 52.5 GeV"],
            ["52.5 <= visible_energy <= 77 GeV", "hcal >= 1 GeV"],
            ["visible_energy > 77 GeV", "hcal >= 1 GeV"],
        ]
        return
    if name.startswith("visible"):
        assert shapes == shapes_of_pairs(has_w2=not name.endswith("no_w2"))
        return
    if name == "muon_2022":
        assert [shape[-2:] for shape in shapes[:2]] == [
            ["140 <= p_out < 180 GeV", "e_cal < 12 GeV"],
            ["85 <= p_out < 140 GeV", "e_cal < 12 GeV"],
        ]
        return
    if name == "alp_2018":
        assert shapes[0] == shapes_of_neutrons()
        return
    if name == "hadron_50":
        assert shapes == shapes_of_hadrons()
        return
    energy = "hcal_0 >= 1 GeV" if name == "invisible_2018" else "hcal >= 1 GeV"
    assert shapes == [
        ["ecal < 80 GeV", "4 < hcal_0 < 8 GeV", "4 < hcal_1 < 8 GeV", "visible_energy < 75 GeV"],
        ["75 <= visible_energy <= 110 GeV", energy],
        ["visible_energy > 110 GeV", energy],
    ]


def shapes_of_neutrons() -> list[str]:
    """The box of axion-like particles but for R, and a proof that this is outside that for missing energy."""
    edges = ["ecal < 85 GeV", "hcal_0 < 1 GeV", "hcal_rear > 15 GeV", "hcal_rear_r > 0.06"]
    return [*edges, "hcal >= 1 GeV"]


def shapes_of_hadrons() -> list[list[str]]:
    """Hadrons that cross the ECAL, neutral ones, muons of decays, lost energy, showers in the ECAL."""
    little, charged = "ecal < 5 GeV", "veto_largest >= 0.6 MIP"
    return [
        [little, charged, "hcal >= 20 GeV"],
        [little, "veto_largest < 0.6 MIP", "hcal >= 8 GeV"],
        [little, charged, *(f"1.5 < hcal_{n} < 5 GeV" for n in range(3)), "4.5 <= hcal <= 15 GeV"],
        ["ecal >= 8 GeV", "visible_energy < 25 GeV"],
        ["ecal >= 8 GeV", "30 <= visible_energy <= 65 GeV"],
    ]


def shapes_of_pairs(*, has_w2: bool) -> list[list[str]]:
    """Neutral and charged kaons, dimuons of the dump, hadrons."""
    quiet, two = "v2_sum < 1 MeV", "0.3 <= s4_sum <= 0.8 MeV"
    return [
        ["s4_sum < 0.12 MeV", quiet, "ecal_share >= 0.25", "hcal < 1 GeV", "shower_chi2 < 4"],
        [two, quiet, *(["wcal_2 < 0.9 MeV"] if has_w2 else []), "hcal >= 8 GeV"],
        [
            "dump_share < 0.6",
            "s4_sum >= 0.3 MeV",
            "v2_sum >= 2 MeV",
            "4 < hcal_0 < 8 GeV",
            "4 < hcal_1 < 8 GeV",
        ],
        ["v2_sum >= 1 MeV", "hcal_0 >= 8 GeV"],
    ]


def test_no_packaged_region_of_2018_is_in_the_box_of_another_search() -> None:
    boxes = [box for name in ("2016", "2018") for box in load_boxes()[name]]
    for name in ("invisible_2018", "alp_2018"):
        assert not [*not_outside(load_selection(name).regions, boxes)]
    assert [*not_outside(load_selection("invisible_2023").regions, boxes)]  # a job with such runs says it


@pytest.mark.parametrize("name", SELECTIONS)
def test_a_copy_with_another_number_has_another_identity(tmp_path: Path, name: str) -> None:
    text = packaged(name)
    copy = load_text(tmp_path, text)
    assert copy == load_selection(name)
    assert copy.identity == load_selection(name).identity
    changed = text.replace('ecal = { below = 80, unit = "GeV" }', 'ecal = { below = 79, unit = "GeV" }')
    changed = changed.replace("scale = { ecal = 1.01 }", "scale = { ecal = 1.02 }")
    changed = changed.replace("hcal_2 = { above = 4,", "hcal_2 = { above = 5,")
    changed = changed.replace("ecal = { above = 85,", "ecal = { above = 84,")
    changed = changed.replace("ecal = { min = 60,", "ecal = { min = 61,")
    changed = changed.replace("hcal = { below = 1,", "hcal = { below = 2,")
    changed = changed.replace("ecal_share = { above = 0.7,", "ecal_share = { above = 0.6,")
    changed = changed.replace("ecal_out_of_time = { below = 5,", "ecal_out_of_time = { below = 4,")
    changed = changed.replace("s4_sum = { above = 0.3,", "s4_sum = { above = 0.31,")
    changed = changed.replace("wcal_with_ecal = { above = 90,", "wcal_with_ecal = { above = 91,")
    changed = changed.replace('remove = ["wcal_2"]', 'remove = ["v2_sum"]', 1)
    changed = changed.replace("ecal_total = { above = 95,", "ecal_total = { above = 94,")
    changed = changed.replace("track_momentum = { above = 90,", "track_momentum = { above = 89,")
    changed = changed.replace("track_momentum = { above = 63,", "track_momentum = { above = 62,")
    changed = changed.replace("track_pvalue = { above = 0.01 }", "track_pvalue = { above = 0.02 }")
    assert changed != text
    assert load_text(tmp_path, changed).identity != copy.identity


def test_the_cut_on_time_leaves_nothing_that_the_window_brings_into_the_box() -> None:
    """Its bound is the width of the guard band: beside the guard an electron loses more, or stays outside."""
    cut = load_selection("invisible_2023_in_time").cuts[-1]
    assert [interval.text for interval in cut.intervals] == ["ecal_out_of_time < 5 GeV"]
    assert load_boxes()["2023A"][0].bounds[0].guard == 5
    assert cut.is_unverified


def test_what_is_about_the_beam_follows_it_in_the_selection_of_70_gev() -> None:
    """The SRD goes with the square of the energy, energies with it; what a muon or noise leaves does not."""
    own, usual = load_selection("positron_2023"), load_selection("invisible_2023")
    scaled = {"srd": 0.49, "momentum": 0.7, "hcal_out_of_time": 0.7, "ecal_energy": 0.7}
    for cut, base in zip(own.cuts, usual.cuts, strict=True):
        factor = scaled.get(cut.name, 1.0)
        for mine, other in zip(cut.intervals, base.intervals, strict=True):
            expected = 1.0 if mine.feature == "preshower_total" else factor
            assert (mine.low, mine.high) == pytest.approx((expected * other.low, expected * other.high))
        assert cut.is_unverified or factor == 1.0
    before = load_selection("positron_2022")
    bounds = {cut.name: cut.intervals for cut in usual.cuts}
    assert all(cut.intervals == bounds[cut.name] for cut in before.cuts)
    assert "unverified" in own.label
    assert "unverified" in before.label
