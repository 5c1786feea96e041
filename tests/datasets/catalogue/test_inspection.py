from __future__ import annotations

import os
import re
import struct
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import awkward as ak
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import uproot

from na64.datasets.catalogue.inspection import (
    Expectation,
    _check_expansion,
    inspect,
)
from na64.datasets.catalogue.rechecking import check_content, find_change, verify
from na64.datasets.catalogue.records import FileRecord, Status
from na64.datasets.conditions.periods import load_periods
from na64.datasets.reading.layout import LAYOUTS, Layout, load_layout, parse_layout
from na64.datasets.reading.stored import BadFileError, ChangedFileError

TOUT = load_layout("tout2023")
EXPECTED = Expectation(tuple(load_layout(name) for name in LAYOUTS), load_periods())
Writer = Callable[..., Path]


def look(path: Path | str) -> FileRecord:
    return inspect(str(path), EXPECTED)


@pytest.mark.parametrize(
    ("layout", "tree", "run"),
    [("tout2023", "tout", 8701), ("array2018", "reco", 3900), ("hits", "events", 8701)],
)
@pytest.mark.parametrize("container", ["ttree", "rntuple", "parquet"])
def test_a_good_file_is_registered(
    layout: str, tree: str, run: int, container: str, write_run: Writer
) -> None:
    path = write_run(layout=layout, tree=tree, run=run, container=container)
    record = look(path)
    assert record.status is Status.GOOD
    assert (record.format, record.layout) == (container, layout)
    assert record.tree == ("" if container == "parquet" else tree)
    assert (record.entries, record.runs, record.segments) == (6, {run: 6}, ((0, 6),))
    assert (record.path, record.size) == (str(path), path.stat().st_size)
    assert len(record.sha256) == 64
    assert not record.truth
    assert [chunk.n_events for chunk in record.chunks()] == [6]
    verify(record)


def test_an_empty_tree_is_good(write_run: Writer) -> None:
    record = look(write_run(n_events=0))
    assert record.status is Status.GOOD
    assert (record.entries, record.runs, record.segments) == (0, {}, ())


BAD_BRANCHES: list[tuple[dict[str, Any], str]] = [
    ({"HCAL_ene": None}, 'branch "HCAL_ene" is missing'),
    (
        {"ECAL_ene": np.zeros((6, 60), np.int16)},
        'branch "ECAL_ene" is int16_t[60], expected float32 or float64 [60]',
    ),
    ({"ECAL_ene": np.zeros((6, 72))}, 'branch "ECAL_ene" is double[72]'),
    ({"ECAL_ene": np.zeros(6)}, 'branch "ECAL_ene" is double, expected'),
    (
        {"masterT": ak.from_regular(np.zeros((6, 2)))},
        'branch "masterT" is double[], expected float32 or float64',
    ),
    ({"runN": np.zeros(6)}, 'branch "runN" is double, expected an integer'),
    ({"spillN": np.full(6, -1, np.int32)}, "spill numbers from -1 to -1, expected 0 to 2147483647"),
    ({"spilleventtN": np.full(6, 2**40)}, "event numbers from 1099511627776"),
]


@pytest.mark.parametrize(("changed", "reason"), BAD_BRANCHES)
def test_wrong_branches_are_quarantined(changed: dict[str, Any], reason: str, write_run: Writer) -> None:
    record = look(write_run(**changed))
    assert record.status is Status.QUARANTINED
    assert reason in record.reason
    assert "\n" not in record.reason
    assert record.sha256


@pytest.mark.parametrize("run", [-1, 0, 9000, 2**31 - 1])
def test_a_run_outside_every_period_is_quarantined(run: int, write_run: Writer) -> None:
    record = look(write_run(run=run))
    assert record.reason.startswith(f"run {run} is outside every period (")
    assert "2023A: 8396 to 8999" in record.reason


def test_a_set_up_that_the_period_had_not_is_quarantined(write_run: Writer) -> None:
    assert look(write_run(run=3900)).reason == ("ecal of layout tout2023 is 2x5x6, of period 2018 2x6x6")


def test_a_wrong_tree_is_quarantined(write_run: Writer) -> None:
    record = look(write_run(tree="other"))
    names = " or ".join(f'"{name}"' for name in ("ana_tree", "events", "muon", "reco", "tout", "visible"))
    assert record.reason == f'tree "other" found, expected {names}'


