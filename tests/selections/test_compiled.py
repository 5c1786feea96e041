from __future__ import annotations

import math
from dataclasses import fields

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from na64.selections.compiled import IntervalArrays, compile_intervals
from na64.selections.cut import Condition
from na64.selections.interval import Interval, Limits
from na64.selections.selection import SELECTIONS, load_selection

INDEX = {"a": 0, "b": 1, "c": 2}
F32 = np.float32
numbers = st.integers(-3, 3).map(float)
features = st.sampled_from(list(INDEX))
values = st.one_of(numbers, st.sampled_from([math.nan, math.inf, -math.inf]))


@st.composite
def limits(draw: st.DrawFn) -> Limits:
    edges = sorted(draw(st.sets(numbers, min_size=1, max_size=4)))
    return Limits(draw(features), tuple(edges), tuple(draw(numbers) for _ in edges))


@st.composite
def intervals(draw: st.DrawFn) -> Interval:
    low, high = sorted([draw(numbers), draw(numbers)])
    table = draw(st.none() | limits())
    return Interval(draw(features), low, high if table is None else math.inf, table)


groups = st.lists(st.lists(intervals(), min_size=1, max_size=3), min_size=1, max_size=3)


def passes(interval: Interval, event: dict[str, float]) -> bool:
    high = interval.high
    if interval.limits is not None:
        chooser = event[interval.limits.feature]
        if math.isnan(chooser):
            return False
        high = interval.limits.values[0]
        for edge, value in zip(interval.limits.edges, interval.limits.values, strict=True):
            if chooser >= edge:
                high = value
    return interval.low <= event[interval.feature] <= high


def passes_compiled(arrays: IntervalArrays, i: int, event: NDArray[np.float32]) -> bool:
    high = arrays.high[i]
    t = arrays.table[i]
    if t >= 0:
        bins = slice(arrays.table_start[t], arrays.table_start[t + 1])
        chooser = event[arrays.table_feature[t]]
        if np.isnan(chooser):
            return False
        high = arrays.table_values[bins][
            max(0, np.searchsorted(arrays.table_edges[bins], chooser, "right") - 1)
        ]
    return bool(arrays.low[i] <= event[arrays.feature[i]] <= high)


@given(cuts=groups, regions=groups, event=st.tuples(values, values, values))
def test_the_arrays_say_what_the_intervals_say(
    cuts: list[list[Interval]], regions: list[list[Interval]], event: tuple[float, float, float]
) -> None:
    of_cuts, of_regions = ([Condition(tuple(group)) for group in groups] for groups in (cuts, regions))
    arrays = compile_intervals(of_cuts, of_regions, INDEX)
    flat = [(owner, i) for groups in (cuts, regions) for owner, group in enumerate(groups) for i in group]
    assert arrays.n_cut_intervals == sum(map(len, cuts))
    assert arrays.owner.tolist() == [owner for owner, _ in flat]
    by_name, row = dict(zip(INDEX, event, strict=True)), np.array(event, F32)
    expected = [passes(interval, by_name) for _, interval in flat]
    assert [passes_compiled(arrays, i, row) for i in range(len(flat))] == expected


def test_types_do_not_depend_on_the_selection() -> None:
    every = [load_selection(name).arrays() for name in SELECTIONS] + [compile_intervals([], [], {})]
    for field in fields(IntervalArrays)[1:]:
        dtypes = {getattr(arrays, field.name).dtype for arrays in every}
        assert len(dtypes) == 1, field.name
        assert all(getattr(arrays, field.name).flags.c_contiguous for arrays in every)
    assert every[-1].table_start.tolist() == [0]
