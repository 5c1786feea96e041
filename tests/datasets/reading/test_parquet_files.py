"""Parquet as others write it and as we do: lists and packed numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from na64.datasets.reading.files import open_file
from na64.datasets.reading.parquet_files import _read_column
from na64.datasets.reading.stored import BadFileError, Jagged, Stored, Values
from na64.datasets.synthetic import branches
from na64.datasets.synthetic.writers import ParquetWriter

EVENTS = [[1.0, 2.0], [], [3.0], [4.0, 5.0, 6.0]]


def read(path: Path, start: int, stop: int, name: str = "x") -> Values:
    with open_file(path) as file:
        return file.tree("").read([name], start, stop)[name]


def lists(values: Values) -> list[list[float]]:
    assert isinstance(values, Jagged)
    assert values.values.dtype == np.float32
    assert values.values.flags.aligned
    assert values.offsets.dtype == np.int64
    assert values.offsets[0] == 0
    return [part.tolist() for part in np.split(values.values, values.offsets[1:-1])]


def packed(events: list[list[float]], kind: Any = None) -> Any:
    return pa.array([np.array(event, np.float32).tobytes() for event in events], kind or pa.binary())


def write(path: Path, array: Any, **options: Any) -> Path:
    of_packed = {"packed": "float32"} if array.type in (pa.binary(), pa.large_binary()) else None
    schema = pa.schema([pa.field("x", array.type, metadata=of_packed)])
    pq.write_table(pa.Table.from_arrays([array], schema=schema), path, **options)
    return path


FLOATS = pa.field("element", pa.float32(), nullable=False)
ARRAYS = {
    "list": pa.array(EVENTS, pa.list_(pa.float32())),
    "list without nulls": pa.array(EVENTS, pa.list_(FLOATS)),
    "list view": pa.array(EVENTS, pa.list_view(pa.float32())),
    "large list view": pa.array(EVENTS, pa.large_list_view(pa.float32())),
    "large list": pa.array(EVENTS, pa.large_list(pa.float32())),
    "packed": packed(EVENTS),
    "packed, large": packed(EVENTS, pa.large_binary()),
}


@pytest.mark.parametrize("kind", ARRAYS)
@pytest.mark.parametrize("row_group_size", [1, 3, 4])
@pytest.mark.parametrize(("start", "stop"), [(0, 4), (1, 4), (1, 3), (3, 4), (2, 2), (4, 4)])
def test_every_kind_of_list_is_read(
    kind: str, row_group_size: int, start: int, stop: int, tmp_path: Path
) -> None:
    path = write(tmp_path / "a.parquet", ARRAYS[kind], row_group_size=row_group_size, use_dictionary=False)
    expected = EVENTS[start:stop] or [[]]  # what is split nowhere is one empty part
    assert lists(read(path, start, stop)) == expected
    with open_file(path) as file:
        stored = file.tree("").stored("x")
    assert stored is not None
    assert (stored.dtype, stored.shape, stored.jagged) == ("float32", (), True)


@pytest.mark.parametrize("kind", ["list", "packed"])
def test_what_arrow_gives_in_pieces_is_joined(kind: str) -> None:
    array = ARRAYS[kind]
    field = pa.field("x", array.type, metadata={"packed": "float32"} if kind == "packed" else None)
    pieces = pa.chunked_array([array[:1], array[1:1], array[1:]])
    assert lists(_read_column(pieces, field)) == EVENTS


def test_numbers_that_arrow_gives_in_pieces_are_joined() -> None:
    values = np.arange(12.0)
    array = pa.FixedSizeListArray.from_arrays(values, 3)
    pieces = pa.chunked_array([array[:1], array[1:]])
    found = _read_column(pieces, pa.field("x", array.type))
    np.testing.assert_array_equal(found, values.reshape(4, 3), strict=True)


@pytest.mark.parametrize("row_group_size", [2, 4])
def test_lists_of_fixed_size_are_joined(row_group_size: int, tmp_path: Path) -> None:
    values = np.arange(12.0)
    array = pa.FixedSizeListArray.from_arrays(values, 3)
    path = write(tmp_path / "a.parquet", array, row_group_size=row_group_size)
    np.testing.assert_array_equal(read(path, 1, 4), values.reshape(4, 3)[1:], strict=True)


NUMBER = pa.float32()
PAIR, LIST = pa.list_(NUMBER, 2), pa.list_(NUMBER)


@pytest.mark.parametrize(
    ("kind", "dtype", "shape", "jagged"),
    [
        (NUMBER, "float32", (), False),
        (PAIR, "float32", (2,), False),
        (pa.list_(PAIR, 3), "float32", (3, 2), False),
        (LIST, "float32", (), True),
        (pa.large_list(NUMBER), "float32", (), True),
        (pa.list_(LIST, 3), "", (3,), False),
        (pa.list_(LIST), "", (), True),
        (pa.list_(PAIR), "", (), True),
        (pa.string(), "", (), False),
        (pa.struct([("y", NUMBER)]), "", (), False),
    ],
    ids=str,
)
def test_only_numbers_arrays_and_lists_of_numbers_have_a_type(
    kind: Any, dtype: str, shape: tuple[int, ...], jagged: bool, tmp_path: Path
) -> None:
    pq.write_table(pa.table({"x": pa.array([], kind)}), tmp_path / "a.parquet")
    with open_file(tmp_path / "a.parquet") as file:
        stored = file.tree("").stored("x")
    assert stored is not None
    assert (stored.dtype, stored.shape, stored.jagged) == (dtype, shape, jagged)


def test_half_a_number_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", pa.array([b"1234", b"12345", b"123"]), use_dictionary=False)
    with pytest.raises(BadFileError, match='branch "x": bytes that are no float32'):
        read(path, 0, 3)


def test_missing_packed_numbers_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", pa.array([b"1234", None]), use_dictionary=False)
    with pytest.raises(BadFileError, match='branch "x": 1 values are null'):
        read(path, 0, 2)


def test_a_name_that_stands_for_two_columns_has_no_type(tmp_path: Path) -> None:
    twice = pa.Table.from_arrays([pa.array([1.0]), pa.array([2.0]), pa.array([3.0])], ["x", "x", "y"])
    pq.write_table(twice, tmp_path / "a.parquet")
    with open_file(tmp_path / "a.parquet") as file:
        assert file.tree("").stored("x") == Stored("", (), False, "there 2 times")
        assert file.tree("").stored("y") == Stored("float64", (), False, "double")
        assert file.tree("").names() == ("x", "y")


@pytest.mark.parametrize("metadata", [None, {"packed": "object"}, {"packed": b"\xff"}, {"other": "float32"}])
def test_bytes_of_no_known_type_are_no_numbers(metadata: Any, tmp_path: Path) -> None:
    schema = pa.schema([pa.field("x", pa.binary(), metadata=metadata)])
    pq.write_table(pa.Table.from_arrays([packed(EVENTS)], schema=schema), tmp_path / "a.parquet")
    with open_file(tmp_path / "a.parquet") as file:
        assert getattr(file.tree("").stored("x"), "dtype", None) == ""


@pytest.mark.parametrize(
    "options",
    [{"use_dictionary": True}, {"use_dictionary": False, "column_encoding": {"x": "DELTA_BYTE_ARRAY"}}],
)
def test_packed_numbers_that_could_repeat_without_end_are_refused(
    options: dict[str, Any], tmp_path: Path
) -> None:
    bomb = packed([[1.0] * 1000] * 1000)
    path = write(tmp_path / "a.parquet", bomb, **options)
    with open_file(path) as file:
        tree = file.tree("")
        assert tree.expanded_bytes(["y"]) == 8 * 1000  # what is not needed is not read
        with pytest.raises(BadFileError, match=r'branch "x" is packed, and encoded as .*(DICT|DELTA)'):
            tree.expanded_bytes(["x"])


def test_packed_numbers_expand_to_their_bytes(tmp_path: Path) -> None:
    options = {"compression": "zstd", "use_dictionary": False, "write_statistics": False}
    path = write(tmp_path / "a.parquet", packed([[1.0] * 1000] * 100), **options)
    assert path.stat().st_size < 10_000
    with open_file(path) as file:
        assert 400_000 < file.tree("").expanded_bytes(["x"]) < 420_000


def test_our_hits_are_packed_and_nothing_is_null(tmp_path: Path) -> None:
    writer = ParquetWriter(tmp_path / "a.parquet")
    hits = branches.JaggedBranch(np.array([0, 2, 2, 3]), np.array([1, 2, 3], np.float32))
    for _ in range(2):
        writer.extend({"x": hits, "n": np.arange(3), "d": np.ones((3, 2))})
    writer.close()
    schema = pq.read_schema(tmp_path / "a.parquet")
    assert not any(field.nullable for field in schema)
    assert schema.field("x").metadata[b"packed"] == b"float32"
    assert pq.read_metadata(tmp_path / "a.parquet").row_group(0).column(0).compression == "LZ4"
    assert lists(read(tmp_path / "a.parquet", 1, 5)) == [[], [3.0], [1.0, 2.0], []]


LISTS, PAIRS = pa.list_(pa.float32()), pa.list_(pa.float32(), 2)


@pytest.mark.parametrize(
    ("array", "values"),
    [
        (pa.array([1.0, None, 3.0, None]), [1.0, np.nan, 3.0, np.nan]),
        (pa.array([[1.0, None], [], [2.0], []], LISTS), [1.0, np.nan, 2.0]),
        (pa.array([[1.0, None], [2.0, 3.0]], PAIRS), [[1.0, np.nan], [2.0, 3.0]]),
    ],
    ids=["numbers", "lists", "arrays"],
)
def test_a_missing_floating_point_number_is_nan(array: Any, values: Any, tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", array, row_group_size=1)
    with open_file(path) as file:
        file.tree("").check(["x"])
        found = file.tree("").read(["x"], 0, len(array))["x"]
    np.testing.assert_array_equal(found.values if isinstance(found, Jagged) else found, values)


MISSING = {
    "numbers": pa.array([1, None, 3, None], pa.int32()),
    "lists": pa.array([[1.0], None, [], None], LISTS),
    "arrays": pa.array([[1.0, 2.0], None, [3.0, 4.0], None], PAIRS),
    "numbers of lists": pa.array([[1, None], [], [3], [None]], pa.list_(pa.uint8())),
    "packed numbers": pa.array([b"1234", None, b"", None]),
}


@pytest.mark.parametrize("write_statistics", [True, False])
@pytest.mark.parametrize("row_group_size", [1, 4])
@pytest.mark.parametrize("what", MISSING)
def test_what_is_missing_and_cannot_be_nan_is_refused_before_it_is_read(
    what: str, row_group_size: int, write_statistics: bool, tmp_path: Path
) -> None:
    options = {"row_group_size": row_group_size, "write_statistics": write_statistics}
    path = write(tmp_path / "a.parquet", MISSING[what], use_dictionary=False, **options)
    with open_file(path) as file:
        with pytest.raises(BadFileError, match='branch "x": 2 values are null'):
            file.tree("").check(["x"])
        with pytest.raises(BadFileError, match=r'branch "x": [12] values are null'):
            file.tree("").read(["x"], 0, 4)


@pytest.mark.parametrize("write_statistics", [True, False])
def test_empty_lists_are_not_null(write_statistics: bool, tmp_path: Path) -> None:
    array = pa.array([[], [1], [], [2, 3]], pa.list_(pa.uint8()))
    path = write(tmp_path / "a.parquet", array, row_group_size=2, write_statistics=write_statistics)
    with open_file(path) as file:
        file.tree("").check(["x"])


def test_columns_that_state_no_null_are_not_read_to_know(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", pa.array(np.arange(1000)), use_dictionary=False, compression="none")
    content = path.read_bytes()
    path.write_bytes(content[:4] + bytes(4000) + content[4004:])  # the values are damaged, the footer is not
    with open_file(path) as file:
        file.tree("").check(["x"])
        with pytest.raises((BadFileError, OSError)):
            file.tree("").read(["x"], 0, 1000)


def look_at_structure(path: Path) -> None:
    with open_file(str(path)) as file:
        tree = file.tree("")
        tree.check(tree.names())
        tree.expanded_bytes(tree.names())
        tree.boundaries(tree.names())


def test_every_damaged_name_in_the_metadata_is_a_bad_file(tmp_path: Path) -> None:
    """A name stands in the schema and in every row group, and Arrow decodes it where it is asked for."""
    path, name = tmp_path / "run.parquet", b"momentum"
    table = pa.table({"momentum": pa.array([1, 2], pa.int64()), "hits": pa.array([[1], [2]])})
    pq.write_table(table, path, compression="none", store_schema=False)
    original = path.read_bytes()
    places = [at for at in range(len(original)) if original.startswith(name, at)]
    assert len(places) == 2
    for at in places:
        path.write_bytes(original[:at] + b"\xff" + original[at + 1 :])
        with pytest.raises(BadFileError, match="cannot be read"):
            look_at_structure(path)
