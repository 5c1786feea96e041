from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from na64.datasets.reading.split_bytes import join

TYPES = ("uint16", "int32", "float32", "int64", "float64")


def by_strides(split: Any, dtype: str) -> Any:
    size = np.dtype(dtype).itemsize
    return np.ascontiguousarray(split.reshape(size, -1).T).reshape(-1).view(dtype)


@given(st.sampled_from(TYPES), st.integers(0, 70), st.data())
def test_joined_bytes_are_those_of_a_transposed_table(dtype: str, n: int, data: st.DataObject) -> None:
    split = data.draw(arrays(np.uint8, n * np.dtype(dtype).itemsize))
    values = np.full(n, 7).astype(dtype)
    join(split, values)
    assert values.tobytes() == by_strides(split, dtype).tobytes()


@pytest.mark.parametrize("dtype", TYPES)
def test_nothing_is_written_beside_a_part(dtype: str) -> None:
    values = np.full(10, 5).astype(dtype)
    join(np.zeros(4 * values.itemsize, np.uint8), values[3:7])
    assert values.tolist() == [5, 5, 5, 0, 0, 0, 0, 5, 5, 5]
