"""Files are shown by their structure, and a layout is proposed for those that none fits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import uproot

from na64.datasets.reading.layout import load_layout
from na64.run import main

N_EVENTS = 7
CANARY = 4242.4242


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """Write a tree that no layout fits; every value is one that nobody may see."""
    shapes = {
        **dict.fromkeys(("RunNumber", "Spill", "EventInSpill", "Trigger", "St3X"), ("i4", ())),
        **dict.fromkeys(("Momentum", "Unrelated"), ("f8", ())),
        **dict.fromkeys(("ECAL_energy", "ECAL_time"), ("f4", (60,))),
        "HcalE": ("f4", (35,)),
    }
    columns = {name: np.full((N_EVENTS, *shape), CANARY, kind) for name, (kind, shape) in shapes.items()}
    path = tmp_path / "other.root"
    with uproot.recreate(path) as file:
        file.mktree(
            "reco", {name: (column.dtype, column.shape[1:]) for name, column in columns.items()}
        ).extend(columns)
    return path


@pytest.mark.parametrize("kind", ["ttree", "rntuple", "parquet"])
def test_a_known_file_is_named_by_its_layout(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["simulate", "small", "--to", str(tmp_path), "--events", "20", "--format", kind]) == 0
    path = next(one for one in sorted(tmp_path.iterdir()) if one.name.startswith("run_"))
    capsys.readouterr()
    assert main(["inspect", str(path)]) == 0
    said = capsys.readouterr().out
    assert "is of layout tout2023" in said
    assert kind in said
    assert "events, " in said
    assert "proposed" not in said


def test_another_file_is_told_by_what_it_lacks_and_no_value_is_shown(
    other: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["inspect", str(other)]) == 0
    said = capsys.readouterr().out
    assert f'tree "reco", ttree: {N_EVENTS} events, 10 branches' in said
    assert "of no layout; nearest is tout2023: 0 of 34 columns are there" in said
    assert 'branch "runN" is missing, expected an integer' in said
    assert "4242" not in said


def test_the_proposal_is_a_layout_with_the_branches_that_are_there(other: Path, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    assert main(["inspect", str(other), "--to", str(path)]) == 0
    made = load_layout(path)
    assert (made.name, made.trees) == ("mine", ("reco",))
    names = {column: branch.names for column, branch in made.event.items()}
    wanted = {"run": "RunNumber", "spill": "Spill", "event": "EventInSpill", "trigger": "Trigger"}
    assert {column: names[column] for column in wanted} == {c: (name,) for c, name in wanted.items()}
    assert names["track_momentum"] == ("Momentum",)
    assert "track_angle" not in names
    assert made.detectors["ecal"].columns["energy"].names == ("ECAL_energy",)
    assert "time_sigma" not in made.detectors["ecal"].columns
    assert "hcal" not in made.detectors  # 35 cells are no HCAL
    text = path.read_text()
    assert '# GUESS, in place of "runN"' in text
    (unread,) = (line for line in text.splitlines() if "NOT READ" in line)  # no array, no guess
    assert unread.startswith('# unrelated = { branch = "Unrelated", unit = "1", meaning = "" }')
    assert main(["inspect", str(other), "--layout", str(path)]) == 0


def test_a_file_of_no_layout_is_quarantined_with_the_command_that_proposes_one(
    other: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hint = f"of no layout that is known: na64 inspect {other} --to my_layout.toml proposes one"
    for options in ([], ["--layout", "tout2023"]):
        assert main(["catalogue", str(other), "--to", str(tmp_path / "c.json"), *options]) == 1
        assert hint in capsys.readouterr().out.splitlines()[:-1]
    assert main(["simulate", "small", "--to", str(tmp_path / "data"), "--events", "20"]) == 0
    path = next((tmp_path / "data").glob("run_*.root"))
    path.write_bytes(path.read_bytes()[:-100])
    capsys.readouterr()
    assert main(["catalogue", str(path), "--to", str(tmp_path / "d.json")]) == 1
    assert "proposes one" not in capsys.readouterr().out


def test_a_proposal_after_a_layout_of_ones_own_keeps_its_detectors_apart(
    other: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, made = tmp_path / "own.toml", tmp_path / "made.toml"
    path.write_text(
        """
name = "own"
trees = ["reco"]
[event]
run = { branch = "RunNumber" }
spill = { branch = "Spill" }
event = { branch = "Number" }
[detector.wcal]
kind = "cells"
shape = [60]
energy = { branch = "WCAL_energy", unit = "GeV" }
[detector.gem1_x]
kind = "positions"
x = { branch = "Gem1", unit = "mm" }
[feature]
hcal_0 = { branch = "Energy0", unit = "GeV" }
visible_energy = { branch = "Unrelated", unit = "GeV" }
"""
    )
    assert main(["inspect", str(other), "--layout", str(path), "--to", str(made)]) == 0
    capsys.readouterr()
    lines = made.read_text().splitlines()
    assert 'energy = { branch = "ECAL_energy", unit = "GeV" }  # GUESS, in place of "WCAL_energy"' in lines
    gem = lines.index("# [detector.gem1_x]")
    assert lines[gem + 2].startswith('# x = { branch = "Gem1"')
    assert '# hcal_0 = { branch = "Energy0", unit = "GeV" }  # NOT FOUND' in lines
    assert 'visible_energy = { branch = "Unrelated", unit = "GeV" }' in lines


def test_what_fits_a_layout_of_ones_own_is_told(
    other: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mine.toml"
    assert main(["inspect", str(other), "--to", str(path)]) == 0
    capsys.readouterr()
    assert main(["inspect", str(other), "--layout", str(path)]) == 0
    assert "is of layout mine" in capsys.readouterr().out


def test_a_file_that_cannot_be_read_is_one_line_and_the_others_are_shown(
    other: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken.root"
    broken.write_bytes(other.read_bytes()[:200])
    assert main(["inspect", str(broken), str(tmp_path / "gone.root"), str(other)]) == 1
    said = capsys.readouterr()
    assert 'tree "reco"' in said.out
    assert [line.split(":")[1].strip() for line in said.err.splitlines()] == [
        str(broken),
        str(tmp_path / "gone.root"),
    ]


def test_branches_that_a_known_layout_does_not_read_are_told_and_proposed_as_comments(
    other: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, mine, none = (tmp_path / name for name in ("first.toml", "mine.toml", "none.toml"))
    first.write_text(
        'name = "first"\ntrees = ["reco"]\n[event]\nrun = { value = 8701 }\nspill = { value = 0 }\n'
        "event = { entry = true }\n[feature]\n"
    )
    assert main(["inspect", str(other), "--layout", str(first), "--to", str(mine)]) == 0
    said = capsys.readouterr().out
    assert "  is of layout first\n  not read: " in said
    assert f"proposed layout: {mine}" in said
    lines = [line for line in mine.read_text().splitlines() if "NOT READ" in line]
    assert lines
    assert all(line.startswith("# ") for line in lines)
    assert load_layout(mine).own == ()
    text = "\n".join(
        line.removeprefix("# ") if line in lines else line for line in mine.read_text().splitlines()
    )
    mine.write_text(text.replace('meaning = ""', 'meaning = "mine"'))
    assert len(load_layout(mine).own) == len(lines)
    assert main(["simulate", "small", "--to", str(tmp_path / "data"), "--events", "20"]) == 0
    path = next((tmp_path / "data").glob("run_*.root"))
    capsys.readouterr()
    assert main(["inspect", str(path), "--to", str(none)]) == 0
    assert "none.toml: is not written, as no file has a branch that its layout does not read" in (
        capsys.readouterr().err
    )
    assert not none.exists()
