"""Kinds of events where NA64 sees them, and the emulated trigger."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from na64.datasets.conditions.conditions import RunType
from na64.datasets.synthetic import load_campaign
from na64.datasets.synthetic.campaign import Campaign, Component, TriggerEmulation
from na64.datasets.synthetic.components import fires, generate
from na64.datasets.synthetic.dark_photon import load_spectrum
from na64.datasets.synthetic.deposits import NO_TRACK, Deposits
from na64.datasets.synthetic.electromagnetic import Grid
from na64.datasets.synthetic.muon_pairs import PairSpectrum
from na64.datasets.synthetic.particles import LOSS_OF_VISIBLE, Gun, beam_hadrons, muons

CAMPAIGN = load_campaign("signal")
OPEN = TriggerEmulation(1e9, -1e9, 0.0)


def component(name: str) -> Component:
    return next(entry for entry in CAMPAIGN.components if entry.name == name)


def make(name: str, n: int, trigger: TriggerEmulation = CAMPAIGN.trigger) -> Deposits:
    gun = Gun(CAMPAIGN.beam, Grid(5, 6, (2, 2)), CAMPAIGN.response, np.random.default_rng(5))
    return generate(gun, component(name), n, trigger)


def modules(deposits: Deposits) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    total: np.ndarray[tuple[int, ...], np.dtype[np.float64]] = deposits.modules.sum(axis=(2, 3))
    return total


def calorimeter(deposits: Deposits) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    total: np.ndarray[tuple[int, ...], np.dtype[np.float64]] = deposits.calorimeter.sum(axis=(1, 2, 3))
    return total


@pytest.mark.parametrize("entry", CAMPAIGN.components, ids=lambda entry: entry.name)
def test_every_component_gives_as_many_events_as_asked(entry: Component) -> None:
    assert len(make(entry.name, 37)) == 37


def test_beam_electrons_have_their_energy_and_radiation() -> None:
    deposits = make("beam_electron", 10_000)
    assert calorimeter(deposits).mean() == pytest.approx(100.0, abs=0.5)
    assert calorimeter(deposits).std() == pytest.approx(np.hypot(0.9, 0.5), abs=0.15)
    assert deposits.counters.mean(axis=0) * 1000 == pytest.approx([13.6, 12.5, 12.3], rel=0.03)
    assert np.percentile(deposits.counters[:, 0], 99) * 1000 == pytest.approx(46, abs=4)
    assert (calorimeter(deposits) > 90).all()


def test_dimuons_sit_at_two_muons_a_module() -> None:
    """The references are two-muon peaks of a public 2022 histogram file (2704 events)."""
    deposits = make("dimuon", 10_000)
    hard = calorimeter(deposits) < 60
    both = (modules(deposits)[:, :2] > 3).all(axis=1) & (modules(deposits)[:, :2] < 7).all(axis=1) & hard
    assert modules(deposits)[both][:, :2].mean(axis=0) == pytest.approx([5.58, 5.51], abs=0.4)
    last = modules(deposits)[both][:, 2]
    assert ((last > 4) & (last < 8)).mean() == pytest.approx(0.81, abs=0.06)
    assert deposits.electromagnetic + deposits.hadronic == pytest.approx(100, abs=3)
    assert np.median(calorimeter(deposits) - deposits.electromagnetic) == pytest.approx(1.1, abs=0.3)
    assert (deposits.first_shower >= 0).all()
    assert (deposits.second_shower >= 0).all()


def test_the_dimuon_spectrum_rises_towards_full_ecal_energy() -> None:
    """The numbers for 0 to 60 GeV in bins of 10 are our cascade calculation, normalised."""
    energy = calorimeter(make("dimuon", 20_000))
    counts, _ = np.histogram(energy, np.arange(0, 61, 10))
    expected = np.array([139, 236, 324, 440, 648, 916])
    assert counts / counts.sum() == pytest.approx(expected / expected.sum(), abs=0.04)


def test_dimuons_with_little_in_the_ecal_are_as_frequent_as_calculated() -> None:
    """Per electron, below 60 GeV; the calculation does not count what the muons themselves leave, 1 GeV."""
    values = component("dimuon").parameters
    pairs = PairSpectrum(100.0, values["lowest"], values["highest"]).pairs_per_electron()
    deposits = make("dimuon", 40_000, OPEN)
    assert pairs * (deposits.electromagnetic < 60).mean() == pytest.approx(1.03e-5, rel=0.05)
    assert pairs * (calorimeter(deposits) < 60).mean() == pytest.approx(9.7e-6, rel=0.03)


def test_muons_radiate_in_proportion_to_their_energy() -> None:
    """The tail of the VETO grows from the muons of 20 GeV of the library to those of 100 GeV."""
    gun = Gun(CAMPAIGN.beam, Grid(5, 6, (2, 2)), CAMPAIGN.response, np.random.default_rng(5))
    energies = (np.full(20_000, energy) for energy in (20.0, 60.0, 100.0))
    high = [(muons(gun, energy).paddles[:, ::2].sum(axis=1) > 0.018).mean() for energy in energies]
    assert high[1] == pytest.approx((high[0] + high[2]) / 2, abs=0.01)
    assert high[2] > high[0] + 0.03


def test_a_slow_muon_leaves_no_more_than_its_energy() -> None:
    gun = Gun(CAMPAIGN.beam, Grid(5, 6, (2, 2)), CAMPAIGN.response, np.random.default_rng(5))
    energy = np.linspace(0.3, 30.0, 2_000)
    visible = modules(muons(gun, energy))
    lost = visible * LOSS_OF_VISIBLE / CAMPAIGN.response.muon_modules_scale
    assert (lost.sum(axis=1) <= energy + 1e-9).all()
    assert (calorimeter(muons(gun, energy)) <= energy + 1e-9).all()
    assert (visible[energy < 2][:, 2:] == 0).all()
    assert (visible[energy > 20][:, 0] > 0).all()
    stopped = (visible == 0).any(axis=1)
    assert lost[stopped].sum(axis=1) == pytest.approx(energy[stopped])  # nothing else stops it
    assert stopped[energy > 20].sum() == 1  # it has radiated nearly all


def test_electronuclear_events_lie_on_the_diagonal() -> None:
    deposits = make("electronuclear", 4_000)
    total = calorimeter(deposits) + modules(deposits)[:, :3].sum(axis=1)
    assert np.median(total) == pytest.approx(95, abs=6)
    hadronic = deposits.hadronic > 50
    assert modules(deposits)[hadronic][:, :2].sum(axis=1).mean() > 30


def test_hadrons_and_muons_radiate_nothing() -> None:
    for name in ("hadron", "beam_hadron", "beam_muon"):
        counters = make(name, 3_000).counters
        assert (counters > 0.001).mean() < 0.05
        assert (counters > 0.001).all(axis=1).mean() < 1e-3


@pytest.mark.parametrize(("name", "energy"), [("pim_50GeV", 50.0), ("pim_100GeV", 100.0)])
def test_pions_have_the_resolution_of_the_hcal(name: str, energy: float) -> None:
    """60 % / sqrt(E) [V: seed] of those that cross the ECAL as minimum-ionising particles."""
    beam = replace(CAMPAIGN.beam, energy=energy, spread=0.0)
    gun = Gun(beam, Grid(6, 6, (3, 3)), CAMPAIGN.response, np.random.default_rng(5))
    pions = beam_hadrons(gun, 20_000, {name: 1.0})
    seen = modules(pions)[calorimeter(pions) < 0.83].sum(axis=1)
    assert seen.std() / seen.mean() * np.sqrt(energy) == pytest.approx(0.60, abs=0.08)


def test_pulser_and_random_events_have_no_track() -> None:
    for name in ("random", "led"):
        assert (make(name, 10).momentum == NO_TRACK).all()
    assert calorimeter(make("random", 10)) == pytest.approx(0.0)
    assert calorimeter(make("led", 10)) == pytest.approx(1200, rel=0.1)


def test_dark_photons_take_the_energy_of_the_table() -> None:
    deposits = make("dark_photon", 4_000, OPEN)
    missing = 1 - deposits.electromagnetic / deposits.momentum
    assert (missing > 0.3 - 1e-9).all()
    expected = load_spectrum().above(0.01, 0.5) / load_spectrum().above(0.01, 0.3)
    assert (missing > 0.5).mean() == pytest.approx(expected, abs=0.03)
    assert modules(deposits).sum(axis=1).mean() < 0.1


def test_physics_components_pass_the_trigger() -> None:
    sharp = replace(CAMPAIGN.trigger, resolution=0.0)
    for name in ("low_energy_electron", "electronuclear", "hadron"):
        central = make(name, 500, sharp).calorimeter[:, :, 1:4, 1:5].sum(axis=(2, 3))
        assert (central[:, 1] < sharp.calorimeter_below).all()
        assert (central[:, 0] > sharp.preshower_above).all()


def test_the_trigger_sums_the_central_cells_of_each_plane() -> None:
    grid = Grid(5, 6, (2, 2))
    sharp = replace(CAMPAIGN.trigger, resolution=0.0)
    cells = np.zeros((4, 2, 5, 6))
    cells[0, 0, 1, 1] = cells[1, 0, 3, 4] = cells[2, 0, 0, 1] = cells[3, 0, 2, 2] = 0.5
    cells[3, 1, 2, 2] = 74.9
    cells[1, 1, 4, 2] = 500.0
    assert fires(cells, grid, sharp, np.random.default_rng(1)).tolist() == [True, True, False, False]


def test_a_component_that_hardly_triggers_is_refused() -> None:
    never = replace(CAMPAIGN.trigger, calorimeter_below=0.0)
    with pytest.raises(ValueError, match="component hadron: the trigger takes 0 of"):
        make("hadron", 10, never)


def test_rates_and_biases_add_up() -> None:
    campaign: Campaign = load_campaign("demo")
    rates = [entry.rates.get(RunType.PHYSICS, 0.0) for entry in campaign.components]
    assert campaign.rate(RunType.PHYSICS) == pytest.approx(sum(rates))
    assert 3e-4 < campaign.rate(RunType.PHYSICS) < 3e-3
