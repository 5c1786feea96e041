"""Masses of simulated pairs against the formula of their resolution, and pairs that are one track."""

from __future__ import annotations

import numpy as np
import pytest

from na64.outputs.signal.pair_spectrometer import PairMasses, PairSpectrometer, simulate_pairs
from na64.outputs.signal.spectrometer import mass_resolution, smallest_opening

MASS = 0.0167
N = 8_000


def planes(lever: float = 3000.0, resolution: float = 0.08, separation: float = 0.0) -> PairSpectrometer:
    return PairSpectrometer((-lever - 500.0, -500.0), (500.0, 1500.0), resolution, 2.0, separation)


def pairs(spectrometer: PairSpectrometer, energy: float = 100.0, drift: float = 2000.0) -> PairMasses:
    room = np.full(N, drift - min(spectrometer.before))
    return simulate_pairs(MASS, np.full(N, energy), room, spectrometer, np.random.default_rng(17))


@pytest.mark.parametrize("energy", [100.0, 150.0])
@pytest.mark.parametrize(("lever", "of_100_gev"), [(1000.0, 0.36), (3000.0, 0.125), (10_000.0, 0.040)])
def test_the_width_of_the_mass_is_that_of_the_formula(lever: float, of_100_gev: float, energy: float) -> None:
    """Within 10 %: the formula leaves out that momentum and angle are of the same slope."""
    found = pairs(planes(lever), energy)
    pull = np.quantile((found.mass - MASS) / found.expected, [0.15865, 0.84135])
    assert (pull[1] - pull[0]) / 2 == pytest.approx(1.0, abs=0.1)
    if energy == 100.0:
        assert found.width / MASS == pytest.approx(of_100_gev, rel=0.05)
        assert np.median(found.mass) == pytest.approx(MASS, rel=0.07)


def test_the_formula_is_that_of_angle_and_both_energies() -> None:
    spectrometer = planes()
    slope = 0.08 * np.sqrt(2) / 3000
    bend = np.hypot(slope, 0.08 * np.sqrt(2) / 1000) / (0.299792458 * 2.0)
    one = spectrometer.mass_resolution(np.array([80.0]), np.array([20.0]), np.array([4e-4]))
    assert one == pytest.approx([mass_resolution(np.sqrt(2) * slope / 4e-4, bend * 80, bend * 20)])


def test_perfect_planes_give_the_mass() -> None:
    """But for that of electrons, which the formula leaves out, and which matters to uneven pairs."""
    found = pairs(planes(resolution=1e-7)).mass
    assert np.median(found) == pytest.approx(MASS, rel=3e-3)
    assert (found < 1.0001 * MASS).all()


def test_pairs_that_are_too_near_each_other_are_one_track() -> None:
    smallest = smallest_opening(MASS, 100.0) * 2000 / np.sqrt(2)
    assert pairs(planes(separation=0.99 * smallest)).resolved.all()
    shares = [pairs(planes(separation=1.0), energy).resolved.mean() for energy in (100.0, 150.0)]
    assert shares == pytest.approx([0.205, 0.082], abs=0.02)
    assert not pairs(planes(separation=1e4)).resolved.any()
    assert pairs(planes(separation=1.0), drift=8000.0).resolved.all()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"before": (-500.0,)}, "two planes at least are needed on each side"),
        ({"behind": (500.0, 500.0)}, "two planes at least"),
        ({"before": (-500.0, 10.0)}, "planes in front of the magnet are below 0 mm"),
        ({"resolution": 0.0}, "expected above 0"),
        ({"resolution": float("nan")}, "expected above 0"),
    ],
)
def test_planes_that_measure_no_mass_are_refused(changes: dict[str, object], words: str) -> None:
    usual: dict[str, object] = {"before": (-900.0, -500.0), "behind": (500.0, 900.0), "resolution": 0.1}
    with pytest.raises(ValueError, match=words):
        PairSpectrometer(**usual | changes, field_integral=2.0)  # type: ignore[arg-type]


def test_pairs_that_cannot_be_seen_are_refused() -> None:
    rng, energy = np.random.default_rng(1), np.full(2, 100.0)
    with pytest.raises(ValueError, match="decay 3000 mm in front of the magnet: the first plane is 3500 mm"):
        simulate_pairs(MASS, energy, np.array([3000.0, 9000.0]), planes(), rng)
    with pytest.raises(ValueError, match=r"pair of 0\.001 GeV: lighter than an electron and a positron"):
        simulate_pairs(0.001, energy, np.full(2, 9000.0), planes(), rng)
    with pytest.raises(ValueError, match=r"boson of 0\.0167 GeV: 0\.01 GeV of energy are not above its mass"):
        simulate_pairs(MASS, np.array([100.0, 0.01]), np.full(2, 9000.0), planes(), rng)
