"""Registered files as they are now: whether they still have the content that was registered."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import xxhash

from na64.datasets.basics.identity import FileDigest
from na64.datasets.catalogue.pending_files import PendingFileError
from na64.datasets.catalogue.records import FileRecord, Status
from na64.datasets.reading.files import is_url, open_binary, open_file
from na64.datasets.reading.stored import ChangedFileError, first_line
from na64.datasets.servers.patience import NoAnswerError, Patience
from na64.datasets.servers.remote import RemoteError, RemoteFile
from na64.datasets.servers.versions import version_of, version_to_keep


class _Hash(Protocol):
    def update(self, data: bytes, /) -> None: ...


_BLOCK = 1 << 20


def cause(error: OSError) -> str:
    """Reason why a storage does not give a file, in a few words without names of files."""
    if isinstance(error, (RemoteError, NoAnswerError)):
        return str(error)
    return error.strerror or first_line(error)


def digest_of(path: str, patience: Patience | None = None) -> FileDigest:
    """Hash a file, local or remote, in one pass."""
    sha256, xxh3 = hashlib.sha256(), xxhash.xxh3_64()
    size = sum(_update(block, sha256, xxh3) for block in _blocks(path, patience))
    return FileDigest(sha256.hexdigest(), xxh3.hexdigest(), size)


def _blocks(path: str, patience: Patience | None = None) -> Iterator[bytes]:
    with open_binary(path, patience) as file:
        while block := file.read(_BLOCK):
            yield block


def _update(block: bytes, *hashes: _Hash) -> int:
    for one in hashes:
        one.update(block)
    return len(block)


@contextmanager
def one_version(url: str, patience: Patience | None = None) -> Iterator[str]:
    """Look into a file on a server that nobody changes meanwhile; yield its version, as it is to be kept.

    Raises
    ------
    PendingFileError
        It had another version afterwards.
    RemoteError
    """
    before = version_of(url, patience)
    yield version_to_keep(before)
    if version_of(url, patience) != before:
        raise PendingFileError("is being written: it has changed while it was looked at")


def find_change(record: FileRecord) -> str:
    """Difference of a file from its record in size or xxh3, or that it is gone; empty if there is none."""
    return recheck(record).reason


def recheck(record: FileRecord, *, url: str = "", patience: Patience | None = None) -> FileRecord:
    """Look at a registered file again: good if it has its size and xxh3.

    A file on a server of the version that was registered is not read again.

    Parameters
    ----------
    record : FileRecord
    url : str, optional
        Of a remote file, with whatever it needs to be let in.
    patience : Patience, optional
        How a server is asked.

    Returns
    -------
    FileRecord
        Good, or quarantined with the reason, or pending: a remote file that cannot be reached now, or that
        changes while it is looked at.
    """
    path, status, reason = url or record.path, Status.QUARANTINED, ""
    try:
        size = size_of(path, patience)
        if size != record.size:
            reason = f"changed since it was registered: {size} bytes, then {record.size}"
        elif is_url(path):
            return _recheck_remote(record, path, patience)
        elif _quick_hash(path) != record.xxh3:
            reason = _OTHER_CONTENT
    except PendingFileError as error:
        status, reason = Status.PENDING, str(error)
    except OSError as error:
        reason = f"cannot be read: {cause(error)}"
        status = Status.PENDING if is_url(path) else status
    return replace(record, status=status if reason else Status.GOOD, reason=reason)


_OTHER_CONTENT = "changed since it was registered: another content of the same size"


def _recheck_remote(record: FileRecord, url: str, patience: Patience | None) -> FileRecord:
    """Same of a file on a server that has its size; its version is noted if its content was looked at."""
    if record.version and version_of(url, patience) == record.version:
        return replace(record, status=Status.GOOD, reason="")
    with one_version(url, patience) as version:
        if _quick_hash(url, patience) != record.xxh3:
            return replace(record, status=Status.QUARANTINED, reason=_OTHER_CONTENT)
    return replace(record, status=Status.GOOD, reason="", version=version)


def check_content(record: FileRecord) -> None:
    """Check, before its events are used, that a file has the content that was registered.

    The hash of a local file is kept while its size, inode and times are the same. A file on a server is
    hashed if it has another version than was registered, and again whenever that changes; one of which no
    version is known is not looked at.

    Raises
    ------
    ChangedFileError
        It has not; names the file.
    OSError
        It cannot be reached.
    """
    is_remote = is_url(record.path)
    if is_remote and not record.version:
        return
    found = _hash_unless(record.version, record) if is_remote else _local_hash(record.path)
    if found != record.xxh3:
        raise ChangedFileError(f"{record.name}: another content than was registered")


def _local_hash(path: str) -> str:
    now = Path(path).stat()
    return _known_hash(path, now.st_size, now.st_ino, now.st_mtime_ns, now.st_ctime_ns)


def _hash_unless(version: str, record: FileRecord) -> str:
    """Hash of a file on a server, which is the registered one if it has the version that was registered."""
    now = version_of(record.path)
    if now == version:
        return record.xxh3
    # Without a version, or with one that a later content may have too, it may not be the one that was hashed.
    is_known = now and version_to_keep(now) == now
    return _known_hash(record.path, now) if is_known else _quick_hash(record.path)


@lru_cache(maxsize=4096)
def _known_hash(path: str, *_seen: int | str) -> str:
    return _quick_hash(path)


def _quick_hash(path: str, patience: Patience | None = None) -> str:
    xxh3 = xxhash.xxh3_64()
    for block in _blocks(path, patience):
        xxh3.update(block)
    return str(xxh3.hexdigest())


def size_of(path: str, patience: Patience | None = None) -> int:
    """Size of a file in bytes, local or remote."""
    if not is_url(path):
        return Path(path).stat().st_size
    with RemoteFile(path, patience) as file:
        return file.size


def verify(record: FileRecord, patience: Patience | None = None) -> None:
    """Check cheaply, before a file is used, that it still has its size, and a remote one its entries.

    What is in it is checked when it is read: see `check_content`.

    Parameters
    ----------
    record : FileRecord
    patience : Patience, optional
        How a server is asked.

    Raises
    ------
    BadFileError
        It has not; names the file.
    OSError
        It cannot be reached.
    """
    size = size_of(record.path, patience)
    if size != record.size:
        raise ChangedFileError(f"{record.name}: {size} bytes, registered with {record.size}")
    if not is_url(record.path):
        return
    with open_file(record.path, patience) as file:
        entries = file.tree(record.tree).entries
    if entries != record.entries:
        raise ChangedFileError(f"{record.name}: {entries} entries, registered with {record.entries}")
