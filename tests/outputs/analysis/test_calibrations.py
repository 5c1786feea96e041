"""Closure: constants of shifted cells are recovered, and data processed with them are as unshifted."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path
from typing import Any

import correctionlib
import pytest

import na64
from na64.datasets.calibration.calibration_file import load_calibration
from na64.datasets.calibration.constants import Calibration, Defect, Quantity
from na64.datasets.synthetic.campaign_reader import load_campaign
from na64.datasets.synthetic.simulation import simulate
from na64.outputs.analysis.calibrations import CalibrationResult
from na64.run import main

N_EVENTS = 14_000
FIRST, JUMP, LAST = 8701, 8703, 8704
SHIFTED = """
name = "shifted"
description = "three runs with wrong cells"
like = "cells"
run = [{ run = 8701, spills = 7 }, { run = 8703, spills = 7 }, { run = 8704, spills = 7 }]
bad = [{ run = 8703, spill = 4, ecal_gain = 0.68 }]
"""
FAULTS = """
cell_fault = [
  { detector = "ecal", cells = [44], gain = 0.85 },
  { detector = "ecal", cells = [3], gain = 1.2, delay = { value = 3, unit = "ns", source = "test" } },
  { detector = "ecal", cells = [50], delay = { value = -6, unit = "ns", source = "test" } },
  { detector = "hcal", cells = [4], gain = 0.8, delay = { value = 10, unit = "ns", source = "test" } },
  { detector = "srd", cells = [1], gain = 1.3, delay = { value = 4, unit = "ns", source = "test" } },
  { detector = "veto", cells = [2], gain = 0.7, delay = { value = -5, unit = "ns", source = "test" } },
  { detector = "srd", cells = [2], pedestal = { value = 0.002, unit = "GeV", source = "test" } },
  { detector = "hcal", cells = [20], gain = 0.0 },
  { detector = "ecal", cells = [17], noise = 8.0 },
  { detector = "hcal", cells = [13], gain = 0.6, first_run = 8704 },
]
"""
GAINS = {("ecal", 44): 0.85, ("ecal", 3): 1.2, ("hcal", 4): 0.8, ("srd", 1): 1.3, ("veto", 2): 0.7}
DELAYS = {("ecal", 3): 3, ("ecal", 50): -6, ("hcal", 4): 10, ("srd", 1): 4, ("veto", 2): -5}
BAD = {("hcal", 20): Defect.DEAD, ("ecal", 17): Defect.NOISY}

pytestmark = pytest.mark.usefixtures("undrawn")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same campaign with and without faults, each calibrated; the faulty one against the other."""
    place = tmp_path_factory.mktemp("closure")
    for name, text in (("plain", SHIFTED), ("wrong", SHIFTED + FAULTS)):
        (place / f"{name}.toml").write_text(text)
        simulate(load_campaign(place / f"{name}.toml"), to=place / name, n_events=N_EVENTS)
        na64.catalogue(place / name, to=place / f"{name}.json")
    return place


@pytest.fixture(scope="module")
def plain(folder: Path) -> CalibrationResult:
    return calibrated(folder, "plain")


@pytest.fixture(scope="module")
def wrong(folder: Path, plain: CalibrationResult) -> CalibrationResult:
    return calibrated(folder, "wrong", reference=plain.path)


def calibrated(folder: Path, files: str, to: str = "", **options: Any) -> CalibrationResult:
    place = folder / (to or f"{files}_constants")
    return na64.calibrate(folder / f"{files}.json", to=place, executor="iterative", report=False, **options)


def values(found: Calibration, run: int, detector: str, quantity: Quantity) -> Any:
    return found.range_of(run).detectors[detector].values[quantity]


def test_unshifted_cells_are_found_where_they_are(plain: CalibrationResult) -> None:
    assert [part.covers for part in plain.calibration.ranges] == [f"{FIRST}-{LAST}"]
    assert plain.calibration.ranges[0].bad == ()
    for detector in ("ecal", "hcal", "srd", "veto"):
        found = values(plain.calibration, FIRST, detector, Quantity.DELAY)
        measured = [cell for cell in range(len(found.values)) if found.is_measured(cell)]
        assert len(measured) == len(found.values)
        pulls = [found.values[cell] / found.errors[cell] for cell in measured]
        assert max(map(abs, pulls)) < 4.5
    # What leaks out of the ECAL is a few per mille.
    scales = values(plain.calibration, FIRST, "ecal", Quantity.SCALE)
    assert set(scales.values) == {scales.values[0]}
    assert scales.values[0] == pytest.approx(1.004, abs=0.002)
    assert values(plain.calibration, FIRST, "hcal", Quantity.SCALE).n_measured == 0  # relative to nothing


