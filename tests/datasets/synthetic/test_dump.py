"""Showers in a dump, counters around it, and the kinds of events of a campaign that has one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from na64.datasets.synthetic import load_campaign
from na64.datasets.synthetic.campaign import Campaign, Component
from na64.datasets.synthetic.components import generate
from na64.datasets.synthetic.deposits import Deposits, empty
from na64.datasets.synthetic.dump import LOSS, at_places, crossings, fires, showers
from na64.datasets.synthetic.dump_components import KAON_LENGTH, KAON_MASS, decay_length
from na64.datasets.synthetic.further_detectors import PLACES, Place, Scintillator
from na64.datasets.synthetic.particles import Gun
from na64.datasets.synthetic.scintillators import cell_energies, reported

Floats = NDArray[np.float64]

CAMPAIGN = load_campaign("visible_signal")
GRID = CAMPAIGN.geometries[0].grid


def gun(seed: int = 5, campaign: Campaign = CAMPAIGN) -> Gun:
    rng = np.random.default_rng(seed)
    return Gun(campaign.beam, GRID, campaign.response, rng, campaign.further, campaign.dump)


def component(name: str) -> Component:
    return next(entry for entry in CAMPAIGN.components if entry.name == name)


def make(name: str, n: int, seed: int = 5, **parameters: float) -> Deposits:
    entry = component(name)
    entry = replace(entry, parameters={**entry.parameters, **parameters})
    return generate(gun(seed), entry, n, CAMPAIGN.trigger)


def calorimeter(deposits: Deposits) -> Floats:
    found: Floats = deposits.calorimeter.sum(axis=(1, 2, 3))
    return found


def scintillator(name: str, cell: int = 0) -> Scintillator:
    detector = next(one for one in CAMPAIGN.further if one.name == name)
    return next(one for one in detector.scintillators if one.cell == cell)


def test_a_shower_in_the_dump_is_the_profile_of_the_ecal_in_radiation_lengths() -> None:
    """Means of Geant4 electrons of 100 GeV in lead between 0, 4, 27, 30 radiation lengths and beyond [D]."""
    cells, leak = showers(gun(), np.full(20_000, 100.0))
    early, late = cells["wcal"][:, 0], cells["wcat"][:, 0]
    total = early + cells["wcal"][:, 1] + late + leak
    assert total.mean() == pytest.approx(100, rel=0.01)
    assert total.std() == pytest.approx(0.9, abs=0.15)  # 9 % / sqrt(E)
    assert late.mean() == pytest.approx(0.27, rel=0.1)
    assert leak.mean() == pytest.approx(0.178, rel=0.1)
    assert (cells["wcal"][:, 2] == 0).all()
    first_four = replace(CAMPAIGN.further[0], slices=(replace(CAMPAIGN.further[0].slices[0], last=4.0),))
    short = replace(gun(), further=(first_four,))
    assert showers(short, np.full(20_000, 100.0))[0]["wcal"][:, 0].mean() == pytest.approx(4.53, rel=0.1)


def test_a_shower_that_begins_deeper_leaves_more_behind_and_nothing_before() -> None:
    start = np.array([0.0, 10.0, 29.0])
    cells, leak = showers(gun(), np.full(3, 50.0), start)
    assert (np.diff(leak) > 0).all()
    assert cells["wcal"][1:, 0] == pytest.approx(0.0)
    assert leak[2] == pytest.approx(50, rel=0.02)


def test_a_muon_loses_what_it_crosses() -> None:
    crossed = crossings(gun(), 2.0, 28.0, 4)
    assert crossed["wcal"] == pytest.approx(np.tile([LOSS * 4, LOSS * 21, 0], (4, 1)))
    assert crossed["wcat"] == pytest.approx(np.full((4, 1), LOSS * 1))


@pytest.mark.parametrize("entry", CAMPAIGN.components, ids=lambda entry: entry.name)
def test_every_component_gives_as_many_events_as_asked(entry: Component) -> None:
    deposits = generate(gun(), entry, 23, CAMPAIGN.trigger)
    assert len(deposits) == 23
    for name in ("wcal", "wcat"):
        assert deposits.within(name, 3 if name == "wcal" else 1).shape[0] == 23


def test_the_trigger_wants_a_shower_that_begins_early_and_leaves_energy() -> None:
    blank = empty(4, GRID, 2)
    wcal = np.array([[5, 80, 0], [0.5, 80, 0], [5, 101, 0], [5, 80, 0]], np.float64)
    deposits = replace(blank, further={"wcal": wcal}, charged=at_places(4, np.array([1, 1, 1, 0]), 0, 0))
    assert fires(deposits, gun(), 0.0).tolist() == [True, False, False, False]


def test_what_each_kind_of_event_sends_through_the_counters() -> None:
    beam, behind, before = (PLACES.index(place) for place in Place)
    electrons = make("low_energy_electron", 200)
    assert electrons.charged[0].tolist() == [1, 0, 0]
    assert make("dimuon", 200).charged.tolist() == [[1, 2, 2]] * 200
    assert make("electron_pair", 200).charged.tolist() == [[1, 0, 2]] * 200
    assert (make("neutral_hadron", 200).charged == [1, 0, 0]).all()
    hadrons = make("beam_hadron", 2_000).charged
    assert (hadrons[:, beam] == 1).all()
    crossed = hadrons[:, behind] == 1
    assert crossed.mean() == pytest.approx(np.exp(-1.0) + (1 - np.exp(-1.0)) * np.exp(-4.0), abs=0.03)
    assert (hadrons[:, before] == hadrons[:, behind]).all()


def test_short_kaons_decay_as_far_as_they_fly_and_as_often_to_two_neutral_pions() -> None:
    """gamma c tau is 2.70 m at 50 GeV [D], and 2 pi0 over pi+ pi- 0.4435 [D: PDG]."""
    assert pytest.approx(2_700, rel=2e-3) == KAON_LENGTH * 50 / KAON_MASS
    kaons = make("short_kaon", 4_000, lowest=0.332, highest=0.335, conversion=0.0, dalitz=0.0)
    decayed = np.isfinite(kaons.vertex)
    assert decayed.mean() == pytest.approx(1 - np.exp(-3500 / (KAON_LENGTH * 50 / KAON_MASS)), abs=0.02)
    charged = kaons.charged[:, 2] == 2
    assert not charged[~decayed].any()
    neutral = decayed & ~charged
    assert neutral.sum() / charged.sum() == pytest.approx(0.4435, rel=0.1)
    both = kaons.further["wcal"].sum(axis=1) + kaons.further["wcat"][:, 0] + calorimeter(kaons)
    assert np.median(both[neutral]) == pytest.approx(150, rel=0.02)
    assert (kaons.modules[neutral][:, :3] == 0).all()
    assert np.median(kaons.modules[charged][:, :3].sum(axis=(1, 2, 3))) > 10
    assert kaons.vertex[decayed].min() > 240
    assert kaons.vertex[decayed].max() < 3740


def test_pairs_of_photons_of_pions_are_as_frequent_as_stated() -> None:
    kaons = make("short_kaon", 2_500, lowest=0.3, highest=0.4, conversion=0.1, dalitz=0.05, neutral_ratio=1e9)
    decayed = np.isfinite(kaons.vertex)
    expected = 1 - 0.9**4 * 0.95**2
    assert (kaons.charged[decayed, 2] == 2).mean() == pytest.approx(expected, abs=0.03)


def test_the_flight_of_a_dark_photon_is_that_of_the_published_checks() -> None:
    """l = 18.18 cm at 100 GeV, 16.7 MeV, eps = 4e-4; 65.96 and 98.94 cm at 2.1e-4 for 100 and 150 GeV [D]."""
    assert decay_length(np.array([100.0]), 0.0167, 4e-4) == pytest.approx(181.8, rel=1e-3)
    assert decay_length(np.array([100.0, 150.0]), 0.0167, 2.1e-4) == pytest.approx([659.6, 989.4], rel=1e-3)


def test_vertices_of_pairs_follow_the_flight_and_energies_the_chance_to_decay_in_the_volume() -> None:
    pairs = make("electron_pair", 1_500, lowest=0.5, highest=0.51, coupling=4e-4)
    length = float(decay_length(np.array([0.505 * 150]), 0.0167, 4e-4)[0])
    flight = (pairs.vertex - 240) / length
    assert stats.kstest(flight, stats.truncexpon(b=3500 / length).cdf).pvalue > 1e-3
    assert calorimeter(pairs).mean() == pytest.approx(0.505 * 150, rel=0.02)
    soft, hard = (make("electron_pair", 800, coupling=eps, seed=8) for eps in (5e-5, 6e-4))
    assert calorimeter(hard).mean() > calorimeter(soft).mean() + 5  # only fast ones leave the dump


def test_impossible_energies_of_pairs_are_refused() -> None:
    with pytest.raises(ValueError, match=r"component electron_pair: nothing is between 0\.5 and 0\.5"):
        make("electron_pair", 3, lowest=0.5, highest=0.5)
    with pytest.raises(ValueError, match="component electron_pair: no dark photon decays behind the dump"):
        make("electron_pair", 3, coupling=0.3)


def test_counters_sum_what_each_particle_leaves() -> None:
    """A Moyal density has its maximum at the MIP and its mean 1.27 widths above."""
    n = 20_000
    detector = next(one for one in CAMPAIGN.further if one.name == "s2")
    blank = replace(empty(n, GRID, 2), charged=at_places(n, 1, 0, 0))
    one = cell_energies(detector, blank, CAMPAIGN.dump, np.random.default_rng(3))[:, 0]
    two = cell_energies(detector, blank + blank, CAMPAIGN.dump, np.random.default_rng(4))[:, 0]
    part = scintillator("s2")
    assert np.bincount((one / 2e-6).astype(int)).argmax() * 2e-6 == pytest.approx(part.mip, rel=0.03)
    assert one.mean() == pytest.approx(part.mip * (1 + 1.27 * part.width), rel=0.01)
    assert two.mean() == pytest.approx(2 * one.mean(), rel=0.01)
    numbers = np.arange(7.0) % 3
    mixed = replace(empty(7, GRID, 2), charged=at_places(7, numbers, 5, 5))
    light = cell_energies(detector, mixed, CAMPAIGN.dump, np.random.default_rng(3))[:, 0]
    assert np.round(light / part.mip / 1.05).tolist() == pytest.approx(numbers, abs=1)
    assert (light[numbers == 0] == 0).all()


def test_showers_of_two_particles_add_up_cell_by_cell() -> None:
    one = make("low_energy_electron", 5)
    nothing = replace(empty(5, GRID, 2), further={"other": np.ones((5, 2))})
    both = one + one + nothing
    assert both.further["wcal"] == pytest.approx(2 * one.further["wcal"])
    assert both.further["other"].tolist() == [[1.0, 1.0]] * 5
    assert both.charged.tolist() == [[2.0, 0.0, 0.0]] * 5


def test_w2_reports_what_the_public_code_does() -> None:
    """(E / 0.9 MeV)^6 below 0.9 MeV, 10 photoelectrons a MeV, 0.8 MeV |N(0, 1)| for 100 GeV [V: RC]."""
    w2, n = scintillator("wcal", 2), 60_000
    rng = np.random.default_rng(1)
    quiet = replace(w2, photoelectrons=np.inf, leakage=0.0)
    for energy in (0.3e-3, 0.6e-3, 0.8e-3, 1.0e-3):
        seen = reported(quiet, np.full(n, energy), np.zeros(n), rng)
        assert (seen > 0).mean() == pytest.approx(min((energy / 0.9e-3) ** 6, 1.0), abs=0.01)
    bright = replace(w2, leakage=0.0, efficient_from=0.0)
    seen = reported(bright, np.full(n, 2e-3), np.zeros(n), rng)
    assert (seen.mean(), seen.std()) == pytest.approx((2e-3, np.sqrt(20) / 10 * 1e-3), rel=0.02)
    dark = replace(w2, photoelectrons=np.inf, efficient_from=0.0)
    wcal = np.zeros((n, 3))
    wcal[:, 1] = 100.0
    detector = replace(next(one for one in CAMPAIGN.further if one.name == "wcal"), scintillators=(dark,))
    deposits = replace(empty(n, GRID, 2), further={"wcal": wcal})
    leaked = cell_energies(detector, deposits, CAMPAIGN.dump, rng)[:, 2]
    assert leaked.mean() == pytest.approx(0.8e-3 * np.sqrt(2 / np.pi), rel=0.02)


def test_s4_is_smeared_by_48_kev_above_its_mip_and_in_proportion_below() -> None:
    s4, n, rng = scintillator("s4"), 60_000, np.random.default_rng(2)
    for energy, sigma in ((0.48e-3, 48e-6), (0.24e-3, 48e-6), (0.12e-3, 24e-6)):
        assert reported(s4, np.full(n, energy), np.zeros(n), rng).std() == pytest.approx(sigma, rel=0.02)


HODOSCOPE = """
[[detector]]
name = "hodo"
cells = 3
noise = { value = 0.01, unit = "MeV", source = "x" }
threshold = { values = [0.1, 0.1, 9], unit = "MeV", source = "x" }
resolution = { value = 1, unit = "ns", source = "x" }
sigma = { value = 1, unit = "ns", source = "x" }
delay = { value = 3, unit = "ns", source = "x" }
"""
SEES = """
[[detector.scintillator]]
cell = 1
place = "beam"
mip = { value = 2, unit = "MeV", source = "x" }
width = { value = 0.1, source = "x" }
"""
SLICE = '[[detector.slice]]\ncell = 0\ndepth = { values = [0, 4], source = "x" }\n'
DUMP_KIND = """
[[further_component]]
name = "pair"
kind = "dump_muon"
trigger = "beam"
rate.physics = { value = 1, source = "x" }
"""


def write(folder: Path, text: str, like: str = "small") -> Path:
    path = folder / "own.toml"
    path.write_text(f'name = "own"\ndescription = "a test"\nlike = "{like}"\n{text}', encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "like", "message"),
    [
        (HODOSCOPE.replace('"hodo"', '"ecal"'), "small", "campaign own: detector ecal is there twice"),
        (HODOSCOPE + HODOSCOPE, "small", "detector hodo is there twice"),
        (HODOSCOPE + SEES.replace("cell = 1", "cell = 3"), "small", "detector hodo: no cell 3 of 3"),
        (HODOSCOPE + SEES + SEES, "small", "detector hodo: a cell is two things"),
        (HODOSCOPE + SEES.replace('"beam"', '"bem"'), "small", 'nearest known is "beam"'),
        (HODOSCOPE + SLICE, "small", "detector hodo: a part of a dump, and there is none"),
        (HODOSCOPE.replace("[0.1, 0.1, 9]", "[0.1, 9]"), "small", "threshold: 2 values for 3 cells"),
        (DUMP_KIND, "small", "pair is of kind dump_muon, which is for campaigns with a dump"),
        (DUMP_KIND.replace("dump_", ""), "visible_2018", "kind muon, which is for campaigns without a dump"),
        (HODOSCOPE, "visible_2018", "dump: no detector wcal"),
        (HODOSCOPE.replace('"hodo"', '"wcal"'), "visible_2018", "dump: cell 0 of wcal is no piece of it"),
    ],
)
def test_mistakes_in_further_detectors_are_named(tmp_path: Path, text: str, like: str, message: str) -> None:
    with pytest.raises((ValueError, KeyError)) as caught:
        load_campaign(write(tmp_path, text, like))
    assert message in str(caught.value.args[0])


def test_a_detector_of_ones_own_needs_no_python(tmp_path: Path) -> None:
    """Cells that nothing is said of have noise only; every particle of the beam leaves a MIP in the other."""
    campaign = load_campaign(write(tmp_path, HODOSCOPE + SEES))
    (hodo,) = campaign.further
    assert (hodo.n_cells, hodo.threshold) == (3, (0.1e-3, 0.1e-3, 9e-3))
    entry = next(one for one in campaign.components if one.name == "beam_electron")
    grid = campaign.geometries[0].grid
    gun = Gun(campaign.beam, grid, campaign.response, np.random.default_rng(1), campaign.further)
    light = cell_energies(hodo, generate(gun, entry, 500, campaign.trigger), None, gun.rng)
    assert (light[:, 1] > 1.5e-3).all()
    assert (light[:, [0, 2]] == 0).all()
