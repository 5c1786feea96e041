"""What is said of an error in a line: long texts keep where they begin and how they end."""

from __future__ import annotations

import pytest

from na64.datasets.basics.error_line import error_line
from na64.datasets.basics.named import without_middle


@pytest.mark.parametrize("n", [0, 599, 600])
def test_a_line_that_is_not_too_long_is_whole(n: int) -> None:
    assert error_line(ValueError("x" * n)) == ("x" * n or "ValueError")


@pytest.mark.parametrize("n", [601, 5_000])
def test_a_line_that_is_too_long_keeps_its_beginning_and_its_end(n: int) -> None:
    line = error_line(ValueError(f"c.json: {'x' * n}: expected a number"))
    assert len(line) == 600
    assert line.startswith("c.json: xxx")
    assert line.endswith("xxx: expected a number")
    assert line.count(" ... ") == 1


@pytest.mark.parametrize("longest", [5, 6, 7, 8, 20, 99])
def test_what_is_left_is_as_long_as_it_may_be(longest: int) -> None:
    text = "".join(map(chr, range(200, 300)))
    cut = without_middle(text, longest)
    start, end = cut.split(" ... ")
    assert len(cut) == longest
    assert text.startswith(start)
    assert text.endswith(end)
    assert len(start) >= len(end)
