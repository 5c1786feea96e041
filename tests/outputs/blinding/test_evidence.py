"""A stated background is a number or is not, whatever its spelling: an opening never ends for it."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from na64.outputs.blinding.evidence import stated_number
from na64.outputs.statistics.excess import excess_p_value


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0.51 +- 0.13 events", (0.51, 0.13)),
        ("0.51±0.13", (0.51, 0.13)),
        ("1e-2 +/- 1E-3 event", (0.01, 0.001)),
        (".5", (0.5, 0.0)),
        ("2.", (2.0, 0.0)),
        ("0 events", (0.0, 0.0)),
    ],
)
def test_a_number_of_events_is_read(text: str, number: tuple[float, float]) -> None:
    assert stated_number(text) == number


@pytest.mark.parametrize(
    "text", ["1.2.3 events", ".", "1e999", "1 +- 1e400", "0 +- 0.5", "0.5 +- .", "-1", "nan", "0,5", "٣"]
)
def test_what_is_no_usable_number_is_none(text: str) -> None:
    assert stated_number(text) is None


@given(text=st.text("0123456789.e+-± events", max_size=14), n_seen=st.integers(0, 1000))
def test_every_text_has_a_p_value_or_none(text: str, n_seen: int) -> None:
    stated = stated_number(text)
    if stated is not None:
        assert 0 <= excess_p_value(n_seen, *stated) <= 1
        assert all(map(math.isfinite, stated))
