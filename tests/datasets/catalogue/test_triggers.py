"""Runs that have not as many events as were recorded are named, with both numbers and the file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from na64.datasets.catalogue.build import Catalogue, build, load, save
from na64.datasets.catalogue.triggers import differences
from na64.datasets.conditions.conditions import Conditions, RunFacts
from na64.datasets.conditions.periods import load_periods
from na64.datasets.reading.layout import load_layout
from na64.run import main

TOUT = load_layout("tout2023")


@pytest.fixture
def register(make_values: Callable[..., Any], write_file: Callable[..., Path]) -> Callable[..., Catalogue]:
    """Register files of six events of run 8701 each, with so many triggers stated."""

    def build_with(triggers: int | None, n_files: int = 1) -> Catalogue:
        paths = [
            write_file("tout", make_values(TOUT, 6, first=10 * n), name=f"run_{n}.root")
            for n in range(n_files)
        ]
        paths.append(write_file("tout", make_values(TOUT, 6, run=8702), name="other.root"))
        stated = Conditions({8701: RunFacts(8701, triggers=triggers)})
        return build(paths, simulation=False, conditions=stated)

    return build_with


@pytest.mark.parametrize(
    ("triggers", "n_files", "said"),
    [
        (None, 1, {}),
        (6, 1, {}),
        (12, 2, {}),
        (7, 1, {8701: "6 events in run_0.root, 7 triggers are stated"}),
        (0, 1, {8701: "6 events in run_0.root, 0 triggers are stated"}),
        (20, 3, {8701: "18 events in run_0.root and 2 more, 20 triggers are stated"}),
    ],
)
def test_what_differs_is_said_with_both_numbers(
    triggers: int | None, n_files: int, said: dict[int, str], register: Callable[..., Catalogue]
) -> None:
    assert differences(register(triggers, n_files), load_periods()) == said


def test_what_a_period_knows_counts_too(register: Callable[..., Catalogue]) -> None:
    periods, catalogue = load_periods(), register(None)
    known = replace(periods["2023A"], run_facts={8701: RunFacts(8701, triggers=9)})
    found = differences(catalogue, periods | {"2023A": known})
    assert found == {8701: "6 events in run_0.root, 9 triggers are stated"}
    assert differences(catalogue, {}) == {}
    assert list(differences(register(9), {})) == [8701]


def test_triggers_are_kept_in_the_catalogue(register: Callable[..., Catalogue], tmp_path: Path) -> None:
    catalogue = register(9)
    save(catalogue, tmp_path / "c.json")
    assert load(tmp_path / "c.json") == catalogue


def eot(folder: Path, rows: Callable[[Path], Any]) -> dict[str, str]:
    return {row["run"]: row["eot"] for row in rows(folder / "yields.csv")}


def test_a_run_with_a_file_missing_has_no_exposure(
    simulate: Callable[..., Path],
    process: Callable[..., Path],
    rows: Callable[[Path], Any],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    files = simulate(tmp_path, "small", 200, layout="hits", format="parquet")
    whole = eot(process(files, "dimuon_2023"), rows)
    assert all(whole.values())
    assert "triggers" not in capsys.readouterr().out
    lost = files / "run_8702_1.parquet"
    data = lost.read_bytes()
    lost.unlink()
    assert eot(process(files, "dimuon_2023", name="less"), rows) == whole | {"8702": ""}
    line = "warning: run 8702: 41 events in run_8702_0.parquet, 83 triggers are stated"
    listed, told = (text for text in capsys.readouterr().out.splitlines() if "8702" in text)
    assert (listed, told) == (
        line,
        f"{line}; its particles on target do not count, being those of other events",
    )
    lost.write_bytes(data[:-9])
    words = [str(files), "--to", str(tmp_path / "c.json")]
    assert main(["catalogue", *words]) == 1
    to = ["--to", str(tmp_path / "cut"), "--no-report", "--executor", "iterative"]
    assert main(["process", str(tmp_path / "c.json"), "--selection", "dimuon_2023", *to]) == 1
    said = capsys.readouterr().out.splitlines()
    assert said.count(line) == 2  # the electrons of spills that a quarantined file may have are lost anyway
