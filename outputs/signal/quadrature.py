"""Gauss-Legendre quadrature over panels."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


@cache
def _rule(n: int) -> tuple[Floats, Floats]:
    nodes, weights = np.polynomial.legendre.leggauss(n)
    return nodes, weights


def composite(edges: ArrayLike, n: int) -> tuple[Floats, Floats]:
    """Nodes and weights of `n` points in each panel.

    Parameters
    ----------
    edges : (n_panels + 1,) float64
    n : int

    Returns
    -------
    nodes, weights : (n_panels * n,) float64
    """
    bounds = np.asarray(edges, dtype=np.float64)
    middle, half = (bounds[1:] + bounds[:-1]) / 2, np.diff(bounds) / 2
    nodes, weights = _rule(n)
    return (
        (middle[:, None] + half[:, None] * nodes).ravel(),
        (half[:, None] * weights).ravel(),
    )
