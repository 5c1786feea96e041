"""Axion-like particles against numbers that were computed independently."""

from __future__ import annotations

import numpy as np
import pytest

from na64.outputs.signal.integration import shower
from na64.outputs.signal.matter import LEAD
from na64.outputs.signal.primakoff import cross_section, primakoff_spectrum


@pytest.mark.parametrize(("energy", "mass", "expected"), [(100.0, 0.01, 3.4093e10), (50.0, 0.05, 3.1847e10)])
def test_cross_sections(energy: float, mass: float, expected: float) -> None:
    assert cross_section(mass, energy) == pytest.approx(expected, rel=1e-3)
    assert cross_section(30.0, energy) == 0


@pytest.mark.parametrize(("lowest", "expected"), [(50.0, 0.473), (15.0, 3.11)])
def test_track_lengths_of_photons(lowest: float, expected: float) -> None:
    lengths = shower(100.0)
    assert lengths.above(lengths.photon, lowest) == pytest.approx(expected, rel=0.02)


def test_the_spectrum_is_track_length_times_cross_section() -> None:
    energy, number = primakoff_spectrum(0.01, threshold=50.0, beam_energy=100.0)
    travelled = number / cross_section(0.01, energy) / LEAD.per_picobarn
    assert travelled.sum() == pytest.approx(0.473, rel=0.02)
    assert energy.min() == 50
    energy, number = primakoff_spectrum(60.0, threshold=50.0, beam_energy=100.0)
    assert energy.min() > 60
    assert np.all(number == 0)


def test_photons_below_what_is_followed_are_refused() -> None:
    with pytest.raises(ValueError, match="photons above 5 GeV: expected 10 to 100 GeV"):
        primakoff_spectrum(0.01, threshold=5.0, beam_energy=100.0)
