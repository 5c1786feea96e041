"""What the simulated trigger takes, beside a cut flow of real data."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from na64.datasets.instrument.columns import Cells
from na64.datasets.synthetic import load_campaign
from na64.datasets.synthetic.events import make_block, plan_runs
from na64.outputs.control.dimuon.trigger_flow import (
    REAL_OUT_OF_TIME,
    Triggers,
    compare_flow,
    flow_markdown,
    late_markdown,
    read_triggers,
    simulate_triggers,
)

PAGE = Path(__file__).parents[4] / "docs" / "physics.md"


@pytest.fixture(scope="module")
def triggers() -> Triggers:
    return simulate_triggers(40_000, seed=3)


@pytest.fixture(scope="module")
def dimuons() -> Triggers:
    return simulate_triggers(40_000, seed=2, campaign="dimuons")


def test_srd_ecal_and_hcal_keep_as_many_triggers_as_in_data(triggers: Triggers) -> None:
    """Before the mix of triggers followed the data, the SRD kept 0.453 of them."""
    steps = {step.cut: step for step in compare_flow(triggers)}
    assert steps["srd"].real_share == pytest.approx(0.232, abs=0.001)
    assert steps["srd"].simulated_share == pytest.approx(0.232, abs=0.015)
    assert steps["preshower"].simulated_share == pytest.approx(0.982, abs=0.02)
    assert steps["ecal_energy"].simulated_share == pytest.approx(0.182, abs=0.02)
    assert steps["dimuon"].simulated_share == pytest.approx(0.1156, abs=4 * np.sqrt(0.1156 / 1500))


def test_dimuons_have_as_much_energy_out_of_time_as_in_data(dimuons: Triggers) -> None:
    """Of those that pass the same cuts; before them 3.4 % have more than 5 GeV out of time."""
    for energy, real in REAL_OUT_OF_TIME.items():
        share, error = dimuons.late_share(energy)
        assert share == pytest.approx(real, abs=3 * np.hypot(error, np.sqrt(real / 2704)))
    before = (dimuons.out_of_time > 5).mean()
    assert before == pytest.approx(0.034, abs=0.005)


def test_steps_are_counted_one_after_the_other() -> None:
    late = np.zeros(4)
    flags = {
        name: np.array([True] * 4)
        for name in ("trigger", "ecal_centre", "srd", "preshower", "ecal_energy", "dimuon")
    }
    flags["srd"] = np.array([True, True, False, False])
    flags["ecal_energy"] = np.array([True, False, True, False])
    steps = compare_flow(Triggers(flags, late))
    assert [step.simulated for step in steps] == [4, 4, 2, 2, 1, 1]
    assert [step.simulated_share for step in steps] == [1, 1, 0.5, 1, 0.5, 1]
    assert [step.real for step in steps] == [641605, 563060, 130677, 128312, 23387, 2704]


def test_only_cells_in_time_count() -> None:
    campaign = load_campaign("dimuons")
    geometry = campaign.geometries[0]
    plan = plan_runs(campaign, geometry, 4_000, 1)[0]
    columns = make_block(campaign, geometry, plan, 0, 500, seed=1).columns
    on_time = read_triggers(columns, geometry.grid)
    cells = columns.detectors["ecal"]
    assert isinstance(cells, Cells)
    late = replace(cells, time=np.asarray(cells.time) + 50.0)
    shifted = replace(columns, detectors={**columns.detectors, "ecal": late})
    found = read_triggers(shifted, geometry.grid)
    assert on_time.out_of_time.mean() < 5
    assert found.out_of_time == pytest.approx(np.asarray(cells.energy).sum(axis=1), rel=0.02, abs=2.0)
    assert not found.passed["preshower"].any()


def test_the_documentation_shows_the_flow_that_the_code_finds(triggers: Triggers, dimuons: Triggers) -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert flow_markdown(compare_flow(triggers)) in text
    assert late_markdown(dimuons) in text
