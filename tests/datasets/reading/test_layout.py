from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from na64.datasets.reading.detection import detect_layout
from na64.datasets.reading.detector_layout import CellStorage
from na64.datasets.reading.layout import LAYOUTS, Layout, load_layout, parse_layout
from na64.datasets.reading.stored import BadFileError, Branches, Stored

MINE = """
name = "mine"
trees = ["t"]
[event]
run = { branch = "run" }
spill = { branch = "spill" }
event = { branch = "event" }
track_angle = { branch = "angle", unit = "mrad" }
shower_chi2 = { branch = "chi2[1]" }
weight = { branch = "w", required = false }
[ecal]
kind = "cells"
shape = [2, 2, 3]
energy = { branches = ["PRS", "ECAL"], unit = "MeV", types = ["float32"] }
time = { branch = "T", unit = "ns", nan_is_absent = true }
[srd]
kind = "hits"
cell = { branch = "srd_c" }
energy = { branch = "srd_e", unit = "GeV" }
"""

GOOD = {
    "run": "int32",
    "spill": "uint16",
    "event": "int64",
    "angle": "float32",
    "chi2": "float64[2]",
    "PRS": "float32[2][3]",
    "ECAL": "float32[6]",
    "T": "float64[12]",
    "srd_c": "uint8[]",
    "srd_e": "float32[]",
}


@dataclass(frozen=True)
class Described:
    """A tree, or a file with one tree, of which only types are known."""

    types: dict[str, str]
    name: str = "t"

    def stored(self, name: str) -> Stored | None:
        text = self.types.get(name)
        if text is None:
            return None
        dtype, *dimensions = text.replace("]", "").split("[")
        return Stored(dtype, tuple(int(n) for n in dimensions if n), text.endswith("[]"), text)

    def names(self) -> tuple[str, ...]:
        return tuple(self.types)

    def trees(self) -> tuple[str, ...]:
        return (self.name,)

    def tree(self, name: str) -> Branches:
        return self


@pytest.fixture
def mine() -> Layout:
    return parse_layout(MINE, "mine.toml")


@pytest.mark.parametrize("name", LAYOUTS)
def test_packaged_layouts_load(name: str) -> None:
    layout = load_layout(name)
    assert layout.name == name
    assert {"run", "spill", "event", "trigger"} <= {*layout.columns}
    muons = {"target", "counters", "hcal", "vhcal", "gem4y", "mm7x"}
    usual = {"ecal", "hcal", "srd", "veto"}
    assert (muons if name in ("ana_tree", "muon2022") else usual) <= set(layout.detectors)


def test_the_2023_trees_have_the_public_branches() -> None:
    layout = load_layout("tout2023")
    assert layout.trees == ("tout",)
    assert {name for branch in layout.branches() if branch.required for name in branch.names} == {
        *("runN", "spillN", "spilleventtN", "triggerSources", "masterT", "chi2"),
        *("mom_genfit_upMM", "pvalue_genfit_upMM", "inangle_genfit_upMM"),
        *("mpStraw3X", "mpStraw3Y", "mpStraw4X", "mpStraw4Y"),
        *("HCAL_ene", "HCAL_t0", "HCAL_tE"),
        *(f"{name}_{key}" for name in ("ECAL", "VHCAL", "SRD") for key in ("ene", "t0", "tE", "tSigma")),
        *("VETO_enePMT", "VETO_t0", "VETO_tE", "VETO_tSigma"),
    }
    assert [layout.detectors[name].n_cells for name in ("ecal", "hcal", "vhcal", "srd", "veto")] == [
        *(60, 36, 16, 3, 6)
    ]
    assert layout.detectors["veto"].columns["time_sigma"].n_values == 3
    assert layout.event["shower_chi2"].index == 0
    assert not layout.time_is_residual


