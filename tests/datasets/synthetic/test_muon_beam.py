"""A simulated beam of muons: what it leaves, where it goes, and what the trigger takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from na64.datasets.conditions.periods import load_periods
from na64.datasets.instrument.spectrometer import Spectrometer
from na64.datasets.synthetic import load_campaign
from na64.datasets.synthetic.campaign import Campaign
from na64.datasets.synthetic.component_kinds import OF_MUONS, ComponentKind
from na64.datasets.synthetic.components import GENERATORS, generate
from na64.datasets.synthetic.deposits import Deposits
from na64.datasets.synthetic.events import make_block, plan_runs
from na64.datasets.synthetic.muon_mode import MuonMode, is_inside
from na64.datasets.synthetic.muon_recoil import load_recoil
from na64.datasets.synthetic.muon_tracks import (
    KICK,
    MOMENTUM,
    N_NUMBERS,
    N_TRACKS,
    SLOPE_Y,
    Y,
    hits_of,
    place_in_bend,
    places,
)
from na64.datasets.synthetic.particles import Gun

Floats = NDArray[np.float64]
CAMPAIGN = load_campaign("muon_2022")
assert CAMPAIGN.muon_mode is not None
MODE: MuonMode = CAMPAIGN.muon_mode


def gun(campaign: Campaign = CAMPAIGN, seed: int = 3) -> Gun:
    rng = np.random.default_rng(seed)
    further = (campaign.further, campaign.dump, campaign.muon_mode)
    return Gun(campaign.beam, campaign.geometries[0].grid, campaign.response, rng, *further)


def made(name: str, n: int = 300) -> Deposits:
    component = next(one for one in CAMPAIGN.components if one.name == name)
    return generate(gun(), component, n, CAMPAIGN.trigger)


def track(momentum: float, y: float = 0.0, slope: float = 0.0, kick: float = 0.0) -> Floats:
    found = np.zeros((1, N_NUMBERS))
    found[0, [Y, SLOPE_Y, MOMENTUM, KICK]] = y, slope, momentum, kick
    return found


@pytest.mark.parametrize("momentum", [160.0, 40.0, 8.0])
def test_a_muon_is_bent_by_the_field_integral_over_its_momentum(momentum: float) -> None:
    near, far = (place_in_bend(track(momentum), MODE.downstream, 0.0, z)[0] for z in (9000.0, 10000.0))
    sine = 0.299792458 * MODE.downstream.field * 2.0 / momentum
    assert (far - near) / 1000 == pytest.approx(np.tan(np.arcsin(sine)), rel=1e-9)
    assert place_in_bend(track(momentum, y=3.0, slope=1e-3), MODE.downstream, 0.0, 5000.0)[
        0
    ] == pytest.approx(8)
    kicked = place_in_bend(track(momentum, kick=1e-3), MODE.downstream, 0.0, 10000.0)[0]
    assert kicked - far == pytest.approx(3.4)
    opposite = place_in_bend(track(-momentum), MODE.downstream, 0.0, 10000.0)[0]
    assert opposite == pytest.approx(-far)


def test_counters_of_the_trigger_miss_muons_of_the_beam_and_see_those_of_half_the_momentum() -> None:
    tracks = np.zeros((2, N_TRACKS, N_NUMBERS))
    tracks[:, 0] = track(160.0)
    tracks[0, 1], tracks[1, 1] = track(160.0), track(45.0)
    seen = {one.cell: is_inside(one, *places(tracks, MODE, one.z)).sum(axis=1) for one in MODE.counters}
    assert seen[0].tolist() == seen[1].tolist() == [1, 1]
    assert seen[2].tolist() == seen[3].tolist() == [0, 1]
    assert seen[4].tolist() == [0, 0]


def test_the_spectrometers_of_the_period_are_those_of_the_campaign() -> None:
    stations = {station.name: station for station in MODE.stations}
    setup = load_periods()["2022M"].setup
    found: dict[str, Spectrometer] = {one.name: one for one in setup.spectrometers}
    for name, dipole in (("p_in", MODE.upstream), ("p_out", MODE.downstream)):
        one = found[name]
        assert (one.field, one.first, one.last) == (-dipole.field, dipole.first, dipole.last)
        for plane, z, origin, resolution in zip(one.planes, one.z, one.origin, one.resolution, strict=True):
            station = stations[plane.removesuffix("y")]
            assert (z, origin, resolution) == (station.z, station.origin[1], station.resolution)
    assert {f"{name}{axis}" for name in stations for axis in "xy"} <= {*setup.detectors}


@pytest.mark.parametrize("name", [one.name for one in CAMPAIGN.components if one.kind in OF_MUONS])
def test_events_of_every_kind_have_tracks_and_energy_and_fire_what_they_say(name: str) -> None:
    found = made(name, 60)
    assert found.tracks.shape == (60, N_TRACKS, N_NUMBERS)
    assert found.modules.shape == (60, 2, 6, 3)
    assert (found.tracks[:, 0, MOMENTUM] > 100).all()
    assert (found.further["target"].sum(axis=1) > 0).all()
    energies = found.further["counters"]
    if name != "beam_muon":
        assert (energies[:, :4] > [0.15e-3, 0.15e-3, 1.35e-3, 1.35e-3]).all()
        assert (energies[:, 4] <= 1.3e-3).all()


def test_what_a_muon_radiates_in_the_target_is_gone_behind_it() -> None:
    found = made("muon_loss")
    lost = found.tracks[:, 0, MOMENTUM] - found.tracks[:, 1, MOMENTUM]
    np.testing.assert_allclose(found.further["target"].sum(axis=1), lost, atol=4)
    assert lost.min() > 9


def test_a_muon_of_a_decay_has_an_energy_between_the_limits_of_two_bodies() -> None:
    for name, mass in (("kaon_decay", 0.493677), ("pion_decay", 0.13957)):
        found = made(name)
        energy = found.tracks[:, 1, MOMENTUM] + found.further["target"].sum(axis=1)
        fraction = energy / found.tracks[:, 0, MOMENTUM]
        assert fraction.min() > (0.10566 / mass) ** 2 * 0.999
        assert fraction.max() < 1


def test_a_second_muon_in_the_same_bin_adds_its_hits_and_its_energy() -> None:
    n, rng = 50, np.random.default_rng(2)
    clean = replace(MODE, stations=tuple(replace(one, noise=0.0, efficiency=1.0) for one in MODE.stations))
    first, second = made("beam_muon", n), made("beam_muon", 20)
    rows = (np.arange(n), np.arange(20) * 2)
    hits = hits_of((first.tracks, second.tracks), rows, n, clean, rng)
    counts = np.diff(hits["mm2y"].offsets)
    assert counts[::2][:20].tolist() == [2] * 20
    assert counts[1::2].tolist() == [1] * 25


@pytest.mark.parametrize("name", [one.name for one in CAMPAIGN.components])
def test_no_events_of_a_kind_are_no_events(name: str) -> None:
    """As the second particles of a block are where there are none."""
    component = next(one for one in CAMPAIGN.components if one.name == name)
    assert len(generate(gun(), component, 0, CAMPAIGN.trigger)) == 0
    assert GENERATORS[component.kind](gun(), component, 0).modules.shape == (0, 2, 6, 3)


def test_muons_that_radiated_have_the_momenta_and_angles_of_the_table() -> None:
    rng = np.random.default_rng(4)
    fraction, angle = load_recoil().draw(0.01, 0.5, 20_000, rng)
    left = 160 * fraction
    # [D] searches: 23.6, 52.0 and 71.9 GeV, mean 49.2; median angle 1.33 mrad.
    np.testing.assert_allclose(np.quantile(left, [0.16, 0.5, 0.84]), [23.6, 52.0, 71.9], rtol=0.02)
    assert left.mean() == pytest.approx(49.2, rel=0.02)
    assert np.median(angle) == pytest.approx(1.33e-3, rel=0.05)
    _, heavy = load_recoil().draw(0.3, 0.5, 20_000, rng)
    assert np.median(heavy) == pytest.approx(4.87e-3, rel=0.05)
    with pytest.raises(ValueError, match=r"boson of 2 GeV: expected 0.001 to 1 GeV"):
        load_recoil().draw(2.0, 0.5, 1, rng)
    with pytest.raises(ValueError, match=r"muon with up to 0.9 of the energy"):
        load_recoil().draw(0.01, 0.9, 1, rng)


def test_the_truth_of_a_block_has_the_momenta_on_both_sides_of_the_target() -> None:
    geometry = CAMPAIGN.geometries[0]
    (plan, *_) = plan_runs(CAMPAIGN, geometry, 400, 1)
    block = make_block(CAMPAIGN, geometry, plan, 0, 60, seed=1)
    p_in, p_out = block.truth["p_in"], block.truth["p_out"]
    there = p_in > 0  # random triggers have no muon
    assert there.sum() > 50
    assert (p_out[there] <= p_in[there]).all()
    assert np.median(p_in[there]) == pytest.approx(160, rel=0.02)
    assert block.columns.detectors["gem1y"].offsets[-1] > 50  # type: ignore[union-attr]


def test_kinds_of_a_muon_beam_are_for_campaigns_with_one() -> None:
    usual = load_campaign("small")
    muon = next(one for one in CAMPAIGN.components if one.kind is ComponentKind.BEAM_MUON)
    with pytest.raises(ValueError, match="of kind beam_muon, which is for campaigns with a beam of muons"):
        replace(usual, components=(muon,))
    with pytest.raises(ValueError, match="of kind electron, which is for campaigns without a beam of muons"):
        replace(CAMPAIGN, components=usual.components)
    with pytest.raises(ValueError, match="campaign muon_2022: muon mode: no detector counters of 5 cells"):
        replace(CAMPAIGN, further=CAMPAIGN.further[:1])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("cell = 4", "cell = 3", "counters are of cells"),
        ('name = "mm2"', 'name = "mm1"', "two stations have one name"),
        ("efficiency = { value = 0.98", "efficiency = { value = 1.5", "station mm1: sizes"),
        ("target_z = { value = 0,", "target_z = { value = 6000,", "the target is not between the magnets"),
        (
            "field = { value = -1.4",
            "field = { value = 0",
            "magnet of 0 T from 5600 to 7600 mm",
        ),
        (
            "origin = { values = [0, 0.0]",
            "origin = { values = [0]",
            "origin: 1 values, expected one for x and",
        ),
    ],
)
def test_a_set_up_that_cannot_be_is_refused(
    old: str, new: str, message: str, tmp_path: Path, edited: Callable[..., Path]
) -> None:
    path = edited("campaign", "muon_2022", tmp_path, (old, new), to="mine")
    with pytest.raises(ValueError, match=message):
        load_campaign(path)
