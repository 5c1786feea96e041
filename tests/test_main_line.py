"""The straight line end to end: layouts, formats, executors, scopes and interruptions."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import uproot
from numpy.typing import NDArray

from na64.outputs.result.store import read_result
from na64.run import main

Products = dict[str, bytes]
Rows = list[dict[str, str]]

N_EVENTS = 700
LAYOUTS = {
    "tout2023": ("small", "dimuon_2023"),
    "hits": ("small", "dimuon_2023"),
    "array2018": ("small2018", "invisible_2018"),
}
FORMATS = ("ttree", "rntuple", "parquet")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_three_formats_of_a_sample_give_the_same(
    *,
    layout: str,
    simulate: Callable[..., Path],
    process: Callable[..., Path],
    canonical: Callable[[Path], Products],
    rows: Callable[[Path], Rows],
    tmp_path: Path,
) -> None:
    campaign, selection = LAYOUTS[layout]
    found = []
    for container in FORMATS:
        files = simulate(tmp_path / container, campaign, N_EVENTS, layout=layout, format=container)
        folder = process(files, selection)
        found.append(canonical(folder))
    assert found[0] == found[1] == found[2]
    total = [row for row in rows(folder / "cutflow.csv") if row["run"] == "all"]
    assert 0 < int(total[-3]["passed"]) < int(total[0]["passed"]) < N_EVENTS
    assert sum(int(row["processed"]) for row in rows(folder / "yields.csv")) == N_EVENTS


MINE = """
base = "dimuon_2023"
name = "mine"
label = "sums of weights beside counts"
[[feature]]
name = "one"
unit = "1"
formula = "where(ecal > 0, 1, 1)"
[[feature]]
name = "uneven"
unit = "1"
formula = "(ecal - 40 * GeV) / (hcal_0 - 0.25 * GeV) + 0.1"
[[append_histogram]]
name = "ones"
after = "master_time"
weight = "one"
axes = [{ feature = "ecal", bins = 60, low = 0, high = 120, unit = "GeV" }]
[[append_histogram]]
name = "counts"
after = "master_time"
axes = [{ feature = "ecal", bins = 60, low = 0, high = 120, unit = "GeV" }]
[[append_histogram]]
name = "sums"
after = "master_time"
weight = "uneven"
axes = [
  { feature = "ecal", bins = 20, low = 0, high = 120, unit = "GeV" },
  { feature = "hcal", bins = 20, low = 0, high = 120, unit = "GeV" },
]
"""


def mine(files: Path) -> str:
    """A selection with sums of weights, beside the files."""
    path = files.parent / "mine.toml"
    path.write_text(MINE)
    return str(path)


@pytest.fixture(scope="module")
def data(
    simulate: Callable[..., Path],
    process: Callable[..., Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """Files of a small campaign, and the products that one process made of them."""
    files = simulate(tmp_path_factory.mktemp("data"), "small", N_EVENTS)
    process(files, mine(files), name="reference")
    return files


@pytest.fixture(scope="module")
def reference(data: Path, canonical: Callable[[Path], Products]) -> Products:
    return canonical(data.parent / "reference")


@pytest.mark.parametrize(
    "options",
    [
        ("iterative", "--chunk-events", "97"),
        ("processes", "--workers", "2", "--chunk-events", "61"),
        ("dask", "--workers", "2", "--chunk-events", "97"),
        pytest.param(("processes", "--workers", "1"), marks=pytest.mark.soak),
        pytest.param(("dask", "--workers", "1"), marks=pytest.mark.soak),
    ],
    ids=" ".join,
)
def test_the_executor_and_the_chunk_size_do_not_matter(
    options: tuple[str, ...],
    data: Path,
    reference: Products,
    process: Callable[..., Path],
    canonical: Callable[[Path], Products],
) -> None:
    folder = process(data, mine(data), "--executor", *options, name="_".join(options))
    assert canonical(folder) == reference


def test_sums_of_weights_are_of_the_events_that_are_counted(data: Path) -> None:
    histograms = read_result(data.parent / "reference").histograms
    ones, counts, sums = (histograms[name] for name in ("ones", "counts", "sums"))
    assert counts.sum() > 100
    np.testing.assert_array_equal(ones.values(flow=True), counts.values(flow=True))
    np.testing.assert_array_equal(ones.variances(flow=True), counts.values(flow=True))
    assert sums.values().min() < 0 < sums.values().max()
    with uproot.open(data.parent / "reference" / "histograms.root") as file:
        np.testing.assert_array_equal(file["sums"].values(flow=True), sums.values(flow=True))
        np.testing.assert_array_equal(file["sums"].variances(flow=True), sums.variances(flow=True))


def test_nothing_is_counted_twice_on_resuming(
    data: Path,
    reference: Products,
    process: Callable[..., Path],
    canonical: Callable[[Path], Products],
    capsys: pytest.CaptureFixture[str],
) -> None:
    first = process(data, mine(data), name="resumed")
    partials = sorted((first / "partials").rglob("*.partial"))
    for path in partials[1:]:
        path.unlink()
    kept = partials[0].stat().st_mtime_ns
    (first / "yields.csv").write_text("of another result")
    capsys.readouterr()
    process(data, mine(data), name="resumed")
    assert " before;" in capsys.readouterr().err
    assert partials[0].stat().st_mtime_ns == kept
    assert canonical(first) == reference
    process(data, mine(data), name="resumed")
    assert f"process: all {N_EVENTS} events were done before" in capsys.readouterr().err
    process(data, mine(data), "--fresh", name="resumed")
    assert f"process: {N_EVENTS} events in" in capsys.readouterr().err
    assert partials[0].stat().st_mtime_ns > kept
    assert canonical(first) == reference


@pytest.mark.parametrize(
    "problem",
    [OSError(28, "No space left on device", "report.html"), ImportError("no jinja2"), TypeError("x")],
)
def test_a_report_that_cannot_be_written_takes_neither_verdict_nor_exit_code_with_it(
    *,
    data: Path,
    tmp_path: Path,
    problem: Exception,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(*_: object) -> None:
        raise problem

    monkeypatch.setattr("na64.outputs.report.write.write_report", fail)
    line = ["process", f"{data}.json", "--selection", "dimuon_2023", "--to", str(tmp_path / "out")]
    assert main([*line, "--executor", "iterative"]) == 0
    said = capsys.readouterr()
    assert said.out.startswith("COMPLETE: ")
    assert "na64: the report is not written: " in said.err
    assert main(["status", str(tmp_path / "out")]) == 0


GATE = """
import signal
import time
from pathlib import Path
from na64.processors.features.plugin import feature

