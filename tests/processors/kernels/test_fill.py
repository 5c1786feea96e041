"""The fill kernels against plain twins."""

from __future__ import annotations

import itertools
import math

import boost_histogram as bh
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from na64.processors.kernels import fill
from na64.processors.kernels.fill import AXIS

STEADY = settings(derandomize=True)
"""Without a deadline, because the first call compiles."""

VALUES = st.sampled_from([-math.inf, -1.0, -0.0, 0.0, 0.5, 1.0, 1.5, 2.0, 7.0, math.inf, math.nan])
N_CUTS = 5
MOST_PLACES = 13
PLACES = st.sampled_from([1, 2, 4, MOST_PLACES])
JUDGED = st.lists(
    st.tuples(st.sets(st.integers(0, N_CUTS - 1)), st.integers(0, MOST_PLACES - 1)), max_size=40
)
ALL_SHOWN = np.zeros(0, np.uint8)

Marks = list[tuple[set[int], int]]
Sorted = tuple[NDArray[np.int32], NDArray[np.int64]]


def firsts(events: Marks) -> NDArray[np.uint8]:
    return np.array([min(fails, default=N_CUTS) for fails, _ in events], np.uint8)


def within(events: Marks, n_places: int) -> Marks:
    """The events with their regions among so many places."""
    return [(fails, region % n_places) for fails, region in events]


def sort(events: Marks, n_places: int) -> Sorted:
    n_failed = np.array([len(fails) for fails, _ in events], np.uint8)
    region = np.array([region for _, region in events], np.uint8)
    order = np.full(len(events), -1, np.int32)
    ends = np.full(2 * n_places * (N_CUTS + 1) + 1, -1)
    fill.sort_events(n_failed, firsts(events), region, n_places, order, ends)
    return order, ends


@STEADY
@given(JUDGED, PLACES)
def test_events_are_sorted_by_what_they_fail(events: Marks, n_places: int) -> None:
    events = within(events, n_places)
    order, ends = sort(events, n_places)
    keys = [(min(fails, default=N_CUTS), len(fails) < 2, region) for fails, region in events]
    assert order.tolist() == sorted(range(len(events)), key=lambda event: keys[event])
    groups = list(itertools.product(range(N_CUTS + 1), (False, True), range(n_places)))
    assert np.diff(ends).tolist() == [keys.count(group) for group in groups]


@STEADY
@given(
    JUDGED,
    PLACES,
    st.lists(st.integers(-3, 3), min_size=43, max_size=43),
    st.integers(0, 2),
    st.integers(0, 3),
)
def test_counts_agree_with_one_loop_a_count(
    events: Marks, n_places: int, weights: list[int], n_weights: int, start: int
) -> None:
    events, n = within(events, n_places), len(events)
    weight_rows = np.array(
        [[(component + 1) * w for w in weights] for component in range(n_weights)], np.int64
    ).reshape(-1, 43)
    first_fail = np.zeros((n_weights + 1, N_CUTS + 1, n_places), np.int64)
    n_minus_one = np.zeros((n_weights + 1, N_CUTS), np.int64)
    fill.add_groups(*sort(events, n_places), weight_rows, start, first_fail, n_minus_one)
    components = np.vstack([np.ones(n, np.int64), weight_rows[:, start : start + n]])
    first, region = firsts(events), np.array([region for _, region in events], int)
    for component in range(n_weights + 1):
        for cut in range(N_CUTS):
            nearly = np.array([fails <= {cut} for fails, _ in events], bool)
            assert n_minus_one[component, cut] == components[component, nearly].sum()
        for k in range(N_CUTS + 1):
            for r in range(n_places):
                assert (
                    first_fail[component, k, r] == components[component, (first == k) & (region == r)].sum()
                )


