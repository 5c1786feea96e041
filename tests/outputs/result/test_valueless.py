"""Features of which no event has a value are told, and nothing is concluded from a cut on one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uproot
from hypothesis import given, settings
from hypothesis import strategies as st

from na64.outputs.comparison.overlay import ScaledSimulation, overlay
from na64.outputs.result.lacks import check_values
from na64.outputs.result.store import read_result
from na64.outputs.result.summary import RunAccounting
from na64.outputs.result.valueless import in_all_runs, valueless_of, warnings_of_valueless
from na64.processors.counting.counting import Counter, needed_features
from na64.processors.counting.file_counts import FileCounts
from na64.processors.counting.tally import Tally
from na64.run import main
from na64.selections.selection import Selection, load_selection

N_EVENTS = 400
OVERFLOW = "histogram modules has them in the overflow"
NONE = "cut hadrons passes none of them"
SELECTION = """
name = "own"
label = "cuts on sums"
yields_after = "ecal"
[[cut]]
name = "ecal"
ecal = { above = 40, below = 60, unit = "GeV" }
source = "a test"
[[cut]]
name = "hadrons"
hcal_0 = { min = 1, unit = "GeV" }
source = "a test"
[[cut]]
name = "either"
any = [{ hcal_1 = { min = 1, unit = "GeV" } }, { ecal = { min = 1, unit = "GeV" } }]
source = "a test"
[[feature]]
name = "ratio"
unit = "1"
formula = "where(ecal > 30 * GeV, hcal_2 / ecal, 0)"
[[histogram]]
name = "modules"
after = "ecal"
axes = [{ feature = "hcal_1", bins = 10, low = 0, high = 10, unit = "GeV" }]
[[histogram]]
name = "ratios"
after = "ecal"
axes = [{ feature = "ratio", bins = 10, low = 0, high = 10, unit = "1" }]
"""


@pytest.fixture(scope="module")
def selection(tmp_path_factory: pytest.TempPathFactory) -> Selection:
    path = tmp_path_factory.mktemp("selection") / "own.toml"
    path.write_text(SELECTION)
    return load_selection(path)


def count_events_of(selection: Selection, names: tuple[str, ...], values: Any) -> Tally:
    counter = Counter(selection, 1, names)
    counter.add(values, np.zeros((0, values.shape[1]), np.int64), {})
    return counter.tally()


def counted(selection: Selection, lacking: Sequence[str], n_chunks: int = 1, n: int = 40) -> Tally:
    """A tally of events, some features of which have no value."""
    names = needed_features(selection)
    values = np.full((len(names), n), 50, np.float32)
    for name in lacking:
        values[names.index(name)] = np.nan
    values[:, :1] = np.nan  # of one event nothing is known, and that does not count
    counter = Counter(selection, 1, names)
    for part in np.array_split(values, n_chunks, axis=1):
        counter.add(part, np.zeros((0, part.shape[1]), np.int64), {})
    return counter.tally()


def runs_of(files: Mapping[tuple[str, int], Tally]) -> list[RunAccounting]:
    """Accounting of the runs in files: what a result says of them."""
    valueless = valueless_of({place: FileCounts.of(tally) for place, tally in files.items()})
    runs = []
    for run in sorted({number for _, number in files}):
        n = sum(tally.visible for (_, number), tally in files.items() if number == run)
        counts = {"recorded": n, "processed": n, "hidden": 0, "missing": 0}
        runs.append(RunAccounting(run, "p", "physics", counts, valueless=valueless[run]))
    return runs


@pytest.mark.parametrize("n_chunks", [1, 7])
def test_what_looks_at_a_feature_without_values_is_told(selection: Selection, n_chunks: int) -> None:
    files = {("a", 8701): counted(selection, ["hcal_0", "hcal_1", "hcal_2"], n_chunks)}
    assert list(warnings_of_valueless(selection, runs_of(files))) == [
        "no visible event has a value of hcal_0: cut hadrons passes none of them",
        f"no visible event has a value of hcal_1: cut either looks at it; {OVERFLOW}",
        "no visible event has a value of hcal_2: formula ratio is made of it",
    ]


def test_a_part_of_the_files_that_has_no_values_is_told_by_events_and_runs(selection: Selection) -> None:
    files = {("a", 8701): counted(selection, []), ("b", 8702): counted(selection, ["hcal_0"])}
    files |= {("c", 8703): counted(selection, ["hcal_0"]), ("d", 8703): counted(selection, [])}
    assert in_all_runs(runs_of(files)) == {"hcal_0": 80}
    assert list(warnings_of_valueless(selection, runs_of(files))) == [
        f"80 of 160 visible events are in files of runs 8702-8703 where none has a value of hcal_0: {NONE}"
    ]


def test_nothing_is_told_where_all_have_values_or_there_is_no_event(selection: Selection) -> None:
    for lacking, n in (([], 40), (["hcal_0"], 0)):
        files = {("a", 8701): counted(selection, lacking, n=n)}
        assert not list(warnings_of_valueless(selection, runs_of(files)))


@settings(max_examples=40, derandomize=True)
@given(cuts=st.lists(st.integers(0, 60), max_size=6), first=st.integers(0, 60))
def test_what_a_file_lacks_does_not_depend_on_how_it_was_cut(
    selection: Selection, cuts: list[int], first: int
) -> None:
    """Only events from some place on have a value; parts without events are among those."""
    names = needed_features(selection)
    values = np.full((len(names), 60), 50, np.float32)
    values[names.index("hcal_0"), :first] = np.nan
    parts = np.split(values, sorted(cuts), axis=1)
    found = FileCounts()
    for part in parts:
        found += FileCounts.of(count_events_of(selection, names, part))
    assert found.visible == 60
    assert found.valueless == ({"hcal_0"} if first == 60 else set())


LAYOUT = """
name = "own"
trees = ["tree"]
[event]
run = { value = 8701 }
spill = { value = 0 }
event = { entry = true }
[feature]
ecal = { branch = "eECAL", unit = "GeV" }
hcal_0 = { branch = "eHCAL0", unit = "GeV", required = false }
hcal_1 = { branch = "eHCAL1", unit = "GeV" }
"""


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Results of files with and without a branch that may be absent."""
    folder = tmp_path_factory.mktemp("results")
    (folder / "own.toml").write_text(SELECTION)
    (folder / "layout.toml").write_text(LAYOUT)
    for name, branches in {"with": ("eECAL", "eHCAL0", "eHCAL1"), "without": ("eECAL", "eHCAL1")}.items():
        files = folder / f"files_{name}"
        files.mkdir()
        with uproot.recreate(files / "one.root") as file:
            file.mktree("tree", dict.fromkeys(branches, "f4"))
            file["tree"].extend({branch: np.linspace(5, 55, N_EVENTS, dtype="f4") for branch in branches})
        made = ["--layout", str(folder / "layout.toml"), "--simulation", "--reason", "toy"]
        catalogue = str(folder / f"{name}.json")
        assert main(["catalogue", str(files), "--to", catalogue, *made]) == 0
        asked = ["--selection", str(folder / "own.toml"), "--to", str(folder / name)]
        assert main(["process", catalogue, *asked, "--no-report", "--executor", "iterative"]) == 0
    return folder / "with", folder / "without"


