"""Columns of the user's own at the command line: where they are known, and what is said where not."""

from __future__ import annotations

from pathlib import Path

import pytest
import uproot

from na64.run import main

LAYOUT = """
name = "own"
trees = ["tree"]
[event]
run = { value = 8701 }
spill = { value = 0 }
event = { entry = true }
my_branch = { branch = "mine", unit = "GeV", meaning = "an energy of my own" }
[feature]
ecal = { branch = "eECAL", unit = "GeV" }
"""
SELECTION = """
base = "invisible_2023"
name = "own"
label = "a column of my own"
[[append]]
name = "mine"
my_branch = { below = 5, unit = "GeV" }
source = "a test"
"""
FORMULA = """
[[append_feature]]
name = "my_ratio"
unit = "1"
formula = "my_branch / ecal"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Layout, selection, a file with a branch of its own, and a catalogue that does not know it."""
    found = tmp_path_factory.mktemp("own")
    (found / "layout.toml").write_text(LAYOUT)
    (found / "plain.toml").write_text(LAYOUT.replace("my_branch =", "# my_branch ="))
    (found / "own.toml").write_text(SELECTION)
    (found / "ratio.toml").write_text(SELECTION + FORMULA)
    with uproot.recreate(found / "one.root") as file:
        file.mktree("tree", {"mine": "f4", "eECAL": "f4"})
        file["tree"].extend({"mine": [1.0, 2.0, 3.0], "eECAL": [50.0, 60.0, 70.0]})
    for name in ("layout", "plain"):
        made = ["--layout", str(found / f"{name}.toml"), "--simulation", "--reason", "toy"]
        to = str(found / f"{name}.json")
        assert main(["catalogue", str(found / "one.root"), "--to", to, *made]) == 0
    return found


@pytest.mark.parametrize(("selection", "noun"), [("own", "feature"), ("ratio", "name")])
def test_an_unknown_name_may_be_a_branch_that_a_layout_makes_known(
    folder: Path, capsys: pytest.CaptureFixture[str], selection: str, noun: str
) -> None:
    asked = ["process", str(folder / "plain.json"), "--selection", str(folder / f"{selection}.toml")]
    assert main([*asked, "--dry-run"]) == 2
    said = capsys.readouterr().err
    assert f'unknown {noun} "my_branch"' in said
    assert "my_ratio" not in said
    assert "a branch of your files is known by its line in a layout: na64 catalogue --layout" in said


@pytest.mark.parametrize("option", [["--layout", "own.toml"], ["--layout=own.toml"]])
def test_a_layout_where_it_does_not_belong_is_told_where_it_does(
    option: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["process", "catalogue.json", "--selection", "own.toml", *option])
    assert "a layout belongs to na64 catalogue" in capsys.readouterr().err