@pytest.mark.parametrize("container", ["ttree", "rntuple", "parquet"])
@pytest.mark.parametrize("fraction", [0.05, 0.3, 0.5, 0.9, 0.99, 0.9995])
def test_a_truncated_file_is_quarantined(container: str, fraction: float, write_run: Writer) -> None:
    path = write_run(n_events=400, container=container)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * fraction)])
    record = look(path)
    assert record.status is Status.QUARANTINED
    assert "\n" not in record.reason
    assert str(path.parent) not in record.reason


def test_a_file_cut_behind_its_own_table_of_contents_is_quarantined(write_run: Writer) -> None:
    path = write_run()
    content = bytearray(path.read_bytes())
    content[12:16] = struct.pack(">i", len(content) + 10)
    path.write_bytes(content)
    assert look(path).reason == f"truncated: {len(content)} bytes of {len(content) + 10}"


def test_a_branch_shorter_than_the_others_is_quarantined(write_run: Writer) -> None:
    path = write_run(n_events=7777)
    content = path.read_bytes()
    number = struct.pack(">q", 7777)
    places = [n for n in range(len(content)) if content.startswith(number, n)]
    found = set()
    for place in places[:4]:  # of the tree and of the first branches
        path.write_bytes(content[:place] + struct.pack(">q", 7776) + content[place + 8 :])
        found.add(look(path).reason)
    assert 'branch "runN" has 7776 entries, the tree 7777' in found


