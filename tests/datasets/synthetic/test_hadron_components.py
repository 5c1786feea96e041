"""Events of a beam of hadrons: mesons that are not seen, decays in flight, interactions upstream."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest

from na64.datasets.synthetic import load_campaign
from na64.datasets.synthetic.components import GENERATORS
from na64.datasets.synthetic.deposits import Deposits
from na64.datasets.synthetic.hadron_components import PRESHOWER, depths
from na64.datasets.synthetic.particles import Gun

N = 3_000


@cache
def made(name: str, campaign: str = "hadron_signal") -> Deposits:
    found = load_campaign(campaign)
    gun = Gun(found.beam, found.geometries[0].grid, found.response, np.random.default_rng(5))
    component = next(one for one in found.components if one.name == name)
    return GENERATORS[component.kind](gun, component, N)


def sums(deposits: Deposits) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """GeV in the ECAL and in HCAL 0 to 2, and the largest tube of the VETO."""
    modules = deposits.modules[:, :3].sum(axis=(1, 2, 3))
    return deposits.calorimeter.sum(axis=(1, 2, 3)), modules, deposits.paddles.max(axis=1)


def test_depths_are_those_of_a_beam_that_is_absorbed() -> None:
    """Of 1.39 interaction lengths, with the mean that integration gives."""
    found = depths(1.39, np.random.default_rng(1).random(100_000))
    absorbed = 1 - math.exp(-1.39)
    mean = (1 - (1 + 1.39) * math.exp(-1.39)) / 1.39 / absorbed
    assert found.mean() == pytest.approx(mean, abs=3e-3)
    assert 0 <= found.min() < found.max() <= 1
    in_preshower = (1 - math.exp(-1.39 * PRESHOWER)) / absorbed
    assert np.mean(found < PRESHOWER) == pytest.approx(in_preshower, abs=5e-3)


def test_a_meson_leaves_what_the_hadron_ionised_and_the_nucleon_that_was_hit() -> None:
    calorimeter, modules, paddles = sums(made("charge_exchange"))
    assert np.median(calorimeter) < 0.6
    assert np.mean(calorimeter < 5) > 0.995
    assert modules.max() == paddles.max() == 0
    assert made("charge_exchange").momentum.mean() == pytest.approx(50, abs=0.1)
    assert made("charge_exchange").hadronic.mean() == pytest.approx(0.1, rel=0.1)
    assert (made("charge_exchange").electromagnetic == 0).all()
    preshower = made("charge_exchange").calorimeter[:, 0].sum(axis=(1, 2))
    assert np.mean(preshower > 0.02) == pytest.approx(1.0, abs=0.2)


def test_muons_of_decays_have_any_energy_from_the_least_of_their_kind_on() -> None:
    for name, lowest in (("pion_decay", 0.573), ("kaon_decay", 0.0458)):
        energy = made(name, "hadron_50").hadronic
        assert lowest * 49 < energy.min() < energy.max() < 51.5
        assert energy.mean() == pytest.approx(25 * (1 + lowest), rel=0.02)
        assert made(name, "hadron_50").momentum.mean() == pytest.approx(50, abs=0.1)
    _, fast, _ = sums(made("pion_decay", "hadron_50"))
    assert 7 < np.median(fast) < 12


def test_what_interacts_upstream_brings_a_part_of_the_energy_charged_or_neutral() -> None:
    deposits = made("upstream_hadron", "hadron_50")
    calorimeter, modules, paddles = sums(deposits)
    assert (deposits.hadronic > 0.14 * 50).all()
    assert (calorimeter + modules).mean() == pytest.approx(0.85 * deposits.hadronic.mean(), rel=0.05)
    crossing = calorimeter < 2
    assert 0.1 < np.mean(paddles[crossing] < 1e-3) < 0.5
    assert deposits.hit_mean.mean() == pytest.approx(1, rel=0.1)


def test_beams_of_hadrons_have_showers_of_all_the_library_and_no_radiation() -> None:
    pions, kaons = made("hadron", "hadron_50"), made("hadron", "hadron_50_kaons")
    assert len(np.unique(pions.first_shower)) > 400
    assert len(np.unique(kaons.first_shower)) > 180
    for beam in (pions, kaons):
        assert (ecal_and_hcal := np.add(*sums(beam)[:2])).mean() == pytest.approx(43, abs=1.5)
        assert ecal_and_hcal.max() < 80
        assert np.mean(beam.counters.sum(axis=1) > 2e-3) < 0.02


def test_electrons_of_50_gev_radiate_a_quarter_of_what_they_do_at_100() -> None:
    electrons = made("beam_electron", "hadron_50").counters.sum(axis=1)
    assert electrons.mean() == pytest.approx(0.0096, rel=0.03)
    assert np.mean(electrons < 0.002) < 0.01
