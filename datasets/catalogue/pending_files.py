"""Files that somebody is still writing, as far as they show it."""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

from na64.datasets.reading.stored import StructureError

SETTLED = 300.0
"""Seconds without a change after which a file that was not closed was given up by its writer."""

_PARTIAL = (".part", ".partial", ".filepart", ".tmp", ".temp", ".crdownload")
"""How programs that copy files call them until they are whole."""

_MAGIC = b"root"
_HEADER = {False: struct.Struct(">iiii"), True: struct.Struct(">iiqq")}
"""Version, first record, end, and list of free space of a ROOT file, up to 2 GB and larger."""

_KEY = struct.Struct(">ihiihh")
_PLACE = {False: struct.Struct(">i"), True: struct.Struct(">q")}
"""Fields of a record: bytes, version, bytes expanded, date, bytes of its key, cycle; then its own place."""

_LARGE_FILE, _LARGE_KEY = 1_000_000, 1_000
"""Versions from which places have eight bytes."""


class PendingFileError(StructureError):
    """A file that is still being written: to be looked at again later."""


class FileEnding(NamedTuple):
    """How a ROOT file ends.

    Attributes
    ----------
    is_closed : bool
        It has a list of free space, and no record after its end.
    has_more : bool
        A record begins where the file says that it ends: its lists are older than its events.
    """

    is_closed: bool
    has_more: bool


@contextmanager
def finished(path: Path, settled: float = SETTLED) -> Iterator[None]:
    """Look into a file that nobody writes into, neither before nor meanwhile.

    Parameters
    ----------
    path : Path
    settled : float
        Seconds, see `SETTLED`.

    Raises
    ------
    PendingFileError
        Its name says that it is not whole, or it was not closed and has changed lately, or it has changed
        while it was looked into.
    StructureError
        Its writer ended long ago without closing it, and has left events that no list names.
    """
    before = _state_of(path)
    _check_closing(path, is_recent=time.time() - before.time / 1e9 < settled)
    try:
        yield
    finally:
        if _state_of(path) != before:
            raise PendingFileError("is being written: it has changed while it was looked at")


class _State(NamedTuple):
    """What changes when somebody writes into a file: bytes, time of change in ns, inode."""

    size: int
    time: int
    inode: int


def _state_of(path: Path) -> _State:
    found = path.stat()
    return _State(found.st_size, found.st_mtime_ns, found.st_ino)


def _check_closing(path: Path, *, is_recent: bool) -> None:
    if path.name.lower().endswith(_PARTIAL):
        raise PendingFileError(f'is being written: its name ends in "{path.suffix}"')
    found = closing_of(path)
    if not found.is_closed and is_recent:
        raise PendingFileError("is being written: it was not closed yet")
    if found.has_more:
        raise StructureError("was never closed: it has events after its end, which its lists do not name")


def closing_of(path: Path) -> FileEnding:
    """Look how a ROOT file ends; what is no ROOT file counts as closed.

    ROOT writes the header when it makes, saves and closes a file, and the list of free space when it closes
    it. Bytes of deleted records may follow the end of a file that was closed well.
    """
    with path.open("rb") as file:
        head = file.read(len(_MAGIC) + _HEADER[True].size)
        if not head.startswith(_MAGIC) or len(head) < len(_MAGIC) + _HEADER[True].size:
            return FileEnding(is_closed=True, has_more=False)
        is_large = int.from_bytes(head[4:8], "big") >= _LARGE_FILE
        _, _, end, free = _HEADER[is_large].unpack_from(head, len(_MAGIC))
        has_more = 0 < end < path.stat().st_size and _is_record(file, end)
    return FileEnding(is_closed=free > 0 and not has_more, has_more=has_more)


def _is_record(file: BinaryIO, place: int) -> bool:
    """Whether a record is there and not what is left of a deleted one: it states its own place."""
    file.seek(place)
    data = file.read(_KEY.size + _PLACE[True].size)
    if len(data) < _KEY.size + _PLACE[True].size:
        return False
    n_bytes, version, *_ = _KEY.unpack_from(data)
    (stated,) = _PLACE[version > _LARGE_KEY].unpack_from(data, _KEY.size)
    return n_bytes > 0 and bool(stated == place)
