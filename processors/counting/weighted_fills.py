"""Histograms in which each event counts as much as one of its features says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from na64.processors.counting import weighted_sums
from na64.processors.counting.booking import Booking, HistogramSpec
from na64.processors.kernels import fill
from na64.selections.selection import VISIBLE

Integers = NDArray[np.int64]
Bytes = NDArray[np.uint8]
Values = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class WeightedFill:
    """A histogram with a weight, made ready.

    Attributes
    ----------
    spec : HistogramSpec
    n_passed : int
        Cuts that its events pass, from the first on.
    axes : tuple of int
        Row of the feature of each axis.
    weight : int
        Row of the weight.
    """

    spec: HistogramSpec
    n_passed: int
    axes: tuple[int, ...]
    weight: int


def prepare(booking: Booking, index: Mapping[str, int]) -> tuple[WeightedFill, ...]:
    """Make the histograms with a weight ready; ``index`` is the row of each feature."""
    stages = (VISIBLE, *booking.cuts)
    return tuple(
        WeightedFill(
            one,
            stages.index(one.cut),
            tuple(index[axis.feature] for axis in one.axes),
            index[one.weight.feature],
        )
        for one in booking.histograms
        if one.weight is not None
    )


def fill_weighted(
    plan: WeightedFill,
    values: Values,
    which: tuple[Bytes, Bytes],
    event_weight: NDArray[np.float64] | None,
    contents: Integers,
) -> None:
    """Fill a histogram with a weight, with the events that it would have without.

    Parameters
    ----------
    plan : WeightedFill
    values : (n_features, n_events) float32
    which : (n_events,) uint8, (n_events or 0,) uint8
        The first failing cut, the number of cuts if there is none; and 0 for events that no histogram of
        several axes may show, of no length if all may be shown.
    event_weight : (n_events,) float64 or None
        Of simulated events, which the weight is multiplied by.
    contents : (n_bins,) int64, added to
        Those of the whole booking.
    """
    first, drawn = which
    chosen = np.flatnonzero(first >= plan.n_passed)
    if len(plan.axes) > 1 and drawn.size:
        chosen = chosen[drawn[chosen] != 0]
    weight = values[plan.weight, chosen].astype(np.float64)
    if event_weight is not None:
        with np.errstate(invalid="ignore"):  # infinity times zero, which is left out
            weight *= event_weight[chosen]
    layers = contents[plan.spec.start : plan.spec.stop].reshape(weighted_sums.N_LAYERS, -1)
    weighted_sums.add(_bins(plan, values, chosen), weight, layers)


def _bins(plan: WeightedFill, values: Values, chosen: Integers) -> Integers:
    """Bin of each event that is chosen, by the rules of all other histograms."""
    index = np.zeros(chosen.size, np.int32)
    for axis, row in zip(plan.spec.axes, plan.axes, strict=True):
        column = values[row, chosen]
        if axis.edges:
            fill.bin_between(column, np.array(axis.edges, np.float64), index)
        else:
            fill.bin_of(column, axis.low, axis.high, axis.bins, index)
    return index.astype(np.int64)
