"""Branches by the names that ROOT, its readers and people give them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uproot

from na64.datasets.catalogue.inspection import Expectation, inspect
from na64.datasets.conditions.periods import load_periods
from na64.datasets.reading.branch_names import BranchNames, similar
from na64.datasets.reading.files import open_file
from na64.datasets.reading.layout import parse_layout
from na64.datasets.reading.read import read
from na64.datasets.reading.stored import BadFileError

MINE = """
name = "mine"
trees = ["t"]
[event]
run = { branch = "ev.run" }
spill = { branch = "ev.spill" }
event = { branch = "ev.event" }
master_time = { branch = "TIME", unit = "ns" }
[srd]
kind = "cells"
shape = [3]
energy = { branch = "SRD", unit = "GeV" }
"""
N_EVENTS = 5
SRD = np.arange(15.0).reshape(5, 3)
BRANCHES = {
    "ev.run": np.full(N_EVENTS, 8701),
    "ev.spill": np.ones(N_EVENTS, np.int32),
    "ev.event": np.arange(N_EVENTS),
    "ev.SRD_3_": SRD,
    "ev.one_1_": SRD[:, :1].copy(),
    "T": SRD.copy(),
    "T_1_": SRD[:, 0] + 100,
    "time (ns)": SRD[:, 0] + 200,
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with names of branches as ROOT gives them to the members of a class."""
    with uproot.recreate(tmp_path / "run.root") as file:
        types = {name: np.dtype((array.dtype, array.shape[1:])) for name, array in BRANCHES.items()}
        file.mktree("t", types).extend(BRANCHES)
    content = (tmp_path / "run.root").read_bytes()
    content = content.replace(
        b"T_1_\x06T_1_/D", b"T[1]\x06T_1_/D"
    )  # name and title of a branch that is no array
    content = re.sub(rb"(?<=ev\.)(SRD|one)_(\d)_(?!\[)", rb"\1[\2]", content)
    (tmp_path / "run.root").write_bytes(content)
    return tmp_path / "run.root"


def layout(srd: str = "ev.SRD", time: str = "T[0]") -> Any:
    return parse_layout(MINE.replace("SRD", srd).replace("TIME", time), "mine.toml")


def look(path: Path, **names: str) -> str:
    """Say why a file is not of the layout with these names."""
    return inspect(str(path), Expectation((layout(**names),), load_periods())).reason


@pytest.mark.parametrize("name", ["ev.SRD[3]", "ev.SRD"])
def test_an_array_of_a_class_has_its_name_with_or_without_its_dimensions(name: str, path: Path) -> None:
    assert look(path, srd=name) == ""
    cells = read(path, layout(srd=name), 1, 4).cells("srd")
    np.testing.assert_array_equal(cells.energy, SRD[1:4])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("T[0]", SRD[:, 0]),
        ("T[1]", SRD[:, 0] + 100),  # the branch of that name, not an element of another
        ("T[2]", SRD[:, 2]),
        ("ev.SRD[1]", SRD[:, 1]),
        ("ev.SRD[3][2]", SRD[:, 2]),
        ("ev.one[0]", SRD[:, 0]),
        ("ev.one[1][0]", SRD[:, 0]),
        ("time (ns)", SRD[:, 0] + 200),
    ],
)
def test_a_name_that_is_there_wins_over_an_index(name: str, expected: Any, path: Path) -> None:
    assert look(path, time=name) == ""
    np.testing.assert_array_equal(read(path, layout(time=name), 0, 5).event["master_time"], expected)


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        ({"srd": "ev.SRD[4]"}, 'branch "ev.SRD[4]" is missing, expected float32 or float64 [3] or a vector'),
        ({"srd": "ev.SRD[4]"}, '; there is "ev.SRD[3]"'),
        ({"srd": "SRD"}, '; there is "ev.SRD[3]"'),
        ({"srd": "other.srd"}, '; there is "ev.SRD[3]"'),
        ({"srd": "T.energy"}, '; there is "T"'),
        ({"time": "t"}, '; there is "T"'),
        ({"time": "ev.SRD[3]"}, 'branch "ev.SRD[3]" is double[3], expected float32 or float64'),
        ({"time": "T[3]"}, 'branch "T" is double[3], expected float32 or float64 [more than 3] or a vector'),
    ],
)
def test_the_reason_says_what_there_is(names: dict[str, str], reason: str, path: Path) -> None:
    assert reason in look(path, **names)


def test_nothing_like_it_is_not_named(path: Path) -> None:
    assert (
        look(path, time="Zeit", srd="ev.SRD")
        == 'not of layout mine: branch "Zeit" is missing, expected float32 or float64'
    )


def test_two_branches_of_one_name_are_refused(write_file: Callable[..., Path]) -> None:
    values = {"run": np.full(5, 8701), "spill": np.ones(5, int), "event": np.arange(5), "evenx": np.arange(5)}
    path = write_file("t", values)
    content = path.read_bytes()
    path.write_bytes(content.replace(b"evenx", b"event"))
    text = MINE.split("master_time", maxsplit=1)[0].replace("ev.", "")
    record = inspect(str(path), Expectation((parse_layout(text, "mine.toml"),), load_periods()))
    assert record.reason == 'not of layout mine: branch "event" is there 2 times, expected an integer'
    with open_file(path) as file, pytest.raises(BadFileError, match='branch "event" is there 2 times'):
        file.tree("t").read(["event"], 0, 5)


@dataclass
class Leaf:
    name: str

    def member(self, key: str) -> str:
        assert key == "fName"
        return self.name


@dataclass
class Described:
    """A branch, or a tree, of which only names are known."""

    name: str
    branches: list[Described] = field(default_factory=list)
    leaves: tuple[str, ...] = ()

    def member(self, key: str) -> list[Leaf]:
        assert key == "fLeaves"
        return [Leaf(name) for name in self.leaves or (self.name,)]


TREE = Described(
    "t",
    [
        Described("a", [Described("run"), Described("x[2][3]")]),
        Described("b", [Described("run"), Described("y")]),
        Described("id", leaves=("run", "spill")),
        Described("y", [Described("z")]),
        Described("old", leaves=("new",)),
    ],
)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("run", ["run", "run"]),  # members of two objects: which one is not said
        ("a/run", ["run"]),
        ("a/x", ["x[2][3]"]),
        ("x", ["x[2][3]"]),
        ("x[2][3]", ["x[2][3]"]),
        ("y", ["y"]),  # the numbers, not the object of that name
        ("a", ["a"]),
        ("id", ["id"]),
        ("id.run", ["id.run"]),
        ("old.new", ["old.new"]),
        ("new", []),
        ("id.event", []),
    ],
)
def test_a_branch_is_found_by_name_path_and_leaf(name: str, found: list[str]) -> None:
    places = BranchNames(TREE).find(name)
    assert [p.branch.name + (f".{p.leaf}" if p.leaf else "") for p in places] == found


def test_all_names_can_be_listed() -> None:
    names = BranchNames(TREE).all()
    assert names == ("a", "run", "x[2][3]", "b", "y", "id", "z", "old", "id.run", "id.spill")
    assert all(BranchNames(TREE).find(name) for name in names)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("ev.Srd", "SRD[3]"), ("id.time", "id"), ("SRD[7]", "SRD[3]"), ("momentum", "")],
)
def test_what_there_is_in_place_of_a_name(name: str, expected: str) -> None:
    assert similar(name, ["run", "id", "SRD[3]"]) == expected
