"""Events in Parquet files, read by pyarrow.

Several values an event are lists, of any kind that Parquet has, or packed: the bytes of the numbers one after
the other, little-endian, in a binary column whose metadata give their NumPy type under ``packed``. Lists take
twice the time, as the reader finds out for every number whether a list begins there. Others write lists; our
hits are packed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from na64.datasets.instrument.columns import Array
from na64.datasets.reading.branch import FLOATS, INTEGERS
from na64.datasets.reading.stored import (
    BadFileError,
    Format,
    Jagged,
    RunFile,
    Stored,
    StructureError,
    Tree,
    Values,
    readable,
    sort_boundaries,
)
from na64.datasets.servers.remote import RemoteFile

PACKED = b"packed"
"""Key of the type of packed numbers in the metadata of their field."""

_WIDTH = {"BOOLEAN": 1, "INT32": 4, "FLOAT": 4}
"""Bytes of a value; of the other types 8."""

_PLAIN = {"PLAIN", "DELTA_LENGTH_BYTE_ARRAY", "RLE", "BIT_PACKED"}
"""Encodings that store every byte of a packed column; others could repeat a few without end."""


@contextmanager
def open_parquet(source: RemoteFile | str) -> Iterator[RunFile]:
    """Open a Parquet file by handle or path; page checksums are verified where the file has them."""
    with readable():
        file = pq.ParquetFile(source, page_checksum_verification=True)
    with file:
        yield _ParquetFile(file)


def table_of(file: pq.ParquetFile) -> Tree:
    """The table of an open Parquet file."""
    return _ParquetTable(file)


class _ParquetFile:
    def __init__(self, file: Any) -> None:
        self._file = file

    def trees(self) -> tuple[str, ...]:
        return ("",)

    def tree(self, name: str) -> Tree:  # noqa: ARG002  (a Parquet file is one table, whatever a layout calls it)
        return _ParquetTable(self._file)

    def cycles(self, name: str) -> tuple[str, ...]:
        return (name,)

    def older(self, name: str) -> Mapping[str, Tree]:  # noqa: ARG002  (a file has one table)
        return {}

    def check_size(self) -> None:
        """Nothing to do: the table of contents is at the end, so what opens is not cut."""


class _ParquetTable:
    format = Format.PARQUET

    def __init__(self, file: Any) -> None:
        self._file = file
        self._number = Counter(file.schema_arrow.names)
        self._fields = {field.name: field for field in file.schema_arrow}
        self.entries = int(file.metadata.num_rows)

    def stored(self, name: str) -> Stored | None:
        if self._number[name] > 1:
            return Stored("", (), False, f"there {self._number[name]} times")
        field = self._fields.get(name)
        return None if field is None else _stored_field(field)

    def names(self) -> tuple[str, ...]:
        return tuple(self._fields)

    def check(self, names: Sequence[str]) -> None:
        """Refuse nulls that cannot be NaN: missing integers and missing lists."""
        nullable = [name for name in names if self._can_be_null(name)]
        with readable("metadata"):
            stated = _stated_nulls(self._file.metadata) if nullable else {}
        for name in nullable:
            # statistics count empty lists as null too: only a 0 need not be looked at
            if any(counts != {0} for path, counts in stated.items() if f"{path}.".startswith(f"{name}.")):
                _refuse(sum(self._count_nulls(name, group) for group in self._groups()), name)

    def _can_be_null(self, name: str) -> bool:
        field = self._fields[name]
        return _is_nullable(field) and not _is_float(field.type)

    def _count_nulls(self, name: str, group: int) -> int:
        with readable():
            column = self._file.read_row_group(group, columns=[name], use_threads=False).column(name)
            return sum(_count_nulls(chunk) for chunk in column.chunks)

    def _groups(self) -> range:
        return range(self._file.metadata.num_row_groups)

    def shared(self, other: Tree, names: Sequence[str]) -> int:  # noqa: ARG002  (a file has one table)
        return 0

    def expanded_bytes(self, names: Sequence[str]) -> int:
        metadata = self._file.metadata
        with readable("metadata"):
            groups = [metadata.row_group(group) for group in self._groups()]
            chunks = [group.column(column) for group in groups for column in range(metadata.num_columns)]
            return sum(_expanded(chunk, packed=chunk.path_in_schema in names) for chunk in chunks)

    def boundaries(self, names: Sequence[str]) -> tuple[int, ...]:  # noqa: ARG002  (row groups are of all columns)
        return sort_boundaries(self._group_starts(), self.entries)

    def _group_starts(self) -> Array:
        metadata = self._file.metadata
        with readable("metadata"):
            sizes = [metadata.row_group(group).num_rows for group in self._groups()]
        return np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)]).astype(np.int64)

    def read(self, names: Sequence[str], start: int, stop: int) -> dict[str, Values]:
        starts = self._group_starts()
        groups = [g for g in range(len(starts) - 1) if starts[g] < stop and starts[g + 1] > start]
        first = int(starts[groups[0]]) if groups else 0
        part = self._read_groups(groups, names).slice(start - first, stop - start)
        with readable():
            return {name: _read_column(part.column(name), self._fields[name]) for name in names}

    def _read_groups(self, groups: Sequence[int], names: Sequence[str]) -> Any:
        """Read row groups; if they cannot be read, find the column that is to blame."""
        try:
            with readable():
                return self._file.read_row_groups(groups, columns=list(names), use_threads=False)
        except BadFileError:
            for name in names:
                with readable(f'branch "{name}"'):
                    self._file.read_row_groups(groups, columns=[name], use_threads=False)
            raise


def _expanded(chunk: Any, *, packed: bool) -> int:
    """How many bytes the values of a column have in a row group."""
    if not packed or chunk.physical_type != "BYTE_ARRAY":
        return int(chunk.num_values) * _WIDTH.get(chunk.physical_type, 8)
    if not _PLAIN.issuperset(chunk.encodings):
        raise StructureError(f'branch "{chunk.path_in_schema}" is packed, and encoded as {chunk.encodings}')
    return int(chunk.total_uncompressed_size)


def _stated_nulls(metadata: Any) -> dict[str, set[int | None]]:
    """Numbers of nulls that the row groups state for each column, None where one states nothing."""
    stated: dict[str, set[int | None]] = {}
    for group in map(metadata.row_group, range(metadata.num_row_groups)):
        for chunk in map(group.column, range(metadata.num_columns)):
            found = chunk.statistics
            has_count = found is not None and found.has_null_count
            stated.setdefault(chunk.path_in_schema, set()).add(found.null_count if has_count else None)
    return stated


def _packed_type(field: Any) -> str | None:
    """Type of the numbers in a packed column, None if it is none."""
    name = (field.metadata or {}).get(PACKED, b"").decode(errors="replace")
    is_binary = pa.types.is_binary(field.type) or pa.types.is_large_binary(field.type)
    return name if is_binary and name in (*FLOATS, *INTEGERS) else None


def _stored_field(field: Any) -> Stored:
    packed = _packed_type(field)
    if packed is not None:
        return Stored(packed, (), True, f"packed {packed}")
    return _stored_arrow(field.type, str(field.type))


def _stored_arrow(kind: Any, text: str) -> Stored:
    if pa.types.is_fixed_size_list(kind):
        inner = _stored_arrow(kind.value_type, text)
        return Stored("" if inner.jagged else inner.dtype, (kind.list_size, *inner.shape), False, text)
    if _is_list(kind):
        inner = _stored_arrow(kind.value_type, text)
        return Stored("" if inner.jagged or inner.shape else inner.dtype, (), True, text)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return Stored(np.dtype(kind.to_pandas_dtype()).name, (), False, text)
    return Stored("", (), False, text)


def _is_list(kind: Any) -> bool:
    return pa.types.is_list(kind) or pa.types.is_large_list(kind) or _is_view(kind)


def _is_view(kind: Any) -> bool:
    return bool(pa.types.is_list_view(kind) or pa.types.is_large_list_view(kind))


def _is_float(kind: Any) -> bool:
    """Whether a column is of plain floating-point numbers, of which a missing one is NaN."""
    return bool(pa.types.is_floating(kind))


def _is_nullable(field: Any) -> bool:
    kind = field.type
    has_values = pa.types.is_fixed_size_list(kind) or _is_list(kind)
    return bool(field.nullable or (has_values and _is_nullable(kind.value_field)))


def _read_column(column: Any, field: Any) -> Values:
    """Join the pieces of a column, of which Arrow makes several only beyond 2 GB."""
    packed = _packed_type(field)
    parts = [_flatten(chunk, packed, field.name) for chunk in column.chunks or [pa.array([], field.type)]]
    if len(parts) == 1:
        return parts[0]
    jagged = [part for part in parts if isinstance(part, Jagged)]
    return _join(jagged) if jagged else np.concatenate(parts)


def _join(parts: Sequence[Jagged]) -> Jagged:
    counts = np.concatenate([[0], *(np.diff(part.offsets) for part in parts)])
    return Jagged(np.concatenate([part.values for part in parts]), np.cumsum(counts, dtype=np.int64))


def _flatten(array: Any, packed: str | None, name: str) -> Values:
    shape = [len(array)]
    while pa.types.is_fixed_size_list(array.type):
        _refuse_nulls(array, name)
        shape.append(array.type.list_size)
        array = array.flatten()
    if packed is not None:
        _refuse_nulls(array, name)
        return _unpack(array, np.dtype(packed), name)
    if _is_list(array.type):
        _refuse_nulls(array, name)
        return _flatten_lists(array, name)
    return _numbers(array, name).reshape(shape)


def _flatten_lists(array: Any, name: str) -> Jagged:
    if _is_view(array.type):
        array = array.cast(pa.large_list(array.type.value_field))
    values = array.flatten()
    offsets = np.asarray(array.offsets)
    return Jagged(_numbers(values, name), np.subtract(offsets, offsets[0], dtype=np.int64))


def _numbers(array: Any, name: str) -> Array:
    """Plain numbers; of floating-point ones a missing one is NaN."""
    if not _is_float(array.type):
        _refuse_nulls(array, name)
    values: Array = array.to_numpy(zero_copy_only=False)
    return values


def _unpack(array: Any, dtype: np.dtype[Any], name: str) -> Jagged:
    """View the bytes of a binary array as numbers."""
    _, raw, content = array.buffers()
    width = np.int64 if pa.types.is_large_binary(array.type) else np.int32
    ends: Array = np.frombuffer(raw, width)[array.offset :] if len(array) else np.zeros(1, width)
    ends = ends[: len(array) + 1]
    if (ends & (dtype.itemsize - 1)).any():
        raise StructureError(f'branch "{name}": bytes that are no {dtype}')
    data = np.frombuffer(content or b"", np.uint8)[ends[0] : ends[-1]]
    offsets = np.subtract(ends, ends[0], dtype=np.int64) >> (dtype.itemsize.bit_length() - 1)
    return Jagged(data.view(dtype), offsets)


def _refuse_nulls(array: Any, name: str) -> None:
    _refuse(array.null_count, name)


def _refuse(n_nulls: int, name: str) -> None:
    if n_nulls:
        raise StructureError(f'branch "{name}": {n_nulls} values are null')


def _count_nulls(array: Any) -> int:
    """Number of missing lists and missing numbers, but for floating-point ones."""
    if _is_list(array.type) or pa.types.is_fixed_size_list(array.type):
        return int(array.null_count) + _count_nulls(array.flatten())
    return 0 if _is_float(array.type) else int(array.null_count)
