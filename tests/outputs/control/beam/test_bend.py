"""Momentum from hits of generated tracks."""

from __future__ import annotations

import numpy as np
import pytest

from na64.outputs.control.beam.bend import Plane, Side, angle_error, bend_of_hits, momentum_of_hits, slope

PLANES = (
    Plane("mm1", 0.0, Side.BEFORE),
    Plane("mm2", 1200.0, Side.BEFORE),
    Plane("mm3", 14_000.0, Side.AFTER),
    Plane("mm4", 17_000.0, Side.AFTER),
)
FIELD = 7.0


def tracks(momentum: np.ndarray, *, error: float, sign: int = 1) -> dict[str, np.ndarray]:
    """Give hits of tracks that are bent in the middle of a magnet at 6 m, with an own step through it."""
    random = np.random.default_rng(10)
    n = len(momentum)
    start, before = random.normal(0, 8, n), random.normal(0, 4e-4, n)
    after = np.tan(np.arctan(before) + sign * 0.299792458 * FIELD / momentum)
    found = {}
    for plane in PLANES:
        straight = start + before * min(plane.z, 6000.0)
        found[plane.position] = straight + after * max(plane.z - 6000.0, 0) + random.normal(0, error, n)
    return found


@pytest.mark.parametrize("sign", [-1, 1])
def test_exact_hits_give_the_momentum(sign: int) -> None:
    momentum = np.linspace(10, 160, 500)
    found = momentum_of_hits(tracks(momentum, error=0.0, sign=sign), PLANES, FIELD)
    assert np.allclose(found, momentum, rtol=1e-9)


def test_the_resolution_is_that_of_the_positions() -> None:
    found = momentum_of_hits(tracks(np.full(20_000, 100.0), error=0.1), PLANES, FIELD)
    expected = angle_error(PLANES, 0.1)
    assert expected == pytest.approx(0.1 * np.sqrt(2 / 1200**2 + 2 / 3000**2))
    assert np.std(found) / 100 == pytest.approx(expected / 20.99e-3, rel=0.03)
    assert np.mean(found) == pytest.approx(100, abs=0.1)


def test_more_planes_are_fitted_by_least_squares() -> None:
    random = np.random.default_rng(11)
    z = np.array([0.0, 100.0, 350.0, 700.0])
    x = random.normal(0, 1, (4, 50))
    assert np.allclose(slope(x, z), [np.polyfit(z, x[:, event], 1)[0] for event in range(50)])


def test_a_track_that_is_not_bent_has_no_end_of_momentum() -> None:
    straight = {plane.position: np.zeros(1) for plane in PLANES}
    assert bend_of_hits(straight, PLANES)[0] == 0
    assert momentum_of_hits(straight, PLANES, FIELD)[0] > 1e100
