"""Files that are still being written are pending, and registered once they are whole."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uproot

from na64.datasets.catalogue.build import FileRecord, Status, build, load, save
from na64.datasets.catalogue.inspection import Expectation, inspect
from na64.datasets.catalogue.pending_files import FileEnding, PendingFileError, closing_of, finished
from na64.datasets.conditions.periods import load_periods
from na64.datasets.reading.layout import Layout, load_layout
from na64.run import main

TOUT = load_layout("tout2023")
END, FREE = 12, 16
"""Where the header of a small ROOT file has its end and the place of its list of free space."""


@pytest.fixture
def run(make_values: Callable[..., Any], write_file: Callable[..., Path]) -> Path:
    return write_file("tout", make_values(TOUT, 6), name="run.root")


def header(path: Path, place: int) -> int:
    return int(struct.unpack_from(">i", path.read_bytes(), place)[0])


def patch(path: Path, place: int, value: int) -> None:
    data = bytearray(path.read_bytes())
    struct.pack_into(">i", data, place, value)
    path.write_bytes(data)


def not_closed(path: Path) -> None:
    """Make it as ROOT leaves it after saving a tree that goes on."""
    patch(path, FREE, 0)


def behind(path: Path) -> None:
    """Make its last record one that was written after the lists."""
    patch(path, END, header(path, FREE))


def age(path: Path, seconds: float) -> None:
    then = path.stat().st_mtime - seconds
    os.utime(path, (then, then))


def look(path: Path, **options: Any) -> FileRecord:
    (record,) = build([path], simulation=False, **options).files
    return record


def test_a_closed_file_is_closed(run: Path, tmp_path: Path) -> None:
    assert closing_of(run) == FileEnding(is_closed=True, has_more=False)
    for content in (b"", b"root", b"PAR1" * 20):
        (tmp_path / "other").write_bytes(content)
        assert closing_of(tmp_path / "other").is_closed


@pytest.mark.parametrize("spoil", [not_closed, behind])
def test_a_file_that_was_not_closed_is_pending_until_it_settles(
    run: Path, spoil: Callable[[Path], None]
) -> None:
    spoil(run)
    assert not closing_of(run).is_closed
    record = look(run)
    assert (record.status, record.reason) == (Status.PENDING, "is being written: it was not closed yet")
    assert not record.sha256
    age(run, 200)
    assert look(run).status is Status.PENDING
    assert look(run, settled=100).status is not Status.PENDING
    age(run, 200)
    assert look(run).status is not Status.PENDING


def test_a_file_whose_writer_was_interrupted_is_used_only_if_nothing_is_lost(run: Path) -> None:
    whole = run.read_bytes()
    not_closed(run)
    assert look(run, settled=0).is_good
    run.write_bytes(whole)
    behind(run)
    record = look(run, settled=0)
    assert record.status is Status.QUARANTINED
    assert record.reason.startswith("was never closed: it has events after its end")


@pytest.mark.parametrize("n_bytes", [-80, 0])
def test_what_is_left_of_deleted_records_is_not_taken_for_events(run: Path, n_bytes: int) -> None:
    with run.open("ab") as file:
        file.write(struct.pack(">ihiihhi", n_bytes, 4, 50, 0, 30, 1, header(run, END)) + bytes(80))
    assert look(run).is_good
    with run.open("ab") as file:
        file.write(b"x" * 300)
    assert look(run).is_good


def test_large_files_are_told_too(run: Path) -> None:
    data, end = run.read_bytes(), header(run, END)
    large = bytearray(data)
    struct.pack_into(">iiqq", large, 4, 1_062_400, 100, end, 0)
    run.write_bytes(large)
    assert closing_of(run) == FileEnding(is_closed=False, has_more=False)
    struct.pack_into(">iiqq", large, 4, 1_062_400, 100, end, end - 60)
    run.write_bytes(large)
    assert closing_of(run) == FileEnding(is_closed=True, has_more=False)
    run.write_bytes(large + struct.pack(">ihiihhqq", 80, 1004, 50, 0, 30, 1, end, 100))
    assert closing_of(run) == FileEnding(is_closed=False, has_more=True)


def test_a_header_and_a_record_are_told_by_as_many_bytes_as_they_have(tmp_path: Path) -> None:
    path, version, end = tmp_path / "x.root", 1_062_400, 28
    head = [b"root" + struct.pack(">iiqq", version, 100, end, free) for free in (0, 1)]
    record, empty = (struct.pack(">ihiihhq", n_bytes, 1004, 50, 0, 30, 1, end) for n_bytes in (80, 0))
    for data, is_closed, has_more in (
        (head[0], False, False),
        (head[0][:-1], True, False),
        (head[1] + record, False, True),
        (head[1] + record[:-1], True, False),
        (head[1] + empty, True, False),
    ):
        path.write_bytes(data)
        assert closing_of(path) == FileEnding(is_closed=is_closed, has_more=has_more)


@pytest.mark.parametrize("ending", ["part", "tmp", "FILEPART"])
def test_a_partial_name_is_pending_and_forgotten_once_it_has_another(run: Path, ending: str) -> None:
    partial = run.rename(run.with_name(f"run.root.{ending}"))
    first = build([str(run.parent / "run*")], simulation=False)
    (record,) = first.files
    assert (record.status, record.reason) == (
        Status.PENDING,
        f'is being written: its name ends in ".{ending}"',
    )
    assert build([], simulation=False, previous=first).files == first.files
    partial.rename(run)
    after = build([run.parent], simulation=False, previous=first)
    assert [(one.name, one.is_good) for one in after.files] == [("run.root", True)]


def test_update_registers_a_file_once_it_is_closed(run: Path, tmp_path: Path) -> None:
    whole, catalogue = run.read_bytes(), tmp_path / "c.json"
    not_closed(run)
    save(build([run], simulation=False), catalogue)
    assert load(catalogue).unreviewed == load(catalogue).files
    assert load(catalogue).good == ()
    run.write_bytes(whole)
    after = build([run], simulation=False, previous=load(catalogue))
    assert [(one.is_good, one.entries) for one in after.files] == [(True, 6)]


def test_a_change_meanwhile_is_noticed_whatever_else_is_found(run: Path) -> None:
    with pytest.raises(PendingFileError, match="changed while it was looked at"), finished(run):
        run.write_bytes(run.read_bytes() + b"x")
    with pytest.raises(PendingFileError, match="changed while"):
        _fail_while_it_grows(run)
    with finished(run):
        run.read_bytes()


def _fail_while_it_grows(path: Path) -> None:
    with finished(path):
        age(path, 5)
        raise ValueError("anything")


class _Growing(tuple[Layout, ...]):
    """Layouts; whoever asks for them looks at a file that grows."""

    path: Path

    def __iter__(self) -> Iterator[Layout]:
        with self.path.open("ab") as file:
            file.write(b"x")
        return super().__iter__()


def test_a_file_that_grows_while_it_is_looked_at_is_pending(run: Path) -> None:
    layouts = _Growing((TOUT,))
    layouts.path = run
    record = inspect(str(run), Expectation(layouts, load_periods()))
    assert record.status is Status.PENDING
    assert (record.sha256, record.size) == ("", 0)


def test_the_command_says_so_in_a_line_and_takes_it_once_it_is_whole(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, words = run.read_bytes(), ["catalogue", str(run), "--to", str(tmp_path / "c.json")]
    not_closed(run)
    assert main(words) == 1
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "pending: run.root: is being written: it was not closed yet"
    assert len(said) == 2
    run.write_bytes(whole)
    assert main([*words, "--update"]) == 0
    assert "1 file, 1 run, 6 events" in capsys.readouterr().out
    not_closed(run)
    assert main([*words, "--settled", "0"]) == 0
    assert main([*words, "--settled", "-1"]) == 2


def test_a_tree_that_uproot_writes_is_whole_after_every_block(tmp_path: Path) -> None:
    with uproot.recreate(tmp_path / "x.root") as file:
        tree = file.mktree("tout", {"a": np.float64})
        for _ in range(3):
            tree.extend({"a": np.arange(1000.0)})
            assert closing_of(tmp_path / "x.root").is_closed
