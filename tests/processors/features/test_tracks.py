"""Momenta of tracks through the magnets of a period, of simulated hits and of hits by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from na64.datasets.conditions.periods import load_periods
from na64.datasets.instrument.columns import Cells, EventColumns, TrackerHits
from na64.datasets.synthetic import load_campaign
from na64.datasets.synthetic.components import generate
from na64.datasets.synthetic.muon_tracks import MOMENTUM, hits_of
from na64.datasets.synthetic.particles import Gun
from na64.outputs.signal.spectrometer import momentum_resolution
from na64.processors.features.compute import compute
from na64.processors.features.feature_table import FeatureTable, Skip

SETUP = load_periods()["2022M"].setup
P_OUT = next(one for one in SETUP.spectrometers if one.name == "p_out")
N = 2500


def simulated(momentum: float) -> tuple[FeatureTable, NDArray[np.float64]]:
    """Features of muons that leave the target with a momentum, and their true momenta."""
    campaign = load_campaign("muon_2022")
    rng = np.random.default_rng(8)
    further = (campaign.further, campaign.dump, campaign.muon_mode)
    gun = Gun(campaign.beam, campaign.geometries[0].grid, campaign.response, rng, *further)
    tracks = generate(gun, campaign.components[0], N, campaign.trigger).tracks
    tracks[:, 1, MOMENTUM] = momentum * (1 + 0.02 * rng.standard_normal(N))
    assert campaign.muon_mode is not None
    hits = hits_of((tracks,), (np.arange(N),), N, campaign.muon_mode, rng)
    return compute(EventColumns(N, {}, {**hits}), SETUP, bad=np.zeros(N, np.bool_)), tracks


@pytest.mark.parametrize("momentum", [160.0, 80.0, 40.0])
def test_momenta_of_simulated_muons_have_the_resolution_that_is_predicted(momentum: float) -> None:
    table, tracks = simulated(momentum)
    single = (table["p_out_planes"] == 7) & (table["p_out_chi2"] < 5)
    assert single.sum() > 1500
    ratio = tracks[single, 1, MOMENTUM] / table["p_out"][single]
    error = table["p_out_error"][single] / table["p_out"][single]
    assert np.std(ratio) == pytest.approx(float(np.median(error)), rel=0.1)
    # The error of the bend, by the formula for a momentum from an angle.
    angle = _angle_resolution()
    expected = momentum_resolution(momentum, 1.4 * 2.0, angle)
    assert float(np.median(error)) == pytest.approx(expected, rel=0.1)
    assert np.mean(table["p_out_chi2"][single]) == pytest.approx(1.0, abs=0.1)
    coming = (table["p_in_planes"] == 4) & (table["p_in_chi2"] < 5)
    true = tracks[coming, 0, MOMENTUM] / table["p_in"][coming]
    assert np.std(true) == pytest.approx(
        float(np.median(table["p_in_error"][coming] / table["p_in"][coming])), rel=0.1
    )


def _angle_resolution() -> float:
    """Error of the angle between two straight lines that meet in the middle of the magnet, rad."""
    middle = (P_OUT.first + P_OUT.last) / 2
    lever = np.array(P_OUT.z) - middle
    design = np.stack([np.ones(7), lever, np.maximum(lever, 0)], axis=1) / np.array(P_OUT.resolution)[:, None]
    return float(np.sqrt(np.linalg.inv(design.T @ design)[2, 2]))


def hits(*positions: list[float]) -> TrackerHits:
    offsets = np.concatenate([[0], np.cumsum([len(one) for one in positions])])
    return TrackerHits(offsets, np.array([x for one in positions for x in one], np.float32))


def by_hand(**changed: TrackerHits) -> EventColumns:
    """Two events on the straight axis of both spectrometers, with some planes changed."""
    planes = {
        plane: hits([origin], [origin])
        for one in SETUP.spectrometers
        for plane, origin in zip(one.planes, one.origin, strict=True)
    }
    return EventColumns(2, {}, {**planes, **changed})


def features(events: EventColumns) -> FeatureTable:
    return compute(events, SETUP, bad=np.zeros(events.n_events, np.bool_))


def test_planes_with_two_hits_are_left_out_and_too_few_give_no_momentum() -> None:
    table = features(by_hand(gem2y=hits([-1465.9, -1400.0], []), mm6y=hits([-1628.4], [])))
    np.testing.assert_array_equal(table["p_out_planes"], [6, 5])
    assert (table["p_out"] > 1000).all()  # straight but for float32 in the file
    names = ("mm5y", "mm6y", "mm7y")
    table = features(by_hand(**{name: hits([], [-1600.0, -1601.0]) for name in names}))
    np.testing.assert_array_equal(table["p_out_planes"], [4, 4])
    for name in ("p_out", "p_out_error", "p_out_chi2", "p_out_bend", "p_out_slope"):
        assert np.isnan(table[name]).all()
    assert (table["p_in_planes"] == 4).all()


def test_a_file_without_one_of_the_planes_has_no_momentum() -> None:
    events = by_hand()
    del events.detectors["gem3y"]
    table = features(events)
    assert np.isnan(table["p_out"]).all()
    assert np.isnan(table["p_out_planes"]).all()
    assert np.isfinite(table["p_in_planes"]).all()


def test_a_hit_that_is_no_number_skips_the_event_and_is_no_part_of_a_track() -> None:
    table = features(by_hand(gem1y=hits([np.nan], [-1428.6])))
    assert table.skip.tolist() == [Skip.NONFINITE, Skip.NONE]
    assert np.isnan(table["p_out"][0])


def test_cells_where_hits_belong_are_refused() -> None:
    with pytest.raises(ValueError, match="gem1y: cells, but its role is tracker"):
        features(replace(by_hand(), detectors={"gem1y": Cells(np.zeros((2, 1)))}))
