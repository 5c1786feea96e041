"""Widths and places of decay against numbers that were computed independently."""

from __future__ import annotations

import math

import numpy as np
import pytest

from na64.outputs.signal.bosons import Boson
from na64.outputs.signal.decays import (
    HBAR_C,
    decay_length,
    decays_between,
    to_fermions,
    to_photons,
    to_scalars,
)
from na64.outputs.signal.matter import ALPHA, ELECTRON_MASS


def _to_electrons(boson: Boson, mass: float, eps: float) -> float:
    return to_fermions(boson, mass, ELECTRON_MASS, ALPHA * eps**2)


@pytest.mark.parametrize(
    ("boson", "eps", "width", "at_100"),
    [(Boson.VECTOR, 4e-4, 6.4995e-12, 18.18), (Boson.PSEUDOSCALAR, 4e-4, 9.7310e-12, 12.14)],
)
def test_a_boson_of_the_beryllium_anomaly(boson: Boson, eps: float, width: float, at_100: float) -> None:
    found = _to_electrons(boson, 0.0167, eps)
    assert found == pytest.approx(width, rel=1e-3, abs=0)
    assert decay_length(found, 0.0167, 100.0) / 10 == pytest.approx(at_100, rel=1e-3)


def test_lifetimes() -> None:
    width = _to_electrons(Boson.VECTOR, 0.0167, 4e-4)
    speed_of_light = 299.792458
    assert HBAR_C / width == pytest.approx(30.4e-3, rel=2e-3)
    assert HBAR_C / width / speed_of_light * 1e-9 == pytest.approx(1.013e-13, rel=1e-3, abs=0)
    tau = HBAR_C / width / speed_of_light * 1e-9
    assert 4e-4 * math.sqrt(tau / 1e-13) == pytest.approx(4.03e-4, rel=1.5e-3)  # tau goes with 1 / eps^2
    assert decay_length(_to_electrons(Boson.VECTOR, 0.0167, 2.1e-4), 0.0167, 100.0) / 10 == pytest.approx(
        65.96, rel=1e-3
    )
    assert decay_length(_to_electrons(Boson.VECTOR, 0.0167, 2.1e-4), 0.0167, 150.0) / 10 == pytest.approx(
        98.94, rel=1e-3
    )


def test_scalars_and_axial_vectors_are_slower_near_their_threshold() -> None:
    mass = 2.2 * ELECTRON_MASS
    speed = math.sqrt(1 - (2 / 2.2) ** 2)
    of = {boson: to_fermions(boson, mass, ELECTRON_MASS, 1.0) for boson in Boson}
    assert of[Boson.SCALAR] / of[Boson.PSEUDOSCALAR] == pytest.approx(speed**2)
    assert of[Boson.AXIAL] / of[Boson.VECTOR] == pytest.approx(speed**2 / (1 + 2 / 2.2**2))
    assert all(to_fermions(boson, 1.9 * ELECTRON_MASS, ELECTRON_MASS, 1.0) == 0 for boson in Boson)
    assert to_scalars(1.0, 0.6, 1.0) == 0


def test_axion_like_particles_fly_kilometres() -> None:
    assert to_photons(0.01, 1e-4) == pytest.approx(4.974e-17, rel=1e-3, abs=0)
    assert decay_length(to_photons(0.01, 1e-4), 0.01, 50.0) / 10 == pytest.approx(1.984e6, rel=1e-3)
    assert decay_length(to_photons(0.03, 1e-3), 0.03, 100.0) / 10 == pytest.approx(489.8, rel=1e-3)


def test_a_decay_behind_the_dump() -> None:
    assert decays_between(290.0, 290.0 + 3500.0, 181.8) == pytest.approx(0.2029, rel=1e-3)


def test_a_particle_decays_somewhere_or_beyond() -> None:
    lengths = np.geomspace(1e-3, 1e12, 40)
    stretches = [(0.0, 3.0), (3.0, 5000.0), (5000.0, math.inf)]
    assert sum(decays_between(*stretch, lengths) for stretch in stretches) == pytest.approx(np.ones(40))
    assert decays_between(3.0, math.inf, math.inf) == 1
    assert decays_between(3.0, 5.0, decay_length(0.0, 0.1, 50.0)) == 0
    assert decays_between(3.0, 5.0, decay_length(1.0, 0.1, 0.1)) == 0
    with pytest.raises(ValueError, match="from 5 to 3 mm"):
        decays_between(5.0, 3.0, 1.0)
