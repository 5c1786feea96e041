"""Axion-like particles that decay behind the ECAL, and leading neutral hadrons that look like them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from na64.datasets.synthetic import load_campaign
from na64.datasets.synthetic.axions import CELL, MODULE_LENGTH, Decays, alp, half_a_cell, photon_cells
from na64.datasets.synthetic.deposits import Deposits
from na64.datasets.synthetic.electromagnetic import Grid
from na64.datasets.synthetic.leading import leading_neutral
from na64.datasets.synthetic.muon_pairs import load_photon_lengths
from na64.datasets.synthetic.particles import Gun

CAMPAIGN = load_campaign("alp_signal")
FIRST = 1900.0


def gun(seed: int = 5) -> Gun:
    return Gun(CAMPAIGN.beam, Grid(6, 6, (3, 3)), CAMPAIGN.response, np.random.default_rng(seed))


def alps(n: int, **parameters: float) -> Deposits:
    component = next(entry for entry in CAMPAIGN.components if entry.name == "alp")
    return alp(gun(), replace(component, parameters={**component.parameters, **parameters}), n)


def modules(deposits: Deposits) -> Any:
    return deposits.modules.sum(axis=(2, 3))


def outside(modules: Any) -> Any:
    """R of modules 1 and 2: the part outside of one cell of the first and two of the second."""
    rear = modules[:, 1:3].sum(axis=(1, 2, 3))
    return 1 - (modules[:, 1, 1, 1] + modules[:, 2, 1, 1] + modules[:, 2, 2, 1]) / rear


def test_particles_decay_by_an_exponential_in_the_lengths_of_their_energies() -> None:
    fraction = np.repeat([0.2, 0.8], 20_000)
    place = Decays(4898.0, 0.0, 1e9).draw(fraction, np.random.default_rng(1))
    for one in (0.2, 0.8):
        assert stats.kstest(place[fraction == one], stats.expon(scale=4898 * one).cdf).pvalue > 0.01
    within = Decays(1000.0, 1900.0, 4900.0).draw(np.full(20_000, 0.5), np.random.default_rng(1))
    expected = stats.truncexpon(b=3000 / 500, loc=1900, scale=500)
    assert stats.kstest(within, expected.cdf).pvalue > 0.01


def test_energies_are_those_of_photons_in_a_thick_target() -> None:
    taken = alps(20_000, lowest=0.3, decays_from=5e3)
    energy = (taken.momentum - taken.electromagnetic) / taken.momentum
    fraction, length = load_photon_lengths()
    seen = (fraction >= 0.3) * length
    area = np.concatenate([[0.0], np.cumsum((seen[1:] + seen[:-1]) / 2 * np.diff(fraction))])
    assert stats.kstest(energy, lambda x: np.interp(x, fraction, area / area[-1])).pvalue > 0.01


def test_photons_shower_in_the_module_in_which_the_particle_decays() -> None:
    second = modules(alps(4000, decays_from=FIRST, decays_to=FIRST + 500))
    third = modules(alps(4000, decays_from=FIRST + MODULE_LENGTH, decays_to=FIRST + MODULE_LENGTH + 500))
    assert second[:, 1].sum() > 0.98 * second[:, :3].sum()
    assert third[:, 2].sum() > 0.98 * third[:, :3].sum()
    beyond = modules(alps(4000, decays_from=FIRST + 2 * MODULE_LENGTH, decays_to=1e15))
    assert beyond.mean(axis=0) == pytest.approx([0.02, 0, 0, 0], abs=0.05)  # leakage of the ECAL
    in_calorimeter = alps(4000, decays_from=0.0, decays_to=FIRST - MODULE_LENGTH)
    assert in_calorimeter.calorimeter.sum(axis=(1, 2, 3)).mean() == pytest.approx(100, abs=0.5)


def test_a_late_decay_leaks_and_an_early_one_does_not() -> None:
    energy = np.full(200, 50.0)
    parts = [
        photon_cells(np.full(200, at), energy, gun()).sum(axis=(1, 2, 3)).mean() for at in (0, 4250, 4350)
    ]
    assert parts[0] == pytest.approx(1, abs=2e-3)
    assert 0.1 < parts[2] < parts[1] < 0.95


def test_photons_have_the_response_of_the_hcal_to_them() -> None:
    found = alps(20_000, lowest=0.399, highest=0.401, decays_from=FIRST, decays_to=FIRST + 10, response=1.3)
    energy = modules(found)[:, 1] / (1.3 * 40)
    assert energy.mean() == pytest.approx(1, abs=0.01)
    assert energy.std() == pytest.approx(0.33 / np.sqrt(1.3 * 40), abs=0.01)


def test_photons_are_inside_the_centre_cells_and_hadrons_are_not() -> None:
    photons = outside(alps(2000, decays_from=FIRST, decays_to=4900.0).modules)
    assert (photons < 0.06).all()
    component = next(entry for entry in CAMPAIGN.components if entry.name == "leading_neutron")
    neutrons = leading_neutral(gun(), component, 400)
    rear = outside(neutrons.modules)
    assert np.median(rear) == pytest.approx(0.16, abs=0.04)
    assert (rear < 0.06).mean() < 0.05
    assert len(np.unique(neutrons.second_shower)) > 20


def test_leading_neutrals_leave_nothing_before_the_second_module() -> None:
    component = next(entry for entry in CAMPAIGN.components if entry.name == "leading_kaon")
    found = leading_neutral(gun(), component, 300)
    energy = modules(found)
    assert energy[:, 0].mean() < 0.1  # leakage of the ECAL
    assert (energy[:, 1] > 5).mean() > 0.95
    assert (energy[:, 3] == 0).all()
    total = found.calorimeter.sum(axis=(1, 2, 3)) + energy.sum(axis=1)
    assert np.median(total) == pytest.approx(100, abs=12)


def test_a_module_that_is_half_a_cell_off_shares_its_middle_cell_with_the_next() -> None:
    middle = np.zeros((1, 3, 3))
    middle[0, 1, 1] = 8
    assert half_a_cell(middle)[0, :, 1].tolist() == [0, 4, 4]
    # Of photons, the beam is on the edge of two cells there and in the middle of one elsewhere.
    cells = photon_cells(np.array([10.0, MODULE_LENGTH * 2 + 10]), np.array([50.0, 50.0]), gun())
    assert cells[0, 0, 1, 1] > 0.98
    assert cells[1, 2, 1, 1] + cells[1, 2, 2, 1] > 0.98
    assert min(cells[1, 2, 1, 1], cells[1, 2, 2, 1]) > 0.01
    assert CELL == 200


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"lowest": 0.5, "highest": 0.4}, "expected two shares above 0"),
        ({"decays_from": 10.0, "decays_to": 10.0}, "decays between 10 and 10 mm"),
        ({"decay_length": 0.0}, "with a length of 0 mm"),
    ],
)
def test_parameters_that_cannot_be_are_refused(parameters: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        alps(3, **parameters)
