"""Momentum of a track through a dipole, against tracks that are drawn with the centre of their circle."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from na64.processors.kernels import track

Floats = NDArray[np.float64]

Z = np.array([-4000.0, -2800.0, -1600.0, -400.0, 3000.0, 3350.0, 3700.0])
FIRST, LAST, FIELD = 0.0, 2000.0, 1.4
RESOLUTION = np.array([0.07, 0.07, 0.07, 0.07, 0.1, 0.1, 0.1])


def draw(momentum: float, start: float, angle: float, z: Floats = Z) -> Floats:
    """Positions of a track by the centre of its circle; a momentum below 0 is of the other charge."""
    radius = momentum / (0.299792458 * FIELD) * 1000  # mm
    centre = np.array([FIRST - radius * np.sin(angle), start + radius * np.cos(angle)])
    leaving = np.arcsin((LAST - centre[0]) / radius)
    end = centre[1] - radius * np.cos(leaving)
    before, behind = start + (z - FIRST) * np.tan(angle), end + (z - LAST) * np.tan(leaving)
    return np.asarray(np.where(z <= FIRST, before, behind))


def fit(positions: Floats, z: Floats = Z, resolution: Floats = RESOLUTION) -> dict[str, Floats]:
    made = np.full((len(track.FEATURES), len(positions)), -7.0)
    work = np.full(track.WORK, np.nan)
    track.fit_tracks(positions, z, resolution, FIELD, FIRST, LAST, work, made)
    return dict(zip(track.FEATURES, made, strict=True))


@pytest.mark.parametrize("momentum", [160.0, -160.0, 80.0, 20.0, -5.0, 1.5])
def test_exact_tracks_have_their_momentum_slope_and_bend(momentum: float) -> None:
    cases = [(start, angle) for start in (-40.0, 0.0, 15.0) for angle in (-0.02, 0.0, 0.005)]
    found = fit(np.array([draw(momentum, *case) for case in cases]))
    np.testing.assert_allclose(found["momentum"], abs(momentum), rtol=1e-6)
    np.testing.assert_allclose(found["slope"], [np.tan(angle) for _, angle in cases], atol=1e-9)
    np.testing.assert_array_equal(np.sign(found["bend"]), np.sign(momentum))
    sines = [np.sin(angle) + (LAST - FIRST) * 0.299792458e-3 * FIELD / momentum for _, angle in cases]
    bends = np.arcsin(sines) - [angle for _, angle in cases]
    np.testing.assert_allclose(found["bend"], bends, atol=1e-9)
    assert (found["chi2"] < 1e-5).all()
    assert (found["planes"] == 7).all()


@pytest.mark.parametrize("momentum", [160.0, 70.0, 30.0])
def test_smeared_tracks_have_the_resolution_and_the_chi2_that_the_fit_states(momentum: float) -> None:
    rng, n = np.random.default_rng(5), 4000
    exact = draw(momentum, 3.0, 0.001)
    found = fit(exact + RESOLUTION * rng.standard_normal((n, len(Z))))
    pull = (1 / found["momentum"] - 1 / momentum) / (found["error"] / found["momentum"] ** 2)
    assert abs(pull.mean()) < 0.05
    assert pull.std() == pytest.approx(1.0, rel=0.04)
    assert found["chi2"].mean() == pytest.approx(1.0, rel=0.05)
    spread = np.std(momentum / found["momentum"])
    assert spread == pytest.approx(np.median(found["error"] / found["momentum"]), rel=0.1)


def test_the_error_is_that_of_the_angle_between_two_straight_lines() -> None:
    """Independent: lines fitted to both arms, which have to meet where a short magnet is."""
    z = np.array([-3000.0, -1000.0, 1001.0, 3001.0])
    made = np.zeros((6, 1))
    positions = np.array([[0.0, 0.0, -1000 * 0.005, -3000 * 0.005]])
    sigma = 0.1
    work = np.zeros(track.WORK)
    track.fit_tracks(positions, z, np.full(4, sigma), 1000.0, 0.0, 1.0, work, made)
    # Four points, offset, slope and kink at z = 0: variance of the kink by hand, from both arms about z = 0.
    lever = np.array([-3.0, -1.0, 1.0, 3.0])
    design = np.stack([np.ones(4), lever, np.maximum(lever, 0)], axis=1)
    kink = sigma * 1e-3 * np.sqrt(np.linalg.inv(design.T @ design)[2, 2])
    assert made[1, 0] / made[0, 0] == pytest.approx(kink / 0.005, rel=2e-3)


def test_planes_without_a_single_hit_are_left_out_as_long_as_a_track_follows() -> None:
    exact = np.array([draw(50.0, 1.0, 0.002)] * 5)
    exact[1, [1, 5]] = np.nan
    exact[2, [2, 3, 4, 5]] = np.nan
    exact[3, 4:] = np.nan  # nothing behind the magnet
    exact[4, 1:5] = np.nan
    exact[4, 6] = np.nan  # two planes
    found = fit(exact)
    np.testing.assert_allclose(found["momentum"][:3], 50.0, rtol=1e-6)
    np.testing.assert_array_equal(found["planes"], [7, 5, 3, 4, 2])
    assert found["error"][1] > found["error"][0]
    assert found["error"][2] > found["error"][1]
    assert found["chi2"][2] < 1e-9
    for name in ("momentum", "error", "chi2", "bend", "slope"):
        assert np.isnan(found[name][3:]).all()


@pytest.mark.parametrize(
    "positions",
    [np.zeros(7), np.array([0.0, 0, 0, 0, 1e7, 1e7, 1e7]), np.array([0.0, 1e9, -1e9, 1e9, -1e9, 0, 1e9])],
)
def test_what_is_no_track_has_no_momentum(positions: Floats) -> None:
    found: dict[str, Any] = fit(positions[None])
    assert np.isnan(found["momentum"][0])
    assert found["planes"][0] == 7
