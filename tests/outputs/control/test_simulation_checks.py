"""How good the simulation is, beside independent numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from na64.outputs.control.dimuon.likeness import Floats
from na64.outputs.control.simulation_checks import SimulationCheck, checks, checks_markdown, energy_markdown

PAGE = Path(__file__).parents[3] / "docs" / "physics.md"

WITHIN = {
    "muon pairs": 0.06,  # 0.03 without what the muons leave in the ECAL themselves
    "ECAL energy of hard muon pairs": 0.25,
    "preshower of dimuons": 0.15,
    "HCAL resolution": 0.08 / 0.6,
    "electrons of 100 GeV": 0.02,
    "ECAL resolution": 0.05,
}


@pytest.fixture(scope="module")
def found() -> list[SimulationCheck]:
    return checks()


def test_quantities_of_the_simulation_are_near_their_references(found: list[SimulationCheck]) -> None:
    assert len(found) == 13
    for check in found:
        largest = next(value for name, value in WITHIN.items() if check.quantity.startswith(name))
        assert check.ratio == pytest.approx(1, abs=largest), check


def test_muons_take_dimuons_out_of_the_low_energies_by_what_they_leave(found: list[SimulationCheck]) -> None:
    """The reference counts E0 - k; next to the edge lie 5 % of the dimuons a GeV, muons leave over 1 GeV."""
    rates = [
        check.simulated for check in found if "60 GeV left" in check.quantity or "muons too" in check.quantity
    ]
    own = next(check.simulated for check in found if check.quantity.startswith("ECAL energy"))
    slope = np.log(559 / 435) / 5
    share_per_gev = 559 / 5 / 2704 * np.exp(slope * 2.5)
    assert rates[1] / rates[0] == pytest.approx(1 - own * share_per_gev, abs=0.015)


def test_the_documentation_shows_what_the_checks_find(
    found: list[SimulationCheck], selected_dimuons: dict[str, Floats]
) -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert checks_markdown(found) in text
    assert energy_markdown(selected_dimuons) in text
