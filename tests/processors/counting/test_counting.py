"""Counting a selection against a program that does one cut after the other."""

from __future__ import annotations

import math
from dataclasses import replace

import boost_histogram as bh
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from na64.datasets.conditions.periods import packaged_periods
from na64.datasets.instrument.features import INDEX
from na64.processors.counting.booking import Rule, book
from na64.processors.counting.counting import Counter, count_events, empty_tally, needed_features
from na64.processors.counting.tally import Tally, fixed_point, sums
from na64.processors.counting.weighted_sums import LEFT_OUT
from na64.processors.kernels import fill
from na64.selections.boxes import boxes_of
from na64.selections.cut import Clause, Condition, Cut, When
from na64.selections.histograms import Axis, Histogram, Weight
from na64.selections.interval import Interval, Limits
from na64.selections.regions import Region
from na64.selections.selection import VISIBLE, Selection, load_selection

WIDER = (0.0, 0.5, 0.75, 2.0)
STEADY = settings(derandomize=True, max_examples=60)
USED = ("ecal", "hcal", "hcal_0", "shower_chi2")
EDGES = [-math.inf, 0.0, 0.5, 1.0, 1.5, 2.0, math.inf]
VALUES = st.sampled_from([*EDGES, -0.0, 0.75, 7.0, 200.0, -1.25, math.nan])
NO_WEIGHTS = np.zeros((0, 0), np.int64)

Values = NDArray[np.float32]
Mask = NDArray[np.bool_]


def interval(feature: str, bounds: tuple[float, float]) -> Interval:
    return Interval(feature, min(bounds), max(bounds))


INTERVALS = st.builds(
    interval, st.sampled_from(USED), st.tuples(st.sampled_from(EDGES), st.sampled_from(EDGES))
)
TABLES = st.builds(
    lambda values: Interval("shower_chi2", -math.inf, math.inf, Limits("ecal", (0.0, 1.0), values)),
    st.tuples(st.sampled_from([0.5, 1.5]), st.sampled_from([0.75, 2.0])),
)
LOWER_TABLES = st.builds(
    lambda values: Interval(
        "shower_chi2", -math.inf, 1.5, lowest=Limits("ecal", (0.0, 1.0), values), limits=None
    ),
    st.tuples(st.sampled_from([0.5, 1.5]), st.sampled_from([0.75, -1.0])),
)
ANY_INTERVAL = INTERVALS | TABLES | LOWER_TABLES
ALTERNATIVES = st.lists(st.lists(ANY_INTERVAL, min_size=1, max_size=3).map(tuple), min_size=1, max_size=3)
CLAUSES = st.lists(ALTERNATIVES.map(lambda found: Clause("any", tuple(found), "")), max_size=2).map(tuple)
WHEN = st.lists(
    st.builds(
        lambda one, clauses: When("x", (), Condition((one,), clauses)),
        ANY_INTERVAL,
        CLAUSES.map(lambda found: found[:1]),
    ),
    max_size=2,
).map(tuple)


@st.composite
def selections(draw: st.DrawFn) -> Selection:
    groups = draw(st.lists(st.lists(ANY_INTERVAL, min_size=1, max_size=3), min_size=1, max_size=5))
    groups = [list({i.feature: i for i in group}.values()) for group in groups]
    cuts = tuple(
        Cut(f"cut_{n}", tuple(group), f"cut {n}", "", draw(CLAUSES)[: 2 - n % 2], draw(WHEN))
        for n, group in enumerate(groups)
    )
    chosen = tuple((cut.name, draw(st.integers(0, len(cut.when)))) for cut in cuts)
    stages = st.sampled_from([VISIBLE, *(cut.name for cut in cuts)])
    x = draw(st.sampled_from([Axis("hcal_0", 3, 0.0, 1.5, "x"), Axis("hcal_0", 3, 0.0, 2.0, "x", WIDER)]))
    y = Axis("shower_chi2", 4, -1.0, 2.0, "y")
    own = (
        Histogram("own", draw(stages), (x,), "own"),
        Histogram("sums", draw(stages), (x,), "sums", Weight("ecal", "GeV")),
        Histogram("two", draw(stages), (y, x), "two"),
        Histogram("sums_of_two", draw(stages), (y, x), "sums", Weight("hcal", "GeV")),
    )
    regions = tuple(
        Region(name, tuple(draw(st.lists(INTERVALS, min_size=1, max_size=2))), name, "", draw(CLAUSES))
        for name in (f"region_{n}" for n in range(draw(st.sampled_from([0, 1, 3, 12]))))
    )
    return Selection("toy", "", "", cuts, regions, cuts[0].name, own, chosen=chosen)


