"""Two people are two, however one of them is written twice."""

from __future__ import annotations

import pytest

from na64.datasets.basics.people import distinct_people


@pytest.mark.parametrize(
    "other",
    [
        "josé one",
        "JOSÉ  ONE",
        "Jose\u0301 One",
        "Jose One",
        "José\u00a0One",
        "José\u200b One",
        "\u2060José One\ufeff",
        "\uff2aos\u00e9 One",
        "One, José",
        "José One.",
        "José-One",
        "José\tOne",
    ],
)
def test_one_name_in_two_spellings_is_one_person(other: str) -> None:
    assert distinct_people(["José One", other]) == 1


def test_other_names_are_other_people() -> None:
    assert distinct_people(["A. One", "B. Two"]) == 2
    assert distinct_people(["Ада", "Эмми"]) == 2
    assert distinct_people(["Li", "Lin", "李"]) == 3


@pytest.mark.parametrize("nobody", ["", " ", "-", "\u200b", "\u0301", "1", "..."])
def test_what_has_no_letter_is_nobody(nobody: str) -> None:
    assert distinct_people(["Ada", nobody]) == 1
