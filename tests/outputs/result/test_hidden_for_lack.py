"""Files that lack a detector: which data are hidden, and that no number of the others stands for them."""

from __future__ import annotations

import re
import shutil
from collections.abc import Collection
from pathlib import Path

import numpy as np
import pytest
import uproot

from na64.datasets.reading.layout import load_layout
from na64.datasets.synthetic import load_campaign, simulate
from na64.outputs.comparison.compare import compare_rates
from na64.outputs.comparison.overlay import ScaledSimulation, overlay
from na64.outputs.control.cut_efficiencies import efficiencies
from na64.outputs.control.dimuon.files import check_probed
from na64.outputs.limits.exposure import read_exposure
from na64.outputs.result.products import Products
from na64.outputs.result.store import read_result
from na64.run import main

N_EVENTS = 1500
LACKING = {"run_8701.root": "HCAL", "run_8702_1.root": "VHCAL"}
"""Detectors of which some files have no branch."""


def without(path: Path, to: Path, detectors: Collection[str]) -> None:
    """Write a file again without the branches of some detectors."""
    with uproot.open({str(path): "tout"}) as tree:
        names = [
            name
            for name in tree.keys(recursive=False)
            if not name.startswith(tuple(f"{one}_" for one in detectors))
        ]
        values = tree.arrays(names, library="np")
    with uproot.recreate(to) as file:
        file.mktree("tout", {name: np.dtype((one.dtype, one.shape[1:])) for name, one in values.items()})
        file["tout"].extend(values)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Results of files of which some lack a detector, and of the same files as they were."""
    folder = tmp_path_factory.mktemp("lacking")
    text = load_layout("tout2023").text.replace('"tout2023"', '"mine"')
    for name in ("HCAL", "VHCAL"):
        for column in ("ene", "t0", "tE", "tSigma"):
            text = text.replace(f'"{name}_{column}",', f'"{name}_{column}", required = false,')
    (folder / "mine.toml").write_text(text)
    files = simulate(load_campaign("small"), to=folder / "whole", n_events=N_EVENTS, seed=3)
    (folder / "some").mkdir()
    for path in files:
        without(path, folder / "some" / path.name, [LACKING[path.name]] if path.name in LACKING else [])
    shutil.copytree(folder / "whole" / "conditions", folder / "some" / "conditions")
    made: dict[str, Path] = {}
    for name, kind in (("some", ()), ("whole", ("--simulation",)), ("some_simulated", ("--simulation",))):
        catalogue, where = folder / f"{name}.json", folder / name.partition("_")[0]
        options = ["--layout", str(folder / "mine.toml"), *kind]
        assert main(["catalogue", str(where), "--to", str(catalogue), *options]) == 0
        made[name] = folder / f"out_{name}"
        asked = ["--selection", "dimuon_2023", "--to", str(made[name]), "--no-report"]
        assert main(["process", str(catalogue), *asked, "--executor", "iterative"]) == 0
    return made


def read(results: dict[str, Path], *names: str) -> list[Products]:
    return [read_result(results[name]) for name in names]


def test_a_result_says_what_is_hidden_by_which_branch_in_which_runs(results: dict[str, Path]) -> None:
    summary = read_result(results["some"]).summary
    line = (
        '589 of 625 processed events of run 8701 are hidden, being in files without "HCAL_ene", "HCAL_t0", '
    )
    told = [warning for warning in summary.warnings if "being in files without" in warning]
    assert [one[: len(line)] for one in told] == [line]
    assert summary.runs[0].unjudged["hcal"] == summary.runs[0].accounting["hidden"] == 589
    assert not summary.runs[1].unjudged
    assert not any("hidden" in one for one in read_result(results["whole"]).summary.warnings)


def test_events_of_files_without_a_value_are_counted_by_run(results: dict[str, Path]) -> None:
    whole, lacking, *_ = read_result(results["some_simulated"]).summary.runs
    assert whole.valueless["hcal"] == whole.visible == 625
    assert 250 < lacking.valueless["vhcal_total"] < lacking.visible == 625


def test_runs_of_which_a_part_cannot_be_selected_do_not_count_for_a_limit(results: dict[str, Path]) -> None:
    with pytest.raises(ValueError, match=r"run 8701: 589 of 625 events are hidden.* run 8702: .* cut vhcal"):
        read_exposure(results["some"])
    assert [one.runs for one in read_exposure(results["whole"]).periods] == [(8701, 8702)]


def test_an_overlay_leaves_out_what_is_of_other_events(results: dict[str, Path]) -> None:
    some, whole, data = read(results, "some_simulated", "whole", "some")
    shown = {one.events for one in overlay(some, [ScaledSimulation("whole", whole)]).distributions}
    assert "after track quality" in shown
    assert not shown & {"after ecal ratio", "after hcal topology", "all cuts but srd"}
    notes = "\n".join(overlay(some, [ScaledSimulation("whole", whole)]).notes)
    assert re.search(r"left out: \d+ distributions .* so that cut vhcal passes none of them", notes)
    assert "whole" not in notes.replace("of whole, taken for calibration", "")
    norm = overlay(data, [ScaledSimulation("whole", whole)]).norm
    assert "shapes only: of the data 589 of 1,250 events are hidden, being in files of run 8701" in norm


def test_rates_end_where_files_lack_a_value(results: dict[str, Path]) -> None:
    some, whole, data = read(results, "some_simulated", "whole", "some")
    for pair in ((some, whole), (whole, some)):
        found = compare_rates(pair, after=None, names=("a", "b"))
        cuts = {row.cut: row.p_equal_rates for row in found.cutflow.rows}
        assert cuts["straw3"] is not None
        assert cuts["vhcal"] is cuts["dimuon"] is None
        assert [row.run for row in found.runs.rows] == []
        assert "so that cut vhcal passes none of them: no rates from there on" in "\n".join(found.notes)
    early = compare_rates((some, whole), after="straw3", names=("a", "b"))
    assert [row.run for row in early.runs.rows] == [8701, 8702]
    hidden = compare_rates((data, whole), after=None, names=("a", "b"))
    assert {row.p_equal_rates for row in hidden.cutflow.rows} == {None}


def test_a_cut_has_no_efficiency_in_runs_without_its_values(results: dict[str, Path]) -> None:
    some, whole = read(results, "some_simulated", "whole")
    assert not efficiencies(some, {}, ["vhcal"])
    assert 8702 in [probe.run for probe in efficiencies(whole, {}, ["vhcal"])[0].probes]
    assert any("so that cut vhcal passes none" in line for line in check_probed(some))


@pytest.mark.parametrize(
    "command", [["background"], ["scan", "--cut", "srd.srd_0.above", "--from", "1", "--to", "2"], ["dimuon"]]
)
def test_what_needs_all_of_the_exposure_is_refused(
    command: list[str], results: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    verb, *options = command
    more = [str(results["whole"])] if verb == "dimuon" else []
    assert main([verb, str(results["some"]), *more, *options]) == 2
    assert "589 of 1,250 events are hidden, being in files of run 8701" in capsys.readouterr().err
    if verb != "background":
        assert main([verb, str(results["some_simulated"]), *more, *options]) == 2
        assert "so that cut vhcal passes none of them: process the runs" in capsys.readouterr().err
