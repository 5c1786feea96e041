from __future__ import annotations

import io

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from na64.outputs.result.table import ColumnType, Table, read_csv

KINDS = {"name": ColumnType.TEXT, "events": ColumnType.COUNT, "eot": ColumnType.NUMBER}
ROWS = [("a", 1, 2.5e9), ('b,"c"\nd', None, None), ("", -(2**62), 0.1)]

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\0"), max_size=8)
rows = st.lists(
    st.tuples(
        texts,
        st.none() | st.integers(-(2**63), 2**63 - 1),
        st.none() | st.floats(allow_nan=False, allow_infinity=False),
    ),
    max_size=5,
)


def test_csv_has_line_feeds_and_the_shortest_numbers() -> None:
    assert Table(KINDS, ROWS[:2]).to_csv() == b'name,events,eot\na,1,2500000000\n"b,""c""\nd",,\n'


@given(rows)
def test_csv_reads_back_equal(rows: list[tuple[str, int | None, float | None]]) -> None:
    assert read_csv(Table(KINDS, rows).to_csv(), KINDS).rows == rows


@given(rows)
def test_parquet_reads_back_equal(rows: list[tuple[str, int | None, float | None]]) -> None:
    table = Table(KINDS, rows)
    assert pq.read_table(io.BytesIO(table.to_parquet())).to_pylist() == table.records()


def test_parquet_has_types_and_no_metadata_of_ours() -> None:
    schema = pq.read_schema(io.BytesIO(Table(KINDS, ROWS).to_parquet()))
    assert [str(field.type) for field in schema] == ["string", "int64", "double"]
    assert schema.metadata is None


def test_empty_table_keeps_its_columns() -> None:
    table = Table(KINDS, [])
    assert read_csv(table.to_csv(), KINDS) == table
    assert pq.read_table(io.BytesIO(table.to_parquet())).column_names == list(KINDS)


def test_row_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="2 values for 3 columns"):
        Table(KINDS, [("a", 1)])


def test_other_columns_are_refused() -> None:
    with pytest.raises(ValueError, match="columns name, events: expected name, events, eot"):
        read_csv(b"name,events\na,1\n", KINDS)
