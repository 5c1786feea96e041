from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from na64.outputs.result.audit_log import (
    FIRST,
    TORN,
    altered,
    append,
    entries,
    head,
    lost,
    timeline,
    torn,
    verify,
)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "audit.jsonl"
    for number in range(3):
        append(path, "note", {"number": number}, time="2026-01-01T00:00:00+00:00")
    return path


def test_lines_follow_each_other(log: Path) -> None:
    lines = entries(log)
    assert verify(log) == []
    assert [line["details"] for line in lines] == [{"number": 0}, {"number": 1}, {"number": 2}]
    assert [line["previous"] for line in lines] == [FIRST, lines[0]["hash"], lines[1]["hash"]]


def test_hash_is_returned_and_depends_on_the_content(tmp_path: Path) -> None:
    same = [append(tmp_path / name, "note", {"x": 1}, time="t") for name in ("a", "b")]
    other = append(tmp_path / "c", "note", {"x": 2}, time="t")
    assert same[0] == same[1] != other


def test_no_log_has_no_problem(tmp_path: Path) -> None:
    assert verify(tmp_path / "none") == []


def test_every_changed_byte_is_found(log: Path) -> None:
    data = log.read_bytes()
    for position in range(len(data)):
        changed = bytearray(data)
        changed[position] ^= 1
        log.write_bytes(bytes(changed))
        assert verify(log), f"byte {position}"


@pytest.mark.parametrize("gone", [0, 1])
def test_a_removed_line_is_found(log: Path, gone: int) -> None:
    lines = log.read_bytes().splitlines(keepends=True)
    del lines[gone]
    log.write_bytes(b"".join(lines))
    assert verify(log)[0] == f"line {gone + 1}: does not follow the line before"


def test_exchanged_lines_are_found(log: Path) -> None:
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join([lines[1], lines[0], lines[2]]))
    assert len(verify(log)) >= 2


def test_a_rewritten_line_without_its_index_is_found(log: Path) -> None:
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(lines[0] + json.dumps({"event": "note"}).encode() + b"\n")
    assert verify(log) == ["line 2: not a line of this log"]


def test_a_line_written_in_another_way_is_found(log: Path) -> None:
    log.write_bytes(log.read_bytes().replace(b'"event":', b'"event": ', 1))
    assert verify(log) == ["line 1: its content does not have its hash"]


def test_a_line_with_another_number_is_found(log: Path) -> None:
    line: Any = entries(log)[0]
    del line["hash"]
    text = json.dumps(line | {"index": 7}, sort_keys=True, separators=(",", ":"))
    line |= {"index": 7, "hash": hashlib.sha256(text.encode()).hexdigest()}
    log.write_text(json.dumps(line, sort_keys=True, separators=(",", ":")) + "\n")
    assert verify(log) == ["line 1: has index 7, not 0"]


def test_nobody_else_writes_while_a_line_is_added(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def another_writer(handle: int) -> None:
        with log.open("ab") as other, pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        seen.append(handle)

    seen: list[int] = []
    monkeypatch.setattr(os, "fsync", another_writer)
    append(log, "note", {})
    assert len(seen) == 1


def test_nothing_is_added_to_an_altered_log(log: Path) -> None:
    log.write_bytes(log.read_bytes().replace(b'"number":1', b'"number":9'))
    before = log.read_bytes()
    with pytest.raises(ValueError, match="line 2: its content does not have its hash"):
        append(log, "note", {})
    assert log.read_bytes() == before


def test_infinite_numbers_are_refused(log: Path) -> None:
    before = log.read_bytes()
    with pytest.raises(ValueError, match="not JSON compliant"):
        append(log, "note", {"x": float("inf")})
    assert log.read_bytes() == before


_APPEND_TEN = """
import sys
from pathlib import Path
from typing import Any
from na64.outputs.result.audit_log import append
for number in range(10):
    append(Path(sys.argv[1]), "note", {"number": number})
"""


def test_two_processes_keep_one_chain(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    writers = [subprocess.Popen([sys.executable, "-c", _APPEND_TEN, str(path)]) for _ in range(2)]
    assert [writer.wait() for writer in writers] == [0, 0]
    assert verify(path) == []
    assert len(entries(path)) == 20


def test_a_line_known_from_elsewhere_must_be_there(log: Path) -> None:
    known = str(entries(log)[-1]["hash"])
    assert head(log) == known
    assert lost(log, [FIRST, "", known]) == []
    log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:-1]))
    assert verify(log) == []
    assert lost(log, [known]) == [f"the line with hash {known} is gone"]


