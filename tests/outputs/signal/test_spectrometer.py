"""Momentum and invariant mass against numbers that were computed independently."""

from __future__ import annotations

import math

import numpy as np
import pytest

from na64.outputs.signal.spectrometer import (
    invariant_mass,
    mass_resolution,
    momentum_of_angle,
    momentum_of_radius,
    momentum_resolution,
    smallest_opening,
)


def test_momentum_is_field_times_radius() -> None:
    field, length, momentum = 1.75, 4.0, 100.0
    radius = momentum / (0.299792458 * field)
    assert momentum_of_radius(field, radius) == pytest.approx(momentum)
    angle = math.asin(length / radius)
    assert momentum_of_angle(angle, field * length) == pytest.approx(momentum, rel=1e-4)
    assert momentum_of_angle(20.99e-3, 7.0) == pytest.approx(100.0, rel=1e-3)
    assert momentum_of_angle(5.25e-3, 2.8) == pytest.approx(160.0, rel=2e-3)
    assert momentum_of_angle(10.5e-3, 2.8) == pytest.approx(80.0, rel=2e-3)


def test_the_resolution_is_that_of_the_angle() -> None:
    assert momentum_resolution(100.0, 7.0, 1e-4) == pytest.approx(0.005, abs=5e-4)
    assert momentum_resolution(160.0, 2.8, 1e-4) == pytest.approx(0.019, abs=5e-4)


def test_a_pair_of_x17_is_inside_one_cell() -> None:
    angle = smallest_opening(0.0167, 100.0)
    assert angle == pytest.approx(0.334e-3, rel=1e-3)
    assert 3500 * angle == pytest.approx(1.17, rel=2e-3)
    assert invariant_mass(50.0, 50.0, angle) == pytest.approx(0.0167)
    assert invariant_mass(20.0, 80.0, 0.0167 / 40) == pytest.approx(0.0167)


def test_the_resolution_of_the_mass_is_that_of_pairs_that_are_smeared() -> None:
    rng = np.random.default_rng(17)
    angle, positron, electron = (1 + size * rng.normal(size=200_000) for size in (0.02, 0.03, 0.05))
    spread = float(np.std(np.sqrt(positron * electron) * angle))
    assert mass_resolution(0.02, 0.03, 0.05) == pytest.approx(spread, rel=0.01)
