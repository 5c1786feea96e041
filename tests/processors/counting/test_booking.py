"""Every selection books the same kinds of histograms, side by side and each in its place."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from na64.datasets.instrument.features import FEATURES, Feature
from na64.processors.counting.booking import PLANE, Rule, book, default_axis
from na64.selections.histograms import Axis, Histogram, axis_label
from na64.selections.interval import Interval, Limits
from na64.selections.selection import SELECTIONS, VISIBLE, load_selection


@pytest.mark.parametrize("name", SELECTIONS)
def test_histograms_fill_the_array_without_gap_or_overlap(name: str) -> None:
    booking = book(load_selection(name))
    place = 0
    for booked in booking.histograms:
        assert booked.start == place
        place = booked.stop
    for variation in booking.variations:
        assert booking.migration_bins(variation).start == place
        place = booking.migration_bins(variation).stop
    assert place == booking.n_bins
    assert len({booked.name for booked in booking.histograms}) == len(booking.histograms)


@pytest.mark.parametrize("name", SELECTIONS)
def test_the_plane_every_cut_variable_and_the_users_histograms_are_booked(name: str) -> None:
    selection = load_selection(name)
    booking = book(selection)
    expected = [f"{PLANE}_after_{cut}" for cut in (VISIBLE, *selection.cut_names)]
    stages = dict.fromkeys((VISIBLE, selection.yields_after, selection.cut_names[-1]))
    expected += [f"plane_{plane.name}_after_{cut}" for plane in selection.planes[1:] for cut in stages]
    expected += [f"n_minus_one_{cut.name}_{i.feature}" for cut in selection.cuts for i in cut.intervals]
    expected += [histogram.name for histogram in selection.histograms]
    filled = list(booking.filled(np.zeros((1, booking.n_bins), np.int64)))
    assert [histogram.name for histogram in filled] == expected
    assert all(histogram.cut in (VISIBLE, *selection.cut_names) for histogram in filled)


def test_the_plane_after_a_cut_has_what_fails_a_later_one() -> None:
    selection = load_selection("dimuon_2022")
    booking = book(selection)
    plane = booking.histograms[0]
    bins = np.zeros((2, booking.n_bins), np.int64)
    for stage in range(plane.n_copies):
        bins[:, plane.start + stage * plane.size + 152 + 3] = 10**stage, 1
    filled = {histogram.name: histogram.contents for histogram in booking.filled(bins)}
    n_cuts = len(selection.cuts)
    assert filled["plane_after_visible"].shape == (2, 152, 152)
    assert filled["plane_after_visible"][:, 1, 3].tolist() == [int("1" * (n_cuts + 1)), n_cuts + 1]
    last = filled[f"plane_after_{selection.cut_names[-1]}"]
    assert last[:, 1, 3].tolist() == [10**n_cuts, 1]
    assert last.sum() == 10**n_cuts + 1


def test_a_histogram_is_cut_out_of_its_place() -> None:
    booking = book(load_selection("dimuon_2022"))
    booked = next(h for h in booking.histograms if len(h.axes) == 2 and h.rule is Rule.AFTER)
    bins = np.zeros((1, booking.n_bins), np.int64)
    bins[0, booked.start + 5 * booked.shape[1] + 7] = 42
    contents = {filled.name: filled.contents for filled in booking.filled(bins)}
    assert contents[booked.name][0, 5, 7] == 42
    assert sum(int(part.sum()) for part in contents.values()) == 42


@pytest.mark.parametrize("name", ["plane", "plane_after_visible", "n_minus_one_trigger_trigger_physics"])
def test_a_name_that_is_taken_is_refused(name: str) -> None:
    selection = load_selection("dimuon_2022")
    own = Histogram(name, VISIBLE, (Axis("ecal", 2, 0.0, 1.0, "ecal"),), "own")
    with pytest.raises(ValueError, match=f'histogram "{name}" is one that is always booked'):
        book(replace(selection, histograms=(own,)))


@pytest.mark.parametrize("feature", FEATURES.values(), ids=lambda feature: feature.name)
def test_every_feature_has_an_axis_with_its_unit(feature: Feature) -> None:
    axis = default_axis(feature)
    assert axis.low < axis.high
    assert axis.label == axis_label(feature)
    assert (f"[{feature.unit}]" in axis.label) == (feature.unit != "1")


@pytest.mark.parametrize(
    ("interval", "low", "high"),
    [
        (Interval("ecal", 20.0, 60.0), 0, 150),
        (Interval("ecal", -10.0, 200.0), -25, 215),
        (Interval("ecal", 0.0, math.inf), -15, 150),
        (Interval("track_momentum", 1.0, 9999.0), 0, 150),
        (Interval("ecal", -math.inf, math.inf), 0, 150),
        (Interval("shower_chi2", -math.inf, math.inf, Limits("ecal", (0.0, 5.0), (3.0, 25.0))), 0, 27),
    ],
)
def test_an_axis_shows_the_bounds_but_those_that_keep_nonsense_out(
    interval: Interval, low: float, high: float
) -> None:
    axis = default_axis(FEATURES[interval.feature], interval)
    assert (axis.low, axis.high) == (low, high)


def test_features_of_a_plugin_are_booked_by_their_unit() -> None:
    new = Feature("new", "MIP", "of a plug-in")
    axis = default_axis(new, Interval("new", 1.0, 2.0))
    assert (axis.low, axis.high, axis.label) == (0, 10, "new [MIP]")
