"""A stored result as an object."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import hist
import pandas as pd
import pytest
from matplotlib.figure import Figure

import na64
from na64.outputs.analysis.result import Result
from na64.outputs.result.store import read_result, write_numbers


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, make_case: Callable[[Path], Any]) -> Path:
    folder = tmp_path_factory.mktemp("result")
    case = make_case(tmp_path_factory.mktemp("selection"))
    write_numbers(folder, facts=case.facts, tallies=case.tallies, booking=case.booking, made_by={})
    return folder


@pytest.fixture(scope="module")
def result(folder: Path) -> Result:
    return na64.open_result(folder)


def test_tables_are_those_of_the_files(folder: Path, result: Result) -> None:
    cutflow = pd.read_csv(folder / "cutflow.csv", dtype={"run": str})
    assert result.cutflow.reset_index()["passed"].tolist() == cutflow["passed"].tolist()
    assert result.cutflow.loc[("all", "visible"), "passed"] == cutflow.query("run == 'all'")["passed"].iloc[0]
    yields = pd.read_csv(folder / "yields.csv")
    assert result.yields.index.tolist() == yields["run"].tolist()
    assert result.yields["selected"].tolist() == yields["selected"].tolist()
    regions = pd.read_csv(folder / "regions.csv")
    assert result.regions["region_I"].tolist() == regions["region_I"].tolist()


def test_a_missing_exposure_is_missing_and_not_zero(tmp_path: Path, make_case: Callable[[Path], Any]) -> None:
    case = make_case(tmp_path)
    write_numbers(tmp_path, facts=case.facts, tallies=case.tallies, booking=case.booking, made_by={})
    known = {run.run: run.eot_live for run in case.facts.runs}
    eot = na64.open_result(tmp_path).yields["eot"]
    assert {run: pd.isna(value) for run, value in eot.items()} == {r: v is None for r, v in known.items()}


def test_histograms_are_read_back_and_cannot_be_exchanged(folder: Path, result: Result) -> None:
    stored = read_result(folder).histograms
    assert dict(result.histograms) == dict(stored)
    assert all(isinstance(histogram, hist.Hist) for histogram in result.histograms.values())
    with pytest.raises(TypeError):
        result.histograms["hcal_0"] = hist.Hist.new.Reg(1, 0, 1).Int64()  # type: ignore[index]


def test_planes_are_drawn_after_the_cuts_that_have_one(result: Result) -> None:
    assert isinstance(result.plot_plane(), Figure)
    assert isinstance(result.plot_plane(after="visible"), Figure)
    with pytest.raises(KeyError, match="no plane after nothing: there are visible"):
        result.plot_plane(after="nothing")


def test_the_cut_flow_is_drawn_with_what_the_events_are(result: Result) -> None:
    axes = result.plot_cutflow().axes[0]
    assert any(result.summary.label in text.get_text() for text in axes.texts)
    assert "EOT, 2023A" in axes.get_title(loc="left")


def test_a_notebook_shows_verdict_and_cut_flow_and_escapes_what_it_shows(
    tmp_path: Path, make_case: Callable[[Path], Any]
) -> None:
    case = make_case(tmp_path)
    facts = replace(case.facts, reasons=("<b>a file",))
    write_numbers(tmp_path, facts=facts, tallies=case.tallies, booking=case.booking, made_by={})
    page = na64.open_result(tmp_path)._repr_html_()
    assert "&lt;b&gt;a file" in page
    assert "<b>" not in page
    assert case.facts.verdict.value in page
    for cut in case.facts.selection.cuts:
        assert f"<td>{cut.name.replace('_', ' ')}</td>" in page


def test_repr_says_what_it_is(result: Result) -> None:
    assert "tiny" in repr(result)
    assert result.verdict.value in repr(result)


def test_a_damaged_result_is_refused(folder: Path, tmp_path: Path) -> None:
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "yields.csv").write_bytes((folder / "yields.csv").read_bytes() + b"1\n")
    with pytest.raises(ValueError, match=r"yields\.csv is not the one"):
        na64.open_result(tmp_path)
