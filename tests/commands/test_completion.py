"""A shell completes commands, options, choices and files."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from na64.run import main

ASK = """
source na64.bash
function=$(complete -p na64 | sed 's/.*-F \\([^ ]*\\).*/\\1/')
COMP_WORDS=(na64 "$@"); COMP_CWORD=$#; COMPREPLY=()
$function na64 "${COMP_WORDS[$#]}" "${COMP_WORDS[$#-1]}"
echo "${COMPREPLY[@]}"
"""


def test_without_the_package_it_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "shtab", None)
    assert main(["completion", "bash"]) == 2
    assert "the extra na64[completion]" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["pro"], "process probe project"),
        (["process", "--sel"], "--selection"),
        (["process", "--executor", ""], "iterative processes dask"),
        (["process", "cat"], "catalogue.json"),
    ],
)
@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_bash_completes(
    words: list[str],
    expected: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pytest.importorskip("shtab", reason="the extra na64[completion] is not installed")
    monkeypatch.chdir(tmp_path)
    assert main(["completion", "bash"]) == 0
    Path("na64.bash").write_text(capsys.readouterr().out)
    Path("catalogue.json").touch()
    done = subprocess.run(["bash", "-c", ASK, "bash", *words], check=True, capture_output=True, text=True)
    assert done.stdout.split() == expected.split()


def test_zsh_has_a_script_too(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("shtab", reason="the extra na64[completion] is not installed")
    assert main(["completion", "zsh"]) == 0
    assert capsys.readouterr().out.startswith("#compdef na64\n")
