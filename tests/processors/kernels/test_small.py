from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from na64.datasets.instrument.features import made_of
from na64.datasets.instrument.roles import COUNTERS, PADDLES
from na64.processors.kernels import small
from na64.processors.kernels.small import WORK, combine_paddle, sum_small
from na64.processors.kernels.window import ABSENT, LANES, NONFINITE, USABLE

Array = NDArray[Any]
MIP, BALANCE = 0.0107, 0.3
SRD, VETO, VHCAL = (made_of(name) for name in (COUNTERS, PADDLES, "vhcal"))


def _outputs(n_features: int, n_events: int) -> tuple[Array, Array]:
    return np.arange(1, n_features + 1)[::-1].copy(), np.full((n_features + 1, n_events), 5.0, np.float32)


def _named(names: tuple[str, ...], rows: Array, values: Array) -> dict[str, Array]:
    assert (values[0] == 5.0).all()
    return {name: values[row] for name, row in zip(names, rows, strict=True)}


def _cells(out: Array, in_time: Array, state: Array) -> tuple[Array, Array, Array]:
    """Give the cells of each event side by side, as the window leaves them."""
    grid, lanes = np.full((out.shape[1], 2 * LANES), 7.0), np.zeros(LANES, np.uint8)
    grid[:, : len(out)] = out.T
    grid[:, LANES : LANES + len(out)] = in_time.T
    lanes[: len(out)] = state
    return grid, lanes, np.full(WORK, 7.0)


def _srd(in_time: Array, state: Array) -> dict[str, Array]:
    rows, values = _outputs(len(SRD), len(in_time))
    sum_small(
        *_cells(in_time, in_time, state), small.COUNTERS, math.nan, math.nan, rows, values, 0, len(in_time)
    )
    return _named(SRD, rows, values)


def _veto(in_time: Array, state: Array) -> dict[str, Array]:
    rows, values = _outputs(len(VETO), len(in_time))
    sum_small(*_cells(in_time, in_time, state), small.PADDLES, MIP, BALANCE, rows, values, 0, len(in_time))
    return _named(VETO, rows, values)


def _vhcal(out: Array, in_time: Array, state: Array) -> dict[str, Array]:
    rows, values = _outputs(len(VHCAL), len(in_time))
    sum_small(*_cells(out, in_time, state), small.WHOLE, math.nan, math.nan, rows, values, 0, len(in_time))
    return _named(VHCAL, rows, values)


def _add(cells: Array) -> Array:
    return np.cumsum(np.concatenate([np.zeros((len(cells), 1)), cells], axis=1), axis=1)[:, -1]


@st.composite
def cells(draw: st.DrawFn, sizes: st.SearchStrategy[int]) -> tuple[Array, Array]:
    n_events, n_cells = draw(st.integers(0, 3)), draw(sizes)
    energy = st.one_of(st.floats(-0.02, 0.2), st.sampled_from([0.0, -0.0, 0.0107]))
    flat = draw(st.lists(energy, min_size=n_events * n_cells, max_size=n_events * n_cells))
    states = draw(
        st.lists(st.sampled_from([USABLE, USABLE, ABSENT, NONFINITE]), min_size=n_events, max_size=n_events)
    )
    return np.array(flat).reshape(n_events, n_cells), np.array(states, np.uint8)


def _same(made: Array, twin: Array, state: Array) -> None:
    np.testing.assert_array_equal(made, np.where(state == USABLE, twin, np.nan).astype(np.float32))


@given(cells(st.integers(1, 5)))
def test_synchrotron_radiation_counters(counters: tuple[Array, Array]) -> None:
    in_time, state = counters
    made = _srd(in_time, state)
    _same(made["srd_sum"], _add(in_time), state)
    for counter in range(3):
        there = counter < in_time.shape[1]
        twin = in_time[:, counter] if there else np.full(len(in_time), np.nan)
        _same(made[f"srd_{counter}"], twin, state)


def _pair(first: float, second: float) -> float:
    large, small = max(first, second), min(first, second)
    return large if large < 0 or small < BALANCE * large else math.sqrt(small * large)


@given(cells(st.sampled_from([2, 4, 6])))
def test_veto_paddles(tubes: tuple[Array, Array]) -> None:
    in_time, state = tubes
    made = _veto(in_time, state)
    for paddle in range(3):
        pairs = in_time[:, 2 * paddle : 2 * paddle + 2]
        if pairs.shape[1] == 0:
            pairs = np.full((len(in_time), 2), np.nan)
        _same(made[f"veto_{paddle}"], pairs[:, 0] + pairs[:, 1], state)
        mips = np.array([_pair(*pair) / MIP if pair[0] == pair[0] else np.nan for pair in pairs])
        _same(made[f"veto_mip_{paddle}"], mips, state)


@given(cells(st.just(16)), st.floats(0, 0.1))
def test_veto_hcal(energies: tuple[Array, Array], threshold: float) -> None:
    energy, state = energies
    out, in_time = np.where(energy > threshold, 0.0, energy), np.where(energy > threshold, energy, 0.0)
    made = _vhcal(out, in_time, state)
    _same(made["vhcal"], _add(in_time), state)
    _same(made["vhcal_total"], _add(out) + _add(in_time), state)


@pytest.mark.parametrize(
    ("first", "second", "combined"),
    [
        (4.0, 1.3, math.sqrt(5.2)),
        (4.0, 1.2, math.sqrt(4.8)),
        (1.1, 4.0, 4.0),
        (4.0, 0.0, 4.0),
        (0.0, 0.0, 0.0),
        (-1.0, 4.0, 4.0),
        (-1.0, -1.0, -1.0),
    ],
)
def test_a_weak_photomultiplier_leaves_the_other(first: float, second: float, combined: float) -> None:
    assert combine_paddle(first, second, 0.3) == combined
    assert combine_paddle(second, first, 0.3) == combined


@given(st.floats(-1, 1), st.floats(-1, 1), st.floats(0, 1))
@example(-1.0, -1.0, 0.0)
@example(-1.0, -0.5, 1.0)
def test_a_paddle_lies_between_its_photomultipliers(first: float, second: float, balance: float) -> None:
    combined = combine_paddle(first, second, balance)
    slack = 1e-12 + 1e-12 * abs(combined)
    assert min(first, second) - slack <= combined <= max(first, second) + slack
