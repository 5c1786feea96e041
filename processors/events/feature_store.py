"""Features of visible events on disk: what a change of selection does not change, read instead of cells.

One file a segment, named by `na64.processors.job.Job.feature_key`; deleting any of them is safe. A file is a
magic line, blocks of events of one run, column after column, a JSON footer, the footer's length (8 bytes) and
its sha256; all numbers are little-endian. The footer tells of each column of a block where it starts, its
dtype, how many values it has (one: all are equal) and their xxh3.

Whole numbers up to 255 are kept as bytes and nothing else is packed: measured with 56 features, LZ4 makes a
file a quarter smaller, costs four times as much to write and twice as much to read.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import xxhash
from numpy.typing import NDArray

from na64.datasets.basics.atomic_file import Begun, remove_abandoned
from na64.processors.counting.tally import ACCOUNTING
from na64.processors.events.visible_events import VisibleEvents
from na64.processors.execution.ledger import DamagedError, is_full, is_key

MAGIC = b"na64 features 1\n"
"""First bytes of a file; the number is the schema version."""

LARGEST_BLOCK = 1 << 17
"""Events of a block, at most, and of what is read at a time."""

_SMALLEST_BLOCK = 1 << 16
_WEIGHT = "event weight"  # no identifier, so no feature
_SAMPLE = 64
_LENGTH_SIZE = 8
_DIGEST_SIZE = 32
_WORDS = {4: np.uint32, 8: np.uint64}

Array = NDArray[Any]
Keep = Callable[[VisibleEvents], VisibleEvents]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Column:
    """Where the values of a column are in a file."""

    offset: int
    dtype: str
    n_values: int
    xxh3: str


@dataclass(frozen=True, slots=True)
class _Block:
    """Events of one run that lie side by side in a file."""

    run: int
    n_events: int
    columns: tuple[_Column, ...]


@dataclass(frozen=True, slots=True)
class FeatureStore:
    """A folder of features by key, shared by all selections; several drivers may use it at once.

    Attributes
    ----------
    folder : Path
        Absolute: workers may be at home elsewhere.
    """

    folder: Path

    def path(self, key: str) -> Path:
        """Return the file of a key, whether or not it exists."""
        if not is_key(key):
            raise ValueError(f"key of features: {key!r} is not a sha256 in hexadecimal digits")
        return self.folder / key[:2] / f"{key}.features"

    def read(self, key: str, names: tuple[str, ...]) -> Iterator[VisibleEvents]:
        """Yield the visible events of a segment, at most `LARGEST_BLOCK` of one run at a time.

        What was yielded before is overwritten when the next is asked for. Nothing that was read counts if an
        error comes after it.

        Parameters
        ----------
        key : str
        names : tuple of str
            The features wanted, which become the rows of ``values``; no others are read.

        Raises
        ------
        FileNotFoundError
        DamagedError
            A byte that was wanted differs from what was written.
        """
        with self.path(key).open("rb", buffering=0) as file:
            yield from _read_events(file, _read_footer(file, key), names)

    @contextmanager
    def writing(self, key: str, names: tuple[str, ...], plugin: str = "") -> Iterator[Keep]:
        """Callable that keeps visible events and gives them back; all of them are kept, or none.

        None are where that cannot be written, at the beginning or later: they only save time. A full disk is
        an error.

        Parameters
        ----------
        key : str
        names : tuple of str
            Of all rows of ``values``.
        plugin : str
            sha256 of the text of the plug-in that made some of them.
        """
        path = self.path(key)
        keeper = _FeatureFile(path)
        with keeper.tolerated():
            keeper.open(key, names, plugin)
        try:
            yield keeper.add
            with keeper.tolerated():
                keeper.finish()
        finally:
            keeper.close()

    def plugin_of(self, key: str) -> str:
        """Text of the plug-in, as sha256, that features were made with; empty if they are not there."""
        try:
            with self.path(key).open("rb", buffering=0) as file:
                return _read_footer(file, key).plugin
        except (OSError, DamagedError):
            return ""

    def set_aside(self, key: str, why: Exception) -> None:
        """Put a damaged file out of the way."""
        path = self.path(key)
        _log.warning("features %s are damaged and will be made again: %s", path.name, why)
        with suppress(OSError):
            path.replace(path.with_suffix(".damaged"))


class _FeatureFile:
    """A file that events are kept in under a temporary name, as long as the disk lets it be written."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._begun: Begun | None = None
        self._writer: _Writer | None = None

    @contextmanager
    def tolerated(self) -> Iterator[None]:
        """Keep nothing more after an error of the disk inside, unless it is full."""
        try:
            yield
        except OSError as error:
            if is_full(error):
                raise
            self._writer = None
            _log.warning("features are not kept in %s: %s", self._path.parents[1], error.strerror)

    def open(self, key: str, names: tuple[str, ...], plugin: str) -> None:
        """Begin."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        remove_abandoned(self._path.parent)
        self._begun = Begun(self._path)
        self._writer = _Writer(self._begun.file, key, names, plugin)

    def add(self, part: VisibleEvents) -> VisibleEvents:
        """Keep visible events if that is still possible, and give them back."""
        if self._writer is not None:
            with self.tolerated():
                self._writer.add(part)
        return part

    def finish(self) -> None:
        """File its name, if all was kept."""
        if self._writer is not None and self._begun is not None:
            self._writer.finish()
            self._begun.finish()

    def close(self) -> None:
        """Leave nothing behind that is not whole."""
        if self._begun is not None:
            with suppress(OSError):
                self._begun.end()


class _Writer:
    """Writes blocks one after the other and remembers where they are."""

    def __init__(self, file: BinaryIO, key: str, names: tuple[str, ...], plugin: str) -> None:
        self._file = file
        self._plugin = plugin
        self._key = key
        self._names = names
        self._blocks: list[_Block] = []
        self._pending: dict[int, list[list[Array]]] = {}
        self._accounting: dict[int, dict[str, int]] = {}
        self._weighted = False
        file.write(MAGIC)

    def add(self, part: VisibleEvents) -> None:
        """Write visible events, or put a few of them by until there are more of the run."""
        total = self._accounting.setdefault(part.run, dict.fromkeys(ACCOUNTING, 0))
        self._accounting[part.run] = {name: total[name] + part.accounting[name] for name in ACCOUNTING}
        self._weighted = part.weight is not None
        columns = [*part.values, *([] if part.weight is None else [part.weight])]
        if part.values.shape[1] >= _SMALLEST_BLOCK:
            self._write_pending(part.run)
            self._write(part.run, columns)
        elif part.values.shape[1]:
            self._put_by(part.run, columns)

    def _put_by(self, run: int, columns: list[Array]) -> None:
        pending = self._pending.setdefault(run, [])
        pending.append([column.copy() for column in columns])
        if sum(columns[0].size for columns in pending) >= _SMALLEST_BLOCK:
            self._write_pending(run)

    def _write_pending(self, run: int) -> None:
        if pending := self._pending.pop(run, None):
            self._write(run, [np.concatenate(pieces) for pieces in zip(*pending, strict=True)])

    def _write(self, run: int, columns: list[Array]) -> None:
        n_events = columns[0].size
        for start in range(0, n_events, LARGEST_BLOCK):
            stop = min(start + LARGEST_BLOCK, n_events)
            stored = tuple(self._store(column[start:stop]) for column in columns)
            self._blocks.append(_Block(run, stop - start, stored))

    def _store(self, column: Array) -> _Column:
        packed = _pack(column)
        offset = self._file.tell()
        self._file.write(packed.data)
        return _Column(offset, packed.dtype.str, packed.size, xxhash.xxh3_64_hexdigest(packed.data))

    def finish(self) -> None:
        """Write what was put by, and the footer."""
        for run in list(self._pending):
            self._write_pending(run)
        footer = {
            "key": self._key,
            "plugin": self._plugin,
            "names": [*self._names, *([_WEIGHT] if self._weighted else [])],
            "accounting": {str(run): counts for run, counts in self._accounting.items()},
            "blocks": [[b.run, b.n_events, [list(astuple(c)) for c in b.columns]] for b in self._blocks],
        }
        text = json.dumps(footer, separators=(",", ":")).encode()
        self._file.write(text + len(text).to_bytes(_LENGTH_SIZE, "little") + hashlib.sha256(text).digest())


def _pack(column: Array) -> Array:
    """Keep one value of equal ones, a byte of each small whole number, else all as they are, bit by bit."""
    column = np.ascontiguousarray(column, column.dtype.newbyteorder("<"))
    for pack in (_first, _as_bytes):
        if _is_same(pack(column[:_SAMPLE]), column[:_SAMPLE]):
            packed = pack(column)
            if _is_same(packed, column):
                return packed
    return column


def _first(column: Array) -> Array:
    return column[:1]


def _as_bytes(column: Array) -> Array:
    with np.errstate(invalid="ignore"):  # what does not fit into a byte is seen by its bits
        return column.astype(np.uint8)


def _is_same(packed: Array, column: Array) -> bool:
    word = _WORDS[column.itemsize]
    return bool((packed.astype(column.dtype).view(word) == column.view(word)).all())


@dataclass(frozen=True, slots=True)
class _Footer:
    """What a file says of itself."""

    names: tuple[str, ...]
    accounting: dict[int, dict[str, int]]
    blocks: tuple[_Block, ...]
    plugin: str


def _read_footer(file: BinaryIO, key: str) -> _Footer:
    size = os.fstat(file.fileno()).st_size
    start = size - _DIGEST_SIZE - _LENGTH_SIZE
    if start < len(MAGIC) or os.pread(file.fileno(), len(MAGIC), 0) != MAGIC:
        raise DamagedError("it is cut, or something else")
    end = os.pread(file.fileno(), _LENGTH_SIZE + _DIGEST_SIZE, start)
    length = int.from_bytes(end[:_LENGTH_SIZE], "little")
    text = os.pread(file.fileno(), length, start - length) if length <= start else b""
    if hashlib.sha256(text).digest() != end[_LENGTH_SIZE:]:
        raise DamagedError("the digest of its footer does not match")
    footer = json.loads(text)
    if footer["key"] != key:
        raise DamagedError(f"it belongs to key {footer['key']}")
    return _sound(_footer_of(footer))


def _footer_of(footer: dict[str, Any]) -> _Footer:
    return _Footer(
        names=tuple(footer["names"]),
        accounting={int(run): counts for run, counts in footer["accounting"].items()},
        blocks=tuple(
            _Block(run, n, tuple(_Column(*column) for column in columns))
            for run, n, columns in footer["blocks"]
        ),
        plugin=footer.get("plugin", ""),
    )


def _sound(footer: _Footer) -> _Footer:
    """Refuse a file whose hidden and stored events are not those that were processed."""
    visible = dict.fromkeys(footer.accounting, 0)
    for block in footer.blocks:
        visible[block.run] = visible.get(block.run, 0) + block.n_events
    for run, n_events in visible.items():
        counts = footer.accounting.get(run, {"processed": 0, "hidden": 0})
        if min(counts.values()) < 0 or counts["processed"] != counts["hidden"] + n_events:
            raise DamagedError(
                f"run {run}: {counts['processed']} events were processed, {counts['hidden']} are hidden and "
                f"{n_events} visible"
            )
    return footer


def _read_events(file: BinaryIO, footer: _Footer, names: tuple[str, ...]) -> Iterator[VisibleEvents]:
    places = [footer.names.index(name) for name in names]
    weights = footer.names.index(_WEIGHT) if _WEIGHT in footer.names else None
    table = np.empty(len(names) * LARGEST_BLOCK, np.float32)
    for run, accounting in footer.accounting.items():
        yield VisibleEvents(
            run, table[:0].reshape(len(names), 0), None if weights is None else np.zeros(0), accounting
        )
    nothing = dict.fromkeys(ACCOUNTING, 0)
    for block in footer.blocks:
        values = table[: len(names) * block.n_events].reshape(len(names), block.n_events)
        for row, place in zip(values, places, strict=True):
            _read_column(file, block.columns[place], row)
        weight = None
        if weights is not None:
            weight = np.empty(block.n_events, np.float64)
            _read_column(file, block.columns[weights], weight)
        yield VisibleEvents(block.run, values, weight, nothing)


def _read_column(file: BinaryIO, column: _Column, row: Array) -> None:
    """Read straight into a row what is stored as it is; spread out what is packed."""
    plain = column.dtype == row.dtype.str and column.n_values == row.size
    stored = row if plain else np.empty(column.n_values, column.dtype)
    n_bytes = os.preadv(file.fileno(), [stored.data], column.offset)
    if n_bytes != stored.nbytes or xxhash.xxh3_64_hexdigest(stored.data) != column.xxh3:
        raise DamagedError("the digest of a column does not match")
    if not plain:
        row[:] = stored
