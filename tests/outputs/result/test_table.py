from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from na64.outputs.background.table import _Line
from na64.outputs.blinding.opened_tables import CandidatesRow, PlaneRow
from na64.outputs.comparison.compare import ChangedEventsRow, ComparedCut, ComparedRun
from na64.outputs.comparison.overlay_table import OverlayRow
from na64.outputs.comparison.stability import StabilityRow
from na64.outputs.control.cut_efficiencies import CutEfficiencyRow
from na64.outputs.control.dimuon.benchmark import DimuonRow
from na64.outputs.control.dimuon.names import PeaksRow
from na64.outputs.limits.projection import ProjectionRow
from na64.outputs.limits.searches.products import ContourRow
from na64.outputs.limits.tables import DarkMatterLimitsRow, LimitsRow
from na64.outputs.result.cutflow import CutflowRow, RegionsRow
from na64.outputs.result.spills import SpillsRow
from na64.outputs.result.table import ColumnType, Table, columns_of, read_csv
from na64.outputs.result.variations import (
    VariationsRow,
    VariedYieldsRow,
    WeightedVariationsRow,
    WeightedVariedYieldsRow,
)
from na64.outputs.result.yields import YieldsRow
from na64.outputs.signal.efficiency.efficiency import EfficiencyRow
from na64.outputs.signal.efficiency.efficiency_variations import EfficiencyVariationsRow
from na64.outputs.signal.efficiency.losses_file import LossesRow
from na64.outputs.statistics.coverage import Coverage

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


@dataclass(frozen=True, slots=True)
class Example:
    name: str
    events: int | None
    eot: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    class_: int
    note: str = "none"
    share: float


ROWS = [Example("a", 1, 2.5e9), Example('b,"c"\nd', None, None), Example("", -(2**62), 0.1)]
KINDS = [
    *(YieldsRow, CutflowRow, RegionsRow, SpillsRow),
    *(VariationsRow, WeightedVariationsRow, VariedYieldsRow, WeightedVariedYieldsRow),
    *(LimitsRow, DarkMatterLimitsRow, ProjectionRow, EfficiencyRow, EfficiencyVariationsRow, Coverage),
    *(ComparedCut, ComparedRun, ChangedEventsRow, OverlayRow, StabilityRow, CutEfficiencyRow, DimuonRow),
    *(ContourRow, PeaksRow, CandidatesRow, PlaneRow, LossesRow, _Line),
]
NAMES = ("ecal_energy", "class")
GROUPS = {
    "features": NAMES,
    "corner": ("p_out", "e_cal"),
    "regions": ("region_I", "region_K0S"),
    "sums": ("selected_sumw", "region_I_sumw"),
}

VALUES: Mapping[ColumnType, st.SearchStrategy[Any]] = {
    ColumnType.TEXT: st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\0"), max_size=8),
    ColumnType.COUNT: st.integers(-(2**63), 2**63 - 1),
    ColumnType.NUMBER: st.floats(allow_nan=False, allow_infinity=False),
}


@st.composite
def tables(draw: st.DrawFn, row: type[DataclassInstance]) -> Table[Any]:
    fields: dict[str, st.SearchStrategy[Any]] = {}
    groups = {name: columns for name, columns in GROUPS.items() if name in row.__dataclass_fields__}
    columns = columns_of(row, groups)
    for field in row.__dataclass_fields__:
        if field in groups:
            values = VALUES[columns[groups[field][0]].type]
            fields[field] = st.dictionaries(st.sampled_from(groups[field]), values)
        else:
            column = columns[field.removesuffix("_")]
            fields[field] = VALUES[column.type] | st.none() if column.may_be_empty else VALUES[column.type]
    rows = draw(st.lists(st.builds(row, **fields), max_size=4))
    return Table(row, rows, groups)


@pytest.mark.parametrize("row", KINDS)
@settings(max_examples=25)
@given(data=st.data())
def test_rows_of_every_table_read_back_equal(row: type[DataclassInstance], data: st.DataObject) -> None:
    table = data.draw(tables(row))
    assert read_csv(table.to_csv(), row, groups=table.groups) == table


