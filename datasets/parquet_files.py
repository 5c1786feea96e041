"""Events in Parquet files, read by pyarrow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from na64.datasets.columns import Array
from na64.datasets.stored import (
    BadFileError,
    Format,
    Jagged,
    RunFile,
    Stored,
    Tree,
    Values,
    readable,
    sort_boundaries,
)

_WIDTH = {"BOOLEAN": 1, "INT32": 4, "FLOAT": 4}
"""Bytes of a value; of the other types 8."""


@contextmanager
def open_parquet(handle: BinaryIO) -> Iterator[RunFile]:
    """Open a Parquet file; page checksums are verified where the file has them."""
    with readable():
        file = pq.ParquetFile(handle, page_checksum_verification=True)
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
        self.entries = int(file.metadata.num_rows)

    def stored(self, name: str) -> Stored | None:
        schema = self._file.schema_arrow
        if schema.names.count(name) != 1:
            return None
        return _stored_arrow(schema.field(name).type, str(schema.field(name).type))

    def check(self, names: Sequence[str]) -> None:
        """Nothing to do: row groups have all columns."""

    def expanded_bytes(self, names: Sequence[str]) -> int:  # noqa: ARG002  (a row group tells its own)
        metadata = self._file.metadata
        groups = [metadata.row_group(group) for group in range(metadata.num_row_groups)]
        chunks = [group.column(column) for group in groups for column in range(metadata.num_columns)]
        return sum(int(chunk.num_values) * _WIDTH.get(chunk.physical_type, 8) for chunk in chunks)

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
        with readable():
            table = self._file.read_row_groups(groups, columns=list(names), use_threads=False)
            part = table.slice(start - first, stop - start)
            return {name: _flatten_arrow(part.column(name), name) for name in names}


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


def _flatten_arrow(column: Any, name: str) -> Values:
    array = column.combine_chunks()
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks)
    shape = [len(array)]
    while pa.types.is_fixed_size_list(array.type):
        _refuse_nulls(array, name)
        shape.append(array.type.list_size)
        array = array.flatten()
    _refuse_nulls(array, name)
    if pa.types.is_list(array.type) or pa.types.is_large_list(array.type):
        return _flatten_lists(array, name)
    values: Array = array.to_numpy(zero_copy_only=False).reshape(shape)
    return values


def _flatten_lists(array: Any, name: str) -> Jagged:
    values = array.flatten()
    _refuse_nulls(values, name)
    offsets = np.asarray(array.offsets).astype(np.int64)
    return Jagged(values.to_numpy(zero_copy_only=False), offsets - offsets[0])


def _refuse_nulls(array: Any, name: str) -> None:
    if array.null_count:
        raise BadFileError(f'branch "{name}": {array.null_count} values are null')
