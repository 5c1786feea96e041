"""The demonstration of a search: the command lines it runs."""

from __future__ import annotations

import argparse
import csv
import shlex
from pathlib import Path

import pytest

from na64.commands import demo
from na64.datasets.conditions.own_period import stated_runs_text
from na64.datasets.conditions.periods import load_periods
from na64.datasets.synthetic.campaign_reader import CAMPAIGNS
from na64.outputs.limits.searches.card import SEARCHES, load_card
from na64.outputs.limits.searches.demonstration import Demonstration
from na64.outputs.limits.searches.listing import demonstrated
from na64.run import main
from na64.selections.selection import SELECTIONS


def lines_of(search: str, folder: Path) -> list[list[str]]:
    """Command lines of a demonstration, none of them run."""
    ran: list[list[str]] = []

    def program(line: list[str]) -> int:
        ran.append(line)
        return 0

    options = {"search": search, "to": folder, "events": None, "workers": 1, "debug": False}
    assert demo._demo(argparse.Namespace(program=program, **options)) == 0
    return ran


@pytest.mark.parametrize("search", demonstrated())
def test_a_demonstration_goes_from_run_files_to_limits(search: str, tmp_path: Path) -> None:
    shown = load_card(search).demonstration
    assert shown is not None
    lines = lines_of(search, tmp_path)
    n, n_processed = len(shown.selections), len(shown.selections) + len(shown.controls)
    verbs = ["simulate", "catalogue", *["process"] * n_processed, *["background", "efficiency"] * n, "limits"]
    assert [line[0] for line in lines] == [*verbs, *["report"] * n]
    assert shown.campaign in CAMPAIGNS
    assert {*shown.selections, *shown.controls} <= {*SELECTIONS}
    assert {*shown.selections} <= {*load_card(search).selections}


@pytest.mark.parametrize("search", sorted({*SEARCHES} - {*demonstrated()}))
def test_a_search_without_a_demonstration_says_what_to_run_instead(
    search: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["demo", "--search", search, "--to", str(tmp_path / "demo")]) == 2
    (told,) = capsys.readouterr().err.splitlines()
    *demos, limits = (line.strip() for line in told.partition("in this order: ")[2].split(";"))
    made = []
    for line in demos:
        *words, other = line.split()
        assert words == ["na64", "demo", "--search"]
        count = [
            line for line in lines_of(other, Path("results") / f"demo_{other}") if line[0] == "background"
        ]
        made += [line[1] for line in count]
    assert limits == f"na64 limits --search {search} {' '.join(made)} --to results/demo_{search}"
    assert not (tmp_path / "demo").exists()


@pytest.mark.parametrize("search", ["invisibles"])
def test_a_search_that_is_none_says_which_there_are(
    search: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["demo", "--search", search, "--to", str(tmp_path / "demo")]) == 2
    told = capsys.readouterr().err
    assert "invisible" in told
    assert len(told.splitlines()) == 1
    assert not (tmp_path / "demo").exists()


def test_periods_whose_runs_are_not_public_get_those_of_the_campaign(tmp_path: Path) -> None:
    demonstration = Demonstration("demo", "tout2023", (), (), {"2023P": (20001, 20004)})
    folder = demo._state_runs(demonstration, tmp_path)
    assert load_periods(folder)["2023P"].runs == ((20001, 20004),)


def test_runs_of_a_period_that_has_some_are_not_stated() -> None:
    with pytest.raises(ValueError, match="period 2018 has runs"):
        stated_runs_text("2018", 20001, 20004, "of a simulated campaign")


@pytest.mark.soak
@pytest.mark.parametrize("search", demonstrated())
def test_a_demonstration_ends_with_a_contour(
    search: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["demo", "--search", search, "--to", str(tmp_path)]) == 0
    said = capfd.readouterr().out
    assert "BLIND" in said
    with (tmp_path / "limits" / "contour.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) >= 6  # three mesons, at two levels
    assert {"level", "mass", "coupling_lower", "coupling_upper"} <= {*rows[0]}
    lines = [shlex.split(line)[2:] for line in said.splitlines() if line.startswith("$ na64 ")]
    assert lines[-1][0] == "report"
