"""An option that is empty, or of something else, is named with its value in one line; nothing is written."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import na64
from na64.commands.verbs import any_text
from na64.run import main, parser

pytestmark = pytest.mark.usefixtures("undrawn")


def actions() -> Iterator[tuple[str, argparse.Action]]:
    """Options and arguments of every command that take a value."""
    (verbs,) = (one for one in parser()._actions if isinstance(one, argparse._SubParsersAction))
    for command, of_command in verbs.choices.items():
        for action in of_command._actions:
            if action.nargs != 0 and action.type is not any_text:
                yield command, action


@pytest.mark.parametrize("text", ["", " "], ids=["nothing", "a blank"])
def test_no_option_is_empty(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    options = [(command, one.option_strings[-1]) for command, one in actions() if one.option_strings]
    assert len(options) > 150
    for command, option in options:
        assert main([command, f"{option}={text}"]) == 2
        said = capsys.readouterr().err
        assert said.startswith(f'na64: {option} "{text}": is empty, expected '), command
        assert said.count("\n") == 1
    assert main(["limits", "out", "--background", text]) == 2


def test_no_argument_is_empty(capsys: pytest.CaptureFixture[str]) -> None:
    for command in sorted({command for command, one in actions() if not one.option_strings}):
        assert main([command, ""]) == 2
        assert capsys.readouterr().err.endswith(' "": is empty\n'), command


@pytest.fixture(scope="module")
def result(
    tmp_path_factory: pytest.TempPathFactory, simulate: Callable[..., Path], process: Callable[..., Path]
) -> Path:
    return process(simulate(tmp_path_factory.mktemp("refused"), "small", 600), "invisible_2023")


LIMITS = "limits R --background 0.5 --efficiency 0.5"
PROJECT = "project --eot 1e12 --background 0.5 --efficiency 0.5"
UNBLIND = "unblind R --freeze abc --reason x --approved-by A --approved-by B"
SCAN = "scan R --cut vhcal.vhcal_total.below --from 1 --to 2"
REFUSED = {
    f"{LIMITS} --variant scalar": "--variant scalar: is of a card, which --search names",
    f"{LIMITS} --alpha-d 0.5": "--alpha-d 0.5: is of dark matter, which --resonant adds",
    f"{LIMITS} --threshold 0": "--threshold 0: period 2023A: missing energy above 0 GeV",
    f"{LIMITS} --level 90": "--level 90: expected a confidence level between 0 and 1",
    f"{LIMITS} --level 0.9 --level 0.9": "--level 0.9: is there twice",
    f"{LIMITS} --background 0.4": "2 times --background for 1 result: once for all, or once each",
    "limits R --background alp_2020 --efficiency 0.5": "--background alp_2020: is of the box of search alp, ",
    "limits R --background 0.5 --search visible --toys 5": "--toys 5: not for --search visible",
    f"{PROJECT} --scaling constant": "--scaling constant: goes with --at",
    f"{PROJECT} --threshold 0": "--threshold 0: missing energy above 0 GeV",
    f"{PROJECT} --period 2099": "--period 2099: is not known, expected one of 2016",
    f"{PROJECT} --alpha-d 3": "--alpha-d 3: is of dark matter, which --resonant adds",
    f"{PROJECT} --level 1.5": "--level 1.5: expected a confidence level",
    "project --eot 1e12 --background visible_2017 --efficiency 0.5": "--background visible_2017: is of the",
    "project --search alp --reference --resonant dirac": "--resonant dirac: not for --reference",
    "project --search alp --reference --delivered": "--delivered: not for --reference",
    "background R --end -5": "--end -5: 65 to -5 GeV is too short a range to fit",
    "background R --start 1000": "--start 1000: expected from 0 to 150 GeV, where the plane ends",
    "background R --hcal-start -1": "--hcal-start -1: expected from 0 to 150 GeV, where the plane ends",
    "background R --hcal-stop 0.1": "--hcal-stop 0.1: 2 to 0.1 GeV is too short a range to fit",
    "background R --simulation R": "--simulation: holds recorded events, not simulated dimuons",
    "efficiency --to R/e.csv --reason x": "--reason x: goes with --add",
    "efficiency --to R/e.csv --search alp": "--search alp: needs --selection",
    "efficiency --to R/e.csv --selection alp_2018 --search alp --mass 0.1": "--mass 0.1: not with --search",
    f"{UNBLIND} --executor iterative --workers 4": "--workers 4: the iterative executor has none",
    "audit R --head abc": "--head abc: expected the 64 hexadecimal digits of a line",
    f"{SCAN} --component 3": "--component 3: is of a simulated signal, which --signal names",
    f"{SCAN} --reason x": "--reason x: is of a simulated signal, which --signal names",
    "events R --format csv --to R/x.root": "--format csv: the name of R/x.root says root",
}


@pytest.mark.parametrize("line", REFUSED)
def test_an_option_of_something_else_is_named_with_its_value(
    line: str, result: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sorted(result.rglob("*"))
    monkeypatch.chdir(result.parent)
    words = [word.replace("R", result.name, 1) if word[0] == "R" else word for word in line.split()]
    assert main(words) == 2
    (said,) = [one for one in capsys.readouterr().err.splitlines() if one.startswith("na64: ")]
    assert said.startswith(f"na64: {REFUSED[line].replace('R/', f'{result.name}/')}")
    assert [path for path in sorted(result.rglob("*")) if path.name[0] != "."] == [
        path for path in before if path.name[0] != "."
    ]


@pytest.mark.parametrize(
    "words",
    [
        [*PROJECT.split(), "--at", "nan"],
        ["scan", "out", "--cut", "a", "--from", "inf", "--to", "1"],
        ["overlay", "data", "simulation", "--only", "ecal,"],
        ["efficiency", "--to", "e.csv", "--seed", "-1"],
    ],
    ids=lambda words: words[-1],
)
def test_a_value_of_the_wrong_kind_is_named_with_its_option(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert any(option in said for option in words if option.startswith("--"))


def test_runs_that_are_none_do_not_stand_for_all(result: Path) -> None:
    empty: tuple[str | list[int], ...] = ("", [])
    for runs in empty:
        with pytest.raises(ValueError, match="runs"):
            na64.events(result, runs=runs, after="visible", to=result.parent / "e.csv")