def test_the_2018_layout_declares_where_nan_means_absent() -> None:
    layout = load_layout("array2018")
    assert layout.absent_nan == {"hcal_energy", "hcal_time"}
    assert layout.detectors["hcal"].columns["energy"].shape == (3, 3)
    assert layout.detectors["ecal"].columns["energy"].shape == (2, 6, 6)
    assert "expected_time" not in layout.detectors["ecal"].columns


def test_the_hits_layout_has_residual_times_and_any_geometry() -> None:
    layout = load_layout("hits")
    assert layout.time_is_residual
    assert all(detector.kind is CellStorage.HITS for detector in layout.detectors.values())
    assert layout.detectors["ecal"].n_cells == 0


def test_a_layout_is_a_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(MINE)
    layout = load_layout(path)
    assert layout.name == "mine"
    assert layout.detectors["ecal"].columns["energy"].names == ("PRS", "ECAL")
    assert layout.event["shower_chi2"].index == 1
    assert layout.event["track_angle"].unit.divide == 1000
    assert load_layout(str(path)) == layout
    assert parse_layout(layout.text, "kept") == layout


def test_a_file_must_not_take_the_name_of_a_packaged_layout(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(MINE.replace('"mine"', '"tout2023"', 1))
    with pytest.raises(ValueError, match=r"mine\.toml: a layout other than this is packaged as tout2023"):
        load_layout(path)
    path.write_text(load_layout("tout2023").text)
    assert load_layout(path) == load_layout("tout2023")


def test_identity_follows_content_but_not_description(mine: Layout) -> None:
    described = parse_layout(MINE.replace('name = "mine"', 'name = "mine"\ndescription = "x"'), "a")
    changed = parse_layout(MINE.replace('"angle"', '"angle2"'), "a")
    assert described.identity == mine.identity
    assert changed.identity != mine.identity


def test_an_unknown_layout_is_refused_with_the_nearest() -> None:
    with pytest.raises(KeyError, match='unknown layout "tout2032", nearest known is "tout2023"'):
        load_layout("tout2032")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("track_angle", "track_angel", 'unknown key "track_angel", nearest known is "track_angle"'),
        ('unit = "mrad"', 'unit = "mard"', 'unknown unit "mard", nearest known is "mrad"'),
        ('unit = "mrad"', 'unit = "GeV"', 'unit "GeV" cannot be converted to "rad"'),
        ('branch = "angle", unit = "mrad"', 'branch = "angle"', '"unit" is missing'),
        ('"float32"', '"int16"', 'unknown type "int16"'),
        ('kind = "hits"', 'kind = "hit"', '"hit" is neither "cells" nor "hits"'),
        ('cell = { branch = "srd_c" }', "", '"cell" is missing'),
        ("shape = [2, 2, 3]", "shape = [2, 0, 3]", "are not dimensions"),
        ("shape = [2, 2, 3]", "shape = [3, 2, 2]", "2 branches for the shape"),
        ('trees = ["t"]', "trees = []", "names no tree"),
        ('name = "mine"', 'name = "a b"', "is not a plain name"),
        ('event = { branch = "event" }', "", '"event" is missing or not required'),
        ('run = { branch = "run" }', 'run = { branch = "run", required = false }', '"run" is missing or not'),
        ('"PRS", "ECAL"', "", "names no branch"),
        ('"angle"', '"an\\tgle"', "is not the name of a branch"),
        ('"angle"', '""', "is not the name of a branch"),
        ("[srd]", "[sdr]", 'unknown key "sdr", nearest known is "srd"'),
    ],
)
def test_a_wrong_layout_is_refused_by_name(old: str, new: str, message: str) -> None:
    assert old in MINE
    with pytest.raises((KeyError, ValueError), match=r"mine\.toml") as caught:
        parse_layout(MINE.replace(old, new, 1), "mine.toml")
    assert message in str(caught.value.args[0])


