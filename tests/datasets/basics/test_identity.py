from __future__ import annotations

import hashlib
import math
import os
import subprocess
import sys
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path

import numpy as np
import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from na64.datasets.basics.identity import FileDigest, canonical, file_digest, identity, source_digest

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text().filter(lambda k: not k.startswith("!")), inner),
)


class Colour(Enum):
    RED = "red"


@dataclass(frozen=True, slots=True)
class Point:
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Vector:
    x: float
    y: float


def test_a_value_by_hand() -> None:
    value = {"b": (1, 2.5, None), "a": "é", "c": True}
    written = '{"a":"\\u00e9","b":[1,2.5,null],"c":true}'
    assert canonical(value) == written
    assert identity(value) == hashlib.sha256(written.encode()).hexdigest()


def test_dataclasses_count_by_class_and_fields() -> None:
    assert canonical(Point(1.0, math.inf)) == '{"!Point":{"x":1.0,"y":{"!float":"inf"}}}'
    assert identity(Point(1.0, 2.0)) != identity(Vector(1.0, 2.0))
    assert identity(Point(1.0, 2.0)) != identity(replace(Point(1.0, 2.0), y=3.0))


def test_an_enum_counts_by_its_value() -> None:
    assert identity(Colour.RED) == identity("red")


@given(PLAIN, PLAIN)
def test_two_values_share_an_identity_only_if_they_print_alike(first: object, second: object) -> None:
    assert (identity(first) == identity(second)) == (ordered(first) == ordered(second))


def ordered(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ",".join(f"{key!r}:{ordered(value[key])}" for key in sorted(value)) + "}"
    return "[" + ",".join(map(ordered, value)) + "]" if isinstance(value, list) else repr(value)


@pytest.mark.parametrize(
    ("one", "other"),
    [(1, 1.0), (1, True), (0.0, -0.0), ("1", 1), (None, "null"), (math.inf, "inf"), ([], {})],
)
def test_values_of_different_types_differ(one: object, other: object) -> None:
    assert identity(one) != identity(other)


@pytest.mark.parametrize(
    "value",
    [
        math.nan,
        np.float64(1.0),
        np.int64(1),
        np.zeros(2),
        b"bytes",
        {1, 2},
        Path("x"),
        1j,
        Point,
        object(),
        {1: "a"},
        {"!Point": 1},
        [{"a": (math.nan,)}],
    ],
)
def test_anything_else_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match="no identity for"):
        identity(value)


def test_the_hash_seed_does_not_matter() -> None:
    program = (
        "from na64.datasets.basics.identity import identity; print(identity({'b': 1, 'a': {'d': 2, 'c': 3}}))"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("0", "1", "2")
    }
    assert printed == {identity({"a": {"c": 3, "d": 2}, "b": 1})}


@pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 3 << 20])
def test_a_file_is_hashed_whole(tmp_path: Path, size: int) -> None:
    content = np.random.default_rng(size).bytes(size)
    (tmp_path / "f").write_bytes(content)
    expected = FileDigest(hashlib.sha256(content).hexdigest(), xxhash.xxh3_64(content).hexdigest(), size)
    assert file_digest(tmp_path / "f") == expected


def digest_of(folder: Path, text: str, name: str = "kernel.py") -> str:
    (folder / name).write_text(text)
    return source_digest([folder / name])


def test_comments_layout_and_docstrings_do_not_count(tmp_path: Path) -> None:
    bare = "X = 1\ndef f(a):\n    return a + 1\nclass C:\n    y = 2\n"
    dressed = (
        '"""Module."""\n\nX = 1\n"""About X."""\n# comment\ndef f(a):\n    """Say."""\n\n    return (a + 1)\n'
        'class C:\n    """Class."""\n    y = 2\n'
    )
    assert digest_of(tmp_path, bare) == digest_of(tmp_path, dressed)


@pytest.mark.parametrize(
    "changed",
    [
        "X = 2\ndef f(a):\n    return a + 1\n",
        "X = 1\ndef f(a):\n    return a + 1.0\n",
        "X = 1\ndef f(b):\n    return b + 1\n",
        "X = 1\ndef f(a):\n    return 'text'\n",
        "X = 1\n@jit\ndef f(a):\n    return a + 1\n",
    ],
)
def test_code_counts(tmp_path: Path, changed: str) -> None:
    assert digest_of(tmp_path, "X = 1\ndef f(a):\n    return a + 1\n") != digest_of(tmp_path, changed)


def test_file_names_count_and_their_order_does_not(tmp_path: Path) -> None:
    assert digest_of(tmp_path, "X = 1\n", "a.py") != digest_of(tmp_path, "X = 1\n", "b.py")
    (tmp_path / "c.py").write_text("Y = 1\n")
    paths = [tmp_path / "a.py", tmp_path / "c.py"]
    assert source_digest(paths) == source_digest(paths[::-1])
