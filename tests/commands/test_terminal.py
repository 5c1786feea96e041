"""A reader that goes away, a full disk or a closed terminal never takes a result or its exit code with it."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TextIO

import pytest

from na64.commands.terminal import TolerantStream, steady_output
from na64.outputs.result.request import REQUEST, read_request
from na64.outputs.result.store import RESULT, read_result
from na64.run import main


def closed_pipe() -> TextIO:
    """A stream that nobody reads."""
    reader, writer = os.pipe()
    os.close(reader)
    return os.fdopen(writer, "w")


def full_disk() -> TextIO:
    """A stream onto a disk that is full."""
    return Path("/dev/full").open("w")


@pytest.fixture(params=[closed_pipe, full_disk], ids=["closed pipe", "full disk"])
def bad_stream(request: pytest.FixtureRequest) -> Iterator[TextIO]:
    stream = request.param()
    yield stream
    stream.close()


@pytest.fixture
def catalogue(simulate: Any, tmp_path: Path) -> Path:
    files = simulate(tmp_path, "small", 300)
    assert main(["catalogue", str(files), "--to", str(tmp_path / "c.json")]) == 0
    return tmp_path / "c.json"


def test_what_cannot_be_written_is_dropped_and_remembered() -> None:
    for make, is_fault in ((closed_pipe, False), (full_disk, True)):
        with make() as stream:
            steady = TolerantStream(stream)
            steady.writelines(["a", "b" * 100_000])
            steady.flush()
            steady.write("c")
            assert (steady.fault is not None) is is_fault
            assert not steady.isatty()


def test_letters_that_a_terminal_does_not_know_are_escaped() -> None:
    raw = io.BytesIO()
    steady = TolerantStream(io.TextIOWrapper(raw, "ascii"))
    steady.write("caf\u00e9 \udcff\n")
    steady.flush()
    assert raw.getvalue() == b"caf\\xe9 \\udcff\n"


def test_a_job_whose_lines_nobody_reads_leaves_a_whole_result(
    bad_stream: TextIO, catalogue: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = catalogue.parent / "out"
    line = ["process", str(catalogue), "--selection", "dimuon_2023", "--executor", "iterative", "--no-report"]
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", bad_stream)
        code = main([*line, "--to", str(out)])
    assert code == (1 if bad_stream.name == "/dev/full" else 0)
    assert read_result(out).summary.verdict.value == "COMPLETE"
    assert read_request(out).catalogue == "../c.json"
    assert main(["freeze", str(out)]) == 0


def test_a_disk_that_is_full_is_said_where_something_can_be_said(
    catalogue: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with full_disk() as stream, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", stream)
        assert main(["catalogue", str(catalogue.parent / "data"), "--to", str(catalogue), "--update"]) == 1
    assert "na64: standard output cannot be written: No space left on device" in capsys.readouterr().err


def test_streams_are_put_back(capsys: pytest.CaptureFixture[str]) -> None:
    before = sys.stdout, sys.stderr
    with steady_output():
        sys.stdout.write("shown\n")
        assert sys.stdout is not before[0]
    assert (sys.stdout, sys.stderr) == before
    assert capsys.readouterr().out == "shown\n"


def test_a_program_without_any_standard_file_writes_into_none_of_its_own(catalogue: Path) -> None:
    out = catalogue.parent / "out"
    line = f"{sys.executable} -m na64.run process {catalogue} --selection dimuon_2023 --executor processes"
    closed = f"exec {line} --workers 1 --no-report --to {out} <&- >&- 2>&-"
    assert subprocess.run(["/bin/sh", "-c", closed], check=False).returncode == 0
    assert read_result(out).summary.verdict.value == "COMPLETE"


@pytest.mark.parametrize("n_calls", [0, 5, 12, 16, 20, 24])
def test_a_job_that_is_killed_while_it_writes_leaves_a_whole_result_or_none(
    n_calls: int, catalogue: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = catalogue.parent / "out"
    line = ["process", str(catalogue), "--selection", "dimuon_2023", "--executor", "iterative", "--no-report"]
    replace: Callable[..., Path] = Path.replace
    left = [n_calls]

    def stop_or_replace(self: Path, target: Path) -> Path:
        if Path(target).parent == out:
            left[0] -= 1
            if left[0] < 0:
                raise KeyboardInterrupt
        return replace(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", stop_or_replace)
        code = main([*line, "--to", str(out)])
    if (out / RESULT).exists():
        assert read_result(out).summary.verdict.value == "COMPLETE"
        assert (out / REQUEST).exists()
    else:
        assert code == 130
        assert main(["status", str(out)]) == 1
    assert main([*line, "--to", str(out)]) == 0
    read_request(out)
