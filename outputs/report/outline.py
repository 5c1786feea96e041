"""Where a region can be in a plane of two features."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from na64.outputs.result.summary_facts import CutFacts, IntervalFacts
from na64.selections.planes import ENERGIES

_SUMS: dict[str, tuple[int, ...]] = {
    f"{ENERGIES[1]}_{''.join(map(str, modules))}": modules
    for modules in ((0, 1), (0, 1, 2), (0,), (1,), (2,))
}
_DIRECTIONS = {ENERGIES[0]: (1.0, 0.0), ENERGIES[1]: (0.0, 1.0), "visible_energy": (1.0, 1.0)}

OUTLINED = frozenset((*_SUMS, *_DIRECTIONS))
"""Features whose bounds are drawn in the plane of `ENERGIES`, in GeV."""

HalfPlane = tuple[float, float, float]
"""``(a, b, low)`` keeps ``a * x + b * y >= low``."""


def outline(
    region: CutFacts,
    limits: tuple[float, float, float, float],
    modules: Sequence[int],
    features: tuple[str, ...] = ENERGIES,
) -> NDArray[np.float64]:
    """Corners of the region's projection on a plane, cut to the axes.

    Only bounds on features of the plane are drawn. In that of `ENERGIES` bounds on `visible_energy`, which
    has all three modules, are drawn as bounds on E_ECAL + E_HCAL; bounds on single modules as bounds on
    their sum where they cover the modules of E_HCAL.

    Parameters
    ----------
    region : CutFacts
    limits : tuple of float
        left, right, bottom, top of the axes, in the units of the features.
    modules : sequence of int
        HCAL modules of E_HCAL.
    features : tuple of str
        Of the axes.

    Returns
    -------
    (n_corners, 2) float64
        Empty if no part is inside the axes.
    """
    left, right, bottom, top = limits
    corners = np.array([(left, bottom), (right, bottom), (right, top), (left, top)], np.float64)
    for a, b, low in _half_planes(region.intervals, modules, features):
        corners = _clip(corners, a, b, low)
    return corners


def is_bounded(region: CutFacts, features: tuple[str, ...] = ENERGIES) -> bool:
    """Whether any bound of a region is one in a plane: if none is, an outline says nothing."""
    known = {*_DIRECTIONS, *_SUMS} if features == ENERGIES else {*features}
    return any(interval.feature in known for interval in region.intervals)


def _half_planes(
    intervals: Sequence[IntervalFacts], modules: Sequence[int], features: tuple[str, ...]
) -> list[HalfPlane]:
    energies = features == ENERGIES
    directions = _DIRECTIONS if energies else {features[0]: (1.0, 0.0), features[1]: (0.0, 1.0)}
    planes: list[HalfPlane] = []
    for interval in intervals:
        if interval.feature in directions:
            planes += _both_sides(*directions[interval.feature], interval.low, interval.high)
    return [*planes, *_both_sides(0.0, 1.0, *_module_sum(intervals, modules))] if energies else planes


def _module_sum(intervals: Sequence[IntervalFacts], modules: Sequence[int]) -> tuple[float, float | None]:
    by_module = {_SUMS[i.feature]: i for i in intervals if i.feature in _SUMS}
    whole = by_module.get(tuple(modules))
    if whole is not None:
        return whole.low or 0.0, whole.high
    single = [by_module.get((module,)) for module in modules]
    low = math.fsum(i.low or 0.0 for i in single if i is not None)
    highs = [i.high if i is not None else None for i in single]
    known = [high for high in highs if high is not None]
    return low, math.fsum(known) if len(known) == len(highs) else None


def _both_sides(a: float, b: float, low: float | None, high: float | None) -> list[HalfPlane]:
    planes: list[HalfPlane] = []
    if low is not None and math.isfinite(low):
        planes.append((a, b, low))
    if high is not None and math.isfinite(high):
        planes.append((-a, -b, -high))
    return planes


def _clip(corners: NDArray[np.float64], a: float, b: float, low: float) -> NDArray[np.float64]:
    """Part of a convex polygon on one side of a line (Sutherland and Hodgman 1974)."""
    kept: list[NDArray[np.float64]] = []
    distance = corners @ np.array([a, b]) - low
    for i, (here, at) in enumerate(zip(corners, distance, strict=True)):
        before, was = corners[i - 1], distance[i - 1]
        if (at >= 0) != (was >= 0):
            kept.append(before + (here - before) * was / (was - at))
        if at >= 0:
            kept.append(here)
    return np.array(kept).reshape(-1, 2)
