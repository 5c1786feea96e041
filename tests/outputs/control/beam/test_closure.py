"""Simulated beams: what was put in is measured, from run files to table and report."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from scipy import stats

import na64
from na64.outputs.control.beam.measure import BeamMeasurement
from na64.outputs.control.beam.section import SECTION
from na64.outputs.control.beam.values import Measured
from na64.outputs.events.analysis import reopen
from na64.outputs.report.write import section_pages
from na64.outputs.result.store import read_result
from na64.processors.counting.counting import apply_cuts
from na64.run import main

pytestmark = pytest.mark.usefixtures("undrawn")

PURE = {"hadrons": "8745", "muons": "8746"}
HADRON, MUON = 1, 2
ACCIDENTAL = 0.02 * math.exp(-1 / 5)
"""Chance that a counter fires and has more than 1 MeV of an exponential of 5 MeV."""


@pytest.fixture(scope="module")
def folders(
    tmp_path_factory: pytest.TempPathFactory, edited: Callable[..., Path], process: Callable[..., Path]
) -> dict[str, Path]:
    """Give the results of a beam with a tenth of hadrons and a twentieth of muons, and of each alone."""
    folder = tmp_path_factory.mktemp("beam")
    packaged = Path(na64.__file__).parent / "datasets/synthetic/campaigns/beam.toml"
    text = packaged.read_text().replace("value = 1.2e-6", "value = 1.2e-5").replace("1.2e-7", "6e-6")
    (folder / "own.toml").write_text(text)
    assert main(["simulate", str(folder / "own.toml"), "--to", str(folder / "data"), "--events", "8000"]) == 0
    found = {"data": folder / "data"}
    for name, runs in {"out": "8741-8744", **PURE}.items():
        found[name] = process(folder / "data", "beam_2023", "--runs", runs, name=name)
    return found


@pytest.fixture(scope="module")
def measured(folders: dict[str, Path]) -> BeamMeasurement:
    return na64.beam(folders["out"], hadrons=folders["hadrons"], muons=folders["muons"])


@pytest.fixture(scope="module")
def truth(folders: dict[str, Path]) -> np.ndarray:
    """Give the component of every event that passes the cuts."""
    table = pq.read_table(folders["data"] / "truth.parquet").to_pydict()
    keys = zip(table["run"], table["spill"], table["event"], strict=True)
    component = dict(zip(keys, table["component"], strict=True))
    analysis, found = reopen(folders["out"]), []
    for events in analysis.read_events():
        passed = apply_cuts(analysis.selection, events.values).first == len(analysis.selection.cuts)
        spill, event = (events.columns.event[name][passed].tolist() for name in ("spill", "event"))
        found += [component[events.run, *key] for key in zip(spill, event, strict=True)]
    return np.array(found)


def _all(measured: BeamMeasurement, name: str) -> Measured:
    return measured.samples[0].everything[name].measured


def _is_near(found: Measured, true: float, n_errors: float = 3.0) -> bool:
    return -n_errors * found.above < found.value - true < n_errors * found.below


def test_the_composition_is_that_of_the_truth(measured: BeamMeasurement, truth: np.ndarray) -> None:
    n = len(truth)
    assert _all(measured, "momentum").n_events == n
    for name, component in (("hadron_fraction", HADRON), ("muon_fraction", MUON)):
        true = float((truth == component).sum()) / n
        assert true > 0.03
        assert _is_near(_all(measured, name), true)
        assert _all(measured, name.replace("fraction", "tagged")).value < 0.9 * true
    assert _is_near(_all(measured, "electron_fraction"), float((truth == 0).sum()) / n)


def test_with_the_bits_of_the_beam_trigger_hadrons_that_fire_the_physics_trigger_count(
    measured: BeamMeasurement, folders: dict[str, Path], process: Callable[..., Path], tmp_path: Path
) -> None:
    packaged = Path(na64.__file__).parent / "outputs/control/beam/beam.toml"
    bits = '[trigger]\nbeam_mask = { value = 2, source = "a test" }\n'
    (tmp_path / "bits.toml").write_text(packaged.read_text() + bits)
    (tmp_path / "all.toml").write_text('base = "beam_2023"\nname = "all"\nremove = ["not_physics"]\n')
    pure = process(folders["data"], str(tmp_path / "all.toml"), "--runs", PURE["hadrons"], name="all_hadrons")
    every = process(folders["data"], str(tmp_path / "all.toml"), "--runs", "8741-8744", name="every")
    found = na64.beam(every, hadrons=pure, settings=tmp_path / "bits.toml")
    table = pq.read_table(folders["data"] / "truth.parquet").to_pydict()
    component = np.array(table["component"])[np.array(table["run"]) < 8745]
    true = float((component == HADRON).mean())
    assert _is_near(_all(found, "hadron_fraction"), true)
    assert _all(found, "momentum").n_events > _all(measured, "momentum").n_events
    assert found.partly_hidden == (8741, 8742, 8743, 8744)
    with pytest.raises(ValueError, match="no cut trigger_physics = 0"):
        na64.beam(every)


def test_momentum_and_divergence_are_those_simulated(measured: BeamMeasurement) -> None:
    assert _is_near(_all(measured, "momentum"), 100.0)
    assert _is_near(_all(measured, "momentum_resolution"), math.hypot(0.01, 0.005))
    assert _is_near(_all(measured, "divergence"), 0.4e-3)
    expected = math.hypot(0.01, 0.005) * 0.299792 * 7.0 / 100
    assert _is_near(_all(measured, "bending_angle_resolution"), expected)
    for side in ("below", "above"):
        assert _is_near(_all(measured, f"momentum_{side}"), 0.00135, 4)


def test_the_srd_is_as_efficient_as_its_spectrum_says(measured: BeamMeasurement) -> None:
    in_time = 1 - stats.norm.sf(3) * 2
    each = [
        in_time * (stats.gamma.sf(1, 1.9, scale=mean / 1.9) - stats.gamma.sf(80, 1.9, scale=mean / 1.9))
        for mean in (13.6, 12.5, 12.3)
    ]
    lost = 0.02  # at most, to second particles: pile-up has a probability of 0.03
    found = _all(measured, "srd_passed_electron")
    assert math.prod(each) - lost < found.value + 3 * found.above
    assert found.value - 3 * found.below < math.prod(each)
    assert _is_near(_all(measured, "srd_0_energy"), 0.0136, 5)


def test_hadrons_pass_the_srd_by_accident(folders: dict[str, Path]) -> None:
    found = na64.beam(folders["hadrons"])
    for counter in range(3):
        assert _is_near(_all(found, f"srd_{counter}_passed_hadron"), ACCIDENTAL, 4)
    expected = _all(found, "srd_accidental_hadron")
    assert abs(expected.value - ACCIDENTAL**3) < 4 * expected.above
    assert _all(found, "srd_passed_hadron").n_passed == 0


def test_rows_of_the_runs_add_up_to_all(
    measured: BeamMeasurement, folders: dict[str, Path], rows: Callable[[Path], list[dict[str, str]]]
) -> None:
    table = rows(folders["out"] / "beam.csv")
    assert {row["run"] for row in table} == {"8741", "8742", "8743", "8744", "all"}
    assert {row["sample"] for row in table} == {"physics e- 100 GeV"}
    for name in ("momentum", "hadron_tagged", "srd_passed_electron"):
        events = {row["run"]: int(row["events"]) for row in table if row["quantity"] == name}
        assert sum(events.values()) == 2 * events["all"] > 0
    assert [row for row in table if row["outlier"]] == []
    assert all(float(row["p"]) > 1e-5 for row in table if row["p"])


def test_runs_of_other_types_are_samples_of_their_own(
    folders: dict[str, Path], process: Callable[..., Path]
) -> None:
    found = na64.beam(process(folders["data"], "beam_2023", name="all_runs"))
    assert [one.sample.name for one in found.samples] == [
        "physics e- 100 GeV",
        "calibration e- 100 GeV",
        "beam e- 100 GeV",
    ]


def test_the_report_has_a_section(measured: BeamMeasurement, folders: dict[str, Path]) -> None:
    folder = folders["out"]
    na64.beam(folder, hadrons=folders["hadrons"], muons=folders["muons"])
    result, products = (folder / "result.json").read_bytes(), read_result(folder)
    page = section_pages((SECTION,), folder, products, result)["Beam"]
    for text in (
        "Of another result",
        "SRD, tagged electrons that pass [%]",
        "43.26 photons, critical energy 11.64 MeV, 155.0 MeV",
        "Not in these files: beam spot",
        "Pions, kaons and protons are not told apart",
        "Efficiency of the tag of hadrons",
    ):
        assert (text in page) is (text != "Of another result"), text
    assert page.count("data:image/png;base64,") == 4
    facts = json.loads((folder / "beam.json").read_text())
    (folder / "beam.json").write_text(json.dumps(facts | {"result": {}}))
    assert "Of another result" in section_pages((SECTION,), folder, products, result)["Beam"]


def test_what_cannot_be_measured_is_refused(
    folders: dict[str, Path], process: Callable[..., Path], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def refusal(*words: str) -> str:
        capsys.readouterr()
        assert main(["beam", *words]) == 2
        return capsys.readouterr().err

    out = str(folders["out"])
    other = process(folders["data"], "efficiency_beam", "--runs", "8741", name="biased")
    assert "cut track acts on track_momentum" in refusal(str(other))
    assert "selection efficiency_beam is not beam_2023, cut by cut" in refusal(out, "--hadrons", str(other))
    assert "none of" in refusal(out, "--muons", str(folders["hadrons"]))
    assert "is it no sample" not in refusal(out, "--positions", "ecla")
    assert "feature ecal is in GeV, not a position in mm" in refusal(out, "--positions", "ecal")
    own = tmp_path / "own.toml"
    packaged = Path(na64.__file__).parent / "outputs/control/beam/beam.toml"
    own.write_text(packaged.read_text().replace("[1, 80]", "[80, 1]"))
    assert "own.toml: srd.window: [0.08, 0.001] is not a lower and an upper" in refusal(
        out, "--settings", str(own)
    )


def test_lines_say_what_was_found(folders: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["beam", str(folders["out"])]) == 0
    said = capsys.readouterr().out
    for text in (
        "physics e- 100 GeV: ",
        "bent by 20.99 mrad in 7 T m",
        "tagged shares are no fractions of the beam: the tag of hadrons and muons has no efficiency",
        "accidental coincidences of the counters' rates there",
        "43.26 photons, critical energy 11.64 MeV, 155.0 MeV in all; the counters see 13.",
        "not in these files: beam spot",
        "no run differs from the others",
    ):
        assert text in said, text
