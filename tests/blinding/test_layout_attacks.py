"""Layouts that open the box or count by it: each is refused, or is a line that names it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import awkward as ak
import pytest
from coffea.nanoevents import NanoEventsFactory
from coffea.processor import IterativeExecutor, ProcessorABC, Runner

import na64
from na64.datasets.reading.layout import load_layout
from na64.datasets.reading.schema import NA64Schema
from na64.outputs.result import audit_log
from na64.outputs.result.store import read_result
from na64.run import main

TEXT = load_layout("tout2023").text.replace('name = "tout2023"', 'name = "mine"')
QUICK = ["--selection", "dimuon_2023", "--executor", "iterative", "--no-report"]


@pytest.fixture(scope="module")
def data(simulate: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files with truth, as a simulation writes them; attacks take another branch for it."""
    return simulate(tmp_path_factory.mktemp("layouts"), "small", 300)


@pytest.fixture
def attack(data: Path, tmp_path: Path) -> Callable[..., int]:
    """Catalogue the files with a layout in which some text is another; give the exit code."""

    def run(old: str, new: str, *options: str) -> int:
        assert old in TEXT
        (tmp_path / "mine.toml").write_text(TEXT.replace(old, new))
        listed = ["--to", str(tmp_path / "c.json"), "--layout", str(tmp_path / "mine.toml")]
        return main(["catalogue", str(data), *listed, *options])

    return run


def lines(folder: Path) -> list[dict[str, Any]]:
    log = folder / "audit.jsonl"
    assert audit_log.verify(log) == []
    return audit_log.entries(log)


OPENING = {
    "times for energies": ('"ECAL_ene", unit = "GeV"', '"ECAL_t0", unit = "GeV"', "ecal_time of tout2023"),
    "another unit of the HCAL": ('"HCAL_ene", unit = "GeV"', '"HCAL_ene", unit = "TeV"', "in TeV"),
    "another trigger": ('"triggerSources"', '"mpStraw3X"', "straw3_x of tout2023"),
}
"""What is exchanged, and what has to be said; every kind of difference is in the tests of the comparison."""