def test_a_range_ends_where_a_cell_jumps(wrong: CalibrationResult) -> None:
    assert [part.covers for part in wrong.calibration.ranges] == [f"{FIRST}-{JUMP}", f"{LAST}"]


def test_shifted_times_are_recovered_within_their_errors(wrong: CalibrationResult) -> None:
    for run in (FIRST, LAST):
        for (detector, cell), delay in DELAYS.items():
            found = values(wrong.calibration, run, detector, Quantity.DELAY)
            assert found.is_measured(cell)
            assert found.errors[cell] < 0.15
            assert found.values[cell] == pytest.approx(delay, abs=4 * found.errors[cell])


def test_resolutions_are_those_of_the_simulation(wrong: CalibrationResult) -> None:
    """Of the SRD 1 ns times 0.9, 1.067, 1 for its counters."""
    for cell, sigma in enumerate((0.9, 1.0667, 1.0)):
        found = values(wrong.calibration, FIRST, "srd", Quantity.SIGMA)
        assert found.values[cell] == pytest.approx(sigma, abs=4 * found.errors[cell] + 0.01)


def test_shifted_gains_are_recovered_within_their_errors(
    plain: CalibrationResult, wrong: CalibrationResult
) -> None:
    for run, gains in ((FIRST, GAINS), (LAST, {**GAINS, ("hcal", 13): 0.6})):
        for (detector, cell), gain in gains.items():
            found = values(wrong.calibration, run, detector, Quantity.SCALE)
            before = values(plain.calibration, FIRST, detector, Quantity.SCALE)
            assert found.is_measured(cell)
            expected = before.values[cell] / gain
            error = found.errors[cell] + before.errors[cell] / gain
            assert found.values[cell] == pytest.approx(expected, abs=4 * error + 1e-3)
    cells = [c for c in range(60) if ("ecal", c) not in GAINS]
    found = values(wrong.calibration, FIRST, "ecal", Quantity.SCALE)
    assert all(found.values[cell] == pytest.approx(1.004, abs=0.004) for cell in cells)


def test_a_shifted_baseline_is_found(wrong: CalibrationResult) -> None:
    found = values(wrong.calibration, FIRST, "srd", Quantity.BASELINE)
    assert found.is_measured(2)
    assert found.values[2] == pytest.approx(0.002, abs=4 * found.errors[2])
    noise = values(wrong.calibration, FIRST, "srd", Quantity.NOISE)
    assert noise.values[2] == pytest.approx(0.00015, rel=0.15)
    scale = values(wrong.calibration, FIRST, "srd", Quantity.SCALE)  # signals are less the baseline
    assert scale.values[2] == pytest.approx(1.0, abs=4 * scale.errors[2])
    assert scale.errors[2] < 0.03
    assert not found.is_measured(0)  # the files leave small signals of others out


def test_dead_and_noisy_cells_are_named_and_no_others(wrong: CalibrationResult) -> None:
    for part in wrong.calibration.ranges:
        assert {(b.detector, b.cell): b.defect for b in part.bad} == BAD


def test_a_cell_with_too_few_entries_keeps_the_old_value_and_says_so(
    plain: CalibrationResult, wrong: CalibrationResult
) -> None:
    before = values(plain.calibration, FIRST, "hcal", Quantity.DELAY).values[20]
    found = values(wrong.calibration, FIRST, "hcal", Quantity.DELAY)
    assert (found.values[20], found.errors[20], found.methods[20]) == (before, 0.0, "kept")
    rows = list(csv.DictReader((wrong.path.parent / "constants.csv").read_text().splitlines()))
    (row,) = [
        row
        for row in rows
        if (row["detector"], row["cell"], row["quantity"], row["first_run"])
        == ("hcal", "20", "delay", "8701")
    ]
    assert (row["method"], row["entries"], row["defect"]) == ("kept", "0", "dead")


def cutflow(folder: Path, name: str, to: str, **options: Any) -> Any:
    result = na64.process(
        folder / f"{name}.json",
        selection="dimuon_2023",
        to=folder / to,
        executor="iterative",
        report=False,
        **options,
    )
    return result.cutflow.loc["all"]["passed"]


