"""Layouts of one's own in a catalogue: what they may take for run and spill, and what is said of them."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import uproot

from na64.datasets.catalogue.build import Catalogue, build
from na64.datasets.catalogue.catalogue_file import load
from na64.datasets.catalogue.inspection import Expectation, inspect
from na64.datasets.catalogue.records import SampleKind, Status
from na64.datasets.conditions.periods import load_periods
from na64.datasets.conditions.stated_boxes import StatedBound, StatedBox
from na64.datasets.reading.layout import load_layout

TOUT = load_layout("tout2023")
OWN = """
name = "own"
trees = ["mine"]
[event]
run = { branch = "r" }
spill = { branch = "s" }
event = { branch = "e" }
[srd]
kind = "cells"
shape = [3]
energy = { branch = "SRD", unit = "GeV" }
"""
SAME = TOUT.text.replace('name = "tout2023"', 'name = "own"')
"""The packaged layout under another name: it hides the same."""

Writer = Callable[..., Path]


def toml(folder: Path, text: str) -> Path:
    path = folder / "own.toml"
    path.write_text(text)
    return path


def made(path: Path, folder: Path, text: str = OWN) -> Catalogue:
    return build([path], simulation=False, layout=toml(folder, text))


def events(n_events: int, *, spill: np.ndarray | None = None) -> dict[str, np.ndarray]:
    spills = np.ones(n_events, int) if spill is None else spill
    return {
        "r": np.full(n_events, 8701),
        "s": spills,
        "e": np.arange(n_events),
        "SRD": np.zeros((n_events, 3)),
    }


def test_a_layout_that_hides_otherwise_is_a_warning_and_one_that_does_not_is_none(
    tmp_path: Path, write_file: Writer, write_run: Writer
) -> None:
    (line,) = made(write_file("mine", events(4)), tmp_path).warnings
    assert line.startswith("layout own says what is hidden ")
    assert made(write_run(), tmp_path, SAME).warnings == ()


def test_the_text_in_a_catalogue_is_that_of_its_name_and_keeps_the_rules(
    tmp_path: Path, write_file: Writer
) -> None:
    catalogue = made(write_file("mine", events(4)), tmp_path)
    assert catalogue.layout("own").name == "own"
    for name, text in (("other", OWN), ("own", SAME.replace('"own"', '"another"'))):
        with pytest.raises(ValueError, match=f"layout {name} in the catalogue: its text is that of another"):
            replace(catalogue, layouts={name: text}).layout(name)
    packaged = replace(catalogue, layouts={"tout2023": TOUT.text})
    with pytest.raises(ValueError, match="layout tout2023 in the catalogue: its text is that of another"):
        packaged.layout("tout2023")
    wrong = OWN.replace('branch = "r"', 'branch = "SRD[0]"')
    with pytest.raises(ValueError, match="hidden events are counted by run"):
        replace(catalogue, layouts={"own": wrong}).layout("own")


def test_what_is_measured_is_no_run_before_a_file_is_opened(tmp_path: Path, write_file: Writer) -> None:
    path = write_file("mine", events(4))
    with pytest.raises(ValueError, match=r"layout own: branch .* cannot be run"):
        made(path, tmp_path, OWN.replace('branch = "r"', 'branch = "HCAL_ene"'))


def test_numbers_that_change_as_no_spill_does_are_noticed_in_own_layouts_only(
    tmp_path: Path, write_file: Writer, write_run: Writer
) -> None:
    changing = np.arange(400) % 2
    (record,) = made(write_file("mine", events(400, spill=changing)), tmp_path).files
    assert record.status is Status.QUARANTINED
    assert record.reason.startswith('branch "s" is no spill')
    (packaged,) = build([write_run("p.root", n_events=400, spillN=changing)], simulation=False).files
    assert packaged.is_good


def test_truth_of_an_own_layout_and_no_truth_are_told_apart(tmp_path: Path, write_file: Writer) -> None:
    path = write_file("mine", events(4) | {"t": np.ones(4, int)})
    with_truth = OWN.replace("[srd]", 'truth_component = { branch = "t" }\n[srd]')
    for text, expected in (
        (with_truth, "taken as simulation for what only layout own takes for its truth"),
        (OWN, "taken as simulation, but does not say what was simulated"),
    ):
        catalogue = build([path], simulation=True, layout=toml(tmp_path, text))
        assert catalogue.kind is SampleKind.SIMULATION
        assert any(line.endswith(expected) for line in catalogue.warnings)


def test_a_path_that_is_not_utf8_is_quarantined_under_a_name_that_can_be_read(write_run: Writer) -> None:
    path = write_run()
    odd = os.fsdecode(os.fsencode(path.parent) + b"/bad\xff.root")
    Path(path).rename(odd)
    record = inspect(odd, Expectation((TOUT,), load_periods()))
    assert record.status is Status.QUARANTINED
    assert record.reason.startswith("its path is not UTF-8")


def test_an_older_cycle_with_other_events_is_refused(write_run: Writer) -> None:
    path = write_run(n_events=6)
    with uproot.open(path) as file:
        columns = file["tout"].arrays(library="np")
    with uproot.update(path) as file:
        file["tout"] = {name: column[:4] for name, column in columns.items()}
    record = inspect(str(path), Expectation((TOUT,), load_periods()))
    assert record.status is Status.QUARANTINED
    assert "two trees" in record.reason


def test_a_catalogue_nested_without_end_is_none(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    path.write_text("[" * 200_000)
    with pytest.raises(ValueError, match=r"c\.json: not a catalogue: nested too deeply"):
        load(path)


COUNTED = OWN.replace(
    'spill = { branch = "s" }\nevent = { branch = "e" }', "spill = { value = 0 }\nevent = { entry = true }"
)


def test_what_files_do_not_say_of_run_and_event_only_simulation_may_lack(
    tmp_path: Path, write_file: Writer
) -> None:
    path = write_file("mine", events(4))
    with pytest.raises(ValueError, match="layout own: event is the entry in the file, which only simulation"):
        made(path, tmp_path, COUNTED)
    catalogue = build([path], simulation=True, layout=toml(tmp_path, COUNTED))
    assert catalogue.layout("own").counts_entries
    with pytest.raises(ValueError, match="layout own: event is the entry in the file"):
        replace(catalogue, kind=SampleKind.DATA).layout("own")


def test_files_that_count_their_entries_are_not_compared_and_others_still_are(
    tmp_path: Path, write_file: Writer
) -> None:
    paths = [write_file("mine", events(n), name=f"{n}.root") for n in (4, 5)]
    assert len(build(paths, simulation=True, layout=toml(tmp_path, COUNTED)).good) == 2
    assert len(build(paths, simulation=True, layout=toml(tmp_path, OWN)).good) == 1


def test_only_runs_of_files_without_spills_lack_them(
    tmp_path: Path, write_file: Writer, write_run: Writer
) -> None:
    before = build([write_run(run=8702)], simulation=False)
    without = OWN.replace('spill = { branch = "s" }', "spill = { value = 0 }")
    path = toml(tmp_path, without)
    both = build(
        [write_file("mine", events(4), name="own.root")], simulation=False, layout=path, previous=before
    )
    assert both.runs.keys() >= {8701, 8702}
    assert both.runs_without_spills == {8701}


def test_bounds_of_boxes_are_those_of_periods_with_runs_of_the_catalogue(
    tmp_path: Path, write_file: Writer, write_run: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    packaged, own = build([write_run()], simulation=False), made(write_file("mine", events(4)), tmp_path)
    periods = load_periods()
    closing = {"2023A": "veto_0", "2022": "srd_0"}
    with_boxes = {
        name: replace(periods[name], boxes=(*periods[name].boxes, box_on(feature)))
        for name, feature in closing.items()
    }
    monkeypatch.setattr(Catalogue, "known_periods", lambda _: periods | with_boxes)
    assert packaged.closed == frozenset()  # whose layout is known
    assert own.closed == with_boxes["2023A"].closed != frozenset()
    assert "srd" in with_boxes["2022"].closed - own.closed


def box_on(feature: str) -> StatedBox:
    return StatedBox("other", {}, (StatedBound((feature,), "GeV", -math.inf, 1.0, 0.1, (), "a test"),))