def table(events: list[tuple[float, ...]]) -> Values:
    values = np.full((len(INDEX), len(events)), np.nan, np.float32)
    for row, name in enumerate(USED):
        values[INDEX[name]] = [event[row] for event in events]
    return values


def inside(one: Interval, values: Values) -> Mask:
    row = values[INDEX[one.feature]]
    low, high = bound(one.lowest, one.low, values), bound(one.limits, one.high, values)
    passed: Mask = (row >= low) & (row <= high)
    return passed


def bound(limits: Limits | None, fixed: float, values: Values) -> NDArray[np.float32]:
    found = np.full(values.shape[1], fixed, np.float32)
    if limits is not None:
        for event, value in enumerate(values[INDEX[limits.feature]]):
            found[event] = limits.values[0] if value == value else np.nan  # noqa: PLR0124
            for edge, candidate in zip(limits.edges, limits.values, strict=True):
                found[event] = candidate if value >= edge else found[event]
    return found


def holds(part: Cut | Region, values: Values, which: int = 0) -> Mask:
    """The bounds that hold in the run, and at least one alternative of each clause."""
    condition = part.conditions[which] if isinstance(part, Cut) else part.condition
    masks = [inside(one, values) for one in condition.intervals]
    for clause in condition.clauses:
        groups = [every(values.shape[1], [inside(one, values) for one in g]) for g in clause.alternatives]
        masks.append(np.any(groups, axis=0))
    return every(values.shape[1], masks)


def holds_of(selection: Selection, values: Values) -> list[Mask]:
    return [holds(cut, values, dict(selection.chosen).get(cut.name, 0)) for cut in selection.cuts]


def every(n_events: int, masks: list[Mask]) -> Mask:
    passed = np.ones(n_events, bool)
    for mask in masks:
        passed &= mask
    return passed


def place(selection: Selection, values: Values) -> NDArray[np.int64]:
    found = np.zeros(values.shape[1], np.int64)
    for number in range(len(selection.regions), 0, -1):
        found[holds(selection.regions[number - 1], values)] = number
    return found


def count(values: Values, selection: Selection, weights: NDArray[np.int64] = NO_WEIGHTS) -> Tally:
    components = weights if weights.size else np.zeros((0, values.shape[1]), np.int64)
    return count_events(selection, values, components)


EVENTS = st.lists(st.tuples(*[VALUES] * len(USED)), max_size=40)


@STEADY
@given(selections(), EVENTS)
def test_counts_are_those_of_one_cut_after_the_other(
    selection: Selection, events: list[tuple[float, ...]]
) -> None:
    values = table(events)
    tally = count(values, selection)
    passes = holds_of(selection, values)
    region = place(selection, values)
    left, places = np.ones(len(events), bool), range(len(selection.regions) + 1)
    for stage, passed in enumerate([left, *passes]):
        left = left & passed
        assert tally.passed()[0, stage] == left.sum()
        assert tally.regions_after()[0, stage].tolist() == [(left & (region == r)).sum() for r in places]
    for number, passed in enumerate(passes):
        others = [mask for other, mask in enumerate(passes) if other != number]
        assert tally.single_cut[0, number] == passed.sum()
        assert tally.n_minus_one[0, number] == every(len(events), others).sum()


@STEADY
@given(selections(), EVENTS)
@example(
    Selection(
        "toy",
        "",
        "",
        (Cut("cut_0", (Interval("ecal", 0.0, 1.0),), "", ""),),
        tuple(
            Region(name, (Interval("ecal", 5.0, 6.0),), name, "")
            for name in ("region_I", "region_II", "region_III")
        ),
        "cut_0",
        (),
    ),
    [(math.nan, math.nan, math.nan, math.nan)],
)
def test_histograms_are_those_of_boost_histogram(
    selection: Selection, events: list[tuple[float, ...]]
) -> None:
    values = table(events)
    tally = count(values, selection)
    passes = dict(zip(selection.cut_names, holds_of(selection, values), strict=True))
    names = list(passes)
    for filled in book(selection).filled(tally.histograms):
        if filled.rule is Rule.N_MINUS_ONE:
            needed = [passes[name] for name in names if name != filled.cut]
        else:
            needed = [passes[name] for name in names[: ([VISIBLE, *names].index(filled.cut))]]
        chosen = every(len(events), needed)
        axes = [
            bh.axis.Variable(axis.edges) if axis.edges else bh.axis.Regular(axis.bins, axis.low, axis.high)
            for axis in filled.axes
        ]
        if filled.weight is not None:
            weight = values[INDEX[filled.weight.feature]].astype(np.float64)
            assert filled.contents[LEFT_OUT].sum() == (chosen & ~np.isfinite(weight)).sum()
            chosen &= np.isfinite(weight)
            summed = bh.Histogram(*axes, storage=bh.storage.Weight())
            summed.fill(*(values[INDEX[axis.feature]][chosen] for axis in filled.axes), weight=weight[chosen])
            assert np.array_equal(filled.sums.sumw, summed.values(flow=True))
            assert np.array_equal(filled.sums.sumw2, summed.variances(flow=True))
            assert filled.sums.count.sum() == chosen.sum()
            continue
        peer = bh.Histogram(*axes, storage=bh.storage.Int64())
        peer.fill(*(values[INDEX[axis.feature]][chosen] for axis in filled.axes))
        assert np.array_equal(filled.contents[0], peer.view(flow=True))
        assert filled.contents.sum() == chosen.sum()


