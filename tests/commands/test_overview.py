"""Every command has its place in the help, and an example that is one."""

from __future__ import annotations

import argparse
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from na64.commands.overview import EXAMPLES, GROUPS
from na64.run import main, parser

COMMANDS = tuple(
    name
    for action in parser()._actions
    if isinstance(action, argparse._SubParsersAction)
    for name in action.choices
)


def test_every_command_is_in_one_group() -> None:
    listed = [name for names in GROUPS.values() for name in names]
    assert sorted(listed) == sorted(COMMANDS)


def test_the_help_has_the_commands_by_task(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    said = capsys.readouterr().out
    places = [said.index(f"\n  {task}:\n") for task in GROUPS]
    assert places == sorted(places)
    for task, names in GROUPS.items():
        part = said[said.index(f"\n  {task}:\n") :]
        assert part.index(f"\n    {names[-1]}") > part.index(f"\n    {names[0]}") or len(names) == 1


@pytest.mark.parametrize("name", COMMANDS)
def test_the_examples_of_a_command_can_be_given_to_it(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert EXAMPLES[name]
    for line in EXAMPLES[name]:
        program, command, *words = shlex.split(line)
        assert (program, command) == ("na64", name)
        parser().parse_args([command, *words])
    with pytest.raises(SystemExit):
        main([name, "--help"])
    said = capsys.readouterr().out
    assert all(f"  {line}\n" in said for line in EXAMPLES[name])


def test_help_imports_nothing_that_takes_long() -> None:
    code = "import sys\nfrom na64.run import main\ntry:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
    code += "print(sorted({'numpy', 'uproot', 'pandas', 'matplotlib', 'coffea', 'dask'} & {*sys.modules}))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.splitlines()[-1] == "[]"


def test_long_sentences_of_help_are_folded(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit):
        main(["probe", "--help"])
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 80


@pytest.mark.parametrize("words", [[], ["--help"]])
def test_no_file_is_made_by_asking(words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        main(words)
    assert not list(tmp_path.iterdir())