def test_a_hole_at_the_end_of_a_branch_is_found(
    make_values: Callable[..., Any], write_file: Callable[..., Path]
) -> None:
    path = write_file("tout", make_values(TOUT, 8), make_values(TOUT, 8, first=8))
    with uproot.open(path) as file:
        branch = file["tout"]["ECAL_ene"]
        start, n_bytes = branch.member("fBasketSeek")[1], branch.member("fBasketBytes")[1]
    content = bytearray(path.read_bytes())
    content[start + n_bytes // 2 : start + n_bytes] = bytes(n_bytes - n_bytes // 2)
    path.write_bytes(content)
    assert look(path).reason.startswith('branch "ECAL_ene", basket 1: cannot be read: DeflateError: ')


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "neither ROOT nor Parquet: no content"),
        (b"roo", "neither ROOT nor Parquet: begins with b'roo'"),
        (b"8701,1,5\n", "neither ROOT nor Parquet: begins with b'8701'"),
    ],
)
def test_files_that_are_nothing_are_quarantined(content: bytes, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "run.root"
    path.write_bytes(content)
    assert look(path).reason == reason


@pytest.mark.parametrize(
    ("name", "container", "reason"),
    [
        ("named.root", "parquet", "is Parquet, expected ROOT by its name"),
        ("named.parquet", "ttree", "is ROOT, expected Parquet by its name"),
        ("named.dat", "parquet", ""),
    ],
)
def test_a_file_of_another_format_than_its_name_is_quarantined(
    name: str, container: str, reason: str, write_run: Writer
) -> None:
    assert look(write_run(name, container=container)).reason == reason


def test_parquet_named_root_with_something_else_in_it_is_quarantined(tmp_path: Path) -> None:
    pq.write_table(pa.table({"runN": [1, 2]}), tmp_path / "run.root")
    assert "is missing" in look(tmp_path / "run.root").reason


def test_what_cannot_be_read_is_quarantined(tmp_path: Path) -> None:
    gone, pipe = tmp_path / "gone.root", tmp_path / "pipe.root"
    gone.symlink_to(tmp_path / "nowhere.root")
    os.mkfifo(pipe)
    assert look(gone).reason == "cannot be read: No such file or directory"
    assert look(pipe).reason == "is not a regular file"
    assert look(tmp_path).reason == "is a directory, not a file"


def test_a_path_with_control_characters_is_quarantined(write_run: Writer) -> None:
    path = write_run()
    record = look(path.rename(path.parent / "a\nb.root"))
    assert record.reason == "its path has control characters"


def test_the_dimensions_of_a_detector_must_be_those_of_the_period(
    write_run: Writer,
) -> None:
    text = TOUT.text.replace('name = "tout2023"', 'name = "turned"')
    turned = parse_layout(text.replace("shape = [2, 5, 6]", "shape = [2, 6, 5]"), "turned")
    changed = {name: np.zeros((6, 60)) for name in ("ECAL_ene", "ECAL_t0", "ECAL_tE", "ECAL_tSigma")}
    record = inspect(str(write_run(**changed)), replace(EXPECTED, layouts=(turned,)))
    assert record.reason == "ecal of layout turned is 2x6x5, of period 2023A 2x5x6"


@pytest.mark.parametrize("container", ["ttree", "parquet"])
def test_remote_files_keep_their_url(container: str, write_run: Writer) -> None:
    path = write_run(container=container)
    record = look(f"file://{path}")
    assert record.is_good
    assert record.path == f"file://{path}"
    assert record.sha256 == look(path).sha256
    verify(record)


def test_a_protocol_that_is_not_there_leaves_the_file_pending() -> None:
    url = "nonsense://host/run.root"
    record = look(url)
    assert record.status is Status.PENDING
    assert record.reason.startswith("cannot be read: ")
    assert record.path == url


def test_verify_notices_a_changed_file(write_run: Writer) -> None:
    path = write_run()
    record = look(path)
    remote = replace(
        record, path=f"file://{path}", entries=5, runs={8701: 5}, segments=((0, 5),), spills=({8701: (1,)},)
    )
    with pytest.raises(ChangedFileError, match=r"run\.root: 6 entries, registered with 5"):
        verify(remote)
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(ChangedFileError, match=r"run\.root: \d+ bytes, registered with \d+"):
        verify(record)
    path.unlink()
    with pytest.raises(OSError, match="No such file"):
        verify(record)


@pytest.mark.parametrize(("branch", "bits"), [("spillN", 31), ("spilleventtN", 32)])
def test_spills_and_events_have_so_many_bits(branch: str, bits: int, write_run: Writer) -> None:
    below = 2**bits - 6 + np.arange(6)
    assert look(write_run(**{branch: below})).is_good
    record = look(write_run(**{branch: below + 1}))
    assert record.reason.endswith(f"numbers from {2**bits - 5} to {2**bits}, expected 0 to {2**bits - 1}")


@pytest.mark.parametrize(
    ("expanded", "size", "n_events", "message"),
    [
        (16_000_000, 1, 0, None),
        (16_000_001, 1, 100, "1 bytes say they expand to 16000001, more than 500 times"),
        (500 * 40_000, 40_000, 1000, None),
        (500 * 40_000 + 1, 40_000, 1000, "40000 bytes say they expand to 20000001, more than 500 times"),
        (16_000_001, 10**9, 0, "16000001 bytes an event, more than 1000000"),
        (20_000_000, 10**9, 20, None),
        (20_000_021, 10**9, 20, "1000001 bytes an event, more than 1000000"),
    ],
)
def test_a_file_may_expand_so_far(expanded: int, size: int, n_events: int, message: str | None) -> None:
    refusal = nullcontext() if message is None else pytest.raises(BadFileError, match=f"^{message}$")
    with refusal:
        _check_expansion(expanded, size, n_events)


def test_a_file_that_would_fill_the_memory_is_quarantined(write_run: Writer) -> None:
    record = look(write_run(container="parquet", zeros=np.zeros((6, 400_000))))
    assert re.fullmatch(r"\d+ bytes say they expand to \d+, more than 500 times", record.reason)


def test_a_fault_of_ours_is_not_blamed_on_the_file(write_run: Writer) -> None:
    path = write_run()
    with pytest.raises(AttributeError):
        inspect(str(path), replace(EXPECTED, layouts=(cast("Layout", None),)))
    with pytest.raises(ValueError, match=r"null (byte|character)"):
        find_change(replace(look(path), path=f"{path}\0"))


def test_a_url_is_not_taken_for_a_path(
    tmp_path: Path, write_run: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"file://{write_run()}"
    (tmp_path / url).mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert look(url).is_good


def test_a_path_is_not_taken_for_a_url(tmp_path: Path) -> None:
    path = tmp_path / "zip::a.parquet"
    path.write_bytes(b"eleven.....")
    with pytest.raises(ChangedFileError, match=r"a\.parquet: 11 bytes, registered with 0"):
        verify(FileRecord(str(path)))


def test_content_of_the_same_size_is_noticed_when_it_is_used(write_run: Writer) -> None:
    path = write_run()
    record = look(path)
    check_content(record)
    assert find_change(record) == ""
    path.write_bytes(bytes(record.size))
    verify(record)  # cheap: it is not opened
    with pytest.raises(ChangedFileError, match=r"run\.root: another content than was registered"):
        check_content(record)
    assert find_change(record) == "changed since it was registered: another content of the same size"


def test_a_remote_file_without_a_version_is_looked_at_when_that_is_asked_for(
    write_run: Writer,
) -> None:
    record = look(write_run())
    remote = replace(record, path=f"file://{record.path}")
    Path(record.path).write_bytes(os.urandom(record.size))
    check_content(remote)
    assert find_change(remote) == "changed since it was registered: another content of the same size"
