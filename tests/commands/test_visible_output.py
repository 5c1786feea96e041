"""Names, labels and reasons on the way to a terminal."""

from __future__ import annotations

import io
import os
import re
import shutil
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

import na64
from na64.commands.verbs import tell
from na64.commands.visible_output import complain, visible_output
from na64.run import main

ESCAPES = "\x1b[31mred\x1b[0m \u202eoot.live\u202c"
SHOWN = r"\x1b[31mred\x1b[0m \u202eoot.live\u202c"


@pytest.fixture(scope="module")
def run(simulate: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run file."""
    return next(simulate(tmp_path_factory.mktemp("made"), "small", 100).glob("run_*.root"))


def test_a_line_that_is_printed_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with visible_output():
        tell([f"file {ESCAPES}", "two\nlines"])
    complain(f"na64: {ESCAPES}\rx")
    found = capsys.readouterr()
    assert found.out == f"file {SHOWN}\ntwo\\x0alines\n"
    assert found.err == f"na64: {SHOWN}\\x0dx\n"


def test_a_terminal_of_another_encoding_shows_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    buffer = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(buffer, "ascii", write_through=True))
    with visible_output():
        tell(["µ \udcff"])
    assert buffer.getvalue() == b"\\xb5 \\xff\n"


@pytest.mark.parametrize(
    "words",
    [
        ["catalogue", f"/no/{ESCAPES}.root", "--to", "c.json"],
        ["status", f"/no/{ESCAPES}"],
        ["process", "c.json", "--selection", ESCAPES, "--to", "out"],
        ["simulate", ESCAPES, "--to", "out"],
        ["process", "c.json", ESCAPES, "--selection", "dimuon_2023"],
        ["process", "c.json", "--executor", ESCAPES],
        ["process", "c.json", "--selection", "dimuon_2023", "--workers", ESCAPES],
    ],
)
def test_arguments_are_shown_and_not_obeyed(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with suppress(SystemExit):  # what argparse refuses
        assert main(words) == 2
    found = "".join(capsys.readouterr())
    assert not set(found) & {"\x1b", "\u202e"}
    assert "red" in found or "c.json" in found


@pytest.mark.parametrize(
    "words",
    [
        ["process", "c.json", "--selection", "dimuon_2023", "--to", "o\udcff"],
        ["process", "c\udcff.json", "--selection", "dimuon_2023"],
        ["catalogue", ".", "--to", "c\udcff.json"],
        ["catalogue", ".", "--to", "c.json", "--layout=l\udcff.toml"],
    ],
)
def test_names_that_cannot_be_written_are_refused_at_once(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    assert re.fullmatch(r"na64: .*\\xff.*: is not UTF-8\n", capsys.readouterr().err)


def test_a_file_whose_name_is_not_utf8_is_quarantined_by_a_name_that_can_be_read(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, catalogue = tmp_path / "data", str(tmp_path / "c.json")
    folder.mkdir()
    shutil.copy(run, folder / "good.root")
    bad = os.fsencode(folder) + b"/bad\xff.root"
    Path(os.fsdecode(bad)).write_bytes(run.read_bytes() + b"\0")  # another content, or it would be an alias
    assert main(["catalogue", str(folder), "--to", catalogue]) == 1
    lines = capsys.readouterr().out.splitlines()
    (line,) = [line for line in lines if line.startswith("quarantined")]
    assert line == f"quarantined: bad\\xff.root: its path is not UTF-8: {folder}/bad\\xff.root"
    command = ["process", catalogue, "--selection", "dimuon_2023", "--executor", "iterative", "--no-report"]
    assert main([*command, "--to", str(tmp_path / "out")]) == 1
    assert main(["status", str(tmp_path / "out")]) == 1
    assert r"not read: bad\xff.root: its path is not UTF-8" in capsys.readouterr().out
    accept = ["--accept", r"bad\xff.root", "--reason", "a test"]
    assert main(["catalogue", str(folder), "--to", catalogue, *accept]) == 0
    assert main([*command, "--to", str(tmp_path / "again")]) == 0


def test_a_name_with_control_characters_is_shown(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "data").mkdir()
    shutil.copy(run, tmp_path / "data" / "a\n\x1b[2J.root")
    shutil.copy(run, tmp_path / "data" / "\u202etoor.root")
    assert main(["catalogue", str(tmp_path / "data"), "--to", str(tmp_path / "c.json")]) == 1
    found = capsys.readouterr().out
    assert r"quarantined: a\x0a\x1b[2J.root: its path has control characters" in found
    assert not set(found) & {"\x1b", "\u202e"}


def test_nothing_goes_around_the_boundaries() -> None:
    """Commands print on standard output, which is visible; pages have one environment."""
    code = {
        path: path.read_text()
        for path in Path(na64.__file__).parent.rglob("*.py")
        if "tests" not in path.parts
    }
    for path, text in code.items():
        if path.parent.name == "commands" and path.name != "visible_output.py":
            assert not re.search(r"file=sys\.|sys\.std(out|err)\.write", text), path
        if path.name != "page.py":
            assert "jinja2" not in text or not re.search(r"\bEnvironment\(", text), path


def test_a_line_without_end_is_cut(capsys: pytest.CaptureFixture[str]) -> None:
    with visible_output():
        tell(["x" * 200_000])
    complain("y" * 200_000)
    found = capsys.readouterr()
    assert found.out == "x" * 2000 + "...\n"
    assert found.err == "y" * 2000 + "...\n"
