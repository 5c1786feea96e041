from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from na64.run import main


def test_an_estimate_reads_a_few_pieces_and_leaves_a_line_in_the_log_only(
    simulate: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files, listed, out = simulate(tmp_path, "small", 700), tmp_path / "c.json", tmp_path / "out"
    assert main(["catalogue", str(files), "--to", str(listed)]) == 0
    line = ["process", str(listed), "--selection", "dimuon_2023", "--to", str(out), "--executor", "iterative"]
    before = {*tmp_path.iterdir()}
    capsys.readouterr()
    assert main([*line, "--estimate", "--workers", "2", "--store", str(tmp_path / "store")]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "to be counted: 700 events, 700 of them from cells"
    assert re.fullmatch(r"sample: (\d+) events, [\d,]+ ns of CPU each, [\d,]+ ns of time", said[1])
    assert re.fullmatch(r"from cells: [\d.]+ (s|min) of CPU, [\d.]+ (s|min) on 2 workers", said[2])
    assert re.fullmatch(r"feature store: at most [\d.]+ MB", said[3])
    log = tmp_path / "audit.jsonl"
    assert sorted(path for path in tmp_path.iterdir() if path != log) == before
    assert "estimate" in log.read_text()  # events of data were looked at
    assert main([*line, "--no-report"]) == 0
    capsys.readouterr()
    assert main([*line, "--estimate", "--workers", "1", "--fresh"]) == 0
    assert capsys.readouterr().out.startswith("to be counted: 700 events, 700 of them from cells\n")
    other = ["process", str(listed), "--selection", "invisible_2023", "--to", str(tmp_path / "other")]
    assert main([*other, "--estimate"]) == 0
    assert capsys.readouterr().out == (
        "to be counted: 700 events, 0 of them from cells\n"
        "from features alone a worker counts some millions of events a second\n"
    )
    assert main([*line, "--estimate"]) == 0
    assert capsys.readouterr().out.startswith("to be counted: 0 events, 0 of them from cells\n")
