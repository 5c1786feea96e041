"""The kernels that apply cuts against plain twins."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from na64.processors.kernels import apply_cuts
from na64.processors.kernels.apply_cuts import ALONE, BLOCK, ENDS_ALTERNATIVE, ENDS_CLAUSE, INTERVAL, WITHIN

STEADY = settings(derandomize=True)
"""Without a deadline, because the first call compiles."""

VALUES = st.sampled_from([-math.inf, -1.0, -0.0, 0.0, 0.5, 1.0, 1.5, 2.0, 7.0, math.inf, math.nan])
INTERVALS = st.lists(st.tuples(st.integers(0, 1), VALUES, VALUES), min_size=1, max_size=3)
NO_TABLE = np.zeros(0, np.float32)

Bounds = list[tuple[int, float, float]]


def fixed(bounds: Bounds) -> NDArray[np.void]:
    return np.array([(low, high, feature, -1, 0, 0, 0, ALONE) for feature, low, high in bounds], INTERVAL)


def failed_of(
    rows: NDArray[np.float32],
    intervals: NDArray[np.void],
    edges: NDArray[np.float32] = NO_TABLE,
    values: NDArray[np.float32] = NO_TABLE,
) -> list[int]:
    failed, n_events = np.full(BLOCK, 9, np.uint8), rows.shape[1]
    scratch = np.empty(BLOCK, np.float32), np.full((2, BLOCK), 9, np.uint8)
    apply_cuts.fail(rows, 0, n_events, intervals, edges, values, *scratch, failed)
    assert not failed[n_events:].any()
    marks: list[int] = failed[:n_events].tolist()
    return marks


@STEADY
@given(st.lists(st.tuples(VALUES, VALUES), max_size=30), INTERVALS)
@example([(math.nan, 1.0)], [(0, -math.inf, math.inf)])
def test_an_event_fails_if_it_is_outside_of_any_interval(
    events: list[tuple[float, float]], bounds: Bounds
) -> None:
    rows = np.array(events, np.float32).reshape(-1, 2).T.copy()
    expected = [any(not low <= event[feature] <= high for feature, low, high in bounds) for event in events]
    assert failed_of(rows, fixed(bounds)) == expected


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
    interval = np.array([(-math.inf, math.inf, 0, 1, 1, 3, 0, ALONE)], INTERVAL)
    edges, values = np.array([-99, 0, 10], np.float32), np.array([-99, 1, 2], np.float32)
    assert failed_of(rows, interval, edges, values) == [failed, False]


@pytest.mark.parametrize(
    ("of", "value", "failed"),
    [(-5, 1, False), (-5, 0.5, True), (0, 1, False), (10, 1.5, True), (10, 2, False), (math.nan, 9, True)],
)
def test_a_lower_table_bounds_from_below(of: float, value: float, failed: bool) -> None:
    rows = np.array([[value, 9], [of, 0]], np.float32)
    interval = np.array([(-math.inf, math.inf, 0, 1, 1, 3, 1, ALONE)], INTERVAL)
    edges, values = np.array([-99, 0, 10], np.float32), np.array([-99, 1, 2], np.float32)
    assert failed_of(rows, interval, edges, values) == [failed, False]


WIDE = st.tuples(
    st.integers(0, 1), st.sampled_from([-math.inf, 0.0, 1.0]), st.sampled_from([0.5, 1.5, math.inf])
)
ALTERNATIVES = st.lists(st.lists(WIDE, min_size=1, max_size=2), min_size=1, max_size=3)

Clauses = list[list[Bounds]]
"""Of a condition: clauses that must all hold, each of alternatives, each of intervals that must all hold."""


def compiled(plain: Bounds, clauses: Clauses) -> NDArray[np.void]:
    rows = [(*bound, ALONE) for bound in plain]
    for clause in clauses:
        for number, alternative in enumerate(clause, start=1):
            end = ENDS_CLAUSE if number == len(clause) else ENDS_ALTERNATIVE
            rows += [(*bound, WITHIN) for bound in alternative[:-1]] + [(*alternative[-1], end)]
    return np.array([(low, high, feature, -1, 0, 0, 0, part) for feature, low, high, part in rows], INTERVAL)


@STEADY
@given(
    st.lists(st.tuples(VALUES, VALUES), max_size=30),
    st.lists(WIDE, max_size=1),
    st.lists(ALTERNATIVES, max_size=3),
)
@example([(0.5, 0.0), (2.0, 0.0), (7.0, 0.0)], [], [[[(0, 0.0, 1.0)], [(0, 1.5, 2.0)]]])
def test_one_alternative_of_each_clause_has_to_hold(
    events: list[tuple[float, float]], plain: Bounds, clauses: Clauses
) -> None:
    rows = np.array(events, np.float32).reshape(-1, 2).T.copy()
    expected = [
        not (
            all(low <= event[feature] <= high for feature, low, high in plain)
            and all(
                any(all(low <= event[feature] <= high for feature, low, high in one) for one in clause)
                for clause in clauses
            )
        )
        for event in events
    ]
    assert failed_of(rows, compiled(plain, clauses)) == expected


@pytest.mark.parametrize("n", [0, 1, 7, 8, 9, 4096])
def test_marks_are_counted_in_whole_words(n: int) -> None:
    marks = np.zeros(BLOCK, np.uint8)
    marks[:n] = 1
    assert apply_cuts.count_marks(marks) == n


@STEADY
@given(
    st.lists(st.tuples(VALUES, VALUES), max_size=30),
    st.lists(INTERVALS, min_size=1, max_size=4),
    st.lists(INTERVALS, min_size=1, max_size=3),
    st.integers(0, 2),
    st.integers(0, 3),
)
def test_an_event_is_summarised_as_by_one_loop_a_question(
    events: list[tuple[float, float]], cuts: list[Bounds], regions: list[Bounds], n_weights: int, start: int
) -> None:
    rows = np.array(events, np.float32).reshape(-1, 2).T.copy()
    start, n = min(start, len(events)), max(len(events) - start, 0)
    bounds = np.cumsum([0, *map(len, cuts), *map(len, regions)])
    weights = np.arange(n_weights * len(events)).reshape(n_weights, len(events))
    single_cut = np.zeros((n_weights + 1, len(cuts)), np.int64)
    n_failed, first, region = np.full((3, n), 77, np.uint8)
    intervals = fixed([bound for group in (*cuts, *regions) for bound in group])
    marks = (n_failed, first, region)
    apply_cuts.apply_cuts(
        rows, start, len(events), intervals, NO_TABLE, NO_TABLE, bounds, weights, *marks, single_cut
    )
    outside = [np.array(failed_of(rows, fixed(group)), bool)[start:] for group in (*cuts, *regions)]
    for event in range(n):
        fails = [number for number in range(len(cuts)) if outside[number][event]]
        inside = [number for number in range(len(regions)) if not outside[len(cuts) + number][event]]
        assert n_failed[event] == len(fails)
        assert first[event] == min(fails, default=len(cuts))
        assert region[event] == min(inside, default=-1) + 1
    for number in range(len(cuts)):
        assert single_cut[0, number] == (~outside[number]).sum()
        assert single_cut[1:, number].tolist() == [row[start:][~outside[number]].sum() for row in weights]
