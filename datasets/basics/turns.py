"""Turns at what several programs write: a lock file that nothing holds longer than its program lives."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
_NOT_WRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS)
_PAUSE = 0.1
_log = logging.getLogger(__name__)


class BusyError(RuntimeError):
    """Somebody else is at it; the message says who, and since when."""


@contextmanager
def turn(folder: Path, name: str, who: str, *, patience: float = 300.0) -> Iterator[None]:
    """Hold the lock of a name in a folder, after waiting for whoever has it.

    The lock is the kernel's (flock) on a hidden file, so it ends with the program that holds it, however that
    ends; the file itself says nothing and may stay behind. On a network file system it holds between hosts
    if the file system has locks; where there are none, a warning says so and nobody is kept out. A folder
    that cannot be written needs no lock.

    Parameters
    ----------
    folder : Path
        Made if there is none.
    name : str
        Of the lock: programs that take the same one take turns.
    who : str
        What the others are told, such as ``na64 process``.
    patience : float, s
        Longest time to wait.

    Raises
    ------
    BusyError
        Somebody else had it all that time.
    """
    handle = _take(folder, folder / f".{name}.lock", patience)
    if handle is None:
        yield
        return
    try:
        _sign(handle, who)
        yield
    finally:
        with suppress(OSError):
            (folder / f".{name}.lock").unlink()
        os.close(handle)


def _take(folder: Path, path: Path, patience: float) -> int | None:
    """Return the open lock file once it is ours; None where there can be no lock."""
    end, told = time.monotonic() + patience, False
    while True:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            handle = _open(path)
        except OSError as error:
            if error.errno in _NOT_WRITABLE:
                return None
            raise
        try:
            if _lock(handle) and _is_there(handle, path):
                return handle
            holder = _holder(handle)
        except OSError as error:
            os.close(handle)
            if error.errno not in _NO_LOCKS:
                raise
            _log.warning("%s: this file system has no locks: nobody else may write here meanwhile", folder)
            return None
        os.close(handle)
        if time.monotonic() >= end:
            raise BusyError(f"{folder}: {holder} is at work here: try again when it has ended")
        if not told and holder and patience > _PAUSE:
            _log.warning("%s: waiting for %s", folder, holder)
            told = True
        time.sleep(_PAUSE)


def _open(path: Path) -> int:
    """Open the lock file; one that somebody else left behind may be for reading only."""
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except PermissionError:
        if not path.exists():
            raise
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)


def _lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_there(handle: int, path: Path) -> bool:
    """Whether a lock is on the file that is there, not on one that its last holder has removed."""
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


def _sign(handle: int, who: str) -> None:
    text = f"{who} (process {os.getpid()} on {socket.gethostname()}, since {datetime.now(UTC):%H:%M:%S} UTC)"
    with suppress(OSError):  # a lock needs no words: the disk may be full, the file not ours to write
        os.ftruncate(handle, 0)
        os.pwrite(handle, text.encode(), 0)


def _holder(handle: int) -> str:
    return os.pread(handle, 500, 0).decode(errors="replace") or "another program"
