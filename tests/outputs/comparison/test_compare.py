"""Two results beside each other."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import uproot
from scipy import stats

from na64.outputs.comparison.compare import Comparison, compare_rates, lines, merged_names
from na64.outputs.result.products import Products
from na64.outputs.result.store import read_result
from na64.run import main

Rows = list[dict[str, str]]
Number = tuple[int, int, int]


def selected(result: Path, after: str | None = None) -> dict[Number, dict[str, float]]:
    """Read what a result selects from a skim."""
    path = result / "selected.parquet"
    choice = ["--after", after] if after else []
    assert main(["events", str(result), *choice, "--to", str(path)]) == 0
    rows = pq.read_table(path).to_pylist()
    return {(row["run"], row["spill"], row["event"]): row for row in rows}


Compare = Callable[..., None]


@pytest.fixture(scope="module")
def compare(undrawing: Callable[[], AbstractContextManager[None]]) -> Compare:
    """Compare two results, and draw nothing."""

    def run(one: Path, other: Path, to: Path, *options: str) -> None:
        with undrawing():
            assert main(["compare", str(one), str(other), "--to", str(to), *options]) == 0

    return run


def number(row: dict[str, str]) -> Number:
    return int(row["run"]), int(row["spill"]), int(row["event"])


def test_a_result_is_equal_to_itself(
    result: Path, compare: Compare, tmp_path: Path, rows: Any, capsys: Any
) -> None:
    compare(result, result, tmp_path)
    assert rows(tmp_path / "events.csv") == []
    assert {row["difference"] for row in rows(tmp_path / "cutflow.csv")} == {"0"}
    assert "0 events lost" in capsys.readouterr().out


@pytest.fixture(scope="module")
def compared(result: Path, changed_selection: Path, compare: Compare) -> Path:
    compare(result, changed_selection, result.parent / "compared")
    return result.parent / "compared"


def test_gained_and_lost_events_are_those_that_one_result_selects(
    result: Path, changed_selection: Path, compared: Path, rows: Callable[[Path], Rows]
) -> None:
    a, b = selected(result), selected(changed_selection)
    events = rows(compared / "events.csv")
    found = {
        change: {number(row) for row in events if row["change"] == change} for change in ("lost", "gained")
    }
    assert found == {"lost": a.keys() - b.keys(), "gained": b.keys() - a.keys()}
    assert len(found["lost"]) > 20
    assert found["gained"]
    reasons = Counter((row["change"], row["reason"]) for row in events)
    assert set(reasons) == {("lost", "srd"), ("gained", "vhcal")}
    for row in events:
        known = (a if row["change"] == "lost" else b)[number(row)]
        assert float(row["srd_0"]) == pytest.approx(known["srd_0"], rel=1e-6)


def test_runs_add_up_and_are_tested(compared: Path, rows: Callable[[Path], Rows]) -> None:
    flow = {row["cut"]: row for row in rows(compared / "cutflow.csv")}
    by_run = rows(compared / "runs.csv")
    for side in ("first", "second"):
        assert sum(int(row[side]) for row in by_run) == int(flow["hcal_muon"][side])
    changed, either = {}, {}
    for row in by_run:
        gained, lost, run = int(row["gained"]), int(row["lost"]), row["run"]
        assert int(row["second"]) - int(row["first"]) == gained - lost
        changed[run], either[run] = gained + lost, int(row["first"]) + gained
        if gained + lost:
            p = stats.binomtest(gained, gained + lost, 0.5).pvalue
            assert float(row["p_gained_as_lost"]) == pytest.approx(p, rel=1e-6, abs=0)
    n, of = changed["8701"], either["8701"]
    drawn = stats.hypergeom(sum(either.values()), sum(changed.values()), of)
    (row,) = [row for row in by_run if row["run"] == "8701"]
    assert float(row["p_as_other_runs"]) == pytest.approx(min(1, 2 * min(drawn.cdf(n), drawn.sf(n - 1))))


LOOSER, TIGHTER = "vhcal.vhcal_total.below=60", "srd.srd_0.below=20"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([LOOSER], "A is a part of B, whose cuts ask for less: nothing can be lost, "),
        ([TIGHTER], "B is a part of A, whose cuts ask for less: nothing can be gained, "),
        ([LOOSER, TIGHTER], ""),
    ],
)
def test_the_balance_of_gains_and_losses_is_tested_only_where_cuts_allow_both(
    *,
    result: Path,
    compare: Compare,
    values: list[str],
    said: str,
    rows: Callable[[Path], Rows],
    tmp_path: Path,
    capsys: Any,
) -> None:
    line = ["process", str(result.parent / "data.json"), "--selection", "invisible_2023", "--no-report"]
    settings = [word for value in values for word in ("--set", value)]
    assert main([*line, *settings, "--to", str(tmp_path / "set"), "--executor", "iterative"]) == 0
    capsys.readouterr()
    compare(result, tmp_path / "set", tmp_path / "out")
    printed = capsys.readouterr().out
    changed = [row for row in rows(tmp_path / "out" / "runs.csv") if int(row["gained"]) + int(row["lost"])]
    assert changed
    assert {row["p_gained_as_lost"] == "" for row in changed} == {bool(said)}
    assert all(row["p_as_other_runs"] for row in changed)
    assert (said or "test that as many were gained as lost: smallest p ") in printed
    assert ("test that as many were gained as lost: " in printed) != bool(said)


def test_a_comparison_of_single_events_of_data_is_in_the_log(
    result: Path, changed_selection: Path, compare: Compare, tmp_path: Path, rows: Callable[[Path], Rows]
) -> None:
    compare(result, changed_selection, tmp_path)
    lines = [json.loads(line) for line in (result.parent / "audit.jsonl").read_text().splitlines()[-4:]]
    assert [line["event"] for line in lines] == ["compare", "compare", "listed", "listed"]
    assert lines[0]["details"]["result"] != lines[1]["details"]["result"]
    assert lines[2]["details"]["n_events"] == len(rows(tmp_path / "events.csv")) > 0


def test_passes_of_the_same_events_are_matched_by_number(
    *,
    campaign: Path,
    result: Path,
    compare: Compare,
    process: Callable[..., Path],
    rows: Callable[[Path], Rows],
    tmp_path: Path,
) -> None:
    again = tmp_path / "pass2" / "data"
    again.mkdir(parents=True)
    shutil.copytree(campaign / "conditions", again / "conditions")
    for path in campaign.glob("*.root"):
        with uproot.open(path) as file:
            tree = file["tout"].arrays(library="np")
        tree["mom_genfit_upMM"] = (tree["mom_genfit_upMM"] * 1.09).astype(tree["mom_genfit_upMM"].dtype)
        with uproot.recreate(again / path.name) as file:
            types = {name: np.dtype((one.dtype, one.shape[1:])) for name, one in tree.items()}
            file.mktree("tout", types).extend(tree)
    other = process(again, "invisible_2023")
    compare(result, other, tmp_path / "out", "--same-events")
    a, b = selected(result), selected(other)
    events = rows(tmp_path / "out" / "events.csv")
    assert {number(row) for row in events if row["change"] == "lost"} == a.keys() - b.keys()
    assert {row["reason"] for row in events} <= {"momentum"}
    assert events


def test_other_events_are_compared_by_exposure(
    result: Path, other_events: Path, rows: Callable[[Path], Rows], tmp_path: Path, capsys: Any
) -> None:
    assert main(["compare", str(result), str(other_events), "--to", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    assert "other events, per " in said
    flow = rows(tmp_path / "out" / "cutflow.csv")
    assert min(float(row["p_equal_rates"]) for row in flow) > 1e-3
    srd = next(row for row in flow if row["cut"] == "srd")
    assert int(srd["second"]) > 1.3 * int(srd["first"])
    assert 0.9 < float(srd["ratio"]) < 1.1
    assert not (tmp_path / "out" / "events.csv").exists()
    assert (tmp_path / "out" / "compare.png").stat().st_size > 10_000


def test_cuts_of_two_selections_are_merged_in_order() -> None:
    assert merged_names(["v", "a", "b", "c"], ["v", "x", "a", "c", "d"]) == ["v", "x", "a", "b", "c", "d"]


def test_a_cut_that_one_of_them_lacks_is_refused(result: Path, capsys: Any) -> None:
    assert main(["compare", str(result), str(result), "--after", "nothing"]) == 2
    assert 'has no cut "nothing"' in capsys.readouterr().err


def of_runs(products: Products, *types: str) -> Products:
    """Keep the runs of some types, as if others had never been processed."""
    runs = tuple(run for run in products.summary.runs if run.type in types)
    numbers = {str(run.run) for run in runs}
    cutflow = replace(products.cutflow, rows=[row for row in products.cutflow.rows if row.run in numbers])
    return replace(products, summary=replace(products.summary, runs=runs), cutflow=cutflow)


def rates(one: Products, other: Products) -> Comparison:
    return compare_rates((one, other), after=None, names=("one", "other"))


@pytest.mark.parametrize("unit", ["electrons on target", "visible events"])
def test_a_calibration_run_changes_no_rate(result: Path, unit: str) -> None:
    both = read_result(result)
    if unit == "visible events":
        unknown = tuple(replace(run, eot_delivered=None) for run in both.summary.runs)
        both = replace(both, summary=replace(both.summary, runs=unknown))
    physics = of_runs(both, "physics")
    assert len(physics.summary.runs) < len(both.summary.runs)
    found = rates(physics, both)
    assert found.exposures is not None
    assert found.exposures.unit == unit
    assert found.exposures.first == found.exposures.second > 0
    assert {row.difference for row in found.cutflow.rows} == {0}
    assert {row.ratio for row in found.cutflow.rows if row.first} == {1.0}
    assert {row.run for row in found.runs.rows} == {run.run for run in physics.summary.runs}
    assert found.notes == ("left out of the rates of B: run 8703, taken for calibration or beam tests",)


def test_runs_that_are_all_of_calibration_are_compared_with_each_other(result: Path) -> None:
    alone = of_runs(read_result(result), "calibration")
    found = rates(alone, alone)
    assert found.exposures is not None
    assert found.exposures.first == alone.summary.runs[0].eot_delivered
    assert found.cutflow.rows[0].first == found.cutflow.rows[0].second
    assert found.cutflow.rows[0].first
    assert found.notes == ()


def test_a_result_whose_runs_are_all_bad_is_compared_by_visible_events(result: Path) -> None:
    good = read_result(result)
    none = tuple(replace(run, eot_delivered=0.0, eot_live=0.0) for run in good.summary.runs)
    bad = replace(good, summary=replace(good.summary, runs=none))
    for pair in ((good, bad), (bad, good), (bad, bad)):
        found = rates(*pair)
        assert found.exposures is not None
        assert found.exposures.unit == "visible events"
        assert {row.ratio for row in found.cutflow.rows if row.first} == {1.0}


def test_rates_name_the_unit_of_their_columns(result: Path) -> None:
    products = read_result(result)
    (head,) = [line for line in lines(rates(products, products)) if "B - A" in line]
    assert "B - A, events" in head
    assert "B / A, per EOT" in head


def test_it_is_said_which_events_data_hide_and_simulation_shows(result: Path, simulated: Path) -> None:
    data, other = of_runs(read_result(result), "physics"), of_runs(read_result(simulated), "physics")
    n_hidden = data.summary.totals["hidden"]
    assert n_hidden > 100
    for pair, letter in (((data, other), "A"), ((other, data), "B")):
        (note,) = rates(*pair).notes
        assert note.startswith(f"{letter} hides {n_hidden:,} events, which are in none of its counts")
        assert note in list(lines(rates(*pair)))
    assert rates(data, data).notes == rates(other, other).notes == ()
    box = replace(data.summary.boxes[0], ecal=data.summary.boxes[0].ecal + 5)
    wider = replace(data, summary=replace(data.summary, boxes=(box,)))
    (note,) = rates(data, wider).notes
    assert note.startswith(f"A hides {n_hidden:,} events and B {n_hidden:,} events in other boxes")
