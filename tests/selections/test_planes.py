"""Planes are data: without any the one of energies in ECAL and HCAL."""

from __future__ import annotations

from pathlib import Path

import pytest

from na64.selections.histograms import Axis
from na64.selections.planes import DEFAULT_PLANES
from na64.selections.selection import SELECTIONS, Selection, load_selection

HEAD = 'base = "invisible_2023"\nname = "own"\nlabel = "own"\n'
MODULES = """
name = "modules"
label = "two modules"
zoom = 4
x = { feature = "hcal_0", bins = 6, low = 0.1, high = 100, unit = "GeV", log = true }
y = { feature = "hcal_1", edges = [0, 1, 8, 50], unit = "GeV", label = "HCAL 1 [GeV]" }
"""


OTHER_PLANES = ("alp", "hadron", "muon", "positron_2023", "visible")


def load(tmp_path: Path, text: str) -> Selection:
    path = tmp_path / "own.toml"
    path.write_text(HEAD + text)
    return load_selection(path)


@pytest.mark.parametrize("name", [one for one in SELECTIONS if not one.startswith(OTHER_PLANES)])
def test_a_selection_that_states_none_has_the_plane_of_energies(name: str) -> None:
    (plane,) = load_selection(name).planes
    assert (plane.name, plane.label, plane.zoom, plane.log_colour) == (
        "energy",
        "ECAL and HCAL energy",
        6.0,
        True,
    )
    assert plane.axes == (
        Axis("ecal", 150, 0.0, 150.0, "E_ECAL [GeV]"),
        Axis("hcal", 150, 0.0, 150.0, "E_HCAL [GeV]"),
    )


def test_a_plane_is_added_to_the_default_one_or_replaces_it(tmp_path: Path) -> None:
    added = load(tmp_path, f"[[append_plane]]{MODULES}").planes
    assert [plane.name for plane in added] == ["energy", "modules"]
    assert added[0] == DEFAULT_PLANES[0]
    modules = added[1]
    assert (modules.label, modules.zoom, modules.log_colour) == ("two modules", 4.0, True)
    assert (modules.axes[0].log, modules.axes[1].edges) == (True, (0.0, 1.0, 8.0, 50.0))
    assert load(tmp_path, f"[[plane]]{MODULES}log_colour = false\n").planes[0].log_colour is False
    assert len(load(tmp_path, f"[[plane]]{MODULES}").planes) == 1


def test_the_default_plane_is_edited_and_set(tmp_path: Path) -> None:
    (plane,) = load(tmp_path, "[change_plane.energy]\nzoom = 12\n").planes
    assert plane.zoom == 12.0
    assert plane.axes == DEFAULT_PLANES[0].axes
    found = load_selection("invisible_2023", settings=["plane.energy.x.bins=75", "plane.energy.zoom=3"])
    assert (found.planes[0].axes[0].bins, found.planes[0].zoom) == (75, 3.0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"[[plane]]{MODULES}[[plane]]{MODULES}", 'plane: "modules" is there twice'),
        (f"[[plane]]{MODULES}".replace("zoom = 4", "zoom = 50"), "plane[0].zoom: 50 GeV is not inside"),
        (f"[[plane]]{MODULES}".replace("hcal_1", "hcal_0"), "plane[0]: hcal_0 against itself is no plane"),
        (f"[[plane]]{MODULES}".replace("bins = 6", "bins = 40000"), "plane[0]: more than 100000 bins"),
        ('remove_plane = ["energy"]', "plane: 0 planes, not 1 to 12"),
    ],
)
def test_a_plane_that_cannot_be_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (the text is looked at below)
        load(tmp_path, text)
    assert message in str(caught.value)


def test_an_unknown_key_of_a_plane_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="unknown key"):
        load(tmp_path, f"[[plane]]{MODULES}zom = 3\n")
    with pytest.raises(KeyError, match='remove_plane: unknown plane of invisible_2023 "x"'):
        load(tmp_path, 'remove_plane = ["x"]')
