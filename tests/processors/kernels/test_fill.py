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
from na64.processors.kernels.fill import AXIS, N_REGIONS

STEADY = settings(derandomize=True)
"""Without a deadline, because the first call compiles."""

VALUES = st.sampled_from([-math.inf, -1.0, -0.0, 0.0, 0.5, 1.0, 1.5, 2.0, 7.0, math.inf, math.nan])
N_CUTS = 5
JUDGED = st.lists(st.tuples(st.sets(st.integers(0, N_CUTS - 1)), st.integers(0, N_REGIONS - 1)), max_size=40)
ALL_SHOWN = np.zeros(0, np.uint8)

Marks = list[tuple[set[int], int]]
Sorted = tuple[NDArray[np.int32], NDArray[np.int64]]


def firsts(events: Marks) -> NDArray[np.uint8]:
    return np.array([min(fails, default=N_CUTS) for fails, _ in events], np.uint8)


def sort(events: Marks) -> Sorted:
    n_failed = np.array([len(fails) for fails, _ in events], np.uint8)
    region = np.array([region for _, region in events], np.uint8)
    order = np.full(len(events), -1, np.int32)
    ends = np.full(2 * N_REGIONS * (N_CUTS + 1) + 1, -1)
    fill.sort_events(n_failed, firsts(events), region, order, ends)
    return order, ends


@STEADY
@given(JUDGED)
def test_events_are_sorted_by_what_they_fail(events: Marks) -> None:
    order, ends = sort(events)
    keys = [(min(fails, default=N_CUTS), len(fails) < 2, region) for fails, region in events]
    assert order.tolist() == sorted(range(len(events)), key=lambda event: keys[event])
    groups = [
        (cut, only, region) for cut in range(N_CUTS + 1) for only in (False, True) for region in range(4)
    ]
    assert np.diff(ends).tolist() == [keys.count(group) for group in groups]


@STEADY
@given(JUDGED, st.lists(st.integers(-3, 3), min_size=43, max_size=43), st.integers(0, 2), st.integers(0, 3))
def test_counts_agree_with_one_loop_a_count(
    events: Marks, weights: list[int], n_weights: int, start: int
) -> None:
    n = len(events)
    weight_rows = np.array(
        [[(component + 1) * w for w in weights] for component in range(n_weights)], np.int64
    ).reshape(-1, 43)
    first_fail = np.zeros((n_weights + 1, N_CUTS + 1, N_REGIONS), np.int64)
    n_minus_one = np.zeros((n_weights + 1, N_CUTS), np.int64)
    fill.add_groups(*sort(events), weight_rows, start, first_fail, n_minus_one)
    components = np.vstack([np.ones(n, np.int64), weight_rows[:, start : start + n]])
    first, region = firsts(events), np.array([region for _, region in events], int)
    for component in range(n_weights + 1):
        for cut in range(N_CUTS):
            nearly = np.array([fails <= {cut} for fails, _ in events], bool)
            assert n_minus_one[component, cut] == components[component, nearly].sum()
        for k in range(N_CUTS + 1):
            for r in range(N_REGIONS):
                assert (
                    first_fail[component, k, r] == components[component, (first == k) & (region == r)].sum()
                )


@STEADY
@given(JUDGED, st.integers(0, N_CUTS - 1))
@example([(set(), 0), ({0}, 0), ({0, 1}, 0)], 0)
def test_a_rule_takes_the_events_it_names(events: Marks, cut: int) -> None:
    order, ends = sort(events)
    passed = {event for event, (fails, _) in enumerate(events) if not fails & set(range(cut + 1))}
    nearly = {event for event, (fails, _) in enumerate(events) if fails <= {cut}}
    for rule, number, expected in ((fill.AFTER, cut + 1, passed), (fill.N_MINUS_ONE, cut, nearly)):
        slices = fill.slices_of(rule, number, len(events), ends)
        taken = [event for begin, end in slices for event in order[begin:end].tolist()]
        assert sorted(taken) == sorted(expected)
    assert fill.slices_of(fill.AFTER, 0, len(events), ends) == ((0, len(events)), (0, 0))


@STEADY
@given(
    st.lists(st.one_of(VALUES, st.floats(width=32)), max_size=30),
    st.integers(1, 7),
    st.sampled_from([(0.0, 1.0), (-0.5, 20.5), (0.0, 0.125), (87.1, 113.5)]),
)
def test_bins_are_those_of_boost_histogram(
    values: list[float], n_bins: int, edges: tuple[float, float]
) -> None:
    row, index = np.array(values, np.float32), np.zeros(len(values), np.int32)
    fill.bin_of(row, *edges, n_bins, index)
    peer = bh.Histogram(bh.axis.Regular(n_bins, *edges), storage=bh.storage.Int64())
    peer.fill(row)
    assert np.bincount(index, minlength=n_bins + 2).tolist() == peer.view(flow=True).tolist()


@pytest.mark.parametrize("is_every", [True, False])
def test_axes_append_with_the_last_fastest_and_only_chosen_events_count(is_every: bool) -> None:
    features = np.array([[9, 0.5, 1.5, 9], [9, 2.5, -1, 0.5]], np.float32)
    axes = np.array([(0.0, 2.0, 0, 2), (0.0, 3.0, 1, 3)], AXIS)
    events = np.array([0, 1, 2] if is_every else [1, 2], np.int32)
    contents, weight_rows = np.zeros((2, 40), np.int64), np.array([[99, 5, 7, 11]])
    copies = np.array([1, 0, 1], np.int32)[-events.size :]
    fill.fill_events(features, 1, events, is_every, axes, copies, ALL_SHOWN, weight_rows, contents)
    first = {20 + 1 * 5 + 3: (1, 5)} if is_every else {}
    filled = {2 * 5 + 0: (1, 7), 20 + 3 * 5 + 1: (1, 11), **first}
    assert {int(n): tuple(contents[:, n].tolist()) for n in np.flatnonzero(contents[0])} == filled


@pytest.mark.parametrize("n_axes", [1, 2])
def test_what_may_not_be_shown_is_in_no_plane(n_axes: int) -> None:
    features = np.array([[9, 0.5, 0.5], [9, 0.5, 0.5]], np.float32)
    axes = np.array([(0.0, 1.0, 0, 1), (0.0, 1.0, 1, 1)], AXIS)[:n_axes]
    contents, shown = np.zeros((2, 9), np.int64), np.array([1, 0, 1], np.uint8)
    events, copies = np.array([0, 1], np.int32), np.zeros(2, np.int32)
    fill.fill_events(features, 1, events, True, axes, copies, shown, np.array([[2, 3, 4]]), contents)
    assert contents.sum(1).tolist() == ([2, 7] if n_axes == 1 else [1, 4])
