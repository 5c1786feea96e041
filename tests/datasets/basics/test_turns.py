"""A lock that ends with whoever holds it."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from na64.datasets.basics.turns import BusyError, turn

HOLD = """
import sys
from pathlib import Path
from na64.datasets.basics.turns import turn
with turn(Path(sys.argv[1]), "name", "na64 test"):
    print("held", flush=True)
    sys.stdin.readline()
"""

COUNT = """
import sys
from pathlib import Path
from na64.datasets.basics.turns import turn
folder = Path(sys.argv[1])
for _ in range(20):
    with turn(folder, "name", "na64 test"):
        (folder / "n").write_text(str(int((folder / "n").read_text()) + 1))
"""


@contextmanager
def holder(folder: Path) -> Iterator[subprocess.Popen[str]]:
    line = [sys.executable, "-c", HOLD, str(folder)]
    with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_who_comes_second_is_told_who_is_there(tmp_path: Path) -> None:
    with holder(tmp_path) as process:
        text = rf"na64 test \(process {process.pid} on .*, since .* UTC\) is at work here"
        with pytest.raises(BusyError, match=text), turn(tmp_path, "name", "me", patience=0):
            pass
        with turn(tmp_path, "other", "me", patience=0):
            pass


def test_a_lock_ends_with_its_holder(tmp_path: Path) -> None:
    with holder(tmp_path) as process:
        process.kill()
    assert (tmp_path / ".name.lock").exists()
    with turn(tmp_path, "name", "me", patience=0):
        pass
    assert list(tmp_path.iterdir()) == []


def test_no_turn_is_lost(tmp_path: Path) -> None:
    (tmp_path / "n").write_text("0")
    writers = [subprocess.Popen([sys.executable, "-c", COUNT, str(tmp_path)]) for _ in range(3)]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    assert (tmp_path / "n").read_text() == "60"


def test_a_lock_file_that_was_removed_meanwhile_is_no_lock(tmp_path: Path) -> None:
    with turn(tmp_path, "name", "me"):
        (tmp_path / ".name.lock").unlink()
        (tmp_path / ".name.lock").touch()
    with turn(tmp_path, "name", "me", patience=0):
        pass


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_where_there_are_no_locks_a_warning_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, number: int
) -> None:
    monkeypatch.setattr(fcntl, "flock", _failing(number))
    with turn(tmp_path, "name", "me"):
        pass
    assert "this file system has no locks" in caplog.text


def test_a_folder_that_cannot_be_written_needs_no_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "open", _failing(errno.EROFS))
    with turn(tmp_path, "name", "me"):
        pass


def test_a_full_disk_is_said_and_keeps_nothing_locked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as full:
        full.setattr(os, "pwrite", _failing(errno.ENOSPC))
        with turn(tmp_path, "name", "me"):
            pass
    with monkeypatch.context() as full:
        full.setattr(os, "open", _failing(errno.ENOSPC))
        with pytest.raises(OSError, match="No space"), turn(tmp_path, "name", "me"):
            pass
    with turn(tmp_path, "name", "me", patience=0):
        pass


def _failing(number: int) -> Callable[..., int]:
    def fail(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    return fail
