"""Events that a variation moves, counted one by one: from where they are nominally to where they are then.

A place is how far an event comes, the index of the first cut it fails, and its region. Nearly all events stay
where they are, so that only the others are kept: the counts of a variation are the nominal ones and these.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from na64.processors.counting.cut_intervals import apply_intervals
from na64.processors.counting.tally import Tally
from na64.processors.features.varied_features import row_names
from na64.processors.kernels import bits
from na64.selections.compiled import IntervalArrays, compile_intervals
from na64.selections.cut import Condition
from na64.selections.selection import Selection
from na64.selections.variations import Variation

Values = NDArray[np.float32]
Integers = NDArray[np.int64]
Bytes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class VariedPlan:
    """A variation made ready.

    Attributes
    ----------
    intervals : IntervalArrays
        Of the cuts it may change and, if it may change any region, of all regions.
    same : int
        Bits of the cuts that it does not change.
    has_regions : bool
    n_cuts, n_regions : int
    start : int
        Its first bin.
    """

    intervals: IntervalArrays
    same: int
    has_regions: bool
    n_cuts: int
    n_regions: int
    start: int


@dataclass(frozen=True, slots=True)
class VariedCounts:
    """How many events are after every cut under a variation, and how many others they are than nominally.

    Every array is (n_components, n_cuts + 1, ...); index 0 is before any cut. Of the events that are there
    nominally, ``lost`` are not under the variation; ``gained`` are those that come instead.

    Attributes
    ----------
    passed, gained, lost : (n_components, n_cuts + 1) int64
    regions, regions_gained, regions_lost : (n_components, n_cuts + 1, n_regions + 1) int64
        The first place is elsewhere.
    """

    passed: Integers
    gained: Integers
    lost: Integers
    regions: Integers
    regions_gained: Integers
    regions_lost: Integers


def prepare(selection: Selection, index: dict[str, int], starts: list[int]) -> tuple[VariedPlan, ...]:
    """Make the variations of a selection ready.

    Parameters
    ----------
    selection : Selection
    index : dict of str to int
        Row of every feature that is needed, see `na64.processors.features.varied_features.feature_rows`.
    starts : list of int
        First bin of each variation.
    """
    return tuple(
        _prepare(selection, variation, index, start)
        for variation, start in zip(selection.variations, starts, strict=True)
    )


def needed_rows(selection: Selection) -> set[str]:
    """Rows, by name, that its variations look at."""
    needed = set()
    for variation in selection.variations:
        names = row_names(selection, variation.effect)
        conditions = [one for cut in variation.cuts_of(selection.cuts) for one in cut.conditions]
        conditions += [region.condition for region in selection.regions]
        needed |= {names[name] for condition in conditions for name in condition.features}
    return needed


def count_migrations(
    plan: VariedPlan,
    values: Values,
    nominal: tuple[Integers, Bytes, Bytes],
    weights: Integers,
    contents: Integers,
) -> None:
    """Count the events that a variation moves.

    Parameters
    ----------
    plan : VariedPlan
    values : (n_features, n_events) float32
    nominal : (n_events,) int64, uint8, uint8
        Bits of failed cuts, the first of them, and the region.
    weights : (n_components - 1, n_events) int64
    contents : (n_components, n_bins) int64, added to
    """
    failed, first, region = nominal
    then, region_then = failed & plan.same, region
    arrays, n_cuts = plan.intervals, plan.intervals.n_cut_intervals
    apply_intervals(arrays, slice(None, n_cuts), values, then)
    if plan.has_regions:
        outside, region_then = np.zeros_like(failed), np.empty_like(region)
        apply_intervals(arrays, slice(n_cuts, None), values, outside)
        bits.first_clear(outside, plan.n_regions, region_then)
    migrated = np.flatnonzero((then != failed) | (region_then != region))
    first_then = np.empty(migrated.size, np.uint8)
    bits.first_set(then[migrated], plan.n_cuts, first_then)
    source = _place(first[migrated], region[migrated], plan.n_regions)
    target = _place(first_then, region_then[migrated], plan.n_regions)
    index = plan.start + source * _n_places(plan.n_cuts, plan.n_regions) + target
    kept = source != target
    bits.add(index[kept], migrated[kept], weights, contents)


def n_bins(n_cuts: int, n_regions: int) -> int:
    """How many bins a variation needs: one for each pair of places."""
    return _n_places(n_cuts, n_regions) ** 2


def migration_matrix(tally: Tally, bins: slice) -> Integers:
    """Number of events by place, nominal and varied, (n_components, n_bins).

    Parameters
    ----------
    tally : Tally
    bins : slice
        `na64.processors.counting.booking.Booking.migration_bins`.
    """
    dense = np.zeros((tally.n_components, bins.stop - bins.start), np.int64)
    first, last = np.searchsorted(tally.bins, (bins.start, bins.stop))
    dense[:, tally.bins[first:last] - bins.start] = tally.contents[:, first:last]
    return dense


def varied_counts(first_fail: Integers, migrated: Integers) -> VariedCounts:
    """Turn nominal counts and moved events into the counts under a variation.

    Parameters
    ----------
    first_fail : (n_components, n_cuts + 1, n_regions + 1) int64
        `na64.processors.counting.tally.Tally.first_fail`.
    migrated : (n_components, n_bins) int64
        The bins of the variation.
    """
    n_components, n_stages, n_in_stage = first_fail.shape
    pairs = migrated.reshape(n_components, n_stages, n_in_stage, n_stages, n_in_stage)
    left, came = _after(pairs.sum(axis=(3, 4))), _after(pairs.sum(axis=(1, 2)))
    # Passing a stage both nominally and then: the sum over all pairs of places from there on.
    both = _after(np.swapaxes(_after(pairs), 1, 3))
    stages = np.arange(n_stages)
    both = both[:, stages, :, stages, :].swapaxes(0, 1)
    stayed = np.einsum("lsrr->lsr", both)
    before = _after(first_fail)
    stayed_anywhere = both.sum(axis=(2, 3))
    return VariedCounts(
        passed=(before - left + came).sum(axis=2),
        gained=came.sum(axis=2) - stayed_anywhere,
        lost=left.sum(axis=2) - stayed_anywhere,
        regions=before - left + came,
        regions_gained=came - stayed,
        regions_lost=left - stayed,
    )


def _prepare(selection: Selection, variation: Variation, index: dict[str, int], start: int) -> VariedPlan:
    names = row_names(selection, variation.effect)
    varied = {name for name, row in names.items() if name != row}
    replaced = {cut.name for cut in variation.cuts}
    cuts = variation.cuts_of(selection.cuts)
    conditions = [
        condition if cut.name in replaced or not varied.isdisjoint(condition.features) else Condition()
        for cut, condition in zip(cuts, selection.conditions_of(cuts), strict=True)
    ]
    regions = [region.condition for region in selection.regions]
    has_regions = any(not varied.isdisjoint(condition.features) for condition in regions)
    rows = {name: index[row] for name, row in names.items() if row in index}
    return VariedPlan(
        intervals=compile_intervals(conditions, regions if has_regions else [], rows),
        same=sum(1 << number for number, condition in enumerate(conditions) if condition == Condition()),
        has_regions=has_regions,
        n_cuts=len(conditions),
        n_regions=len(regions),
        start=start,
    )


def _place(first: Bytes, region: Bytes, n_regions: int) -> Integers:
    return first.astype(np.int64) * (n_regions + 1) + region


def _n_places(n_cuts: int, n_regions: int) -> int:
    return (n_cuts + 1) * (n_regions + 1)


def _after(counts: Integers) -> Integers:
    """Sum counts by first failing cut, axis 1, to those after every cut."""
    return np.flip(np.cumsum(np.flip(counts, 1), axis=1), 1)
