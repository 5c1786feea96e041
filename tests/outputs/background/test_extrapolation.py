"""From a sideband to the box, by way of the bins next to the guard."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from na64.outputs.background.closure import FLOOR, densities
from na64.outputs.background.estimate import row_of
from na64.outputs.background.extrapolation import Numbers, Sideband, extrapolate
from na64.outputs.background.rates import poisson_limit

BEAM = Sideband("beam", "E", np.arange(65.0, 78.0), np.zeros(12), (0.0, 60.0), 65.0, 77.0, rising=1.0)
TARGET = Sideband("target", "E", np.arange(2.0, 21.0), np.zeros(18), (0.0, 1.0), 2.0, 20.0, 2.0, 2.0)


def _with(sideband: Sideband, counts: Numbers | list[int], **changes: bool) -> Sideband:
    return replace(sideband, counts=np.asarray(counts, np.float64), **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("one_slope", [False, True])
@pytest.mark.parametrize("sideband", [BEAM, TARGET], ids=["beam", "target"])
@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_no_row_is_above_a_hundred_times_the_flat_limit(
    sideband: Sideband,
    data: st.DataObject,
    one_slope: bool,
) -> None:
    n_bins = len(sideband.counts)
    counts = data.draw(
        st.lists(st.integers(0, 40) | st.just(0) | st.integers(0, 3), min_size=n_bins, max_size=n_bins)
    )
    row = row_of(extrapolate(_with(sideband, counts, one_slope=one_slope)))
    width = (sideband.box[1] - sideband.box[0]) / (sideband.stop - sideband.start)
    assert row.n is not None
    assert 0 < row.n <= 100 * width * poisson_limit(sum(counts))
    assert np.isfinite(row.error)


def test_counts_that_turn_upwards_are_no_candidate_and_are_said_so() -> None:
    rising = [60, 25, 12, 4, 2, 1, 1, 0, 2, 5, 12, 30]
    row = row_of(extrapolate(_with(BEAM, rising)))
    assert row.upper_limit
    assert "rise towards the box, which no density of the family does" in row.method
    assert "no density of this family describes them" in row.method
    assert row.n == pytest.approx(60 / 3 * poisson_limit(97))


def test_with_nothing_seen_the_limit_is_that_of_the_least_favourable_slope() -> None:
    beam, target = (row_of(extrapolate(sideband)) for sideband in (BEAM, TARGET))
    assert beam.n == pytest.approx(5 * np.log(10), rel=1e-3)
    inside, beside = 2 * (1 - np.exp(-0.5)), 2 * (np.exp(-1) - np.exp(-10))
    assert target.n == pytest.approx(inside / beside * np.log(10), rel=1e-3)
    assert (beam.most_likely, target.most_likely) == (0, 0)


@pytest.mark.parametrize("stop", [20, 60])
@pytest.mark.parametrize("at", [8, 13, 15, 17, 57])
def test_an_event_far_from_the_box_changes_the_limit_little(stop: int, at: int) -> None:
    """It says nothing of a steep slope next to the box, by which the limit is made without any event."""
    counts = np.zeros(stop - 2)
    target = replace(TARGET, edges=np.arange(2.0, stop + 1.0), counts=counts, stop=float(stop))
    counts[min(at, stop - 3)] = 1
    with_it, without = (row_of(extrapolate(sideband)) for sideband in (target, _with(target, 0 * counts)))
    assert without.n is not None
    assert with_it.n is not None
    assert 0.99 * without.n < with_it.n < 1.3 * without.n


def test_the_band_next_to_the_guard_is_predicted_without_it() -> None:
    mean, _ = densities(BEAM, ((1, 4.0),), 4000)
    good = extrapolate(_with(BEAM, np.round(mean)))
    seen = good.validation
    assert (seen.start, seen.stop, seen.observed) == (65, 68, np.round(mean)[:3].sum())
    assert seen.low < mean[:3].sum() < seen.high
    assert abs(seen.pull) < 0.5
    assert seen.scale == 1
    lost = np.round(mean) * np.where(np.arange(12) < 3, 0.2, 1)
    poor = extrapolate(_with(BEAM, lost))
    assert poor.validation.predicted == seen.predicted
    assert poor.validation.pull < -2
    assert poor.validation.scale == pytest.approx(-poor.validation.pull)


def test_what_the_band_says_enlarges_the_error() -> None:
    mean, _ = densities(TARGET, ((1, 4.0),), 3000)
    found = extrapolate(_with(TARGET, np.round(mean)))
    bent = np.round(mean) * np.where(np.arange(18) < 3, 0.85, 1)
    worse = extrapolate(_with(TARGET, bent))
    assert worse.validation.scale > 2
    assert worse.log_error > 1.7 * found.log_error


def test_a_single_slope_is_an_assumption_that_is_made_by_name() -> None:
    mean, truth = densities(BEAM, ((1, 3.0),), 1000)
    both = [extrapolate(_with(BEAM, np.round(mean), one_slope=one)) for one in (False, True)]
    mixed, single = (row_of(found) for found in both)
    assert mixed.upper_limit
    assert not single.upper_limit
    assert single.n == pytest.approx(truth, rel=0.3)
    assert "a single slope, assumed" in single.method
    assert "a single slope is assumed" in single.tag
    assert "a single slope would give" in row_of(*both).method


def test_a_floor_is_found_where_there_are_events_enough() -> None:
    mean, truth = densities(BEAM, ((1, 3.0), (0.1, FLOOR)), 20_000)
    row = row_of(extrapolate(_with(BEAM, np.round(mean))))
    assert not row.upper_limit
    assert row.n == pytest.approx(truth, abs=2 * row.error)


@pytest.mark.parametrize(
    ("start", "stop", "band"), [(65.0, 77.0, 68.0), (65.0, 69.0, 66.0), (65.0, 67.0, 66.0)]
)
def test_the_band_leaves_something_to_fit(start: float, stop: float, band: float) -> None:
    assert replace(BEAM, start=start, stop=stop).band == band


def test_a_range_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no range to fit from 75 to 75 GeV"):
        replace(BEAM, start=75.0, stop=75.0)
