"""Writing run files as TTree, RNTuple or Parquet, in the encodings that are read fastest.

All are compressed with LZ4: it takes a third of the time of ZSTD to decompress, for a tenth more bytes.
Numbers of cells hardly repeat, so Parquet has no dictionaries; no value is null; hits are packed, see
`na64.datasets.reading.parquet_files`. Cells of fixed number are lists of fixed size, as others would write
them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import Any, Protocol

import awkward as ak
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import uproot

from na64.datasets.instrument.columns import Array
from na64.datasets.reading.parquet_files import PACKED
from na64.datasets.synthetic.branches import JaggedBranch

_LZ4 = uproot.LZ4(4)


class RunFileFormat(Enum):
    """Container of a run file."""

    TTREE = "ttree"
    RNTUPLE = "rntuple"
    PARQUET = "parquet"

    @property
    def suffix(self) -> str:
        """Ending of the file name."""
        return ".parquet" if self is RunFileFormat.PARQUET else ".root"


class RunFileWriter(Protocol):
    """A run file being written; each call of `extend` makes one cluster or row group."""

    def extend(self, branches: dict[str, Array | JaggedBranch]) -> None:
        """Append events."""


@contextmanager
def open_writer(
    path: Path,
    container: RunFileFormat,
    tree: str,
    *,
    compression: uproot.compression.Compression | None = _LZ4,
) -> Iterator[RunFileWriter]:
    """Write a run file under a temporary name; it gets its name when it is complete.

    Parameters
    ----------
    path : Path
    container : RunFileFormat
    tree : str
    compression : uproot.compression.Compression or None
        Of a ROOT file; None leaves the bytes as they are.
    """
    partial = path.with_name(f".{path.name}.part")
    with _WRITERS[container](partial, tree, compression) as writer:
        yield writer
    with partial.open("rb+") as stream:
        os.fsync(stream.fileno())
    partial.replace(path)


@contextmanager
def _open_tree(path: Path, tree: str, compression: Any) -> Iterator[RunFileWriter]:
    with uproot.recreate(path, compression=compression) as file:
        yield _TreeWriter(file, tree)


@contextmanager
def _open_rntuple(path: Path, tree: str, compression: Any) -> Iterator[RunFileWriter]:
    with uproot.recreate(path, compression=compression) as file:
        yield _RNTupleWriter(file, tree)


@contextmanager
def _open_parquet(path: Path, tree: str, compression: Any) -> Iterator[RunFileWriter]:  # noqa: ARG001
    writer = ParquetWriter(path)
    try:
        yield writer
    finally:
        writer.close()


class _TreeWriter:
    """A TTree; made from the types of the first block."""

    def __init__(self, file: Any, name: str) -> None:
        self._file, self._name = file, name
        self._tree: Any = None

    def extend(self, branches: dict[str, Array | JaggedBranch]) -> None:
        if self._tree is None:
            self._tree = self._file.mktree(
                self._name, {name: _tree_type(values) for name, values in branches.items()}
            )
        self._tree.extend({name: _awkward(values) for name, values in branches.items()})


def _tree_type(values: Array | JaggedBranch) -> Any:
    if isinstance(values, JaggedBranch):
        return list_type(values.content.dtype)
    return np.dtype((values.dtype, values.shape[1:]))


def list_type(dtype: Any) -> ak.types.ListType:
    """Type of a branch with lists of numbers.

    As a text, ``var * float32``, uproot has it parsed, twice, by a parser that is built anew each time: for a
    tree with dozens of such branches that takes longer than everything else about the file.
    """
    return ak.types.ListType(ak.types.NumpyType(np.dtype(dtype).name))


class _RNTupleWriter:
    """An RNTuple; made from the form of the first block."""

    def __init__(self, file: Any, name: str) -> None:
        self._file, self._name = file, name
        self._ntuple: Any = None

    def extend(self, branches: dict[str, Array | JaggedBranch]) -> None:
        data = ak.Array({name: _awkward(values) for name, values in branches.items()})
        if self._ntuple is None:
            self._ntuple = self._file.mkrntuple(self._name, data.layout.form)
        self._ntuple.extend(data)


class ParquetWriter:
    """A Parquet file with page checksums; cells are flat lists of fixed size."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer: Any = None

    def extend(self, branches: dict[str, Array | JaggedBranch]) -> None:
        """Append events as one row group."""
        fields = [_field(name, values) for name, values in branches.items()]
        arrays = [_arrow(values, field.type) for values, field in zip(branches.values(), fields, strict=True)]
        table = pa.Table.from_arrays(arrays, schema=pa.schema(fields))
        if self._writer is None:
            packed = {field.name: "DELTA_LENGTH_BYTE_ARRAY" for field in fields if field.metadata}
            self._writer = pq.ParquetWriter(
                self._path,
                table.schema,
                compression="lz4",
                use_dictionary=False,
                column_encoding=packed,
                write_page_checksum=True,
            )
        self._writer.write_table(table, row_group_size=max(len(table), 1))

    def describe(self, metadata: dict[str, str]) -> None:
        """Add key-value metadata."""
        self._writer.add_key_value_metadata(metadata)

    def close(self) -> None:
        """Finish the file."""
        if self._writer is not None:
            self._writer.close()


def _awkward(values: Array | JaggedBranch) -> Any:
    if not isinstance(values, JaggedBranch):
        return values
    offsets = ak.index.Index64(values.offsets)
    return ak.Array(ak.contents.ListOffsetArray(offsets, ak.contents.NumpyArray(values.content)))


def _field(name: str, values: Array | JaggedBranch) -> Any:
    if isinstance(values, JaggedBranch):
        return pa.field(name, pa.binary(), nullable=False, metadata={PACKED: values.content.dtype.name})
    kind = pa.from_numpy_dtype(values.dtype)
    if values.ndim > 1:
        kind = pa.list_(pa.field("element", kind, nullable=False), int(np.prod(values.shape[1:])))
    return pa.field(name, kind, nullable=False)


def _arrow(values: Array | JaggedBranch, kind: Any) -> Any:
    if isinstance(values, JaggedBranch):
        ends = (values.offsets * values.content.itemsize).astype(np.int32)
        buffers = [None, pa.py_buffer(ends), pa.py_buffer(np.ascontiguousarray(values.content))]
        return pa.BinaryArray.from_buffers(kind, len(ends) - 1, buffers)
    if values.ndim == 1:
        return pa.array(values)
    return pa.FixedSizeListArray.from_arrays(values.reshape(-1), type=kind)


_WRITERS = {
    RunFileFormat.TTREE: _open_tree,
    RunFileFormat.RNTUPLE: _open_rntuple,
    RunFileFormat.PARQUET: _open_parquet,
}