def test_the_cut_flow_with_constants_is_that_of_unshifted_cells(
    folder: Path, wrong: CalibrationResult
) -> None:
    truth = cutflow(folder, "plain", "plain_out")
    shifted = cutflow(folder, "wrong", "wrong_out")
    mended = cutflow(folder, "wrong", "mended_out", calibration=wrong.path.parent)
    # They are the same events: without constants most are lost, with them hardly any.
    assert shifted["hcal_topology"] < 0.4 * truth["hcal_topology"]
    assert shifted["dimuon"] < 0.3 * truth["dimuon"]
    for cut in ("hcal_topology", "dimuon"):
        assert mended[cut] == pytest.approx(truth[cut], abs=max(3, 0.03 * truth[cut]))


def test_the_result_names_the_calibration(
    folder: Path, wrong: CalibrationResult, capsys: pytest.CaptureFixture[str]
) -> None:
    identity = wrong.calibration.identity
    result = na64.open_result(folder / "mended_out")
    assert result.summary.identities["calibration"] == identity
    assert any("hcal cell 20 is dead" in warning for warning in result.summary.warnings)
    assert main(["why", str(folder / "mended_out"), "8701"]) == 0
    assert "nothing has changed" in capsys.readouterr().out
    assert main(["audit", str(folder / "mended_out")]) == 0
    assert f"calibration {identity[:12]}" in capsys.readouterr().out


def test_runs_outside_of_all_ranges_are_refused(
    folder: Path, plain: CalibrationResult, tmp_path: Path
) -> None:
    part = calibrated(folder, "plain", "one_run", runs="8701").path
    with pytest.raises(ValueError, match=r"^run 8703 has no calibration: one_run covers runs 8701$"):
        cutflow(folder, "plain", str(tmp_path / "out"), calibration=part)


def test_stated_ranges_and_single_runs(folder: Path, plain: CalibrationResult) -> None:
    found = calibrated(folder, "plain", "stated", runs="8703,8704", ranges="8702-8703,8704-8710").calibration
    assert [part.covers for part in found.ranges] == ["8702-8703", "8704-8710"]
    found = calibrated(folder, "plain", "stated", runs="8703,8704", per_run=True).calibration
    assert [part.covers for part in found.ranges] == ["8703", "8704"]
    for text, why in (
        ("8701-8702", "run 8703 is in none"),
        ("8701-x", "is not a range"),
        ("8704,8701-8703", "not after"),
    ):
        with pytest.raises(ValueError, match=why):
            calibrated(folder, "plain", "stated", ranges=text)


def test_chunks_make_no_difference(folder: Path, plain: CalibrationResult) -> None:
    other = calibrated(folder, "plain", "other", name="plain_constants", chunk_events=700)
    assert other.path.read_bytes() == plain.path.read_bytes()


@pytest.mark.soak
@pytest.mark.parametrize("executor", ["processes", "dask"])
def test_executors_make_no_difference(folder: Path, plain: CalibrationResult, executor: str) -> None:
    other = na64.calibrate(
        folder / "plain.json",
        to=folder / executor,
        name="plain_constants",
        executor=executor,
        workers=2,
        report=False,
    )
    assert other.path.read_bytes() == plain.path.read_bytes()


def test_correctionlib_says_the_same(wrong: CalibrationResult) -> None:
    corrections = correctionlib.CorrectionSet.from_file(str(wrong.path.parent / "calibration.json"))
    for quantity in (Quantity.SCALE, Quantity.DELAY):
        found = values(wrong.calibration, LAST, "hcal", quantity)
        for cell in (4, 13, 20):
            assert corrections[quantity.value].evaluate(float(LAST), "hcal", cell) == found.values[cell]
    assert corrections["scale"].evaluate(float(FIRST), "ecal", 17) == 0.0  # noisy
    for run in (FIRST - 1, LAST + 1):
        with pytest.raises((IndexError, RuntimeError)):
            corrections["scale"].evaluate(float(run), "hcal", 4)


def test_another_catalogue_does_not_replace_a_calibration(folder: Path, plain: CalibrationResult) -> None:
    with pytest.raises(ValueError, match="holds the calibration of another catalogue"):
        calibrated(folder, "wrong", "plain_constants")


