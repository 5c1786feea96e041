"""A small typed table with one canonical CSV form and one canonical Parquet form."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

import pyarrow as pa
import pyarrow.parquet as pq

from na64.datasets.basics.named import named, shortened

Value = str | int | float | None
"""What a field holds; None is an empty field."""


class ColumnType(Enum):
    """What a column holds."""

    TEXT = "text"
    COUNT = "count"
    NUMBER = "number"


_ARROW = {ColumnType.TEXT: pa.string(), ColumnType.COUNT: pa.int64(), ColumnType.NUMBER: pa.float64()}
_LARGEST_EXACT_INTEGER = 2**53


@dataclass(frozen=True, slots=True)
class Table:
    """Named, typed columns and their rows.

    Attributes
    ----------
    kinds : mapping of str to ColumnType
        Columns in order.
    rows : sequence of tuple
        One value a column; None is an empty field.
    """

    kinds: Mapping[str, ColumnType]
    rows: Sequence[tuple[Value, ...]]

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.kinds):
                raise ValueError(f"row {row}: {len(row)} values for {len(self.kinds)} columns")

    def column(self, name: str) -> list[Value]:
        """Values of one column, in row order."""
        index = list(self.kinds).index(name)
        return [row[index] for row in self.rows]

    def records(self) -> list[dict[str, Value]]:
        """Each row by column name."""
        return [dict(zip(self.kinds, row, strict=True)) for row in self.rows]

    def to_csv(self) -> bytes:
        """UTF-8, LF, a header, the shortest text that reads back as the same number."""
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self.kinds)
        writer.writerows([_text(value) for value in row] for row in self.rows)
        return text.getvalue().encode()

    def to_parquet(self) -> bytes:
        """One row group, no metadata of ours, nothing that depends on when it was written."""
        schema = pa.schema([(name, _ARROW[kind]) for name, kind in self.kinds.items()])
        columns = [
            pa.array([_typed(value, kind) for value in self.column(name)], type=_ARROW[kind])
            for name, kind in self.kinds.items()
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


def read_csv(data: bytes, kinds: Mapping[str, ColumnType], name: str = "table") -> Table:
    """Table of ``kinds`` from what `Table.to_csv` wrote; other columns are refused.

    Raises
    ------
    ValueError
        Names the file, the line and the value.
    """
    with named(name):
        lines = list(csv.reader(io.StringIO(data.decode(), newline="")))
        if not lines or lines[0] != list(kinds):
            found = shortened(", ".join(lines[0])) if lines else "nothing"
            raise ValueError(f"columns {found}: expected {', '.join(kinds)}")
        return Table(kinds, [_row(number, line, kinds) for number, line in enumerate(lines[1:], start=2)])


def _row(number: int, line: Sequence[str], kinds: Mapping[str, ColumnType]) -> tuple[Value, ...]:
    if len(line) != len(kinds):
        raise ValueError(f"line {number}: {len(line)} fields for {len(kinds)} columns")
    return tuple(
        _value(text, kind, f"line {number}: {name}")
        for text, (name, kind) in zip(line, kinds.items(), strict=True)
    )


def _text(value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < _LARGEST_EXACT_INTEGER:
        return str(int(value))
    return str(value)


def _typed(value: Value, kind: ColumnType) -> Value:
    return float(value) if kind is ColumnType.NUMBER and value is not None else value


def _value(text: str, kind: ColumnType, place: str) -> Value:
    if kind is ColumnType.TEXT:
        return text
    if not text:
        return None
    try:
        return int(text) if kind is ColumnType.COUNT else float(text)
    except ValueError:
        what = "a whole number" if kind is ColumnType.COUNT else "a number"
        raise ValueError(f'{place} "{shortened(text, 40)}" is not {what}') from None


def two_digits(number: float) -> str:
    """Number of events to two digits: 430 and not 4.3e+02, as far as a million."""
    text = f"{number:.2g}"
    return f"{float(text):.0f}" if "e+" in text and float(text) < 1e6 else text