def test_a_result_says_what_its_files_lack_from_cells_and_from_the_store(
    results: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    line = "no visible event has a value of hcal_0: cut hadrons passes none of them"
    summary = read_result(results[1]).summary
    assert summary.without_values == {"hcal", "hcal_0", "hcal_2"}
    assert line in summary.warnings
    assert "hcal_0" not in read_result(results[0]).summary.without_values
    again = results[1].parent
    asked = ["--selection", str(again / "own.toml"), "--to", str(again / "again"), "--no-report"]
    assert main(["process", str(again / "without.json"), *asked, "--executor", "iterative"]) == 0
    assert f"warning: {line}" in capsys.readouterr().out
    assert read_result(again / "again").summary.valueless == summary.valueless


def test_a_cut_without_values_is_not_concluded_from(results: tuple[Path, Path]) -> None:
    check_values(read_result(results[0]).summary, "with")
    with pytest.raises(ValueError, match="without: none of its 400 visible events has a value of hcal_0, so"):
        check_values(read_result(results[1]).summary, "without")


def test_an_overlay_leaves_out_what_one_side_has_no_value_of(results: tuple[Path, Path]) -> None:
    one, other = (read_result(folder) for folder in results)
    found = overlay(one, [ScaledSimulation("other", other)])
    assert "hcal_0 is left out: no event of other has a value of hcal_0" in found.notes
    assert "ratios is left out: no event of the data has a value of hcal_2" in found.notes
    assert not {"hcal_0", "ratio"} & {each.feature for each in found.distributions}
    with pytest.raises(ValueError, match="hcal_0 is left out: no event of other has"):
        overlay(one, [ScaledSimulation("other", other)], only=["hcal_0"])