def test_the_monitoring_names_the_injected_faults_and_no_others(folder: Path, tmp_path: Path) -> None:
    files = tmp_path / "files"
    shutil.copytree(folder / "wrong", files)
    (files / "conditions" / "bad.csv").unlink()  # nobody knows of the bad spill
    spills = files / "conditions" / "spills.csv"
    spills.write_text(spills.read_text().replace(",bad,", ",good,"))
    na64.catalogue(files, to=tmp_path / "files.json")
    found = na64.monitor(tmp_path / "files.json", to=tmp_path / "watched", executor="iterative", report=False)
    watched = found.monitoring
    assert {(bad.detector, bad.cell): bad.defect for _, bad in watched.bad} == BAD
    assert list(watched.proposed) == [(8703, 4)]
    of_cells = {(o.place.name, o.detector, o.cell) for o in watched.outliers if o.cell is not None}
    assert of_cells == {("8704", "hcal", 13)}
    proposed = (tmp_path / "watched" / "proposed_bad.csv").read_text().splitlines()
    assert [line for line in proposed if not line.startswith("#")] == ["run,spill,start,stop", "8703,4,,"]
    rows = list(csv.DictReader((tmp_path / "watched" / "monitoring.csv").read_text().splitlines()))
    assert {row["place"] for row in rows if row["detector"] == "beam" and row["outlier"]} == {"8703:4"}


def test_the_monitoring_of_good_cells_is_silent(folder: Path, tmp_path: Path) -> None:
    found = na64.monitor(folder / "plain.json", to=tmp_path, executor="iterative", report=False)
    assert (found.monitoring.outliers, found.monitoring.bad, found.monitoring.proposed) == ((), (), {})


def test_an_edited_calibration_is_refused(folder: Path, wrong: CalibrationResult, tmp_path: Path) -> None:
    text = wrong.path.read_text()
    edited = tmp_path / "edited.toml"
    edited.write_text(text.replace("first = 8701", "first = 8700"))
    with pytest.raises(ValueError, match=r"^edited.toml: was edited"):
        load_calibration(edited)
    lines = [line for line in edited.read_text().splitlines() if not line.startswith("identity")]
    edited.write_text("\n".join(lines))
    assert load_calibration(edited).ranges[0].first == 8700


def test_the_commands_do_the_same(
    folder: Path, plain: CalibrationResult, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["calibrate", str(folder / "plain.json"), "--to", str(tmp_path / "plain_constants")]
    assert main([*command, "--executor", "iterative", "--no-report"]) == 0
    assert (tmp_path / "plain_constants" / "calibration.toml").read_bytes() == plain.path.read_bytes()
    assert "of 60 cells measured: delay 60, scale 60" in capsys.readouterr().out
    assert main([*command, "--per-run", "--ranges", "8701"]) == 2
    assert (
        main(["process", str(folder / "plain.json"), "--selection", "dimuon_2023", "--calibration", "x"]) == 2
    )
    assert "calibration x: no such file" in capsys.readouterr().err


def test_constants_of_another_production_are_refused(
    folder: Path, plain: CalibrationResult, tmp_path: Path
) -> None:
    files = tmp_path / "files"
    shutil.copytree(folder / "plain", files)
    (files / "conditions" / "production.toml").write_text('pass = "6"')
    na64.catalogue(files, to=tmp_path / "files.json")
    other = tmp_path / "other.toml"
    text = plain.path.read_text()
    assert 'production = "not stated"' in text
    other.write_text(text.replace('production = "not stated"', 'production = "pass 5"'))
    options: dict[str, Any] = {"selection": "dimuon_2023", "executor": "iterative", "report": False}
    with pytest.raises(ValueError, match="of production pass 5, those of the catalogue are of"):
        na64.process(tmp_path / "files.json", to=tmp_path / "out", calibration=other, **options)
    other.write_text(text.replace('sample = "data"', 'sample = "simulation"'))
    result = na64.process(
        tmp_path / "files.json", to=tmp_path / "out", calibration=other, runs="8701", **options
    )
    assert "was made of simulation, and is used for data" in " ".join(result.summary.warnings)


@pytest.mark.soak
def test_a_bundle_takes_the_calibration_along(
    folder: Path, wrong: CalibrationResult, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cutflow(folder, "wrong", "kept_out", calibration=wrong.path)
    bundle = tmp_path / "kept.zip"
    assert main(["bundle", str(folder / "kept_out"), "--to", str(bundle)]) == 0
    assert main(["reproduce", str(bundle), "--data", str(folder / "wrong"), "--here"]) == 0
    assert "byte for byte those of the bundle" in capsys.readouterr().out