@feature(name="shut", unit="1")
def shut(event):
    place, made_up = Path("{place}"), set(event["ecal"].tolist()) == {{99.0}}  # what plug-ins are tried on
    if len(event["ecal"]) and not made_up:
        stop = signal.getsignal(signal.SIGINT).__closure__[0].cell_contents
        number = len(list(place.glob("call*")))
        (place / f"call{{number}}").touch()
        while number == 2 and not stop.is_set():  # until the driver has taken the interrupt in
            time.sleep(0.01)
    return 0 * event["ecal"]
"""


def test_an_interrupted_run_goes_on_where_it_was(
    data: Path, tmp_path: Path, reference: Products, canonical: Callable[[Path], Products]
) -> None:
    plugin, products = tmp_path / "gate.py", tmp_path / "products"
    plugin.write_text(GATE.format(place=tmp_path))
    command = [sys.executable, "-m", "na64.run", "process", f"{data}.json", "--to", str(products)]
    command += [
        "--selection",
        mine(data),
        "--executor",
        "iterative",
        "--plugin",
        str(plugin),
        "--no-report",
    ]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as begun:
        while not (tmp_path / "call2").exists():
            assert begun.poll() is None, begun.communicate()
            time.sleep(0.01)
        begun.send_signal(signal.SIGINT)
        said = begun.communicate(timeout=600)
    assert begun.returncode == 130
    assert said[1].splitlines()[-1].startswith("na64: interrupted")
    assert not (products / "yields.csv").exists()
    assert len(list((products / "partials").rglob("*.partial"))) == 3
    again = subprocess.run(command, capture_output=True, text=True, check=True)
    assert " before" in again.stderr
    assert len(list(tmp_path.glob("call*"))) == 4
    assert canonical(products)["cutflow.csv"] == reference["cutflow.csv"]


def test_a_limit_is_incomplete_and_a_scope_is_not(
    data: Path,
    tmp_path: Path,
    rows: Callable[[Path], Rows],
    capsys: pytest.CaptureFixture[str],
) -> None:
    command = ["process", f"{data}.json", "--selection", "dimuon_2023", "--executor", "iterative"]
    command += ["--no-report", "--to"]
    assert main([*command, str(tmp_path / "limit"), "--limit", "100"]) == 1
    assert "INCOMPLETE: 700 recorded, 300 processed" in capsys.readouterr().out
    found = rows(tmp_path / "limit" / "yields.csv")
    assert [row["processed"] for row in found] == ["100", "100", "100"]
    assert all(int(row["recorded"]) == 100 + int(row["missing"]) for row in found)
    assert main([*command, str(tmp_path / "scope"), "--runs", "8702-8799"]) == 0
    assert "\nCOMPLETE" in "\n" + capsys.readouterr().out
    whole = rows(data.parent / "reference" / "yields.csv")
    assert rows(tmp_path / "scope" / "yields.csv") == whole[1:]
    assert read_result(tmp_path / "scope").summary.scope == "runs 8702-8799"
    assert main(["status", str(tmp_path / "limit")]) == 1


def test_a_run_without_exposure_is_processed_with_a_warning(
    data: Path,
    tmp_path: Path,
    process: Callable[..., Path],
    rows: Callable[[Path], Rows],
    capsys: pytest.CaptureFixture[str],
) -> None:
    files = tmp_path / "data"
    (files / "conditions").mkdir(parents=True)
    for path in data.glob("*.root"):
        os.link(path, files / path.name)
    for name in ("runs", "spills", "bad"):
        lines = (data / "conditions" / f"{name}.csv").read_text().splitlines(keepends=True)
        kept = [line for line in lines if name == "bad" or not line.startswith("8702,")]
        (files / "conditions" / f"{name}.csv").write_text("".join(kept))
    folder = process(files, "dimuon_2023")
    assert "warning: run 8702: no electrons on target are stated" in capsys.readouterr().out
    found, whole = rows(folder / "yields.csv"), rows(data.parent / "reference" / "yields.csv")
    assert [row["eot"] == "" for row in found] == [False, True, False]
    assert all(row["eot"] for row in whole)
    for row in whole:
        row["eot"] = row["eot"] if row["run"] != "8702" else ""
    # The run's type is not known without its record, so all of its triggers may be physics: more is hidden.
    assert found[0] == whole[0]
    assert found[2] == whole[2]
    assert int(found[1]["hidden"]) >= int(whole[1]["hidden"])
    assert found[1]["processed"] == whole[1]["processed"]


def test_the_regions_are_populated_and_dimuons_leave_two_muons_in_each_module(
    simulate: Callable[..., Path],
    process: Callable[..., Path],
    rows: Callable[[Path], Rows],
    tmp_path: Path,
) -> None:
    files = simulate(tmp_path, "demo", 30_000)
    folder = process(files, "dimuon_2023")
    yields = rows(folder / "yields.csv")
    totals = {name: sum(int(row[f"region_{name}"]) for row in yields) for name in ("I", "II", "III")}
    assert totals["I"] > 30
    assert totals["II"] > 300
    assert totals["III"] > 30
    two_muons = pytest.approx(2 * 2.75, rel=0.1)
    assert [float(energy) for energy in _median_of_modules(files)] == [two_muons] * 3
    selected = read_result(folder).histograms["dimuon_hcal"]
    reached = np.cumsum(selected.values())
    assert reached[-1] > 30
    assert selected.axes[0].centers[np.searchsorted(reached, reached[-1] / 2)] / 3 == two_muons


def _median_of_modules(files: Path) -> NDArray[Any]:
    """Energy that true dimuons leave in HCAL modules 0 to 2, from the branches."""
    described = pq.read_metadata(files / "truth.parquet").metadata[b"components"]
    dimuon = [component["name"] for component in json.loads(described)].index("dimuon")
    found = []
    for path in files.glob("*.root"):
        with uproot.open(path) as file:
            tree = file["tout"].arrays(["truth_component", "HCAL_ene"], library="np")
        found.append(tree["HCAL_ene"][tree["truth_component"] == dimuon].reshape(-1, 4, 9).sum(axis=2))
    energy = np.concatenate(found)
    # A muon may leave at the side before module 2: both are there if the modules ahead of it saw two.
    both = ((energy[:, :2] > 4) & (energy[:, :2] < 8)).all(axis=1)
    medians: NDArray[Any] = np.median(energy[both], axis=0)[:3]
    return medians


def test_the_report_is_made_of_what_is_stored(
    data: Path, reference: Products, tmp_path: Path, undrawing: Callable[[], AbstractContextManager[None]]
) -> None:
    folder = tmp_path / "out"
    command = ["process", f"{data}.json", "--selection", mine(data), "--to", str(folder)]
    with undrawing():
        assert main([*command, "--executor", "iterative"]) == 0
    assert {name: (folder / name).read_bytes() for name in reference} == reference
    assert {path.suffix for path in (folder / "plots").iterdir()} == {".png", ".pdf"}
    for name in ("report.html", "result.json", "provenance.json", "histograms.root"):
        content = (folder / name).read_bytes()
        assert content
        assert str(tmp_path).encode() not in content
    before = (folder / "report.html").read_bytes()
    (folder / "report.html").unlink()
    with undrawing():
        assert main(["report", str(folder)]) == 0
    assert (folder / "report.html").read_bytes() == before
