from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from na64.processors.features.window_arguments import cell_arguments
from na64.processors.kernels.cells import window_cells
from na64.processors.kernels.window import (
    ABSENT,
    CELL_RANGE,
    LANES,
    NONFINITE,
    UNEQUAL,
    USABLE,
    USUAL,
    Kept,
    classify_value,
    window_hits,
)

N_CELLS = 6
PADDLE = np.array([0, 0, 1, 1, 2, 2])
Array = NDArray[Any]
Pulses = tuple[Array, ...]
"""Energy, time, expected time and resolution, (n_events, n_cells) or (n_hits,)."""
ONES = np.ones(N_CELLS)
SPECIAL = [0.0, -0.0, 0.2, 1.0, 3.0, -1.5, 5e-324, np.nan, np.inf, -np.inf]


@dataclass
class Result:
    out: Array
    in_time: Array
    state: Array
    skip: Array


Outputs = tuple[Array, Array, Array]


def _outputs(n_events: int) -> Outputs:
    # What was there before must not matter.
    grid = np.full((N_CELLS, 2 * LANES), 7.0)
    return grid, np.full(LANES, 9, np.uint8), np.zeros(n_events, np.uint8)


def _kept(n: int) -> Kept:
    lanes, places = np.full(n + USUAL, 7, np.uint8), np.full(n, 7, np.uint32)
    return np.full(n, 7.0), lanes, places


def _result(outputs: Outputs) -> Result:
    grid, state, skip = outputs
    n = skip.size
    in_time = grid[:, LANES : LANES + n].T.copy()
    return Result(grid[:, :n].T.copy(), in_time, state[:n], skip)


def _dense(pulses: Pulses, scale: Array, pedestal: float, *, absent: int = 0) -> Result:
    n_events = len(pulses[0])
    out = _outputs(n_events)
    of_cell = PADDLE if pulses[3].shape[1] == 3 else np.arange(N_CELLS)
    with np.errstate(all="ignore"):
        window_cells(*cell_arguments(list(pulses), of_cell, 3.0, scale, pedestal, absent), *out, 0, n_events)
    return _result(out)


def _hits(
    offsets: Array,
    cell: Array,
    pulses: Pulses,
    *,
    scale: Array = ONES,
    pedestal: float = -np.inf,
    **options: Any,
) -> Result:
    n_events = len(offsets) - 1
    out = _outputs(n_events)
    flags = options.get("unequal", np.zeros(0, np.bool_))
    per_hit, absent, alike = options.get("per_hit", 14), options.get("absent", 0), options.get("alike", False)
    known = (per_hit, 3.0, scale, pedestal, absent, flags, alike, _kept(len(cell)))
    with np.errstate(all="ignore"):
        window_hits(offsets, cell, *pulses, *known, *out, 0, n_events)
    return _result(out)


def _twin(pulses: Pulses, scale: Array, pedestal: float) -> tuple[Array, Array, Array]:
    energy, time, expected, sigma = (array.astype(np.float64) for array in pulses)
    with np.errstate(all="ignore"):
        calibrated = energy * scale
        kept = np.where(calibrated > pedestal, calibrated, 0.0)
        is_in_time = np.abs(time - expected) < 3.0 * sigma
    finite = np.isfinite(energy) & np.isfinite(time) & np.isfinite(expected) & np.isfinite(sigma)
    sides = (np.where(is_in_time, 0.0, kept), np.where(is_in_time, kept, 0.0))
    return *sides, np.where(finite.all(axis=1), USABLE, NONFINITE)


@st.composite
def pulses(draw: st.DrawFn) -> Pulses:
    n_events = draw(st.integers(0, 4))
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    value = st.one_of(
        st.floats(-100, 100, width=32), st.sampled_from(SPECIAL[: draw(st.sampled_from([6, 10]))])
    )
    flat = draw(st.lists(value, min_size=4 * n_events * N_CELLS, max_size=4 * n_events * N_CELLS))
    with np.errstate(all="ignore"):
        energy, time, expected, sigma = np.array(flat, np.float64).astype(dtype).reshape(4, n_events, N_CELLS)
    return energy, time, expected, sigma


