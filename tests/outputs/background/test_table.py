"""The background table: totals, limits, and what it refuses."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from na64.outputs.background.files import of_table
from na64.outputs.background.table import (
    BACKGROUND,
    BackgroundRow,
    BackgroundTable,
    from_csv,
    packaged_background,
    read_background,
    with_error,
)

_NUMBER = st.floats(1e-9, 1e3)
_WORDS = st.text('abc ,"é', min_size=1, max_size=8).map(lambda text: f"x{text}")


@st.composite
def _rows(draw: st.DrawFn) -> BackgroundRow:
    kind = draw(st.sampled_from(("value", "limit", "nothing")))
    source, method = draw(_WORDS), draw(_WORDS)
    if kind == "nothing":
        return BackgroundRow(source, None, method=method)
    if kind == "limit":
        return BackgroundRow(source, draw(_NUMBER), upper_limit=True, method=method)
    correlated = draw(st.booleans())
    return BackgroundRow(
        source, draw(_NUMBER), draw(_NUMBER), method=method, tag="[R-med]", correlated=correlated
    )


_TABLES = st.lists(_rows(), max_size=6, unique_by=lambda row: row.source).map(
    lambda rows: BackgroundTable(tuple(rows))
)


def test_the_published_table_gives_the_published_total() -> None:
    n, error = packaged_background().total(limits_at_face_value=True)
    assert (round(n, 2), round(error, 2)) == (0.53, 0.17)


def test_limits_of_the_published_table_count_by_their_distributions() -> None:
    n, error = packaged_background().total(limits_at_face_value=False)
    target, punch_through = 0.044 / math.log(10), 0.01 / math.log(10)
    assert n == pytest.approx(0.474 + target + punch_through, abs=1e-6)
    assert error == pytest.approx(math.hypot(0.007, 0.01, 0.16, target, punch_through))


@given(_TABLES)
def test_a_table_reads_back_as_it_was(table: BackgroundTable) -> None:
    assert from_csv(table.to_csv()) == table


def test_a_table_that_does_not_know_of_correlations_has_none() -> None:
    (row,) = from_csv(b"source,n,error,upper_limit,method,tag\na,0.4,0.1,no,m,t\n").rows
    assert row == BackgroundRow("a", 0.4, 0.1, method="m", tag="t")


@given(_TABLES)
def test_what_is_not_determined_is_named_and_not_counted(table: BackgroundTable) -> None:
    known = BackgroundTable(tuple(row for row in table.rows if row.n is not None))
    assert len(table.missing) == len(table.rows) - len(known.rows)
    for at_face_value in (True, False):
        assert table.total(at_face_value) == known.total(at_face_value)


def test_a_folder_has_its_own_table(tmp_path: Path) -> None:
    (tmp_path / BACKGROUND).write_bytes(packaged_background().to_csv())
    assert read_background(tmp_path) == packaged_background()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("0.43,0.16", "-0.43,0.16", "beam line: -0.43"),
        ("0.43,0.16", "nan,0.16", "beam line: nan"),
        ("0.044,0,yes", "0.044,0.01,yes", "target: an error of 0.01"),
        ("0.044,0,yes", "0.044,0,maybe", "target: upper_limit is maybe"),
        ("decays of pions and kaons", "dimuons", "dimuons is there twice"),
        ("source,n", "source,m", "columns source, m"),
    ],
)
def test_what_makes_no_sense_is_refused(old: str, new: str, message: str) -> None:
    text = packaged_background().to_csv().decode()
    assert old in text
    with pytest.raises(ValueError, match=f"{BACKGROUND}: .*{message}"):
        from_csv(text.replace(old, new).encode())


@pytest.mark.parametrize(
    ("n", "error", "text"),
    [
        (0.43, 0.16, "0.43 +- 0.16"),
        (0.024, 0.007, "0.0240 +- 0.0070"),
        (12.3, 4.56, "12.3 +- 4.6"),
        (1e-9, 0, "1e-09 +- 0"),
        (1.693e-7, 7.2e-9, "(1.693 +- 0.072)e-07"),
        (150, 0, "150 +- 0"),
        (134.2, 205.1, "134 +- 205"),
    ],
)
def test_a_value_is_written_to_two_digits_of_its_error(n: float, error: float, text: str) -> None:
    assert with_error(n, error) == text


@pytest.mark.parametrize(
    ("limit", "text"),
    [(430.2, "< 430"), (31.4, "< 31"), (2.52, "< 2.5"), (0.044, "< 0.044"), (2.6e6, "< 2.6e+06")],
)
def test_a_limit_is_written_without_powers_of_ten(limit: float, text: str) -> None:
    row = BackgroundRow("a source", limit, upper_limit=True)
    assert row.text == text


def test_numbers_that_were_remembered_or_chosen_are_marked() -> None:
    rows = [BackgroundRow(tag, 0.5, 0.1, tag=tag) for tag in ("[V: seed]", "[R-lo]", "NOT FOUND; a choice")]
    rows.append(BackgroundRow("nothing", None, method="not configured: a", tag="NOT FOUND"))
    marked = [line.split("  ")[1] for line in of_table(BackgroundTable(tuple(rows))) if "unverified" in line]
    assert marked == ["[R-lo]", "NOT FOUND; a choice"]
