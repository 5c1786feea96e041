"""Sums are whole numbers, and the same in whatever order and parts events are added."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from na64.processors.calibration.sums import SparseHistogram, Sums, histogram_of, sums_of

keys = st.lists(st.integers(0, 20), max_size=30)


@settings(max_examples=50)
@given(keys, keys, keys)
def test_histograms_add_up_in_any_order(one: list[int], other: list[int], third: list[int]) -> None:
    parts = [histogram_of(np.array(part, np.int64)) for part in (one, other, third)]
    whole = histogram_of(np.array(one + other + third, np.int64))
    for total in (parts[0] + parts[1] + parts[2], parts[2] + (parts[1] + parts[0])):
        assert total.keys.tolist() == whole.keys.tolist()
        assert total.counts.tolist() == whole.counts.tolist()
    counts = np.bincount(np.array([*one, *other, *third], np.int64), minlength=21)
    assert whole.counts.tolist() == counts[counts > 0].tolist()


def test_a_part_of_a_histogram_is_counted_from_its_start() -> None:
    part = histogram_of(np.array([3, 5, 5, 9])).between(5, 9)
    assert (part.keys.tolist(), part.counts.tolist()) == ([0], [2])


def test_sums_are_taken_apart_and_put_together() -> None:
    sums = Sums({"n": np.array([3])}, {"h": histogram_of(np.array([1, 1, 4])), "none": SparseHistogram()})
    found = sums_of(sums.to_arrays())
    assert found.arrays["n"].tolist() == [3]
    assert found.histogram("h").counts.tolist() == [2, 1]
    assert found.histogram("none").keys.size == 0
    twice = found + sums + Sums()
    assert (twice.count("n"), twice.histogram("h").counts.tolist()) == (6, [4, 2])
    assert (twice.count("what is not there"), twice.histogram("nor this").keys.size) == (0, 0)


def test_sums_of_unequal_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="shape"):
        Sums({"n": np.zeros(2, np.int64)}) + Sums({"n": np.zeros(3, np.int64)})
