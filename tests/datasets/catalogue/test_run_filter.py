"""Which runs a user asks for."""

from __future__ import annotations

import pytest

from na64.datasets.catalogue.run_filter import chosen_runs

KNOWN = (8396, 8400, 8458, 8459, 8500)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("8400", [8400]),
        ("8396-8458,8500", [8396, 8400, 8458, 8500]),
        (" 8500 , 8396 - 8396 ", [8396, 8500]),
        ("8396-8458,8400", [8396, 8400, 8458]),
    ],
)
def test_both_ends_of_a_range_belong_to_it(text: str, expected: list[int]) -> None:
    assert chosen_runs(text, KNOWN) == expected


@pytest.mark.parametrize("text", ["", "8396-", "-8396", "a", "8396,,8500", "8396-8400-8458", "8.4"])
def test_what_is_no_run_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is neither a run nor a range of runs"):
        chosen_runs(text, KNOWN)


@pytest.mark.parametrize("text", ["8397", "8400,9000-9100"])
def test_a_part_without_any_run_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no run of the catalogue is in"):
        chosen_runs(text, KNOWN)


def test_a_range_that_ends_before_it_begins_is_refused_by_what_was_meant() -> None:
    with pytest.raises(ValueError, match='"8458-8400" ends before it begins: 8400-8458'):
        chosen_runs("8396,8458-8400", KNOWN)