SCALES = st.lists(st.sampled_from([1.0, 0.5, 1.1, -1.0]), min_size=N_CELLS, max_size=N_CELLS).map(np.array)
PEDESTALS = st.sampled_from([-np.inf, 0.0, 0.2])


@given(pulses(), SCALES, PEDESTALS)
def test_cells_are_calibrated_cut_and_windowed(columns: Pulses, scale: Array, pedestal: float) -> None:
    not_in_time, in_time, state = _twin(columns, scale, pedestal)
    found = _dense(columns, scale, pedestal)
    assert found.state.tolist() == state.tolist()
    usable = state == USABLE
    np.testing.assert_array_equal(found.out[usable], not_in_time[usable])
    np.testing.assert_array_equal(found.in_time[usable], in_time[usable])
    assert found.skip.tolist() == (state // 2).tolist()


@given(pulses(), SCALES, PEDESTALS, st.randoms(use_true_random=False))
def test_hits_give_the_bits_of_cells(columns: Pulses, scale: Array, pedestal: float, order: Any) -> None:
    n_events = len(columns[0])
    cell = np.array([order.sample(range(N_CELLS), N_CELLS) for _ in range(n_events)], np.int32).reshape(
        -1, N_CELLS
    )
    shuffled = tuple(np.take_along_axis(column, cell, axis=1).ravel() for column in columns)
    offsets = np.arange(n_events + 1) * N_CELLS
    dense = _dense(columns, scale, pedestal)
    hits = _hits(offsets, cell.ravel(), shuffled, scale=scale, pedestal=pedestal)
    assert hits.state.tolist() == dense.state.tolist()
    usable = dense.state == USABLE
    assert hits.out[usable].tobytes() == dense.out[usable].tobytes()
    assert hits.in_time[usable].tobytes() == dense.in_time[usable].tobytes()


@given(pulses(), SCALES)
def test_absent_hits_are_cells_without_energy(columns: Pulses, scale: Array) -> None:
    there = np.isfinite(columns[0]) & (columns[0] != 0)
    kept = tuple(column[there] for column in columns)
    offsets = np.concatenate([[0], np.cumsum(there.sum(axis=1, dtype=np.int64))])
    filled = tuple(np.where(there, column, 0.0) for column in columns)
    dense = _dense(filled, scale, 0.0)
    hits = _hits(offsets, np.nonzero(there)[1].astype(np.uint8), kept, scale=scale, pedestal=0.0)
    assert hits.state.tolist() == dense.state.tolist()
    assert hits.in_time[dense.state == USABLE].tobytes() == dense.in_time[dense.state == USABLE].tobytes()


def _one(value: float, n: int = N_CELLS) -> Array:
    return np.full((1, n), value)


@pytest.mark.parametrize(("delay", "kept"), [(2.999, True), (3.0, False), (-3.0, False), (-2.999, True)])
def test_the_window_is_strict_on_both_sides(delay: float, kept: bool) -> None:
    out = _dense((_one(1.0), _one(delay), _one(0.0), _one(1.0)), ONES, -np.inf)
    assert (out.in_time == (1.0 if kept else 0.0)).all()
    assert (out.out == (0.0 if kept else 1.0)).all()


@pytest.mark.parametrize(("energy", "kept"), [(0.2, 0.0), (np.nextafter(0.2, 1), np.nextafter(0.2, 1))])
def test_a_cell_at_the_pedestal_counts_as_zero_before_any_sum(energy: float, kept: float) -> None:
    out = _dense((_one(energy), _one(0.0), _one(0.0), _one(1.0)), ONES, 0.2)
    assert (out.in_time == kept).all()


def test_the_scale_comes_before_the_pedestal() -> None:
    out = _dense((_one(0.3), _one(0.0), _one(0.0), _one(1.0)), np.full(N_CELLS, 0.5), 0.2)
    assert (out.in_time == 0.0).all()


def test_photomultipliers_of_a_paddle_share_its_resolution() -> None:
    sigma = np.array([[1.0, 2.0, 3.0]])
    out = _dense((_one(1.0), _one(5.0), _one(0.0), sigma), ONES, -np.inf)
    assert out.in_time.tolist() == [[0, 0, 1, 1, 1, 1]]


def test_one_row_of_times_is_of_every_event() -> None:
    energy, time = np.ones((3, N_CELLS)), np.array([[0.0], [10.0], [20.0]]) + np.zeros(N_CELLS)
    one = _dense((energy, time, _one(10.0), _one(1.0)), ONES, -np.inf)
    assert one.in_time.sum(axis=1).tolist() == [0, N_CELLS, 0]


def test_hits_of_a_cell_add_each_with_its_own_window() -> None:
    pulses_ = (np.array([1.0, 2.0, 4.0]), np.array([0.0, 9.0, 1.0]), np.zeros(3), np.ones(3))
    out = _hits(np.array([0, 3]), np.array([2, 2, 2]), pulses_)
    assert out.out[0].tolist() == [0, 0, 2, 0, 0, 0]
    assert out.in_time[0].tolist() == [0, 0, 5, 0, 0, 0]


@pytest.mark.parametrize("cell", [-1, N_CELLS, 255, 2_000_000_000, -(2**31)])
def test_a_hit_outside_the_detector_spoils_its_event_and_no_other(cell: int) -> None:
    pulses_ = (np.ones(3), np.zeros(3), np.zeros(3), np.ones(3))
    out = _hits(np.array([0, 1, 2, 3]), np.array([0, cell, 5]), pulses_)
    assert out.state.tolist() == [USABLE, CELL_RANGE, USABLE]
    assert out.skip.tolist() == [0, CELL_RANGE - ABSENT, 0]
    assert (out.out + out.in_time).sum(axis=1).tolist() == [1, 0, 1]


def test_a_cell_number_beyond_int64_is_outside() -> None:
    pulses_ = (np.ones(1), np.zeros(1), np.zeros(1), np.ones(1))
    cell = np.array([2**64 - 1], np.uint64)
    assert _hits(np.array([0, 1]), cell, pulses_).state.tolist() == [CELL_RANGE]


def test_the_hits_of_an_unequal_event_are_not_looked_at() -> None:
    pulses_ = (np.array([np.nan, 1.0]), np.zeros(2), np.zeros(2), np.ones(2))
    out = _hits(
        np.array([0, 1, 2]),
        np.array([99, 0]),
        pulses_,
        unequal=np.array([True, False]),
    )
    assert out.state.tolist() == [UNEQUAL, USABLE]
    assert out.skip.tolist() == [UNEQUAL - ABSENT, 0]


def test_times_of_the_period_serve_where_the_file_has_none() -> None:
    period = (np.zeros(N_CELLS), np.arange(N_CELLS) * 1.0, np.ones(N_CELLS))
    out = _hits(np.array([0, 6]), np.arange(6), (np.ones(6), *period), per_hit=0)
    assert out.in_time[0].tolist() == [1, 1, 1, 0, 0, 0]


def test_an_event_without_hits_has_no_energy() -> None:
    none = np.zeros(0)
    out = _hits(np.array([0, 0]), np.zeros(0, np.int32), (none, none, none, none))
    assert out.out.sum() == out.in_time.sum() == 0.0
    assert out.state.tolist() == [USABLE]


@pytest.mark.parametrize("column", range(4))
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_nan_is_absence_only_where_declared(column: int, value: float) -> None:
    columns = [np.ones((1, N_CELLS)) for _ in range(4)]
    columns[column][0, 3] = value
    declared = ABSENT if np.isnan(value) else NONFINITE
    for absent, state in ((0, NONFINITE), (1 << column, declared), (15 - (1 << column), NONFINITE)):
        assert _dense(tuple(columns), ONES, -np.inf, absent=absent).state.tolist() == [state]
        flat = tuple(array.ravel() for array in columns)
        out = _hits(np.array([0, 6]), np.arange(6), flat, absent=absent)
        assert out.state.tolist() == [state]
        assert out.skip.tolist() == [0 if state == ABSENT else NONFINITE - ABSENT]


@given(st.floats(), st.booleans())
@example(np.finfo(np.float64).max, False)
def test_a_value_is_judged_by_itself(value: float, nan_is_absent: bool) -> None:
    wrong = ABSENT if np.isnan(value) and nan_is_absent else NONFINITE
    assert classify_value(value, int(nan_is_absent)) == (USABLE if np.isfinite(value) else wrong)


def test_values_whose_difference_overflows_are_finite() -> None:
    out = _dense((_one(1.0), _one(1.7e308), _one(-1.7e308), _one(1.0)), ONES, -np.inf)
    assert out.state.tolist() == [USABLE]
    assert out.in_time.sum() == 0.0


def test_a_worse_reason_noted_before_stays() -> None:
    grid, state, skip = _outputs(1)
    skip[0] = 3
    columns = [_one(np.nan), _one(0.0), _one(0.0), _one(1.0)]
    window_cells(*cell_arguments(columns, np.arange(N_CELLS), 3.0, ONES, 0.0, 0), grid, state, skip, 0, 1)
    assert skip.tolist() == [3]


def _of_file(columns: Pulses, table: Array) -> tuple[Array, Array, Pulses, Pulses]:
    """Give the same hits with one expected time and resolution for all cells: per hit, and as tables."""
    n_events = len(columns[0])
    energy, time = (column.ravel() for column in columns[:2])
    every = (energy, time, np.full_like(energy, table[0]), np.full_like(energy, table[1]))
    alike = (energy, time, np.full(N_CELLS, table[0]), np.full(N_CELLS, table[1]))
    return np.arange(n_events + 1) * N_CELLS, np.tile(np.arange(N_CELLS), n_events), every, alike


@given(pulses(), st.tuples(st.sampled_from(SPECIAL), st.sampled_from(SPECIAL)), SCALES, PEDESTALS)
def test_cells_that_are_alike_give_the_bits_of_cells_that_are_not(
    columns: Pulses, table: tuple[float, float], scale: Array, pedestal: float
) -> None:
    columns = tuple(column.astype(np.float64) for column in columns)
    offsets, cell, every, alike = _of_file(columns, np.array(table))
    same = np.full(N_CELLS, scale[0])
    one = _hits(offsets, cell, every, scale=same, pedestal=pedestal)
    for flag in (False, True):
        other = _hits(offsets, cell, alike, scale=same, pedestal=pedestal, per_hit=2, alike=flag)
        usable = one.state == USABLE
        assert other.state.tolist() == one.state.tolist()
        assert other.skip.tolist() == one.skip.tolist()
        assert other.out[usable].tobytes() == one.out[usable].tobytes()
        assert other.in_time[usable].tobytes() == one.in_time[usable].tobytes()


def test_events_that_follow_one_that_is_spoilt_keep_their_lanes() -> None:
    offsets, cell = np.arange(LANES + 1), np.zeros(LANES, np.int64)
    energy = np.arange(LANES) + 1.0
    energy[3], cell[7] = np.nan, 99
    flags = np.arange(LANES) == 9
    nothing, ones = np.zeros(LANES), np.ones(LANES)
    out = _hits(offsets, cell, (energy, nothing, nothing, ones), unequal=flags)
    bad = {3: NONFINITE, 7: CELL_RANGE, 9: UNEQUAL}
    assert out.state.tolist() == [bad.get(event, USABLE) for event in range(LANES)]
    good = [event for event in range(LANES) if event not in bad]
    assert out.in_time[good, 0].tolist() == [event + 1.0 for event in good]
