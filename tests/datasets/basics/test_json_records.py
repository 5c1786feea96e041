from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path

import pytest

from na64.datasets.basics.json_records import read_object, record_of


class Colour(Enum):
    RED = "red"


@dataclass(frozen=True)
class Point:
    x: float
    colour: Colour | None = None


@dataclass(frozen=True)
class Shape:
    name: str
    first: Point
    others: tuple[Point, ...]
    ranges: Mapping[str, tuple[int, bool]]
    sizes: tuple[int, ...] | None = None


SHAPE = Shape("s", Point(1.5), (Point(2.0, Colour.RED), Point(3.0)), {"a": (1, True)}, (4, 5))


def plain() -> dict[str, object]:
    return {
        **asdict(SHAPE),
        "others": [{"x": 2.0, "colour": "red"}, {"x": 3.0, "colour": None}],
    }


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", r"^a\.json: not JSON: Expecting value: line 1"),
        (b'{"a": 1', r"^a\.json: not JSON: "),
        (b"\xff{}", r"^a\.json: not JSON: 'utf-8' codec"),
        (b"[1]", r"^a\.json: begins with b'\[1\]', expected an object"),
    ],
)
def test_what_is_no_object_is_refused_by_its_name(data: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(data)
    with pytest.raises(ValueError, match=message):
        read_object(tmp_path / "a.json")


def test_records_in_records_are_read_back() -> None:
    assert record_of(Shape, json.loads(json.dumps(plain())), "a.json") == SHAPE
    assert record_of(Shape, plain() | {"sizes": None}, "a.json").sizes is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"colour": "red"}, r"colour: unknown, Shape has no such field"),
        ({"first": {"colour": "red"}}, r"first\.x: is missing"),
        ({"first": {"x": 1, "colour": "blue"}}, r'first\.colour: "blue" is not one of red'),
        ({"first": 3}, r"first: 3 is not an object"),
        ({"others": 3}, r"others: 3 is not a list"),
        ({"ranges": {"a": [1]}}, r"ranges\.a: 1 entries, expected 2"),
        ({"ranges": [1]}, r"ranges: \[1\] is not an object"),
    ],
)
def test_a_record_of_another_kind_is_refused_by_its_name(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=rf"^a\.json: .*{message}"):
        record_of(Shape, plain() | change, "a.json")
