"""Files that are written whole or not at all."""

from __future__ import annotations

import fcntl
import os
import secrets
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

_SUFFIX = ".writing"
_DAY = 86_400.0
_BOOT = Path("/proc/sys/kernel/random/boot_id")


class Begun:
    """A hidden file that takes the place of another once it is whole; as long as we live it is locked.

    What is not locked was left by a writer that was killed, and `remove_abandoned` removes it. Locks of some
    mounts hold on one machine only (Lustre with ``localflock``, NFS with ``local_lock``), so that the hidden
    name says which machine it was.

    Parameters
    ----------
    path : Path
        Whose place it is to take, in a folder that is there.

    Attributes
    ----------
    path : Path
    file : binary file
        Open for writing.
    """

    def __init__(self, path: Path) -> None:
        self._target, self._lock = path, -1
        while self._lock < 0:
            self.path = path.with_name(f".{path.name}.{_machine()}{secrets.token_hex(4)}{_SUFFIX}")
            self.file: BinaryIO = self.path.open("xb")
            self._lock = _held(self.file, self.path)

    def finish(self) -> None:
        """Take the place of the other file."""
        self.file.close()
        self.path.replace(self._target)

    def end(self) -> None:
        """Leave nothing behind that is not whole."""
        with ExitStack() as left:
            left.callback(os.close, self._lock)
            left.callback(self.path.unlink, missing_ok=True)
            with suppress(OSError):  # what did not fit was said when it was written
                self.file.close()


def _held(file: BinaryIO, path: Path) -> int:
    """Lock a new file, for longer than it is open; -1 if it was removed as abandoned before that."""
    handle = os.dup(file.fileno())
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
    except OSError:
        return handle  # where there are no locks, nothing is removed as abandoned
    try:
        if os.path.samestat(os.fstat(handle), path.stat()):
            return handle
    except FileNotFoundError:
        pass
    file.close()
    os.close(handle)
    return -1


@cache
def _machine() -> str:
    """Short name of the machine by the start of its kernel, which has the locks; 8 hexadecimal digits.

    Containers on one machine have one kernel, whatever they are called, and machines that share a name have
    two.
    """
    try:
        kernel = _BOOT.read_text()
    except OSError:
        kernel = socket.gethostname()
    return sha256(kernel.encode()).hexdigest()[:8]


def remove_abandoned(folder: Path) -> None:
    """Remove what writers into a folder left when they were killed; what somebody is writing stays.

    What another machine began, or this one before it was started anew, stays for a day after the last byte
    of it: whether it is locked there cannot be seen here on every file system, and no file is written for so
    long.
    """
    with suppress(OSError):
        for entry in list(os.scandir(folder)):
            if entry.name.startswith(".") and entry.name.endswith(_SUFFIX):
                with suppress(OSError):
                    _remove_unlocked(Path(entry.path))


def _remove_unlocked(path: Path) -> None:
    is_ours = path.name.removesuffix(_SUFFIX).rpartition(".")[2].startswith(_machine())
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        if is_ours or time.time() - os.fstat(handle).st_mtime > _DAY:
            path.unlink()
    finally:
        os.close(handle)


@contextmanager
def written_whole(path: Path) -> Iterator[BinaryIO]:
    """Write under a temporary name beside the file; what is complete takes the place of what was there.

    Who may read it is as for any new file of the user.
    """
    begun = Begun(path)
    try:
        yield begun.file
        begun.finish()
    finally:
        begun.end()


def write_bytes(path: Path, data: bytes) -> None:
    """Write a small file whole, into a folder that is made if there is none, and force it onto the disk.

    What writers that were killed have left in the folder is removed.
    """
    with staged(path, data):
        pass


@contextmanager
def staged(path: Path, data: bytes) -> Iterator[None]:
    """Have a small file on the disk, which takes its place once what is done meanwhile has worked."""
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_abandoned(path.parent)
    with written_whole(path) as file:
        _put(file, data, path)
        yield
    sync(path.parent)


def _put(file: BinaryIO, data: bytes, path: Path) -> None:
    """Write a file that takes the place of a path and force it onto the disk; an error names the path."""
    try:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    except OSError as error:
        error.filename = str(path)
        raise


def write_together(
    folder: Path,
    contents: Mapping[str, bytes],
    *,
    seal: str,
    without: Iterable[str] = (),
    meanwhile: Callable[[], object] | None = None,
) -> None:
    """Write files that belong together: while the seal is there, all the others are whole and of one kind.

    All are on the disk under temporary names before the first takes its place, so that a full disk leaves
    what was there before. Then the seal goes, the others come, and the new seal comes last. What writers
    that were killed have left in the folder is removed.

    Parameters
    ----------
    folder : Path
        Made if there is none.
    contents : mapping of str to bytes
        By name, which may be in a folder of its own: ``limits/background.csv``.
    seal : str
        One of the names.
    without : iterable of str
        Names that must not be there.
    meanwhile : callable, optional
        Writes what goes with them, figures for instance, while there is no seal.
    """
    folders = {folder, *((folder / name).parent for name in contents)}
    for place in folders:
        place.mkdir(parents=True, exist_ok=True)
        remove_abandoned(place)
    with ExitStack() as begun:
        ready: dict[str, Begun] = {}
        for name, data in contents.items():
            ready[name] = Begun(folder / name)
            begun.callback(ready[name].end)
            _put(ready[name].file, data, folder / name)
        (folder / seal).unlink(missing_ok=True)
        sync(folder)
        for name in without:
            (folder / name).unlink(missing_ok=True)
        if meanwhile is not None:
            meanwhile()
        for name, one in ready.items():
            if name != seal:
                one.finish()
        for place in folders:
            sync(place)
        ready[seal].finish()
        sync(folder)


def sync(path: Path) -> None:
    """Force a file or a folder onto the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
