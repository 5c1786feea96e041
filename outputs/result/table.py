"""A small typed table with one canonical CSV form and one canonical Parquet form."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

import pyarrow as pa
import pyarrow.parquet as pq

Value = str | int | float | None
"""What a field holds; None is an empty field."""


class Kind(Enum):
    """What a column holds."""

    TEXT = "text"
    COUNT = "count"
    NUMBER = "number"


_ARROW = {Kind.TEXT: pa.string(), Kind.COUNT: pa.int64(), Kind.NUMBER: pa.float64()}
_LARGEST_EXACT_INTEGER = 2**53


@dataclass(frozen=True, slots=True)
class Table:
    """Named, typed columns and their rows.

    Attributes
    ----------
    kinds : mapping of str to Kind
        Columns in order.
    rows : sequence of tuple
        One value a column; None is an empty field.
    """

    kinds: Mapping[str, Kind]
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


def read_csv(data: bytes, kinds: Mapping[str, Kind]) -> Table:
    """Table of ``kinds`` from what `Table.to_csv` wrote; other columns are refused."""
    lines = list(csv.reader(io.StringIO(data.decode(), newline="")))
    if not lines or lines[0] != list(kinds):
        found = ", ".join(lines[0]) if lines else "nothing"
        raise ValueError(f"columns {found}: expected {', '.join(kinds)}")
    rows = [
        tuple(_value(text, kind) for text, kind in zip(line, kinds.values(), strict=True))
        for line in lines[1:]
    ]
    return Table(kinds, rows)


def _text(value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < _LARGEST_EXACT_INTEGER:
        return str(int(value))
    return str(value)


def _typed(value: Value, kind: Kind) -> Value:
    return float(value) if kind is Kind.NUMBER and value is not None else value


def _value(text: str, kind: Kind) -> Value:
    if kind is Kind.TEXT:
        return text
    if not text:
        return None
    return int(text) if kind is Kind.COUNT else float(text)
