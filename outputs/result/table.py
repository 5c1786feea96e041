"""A small table of records, whose columns are their annotated fields: one canonical CSV and Parquet form."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from enum import Enum
from functools import cache
from operator import attrgetter
from types import MappingProxyType, NoneType
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar, get_args, get_origin, get_type_hints

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from na64.datasets.basics.named import named, shortened

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Value = str | int | float | None
"""What a field holds; None is an empty field."""

Groups: TypeAlias = Mapping[str, tuple[str, ...]]
"""Columns of the fields that are not one column, by field."""

NO_GROUPS: Groups = MappingProxyType({})

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
_FIRST_LINE = 2
"""Line of a file where its rows begin: after the header."""


@dataclass(frozen=True, slots=True)
class _Field:
    """A field of a record: a column, or a group of columns whose names are not known beforehand."""

    name: str
    column: TableColumn
    is_group: bool

    @property
    def plain(self) -> str:
        """Its column."""
        return self.name.removesuffix("_")


@cache
def _declared(row: type[DataclassInstance]) -> tuple[_Field, ...]:
    """Fields of a record, in order."""
    hints, found = get_type_hints(row), []
    for member in fields(row):
        hint, is_group = hints[member.name], get_origin(hints[member.name]) is Mapping
        if is_group:
            hint = get_args(hint)[1]
        kinds = set(get_args(hint) or (hint,))
        empty, absent = NoneType in kinds or is_group, member.default is not MISSING and not is_group
        (kind,) = kinds - {NoneType}
        found.append(_Field(member.name, TableColumn(ColumnType(kind), empty, absent), is_group))
    return tuple(found)


def _of_groups(row: type[DataclassInstance], groups: Groups) -> Iterator[tuple[_Field, str]]:
    """Yield every column: its field, and its name."""
    for one in _declared(row):
        for name in groups.get(one.name, ()) if one.is_group else (one.plain,):
            yield one, name


def columns_of(row: type[DataclassInstance], groups: Groups = NO_GROUPS) -> dict[str, TableColumn]:
    """Columns of a table of records, by name in order.

    Parameters
    ----------
    row : type
        Dataclass whose fields are ``str``, ``int`` or ``float``, or one of them or None; in the name of a
        column, an underscore at the end is left out (``yield_``). A field ``Mapping[str, float]``, or of
        another of these types, is as many columns as its group has names.
    groups : mapping of str to tuple of str
        Columns by the name of their field.
    """
    return {name: one.column for one, name in _of_groups(row, groups)}


@dataclass(frozen=True, slots=True)
class Table(Generic[R_co]):
    """Records of one kind, a row each.

    Attributes
    ----------
    row : type
        Dataclass of the rows, see `columns_of`.
    rows : sequence of row
    groups : mapping of str to tuple of str
        Columns of each field that maps names to values; a name that a row lacks is an empty field.
    """

    row: type[R_co]
    rows: Sequence[R_co]
    groups: Groups = field(default_factory=dict)

    @property
    def columns(self) -> dict[str, TableColumn]:
        """Columns by name, in order."""
        return columns_of(self.row, self.groups)

    def column(self, name: str) -> list[Value]:
        """Values of one column, in row order.

        Raises
        ------
        KeyError
            There is no such column.
        """
        for one, known in _of_groups(self.row, self.groups):
            if known == name:
                return _column_of(self.rows, one, name)
        raise KeyError(f'a table of {self.row.__name__} has no column "{name}"')

    def records(self) -> list[dict[str, Value]]:
        """Each row by column name."""
        names, columns = tuple(self.columns), self._by_column()
        return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]

    def _by_column(self) -> list[list[Value]]:
        return [_column_of(self.rows, one, name) for one, name in _of_groups(self.row, self.groups)]

    def to_csv(self) -> bytes:
        """UTF-8, LF, a header, the shortest text that reads back as the same number."""
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self.columns)
        writer.writerows(zip(*map(_texts, self._by_column()), strict=True))
        return text.getvalue().encode()

    def to_parquet(self) -> bytes:
        """One row group, no metadata of ours, nothing that depends on when it was written."""
        types = {name: column.type for name, column in self.columns.items()}
        schema = pa.schema([(name, _ARROW[kind]) for name, kind in types.items()])
        columns = [
            _arrow(values, kind) for values, kind in zip(self._by_column(), types.values(), strict=True)
        ]
        buffer = io.BytesIO()
        pq.write_table(
            pa.Table.from_arrays(columns, schema=schema),
            buffer,
            compression="zstd",
            store_schema=False,
            write_page_checksum=True,
        )
        return buffer.getvalue()


def read_csv(data: bytes, row: type[R], name: str = "table", groups: Groups = NO_GROUPS) -> Table[R]:
    """Table of records from what `Table.to_csv` wrote; other columns are refused.

    Parameters
    ----------
    data : bytes
    row : type
        Dataclass of the rows, see `columns_of`.
    name : str
        Of the file, for messages.
    groups : mapping of str to tuple of str

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
            for key, column in columns_of(row, groups).items()
            if key in header or not column.may_be_absent
        }
        if header != list(columns):
            found = shortened(", ".join(header)) if lines else "nothing"
            raise ValueError(f"columns {found}: expected {', '.join(columns)}")
        by_column = _columns_of_lines(lines[1:], columns)
        return Table(row, _rows(row, groups, by_column, len(lines) - 1), groups)


