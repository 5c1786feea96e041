"""Motion of atomic electrons and initial-state radiation against estimates that were made independently."""

from __future__ import annotations

import numpy as np
import pytest

from na64.outputs.signal.annihilation import Resonance, resonant_spectrum, resonant_yield
from na64.outputs.signal.integration import shower
from na64.outputs.signal.resonance_corrections import Corrections, motion, radiation

MOTION, RADIATION = Corrections(motion=True), Corrections(radiation=True)


@pytest.mark.parametrize(("mass", "independent"), [(0.230, 0.77), (0.237, 0.87)])
def test_motion_makes_a_resonance_at_the_threshold_weaker(mass: float, independent: float) -> None:
    resonance = Resonance(mass)
    factor = resonant_yield(resonance, corrections=MOTION) / resonant_yield(resonance)
    assert factor == pytest.approx(independent, abs=0.03)


@pytest.mark.parametrize(
    ("mass", "moved", "radiated"), [(0.230, 0.79, 0.94), (0.250, 0.97, 0.92), (0.3, 1.18, 0.88)]
)
def test_the_factors_of_the_page_on_physics(mass: float, moved: float, radiated: float) -> None:
    resonance = Resonance(mass)
    plain = resonant_yield(resonance)
    assert resonant_yield(resonance, corrections=MOTION) / plain == pytest.approx(moved, abs=0.012)
    assert resonant_yield(resonance, corrections=RADIATION) / plain == pytest.approx(radiated, abs=0.012)


def test_moving_electrons_shift_a_narrow_resonance_along_the_shower() -> None:
    """The relative velocity cancels the width in energy of the shifted peak: what is left is T(E / scale)."""
    resonance, moved, lengths = Resonance(0.25, alpha_d=1e-4), motion(), shower(100.0)
    energy = resonance.energy / moved.scale
    seen = (energy > 50) & (energy < 99.9)
    at = np.append(energy[seen], resonance.energy)
    *positrons, at_rest = np.interp(at, lengths.energy[::-1], lengths.positron[::-1])
    factor = resonant_yield(resonance, corrections=MOTION) / resonant_yield(resonance)
    assert factor == pytest.approx(float(moved.weight[seen] @ positrons) / at_rest, rel=2e-3)


def test_electrons_of_lead_move_both_ways() -> None:
    found = motion()
    assert found.weight.sum() == pytest.approx(1, abs=2e-3)
    assert found.weight @ found.scale == pytest.approx(1, abs=2e-3)
    spread = np.sqrt(found.weight @ (found.scale - 1) ** 2)
    assert 0.05 < spread < 0.15


def test_radiation_takes_a_few_percent_and_half_of_it_shows() -> None:
    found = radiation(0.25)
    beta = 2 / 137.036 / np.pi * (2 * np.log(0.25 / 0.51099895e-3) - 1)
    assert found.weight.sum() == pytest.approx(1, abs=0.02)
    hard = found.scale < 0.9
    assert 0.06 < found.weight[hard].sum() < 0.15
    along = found.missing < 1
    assert found.weight[along & hard].sum() == pytest.approx(found.weight[hard].sum() / 2)
    assert beta == pytest.approx(0.053, abs=2e-3)


def test_the_spectrum_adds_up_to_the_yield_above_the_threshold() -> None:
    energy, number = resonant_spectrum(Resonance(0.25), corrections=Corrections(motion=True, radiation=True))
    assert np.all(energy >= 50 * (1 - 1e-12))
    assert np.all(energy <= 100 * (1 + 1e-12))
    assert number.sum() == pytest.approx(
        resonant_yield(Resonance(0.25), corrections=Corrections(motion=True, radiation=True))
    )