@STEADY
@given(JUDGED, PLACES, st.integers(0, N_CUTS - 1))
@example([(set(), 0), ({0}, 0), ({0, 1}, 0)], 4, 0)
def test_a_rule_takes_the_events_it_names(events: Marks, n_places: int, cut: int) -> None:
    events = within(events, n_places)
    order, ends = sort(events, n_places)
    passed = {event for event, (fails, _) in enumerate(events) if not fails & set(range(cut + 1))}
    nearly = {event for event, (fails, _) in enumerate(events) if fails <= {cut}}
    for rule, number, expected in ((fill.AFTER, cut + 1, passed), (fill.N_MINUS_ONE, cut, nearly)):
        slices = fill.slices_of(rule, number, len(events), n_places, ends)
        taken = [event for begin, end in slices for event in order[begin:end].tolist()]
        assert sorted(taken) == sorted(expected)
    assert fill.slices_of(fill.AFTER, 0, len(events), n_places, ends) == ((0, len(events)), (0, 0))


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


@STEADY
@given(
    st.lists(st.one_of(VALUES, st.floats(width=32)), max_size=30),
    st.lists(
        st.one_of(st.sampled_from([-1.0, 0.0, 0.5, 1.0, 2.0]), st.floats(-10, 10)), min_size=2, max_size=8
    ),
)
@example([0.1, 0.2], [0.0, 0.1, 0.2])
def test_bins_between_stated_edges_are_those_of_boost_histogram(
    values: list[float], edges: list[float]
) -> None:
    rising = sorted({edge + 0.0 for edge in edges})
    if len(rising) < 2:
        return
    row, index = np.array(values, np.float32), np.zeros(len(values), np.int32)
    fill.bin_between(row, np.array(rising), index)
    peer = bh.Histogram(bh.axis.Variable(rising), storage=bh.storage.Int64())
    peer.fill(row.astype(np.float64))
    assert np.bincount(index, minlength=len(rising) + 1).tolist() == peer.view(flow=True).tolist()


@pytest.mark.parametrize("stated", [(0, 0), (1, 5)])
@pytest.mark.parametrize("is_every", [True, False])
def test_axes_append_with_the_last_fastest_and_only_chosen_events_count(
    is_every: bool, stated: tuple[int, int]
) -> None:
    edges = np.array([99.0, 0.0, 1.0, 2.0, 3.0])
    features = np.array([[9, 0.5, 1.5, 9], [9, 2.5, -1, 0.5]], np.float32)
    axes = np.array([(0.0, 2.0, 0, 2, 0, 0), (0.0, 3.0, 1, 3, *stated)], AXIS)
    events = np.array([0, 1, 2] if is_every else [1, 2], np.int32)
    contents, weight_rows = np.zeros((2, 40), np.int64), np.array([[99, 5, 7, 11]])
    copies = np.array([1, 0, 1], np.int32)[-events.size :]
    fill.fill_events(features, 1, events, is_every, axes, edges, copies, ALL_SHOWN, weight_rows, contents)
    first = {20 + 1 * 5 + 3: (1, 5)} if is_every else {}
    filled = {2 * 5 + 0: (1, 7), 20 + 3 * 5 + 1: (1, 11), **first}
    assert {int(n): tuple(contents[:, n].tolist()) for n in np.flatnonzero(contents[0])} == filled


@pytest.mark.parametrize("n_axes", [1, 2])
def test_what_may_not_be_shown_is_in_no_plane(n_axes: int) -> None:
    features = np.array([[9, 0.5, 0.5], [9, 0.5, 0.5]], np.float32)
    axes = np.array([(0.0, 1.0, 0, 1, 0, 0), (0.0, 1.0, 1, 1, 0, 0)], AXIS)[:n_axes]
    contents, shown = np.zeros((2, 9), np.int64), np.array([1, 0, 1], np.uint8)
    events, copies = np.array([0, 1], np.int32), np.zeros(2, np.int32)
    fill.fill_events(
        features, 1, events, True, axes, np.zeros(0), copies, shown, np.array([[2, 3, 4]]), contents
    )
    assert contents.sum(1).tolist() == ([2, 7] if n_axes == 1 else [1, 4])
