"""Beams of positrons of 100 and 70 GeV: what follows the beam, and how good scaled showers are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from na64.datasets.conditions.conditions import RunType
from na64.datasets.conditions.periods import packaged_periods, period_of_run
from na64.datasets.synthetic import Campaign, load_campaign
from na64.datasets.synthetic.campaign import Component, Trigger
from na64.datasets.synthetic.component_kinds import ComponentKind
from na64.datasets.synthetic.components import GENERATORS, fires
from na64.datasets.synthetic.dark_photon import load_spectrum
from na64.datasets.synthetic.library import load_library
from na64.datasets.synthetic.particles import Gun, beam_pions, hadrons, nearest_pions
from na64.datasets.synthetic.pile_up import overlay
from na64.outputs.control.dimuon.production import production_of
from na64.outputs.signal.synchrotron import critical_energy, radiated_energy

NAMES = ("positron_2022", "positron_2023")


def gun_of(campaign: Campaign, seed: int = 3) -> Gun:
    return Gun(campaign.beam, campaign.geometries[0].grid, campaign.response, np.random.default_rng(seed))


@pytest.mark.parametrize("name", NAMES)
def test_campaigns_of_positrons_have_runs_of_no_packaged_period(name: str) -> None:
    campaign = load_campaign(name)
    assert campaign.beam.particle == "e+"
    assert not any(period_of_run(run.run, packaged_periods()) for run in campaign.runs)
    assert {run.type for run in campaign.runs} == {RunType.PHYSICS, RunType.CALIBRATION}


def test_what_is_about_the_beam_follows_it_in_the_campaign_of_70_gev() -> None:
    whole, low = (load_campaign(name) for name in NAMES)
    assert low.beam.energy / whole.beam.energy == 0.7
    assert low.trigger.calorimeter_below / whole.trigger.calorimeter_below == pytest.approx(0.7, abs=1e-3)
    square = critical_energy(70.0, 7.0, 4.0) * 1e3, radiated_energy(70.0, 7.0, 4.0) * 1e3
    assert square == pytest.approx((5.70, 75.96), rel=2e-3)
    assert np.divide(low.response.counter_means, whole.response.counter_means) == pytest.approx(0.49)
    assert low.response.counter_accidental_mean / whole.response.counter_accidental_mean == pytest.approx(
        0.49
    )
    for one, other in zip(low.components, whole.components, strict=True):
        assert (one.name, one.kind) == (other.name, other.kind)
        energies = one.kind not in (ComponentKind.LED, ComponentKind.ELECTRONUCLEAR)
        for key in {"lowest", "highest", "slope", "vhcal_mean"} & {*one.parameters} if energies else ():
            assert one.parameters[key] / other.parameters[key] == pytest.approx(0.7, abs=2e-3)


@pytest.mark.parametrize("name", NAMES)
def test_rates_are_those_of_what_a_beam_of_positrons_makes(name: str) -> None:
    """Four hadrons in a hundred positrons, of which as many trigger as are simulated to; dimuons too."""
    campaign = load_campaign(name)
    rates = {one.name: one.rates[RunType.PHYSICS] for one in campaign.components}
    assert rates["beam_hadron"] / rates["beam_electron"] == pytest.approx(0.04)
    gun = gun_of(campaign)
    hadron = next(one for one in campaign.components if one.name == "hadron")
    made = GENERATORS[ComponentKind.HADRON](gun, hadron, 4000)
    triggered = float(fires(made.calorimeter, gun.grid, campaign.trigger, gun.rng).mean())
    assert rates["hadron"] == pytest.approx(0.04 * triggered, rel=0.1)
    assert production_of(campaign, gun.rng, n=4000).scale == pytest.approx(1.0, abs=0.04)


@pytest.mark.parametrize("name", NAMES)
def test_hadrons_have_the_energy_of_the_beam_and_positrons_its_radiation(name: str) -> None:
    campaign = load_campaign(name)
    gun, energy = gun_of(campaign), campaign.beam.energy
    hadron = next(one for one in campaign.components if one.name == "hadron")
    made = GENERATORS[ComponentKind.HADRON](gun, hadron, 3000)
    visible = made.calorimeter.sum(axis=(1, 2, 3)) + made.modules[:, :3].sum(axis=(1, 2, 3))
    assert np.median(visible) / energy == pytest.approx(0.86, abs=0.02)
    assert made.momentum.mean() == pytest.approx(energy, rel=1e-3)
    assert (made.counters > 0).mean() == pytest.approx(campaign.response.counter_accidental, rel=0.3)
    assert made.counters[made.counters > 0].mean() == pytest.approx(0.005 * (energy / 100) ** 2, rel=0.25)
    beam = GENERATORS[ComponentKind.ELECTRON](gun, campaign.components[0], 4000)
    assert beam.calorimeter.sum(axis=(1, 2, 3)).mean() == pytest.approx(energy, rel=0.01)
    expected = 1e-3 * np.array([13.6, 12.5, 12.3]) * (energy / 100) ** 2
    assert beam.counters.mean(axis=0) == pytest.approx(expected, rel=0.05)


def test_pions_are_those_of_the_nearest_energies_of_the_library() -> None:
    assert nearest_pions(100.0) == {"pim_100GeV": 1.0}
    assert nearest_pions(30.0) == {"pim_50GeV": 1.0}
    assert nearest_pions(70.0) == pytest.approx({"pim_50GeV": 0.2841, "pim_80GeV": 0.7159}, abs=1e-4)
    assert beam_pions(70.0) == nearest_pions(70.0)
    assert beam_pions(150.0) == beam_pions(100.0) == {"pim_100GeV": 5 / 7, "pim_80GeV": 2 / 7}


def test_scaled_pions_of_two_energies_are_those_between() -> None:
    """Of 50 and 100 GeV at 80 GeV, where the library has pions: mean, spread, share without a shower."""
    library = load_library()
    weight = np.log(80 / 50) / np.log(2)

    def of(name: str) -> tuple[np.ndarray[tuple[int], np.dtype[np.float64]], ...]:
        sample = library[name]
        calorimeter, modules = (
            sample.calorimeter.sum(axis=(1, 2, 3)),
            sample.modules[:, :3].sum(axis=(1, 2, 3)),
        )
        return calorimeter / sample.energy, (calorimeter + modules) / sample.energy

    (low_ecal, low), (high_ecal, high), (calorimeter, visible) = map(
        of, ("pim_50GeV", "pim_100GeV", "pim_80GeV")
    )
    mean = (1 - weight) * low.mean() + weight * high.mean()
    assert visible.mean() == pytest.approx(mean, abs=2 * visible.std() / np.sqrt(len(visible)))
    assert abs(visible.mean() / mean - 1) < 0.01
    spread = (1 - weight) * low.std() + weight * high.std()
    assert visible.std() == pytest.approx(spread, rel=0.1)
    through = [(one < 0.02).mean() for one in (low_ecal, high_ecal, calorimeter)]
    assert through[2] == pytest.approx((1 - weight) * through[0] + weight * through[1], abs=0.04)
    gun = gun_of(load_campaign("positron_2023"))
    made = hadrons(gun, np.full(50, 70.0), ("pim_50GeV", "pim_80GeV"))
    assert made.hadronic == pytest.approx(70.0)


def test_pions_of_a_beam_of_70_gev_are_no_scaled_ones_of_100() -> None:
    campaign, library = load_campaign("positron_2023"), load_library()
    hadron = next(one for one in campaign.components if one.name == "hadron")
    made = GENERATORS[ComponentKind.HADRON](gun_of(campaign), hadron, 1000)
    of_100 = library["pim_100GeV"]
    assert not ((made.first_shower >= of_100.first) & (made.first_shower < of_100.first + len(of_100))).any()


def test_dark_photons_are_drawn_from_the_spectrum_of_the_beam() -> None:
    campaign, n = load_campaign("positron_2023"), 500
    parameters = {"mass": 0.1, "lowest": 0.5}
    of = Component("signal", ComponentKind.DARK_PHOTON, Trigger.BEAM, {}, 1.0, parameters)
    left = GENERATORS[of.kind](gun_of(campaign, 7), of, n).electromagnetic
    rng = np.random.default_rng(7)
    energy = 70.0 * (1 + campaign.beam.spread * rng.standard_normal(n))
    expected = (1 - load_spectrum(70.0).draw(0.1, 0.5, n, rng)) * energy
    assert left == pytest.approx(np.maximum(expected, 0.01), rel=1e-12)


def test_a_second_hadron_is_a_proton_as_often_as_the_campaign_says() -> None:
    campaign = load_campaign("positron_2023")
    library = load_library()
    first = library["p_100GeV"].first
    second = overlay(gun_of(campaign), campaign.pile_up, np.ones(2000, np.bool_)).deposits
    of_proton = (second.first_shower >= first) & (second.first_shower < first + len(library["p_100GeV"]))
    assert of_proton.mean() == pytest.approx(0.6, abs=0.05)
    assert second.momentum.mean() == pytest.approx(70.0, rel=1e-2)


def test_a_negative_beam_has_no_second_protons() -> None:
    campaign = load_campaign("demo")
    with pytest.raises(ValueError, match="campaign demo: pile_up has protons in a beam of e-"):
        replace(campaign, pile_up=replace(campaign.pile_up, proton_fraction=0.1))


def test_positrons_that_annihilate_leave_what_they_had_radiated() -> None:
    campaign = load_campaign("positron_2023")
    of = Component(
        "signal", ComponentKind.ANNIHILATION, Trigger.BEAM, {}, 1.0, {"lowest": 0.8, "highest": 0.9}
    )
    made = GENERATORS[of.kind](gun_of(campaign), of, 2000)
    left = made.electromagnetic / 70
    assert (left.min(), left.max()) == pytest.approx((0.1, 0.2), abs=1e-3)
    assert left.mean() == pytest.approx(0.15, abs=2e-3)
    assert made.calorimeter.sum(axis=(1, 2, 3)).mean() == pytest.approx(10.5, rel=0.03)
    assert made.momentum.std() == pytest.approx(70 * campaign.beam.spread, rel=0.1)


def test_the_spectrum_of_70_gev_is_of_the_same_shape_as_that_of_100() -> None:
    """In the fraction of the beam's energy: within 1 % up to 0.3 GeV and nine tenths of the energy."""
    whole, low = load_spectrum(100.0), load_spectrum(70.0)
    assert load_spectrum(60.0) is not whole
    for mass in (0.001, 0.01, 0.1, 0.3):
        for fraction in (0.6, 0.7, 0.8, 0.9):
            ratio = low.above(mass, fraction) / low.above(mass, 0.5)
            usual = whole.above(mass, fraction) / whole.above(mass, 0.5)
            assert ratio == pytest.approx(usual, rel=0.01)
            assert ratio != usual


def test_a_campaign_of_positrons_may_be_started_from(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('name = "mine"\nlike = "positron_2023"\nevents = 50\n')
    assert load_campaign(path).beam == load_campaign("positron_2023").beam