def test_the_timeline_tells_when_and_what(log: Path) -> None:
    append(log, "opening", {"freeze": "a" * 64, "approved_by": ["Ada", "Emmy"], "secret": 1}, time="t")
    last = list(timeline(log))[-1]
    assert last.split() == ["t", "opening", "freeze", "a" * 12 + ",", "approved_by", "Ada", "and", "Emmy"]


def test_no_log_has_the_first_hash(tmp_path: Path) -> None:
    assert head(tmp_path / "none") == FIRST
    assert list(timeline(tmp_path / "none")) == []


def test_a_line_cut_anywhere_is_named_and_kept(log: Path) -> None:
    data = log.read_bytes()
    start = data.rindex(b"\n", 0, -1) + 1
    for stop in range(start + 1, len(data)):
        log.write_bytes(data[:stop])
        assert altered(log) == []
        assert torn(log) == verify(log) == ["the last line is not complete: line 3 was begun and not ended"]
        assert len(entries(log)) == 2
        append(log, "note", {"number": 3}, time="t")
        assert verify(log) == []
        kept, last = entries(log)[2:]
        assert last["details"] == {"number": 3}
        if stop == len(data) - 1:  # all of it is there but its end
            assert kept["details"] == {"number": 2}
        else:
            assert (kept["event"], kept["details"]) == (TORN, {"text": data[start:stop].decode()})


def test_the_first_line_may_be_torn_and_need_be_no_text(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    path.write_bytes(b"\x00\xff{")
    append(path, "note", {}, time="t")
    assert verify(path) == []
    assert [line["event"] for line in entries(path)] == [TORN, "note"]
    assert all(line.isprintable() for line in timeline(path))
    assert entries(path)[0]["details"] == {"text": "\x00\\xff{"}


def test_a_changed_line_before_a_torn_one_is_still_found(log: Path) -> None:
    data = log.read_bytes().replace(b'"number":1', b'"number":9') + b'{"de'
    log.write_bytes(data)
    assert altered(log)[0] == "line 2: its content does not have its hash"
    with pytest.raises(ValueError, match="nothing is added to an altered log"):
        append(log, "note", {})
    assert log.read_bytes() == data


@pytest.mark.parametrize("written", [0, 1, 40])
def test_a_full_disk_leaves_the_log_as_it_was(
    log: Path, monkeypatch: pytest.MonkeyPatch, written: int
) -> None:
    before, pwrite = log.read_bytes(), os.pwrite

    def fill(handle: int, data: bytes, offset: int) -> int:
        if offset > len(before) or not written:
            raise OSError(errno.ENOSPC, "No space left on device")
        return pwrite(handle, data[:written], offset)

    with monkeypatch.context() as full:
        full.setattr(os, "pwrite", fill)
        with pytest.raises(OSError, match="No space"):
            append(log, "note", {"number": 3})
    assert log.read_bytes() == before
    append(log, "note", {"number": 3})
    assert verify(log) == []


def test_what_is_checked_last_can_still_refuse(log: Path) -> None:
    before = log.read_bytes()

    def refuse() -> None:
        with log.open("rb") as other, pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        append(log, "note", {}, check=refuse)
    assert log.read_bytes() == before
