from __future__ import annotations

import errno
import fcntl
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from na64.datasets.basics import atomic_file
from na64.datasets.basics.atomic_file import (
    remove_abandoned,
    write_bytes,
    write_together,
    written_whole,
)


def test_a_file_is_written_into_a_new_folder(tmp_path: Path) -> None:
    write_bytes(tmp_path / "a" / "b" / "file", b"content")
    assert (tmp_path / "a" / "b" / "file").read_bytes() == b"content"
    assert [path.name for path in (tmp_path / "a" / "b").iterdir()] == ["file"]


def test_what_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write_bytes(path, b"before")

    def fail(_: int) -> None:
        raise OSError(28, "no space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="no space left"):
        write_bytes(path, b"after")
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_an_error_that_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    for write in (partial(write_bytes, data=b"data"), _alone):
        with pytest.raises(OSError, match="No space left on device") as caught:
            write(tmp_path / "file")
        assert caught.value.filename == str(tmp_path / "file")
        assert list(tmp_path.iterdir()) == []


def _alone(path: Path) -> None:
    write_together(path.parent, {path.name: b"data"}, seal=path.name)


def test_nobody_sees_a_part_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with written_whole(path) as file, written_whole(path) as other:
        file.write(b"one")
        other.write(b"other")
        assert not path.exists()
    assert path.read_bytes() == b"one"
    with pytest.raises(InterruptedError), written_whole(path) as file:  # noqa: PT012
        file.write(b"half")
        raise InterruptedError
    assert path.read_bytes() == b"one"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_and_its_folder_are_forced_onto_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    sync = os.fsync

    def note(handle: int) -> None:
        synced.append(Path(f"/proc/self/fd/{handle}").readlink().name)
        sync(handle)

    monkeypatch.setattr(os, "fsync", note)
    write_bytes(tmp_path / "file", b"content")
    first, second = synced
    assert first.startswith(".file.")
    assert second == tmp_path.name


@pytest.mark.parametrize(("mask", "mode"), [(0o027, 0o640), (0o002, 0o664)])
def test_a_file_may_be_read_by_those_who_may_read_others(mask: int, mode: int, tmp_path: Path) -> None:
    before = os.umask(mask)
    try:
        write_bytes(tmp_path / "file", b"")
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == mode


class _KilledError(Exception):
    pass


def _kill_after(monkeypatch: pytest.MonkeyPatch, n_calls: int) -> None:
    """End a process, as it were, after so many calls of the system."""
    left = [n_calls]

    def counted(call: Callable[..., Any]) -> Callable[..., Any]:
        def stop_or_call(*arguments: Any, **options: Any) -> Any:
            left[0] -= 1
            if left[0] < 0:
                raise _KilledError
            return call(*arguments, **options)

        return stop_or_call

    monkeypatch.setattr(os, "fsync", counted(os.fsync))
    monkeypatch.setattr(Path, "replace", counted(Path.replace))


@pytest.mark.parametrize("n_calls", range(14))
def test_files_that_belong_together_are_whole_while_the_seal_is_there(
    n_calls: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = {"a": b"old", "b": b"old", "c": b"old", "seal": b"old"}
    new = {"a": b"new", "b": b"new", "seal": b"new"}
    write_together(tmp_path, old, seal="seal")
    with monkeypatch.context() as patch:
        _kill_after(patch, n_calls)
        with suppress(_KilledError):
            write_together(tmp_path, new, seal="seal", without=["c"])
    found = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert "seal" not in found or found in (old, new)
    if n_calls < 3:
        assert found == old  # a full disk is noticed before anything is lost
    write_together(tmp_path, new, seal="seal", without=["c"])
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == new


WRITER = """
import os, signal, sys
from pathlib import Path
from na64.datasets.basics.atomic_file import write_bytes

Path.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
write_bytes(Path(sys.argv[1]), b"half")
"""


def _killed_in(folder: Path, name: str) -> list[str]:
    """Kill a process that writes a file; what it left."""
    line = [sys.executable, "-c", WRITER, str(folder / name)]
    assert subprocess.run(line, check=False).returncode == -signal.SIGKILL
    left = [path.name for path in folder.glob(".*.writing")]
    assert len(left) == 1
    return left


def test_what_a_killed_writer_left_goes_with_the_next_file_and_what_is_being_written_stays(
    tmp_path: Path,
) -> None:
    (left,) = _killed_in(tmp_path, "file")
    with written_whole(tmp_path / "other") as file:
        write_bytes(tmp_path / "third", b"")
        assert not (tmp_path / left).exists()
        assert len(list(tmp_path.glob(".other.*.writing"))) == 1
        file.write(b"whole")
    assert (tmp_path / "other").read_bytes() == b"whole"
    assert {path.name for path in tmp_path.iterdir()} == {"other", "third"}


def test_files_that_belong_together_take_leftovers_of_others_away(tmp_path: Path) -> None:
    _killed_in(tmp_path, "file")
    write_together(tmp_path, {"a": b"new", "seal": b"new"}, seal="seal")
    assert {path.name for path in tmp_path.iterdir()} == {"a", "seal"}


def test_what_goes_with_files_is_written_while_there_is_no_seal(tmp_path: Path) -> None:
    names = ("seal", "table", "more/table")

    def found() -> dict[str, bytes]:
        return {name: (tmp_path / name).read_bytes() for name in names if (tmp_path / name).exists()}

    old, new = (dict.fromkeys(names, kind) for kind in (b"old", b"new"))
    write_together(tmp_path, old, seal="seal")
    meanwhile: list[object] = []
    write_together(tmp_path, new, seal="seal", meanwhile=lambda: meanwhile.append(found()))
    assert meanwhile == [{"table": b"old", "more/table": b"old"}]
    assert found() == new

    def fail() -> None:
        write_bytes(tmp_path / "more" / "figure", b"figure")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_together(tmp_path, old, seal="seal", meanwhile=fail)
    assert found() == {"table": b"new", "more/table": b"new"}
    assert [path.name for path in tmp_path.rglob("*.writing")] == []


def test_a_file_that_is_taken_for_abandoned_before_it_is_locked_is_begun_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dup, n_left = os.dup, [1]

    def sweep(handle: int) -> int:
        if n_left[0]:
            n_left[0] -= 1
            remove_abandoned(tmp_path)
        return dup(handle)

    monkeypatch.setattr(os, "dup", sweep)
    write_bytes(tmp_path / "file", b"whole")
    assert n_left == [0]
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("name", [".file.0123456789abcdef.writing", ".file.0123abcd.writing"])
def test_what_another_machine_is_writing_stays_for_a_day_whatever_its_lock(tmp_path: Path, name: str) -> None:
    """On mounts whose locks hold on one machine a file that another one is writing looks unlocked."""
    other = tmp_path / name
    other.write_bytes(b"half")
    write_bytes(tmp_path / "a", b"")
    assert other.read_bytes() == b"half"
    now = time.time()
    os.utime(other, (now, now - 86_000))
    write_bytes(tmp_path / "b", b"")
    assert other.exists()
    os.utime(other, (now, now - 87_000))
    write_together(tmp_path, {"seal": b""}, seal="seal")
    assert not other.exists()


def test_two_machines_may_write_one_file_at_a_time_without_locks_that_both_see(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What this machine does while another one, which cannot see our lock, looks for leftovers."""
    with written_whole(tmp_path / "file") as file, monkeypatch.context() as elsewhere:
        file.write(b"whole")
        elsewhere.setattr(atomic_file, "_machine", lambda: "f" * 8)
        elsewhere.setattr(fcntl, "flock", lambda *_: None)
        remove_abandoned(tmp_path)
    assert (tmp_path / "file").read_bytes() == b"whole"


def test_an_old_file_that_is_locked_stays(tmp_path: Path) -> None:
    other = tmp_path / f".file.{'0' * 16}.writing"
    other.write_bytes(b"half")
    os.utime(other, (0, 0))
    with other.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        remove_abandoned(tmp_path)
    assert other.exists()


def test_the_name_of_the_machine_is_that_of_its_kernel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = atomic_file._machine.__wrapped__
    monkeypatch.setattr("socket.gethostname", lambda: "one")
    monkeypatch.setattr(atomic_file, "_BOOT", tmp_path / "boot")
    (tmp_path / "boot").write_text("1")
    first = machine()
    assert re.fullmatch("[0-9a-f]{8}", first)
    (tmp_path / "boot").write_text("2")
    assert machine() != first
    (tmp_path / "boot").unlink()
    named = machine()
    monkeypatch.setattr("socket.gethostname", lambda: "two")
    assert machine() != named


def test_where_there_are_no_locks_nothing_is_taken_for_abandoned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (left,) = _killed_in(tmp_path, "file")

    def fail(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", fail)
    write_bytes(tmp_path / "other", b"whole")
    assert {path.name for path in tmp_path.iterdir()} == {"other", left}
