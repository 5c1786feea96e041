"""Mean, core and tails of a finely binned spectrum."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from na64.outputs.control.gaussian_core import Gaussian, Start, fit_gaussian

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

LEAST_EVENTS = 40
"""Events that a core is fitted to, at least."""

TAIL = 3.0
"""Widths of the core, from which on an event is in a tail; of a Gaussian 0.13 % are on each side."""

_CORE = 2.0
"""Widths around the mean that are fitted."""
_ROUNDS = 4
_BINS_OF_WIDTH = 5.0
"""Bins of the fit in a width of the core."""
_ONE_SIDED = 0.158655
"""Of a Gaussian, the share below one standard deviation under the mean."""


@dataclass(frozen=True, slots=True)
class Core:
    """A spectrum by its core and its tails.

    Attributes
    ----------
    gaussian : Gaussian
        Fitted within two widths.
    n_events, n_below, n_above : int
        All, and those more than `TAIL` widths from the mean, to the precision of a bin.
    """

    gaussian: Gaussian
    n_events: int
    n_below: int
    n_above: int


def find_core(edges: Floats, counts: Counts) -> Core | None:
    """Core of a spectrum, from the middle 68 % on, fitted again within two widths of what was found.

    Parameters
    ----------
    edges : (n_bins + 1,) float64
        Of equal bins, much finer than the core.
    counts : (n_bins,) int64

    Returns
    -------
    Core or None
        None with fewer than `LEAST_EVENTS` or if no fit converges.
    """
    if counts.sum() < LEAST_EVENTS:
        return None
    low, middle, high = (quantile(edges, counts, share) for share in (_ONE_SIDED, 0.5, 1 - _ONE_SIDED))
    mean, width = middle, max((high - low) / 2, edges[1] - edges[0])
    found = None
    for _ in range(_ROUNDS):
        fitted, inside = _within(edges, counts, mean, width)
        if inside.sum() < LEAST_EVENTS or len(inside) < 4:
            return None
        bounds = ((fitted[0], fitted[-1]), (width / 5, 5 * width))
        found = fit_gaussian(fitted, inside, Start(mean, width, *bounds))
        if found is None:
            return None
        mean, width = found.mean, found.width
    if found is None:
        return None
    centres = (edges[1:] + edges[:-1]) / 2
    below, above = centres < mean - TAIL * width, centres > mean + TAIL * width
    return Core(found, int(counts.sum()), int(counts[below].sum()), int(counts[above].sum()))


def quantile(edges: Floats, counts: Counts, share: float) -> float:
    """Value below which a share of the entries is, between the edges of a bin in proportion; nan of none."""
    cumulated = np.concatenate([[0], np.cumsum(counts)]).astype(np.float64)
    if cumulated[-1] == 0:
        return math.nan
    wanted = min(max(share, 0.0), 1.0) * cumulated[-1]
    last = max(int(np.searchsorted(cumulated, wanted)), 1)
    inside = cumulated[last] - cumulated[last - 1]
    part = (wanted - cumulated[last - 1]) / inside if inside else 0.0
    return float(edges[last - 1] + part * (edges[last] - edges[last - 1]))


def quantile_with_errors(edges: Floats, counts: Counts, share: float) -> tuple[float, float, float]:
    """Quantile and its central 68 % interval as distances, from the binomial spread of the events below."""
    spread = math.sqrt(share * (1 - share) / max(int(counts.sum()), 1))
    value = quantile(edges, counts, share)
    low, high = (quantile(edges, counts, share + sign * spread) for sign in (-1, 1))
    return value, value - low, high - value


def _within(edges: Floats, counts: Counts, mean: float, width: float) -> tuple[Floats, Floats]:
    """Bins within two widths of the mean, joined to about five a width."""
    step = max(int(width / (edges[1] - edges[0]) / _BINS_OF_WIDTH), 1)
    first = max(int(np.searchsorted(edges, mean - _CORE * width, side="right")) - 1, 0)
    last = min(int(np.searchsorted(edges, mean + _CORE * width)), len(edges) - 1)
    n_joined = (last - first) // step
    inside = counts[first : first + n_joined * step].reshape(n_joined, step).sum(axis=1)
    return edges[first : first + n_joined * step + 1 : step], inside.astype(np.float64)
