"""Track lengths against published integrals, conservation laws and another method."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import gammainc

from na64.outputs.signal.cascade import track_lengths
from na64.outputs.signal.quadrature import composite

LENGTHS = track_lengths(100.0, 20.0)


@pytest.mark.parametrize(
    ("name", "expected"), [("primary", 0.834), ("electron", 0.875), ("positron", 0.041), ("photon", 0.475)]
)
def test_integrals_above_half_the_beam_energy(name: str, expected: float) -> None:
    assert LENGTHS.above(getattr(LENGTHS, name), 50.0) == pytest.approx(expected, rel=0.015, abs=1e-3)


def test_positrons_where_the_resonance_is() -> None:
    at = int(np.flatnonzero(LENGTHS.energy == 55.0)[0])
    assert LENGTHS.positron[at] / LENGTHS.step == pytest.approx(2.18e-3, rel=0.01)


def test_the_step_does_not_matter() -> None:
    coarse = track_lengths(100.0, 20.0, step=1.0)
    for name in ("primary", "positron", "photon"):
        fine = LENGTHS.above(getattr(LENGTHS, name), 50.0)
        assert coarse.above(getattr(coarse, name), 50.0) == pytest.approx(fine, rel=5e-3)


def test_primaries_are_nearly_those_of_tsai() -> None:
    """T(E) = int dt ln(E0/E)^(bt - 1) / Gamma(bt) / E0, b = 4/3, knows only soft photons: 4 % too many."""
    t, weights = composite(np.linspace(0, 60, 301), 4)
    tsai = float(np.sum(weights * gammainc(4 / 3 * t, math.log(2))))
    assert LENGTHS.above(LENGTHS.primary, 50.0) == pytest.approx(tsai, rel=0.05)


def test_primaries_are_those_of_a_toy() -> None:
    """Photons above 0.1 % of the energy one by one, the softer ones as a continuous loss."""
    rng = np.random.default_rng(7)
    softest, n = 1e-3, 40_000
    energy, length = np.full(n, 100.0), np.zeros(n)
    rate = 4 / 3 * (-math.log(softest) - 1 + softest) + 0.5 - softest**2 / 2
    while (alive := energy > 50.0).any():
        step = np.where(alive, rng.exponential(1 / rate, n), 0.0)
        slowed = energy * np.exp(-4 / 3 * softest * step)
        inside = np.where(slowed > 50, step, np.log(energy / 50) / (4 / 3 * softest))
        length += np.where(alive, inside, 0.0)
        y = softest ** rng.random((n, 8))
        accepted = rng.random((n, 8)) < 1 - y + 0.75 * y**2
        energy = np.where(alive, slowed * (1 - y[np.arange(n), np.argmax(accepted, axis=1)]), energy)
    assert length.mean() == pytest.approx(LENGTHS.above(LENGTHS.primary, 50.0), rel=0.015)


def test_a_beam_below_the_lowest_energy_is_refused() -> None:
    with pytest.raises(ValueError, match="down to 60 GeV with a beam of 50"):
        track_lengths(50.0, 60.0)
