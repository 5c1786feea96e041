"""Every command on results of next to nothing: it says what there is, or why that is not enough."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uproot

from na64.run import main

RUN = 8701
SIZES: dict[str, Callable[[Any], Any]] = {
    "1 event": lambda spills: np.arange(1),
    "2 events": lambda spills: np.arange(2),
    "1 spill": lambda spills: np.flatnonzero(spills == spills[0])[:30],
}
COMMANDS = {
    "status": ["status", "OUT"],
    "why": ["why", "OUT", str(RUN)],
    "why another": ["why", "OUT", "1"],
    "events": ["events", "OUT", "--to", "selected.parquet"],
    "events before": ["events", "OUT", "--after", "visible", "--to", "visible.csv"],
    "show": ["show", "OUT", "--after", "trigger", "--to", "pictures"],
    "compare": ["compare", "OUT", "OUT", "--to", "compared"],
    "compare selections": ["compare", "OUT", "DIMUONS", "--other-events", "--to", "compared"],
    "overlay": ["overlay", "OUT", "DIMUONS", "--to", "laid"],
    "stability": ["stability", "OUT", "--to", "stable"],
    "background": ["background", "OUT"],
    "scan": [
        "scan",
        "OUT",
        *["--cut", "straw3.straw3_x.max", "--from", "3", "--to", "9", "--steps", "2", "--out", "scanned"],
    ],
    "dimuon": ["dimuon", "DIMUONS", "DIMUONS", "--no-runs"],
    "probe": ["probe", "DIMUONS"],
    "beam": ["beam", "BEAM"],
    "limits": ["limits", "OUT", "--to", "limits"],
    "freeze": ["freeze", "OUT"],
    "unblind": ["unblind", "OUT", "--freeze", "0" * 64, "--reason", "x", *2 * ["--approved-by", "a"]],
    "audit": ["audit", "OUT"],
    "submit": ["submit", "CATALOGUE", "--selection", "dimuon_2023", "--to", "BATCH", "--condor"],
    "merge": ["merge", "BATCH", "--no-report"],
    "merge before": ["merge", "OUT", "--no-report"],
    "dry run": ["process", "CATALOGUE", "--selection", "dimuon_2023", "--dry-run"],
    "estimate": ["process", "CATALOGUE", "--selection", "dimuon_2023", "--estimate", "--to", "DIMUONS"],
    "report": ["report", "OUT"],
}
CASES = [("1 event", "data", command) for command in COMMANDS if command != "report"]
SLOW = [
    (size, kind, command)
    for size in SIZES
    for kind in ("data", "simulation")
    for command in COMMANDS
    if (size, kind, command) not in CASES
]
MEANINGLESS = re.compile(
    r"Traceback|\b0 looks\b|\bnan\b|\binf\b|NoneType|zero-size|zip\(\)|out of bounds|division|domain|"
    r"array|argument \d|"
    r"object is not|^na64: '?\w+'?$|\b1 (files|runs|events|spills|segments|jobs)\b|KeyError|IndexError",
    re.MULTILINE,
)


@pytest.fixture(scope="module")
def branches(simulate: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Every branch of a run."""
    files = simulate(tmp_path_factory.mktemp("made"), "small", 400)
    with uproot.open(files / f"run_{RUN}.root") as file:
        found: dict[str, Any] = file["tout"].arrays(library="np")
    return found


def write(path: Path, branches: dict[str, Any], kept: Any) -> None:
    path.parent.mkdir(parents=True)
    with uproot.recreate(path) as file:
        tree = file.mktree("tout", {name: np.dtype((v.dtype, v.shape[1:])) for name, v in branches.items()})
        if len(kept):
            tree.extend({name: values[kept] for name, values in branches.items()})


@pytest.fixture(scope="module")
def places(
    branches: dict[str, Any], process: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str, str], dict[str, str]]:
    """Give the results of a size, made once: two selections, counted without a report."""
    made: dict[tuple[str, str], Path] = {}

    def of(size: str, kind: str) -> dict[str, str]:
        if (size, kind) not in made:
            folder = made[size, kind] = tmp_path_factory.mktemp("results")
            write(folder / "data" / "run.root", branches, SIZES[size](branches["spillN"]))
            claim = ("--simulation",) if kind == "simulation" else ()
            process(folder / "data", "invisible_2023", catalogue=claim, name="out")
            process(folder / "data", "dimuon_2023", catalogue=claim, name="dimuons")
            process(folder / "data", "beam_2023", catalogue=claim, name="beam")
        folder = made[size, kind]
        names = {
            "OUT": "out",
            "DIMUONS": "dimuons",
            "CATALOGUE": "data.json",
            "BATCH": "batch",
            "BEAM": "beam",
        }
        return {word: str(folder / name) for word, name in names.items()}

    return of


def check(command: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Run a command that may refuse; what it says has to be words."""
    capsys.readouterr()
    code = main(command)
    said = "".join(capsys.readouterr())
    assert code in (0, 1, 2)
    assert not MEANINGLESS.search(said), said
    assert said.count("na64: ") <= 1
    assert said.strip()
    return code, said


@pytest.mark.parametrize(
    "case", [*CASES, *(pytest.param(case, marks=pytest.mark.soak) for case in SLOW)], ids=" ".join
)
def test_next_to_nothing_is_no_error(
    case: tuple[str, str, str],
    places: Callable[[str, str], dict[str, str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    size, kind, command = case
    monkeypatch.chdir(tmp_path)
    known = places(size, kind)
    check([known.get(word, word) for word in COMMANDS[command]], capsys)


def test_a_command_that_has_nothing_to_show_says_so(
    places: Callable[[str, str], dict[str, str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    known = places("1 event", "data")
    code, said = check(["probe", known["DIMUONS"]], capsys)
    assert code == 1
    assert "nothing is probed: no event passes all cuts but one of srd, veto, " in said
    for command in ("show", "events"):
        to = ["--to", str(tmp_path / "made.csv")]
        code, said = check([command, known["DIMUONS"], "--region", "I", *to], capsys)
        assert code == 2
        assert said.endswith("na64: dimuons: no visible events after all cuts in region I\n")


@pytest.mark.parametrize("n_files", [1, 2])
def test_a_catalogue_without_events_is_told_and_not_processed(
    n_files: int, branches: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(n_files):
        few = dict(list(branches.items())[: len(branches) - number] + [("more", branches["runN"])][:number])
        write(tmp_path / str(number) / "empty.root", branches | few, np.arange(0))
    catalogue = str(tmp_path / "c.json")
    folders = [str(tmp_path / str(number)) for number in range(n_files)]
    assert check(["catalogue", *folders, "--to", catalogue], capsys)[0] == 0
    asked = [catalogue, "--selection", "dimuon_2023", "--to", str(tmp_path / "out")]
    files = "1 file" if n_files == 1 else "2 files"
    for words in (["process"], ["process", "--dry-run"], ["process", "--no-report"], ["submit", "--condor"]):
        code, said = check([words[0], *asked, *words[1:]], capsys)
        assert (code, said) == (2, f"na64: {catalogue}: {files} without any events\n")
    assert not (tmp_path / "out").exists()
    for words in (["status"], ["report"], ["events"], ["freeze"], ["merge"]):
        assert check([*words, str(tmp_path / "out")], capsys)[0] == 2
