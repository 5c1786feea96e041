"""What lies in the folder of a result has to be what the log says of it."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from na64.outputs.blinding.examination import find_log, problems
from na64.outputs.blinding.freeze import FREEZE
from na64.outputs.result import audit_log
from na64.outputs.result.request import LOG, REQUEST, Request, request_file
from na64.outputs.result.store import PROVENANCE, RESULT, write_numbers


@pytest.fixture
def result(tmp_path: Path, case: Any) -> Path:
    """A folder of a result that was frozen and opened, as far as its log knows; the log lies above it."""
    log, folder = tmp_path / LOG, tmp_path / "out"
    identity = case.facts.identities["selection"]
    head = audit_log.append(log, "process", {"selection": "mine", "selection_identity": identity})
    made_by = {"selection": {"identity": identity}}
    write_numbers(folder, facts=case.facts, tallies=case.tallies, booking=case.booking, made_by=made_by)
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
    assert problems(result)[:2] == [
        f"{LOG}: it has no line",
        f"{REQUEST}: the line with hash {hashes[0]} is gone",
    ]
    (result / REQUEST).unlink()
    (result / LOG).write_bytes(b"")
    assert problems(result)[0] == f"{LOG}: it has no line"


def test_an_altered_log_is_told_first(result: Path) -> None:
    log = result.parent / LOG
    log.write_bytes(log.read_bytes().replace(b"mine", b"ours"))
    assert problems(result) == ["audit.jsonl: line 1: its content does not have its hash"]


@pytest.mark.parametrize("name", [RESULT, PROVENANCE, "cutflow.csv", "histograms.root", "yields.parquet"])
def test_what_is_missing_of_a_result_is_named(name: str, result: Path) -> None:
    (result / name).unlink()
    assert problems(result) == [f"{name} is gone"]


def test_every_product_that_is_gone_is_named_and_so_is_every_other_one(result: Path) -> None:
    for name in ("cutflow.csv", "regions.csv"):
        (result / name).unlink()
    (result / "yields.csv").write_bytes(b"run\n")
    assert problems(result) == [
        "cutflow.csv is gone",
        "regions.csv is gone",
        f"yields.csv is not the one that {RESULT} was written with",
    ]


def test_a_result_whose_request_is_gone_is_not_taken_for_a_folder_of_a_log(result: Path) -> None:
    (result / LOG).write_bytes((result.parent / LOG).read_bytes())
    (result / REQUEST).unlink()
    assert problems(result) == [f"{REQUEST} is gone, and {RESULT} is of a result"]
    for name in (RESULT, PROVENANCE):
        (result / name).unlink()
    assert problems(result) == [f"{REQUEST} is gone, and {FREEZE} is of a result"]


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"{}", f"{PROVENANCE}: selection.identity: is missing"),
        (b"", f"{PROVENANCE}: not JSON"),
        (b'{"selection": {"identity": "x"}}', f"{PROVENANCE} is of another selection than {RESULT}"),
    ],
    ids=["empty", "nothing", "another"],
)
def test_a_provenance_of_something_else_is_named(data: bytes, problem: str, result: Path) -> None:
    (result / PROVENANCE).write_bytes(data)
    (found,) = problems(result)
    assert found.startswith(problem)


@pytest.mark.parametrize("key", ["catalogue", "selection_identity"])
def test_a_result_of_something_else_than_its_line_of_the_log_is_named(key: str, result: Path) -> None:
    head = audit_log.append(result.parent / LOG, "process", {key: "of another"})
    request = Request("../c.json", "mine", audit=head)
    (result / REQUEST).write_bytes(request_file(request)[REQUEST])
    what = key.partition("_")[0]
    assert problems(result) == [f"{RESULT} is of another {what} than the line of {LOG} that {REQUEST} names"]


def test_data_without_a_line_of_the_log_are_named(result: Path) -> None:
    (result / REQUEST).write_bytes(request_file(Request("../c.json", "mine"))[REQUEST])
    assert problems(result) == [f"{REQUEST} names no line of {LOG}, and {RESULT} is of data"]


def test_what_is_gone_of_a_freeze_and_an_opening_is_named(result: Path) -> None:
    log, freeze = result.parent / LOG, (result / FREEZE).read_bytes()
    digest, opened = sha256(freeze).hexdigest(), (result / "unblinded.json").read_bytes()
    audit_log.append(log, "freeze", {"result": sha256((result / RESULT).read_bytes()).hexdigest()})
    audit_log.append(log, "opened", {"freeze": digest, "unblinded": sha256(opened).hexdigest()})
    (result / "opened").mkdir()
    assert problems(result) == []
    (result / "unblinded.json").unlink()
    assert problems(result) == [
        f"what was opened under the freeze {digest[:12]} is gone (unblinded.json)",
        "unblinded.json is gone, and opened is what it was written with",
    ]
    (result / FREEZE).unlink()
    assert f"{FREEZE} is gone: the log says that this result was frozen" in problems(result)
    named = json.dumps({"record": {"freeze": digest, "audit": audit_log.head(log)}}).encode()
    (result / "unblinded.json").write_bytes(named)
    audit_log.append(log, "opened", {"unblinded": sha256(named).hexdigest()})
    gone = f"the freeze {digest[:12]} that unblinded.json was opened under is gone ({FREEZE})"
    assert gone in problems(result)
    kept = result / "replaced" / "0" / FREEZE
    kept.parent.mkdir(parents=True)
    kept.write_bytes(freeze)
    assert gone not in problems(result)


def test_a_log_without_a_line_is_told(tmp_path: Path) -> None:
    (tmp_path / LOG).write_bytes(b"")
    assert problems(tmp_path) == problems(tmp_path / LOG) == [f"{LOG}: it has no line"]