@STEADY
@given(selections(), EVENTS, st.integers(0, 40))
def test_two_parts_add_up_to_the_whole(
    selection: Selection, events: list[tuple[float, ...]], cut: int
) -> None:
    values = table(events)
    whole, parts = count(values, selection), [values[:, :cut], values[:, cut:]]
    assert count(parts[0], selection) + count(parts[1], selection) == whole


@STEADY
@given(selections(), EVENTS)
def test_weights_fill_wherever_counts_do(selection: Selection, events: list[tuple[float, ...]]) -> None:
    values = table(events)
    weighted = count(values, selection, fixed_point(np.full(len(events), 0.25)))
    if not events:
        return
    plain = count(values, selection)
    for name in ("first_fail", "single_cut", "n_minus_one"):
        numbers, counts = sums(getattr(weighted, name)), getattr(plain, name)[0]
        assert np.array_equal(numbers.count, counts)
        assert np.array_equal(numbers.sumw, 0.25 * counts)
        assert np.array_equal(numbers.sumw2, 0.0625 * counts)
    booking = book(selection)
    both = (booking.filled(tally.histograms) for tally in (weighted, plain))
    for one, other in zip(*both, strict=True):  # those with a weight of their own too
        assert np.array_equal(one.sums.count, other.sums.count)
        assert np.array_equal(one.sums.sumw, 0.25 * other.sums.sumw)
        assert np.array_equal(one.sums.sumw2, 0.0625 * other.sums.sumw2)


def test_a_weight_is_multiplied_with_that_of_the_event() -> None:
    """Whatever the weights of simulated events are, those that are not finite are left out."""
    axis = Axis("hcal_0", 1, 0.0, 1.0, "x")
    selection = replace(
        load_selection("dimuon_2023"),
        histograms=(Histogram("sums", VISIBLE, (axis,), "sums", Weight("ecal", "GeV")),),
    )
    values = np.full((len(selection.index), 4), 0.5, np.float32)
    values[INDEX["ecal"]] = [3.0, -2.0, math.inf, math.nan]
    tally = count_events(selection, values, fixed_point(np.array([0.25, 8.0, 0.0, 1.0])))
    (filled,) = (one for one in book(selection).filled(tally.histograms) if one.name == "sums")
    assert filled.sums.sumw.tolist() == [0.0, 0.25 * 3 - 2 * 8, 0.0]
    assert filled.sums.sumw2.tolist() == [0.0, (0.25 * 3) ** 2 + (2 * 8) ** 2, 0.0]
    assert filled.contents[LEFT_OUT].tolist() == [0, 2, 0]


def test_parts_whose_weights_cancel_are_the_whole() -> None:
    axis = Axis("hcal_0", 1, 0.0, 1.0, "x")
    own = (Histogram("sums", VISIBLE, (axis,), "sums", Weight("ecal", "GeV")),)
    selection = replace(load_selection("dimuon_2023"), histograms=own)
    values = np.full((len(selection.index), 3), 0.5, np.float32)
    values[INDEX["ecal"]] = [3.0, -3.0, 1.0]
    two, one = count(values[:, :2], selection), count(values[:, 2:], selection)
    assert count(values[:, :1], selection) + count(values[:, 1:2], selection) == two
    assert two + one == count(values, selection)
    (filled,) = (found for found in book(selection).filled(two.histograms) if found.name == "sums")
    assert [found[1] for found in (filled.sums.count, filled.sums.sumw, filled.sums.sumw2)] == [2, 0, 18]


