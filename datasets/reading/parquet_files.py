"""Events in Parquet files, read by pyarrow.

Several values an event are lists, of any kind that Parquet has, or packed: the bytes of the numbers one after
the other, little-endian, in a binary column whose metadata give their NumPy type under ``packed``. Lists take
twice the time, as the reader finds out for every number whether a list begins there. Others write lists; our
hits are packed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from na64.datasets.instrument.columns import Array
from na64.datasets.reading.layout import FLOATS, INTEGERS
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
from na64.datasets.remote import RemoteFile

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


class _ParquetFile:
    def __init__(self, file: Any) -> None:
        self._file = file

    def trees(self) -> tuple[str, ...]:
        return ("",)

    def tree(self, name: str) -> Tree:  # noqa: ARG002  (a Parquet file is one table, whatever a layout calls it)
        return _ParquetTable(self._file)

    def check_size(self) -> None:
        """Nothing to do: the table of contents is at the end, so what opens is not cut."""


class _ParquetTable:
    format = Format.PARQUET

    def __init__(self, file: Any) -> None:
        self._file = file
        names = file.schema_arrow.names
        self._fields = {field.name: field for field in file.schema_arrow if names.count(field.name) == 1}
        self.entries = int(file.metadata.num_rows)

    def stored(self, name: str) -> Stored | None:
        field = self._fields.get(name)
        return None if field is None else _stored_field(field)

    def check(self, names: Sequence[str]) -> None:
        """Nothing to do: row groups have all columns."""

    def expanded_bytes(self, names: Sequence[str]) -> int:
        metadata = self._file.metadata
        groups = [metadata.row_group(group) for group in range(metadata.num_row_groups)]
        chunks = [group.column(column) for group in groups for column in range(metadata.num_columns)]
        return sum(_expanded(chunk, packed=chunk.path_in_schema in names) for chunk in chunks)

    def boundaries(self, names: Sequence[str]) -> tuple[int, ...]:  # noqa: ARG002  (row groups are of all columns)
        return sort_boundaries(self._group_starts(), self.entries)

    def _group_starts(self) -> Array:
        metadata = self._file.metadata
        sizes = [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
        return np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)]).astype(np.int64)

    def read(self, names: Sequence[str], start: int, stop: int) -> dict[str, Values]:
        starts = self._group_starts()
        groups = [g for g in range(len(starts) - 1) if starts[g] < stop and starts[g + 1] > start]
        first = int(starts[groups[0]]) if groups else 0
        part = self._groups(groups, names).slice(start - first, stop - start)
        with readable():
            return {name: _read_column(part.column(name), self._fields[name]) for name in names}

    def _groups(self, groups: Sequence[int], names: Sequence[str]) -> Any:
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
    """Give how many bytes the values of a column have in a row group."""
    if not packed or chunk.physical_type != "BYTE_ARRAY":
        return int(chunk.num_values) * _WIDTH.get(chunk.physical_type, 8)
    if not _PLAIN.issuperset(chunk.encodings):
        raise StructureError(f'branch "{chunk.path_in_schema}" is packed, and encoded as {chunk.encodings}')
    return int(chunk.total_uncompressed_size)


def _packed_type(field: Any) -> str | None:
    """Give the type of the numbers in a packed column, None if it is none."""
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
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        inner = _stored_arrow(kind.value_type, text)
        return Stored("" if inner.jagged or inner.shape else inner.dtype, (), True, text)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return Stored(np.dtype(kind.to_pandas_dtype()).name, (), False, text)
    return Stored("", (), False, text)


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
    _refuse_nulls(array, name)
    if packed is not None:
        return _unpack(array, np.dtype(packed), name)
    if pa.types.is_list(array.type) or pa.types.is_large_list(array.type):
        return _flatten_lists(array, name)
    values: Array = array.to_numpy(zero_copy_only=False).reshape(shape)
    return values


def _flatten_lists(array: Any, name: str) -> Jagged:
    values = array.flatten()
    _refuse_nulls(values, name)
    offsets = np.asarray(array.offsets)
    return Jagged(values.to_numpy(zero_copy_only=False), np.subtract(offsets, offsets[0], dtype=np.int64))


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
    if array.null_count:
        raise StructureError(f'branch "{name}": {array.null_count} values are null')