@pytest.mark.parametrize("what", OPENING)
def test_a_layout_that_decides_what_is_hidden_is_named_everywhere_and_has_to_be_declared(
    what: str, attack: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new, said = OPENING[what]
    assert attack(old, new) == 0
    warning = "warning: layout mine says what is hidden differently from tout2023: "
    assert any(warning in line and said in line for line in capsys.readouterr().out.splitlines())
    assert main(["process", str(tmp_path / "c.json"), *QUICK, "--to", str(tmp_path / "o")]) == 0
    assert any(warning in line and said in line for line in capsys.readouterr().out.splitlines())
    assert any(said in line for line in read_result(tmp_path / "o").summary.warnings)
    logged = lines(tmp_path)
    assert [line["event"] for line in logged] == ["catalogue_layout", "process", "processed"]
    for line in logged[:2]:
        assert said in line["details"]["layouts"]["mine"]["differs"][0]
        assert said in line["details"]["own_layouts"][0]
    assert main(["freeze", str(tmp_path / "o")]) == 1
    refusal = capsys.readouterr().err
    assert "layout mine says what is hidden and is not declared" in refusal
    assert said in refusal
    assert main(["freeze", str(tmp_path / "o"), "--layout", "mine"]) == 0
    manifest = json.loads((tmp_path / "o" / "freeze.json").read_bytes())
    assert manifest["declared"]["layouts"] == "mine"
    capsys.readouterr()
    assert main(["audit", str(tmp_path / "o")]) == 0
    assert "own_layouts mine (" in capsys.readouterr().out


COUNTING = [
    ('run = { branch = "runN" }', 'run = { branch = "mpStraw3X" }', "cannot be run"),
    ('spill = { branch = "spillN" }', 'spill = { branch = "mpStraw3Y" }', "cannot be spill"),
    ('spill = { branch = "spillN" }', 'spill = { branch = "triggerSources" }', "cannot be spill"),
    ('spill = { branch = "spillN" }', 'spill = { branch = "spilleventtN" }', "cannot be spill"),
    ('run = { branch = "runN" }', 'run = { branch = "masterT" }', "cannot be run"),
]


@pytest.mark.parametrize("case", COUNTING)
def test_counting_hidden_events_by_what_is_measured_is_refused(
    case: tuple[str, str, str],
    attack: Callable[..., int],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    old, new, said = case
    assert attack(old, new) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "c.json").exists()


TRUTH = ('truth_component = { branch = "truth_component"', 'truth_component = { branch = "triggerSources"')


def test_any_integer_taken_for_truth_needs_a_reason_and_is_a_line(
    attack: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert attack(*TRUTH, "--simulation") == 2
    assert "run 8701 is a physics run" in capsys.readouterr().err
    assert not (tmp_path / "c.json").exists()
    assert not (tmp_path / "audit.jsonl").exists()
    (tmp_path / "audit.jsonl").mkdir()  # a log that cannot be written
    assert attack(*TRUTH, "--simulation", "--reason", "nobody reads this") == 2
    assert "audit.jsonl: Is a directory" in capsys.readouterr().err
    assert not (tmp_path / "c.json").exists()
    (tmp_path / "audit.jsonl").rmdir()
    assert attack(*TRUTH, "--simulation", "--reason", "our own Geant4") == 0
    said = capsys.readouterr().out
    assert "taken as simulation for what only layout mine takes for its truth" in said
    (line,) = lines(tmp_path)
    assert line["event"] == "catalogue_simulation"
    assert line["details"]["reason"] == "our own Geant4"
    assert len(line["details"]["truth_by_layout"]["mine"]) == 4
    assert "triggerSources" in line["details"]["layouts"]["mine"]["differs"][0]
    assert main(["process", str(tmp_path / "c.json"), *QUICK, "--to", str(tmp_path / "o")]) == 0
    assert read_result(tmp_path / "o").summary.label == "unverified simulation"


def test_as_data_such_a_layout_is_blind_and_a_line(attack: Callable[..., int], tmp_path: Path) -> None:
    assert attack(*TRUTH) == 0
    assert [line["event"] for line in lines(tmp_path)] == ["catalogue_layout"]
    assert main(["process", str(tmp_path / "c.json"), *QUICK, "--to", str(tmp_path / "o")]) == 0
    assert read_result(tmp_path / "o").summary.totals["hidden"] > 0


def test_a_layout_that_decides_nothing_is_a_line_and_needs_no_word(
    attack: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert attack('"mpStraw3X"', '"mpStraw3Y"') == 0
    assert "says what is hidden" not in capsys.readouterr().out
    (line,) = lines(tmp_path)
    assert line["details"]["own_layouts"] == ["mine (hides as a packaged one)"]
    assert main(["process", str(tmp_path / "c.json"), *QUICK, "--to", str(tmp_path / "o")]) == 0
    assert main(["freeze", str(tmp_path / "o"), "--layout", "mine"]) == 1
    assert "is declared, but does not decide" in capsys.readouterr().err
    assert main(["freeze", str(tmp_path / "o")]) == 0


@pytest.mark.parametrize("layout", ["tout2023", "hits", "array2018"])
def test_a_notebook_sees_the_same_whatever_hidden_events_are(worlds: Any, layout: str) -> None:
    seen = []
    for world in worlds(layout):
        found = na64.nanoevents(world.files())
        form, length, buffers = ak.to_buffers(found)
        seen.append((str(form), length, {name: buffer.tobytes() for name, buffer in buffers.items()}))
    assert len(seen) > 2
    assert seen[0][1] > 100
    assert all(one == seen[0] for one in seen)


def test_the_schema_shows_no_event_of_data(worlds: Any) -> None:
    shown = [
        ak.to_list(NanoEventsFactory.from_root({str(path): "events"}, schemaclass=NA64Schema).events())
        for path in worlds("hits")[0].files()
    ]
    assert {name for events in shown for event in events for name in event} == {"run"}


def test_code_of_a_notebook_under_the_runner_sees_no_hidden_event(worlds: Any) -> None:
    class Look(ProcessorABC):  # type: ignore[misc]
        def process(self, events: Any) -> Any:
            return {"energies": ak.sum(events.ecal.energy, axis=-1)}

        def postprocess(self, accumulator: Any) -> Any:
            return accumulator

    runner = Runner(IterativeExecutor(status=False), schema=NA64Schema, savemetrics=False)
    with pytest.raises(Exception, match="attempt") as caught:
        runner({"data": [str(worlds("hits")[0].files()[0])]}, Look(), treename="events")
    chain: list[BaseException] = [caught.value]
    while (following := chain[-1].__cause__ or chain[-1].__context__) is not None:
        chain.append(following)
    assert "ecal: coffea reads hidden events too" in str(chain[-1])
