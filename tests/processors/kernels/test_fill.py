"""The fill kernels against plain twins."""

from __future__ import annotations

import math

import boost_histogram as bh
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from na64.processors.kernels import fill

STEADY = settings(deadline=None, derandomize=True)
"""Without a deadline, because the first call compiles."""

VALUES = st.sampled_from([-math.inf, -1.0, -0.0, 0.0, 0.5, 1.0, 1.5, 2.0, 7.0, math.inf, math.nan])
MASKS = st.lists(st.integers(0, 2**5 - 1), max_size=40)


def judge(rows: NDArray[np.float32], intervals: list[tuple[int, float, float, int]]) -> NDArray[np.int64]:
    failed = np.zeros(rows.shape[1], np.int64)
    feature, low, high, owner = (np.array(part) for part in zip(*intervals, strict=True))
    fill.judge(
        rows,
        feature.astype(np.int32),
        low.astype(np.float32),
        high.astype(np.float32),
        owner.astype(np.int32),
        np.full(len(intervals), -1, np.int32),
        np.zeros(0, np.int32),
        np.zeros(1, np.int64),
        np.zeros(0, np.float32),
        np.zeros(0, np.float32),
        failed,
    )
    return failed


@STEADY
@given(
    st.lists(st.tuples(VALUES, VALUES), max_size=30),
    st.lists(st.tuples(st.integers(0, 1), VALUES, VALUES, st.integers(0, 61)), min_size=1, max_size=5),
)
@example([(math.nan, 1.0)], [(0, -math.inf, math.inf, 40)])
def test_bits_are_the_owners_of_the_intervals_an_event_is_outside_of(
    events: list[tuple[float, float]], intervals: list[tuple[int, float, float, int]]
) -> None:
    rows = np.array(events, np.float32).reshape(-1, 2).T.copy()
    expected = [
        sum({1 << owner for feature, low, high, owner in intervals if not low <= event[feature] <= high})
        for event in events
    ]
    assert judge(rows, intervals).tolist() == expected


def test_more_events_than_a_block_are_all_judged() -> None:
    rows = np.arange(10_000, dtype=np.float32)[None]
    assert judge(rows, [(0, 4095, 9000, 3)]).tolist() == [
        0 if 4095 <= i <= 9000 else 8 for i in range(10_000)
    ]


@pytest.mark.parametrize(
    ("of", "value", "failed"),
    [
        (-5, 1, False),
        (-5, 1.5, True),
        (0, 1, False),
        (10, 2, False),
        (9.99, 2, True),
        (10, 2.5, True),
        (1e9, 2, False),
        (math.inf, 2, False),
        (math.nan, 0, True),
        (0, math.nan, True),
    ],
)
def test_a_table_bounds_by_the_bin_of_another_feature(of: float, value: float, failed: bool) -> None:
    rows = np.array([[value, 0], [of, 0]], np.float32)
    bits = np.zeros(2, np.int64)
    whole = np.zeros(1, np.int32)
    fill.judge(
        rows,
        whole,
        np.full(1, -math.inf, np.float32),
        np.full(1, math.inf, np.float32),
        whole,
        whole,
        np.ones(1, np.int32),
        np.array([0, 2]),
        np.array([0, 10], np.float32),
        np.array([1, 2], np.float32),
        bits,
    )
    assert bits.tolist() == [int(failed), 0]


@STEADY
@given(MASKS)
def test_first_set_is_the_index_of_the_first_failed_cut(masks: list[int]) -> None:
    first = np.full(len(masks), 99, np.uint8)
    fill.first_set(np.array(masks, np.int64), 5, first)
    assert first.tolist() == [min((c for c in range(5) if mask >> c & 1), default=5) for mask in masks]


@STEADY
@given(MASKS)
def test_first_clear_is_one_more_than_the_first_region_that_holds(masks: list[int]) -> None:
    region = np.full(len(masks), 99, np.uint8)
    fill.first_clear(np.array(masks, np.int64), 3, region)
    assert region.tolist() == [next((r + 1 for r in range(3) if not mask >> r & 1), 0) for mask in masks]