def test_events_that_no_plane_shows_are_in_no_map_of_sums_either() -> None:
    """Open events inside a closed box, as those of calibration triggers, by the rule of all histograms."""
    x, y = Axis("ecal", 3, 0.0, 150.0, "x"), Axis("hcal", 3, 0.0, 3.0, "y")
    booked = [
        Histogram(f"{name}{len(axes)}", VISIBLE, axes, "", weight)
        for axes in ((x,), (x, y))
        for name, weight in (("counts", None), ("sums", Weight("srd_0", "GeV")))
    ]
    selection = replace(load_selection("dimuon_2023"), histograms=tuple(booked))
    values = np.full((len(selection.index), 3), 1.0, np.float32)
    values[[INDEX["ecal"], INDEX["hcal"]]] = [[10.0, 100.0, 20.0], [0.5, 0.5, 2.5]]
    counter = Counter(selection, 1, boxes=boxes_of(packaged_periods()["2023A"]))
    counter.add(values, np.zeros((0, 3), np.int64), {})
    filled = {one.name: one for one in book(selection).filled(counter.tally().histograms)}
    assert [filled[f"counts{n}"].contents.sum() for n in (1, 2)] == [3, 2]
    for n in (1, 2):
        assert np.array_equal(filled[f"sums{n}"].sums.sumw, filled[f"counts{n}"].contents[0])


def test_what_is_read_of_stored_features_includes_weights() -> None:
    axis = Axis("hcal_0", 1, 0.0, 1.0, "x")
    plain = replace(load_selection("dimuon_2023"), histograms=(Histogram("sums", VISIBLE, (axis,), "sums"),))
    weighted = replace(plain, histograms=(replace(plain.histograms[0], weight=Weight("veto_2", "GeV")),))
    assert set(needed_features(weighted)) - set(needed_features(plain)) == {"veto_2"}
    assert weighted.inputs - plain.inputs == {"veto_2"}
    assert weighted.identity != plain.identity
    names = needed_features(weighted)
    values = np.random.default_rng(2).uniform(0, 5, (len(weighted.index), 50)).astype(np.float32)
    counter = Counter(weighted, 1, names)
    counter.add(values[[weighted.index[name] for name in names]], np.zeros((0, 50), np.int64), {})
    assert counter.tally() == count(values, weighted)


def test_no_event_gives_the_empty_tally() -> None:
    selection = load_selection("dimuon_2023")
    assert count(table([]), selection) == empty_tally(selection, 1)


def test_another_threshold_compiles_nothing() -> None:
    selection = load_selection("invisible_2023")
    values = np.random.default_rng(1).uniform(0, 100, (len(INDEX), 500)).astype(np.float32)
    count(values, selection)
    before = len(getattr(fill.count, "signatures", []))
    first, *others = selection.cuts
    moved = replace(first, intervals=(replace(first.intervals[0], low=-7.0, high=50.0),))
    count(values, replace(selection, cuts=(moved, *others)))
    count(values, load_selection("dimuon_2022"))
    assert len(getattr(fill.count, "signatures", [])) == before


@pytest.mark.parametrize("number", [254, 255])
def test_the_number_of_the_first_failing_cut_fits_into_a_byte(number: int) -> None:
    cuts = tuple(Cut(f"cut_{n}", (Interval("ecal", 0.0, 5.0 + n),), "", "") for n in range(number))
    regions = load_selection("dimuon_2023").regions
    selection = Selection("toy", "", "", cuts, regions, "cut_0", ())
    events = table([(4.0, 0.0, 0.0, 0.0), (250.0, 0.0, 0.0, 0.0), (900.0, 0.0, 0.0, 0.0)])
    if number > 254:
        with pytest.raises(ValueError, match="selection toy: 255 cuts, at most 254"):
            count(events, selection)
        return
    tally = count(events, selection)
    assert tally.passed()[0, [0, 1, 245, 246, 254]].tolist() == [3, 1, 1, 1, 1]
    assert tally.single_cut[0, [0, 244, 245, 253]].tolist() == [1, 1, 2, 2]


def test_more_events_than_a_block_are_all_counted() -> None:
    selection = load_selection("dimuon_2023")
    values = np.random.default_rng(1).uniform(0, 100, (len(INDEX), 9000)).astype(np.float32)
    parts = [count(values[:, start : start + 1000], selection) for start in range(0, 9000, 1000)]
    assert count(values, selection) == sum(parts[1:], parts[0])


def test_a_table_of_the_wrong_height_is_refused() -> None:
    with pytest.raises(ValueError, match=f"expected {len(INDEX)} features"):
        count(np.zeros((3, 2), np.float32), load_selection("dimuon_2022"))