def _column_of(rows: Sequence[DataclassInstance], of: _Field, name: str) -> list[Value]:
    found = map(attrgetter(of.name), rows)
    return [group.get(name) for group in found] if of.is_group else list(found)


def _columns_of_lines(
    lines: Sequence[Sequence[str]], columns: Mapping[str, TableColumn]
) -> dict[str, list[Value]]:
    for number, line in enumerate(lines, start=_FIRST_LINE):
        if len(line) != len(columns):
            raise ValueError(f"line {number}: {len(line)} fields for {len(columns)} columns")
    texts = zip(*lines, strict=True) if lines else ((),) * len(columns)
    return {
        name: _values(of_column, column, name)
        for of_column, (name, column) in zip(texts, columns.items(), strict=True)
    }


def _rows(row: type[R], groups: Groups, by_column: Mapping[str, Sequence[Value]], n_rows: int) -> list[R]:
    arguments: dict[str, Sequence[Any]] = {}
    for one in _declared(row):
        if one.is_group:
            arguments[one.name] = _mappings(by_column, groups.get(one.name, ()), n_rows)
        elif one.plain in by_column:
            arguments[one.name] = by_column[one.plain]
    names = tuple(arguments)
    return [row(**dict(zip(names, values, strict=True))) for values in zip(*arguments.values(), strict=True)]


def _mappings(
    by_column: Mapping[str, Sequence[Value]], names: Sequence[str], n_rows: int
) -> Sequence[dict[str, Value]]:
    """Mapping of a group in each row, without the fields that are empty."""
    if not names:
        return [{} for _ in range(n_rows)]
    listed = zip(*(by_column[name] for name in names), strict=True)
    return [
        {name: value for name, value in zip(names, values, strict=True) if value is not None}
        for values in listed
    ]


def _texts(values: Sequence[Value]) -> Sequence[Value]:
    """Values of a column such that ``csv`` writes each as `_text` has it; of equal floats one is set."""
    kinds = set(map(type, values))
    if not any(issubclass(kind, float) for kind in kinds):
        return values
    if not kinds <= {float, NoneType}:  # a large count and its float are equal, and are other texts
        return list(map(_text, values))
    texts = {value: _text(value) for value in set(values)}
    return [texts[value] for value in values]


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


def _values(texts: Sequence[str], column: TableColumn, name: str) -> list[Value]:
    """Column of a file; which line has what is no number is asked only where there is one."""
    if column.type is ColumnType.TEXT:
        return [text or None for text in texts] if column.may_be_empty else list(texts)
    make = column.type.value
    try:
        if column.may_be_empty:
            return [make(text) if text else None for text in texts]
        return list(map(make, texts))
    except ValueError:
        lines = enumerate(texts, start=_FIRST_LINE)
        return [_value(text, column, f"line {number}: {name}") for number, text in lines]


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
