"""Inelastic dark matter against numbers that were computed independently."""

from __future__ import annotations

import math

import numpy as np
import pytest

from na64.outputs.signal.annihilation import Resonance
from na64.outputs.signal.decays import HBAR_C, decay_length, decays_between
from na64.outputs.signal.inelastic import (
    Inelastic,
    heavy_width,
    heavy_width_approximated,
    heavy_width_mixed,
    pair_fractions,
)
from na64.outputs.signal.matter import ELECTRON_MASS


@pytest.mark.parametrize(
    ("mass", "splitting", "expected"), [(0.1, 0.2, 0.7107), (0.3, 0.1, 0.8380), (1.0, 0.4, 0.6437)]
)
def test_the_exact_width_over_the_approximation(mass: float, splitting: float, expected: float) -> None:
    model = Inelastic(mass, splitting=splitting)
    assert heavy_width(model) / heavy_width_approximated(model) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize(
    ("eps", "length", "beyond"), [(1e-3, 101e3, 0.938), (5e-3, 4040.0, np.exp(-6500 / 4040))]
)
def test_how_far_the_heavier_state_flies(eps: float, length: float, beyond: float) -> None:
    model = Inelastic(0.25)
    width = eps**2 * heavy_width(model)
    if eps == 1e-3:
        assert HBAR_C / width == pytest.approx(471, rel=2e-3)
    assert decay_length(width, model.heavy, 25.0) == pytest.approx(length, rel=0.02)
    assert decays_between(6500.0, np.inf, decay_length(width, model.heavy, 25.0)) == pytest.approx(
        beyond, rel=0.02
    )


def test_widths_of_the_dark_photon() -> None:
    assert Inelastic(0.25).width == pytest.approx(6.425e-3, rel=1e-3)
    assert Inelastic(0.25, splitting=0.0).width == pytest.approx(7.592e-3, rel=1e-3)
    assert Inelastic(0.25, splitting=0.0).width == pytest.approx(Resonance(0.25).width, rel=1e-9)


def test_below_an_electron_pair_nothing_decays() -> None:
    threshold = 3 * 2 * ELECTRON_MASS / 0.4
    assert heavy_width(Inelastic(0.999 * threshold)) == 0
    assert heavy_width(Inelastic(1.001 * threshold)) > 0


def test_energies_are_between_the_limits_of_the_two_body_decay() -> None:
    model = Inelastic(0.25)
    energies, weights = model.heavy_energies(np.array([50.0, 100.0]))
    at_rest = np.hypot(model.heavy, model.momentum)
    assert weights.sum() == pytest.approx(1)
    assert energies @ weights == pytest.approx(np.array([50.0, 100.0]) * at_rest / 0.25)
    assert energies.max() < 100 * (at_rest + model.momentum) / 0.25


def test_dark_matter_that_is_too_heavy_is_refused() -> None:
    with pytest.raises(ValueError, match="m_A' is 3 m_chi1 and the splitting 1"):
        Inelastic(0.1, splitting=1.0)
    with pytest.raises(ValueError, match="alpha_d is 0"):
        Inelastic(0.1, alpha_d=0.0)


def test_mixed_states_decay_by_the_square_of_their_mixing() -> None:
    model, angle = Inelastic(0.25, splitting=0.05), 0.4
    part = (math.sin(angle) * math.cos(angle)) ** 2
    assert heavy_width_mixed(model, angle) / heavy_width_approximated(model) == pytest.approx(part)
    assert heavy_width_mixed(model, 0.0) == 0


def test_the_pair_has_the_difference_of_the_masses_of_the_energy() -> None:
    """For a small splitting Delta / m_chi2; at most what a massless pair has that flies forward."""
    small = Inelastic(1.0, splitting=0.02)
    fractions, weights = pair_fractions(small)
    assert weights.sum() == pytest.approx(1)
    assert fractions @ weights == pytest.approx(0.02 / 1.02, rel=0.01)
    large = Inelastic(1.0)
    fractions, weights = pair_fractions(large)
    assert fractions @ weights == pytest.approx(0.257, rel=0.01)
    assert 0.95 < fractions.max() / (1 - (large.light / large.heavy) ** 2) < 1
    assert pair_fractions(Inelastic(0.005))[1].sum() == 0
