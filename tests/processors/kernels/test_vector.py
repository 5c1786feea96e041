from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numba.core import config
from numpy.typing import NDArray

from na64.datasets.compiled.jit import jit
from na64.processors.kernels.vector import (
    KINDS,
    WIDTH,
    magnitude,
    numbers_at,
    put_columns,
    put_vector,
    vector_at,
    vector_of,
    where_larger,
)

Array = NDArray[Any]
NUMBERS = st.lists(st.floats(width=64), min_size=3 * WIDTH, max_size=3 * WIDTH).map(np.array)


def _use(numbers: Array, factor: float, out: Array) -> None:
    one, other = vector_at(numbers, 0), vector_at(numbers, WIDTH)
    put_vector(one + other * vector_of(factor), out, 1)
    put_vector(where_larger(one, other, vector_at(numbers, 2 * WIDTH), one), out, WIDTH + 1)


_compiled = jit(_use)


@given(NUMBERS, st.floats(width=64))
@example(np.full(3 * WIDTH, np.nan), 1.0)
@example(np.array([1.0, -0.0, 0.0, np.inf] * (3 * WIDTH // 4)), 0.1)
def test_compiled_vectors_are_arrays_bit_for_bit(numbers: Array, factor: float) -> None:
    plain, compiled = np.full((2, 2 * WIDTH + 2), 7.0)
    with np.errstate(all="ignore"):
        _use(numbers, factor, plain)
        _compiled(numbers, factor, compiled)
    np.testing.assert_array_equal(plain, compiled)
    there = ~np.isnan(plain)
    assert np.signbit(plain[there]).tolist() == np.signbit(compiled[there]).tolist()
    assert compiled[0] == compiled[-1] == 7.0


def test_a_product_is_rounded_before_it_is_added() -> None:
    numbers, out = np.zeros(3 * WIDTH), np.zeros(2 * WIDTH + 2)
    numbers[:WIDTH], numbers[WIDTH : 2 * WIDTH] = -1.0, 1 + 2.0**-52
    _compiled(numbers, 1 - 2.0**-53, out)
    assert out[1] == numbers[WIDTH] * (1 - 2.0**-53) - 1.0


@pytest.mark.skipif(not config.BOUNDSCHECK, reason="only where numba checks bounds")
def test_a_vector_beyond_the_end_is_refused() -> None:
    with pytest.raises(IndexError):
        _compiled(np.zeros(3 * WIDTH - 1), 1.0, np.zeros(2 * WIDTH + 2))
    with pytest.raises(IndexError):
        _compiled(np.zeros(3 * WIDTH), 1.0, np.zeros(2 * WIDTH))


def _read(stored: Array, place: int, kind: int, out: Array) -> None:
    put_vector(magnitude(numbers_at(stored, place, kind) - vector_of(1.0)), out, 0)


_compiled_read = jit(_read)


@pytest.mark.parametrize("kind", range(len(KINDS)), ids=str)
@given(numbers=NUMBERS)
def test_numbers_of_a_file_are_read_from_any_byte_on(kind: int, numbers: Array) -> None:
    with np.errstate(all="ignore"):
        values = numbers[:WIDTH].astype(KINDS[kind])
        stored = np.frombuffer(b"abc" + values.tobytes(), np.uint8)
        out = np.full((2, WIDTH), 7.0)
        _read(stored, 3, kind, out[0])
        _compiled_read(stored, 3, kind, out[1])
        np.testing.assert_array_equal(out, [np.abs(values.astype(np.float64) - 1.0)] * 2)


def _put(rows: Array, columns: Array, distance: int) -> None:
    put_columns(rows, 5, 12, columns, 2, distance)


_compiled_columns = jit(_put)


def test_rows_become_columns_wherever_they_are_and_nothing_else_is_written() -> None:
    rows, distance = np.arange(200.0), WIDTH + 3
    plain, compiled = np.full((2, 2 + distance * WIDTH), -1.0)
    _put(rows, plain, distance)
    _compiled_columns(rows, compiled, distance)
    np.testing.assert_array_equal(plain, compiled)
    written = plain[2:].reshape(WIDTH, distance)
    np.testing.assert_array_equal(
        written[:, :WIDTH], (5 + 12 * np.arange(WIDTH)[:, None] + np.arange(WIDTH)).T
    )
    assert (written[:, WIDTH:] == -1.0).all()
