from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from na64.datasets.conditions.periods import load_periods
from na64.datasets.instrument.columns import DETECTORS
from na64.selections.selection import Selection, load_selection
from na64.selections.variations import Effect, effects_of

SMALL = """
name = "small"
label = "a small one"
yields_after = "chi2"
[[cut]]
name = "trigger"
trigger_physics = { equals = 1 }
[[cut]]
name = "chi2"
[cut.shower_chi2]
of = "ecal"
edges_unit = "GeV"
edges = [0, 50]
below = [3]
beyond = 5
[[cut]]
name = "srd"
srd_0 = { above = 1, below = 80, unit = "MeV" }
srd_1 = { above = 1, below = 80, unit = "MeV" }
[region.I]
ecal = { below = 50, unit = "GeV" }
hcal = { min = 1, unit = "GeV" }
[region.II]
ecal = { min = 60, max = 80, unit = "GeV" }
[region.III]
ecal = { above = 80, unit = "GeV" }
[[variation]]
name = "up"
label = "energies up"
source = "[R-med] 1 %"
scale = { hcal = 1.02, ecal = 1.01 }
[[variation]]
name = "wide"
window = { ecal = 1.5 }
threshold = { chi2 = 2 }
[[variation]]
name = "loose"
threshold = { srd = 1.5 }
[[variation]]
name = "other"
[variation.cut.srd]
srd_1 = { min = 2, unit = "MeV" }
[[variation]]
name = "up_again"
scale = { ecal = 1.01, hcal = 1.02 }
threshold = { chi2 = 2 }
"""
SETUP = load_periods()["2023A"].setup


def load_text(folder: Path, text: str) -> Selection:
    path = folder / "own.toml"
    path.write_text(text, encoding="utf-8")
    return load_selection(path)


def test_variations_are_read(tmp_path: Path) -> None:
    selection = load_text(tmp_path, SMALL)
    texts = {variation.name: list(variation.texts()) for variation in selection.variations}
    assert texts == {
        "up": ["energies of ecal x 1.01", "energies of hcal x 1.02"],
        "wide": ["time window of ecal x 1.5", "chi2: shower_chi2 < 6 to 10, by ecal"],
        "loose": ["srd: 1.5 < srd_0 < 120 MeV and 1.5 < srd_1 < 120 MeV"],
        "other": ["srd: 1 < srd_0 < 80 MeV and srd_1 >= 2 MeV"],
        "up_again": [
            "energies of ecal x 1.01",
            "energies of hcal x 1.02",
            "chi2: shower_chi2 < 6 to 10, by ecal",
        ],
    }
    up, *others = selection.variations
    assert (up.label, up.source, up.is_unverified) == ("energies up", "[R-med] 1 %", True)
    assert not any(other.is_unverified for other in others)
    scale = (("ecal", 1.01), ("hcal", 1.02))
    assert selection.effects == (Effect(scale), Effect(window=(("ecal", 1.5),)))
    assert effects_of(selection.variations[2:4]) == ()


def test_a_scaled_threshold_is_the_one_that_would_be_written(tmp_path: Path) -> None:
    selection = load_text(tmp_path, SMALL)
    _, wide, loose, other, _ = selection.variations
    written = SMALL.replace("above = 1, below = 80", "above = 1.5, below = 120")
    written = written.replace("below = [3]\nbeyond = 5", "below = [6]\nbeyond = 10")
    changed = {cut.name: cut for cut in load_text(tmp_path, written).cuts}
    assert loose.cuts == (changed["srd"],)
    assert wide.cuts == (changed["chi2"],)
    assert [cut.name for cut in wide.cuts_of(selection.cuts)] == ["trigger", "chi2", "srd"]
    assert wide.cuts_of(selection.cuts)[::2] == selection.cuts[::2]
    first, second = other.cuts[0].intervals
    assert first == selection.cuts[2].intervals[0]
    assert (second.low, second.high) == (float(np.float32(0.002)), math.inf)