@given(tables(Example))
def test_parquet_reads_back_equal(table: Table[Example]) -> None:
    assert pq.read_table(io.BytesIO(table.to_parquet())).to_pylist() == table.records()


def test_csv_has_line_feeds_and_the_shortest_numbers() -> None:
    assert Table(Example, ROWS[:2]).to_csv() == b'name,events,eot\na,1,2500000000\n"b,""c""\nd",,\n'


def test_equal_numbers_of_two_kinds_are_written_each_as_it_is() -> None:
    whole, large = 2, 2**60
    numbers = [whole, float(whole), large, float(large), None, -0.0, 0.0, 0.1, 0.1]
    column = Table(Example, [Example("a", None, number) for number in numbers]).to_csv().split()[1:]
    assert [line.rpartition(b",")[2].decode() for line in column] == [
        *("2", "2", str(large), str(float(large)), "", "0", "0", "0.1", "0.1")
    ]


@pytest.mark.parametrize("row", KINDS)
@settings(max_examples=10)
@given(data=st.data())
def test_csv_and_records_are_the_fields_one_by_one(row: type[DataclassInstance], data: st.DataObject) -> None:
    table = data.draw(tables(row))
    records = [
        {name: value for one in row.__dataclass_fields__ for name, value in parts_of(found, one, table)}
        for found in table.rows
    ]
    assert table.records() == records
    text = io.StringIO(newline="")
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(table.columns)
    lines.writerows([written(value) for value in record.values()] for record in records)
    assert table.to_csv().decode() == text.getvalue()


def parts_of(found: DataclassInstance, field: str, table: Table[Any]) -> list[tuple[str, Any]]:
    value = getattr(found, field)
    if field not in table.groups:
        return [(field.removesuffix("_"), value)]
    return [(name, value.get(name)) for name in table.groups[field]]


def written(value: object) -> str:
    if value is None:
        return ""
    is_whole = isinstance(value, float) and value == int(value) and abs(value) < 2**53
    return str(int(value)) if is_whole else str(value)  # type: ignore[call-overload]


def test_parquet_has_types_and_no_metadata_of_ours() -> None:
    schema = pq.read_schema(io.BytesIO(Table(Example, ROWS).to_parquet()))
    assert [str(field.type) for field in schema] == ["string", "int64", "double"]
    assert schema.metadata is None


def test_empty_table_keeps_its_columns() -> None:
    table: Table[Example] = Table(Example, [])
    assert read_csv(table.to_csv(), Example) == table
    assert pq.read_table(io.BytesIO(table.to_parquet())).column_names == ["name", "events", "eot"]


def test_features_are_columns_and_one_that_is_lacking_is_empty() -> None:
    table = Table(CandidatesRow, [CandidatesRow(1, 2, 3, {"b": 0.5})], {"features": ("a", "b")})
    assert table.to_csv() == b"run,spill,event,a,b\n1,2,3,,0.5\n"


def test_a_column_may_have_the_name_of_a_keyword_and_be_absent_if_there_is_a_default() -> None:
    found = read_csv(b"class,share\n1,0.5\n", Described)
    assert found.rows == [Described(class_=1, share=0.5)]
    assert found.to_csv() == b"class,note,share\n1,none,0.5\n"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "table: columns nothing: expected class, share"),
        (b"class,events\n1,2\n", "table: columns class, events: expected class, share"),
        (b"share,class\n1,2\n", "table: columns share, class: expected class, share"),
        (b"class,share\n1\n", "table: line 2: 1 fields for 2 columns"),
        (b"class,share\n1,0.5\n,0.5\n", "table: line 3: class is empty"),
        (b"class,share\n1.5,0.5\n", 'table: line 2: class "1.5" is not a whole number'),
        (b"class,share\n1,x\n", 'table: line 2: share "x" is not a number'),
        (b"class,share\n1,2\n3,\n", "table: line 3: share is empty"),
        (b"class,share\n1,2\n3,x\n4,y\n", 'table: line 3: share "x" is not a number'),
    ],
)
def test_another_table_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        read_csv(data, Described)
