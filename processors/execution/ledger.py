"""The ledger: finished partial results on disk, one self-describing file a key, verified when read."""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import os
import re
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from na64.datasets.basics.atomic_file import remove_abandoned, sync, written_whole
from na64.processors.execution.cost import Cost

Array: TypeAlias = NDArray[Any]

MAGIC = b"na64 partial 1\n"
"""First bytes of a partial; the number is the schema version."""

_DIGEST_SIZE = 32
_LENGTH_SIZE = 4
_KEY = re.compile(r"[0-9a-f]{64}")
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
_SYNC_EVERY = 1.0
_log = logging.getLogger(__name__)


class NoSpaceError(OSError):
    """A disk or a quota is full: nothing more can be kept."""


class DamagedError(ValueError):
    """The bytes are not the partial that was written."""


@dataclass(frozen=True, slots=True, eq=False)
class Partial:
    """What one task leaves behind: facts and numbers, nothing executable.

    Attributes
    ----------
    header : dict
        Plain JSON: str keys, str, int, finite float, bool, None, lists and dicts of them.
    arrays : dict of str to array
        Boolean, integer or floating arrays of any shape.
    cost : Cost or None
        What making it took; not kept.
    """

    header: Mapping[str, Any] = field(default_factory=dict)
    arrays: Mapping[str, Array] = field(default_factory=dict)
    cost: Cost | None = None


def is_key(text: str) -> bool:
    """Whether a text is a sha256 in lower-case hexadecimal digits."""
    return _KEY.fullmatch(text) is not None


def is_full(error: OSError) -> bool:
    """Whether an error says that a disk or a quota is full."""
    return error.errno in _NO_SPACE


def encode(key: str, partial: Partial) -> bytes:
    """Return a partial as bytes: magic, length, JSON description, deflated little-endian arrays, sha256."""
    arrays = {name: _portable(name, array) for name, array in partial.arrays.items()}
    described = [[name, array.dtype.str, list(array.shape)] for name, array in arrays.items()]
    head = _to_json({"key": key, "header": partial.header, "arrays": described})
    body = zlib.compress(b"".join(array.tobytes() for array in arrays.values()), 1)
    data = MAGIC + len(head).to_bytes(_LENGTH_SIZE, "little") + head + body
    return data + hashlib.sha256(data).digest()


def decode(key: str, data: bytes) -> Partial:
    """Return the partial in bytes made by `encode` for the same key.

    Raises
    ------
    DamagedError
        If a byte differs from what was written, or the bytes belong to another key.
    """
    start = len(MAGIC) + _LENGTH_SIZE
    data, digest = data[:-_DIGEST_SIZE], data[-_DIGEST_SIZE:]
    if not data.startswith(MAGIC) or hashlib.sha256(data).digest() != digest:
        raise DamagedError("its digest does not match its content")
    stop = start + int.from_bytes(data[len(MAGIC) : start], "little")
    head = json.loads(data[start:stop])
    if head["key"] != key:
        raise DamagedError(f"it belongs to key {head['key']}")
    return Partial(head["header"], _split(head["arrays"], zlib.decompress(data[stop:])))


def _portable(name: str, array: Array) -> Array:
    if array.dtype.kind not in "biuf":
        raise TypeError(f"array {name} of a partial has type {array.dtype}: expected bool, int or float")
    return np.ascontiguousarray(array, array.dtype.newbyteorder("<")).reshape(array.shape)


def _to_json(value: dict[str, Any]) -> bytes:
    text = json.dumps(value, sort_keys=True, allow_nan=False, separators=(",", ":"))
    if json.loads(text) != value:
        raise TypeError("the header of a partial is not plain JSON: it would be read back as another value")
    return text.encode()


def _split(described: list[tuple[str, str, list[int]]], body: bytes) -> dict[str, Array]:
    arrays, position = {}, 0
    for name, dtype, shape in described:
        count = int(np.prod(shape, dtype=np.int64))
        stop = position + count * np.dtype(dtype).itemsize
        arrays[name] = np.frombuffer(bytearray(body[position:stop]), dtype).reshape(shape)
        position = stop
    return arrays


class Ledger:
    """A folder of partials by key.

    Writes are atomic, so that a ledger may be shared by several drivers and survives the end of any of them.
    They are forced onto the disk once a second and by `sync`, not one by one: what a machine that goes down
    leaves half-written does not have its digest and is made again.

    Parameters
    ----------
    folder : path
        Made if it does not exist.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._unsynced: list[Path] = []
        self._cleaned: set[Path] = set()
        self._synced = time.monotonic()

    def path(self, key: str) -> Path:
        """Return the file of a key, whether or not it exists."""
        if not is_key(key):
            raise ValueError(f"key of a partial: {key!r} is not a sha256 in hexadecimal digits")
        return self.folder / key[:2] / f"{key}.partial"

    def get(self, key: str, check: Callable[[Partial], None] | None = None) -> Partial | None:
        """Return the partial of a key or None; a damaged one is set aside and counts as none.

        Parameters
        ----------
        key : str
        check : callable, optional
            Raises `DamagedError` if the numbers cannot be right.
        """
        path = self.path(key)
        try:
            partial = decode(key, path.read_bytes())
            if check is not None:
                check(partial)
            return partial
        except FileNotFoundError:
            return None
        except DamagedError as error:
            path.replace(path.with_suffix(".damaged"))
            _log.warning("partial result %s is damaged and will be made again: %s", path.name, error)
            return None

    def put(self, key: str, partial: Partial) -> None:
        """Keep a partial."""
        self.store(key, encode(key, partial))

    def store(self, key: str, data: bytes) -> None:
        """Keep a partial that is encoded already, after checking it.

        Raises
        ------
        NoSpaceError
            If the disk is full; what was kept before stays, nothing half-written does.
        """
        decode(key, data)
        path = self.path(key)
        with self._loud_when_full():
            path.parent.mkdir(exist_ok=True)
            self._clean(path.parent)
            with written_whole(path) as file:
                file.write(data)
        self._unsynced.append(path)
        if time.monotonic() - self._synced >= _SYNC_EVERY:
            self.sync()

    def _clean(self, folder: Path) -> None:
        """Remove what killed drivers left, once only: folders become large."""
        if folder not in self._cleaned:
            self._cleaned.add(folder)
            remove_abandoned(folder)

    def sync(self) -> None:
        """Force what was stored onto the disk.

        Raises
        ------
        NoSpaceError
            If the disk is full: some storages find out only now.
        """
        stored, self._unsynced = self._unsynced, []
        with self._loud_when_full():
            for path in (*stored, *sorted({path.parent for path in stored})):
                with suppress(FileNotFoundError):  # another driver has set it aside
                    sync(path)
        self._synced = time.monotonic()

    @contextmanager
    def _loud_when_full(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if is_full(error):
                raise NoSpaceError(f"no space left to keep results in {self.folder}") from None
            raise