def test_an_effect_scales_what_it_names_and_nothing_else() -> None:
    effect = Effect(scale=(("ecal", 1.01),), window=(("ecal", 2.0), ("veto", 3.0)))
    changed = effect.of(SETUP)
    assert changed.calorimeter.scale == tuple(1.01 * factor for factor in SETUP.calorimeter.scale)
    assert changed.calorimeter.timing.n_sigma == 2 * SETUP.calorimeter.timing.n_sigma
    assert SETUP.modules.timing.half_width is not None
    assert (
        Effect(window=(("hcal", 2.0),)).of(SETUP).modules.timing.half_width
        == 2 * SETUP.modules.timing.half_width
    )
    assert changed.paddles.scale == SETUP.paddles.scale
    same = set(DETECTORS) - {"ecal", "veto"}
    assert all(changed.detectors[name] == SETUP.detectors[name] for name in same)
    assert Effect().of(SETUP) == SETUP
    assert not Effect()


@pytest.mark.parametrize(
    ("detector", "moves"), [("ecal", True), ("hcal", True), ("srd", False), ("vhcal", False), ("veto", False)]
)
def test_only_ecal_and_hcal_move_events_in_the_plane(detector: str, moves: bool) -> None:
    assert Effect(scale=((detector, 1.1),)).moves_plane is moves
    assert Effect(window=((detector, 1.1),)).moves_plane is moves


def test_a_variation_is_part_of_the_identity(tmp_path: Path) -> None:
    texts = (SMALL, SMALL.replace("ecal = 1.01", "ecal = 1.02"), SMALL.partition("[[variation]]")[0])
    identities = [load_text(tmp_path, text).identity for text in texts]
    assert len(set(identities)) == 3


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('name = "wide"', 'name = "up"', 'variation: "up" is there twice'),
        ('name = "wide"', 'name = "nominal"', '"nominal" is what is not varied'),
        ("hcal = 1.02, ecal", "hcla = 1.02, ecal", 'unknown detector "hcla", nearest known is "hcal"'),
        ("window = { ecal", "window = { eacl", 'unknown detector "eacl", nearest known is "ecal"'),
        ("threshold = { chi2", "threshold = { chi", 'unknown cut "chi", nearest known is "chi2"'),
        ("threshold = { srd = 1.5", "threshold = { srd = 0", "0 is not a positive factor"),
        ("window = { ecal = 1.5", "window = { ecal = -1.5", "-1.5 is not a positive factor"),
        ("threshold = { srd = 1.5 }", "", "has none of scale, window, threshold, cut"),
        (
            "threshold = { srd = 1.5 }",
            "threshold = { trigger = 1.5 }",
            "trigger_physics = 1 has no bound to scale",
        ),
        ("variation.cut.srd", "variation.cut.sdr", 'unknown cut "sdr", nearest known is "srd"'),
        ("srd_1 = { min", "srd_11 = { min", 'unknown feature of cut srd "srd_11", nearest known is "srd_1"'),
        ("[variation.cut.srd]", "threshold = { srd = 2 }\n[variation.cut.srd]", "has a threshold too"),
        ('name = "loose"', 'name = "loose"\nscael = 1', 'unknown key "scael", nearest known is "scale"'),
    ],
)
def test_a_wrong_variation_is_refused_in_one_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in SMALL
    with pytest.raises((KeyError, ValueError)) as caught:
        load_text(tmp_path, SMALL.replace(old, new, 1))
    text = str(caught.value.args[0])
    assert message in text
    assert text.startswith("own.toml: variation")
    assert "\n" not in text


def test_the_number_of_variations_has_a_limit(tmp_path: Path) -> None:
    many = "".join(f'[[variation]]\nname = "v{n}"\nscale = {{ srd = {1 + n}.5 }}\n' for n in range(41))
    with pytest.raises(ValueError, match=r"41 variations, not up to 40"):
        load_text(tmp_path, SMALL.partition("[[variation]]")[0] + many)
