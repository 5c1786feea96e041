"""A small table of records, whose columns are their annotated fields: one canonical CSV and Parquet form."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from enum import Enum
from functools import cache
from types import NoneType
from typing import TYPE_CHECKING, Generic, TypeVar, get_args, get_origin, get_type_hints

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from na64.datasets.basics.named import named, shortened

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Value = str | int | float | None
"""What a field holds; None is an empty field."""

R = TypeVar("R", bound="DataclassInstance")
R_co = TypeVar("R_co", bound="DataclassInstance", covariant=True)


class ColumnType(Enum):
    """What a column holds."""

    TEXT = str
    COUNT = int
    NUMBER = float


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column as the annotation of a field declares it.

    Attributes
    ----------
    type : ColumnType
    may_be_empty : bool
        The field may be None.
    may_be_absent : bool
        A file need not have the column: the field has a default.
    """

    type: ColumnType
    may_be_empty: bool = False
    may_be_absent: bool = False


_ARROW = {ColumnType.TEXT: pa.string(), ColumnType.COUNT: pa.int64(), ColumnType.NUMBER: pa.float64()}
_LARGEST_EXACT_INTEGER = 2**53


@cache
def _declared(row: type[DataclassInstance]) -> tuple[Mapping[str, TableColumn], str]:
    """Columns of the plain fields of a record, and the name of the field that maps features to numbers."""
    hints, columns, free = get_type_hints(row), {}, ""
    for field in fields(row):
        if get_origin(hints[field.name]) is Mapping:
            free = field.name
            continue
        kinds = set(get_args(hints[field.name]) or (hints[field.name],))
        empty, absent = NoneType in kinds, field.default is not MISSING
        (kind,) = kinds - {NoneType}
        columns[field.name.removesuffix("_")] = TableColumn(ColumnType(kind), empty, absent)
    return columns, free


def columns_of(row: type[DataclassInstance], features: Collection[str] = ()) -> dict[str, TableColumn]:
    """Columns of a table of records, by name in order.

    Parameters
    ----------
    row : type
        Dataclass whose fields are ``str``, ``int`` or ``float``, or one of them or None; in the name of a
        column, an underscore at the end is left out (``yield_``). A last field ``Mapping[str, float]`` is as
        many columns as there are features.
    features : collection of str
    """
    columns, free = _declared(row)
    return {
        **columns,
        **(dict.fromkeys(features, TableColumn(ColumnType.NUMBER, may_be_empty=True)) if free else {}),
    }


@dataclass(frozen=True, slots=True)
class Table(Generic[R_co]):
    """Records of one kind, a row each.

    Attributes
    ----------
    row : type
        Dataclass of the rows, see `columns_of`.
    rows : sequence of row
    features : tuple of str
        Columns of the field that maps features to numbers; a feature that a row lacks is an empty field.
    """

    row: type[R_co]
    rows: Sequence[R_co]
    features: tuple[str, ...] = ()

    @property
    def columns(self) -> dict[str, TableColumn]:
        """Columns by name, in order."""
        return columns_of(self.row, self.features)

    def column(self, name: str) -> list[Value]:
        """Values of one column, in row order."""
        columns, free = _declared(self.row)
        if name not in columns:
            return [getattr(row, free).get(name) for row in self.rows]
        field = next(field.name for field in fields(self.row) if field.name.removesuffix("_") == name)
        return [getattr(row, field) for row in self.rows]

    def records(self) -> list[dict[str, Value]]:
        """Each row by column name."""
        columns, free = _declared(self.row)
        plain = [field.name for field in fields(self.row) if field.name != free]
        found = []
        for row in self.rows:
            record = {c: getattr(row, name) for c, name in zip(columns, plain, strict=True)}
            found.append(record | {name: getattr(row, free).get(name) for name in self.features})
        return found

    def to_csv(self) -> bytes:
        """UTF-8, LF, a header, the shortest text that reads back as the same number."""
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self.columns)
        writer.writerows([_text(value) for value in record.values()] for record in self.records())
        return text.getvalue().encode()

    def to_parquet(self) -> bytes:
        """One row group, no metadata of ours, nothing that depends on when it was written."""
        types = {name: column.type for name, column in self.columns.items()}
        schema = pa.schema([(name, _ARROW[kind]) for name, kind in types.items()])
        records = self.records()
        columns = [_arrow([record[name] for record in records], kind) for name, kind in types.items()]
        buffer = io.BytesIO()
        pq.write_table(
            pa.Table.from_arrays(columns, schema=schema),
            buffer,
            compression="zstd",
            store_schema=False,
            write_page_checksum=True,
        )
        return buffer.getvalue()


