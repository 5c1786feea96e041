"""The energy that simulated dark photons take."""

from __future__ import annotations

import numpy as np
import pytest

from na64.datasets.synthetic.dark_photon import load_spectrum

SPECTRUM = load_spectrum()


def test_the_table_falls_from_one_to_nothing() -> None:
    assert (SPECTRUM.survival[:, 0] == 1).all()
    assert (SPECTRUM.survival[:, -1] == 0).all()
    assert (np.diff(SPECTRUM.survival, axis=1) < 0).all()
    assert SPECTRUM.fraction[-1] == 1
    assert (np.diff(SPECTRUM.mass) > 0).all()


@pytest.mark.parametrize("mass", [0.001, 0.0042, 0.3, 1.0])
def test_draws_follow_the_table(mass: float) -> None:
    drawn = SPECTRUM.draw(mass, 0.4, 40_000, np.random.default_rng(3))
    assert drawn.min() > 0.4 - 1e-9
    assert drawn.max() <= 1
    for fraction in (0.5, 0.75, 0.95):
        expected = SPECTRUM.above(mass, fraction) / SPECTRUM.above(mass, 0.4)
        assert (drawn > fraction).mean() == pytest.approx(expected, abs=0.01)


def test_masses_between_are_interpolated_in_the_logarithm() -> None:
    low, high = SPECTRUM.mass[11:13]
    found = SPECTRUM.above(float(low**0.75 * high**0.25), 0.5)
    column = SPECTRUM.survival[11:13, SPECTRUM.fraction == 0.5].ravel()
    assert found == pytest.approx(0.75 * column[0] + 0.25 * column[1], rel=1e-9)


def test_heavy_dark_photons_take_more() -> None:
    assert SPECTRUM.above(0.001, 0.9) < 0.1
    assert SPECTRUM.above(0.5, 0.9) > 0.15


@pytest.mark.parametrize(("mass", "lowest", "message"), [(2.0, 0.5, "2 GeV"), (0.01, 0.1, "from 0.1 of")])
def test_what_the_table_does_not_have_is_refused(mass: float, lowest: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SPECTRUM.draw(mass, lowest, 3, np.random.default_rng(0))
