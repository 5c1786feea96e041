from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from na64.processors.features.window_arguments import cell_arguments
from na64.processors.kernels.cells import place_of, window_cells
from na64.processors.kernels.vector import KINDS, WIDTH
from na64.processors.kernels.window import LANES, NONFINITE, USABLE

PEDESTAL = 0.1
Array = NDArray[Any]


def _twin(columns: list[Array], scale: Array) -> tuple[Array, Array, Array]:
    energy, time, expected, sigma = (column.astype(np.float64) for column in columns)
    kept = np.where(energy * scale > PEDESTAL, energy * scale, 0.0)
    is_in_time = np.abs(time - expected) < 3.0 * sigma
    finite = np.isfinite(energy + time + expected + sigma).all(axis=1)
    return (
        np.where(is_in_time, 0.0, kept),
        np.where(is_in_time, kept, 0.0),
        np.where(finite, USABLE, NONFINITE),
    )


@given(st.integers(1, 12), st.integers(0, 2 * WIDTH + 1), st.integers(0, 2**32 - 1))
@example(6, WIDTH, 1)
@example(9, WIDTH + 1, 2)
@example(16, 3, 3)
def test_cells_of_every_type_and_number_are_those_of_the_plain_sums(
    n_cells: int, n_events: int, seed: int
) -> None:
    generator = np.random.default_rng(seed)
    plain = [generator.normal(size=(n_events, n_cells)).astype(np.float32) for _ in range(4)]
    plain[3] = plain[3][:1] if seed % 2 and n_events else plain[3]
    scale = generator.uniform(0.5, 2.0, n_cells)
    expected = _twin([np.broadcast_to(one, (n_events, n_cells)) for one in plain], scale)
    for kinds in (KINDS, KINDS[::-1]):
        stored = [one.astype(kind) for one, kind in zip(plain, kinds, strict=True)]
        grid, state, skip = (
            np.full((n_cells, 2 * LANES), 7.0),
            np.full(LANES, 9, np.uint8),
            np.zeros(n_events, np.uint8),
        )
        known = cell_arguments(stored, np.arange(n_cells), 3.0, scale, PEDESTAL, 0)
        window_cells(*known, grid, state, skip, 0, n_events)
        np.testing.assert_array_equal(grid[:, :n_events].T, expected[0])
        np.testing.assert_array_equal(grid[:, LANES : LANES + n_events].T, expected[1])
        assert state[:n_events].tolist() == expected[2].tolist()


@pytest.mark.parametrize("n_rows", ["one", "all"])
@pytest.mark.parametrize("n_events", range(1, 2 * WIDTH + 2))
def test_eight_events_are_never_read_beyond_the_bytes_that_are_there(n_events: int, n_rows: str) -> None:
    grids = [np.arange(n_events * 5.0).reshape(n_events, 5)]
    grids += [one[:1] if n_rows == "one" else one for one in grids * 3]
    for cells in cell_arguments(grids, np.arange(5), 3.0, np.ones(5), PEDESTAL, 0)[:4]:
        for event in range(0, n_events, WIDTH):
            stored, place, kind = place_of(cells, event)
            eight = stored[place : place + 5 * WIDTH * KINDS[kind].itemsize]
            assert eight.size == 5 * WIDTH * KINDS[kind].itemsize
            first = eight.view(KINDS[kind])[:5]
            np.testing.assert_array_equal(first, grids[0][event if cells[3] else 0])
