from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from na64.datasets.basics.run_ranges import of_ranges, to_ranges


@given(st.sets(st.integers(0, 60)))
@example(set())
@example({2**31 - 1})
def test_numbers_are_read_back_as_they_were_written(numbers: set[int]) -> None:
    assert of_ranges(to_ranges(numbers), "here") == tuple(sorted(numbers))


def test_neighbours_become_a_range() -> None:
    assert to_ranges([5, 3, 4, 9, 7, 4]) == "3-5,7,9"


@pytest.mark.parametrize("text", ["a", "1,", "-1", "1-2-3", "1 2", "99999999999", "²"])
def test_what_is_no_list_of_ranges_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"here: .* is not a list of ranges"):
        of_ranges(text, "here")


@pytest.mark.parametrize("text", ["2,1", "3-1", "1-3,3", "5,5", "1,2"])
def test_ranges_must_ascend(text: str) -> None:
    with pytest.raises(ValueError, match="is not ascending"):
        of_ranges(text, "here")


def test_a_short_text_cannot_fill_the_memory() -> None:
    assert len(of_ranges("0-999999", "here")) == 1_000_000
    with pytest.raises(ValueError, match="here: 1000001 numbers"):
        of_ranges("0-1000000", "here")
