"""Names that others chose, as they are shown."""

from __future__ import annotations

import os
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from na64.datasets.basics.plain_text import is_utf8, visible

LETTERS = st.characters()  # surrogates and unassigned ones too


@given(st.text(LETTERS))
@example("\x1b[31m\r\n\x7f\x9b\u202e\u2028\udcff\U000e0001")
def test_nothing_is_left_that_steers_a_terminal_or_cannot_be_written(text: str) -> None:
    shown = visible(text)
    shown.encode()
    assert not {unicodedata.category(letter) for letter in shown} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert visible(shown) == shown


@given(st.text(st.characters(whitelist_categories=("L", "N", "P", "S", "Zs"))))
def test_text_stays_what_it_is(text: str) -> None:
    assert visible(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("run_8701.root", "run_8701.root"),
        ("run µ粒子.root", "run µ粒子.root"),
        ("a\nb\tc", r"a\x0ab\x09c"),
        ("\x1b[2J", r"\x1b[2J"),
        ("\x85\x9b", r"\x85\x9b"),
        ("a\u202eb", r"a\u202eb"),
        ("\U000e0001", r"\U000e0001"),
        (os.fsdecode(b"bad\xff.root"), r"bad\xff.root"),
        ("\ud800", r"\ud800"),
    ],
)
def test_characters_are_written_by_their_numbers(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_what_is_to_be_kept_is_kept() -> None:
    assert visible("a\nb\x1b", keep="\n") == "a\nb\\x1b"


@given(st.binary())
def test_bytes_that_are_not_utf8_are_told(name: bytes) -> None:
    try:
        name.decode()
    except UnicodeDecodeError:
        assert not is_utf8(os.fsdecode(name))
    else:
        assert is_utf8(os.fsdecode(name))
