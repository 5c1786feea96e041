"""Branches of a file in memory: flat arrays or lists, whatever the layout."""

from __future__ import annotations

from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from na64.datasets.synthetic.branches import JaggedBranch
from na64.datasets.synthetic.writers import list_type

Branches = dict[str, Any]


def to_jagged(values: Any) -> Any:
    if isinstance(values, np.ndarray):
        return values
    counts = ak.num(values).to_numpy()
    return JaggedBranch(np.concatenate([[0], np.cumsum(counts)]), ak.flatten(values).to_numpy())


def values_of(array: Any) -> Any:
    return array if "var" in str(array.type) else array.to_numpy().copy()


def type_of(values: Any) -> Any:
    if isinstance(values, np.ndarray):
        return np.dtype((values.dtype, values.shape[1:]))
    return list_type(ak.flatten(values).to_numpy().dtype)


def sum_of(branches: Branches, names: Any) -> NDArray[np.float64]:
    axes = [range(1, branches[name].ndim) for name in names]
    parts = [
        np.asarray(
            branches[name].sum(axis=tuple(axis))
            if isinstance(branches[name], np.ndarray)
            else ak.sum(branches[name], axis=1)
        )
        for name, axis in zip(names, axes, strict=True)
    ]
    total: NDArray[np.float64] = np.sum(parts, axis=0, dtype=np.float64)
    return total


def scaled(values: Any, factor: NDArray[np.float64]) -> Any:
    with np.errstate(all="ignore"):
        if isinstance(values, np.ndarray):
            return (values * factor.reshape(-1, *[1] * (values.ndim - 1))).astype(values.dtype)
        return ak.values_astype(values * factor, np.float32)
