"""A calibration never shows what is hidden without it, and nothing of it depends on hidden events."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from na64.datasets.calibration.calibration_file import to_toml
from na64.datasets.calibration.constants import Calibration, Quantity
from na64.datasets.catalogue.build import load
from na64.datasets.conditions.periods import load_periods
from na64.datasets.instrument.columns import EventColumns
from na64.datasets.reading.layout import load_layout
from na64.datasets.reading.read import read
from na64.outputs.result.audit_log import entries
from na64.processors.events.visible_events import visible_events
from na64.processors.job import FileContext, Job, build_job
from na64.processors.run_contexts import contexts_of_runs
from na64.processors.unblinded_counts import Opening, opened_events
from na64.run import main
from na64.selections.selection import load_selection
from na64.selections.signal_box import Unblinding
from na64.tests.datasets.calibration.example_constants import Changes, calibration_of

RUN = 8701
SELECTION = load_selection("dimuon_2022")
LAYOUTS = {"hits": load_layout("hits")}
FILE = FileContext("0" * 64, "hits", (RUN,))


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> EventColumns:
    folder = tmp_path_factory.mktemp("calibrated")
    command = ["simulate", "small", "--to", str(folder), "--events", "1500", "--layout", "hits"]
    assert main(command) == 0
    return read(folder / "run_8701.root", LAYOUTS["hits"], 0, 600)


def rows_seen(events: EventColumns, calibration: Calibration | None) -> set[int]:
    contexts = contexts_of_runs([RUN], load_periods(), calibration=calibration)
    (part,) = visible_events(events, Job(SELECTION, False, False, contexts, LAYOUTS), FILE)
    assert part.rows is not None
    return set(part.rows.tolist())


@pytest.fixture(scope="module")
def uncalibrated(events: EventColumns) -> set[int]:
    return rows_seen(events, None)


def all_cells(detector: str, quantity: Quantity, value: float) -> Changes:
    n_cells = load_periods()["2023A"].setup.detectors[detector].n_cells
    return {(detector, quantity): dict.fromkeys(range(n_cells), value)}


ATTACKS = {
    "larger ECAL energies": all_cells("ecal", Quantity.SCALE, 5.0),
    "larger HCAL energies": all_cells("hcal", Quantity.SCALE, 100.0),
    "no energies": all_cells("ecal", Quantity.SCALE, 0.0),
    "late cells": all_cells("ecal", Quantity.DELAY, 500.0),
    "wide windows": all_cells("ecal", Quantity.SIGMA, 1e6),
    "narrow windows": all_cells("ecal", Quantity.SIGMA, 1e-6),
    "a negative baseline": all_cells("hcal", Quantity.BASELINE, -100.0),
    "a high baseline": all_cells("ecal", Quantity.BASELINE, 50.0),
}


@pytest.mark.parametrize("what", ATTACKS)
def test_what_is_hidden_without_a_calibration_stays_hidden_with_it(
    what: str, events: EventColumns, uncalibrated: set[int]
) -> None:
    assert rows_seen(events, calibration_of(ATTACKS[what])) <= uncalibrated


def test_what_a_calibration_moves_into_the_box_is_hidden_too(
    events: EventColumns, uncalibrated: set[int]
) -> None:
    changes = all_cells("ecal", Quantity.SCALE, 0.01) | all_cells("hcal", Quantity.SCALE, 0.01)
    assert len(rows_seen(events, calibration_of(changes))) < 0.6 * len(uncalibrated)


def test_the_attacks_would_work_without_the_periods_own_set_up(
    events: EventColumns, uncalibrated: set[int]
) -> None:
    """With the calibrated set-up alone events of the box are seen: the suite can fail."""
    seen = set()
    for what in ("larger ECAL energies", "larger HCAL energies", "a negative baseline"):
        contexts = contexts_of_runs([RUN], load_periods(), calibration=calibration_of(ATTACKS[what]))
        alone = {run: replace(context, uncalibrated=None) for run, context in contexts.items()}
        (part,) = visible_events(events, Job(SELECTION, False, False, alone, LAYOUTS), FILE)
        assert part.rows is not None
        if not set(part.rows.tolist()) <= uncalibrated:
            seen.add(what)
    assert len(seen) == 3


numbers = st.floats(0.1, 10).map(lambda value: float(f"{value:.3g}"))
cells = st.dictionaries(st.integers(0, 35), numbers, max_size=36)
any_changes = st.dictionaries(
    st.tuples(
        st.sampled_from(["ecal", "hcal", "srd", "veto"]),
        st.sampled_from([Quantity.SCALE, Quantity.DELAY, Quantity.SIGMA, Quantity.BASELINE]),
    ),
    cells,
    max_size=4,
)


@settings(max_examples=15)
@given(any_changes)
def test_no_calibration_shows_more(events: EventColumns, uncalibrated: set[int], changes: Changes) -> None:
    assert rows_seen(events, calibration_of(changes)) <= uncalibrated


def test_an_event_of_the_box_is_visible_or_opened_and_never_lost(events: EventColumns) -> None:
    for changes in ATTACKS.values():
        contexts = contexts_of_runs([RUN], load_periods(), calibration=calibration_of(changes))
        job = Job(SELECTION, False, False, contexts, LAYOUTS)
        (part,) = visible_events(events, job, FILE)
        opening = Opening(job, Unblinding("f" * 64, "why", ("Ada", "Emmy"), key="k"))
        ((_, opened, _),) = opened_events(events, opening, FILE)
        assert part.rows is not None
        assert not set(opened.tolist()) & set(part.rows.tolist())


def looks(world: Any, folder: Path, capfd: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """All that anybody sees of a calibration and a monitoring of a world, input hashes aside."""
    seen: dict[str, Any] = {}
    for command in ("calibrate", "monitor"):
        place = folder / world.name / command
        capfd.readouterr()
        line = [command, str(world.catalogue), "--to", str(place), "--executor", "iterative"]
        assert main([*line, "--no-report", *(["--least", "20"] if command == "calibrate" else [])]) == 0
        out, err = capfd.readouterr()
        seen[f"{command} lines"] = (out.replace(str(place), "DIR"), re.sub(r" in .* s.*|compil.*", "", err))
        for path in sorted(place.glob("*.csv")):
            seen[path.name] = path.read_bytes()
        seen[f"{command} sizes"] = sorted(path.stat().st_size for path in (place / "partials").rglob("*.*"))
    text = (folder / world.name / "calibrate" / "calibration.toml").read_text()
    seen["constants"] = re.sub(r'catalogue = ".*"', "", text)
    return seen


SOME, ALL = slice(0, None, 3), slice(None)
"""Worlds that are looked at: two of four, or all."""


@pytest.mark.parametrize(
    ("layout", "which"),
    [
        ("hits", SOME),
        pytest.param("hits", ALL, marks=pytest.mark.soak),
        pytest.param("tout2023", ALL, marks=pytest.mark.soak),
    ],
)
def test_constants_and_outliers_do_not_depend_on_hidden_events(
    layout: str, which: slice, worlds: Callable[..., Any], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    first, *others = [looks(world, tmp_path, capfd) for world in worlds(layout)[which]]
    assert b",electrons" in first["constants.csv"] or b",particles" in first["constants.csv"]
    for other in others:
        assert {name for name in first if first[name] != other[name]} == set()


def test_every_pass_is_in_the_log(worlds: Callable[..., Any], tmp_path: Path) -> None:
    world = worlds("hits")[0]
    for command in ("calibrate", "monitor"):
        line = [command, str(world.catalogue), "--to", str(tmp_path / command), "--executor", "iterative"]
        assert main([*line, "--no-report"]) == 0
    events = [str(line["event"]) for line in entries(world.folder / "audit.jsonl")]
    assert events[-4:] == ["calibrate", "calibrated", "monitor", "monitored"]


def test_calibrated_cells_are_in_every_key(worlds: Callable[..., Any]) -> None:
    catalogue = load(worlds("hits")[0].catalogue)
    record = catalogue.good[0]
    keys, regions = set(), set()
    for calibration in (
        None,
        calibration_of({}, (8701, 8703)),
        calibration_of(ATTACKS["larger ECAL energies"], (8701, 8703)),
        calibration_of(all_cells("veto", Quantity.SCALE, 1.1), (8701, 8703)),
    ):
        job = build_job(catalogue, SELECTION, calibration=calibration)
        file = FileContext(record.sha256, record.layout, tuple(sorted(record.runs)))
        keys |= {job.feature_key(file, 0, 10), job.result_key(file, 0, 10)}
        regions.add(job.hidden_region(file.runs[0]))
    assert (len(keys), len(regions)) == (8, 4)


def test_a_frozen_result_is_of_its_calibration(
    worlds: Callable[..., Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world, constants = worlds("hits")[0], tmp_path / "constants.toml"
    constants.write_bytes(to_toml(calibration_of({}, (8701, 8703))))
    line = ["process", str(world.catalogue), "--selection", "dimuon_2022", "--to", str(tmp_path / "out")]
    options = ["--executor", "iterative", "--no-report"]
    assert main([*line, *options, "--calibration", str(constants)]) == 0
    assert "with and without calibration example" in capsys.readouterr().err
    assert main([*line, *options]) == 2
    assert "holds a result with another calibration of the cells" in capsys.readouterr().err
    assert main(["freeze", str(tmp_path / "out"), "--background", "0.5 +- 0.2"]) == 0
    assert main(["events", str(tmp_path / "out"), "--after", "visible", "--limit", "3"]) == 0
    constants.write_bytes(to_toml(calibration_of({("veto", Quantity.SCALE): {0: 1.1}}, (8701, 8703))))
    capsys.readouterr()
    assert main(["freeze", str(tmp_path / "out"), "--background", "0.5 +- 0.2"]) == 1
    assert "the stored result is of another calibration than there is now" in capsys.readouterr().err
    assert main(["events", str(tmp_path / "out")]) == 2
    assert "not as it was when the result was made" in capsys.readouterr().err
    assert main(["why", str(tmp_path / "out"), "8701"]) == 0
    assert re.search(r"^calibration: \w{12} then, \w{12} now$", capsys.readouterr().out, re.MULTILINE)
    constants.unlink()
    assert main(["why", str(tmp_path / "out"), "8701"]) == 2
    assert 'constants.toml" is not there' in capsys.readouterr().err