@STEADY
@given(MASKS, st.lists(st.integers(-3, 3), min_size=40, max_size=40), st.integers(0, 2))
def test_counts_agree_with_one_loop_a_count(masks: list[int], weights: list[int], n_extra: int) -> None:
    n_cuts, n = 5, len(masks)
    failed, region = np.array(masks, np.int64), np.arange(n, dtype=np.uint8) % 4
    first = np.empty(n, np.uint8)
    fill.first_set(failed, n_cuts, first)
    layers = np.array(
        [[1] * n, *([(layer + 1) * w for w in weights[:n]] for layer in range(n_extra))], np.int64
    )
    first_fail = np.zeros((n_extra + 1, n_cuts + 1, 4), np.int64)
    alone, n_minus_one = np.zeros((n_extra + 1, n_cuts), np.int64), np.zeros((n_extra + 1, n_cuts), np.int64)
    fill.count(failed, first, region, layers[1:], first_fail, alone, n_minus_one)
    for layer in range(n_extra + 1):
        for cut in range(n_cuts):
            assert alone[layer, cut] == layers[layer, (failed >> cut & 1) == 0].sum()
            assert n_minus_one[layer, cut] == layers[layer, (failed & ~(1 << cut)) == 0].sum()
        for k in range(n_cuts + 1):
            for r in range(4):
                assert first_fail[layer, k, r] == layers[layer, (first == k) & (region == r)].sum()


@STEADY
@given(
    st.lists(st.one_of(VALUES, st.floats(width=32)), max_size=30),
    st.integers(1, 7),
    st.sampled_from([(0.0, 1.0), (-0.5, 20.5), (0.0, 0.125), (87.1, 113.5)]),
)
def test_bins_are_those_of_boost_histogram(
    values: list[float], n_bins: int, edges: tuple[float, float]
) -> None:
    row, events = np.array(values, np.float32), np.arange(len(values))
    index = np.zeros(len(values), np.int64)
    fill.bin_of(row, events, *edges, n_bins, index)
    contents = np.zeros((1, n_bins + 2), np.int64)
    fill.add(index, events, np.zeros((0, len(values)), np.int64), contents)
    peer = bh.Histogram(bh.axis.Regular(n_bins, *edges), storage=bh.storage.Int64())
    peer.fill(row)
    assert contents[0].tolist() == peer.view(flow=True).tolist()
    assert contents.sum() == len(values)


@STEADY
@given(st.lists(st.booleans(), max_size=40))
def test_which_lists_the_chosen(chosen: list[bool]) -> None:
    events = np.full(len(chosen), -1)
    n = fill.which(np.array(chosen, bool), events)
    assert events[:n].tolist() == [event for event, is_chosen in enumerate(chosen) if is_chosen]


def test_axes_append_with_the_last_fastest_and_only_chosen_events_count() -> None:
    x, y = np.array([0.5, 1.5, 9], np.float32), np.array([2.5, -1, 0.5], np.float32)
    events = np.array([1, 2])
    index = np.zeros(2, np.int64)
    fill.bin_of(x, events, 0.0, 2.0, 2, index)
    fill.bin_of(y, events, 0.0, 3.0, 3, index)
    assert index.tolist() == [2 * 5 + 0, 3 * 5 + 1]
    contents = np.zeros((2, 20), np.int64)
    fill.add(index, events, np.array([[5, 7, 11]]), contents)
    assert contents[:, [10, 16]].tolist() == [[1, 1], [7, 11]]
    assert contents.sum() == 2 + 18


def test_a_new_threshold_compiles_nothing() -> None:
    rows = np.ones((1, 4), np.float32)
    judge(rows, [(0, 0, 2, 0)])
    before = len(getattr(fill.judge, "signatures", []))
    judge(rows, [(0, 0.25, 1.75, 1), (0, -7, 3, 0)])
    assert len(getattr(fill.judge, "signatures", [])) == before
