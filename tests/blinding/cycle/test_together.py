"""Two people at once: one opens, nothing is lost, and nothing stays locked."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from na64.outputs.result.audit_log import entries, verify
from na64.processors.unblinded_counts import open_box
from na64.run import main

pytestmark = pytest.mark.usefixtures("undrawn")

PROGRAM = (sys.executable, "-m", "na64.run")


def together(lines: Sequence[Sequence[str]], folder: Path) -> list[tuple[int, str]]:
    """Run several commands at the same time; give exit code and what each said."""
    running = [
        subprocess.Popen(
            [*PROGRAM, *line], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        for line in lines
    ]
    said = [process.communicate()[0] for process in running]
    return [(process.returncode, text) for process, text in zip(running, said, strict=True)]


@pytest.mark.parametrize("n_people", [2, pytest.param(3, marks=pytest.mark.soak)])
def test_of_several_openings_one_opens(analysis: Any, n_people: int) -> None:
    line = ["unblind", "out", "--freeze", analysis.freeze(), "--executor", "iterative"]
    asked = [
        [*line, "--reason", f"{n}", "--approved-by", f"A{n}", "--approved-by", f"B{n}"]
        for n in range(n_people)
    ]
    found = together(asked, analysis.folder)
    assert sorted(code for code, _ in found) == [0, *[1] * (n_people - 1)]
    assert all("was opened already" in text for code, text in found if code)
    events = analysis.events()[analysis.events().index("freeze") + 1 :]
    assert sorted(events) == ["opened", "opening", *["refusal"] * (n_people - 1)]
    assert verify(analysis.log) == []


def test_of_two_updates_of_a_catalogue_none_is_lost(campaign: Path, tmp_path: Path) -> None:
    files = sorted(str(path) for path in (campaign / "data").glob("run_*.root"))
    assert main(["catalogue", files[0], "--to", str(tmp_path / "c.json")]) == 0
    update = [["catalogue", file, "--update", "--to", "c.json"] for file in files[1:]]
    assert [code for code, _ in together(update, tmp_path)] == [0, 0]
    assert len(json.loads((tmp_path / "c.json").read_text())["files"]) == len(files)


def test_freeze_report_and_process_take_turns(analysis: Any) -> None:
    process = ["process", "catalogue.json", "--selection", "mine.toml", "--to", "out"]
    process += ["--executor", "iterative", "--no-report"]
    freeze = ["freeze", "out", "--background", "1"]
    (frozen, _), *counted = together([freeze, process, process], analysis.folder)
    assert frozen == 0
    # Two that count at once: the second comes after the first, or is told that it is there.
    assert {code for code, _ in counted} <= {0, 1}
    assert any(code == 0 for code, _ in counted)
    assert all("is at work here" in text for code, text in counted if code)
    assert verify(analysis.log) == []
    assert main(["status", str(analysis.result)]) == 0
    assert main(["audit", str(analysis.result)]) == 0
    assert [path for path in analysis.result.iterdir() if path.name.startswith(".")] == []


HOLD = """
import sys, time
from contextlib import ExitStack
from pathlib import Path
from na64.datasets.basics.turns import turn
with ExitStack() as held:
    for name in sys.argv[2:]:
        held.enter_context(turn(Path(sys.argv[1]), name, "na64 test"))
    print("held", flush=True)
    time.sleep(600)
"""


def test_whoever_is_killed_holds_nothing(analysis: Any) -> None:
    names = ("products", "opening", "counting")
    line = [sys.executable, "-c", HOLD, str(analysis.result), *names]
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        os.kill(holder.pid, signal.SIGKILL)
    assert all((analysis.result / f".{name}.lock").exists() for name in names)
    analysis.process()
    assert analysis.unblind(analysis.freeze()) == 0
    assert [path for path in analysis.result.iterdir() if path.name.startswith(".")] == []


def test_a_torn_line_is_named_kept_and_gone_on_after(
    analysis: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = analysis.log.read_bytes()
    analysis.log.write_bytes(whole + whole[:40])
    assert main(["audit", str(analysis.result)]) == 1
    assert "TORN: the last line is not complete" in capsys.readouterr().out
    digest = analysis.freeze()
    assert analysis.events()[-2:] == ["torn", "freeze"]
    (torn,) = (line["details"] for line in entries(analysis.log) if line["event"] == "torn")
    assert torn == {"text": whole[:40].decode()}
    assert main(["audit", str(analysis.result)]) == 0
    assert "torn" in capsys.readouterr().out
    assert analysis.unblind(digest) == 0


def test_an_opening_that_is_torn_off_the_log_opens_nothing_again(
    analysis: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    digest = analysis.freeze()
    assert analysis.unblind(digest) == 0
    lines = analysis.log.read_bytes().splitlines(keepends=True)
    place = next(n for n, line in enumerate(lines) if b'"event":"opening"' in line)
    analysis.log.write_bytes(b"".join(lines[:place]) + lines[place][:50])
    assert analysis.unblind(digest) == 1
    assert "unblinded.json is not the one that the log knows" in capsys.readouterr().err
    assert analysis.events()[-2:] == ["torn", "refusal"]


def test_no_other_result_comes_into_a_folder_whose_box_is_being_opened(
    analysis: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    digest, selection = analysis.freeze(), analysis.selection.read_text()
    before = (analysis.result / "result.json").read_bytes()

    def open_slowly(*given: Any) -> Any:
        analysis.select("below = 1.5", "below = 15")
        analysis.process("--replace", code=1)
        analysis.selection.write_text(selection)
        return open_box(*given)

    monkeypatch.setattr("na64.outputs.blinding.unblind.open_box", open_slowly)
    monkeypatch.setattr("na64.outputs.analysis.counting.COUNTING_PATIENCE", 0.0)
    assert analysis.unblind(digest) == 0
    assert "out: na64 unblind" in capsys.readouterr().err
    assert (analysis.result / "result.json").read_bytes() == before
    assert not (analysis.result / "replaced").exists()
    assert main(["audit", str(analysis.result)]) == 0
