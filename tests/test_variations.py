"""Variations end to end: the products do not depend on where, how or in which pieces events are counted."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from na64.outputs.result.store import read_result
from na64.outputs.result.variations import changes
from na64.run import main

Products = dict[str, bytes]
Rows = list[dict[str, str]]

N_EVENTS = 500
SELECTION = "systematics_2023"


@pytest.fixture(scope="module")
def data(
    simulate: Callable[..., Path], process: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    files = simulate(tmp_path_factory.mktemp("data"), "small", N_EVENTS, layout="hits")
    process(files, SELECTION, name="reference")
    return files


@pytest.fixture(scope="module")
def reference(data: Path, canonical: Callable[[Path], Products]) -> Products:
    return canonical(data.parent / "reference")


@pytest.mark.parametrize(
    "options",
    [
        ("iterative", "--chunk-events", "53"),
        ("processes", "--workers", "1", "--chunk-events", "61"),
    ],
    ids=" ".join,
)
def test_how_they_are_counted_does_not_matter(
    options: tuple[str, ...],
    data: Path,
    reference: Products,
    process: Callable[..., Path],
    canonical: Callable[[Path], Products],
) -> None:
    shutil.rmtree(data.parent / "features")
    assert {"variations.csv", "variations_yields.csv"} < reference.keys()
    name = "_".join(options)
    assert canonical(process(data, SELECTION, "--executor", *options, name=name)) == reference
    assert canonical(process(data, SELECTION, name=f"{name} from features")) == reference


@pytest.mark.parametrize("container", ["rntuple", "parquet"])
def test_the_format_does_not_matter(
    *,
    container: str,
    reference: Products,
    simulate: Callable[..., Path],
    process: Callable[..., Path],
    canonical: Callable[[Path], Products],
    tmp_path: Path,
) -> None:
    files = simulate(tmp_path, "small", N_EVENTS, layout="hits", format=container)
    assert canonical(process(files, SELECTION)) == reference


def test_what_is_not_varied_is_as_without_variations(
    data: Path, process: Callable[..., Path], canonical: Callable[[Path], Products]
) -> None:
    # Simulation, because of data the variations hide more.
    files = data.with_name("copy")
    shutil.copytree(data, files)
    found = [
        canonical(process(files, selection, name=selection, catalogue=("--simulation",)))
        for selection in (SELECTION, "invisible_2023")
    ]
    assert {name: found[0][name] for name in found[1]} == found[1]
    assert found[0].keys() - found[1].keys() == {"variations.csv", "variations_yields.csv"}
    result = read_result(files.parent / SELECTION)
    assert result.variations is not None
    assert "gained_sumw2" in result.variations.columns


def test_the_tables_agree_with_each_other_and_with_the_rest(data: Path, rows: Callable[[Path], Rows]) -> None:
    folder = data.parent / "reference"
    varied, yields = rows(folder / "variations.csv"), rows(folder / "variations_yields.csv")
    flow = {(row["run"], row["cut"]): int(row["passed"]) for row in rows(folder / "cutflow.csv")}
    changed = 0
    for row in varied:
        gained, lost = int(row["gained"]), int(row["lost"])
        assert int(row["passed"]) == flow[row["run"], row["cut"]] + gained - lost
        changed += gained + lost
    assert changed > 100
    known = {row["run"]: row for row in rows(folder / "yields.csv")}
    for row in yields:
        assert int(row["varied"]) == int(row["nominal"]) + int(row["gained"]) - int(row["lost"])
        if row["run"] != "all":
            assert row["nominal"] == known[row["run"]][row["yield"]]
    for names, table in ((("variation", "cut"), varied), (("variation", "yield"), yields)):
        for name in ("gained", "lost"):
            total: dict[tuple[str, ...], int] = {}
            for row in table:
                sign = -1 if row["run"] == "all" else 1
                key = tuple(row[column] for column in names)
                total[key] = total.get(key, 0) + sign * int(row[name])
            assert set(total.values()) == {0}


def test_they_are_read_back_with_their_errors(data: Path) -> None:
    result = read_result(data.parent / "reference")
    assert result.varied_yields is not None
    found = changes(result.varied_yields)
    assert list(found) == [variation.name for variation in result.summary.selection.variations]
    row = next(
        row
        for row in result.varied_yields.rows
        if (row.run, row.yield_) == ("all", "region_II") and (row.gained or row.lost)
    )
    change = found[row.variation]["region_II"]
    assert change.nominal == row.nominal == result.summary.totals["region_II"]
    assert change.varied == row.varied
    assert change.error**2 == pytest.approx(row.gained + row.lost)
    assert change.error > 0
    one = changes(result.varied_yields, run="8701")
    assert 0 < one[row.variation]["region_II"].nominal < change.nominal


def test_they_go_when_the_selection_has_none_any_more(
    data: Path, process: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = data.parent / "other"
    shutil.copytree(data.parent / "reference", folder)
    process(data, "invisible_2023", "--replace", name="other")
    assert not list(folder.glob("variations*"))
    capsys.readouterr()
    assert main(["why", str(data.parent / "reference"), "8701"]) == 0
    assert "nothing has changed since" in capsys.readouterr().out
