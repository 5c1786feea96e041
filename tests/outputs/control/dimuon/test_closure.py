"""The demo campaign as data, dimuons as weighted simulation: from run files to ratio, peaks and tables."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from na64.outputs.background.section import SECTION as BACKGROUND
from na64.outputs.background.table import read_background
from na64.outputs.control.dimuon.by_run import histograms_by_run
from na64.outputs.control.dimuon.section import SECTION as DIMUONS
from na64.outputs.report.write import section_pages
from na64.outputs.result.store import read_result
from na64.run import main

pytestmark = pytest.mark.usefixtures("undrawn")


def _rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text().splitlines()))


@pytest.fixture(scope="module")
def folders(
    tmp_path_factory: pytest.TempPathFactory, simulate: Callable[..., Path], process: Callable[..., Path]
) -> tuple[Path, Path]:
    data = simulate(tmp_path_factory.mktemp("data"), "demo", 24_000)
    pairs = simulate(tmp_path_factory.mktemp("pairs"), "dimuons", 6_000)
    return (
        process(data, "invisible_2023"),
        process(pairs, "invisible_2023", catalogue=("--simulation",)),
    )


@pytest.fixture(scope="module")
def lines(folders: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> str:
    data, simulation = (str(folder) for folder in folders)
    assert main(["dimuon", data, simulation, "--campaign", "dimuons"]) == 0
    return data


def test_data_over_expected_is_one(lines: str, folders: tuple[Path, Path]) -> None:
    found = json.loads((folders[0] / "dimuon.json").read_bytes())
    assert len(found["ratios"]) == 2
    for ratio in found["ratios"]:
        assert ratio["observed"] > 50
        assert abs(ratio["ratio"] - 1) < 4 * ratio["error"]
    assert abs(found["shower_cut"]["ratio"] - 1) < 4 * found["shower_cut"]["error"]


def test_every_run_and_all_of_them_have_a_row(lines: str, folders: tuple[Path, Path]) -> None:
    rows = _rows(folders[0] / "dimuon.csv")
    of_one = [row for row in rows if row["after"] == "shower_chi2"]
    assert len(of_one) == 9 + 2
    assert of_one[-1]["of"] == "all"
    assert sum(int(row["observed"]) for row in of_one[:9]) == int(of_one[-1]["observed"])


def test_figures_and_peaks_are_written(lines: str, folders: tuple[Path, Path]) -> None:
    names = {path.name for path in (folders[0] / "dimuon").glob("*.png")}
    assert {"ratios.png", "muon_peaks.png"} <= names
    peaks = [row for row in _rows(folders[0] / "muon_peaks.csv") if row["run"] == "all"]
    assert [row["module"] for row in peaks] == ["0", "1", "2"]
    assert [float(row["mean"]) for row in peaks] == pytest.approx([5.73, 5.66, 5.48], abs=0.3)  # [D: RC]


def test_histograms_of_the_runs_add_up_to_the_stored_one(folders: tuple[Path, Path]) -> None:
    by_run = histograms_by_run(folders[0], ["hcal_0_hcal_1", "plane_after_hcal_muon"])
    stored = read_result(folders[0]).histograms
    for name in ("hcal_0_hcal_1", "plane_after_hcal_muon"):
        total = sum(found[name].values(flow=True) for found in by_run.values())
        assert np.array_equal(total, stored[name].values(flow=True))


def test_without_partial_results_there_are_no_histograms_of_runs(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no folder partials"):
        histograms_by_run(tmp_path, [])


def test_the_background_of_blind_data_is_estimated(
    folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    data, simulation = folders
    assert main(["background", str(data), "--simulation", str(simulation), "--end", "77"]) == 0
    table = read_background(data)
    printed = capsys.readouterr().out
    assert [row.source for row in table.rows][:3] == [
        "electron interactions in the beam line",
        "electron interactions in the target",
        "dimuons",
    ]
    assert "total, limits at face value" in printed
    assert "not in the totals: decays of kaons" in printed
    assert "in the box\n" not in printed
    dimuons = table.rows[2]
    assert dimuons.upper_limit
    facts = json.loads((data / "background.json").read_bytes())
    assert facts["simulated_in_box"] is None
    assert all(sideband["counts"] for sideband in facts["sidebands"])
    assert len(list((data / "background").glob("*.png"))) == len(facts["sidebands"])


def test_weighted_simulation_is_not_fitted(
    folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["background", str(folders[1])]) == 2
    assert "weighted simulation has no counts" in capsys.readouterr().err


def test_data_are_no_simulation(folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    data = str(folders[0])
    assert main(["background", data, "--simulation", data]) == 2
    assert "holds recorded events, not simulated dimuons" in capsys.readouterr().err


def test_efficiencies_of_a_result_are_written(
    folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["probe", str(folders[0])]) == 0
    rows = _rows(folders[0] / "efficiencies.csv")
    srd = [row for row in rows if row["cut"] == "srd"]
    assert len(srd) >= 9
    assert all(row["eot_per_spill"] for row in srd)
    assert 0.9 < sum(int(r["passed"]) for r in srd) / sum(int(r["tagged"]) for r in srd) < 1
    assert "srd" in capsys.readouterr().out


def test_background_and_dimuons_are_sections_of_the_report(
    folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    data, simulation = folders
    assert main(["background", str(data), "--end", "77"]) == 0
    assert main(["dimuon", str(data), str(simulation), "--no-runs"]) == 0
    capsys.readouterr()
    result, products = (data / "result.json").read_bytes(), read_result(data)
    found = section_pages((BACKGROUND, DIMUONS), data, products, result)
    assert list(found) == ["Background", "Dimuons"]
    assert "<th>electron interactions in the beam line</th>" in found["Background"]
    assert "<th>ecal ratio</th>" in found["Dimuons"]
    assert '10 % of production <mark title="not verified">[R-med]</mark>' in found["Dimuons"]
    assert all("data:image/png;base64," in section for section in found.values())
    assert not any("Of another result" in section for section in found.values())
    for name in ("background.json", "dimuon.json"):
        facts = json.loads((data / name).read_text())
        (data / name).write_text(json.dumps(facts | {"result": {}}))
    changed = section_pages((BACKGROUND, DIMUONS), data, products, result)
    assert all("Of another result" in section for section in changed.values())