def read_csv(data: bytes, row: type[R], name: str = "table", features: Collection[str] = ()) -> Table[R]:
    """Table of records from what `Table.to_csv` wrote; other columns are refused.

    Parameters
    ----------
    data : bytes
    row : type
        Dataclass of the rows, see `columns_of`.
    name : str
        Of the file, for messages.
    features : collection of str

    Raises
    ------
    ValueError
        Names the file, the line and the value.
    """
    with named(name):
        lines = list(csv.reader(io.StringIO(data.decode(), newline="")))
        header = lines[0] if lines else []
        columns = {
            key: column
            for key, column in columns_of(row, features).items()
            if key in header or not column.may_be_absent
        }
        if header != list(columns):
            found = shortened(", ".join(header)) if lines else "nothing"
            raise ValueError(f"columns {found}: expected {', '.join(columns)}")
        rows = [_row(row, _values(n, line, columns)) for n, line in enumerate(lines[1:], start=2)]
        return Table(row, rows, tuple(features))


def _values(number: int, line: Sequence[str], columns: Mapping[str, TableColumn]) -> dict[str, Value]:
    if len(line) != len(columns):
        raise ValueError(f"line {number}: {len(line)} fields for {len(columns)} columns")
    return {
        name: _value(text, column, f"line {number}: {name}")
        for text, (name, column) in zip(line, columns.items(), strict=True)
    }


def _row(row: type[R], values: Mapping[str, Value]) -> R:
    _, free = _declared(row)
    names = {field.name.removesuffix("_"): field.name for field in fields(row) if field.name != free}
    plain = {field: values[name] for name, field in names.items() if name in values}
    more = {name: value for name, value in values.items() if name not in names and value is not None}
    return row(**plain, **({free: more} if free else {}))


def _text(value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < _LARGEST_EXACT_INTEGER:
        return str(int(value))
    return str(value)


def _arrow(values: Sequence[Value], kind: ColumnType) -> pa.Array:
    """Column of Arrow from its buffers: ``pa.array`` imports pandas, which takes longer than the rest."""
    is_stated = np.array([value is not None for value in values], np.bool_)
    stated = None if is_stated.all() else pa.py_buffer(np.packbits(is_stated, bitorder="little"))
    if kind is ColumnType.TEXT:
        texts = [str("" if value is None else value).encode() for value in values]
        ends = np.cumsum([0, *map(len, texts)], dtype=np.int32)
        content = [pa.py_buffer(ends), pa.py_buffer(b"".join(texts))]
    else:
        numbers = [0 if value is None else value for value in values]
        content = [pa.py_buffer(np.array(numbers, np.int64 if kind is ColumnType.COUNT else np.float64))]
    return pa.Array.from_buffers(_ARROW[kind], len(values), [stated, *content])


def _value(text: str, column: TableColumn, place: str) -> Value:
    if not text and column.may_be_empty:
        return None
    if column.type is ColumnType.TEXT:
        return text
    if not text:
        raise ValueError(f"{place} is empty")
    try:
        return int(text) if column.type is ColumnType.COUNT else float(text)
    except ValueError:
        what = "a whole number" if column.type is ColumnType.COUNT else "a number"
        raise ValueError(f'{place} "{shortened(text, 40)}" is not {what}') from None


def two_digits(number: float) -> str:
    """Number of events to two digits: 430 and not 4.3e+02, as far as a million."""
    text = f"{number:.2g}"
    return f"{float(text):.0f}" if "e+" in text and float(text) < 1e6 else text