def test_a_fitting_tree_is_found(mine: Layout) -> None:
    assert detect_layout(Described(GOOD), [load_layout("tout2023"), mine]) == (mine, "t")
    assert detect_layout(Described(GOOD, name=""), [load_layout("hits"), mine]) == (mine, "")


def test_extra_branches_do_not_matter_and_optional_ones_may_be_there(mine: Layout) -> None:
    assert mine.problems(Described(GOOD | {"w": "float64", "text": "", "ST11x": "float64[]"})) == []


@pytest.mark.parametrize(
    ("branch", "stored"),
    [
        ("ECAL", "float32[]"),
        ("PRS", "float32[]"),
        ("PRS", "float32[6]"),
        ("ECAL", "float32[2][3]"),
        ("T", "float32[2][2][3]"),
        ("chi2", "float32[]"),
        ("chi2", "float32[5]"),
        ("event", "uint32"),
    ],
)
def test_other_precisions_vectors_and_dimensions_are_accepted(mine: Layout, branch: str, stored: str) -> None:
    assert mine.problems(Described(GOOD | {branch: stored})) == []


@pytest.mark.parametrize(
    ("branch", "stored", "expected"),
    [
        ("angle", "int16", 'branch "angle" is int16, expected float32 or float64'),
        ("ECAL", "int16[6]", 'branch "ECAL" is int16[6], expected float32 [2][3] or a vector'),
        ("ECAL", "float64[6]", 'branch "ECAL" is float64[6], expected float32 [2][3] or a vector'),
        ("ECAL", "float32[3][2]", 'branch "ECAL" is float32[3][2], expected'),
        ("ECAL", "float32[7]", 'branch "ECAL" is float32[7], expected'),
        ("angle", "float64[]", 'branch "angle" is float64[], expected float32 or float64'),
        ("angle", "float64[1]", 'branch "angle" is float64[1], expected'),
        ("run", "float64", 'branch "run" is float64, expected an integer'),
        ("chi2", "float64[1]", 'branch "chi2" is float64[1], expected float32 or float64 [more than 1] or'),
        ("chi2", "float64", 'branch "chi2" is float64, expected'),
        ("srd_e", "float32[3]", 'branch "srd_e" is float32[3], expected float32 or float64, jagged'),
        ("srd_c", "float32[]", 'branch "srd_c" is float32[], expected an integer, jagged'),
        ("w", "int32", 'branch "w" is int32, expected float32 or float64'),
    ],
)
def test_a_wrong_type_or_shape_is_named(mine: Layout, branch: str, stored: str, expected: str) -> None:
    with pytest.raises(BadFileError) as caught:
        detect_layout(Described(GOOD | {branch: stored}), [mine])
    assert str(caught.value).startswith(f"not of layout mine: {expected}")


def test_missing_branches_are_counted(mine: Layout) -> None:
    types = {name: stored for name, stored in GOOD.items() if name not in ("T", "srd_e")}
    with pytest.raises(
        BadFileError, match=r'branch "T" is missing, expected float32 or float64 \[2\].*1 more'
    ):
        detect_layout(Described(types), [mine])


def test_a_wrong_tree_is_named(mine: Layout) -> None:
    with pytest.raises(BadFileError, match='tree "other" found, expected "t"'):
        detect_layout(Described(GOOD, name="other"), [mine])


def test_a_file_that_fits_two_layouts_is_refused(mine: Layout) -> None:
    twin = parse_layout(MINE.replace('"mine"', '"twin"', 1), "twin.toml")
    with pytest.raises(BadFileError, match="fits several layouts: mine, twin"):
        detect_layout(Described(GOOD), [twin, mine])


def test_a_misspelt_table_is_named_before_what_is_missing_without_it(
    tmp_path: Path, edited: Callable[..., Path]
) -> None:
    path = edited("layout", "tout2023", tmp_path, ("trees = [", "treesx = []\ntrees = 3 #["), to="mine")
    with pytest.raises(KeyError, match='unknown key "treesx", nearest known is "trees"'):
        load_layout(path)
