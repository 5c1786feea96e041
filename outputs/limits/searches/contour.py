"""Contours in mass and coupling: every edge of what is excluded, the mass where it closes, islands."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq, minimize_scalar

Floats = NDArray[np.float64]
Excess = Callable[[float, Floats], Floats]
"""Signal events over the limit on them, for a mass in GeV and couplings (n,): excluded from 1 on."""

_LEAST = 1e-300


@dataclass(frozen=True, slots=True)
class ExcludedCouplings:
    """Couplings that are excluded at a mass.

    Attributes
    ----------
    mass : float, GeV
    lower, upper : float or None
        Edges; None where what is excluded goes on beyond the couplings that were scanned.
    """

    mass: float
    lower: float | None
    upper: float | None


def grid_of(lowest: float, highest: float, per_decade: int = 16) -> Floats:
    """Couplings from one to another, evenly in the logarithm: (n,) float64.

    Raises
    ------
    ValueError
        They are not above 0, or in the wrong order.
    """
    if not 0 < lowest < highest:
        raise ValueError(f"couplings from {lowest:g} to {highest:g}: expected two above 0 that rise")
    n = max(2, math.ceil(per_decade * math.log10(highest / lowest)) + 1)
    return np.geomspace(lowest, highest, n)


def contour(excess: Excess, masses: Sequence[float], couplings: Floats) -> list[ExcludedCouplings]:
    """Excluded couplings at each mass, and at the masses where a range of them begins or ends.

    Parameters
    ----------
    excess : callable
    masses : sequence of float
        GeV, rising.
    couplings : (n,) float64
        Rising. A range narrower than their distance is found if its peak is the only one between two of them.

    Returns
    -------
    list of ExcludedCouplings
        By mass, then coupling; none at a mass where nothing is excluded.
    """
    rows = [ranges(excess, mass, couplings) for mass in masses]
    found = list(rows[0]) if rows else []
    for below, above, left, right in zip(masses, masses[1:], rows, rows[1:], strict=False):
        if len(left) != len(right):
            found.extend(_tip(excess, below, above, couplings))
        found.extend(right)
    return found


def ranges(excess: Excess, mass: float, couplings: Floats) -> list[ExcludedCouplings]:
    """Excluded couplings at a mass, by root finding."""

    def height(logarithm: float) -> float:
        return float(_heights(excess, mass, np.array([math.exp(logarithm)]))[0])

    places = np.log(couplings)
    places, heights = _with_peaks(height, places, _heights(excess, mass, couplings))
    inside = heights >= 0
    crossings = np.flatnonzero(inside[1:] != inside[:-1]).tolist()
    edges = [math.exp(_root(height, places, heights, index)) for index in crossings]
    opens = [None, *edges] if inside[0] else edges
    closed = [*opens, None] if inside[-1] else opens
    return [ExcludedCouplings(mass, low, high) for low, high in zip(closed[::2], closed[1::2], strict=True)]


def _heights(excess: Excess, mass: float, couplings: Floats) -> Floats:
    """Logarithms of the excess: above 0 where a coupling is excluded."""
    result: Floats = np.log(np.maximum(excess(mass, couplings), _LEAST))
    return result


def _with_peaks(height: Callable[[float], float], places: Floats, heights: Floats) -> tuple[Floats, Floats]:
    """Add the peaks between places that reach above 0 where no place does, and dips the other way."""
    added = []
    for sign in (1.0, -1.0):
        signed = sign * heights
        peaks = (signed[1:-1] > signed[:-2]) & (signed[1:-1] >= signed[2:]) & (signed[1:-1] < 0)
        for index in (np.flatnonzero(peaks) + 1).tolist():
            bounds = (places[index - 1], places[index + 1])
            best = minimize_scalar(lambda at, sign=sign: -sign * height(at), bounds=bounds, method="bounded")
            if -best.fun >= 0:
                added.append((float(best.x), height(float(best.x))))
    if not added:
        return places, heights
    every = np.concatenate([places, [place for place, _ in added]])
    order = np.argsort(every)
    return every[order], np.concatenate([heights, [value for _, value in added]])[order]


def _root(height: Callable[[float], float], places: Floats, heights: Floats, index: int) -> float:
    for at in (index, index + 1):
        if heights[at] == 0:
            return float(places[at])
    return float(brentq(height, places[index], places[index + 1], xtol=1e-9, rtol=1e-9))


def _tip(excess: Excess, below: float, above: float, couplings: Floats) -> list[ExcludedCouplings]:
    """Ranges next to the mass between two at which their number changes, on the side with more of them."""
    n_below, n_above = (len(ranges(excess, mass, couplings)) for mass in (below, above))
    more, fewer = (below, above) if n_below > n_above else (above, below)
    n_more = max(n_below, n_above)
    while abs(math.log(more / fewer)) > 1e-5:
        middle = math.sqrt(more * fewer)
        if len(ranges(excess, middle, couplings)) >= n_more:
            more = middle
        else:
            fewer = middle
    return ranges(excess, more, couplings) if more not in (below, above) else []


def ranges_of_power(excess: Excess, mass: float) -> list[ExcludedCouplings]:
    """Excluded couplings of a search whose events go with the square of the coupling: no scan is needed."""
    at_one = float(excess(mass, np.ones(1))[0])
    return [ExcludedCouplings(mass, 1 / math.sqrt(at_one), None)] if at_one > 0 else []
