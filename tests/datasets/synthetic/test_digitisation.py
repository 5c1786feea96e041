"""Noise, times and overlapping pulses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from na64.datasets.instrument.columns import Cells
from na64.datasets.synthetic import load_campaign
from na64.datasets.synthetic.components import generate
from na64.datasets.synthetic.deposits import Deposits, empty
from na64.datasets.synthetic.digitisation import _merge, cells, master_time, tracks
from na64.datasets.synthetic.electromagnetic import Grid
from na64.datasets.synthetic.library import Floats
from na64.datasets.synthetic.particles import Gun
from na64.datasets.synthetic.pile_up import PileUpOverlay, overlay

CAMPAIGN = load_campaign("small")
GRID = Grid(5, 6, (2, 2))
N = 4_000


def gun(seed: int = 3) -> Gun:
    return Gun(CAMPAIGN.beam, GRID, CAMPAIGN.response, np.random.default_rng(seed))


def electrons() -> Deposits:
    return generate(gun(), CAMPAIGN.components[0], N, CAMPAIGN.trigger)


def digitised(deposits: Deposits, second: PileUpOverlay | None = None) -> dict[str, Cells]:
    none = PileUpOverlay(np.zeros(0, dtype=np.int64), np.zeros(0), empty(0, GRID))
    rng = np.random.default_rng(4)
    return cells(
        deposits,
        none if second is None else second,
        master_time(len(deposits), rng),
        response=CAMPAIGN.response,
        pile_up=CAMPAIGN.pile_up,
        rng=rng,
    )


def in_time(detector: Cells, repeat: int = 1) -> Floats:
    assert detector.time is not None
    assert detector.expected_time is not None
    assert detector.time_sigma is not None
    width = 3 * np.repeat(detector.time_sigma, repeat, axis=1)
    return np.where(np.abs(detector.time - detector.expected_time) < width, detector.energy, 0.0)


def test_in_time_pulses_are_in_time_and_noise_is_small() -> None:
    detector = digitised(electrons())["ecal"]
    assert in_time(detector).sum() / detector.energy.sum() == pytest.approx(0.997, abs=0.002)
    assert detector.energy.sum(axis=1).mean() == pytest.approx(100.0, abs=0.6)
    noise = digitised(empty(N, GRID))
    assert noise["ecal"].energy.sum(axis=1).mean() < 0.02
    assert (noise["hcal"].energy > 0.2).mean() < 1e-3
    assert (noise["srd"].energy > 0.001).mean() < 1e-3


def test_every_detector_has_its_cells() -> None:
    made = digitised(empty(7, GRID))
    assert {name: made[name].energy.shape for name in made} == {
        "ecal": (7, 60),
        "hcal": (7, 36),
        "vhcal": (7, 16),
        "srd": (7, 3),
        "veto": (7, 6),
    }
    sigma = made["veto"].time_sigma
    assert sigma is not None
    assert sigma.shape == (7, 3)


@pytest.mark.parametrize(
    ("first", "second", "delay", "energy", "time"),
    [
        (10.0, 0.0, 5.0, 10.0, 0.0),
        (10.0, 30.0, 4.0, 40.0, 3.0),
        (10.0, 30.0, -4.0, 40.0, -3.0),
        (10.0, 30.0, 50.0, 30.0, 50.0),
        (30.0, 10.0, 50.0, 30.0, 0.0),
        (0.0, 0.0, 5.0, 0.0, 0.0),
    ],
)
def test_close_pulses_add_up_and_of_others_the_larger_is_kept(
    first: float, second: float, delay: float, energy: float, time: float
) -> None:
    merged = _merge(np.array([[first]]), np.array([[second]]), np.array([[delay]]), 12.5)
    assert [value[0, 0] for value in merged] == pytest.approx([energy, time])


def test_the_veto_saturates() -> None:
    blank = empty(3, GRID)
    energy = np.array([[0.001], [0.0], [10.0]]) * np.ones((3, 6))
    seen = digitised(replace(blank, paddles=energy))["veto"].energy
    limit = CAMPAIGN.response.paddle_saturation
    assert seen[0] == pytest.approx(0.001, abs=0.0008)
    assert seen[2] == pytest.approx(limit, abs=0.001)
    assert (digitised(replace(blank, counters=energy[:, :3]))["srd"].energy[2] > 9).all()


def test_late_particles_are_out_of_time() -> None:
    deposits = electrons().take(np.zeros(200, dtype=np.int64))
    second = PileUpOverlay(np.arange(100), np.full(100, 60.0), electrons().take(np.arange(100)))
    detector = digitised(empty(200, GRID), second)["ecal"]
    assert in_time(detector).sum() < 0.001 * detector.energy.sum()
    assert detector.energy[:100].sum(axis=1).mean() == pytest.approx(100, abs=1)
    assert detector.energy[100:].sum() < 10
    assert in_time(digitised(deposits)["ecal"]).sum(axis=1).mean() == pytest.approx(100, abs=3)


def test_pile_up_comes_as_often_and_when_the_campaign_says() -> None:
    drawn = overlay(gun(), CAMPAIGN.pile_up, np.full(20_000, False))
    assert len(drawn.rows) / 20_000 == pytest.approx(CAMPAIGN.pile_up.probability, rel=0.15)
    assert drawn.delay.min() < -80
    assert drawn.delay.max() > 130
    assert (np.diff(drawn.rows) > 0).all()
    forced = overlay(gun(), CAMPAIGN.pile_up, np.full(50, True))
    assert forced.rows.tolist() == list(range(50))
    assert (np.abs(forced.delay) < 12.5).all()
    assert (forced.deposits.first_shower >= 0).all()


def test_tracks_have_their_resolution_and_failures() -> None:
    made = tracks(electrons(), CAMPAIGN.response, np.random.default_rng(6))
    found = made["track_momentum"] < 9999
    assert found.mean() == pytest.approx(0.95, abs=0.02)
    assert made["track_momentum"][found].std() == pytest.approx(np.hypot(1.0, 0.5), abs=0.1)
    assert made["track_pvalue"][found].mean() == pytest.approx(0.5, abs=0.03)
    assert np.median(made["track_angle"][found]) == pytest.approx(0.47e-3, rel=0.1)
    assert (made["straw3_x"] == 1).mean() == pytest.approx(0.81, abs=0.04)
    assert np.median(made["shower_chi2"]) == pytest.approx(1.0, abs=0.1)
    assert np.isfinite(made["shower_chi2"]).all()


def test_the_trigger_phase_is_flat() -> None:
    time = master_time(20_000, np.random.default_rng(7))
    inside = (time >= 86.5) & (time <= 113.5)
    assert inside.mean() == pytest.approx(0.9935, abs=0.003)
    counts, _ = np.histogram(time[inside], 13, (87, 113))
    assert counts.std() / counts.mean() < 0.06
