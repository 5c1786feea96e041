"""What lies in the folder of a result has to be what the log says of it."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import pytest

from na64.outputs.blinding.examination import find_log, problems
from na64.outputs.blinding.freeze import FREEZE
from na64.outputs.result import audit_log
from na64.outputs.result.request import LOG, REQUEST, Request, request_file


@pytest.fixture
def result(tmp_path: Path) -> Path:
    """A folder of a result that was frozen and opened, as far as its log knows; the log lies above it."""
    log, folder = tmp_path / LOG, tmp_path / "out"
    head = audit_log.append(log, "process", {"selection": "mine"})
    folder.mkdir(exist_ok=True)
    (folder / REQUEST).write_bytes(request_file(Request("../c.json", "mine", audit=head))[REQUEST])
    freeze = json.dumps({"audit": head}).encode()
    (folder / FREEZE).write_bytes(freeze)
    head = audit_log.append(log, "freeze", {"freeze": sha256(freeze).hexdigest()})
    opened = json.dumps({"record": {"audit": head}}).encode()
    (folder / "unblinded.json").write_bytes(opened)
    audit_log.append(log, "opened", {"record": sha256(opened).hexdigest()})
    return folder


def test_a_log_is_found_beside_the_catalogue_or_by_name(result: Path) -> None:
    log = result.parent / LOG
    assert find_log(result).samefile(log)
    assert find_log(result.parent) == log
    assert find_log(log) == log
    with pytest.raises(FileNotFoundError, match="nowhere: there is no log"):
        find_log(result / "nowhere")


def test_nothing_is_wrong_with_what_the_log_knows(result: Path) -> None:
    assert problems(result) == problems(result.parent) == problems(result.parent / LOG) == []
    assert problems(result, ["f" * 64]) == [f"the line with hash {'f' * 64} is gone"]


@pytest.mark.parametrize("name", [FREEZE, "unblinded.json"])
@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"record": 1, "audit": 1}', b"\xff"])
def test_a_damaged_file_is_one_that_the_log_does_not_know(name: str, data: bytes, result: Path) -> None:
    (result / name).write_bytes(data)
    assert problems(result) == [f"{name} is not the one that the log knows"]


def test_a_log_cut_short_lacks_what_the_files_name(result: Path) -> None:
    log = result.parent / LOG
    lines = log.read_bytes().splitlines(keepends=True)
    hashes = [json.loads(line)["hash"] for line in lines]
    log.write_bytes(lines[0])
    assert problems(log) == []
    assert problems(result) == [
        f"{FREEZE} is not the one that the log knows",
        "unblinded.json is not the one that the log knows",
        f"unblinded.json: the line with hash {hashes[1]} is gone",
    ]
    log.write_bytes(b"")
    assert f"{FREEZE}: the line with hash {hashes[0]} is gone" in problems(result)
    assert problems(result)[0] == f"{REQUEST}: the line with hash {hashes[0]} is gone"
    (result / REQUEST).unlink()
    (result / LOG).write_bytes(b"")
    assert problems(result) == []


def test_an_altered_log_is_told_first(result: Path) -> None:
    log = result.parent / LOG
    log.write_bytes(log.read_bytes().replace(b"mine", b"ours"))
    assert problems(result) == ["audit.jsonl: line 1: its content does not have its hash"]
