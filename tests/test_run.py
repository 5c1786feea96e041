"""The command line: what it says, what it returns, and how little it loads."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from na64 import __version__
from na64.datasets.reading.layout import LAYOUTS
from na64.run import main
from na64.selections.selection import SELECTIONS

ROOT = Path(__file__).parents[1]
COMMANDS = (
    *("demo", "simulate", "catalogue", "process", "report", "status"),
    *("submit", "work", "merge", "freeze", "unblind", "audit"),
)


def help_of(*words: str, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as ended:
        main([*words, "--help"])
    assert ended.value.code == 0
    return " ".join(capsys.readouterr().out.split())


def test_the_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    text = help_of(capsys=capsys)
    assert all(f" {command} " in text for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_and_every_option_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert text.startswith(f"usage: na64 {command} ")
    lines = text[text.index("options:") :].splitlines()
    # An option without a word of help is alone on its line and followed by another option or nothing.
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if line.startswith("  -"):
            assert "  " in line[2:].strip() or following.startswith("      "), line


def test_packaged_names_in_the_help_are_all_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    process, simulate = (help_of(command, capsys=capsys) for command in ("process", "simulate"))
    assert all(name in process for name in SELECTIONS)
    assert all(name in simulate for name in LAYOUTS)
    campaigns = {path.stem for path in (ROOT / "datasets" / "synthetic" / "campaigns").glob("*.toml")}
    (listed,) = re.findall(r"packaged campaign: ([\w, ]+?) options:", simulate)
    assert set(listed.split(", ")) == campaigns


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys, na64.run\n"
        "try:\n    na64.run.main(['process', '--help'])\n"
        "except SystemExit:\n    pass\n"
        "print([name for name in sys.modules if name.split('.')[0] in "
        "('numpy', 'numba', 'coffea', 'awkward', 'uproot', 'matplotlib', 'distributed', 'pyarrow', 'rich')])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.splitlines()[-1] == "[]"


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"na64 {__version__}\n"


def test_the_script_and_the_module_are_the_same_program(tmp_path: Path) -> None:
    found = [
        subprocess.run([sys.executable, *words, *rest], cwd=tmp_path, capture_output=True, check=False)
        for words in (["-m", "na64.run"], [str(ROOT / "run.py")])
        for rest in (["--help"], ["status", "nowhere"])
    ]
    assert [done.returncode for done in found] == [0, 2, 0, 2]
    assert found[0].stdout == found[2].stdout
    assert (
        found[1].stderr
        == found[3].stderr
        == b"na64: nowhere/result.json: there is no result of na64 process\n"
    )


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["cook"],
        ["process"],
        ["process", "c.json", "--selection", "dimuon_2023", "--executor", "condor"],
        ["process", "c.json", "--selection", "dimuon_2023", "--limit", "-3"],
        ["simulate", "demo", "--to", "x", "--events", "1.5"],
        ["simulate", "demo"],
        ["status", "one", "two"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert "na64" in capsys.readouterr().err.splitlines()[-1]


@pytest.fixture(scope="module")
def files(simulate: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = simulate(tmp_path_factory.mktemp("run"), "small", 200)
    assert main(["catalogue", str(found), "--to", str(found.parent / "c.json")]) == 0
    return found


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("process nowhere.json --selection dimuon_2023", "nowhere.json: No such file or directory"),
        (
            "process {c} --selection dimuons_2023",
            'unknown selection "dimuons_2023", nearest known is "dimuon_2023"',
        ),
        ("process {c} --selection mine.toml", "mine.toml: No such file or directory"),
        ("process {c} --selection dimuon_2023 --runs 8701-x", 'runs 8701-x: "8701-x" is neither'),
        (
            "process {c} --selection dimuon_2023 --runs 9999",
            'runs 9999: no run of the catalogue is in "9999"',
        ),
        (
            "process {c} --selection dimuon_2023 --executor processes --scheduler tcp://localhost:1",
            "scheduler tcp://localhost:1 given with the processes executor: expected dask",
        ),
        ("process {root} --selection dimuon_2023", "run_8701.root: "),
        ("simulate dmeo --to x", "dmeo"),
        (
            "simulate small --to x --layout tout2032",
            'unknown layout "tout2032", nearest known is "tout2023"',
        ),
        ("catalogue nothing --to x.json", "nothing: no such file or folder"),
        ("catalogue {root} --to x.json --accept abc", "--accept and --reason go together"),
        ("catalogue {root} --to x.json --period 2032A", 'unknown period "2032A", nearest known is "2023A"'),
        ("report .", "result.json: there is no result of na64 process"),
        ("status .", "result.json: there is no result of na64 process"),
    ],
)
def test_an_error_is_one_readable_line(
    *,
    line: str,
    message: str,
    files: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    words = line.format(c=files.parent / "c.json", root=files / "run_8701.root").split()
    assert main(words) == 2
    (said,) = [part for part in capsys.readouterr().err.splitlines() if not part.startswith("process: ")]
    assert said.startswith("na64: ")
    assert message.removeprefix("./") in said
    assert '"' not in said[:7]
    assert "'" not in said[:7]


def test_a_traceback_is_there_for_those_who_ask(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["process", str(files.parent / "c.json"), "--selection", "dimuons_2023"]
    assert main([*words, "--debug"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("Traceback")
    assert said.splitlines()[-1].startswith("na64: unknown selection")


def test_a_dry_run_says_what_would_be_read(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    command = ["process", str(files.parent / "c.json"), "--selection", "dimuon_2023", "--dry-run"]
    assert main([*command, "--workers", "2"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("3 runs, 4 segments, 200 events, files of 0.")
    assert said[1] == "less than 10 s on 2 workers, and some seconds to start; --estimate measures it"
    assert not list(tmp_path.iterdir())


def test_results_have_a_folder_of_their_own_by_default(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    command = ["process", str(files.parent / "c.json"), "--executor", "iterative", "--no-report"]
    for selection in ("dimuon_2023", "invisible_2023", "dimuon_2023"):
        assert main([*command, "--selection", selection]) == 0
    assert len(list((tmp_path / "results").iterdir())) == 2


def test_numbers_without_a_report_remove_an_old_one(files: Path, tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text("of another result")
    command = ["process", str(files.parent / "c.json"), "--selection", "dimuon_2023", "--to", str(tmp_path)]
    assert main([*command, "--executor", "iterative", "--no-report"]) == 0
    assert not (tmp_path / "report.html").exists()


def test_the_status_says_what_was_read_run_by_run(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["process", str(files.parent / "c.json"), "--selection", "dimuon_2023", "--to", str(tmp_path)]
    assert main([*command, "--executor", "iterative", "--no-report"]) == 0
    capsys.readouterr()
    assert main(["status", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert said.startswith("dimuon_2023, simulated pseudo-data, blind, all runs\n")
    assert re.search(r"^ +8701 +2023A +(\d+) +\1 +0 +0$", said, re.MULTILINE)
    assert "COMPLETE: 200 recorded, 200 processed" in said


def test_the_demo_ends_with_its_reports(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    undrawing: Callable[[], AbstractContextManager[None]],
) -> None:
    monkeypatch.chdir(tmp_path)
    with undrawing():
        assert main(["demo", "--to", "demo", "--events", "2000", "--workers", "1"]) == 0
    said = capfd.readouterr()
    lines = said.out.splitlines()
    reports = [tmp_path / line.strip() for line in lines[-2:]]
    assert [path.name for path in reports] == ["report.html", "report.html"]
    assert all(path.stat().st_size > 10_000 for path in reports)
    assert [line for line in lines if line.startswith("$ na64 ")][1] == (
        "$ na64 catalogue demo/data --to demo/catalogue.json"
    )
    assert said.err.splitlines()[0].startswith("simulate: 2,000 events in ")


def test_status_of_an_interrupted_job_says_how_to_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "partials").mkdir()
    assert main(["status", str(tmp_path)]) == 1
    assert capsys.readouterr().out == "no products yet: the same na64 process goes on where it was\n"
