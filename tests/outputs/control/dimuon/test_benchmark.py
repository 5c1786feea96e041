"""Region I over expectation, from counts that are known."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from na64.datasets.synthetic.campaign_reader import load_campaign
from na64.outputs.control.dimuon.benchmark import (
    Rate,
    compare,
    dimuon_table,
    expected_rate,
    runs_left_out,
    shower_efficiency,
    stages,
    uniform_weight,
)
from na64.outputs.control.dimuon.files import compare_results
from na64.outputs.control.dimuon.production import production_of
from na64.outputs.result.products import Products
from na64.outputs.result.store import read_result, write_numbers
from na64.processors.counting.tally import N_COMPONENTS_WEIGHTED


def _products(case: Any, folder: Path, *, is_data: bool = True) -> Products:
    facts = replace(case.facts, is_data=is_data)
    write_numbers(folder, facts=facts, tallies=case.tallies, booking=case.booking, made_by={})
    return read_result(folder)


@pytest.fixture
def data(case: Any, tmp_path: Path) -> Products:
    return _products(case, tmp_path / "data")


@pytest.fixture
def simulation(make_case: Callable[..., Any], tmp_path: Path) -> Products:
    case = make_case(tmp_path, is_data=False)
    return _products(case, tmp_path / "simulation", is_data=False)


def test_the_rate_is_counts_over_live_electrons(simulation: Products) -> None:
    """Region I after momentum: 5 events of run 8700; the 3 of run 8701, without an exposure, do not count."""
    rate = expected_rate(simulation, "momentum")
    assert rate.value == pytest.approx(5 / 2.25e9, rel=1e-6, abs=0)
    assert rate.error == pytest.approx(math.sqrt(5) / 2.25e9, rel=1e-6, abs=0)
    assert list(runs_left_out("sim", simulation)) == [
        "left out: run 8701 of sim, no live electrons on target are stated"
    ]


def test_runs_without_exposure_are_not_compared(data: Products) -> None:
    found = compare(data, "momentum", Rate(4 / 2.25e9, 0.4 / 2.25e9))
    assert [ratio.of for ratio in found.runs] == ["8700"]
    (run,) = found.runs
    assert run.observed == 5
    assert [run.expected, run.value] == pytest.approx([4.0, 1.25])
    below, above = run.errors
    assert below == pytest.approx(math.hypot(2.159691 / 4, 0.125), rel=1e-5)
    assert above == pytest.approx(math.hypot(3.382473 / 4, 0.125), rel=1e-5)
    assert found.everything.observed == found.periods[0].observed == 5
    assert found.systematic == pytest.approx(1.25 * math.hypot(0.05, 0.1))


def test_the_table_has_runs_periods_and_all(data: Products) -> None:
    table = dimuon_table([compare(data, "momentum", Rate(1e-9, 1e-10))])
    assert table.column("of") == ["8700", "2023A", "all"]
    assert table.column("observed") == [5, 5, 5]


def _with_weights(row: Any, sumw: float, sumw2: float) -> Any:
    return replace(row, sums={**row.sums, "region_I_sumw": sumw, "region_I_sumw2": sumw2})


def test_a_selection_without_region_i_is_refused_by_name(data: Products) -> None:
    regions = tuple(replace(region, name="region_K0S") for region in data.summary.selection.regions[:1])
    selection = replace(data.summary.selection, regions=regions)
    without = replace(data, summary=replace(data.summary, selection=selection))
    said = "selection tiny has no region I, which the dimuon benchmark needs: its regions are K0S"
    with pytest.raises(ValueError, match=said):
        compare(without, "momentum", Rate(1e-9, 1e-10))


def test_exposures_of_several_beams_are_not_added(data: Products) -> None:
    first, second = data.summary.runs
    runs = (first, replace(second, particle="mu-", eot_live=1e9))
    mixed = replace(data, summary=replace(data.summary, runs=runs))
    said = "the dimuons of tiny: electrons on target and muons on target are not added to each other"
    with pytest.raises(ValueError, match=said):
        compare(mixed, "momentum", Rate(1e-9, 1e-10))
    with pytest.raises(ValueError, match=said):
        expected_rate(mixed, "momentum")
    runs = (replace(first, energy=100.0), replace(second, energy=150.0))
    mixed = replace(data, summary=replace(data.summary, runs=runs))
    with pytest.raises(ValueError, match="beams of 100 GeV and 150 GeV are not added to each other"):
        compare(mixed, "momentum", Rate(1e-9, 1e-10))


def test_a_simulation_of_another_beam_is_not_compared(data: Products, simulation: Products) -> None:
    for change, said in (
        ({"particle": "e+"}, "the data are of electrons on target, the simulation of positrons on target"),
        ({"energy": 150.0}, "the data are of 100 GeV, the simulation of 150 GeV"),
    ):
        runs = tuple(replace(run, **change) for run in simulation.summary.runs)
        other = replace(simulation, summary=replace(simulation.summary, runs=runs))
        with pytest.raises(ValueError, match=said):
            compare_results(data, other)


def test_weights_are_those_of_the_yields(weighted_case: Any, tmp_path: Path) -> None:
    simulation = _products(weighted_case, tmp_path, is_data=False)
    weighted: list[Any] = list(simulation.yields.rows)
    rows = [
        _with_weights(row, 0.5 * row.regions["region_I"], 0.25 * row.regions["region_I"]) for row in weighted
    ]
    simulation = replace(simulation, yields=replace(simulation.yields, rows=rows))
    assert uniform_weight(simulation) == pytest.approx(0.5)
    rate = expected_rate(simulation, "momentum")
    by_hand = (2.5 / 2.25e9, math.sqrt(5) / 2 / 2.25e9)
    assert (rate.value, rate.error) == pytest.approx(by_hand, rel=1e-6, abs=0)
    yields = expected_rate(simulation, "master_time")
    assert yields.value == pytest.approx(5 * 0.5 / 2.25e9, rel=1e-6, abs=0)
    rows[0] = _with_weights(rows[0], rows[0].sums["region_I_sumw"], 9.0)
    mixed = replace(simulation, yields=replace(simulation.yields, rows=rows))
    with pytest.raises(ValueError, match="different weights"):
        expected_rate(mixed, "master_time")


def test_without_exposure_there_is_no_expectation(simulation: Products) -> None:
    runs = tuple(replace(run, eot_live=None) for run in simulation.summary.runs)
    unknown = replace(simulation, summary=replace(simulation.summary, runs=runs))
    with pytest.raises(ValueError, match="no exposure"):
        expected_rate(unknown, "momentum")
    with pytest.raises(ValueError, match="nothing to compare with"):
        compare(unknown, "momentum", Rate(1.0, 0.1))


def test_data_are_no_expectation_and_selections_must_agree(data: Products, simulation: Products) -> None:
    with pytest.raises(ValueError, match="catalogued as data"):
        compare_results(data, data)
    other = replace(simulation, summary=replace(simulation.summary, identities={"selection": "another"}))
    with pytest.raises(ValueError, match="tiny and tiny are not the same"):
        compare_results(data, other)


def test_the_cut_before_the_shower_cut_is_compared_too(data: Products) -> None:
    assert stages(data) == ("momentum",)
    cuts = data.summary.selection.cuts
    named = (cuts[0], replace(cuts[1], name="shower_chi2"), cuts[2])
    selection = replace(data.summary.selection, cuts=named)
    assert stages(replace(data, summary=replace(data.summary, selection=selection))) == (
        "master_time",
        "shower_chi2",
    )


def test_the_error_of_the_shower_cut_is_binomial() -> None:
    rng, pulls = np.random.default_rng(3), []
    for _ in range(400):
        seen, n = rng.binomial(1000, 0.93), rng.binomial(4000, 0.93)
        rates = Rate(4000.0, math.sqrt(4000)), Rate(float(n), math.sqrt(n))
        ratio, error = shower_efficiency((1000, int(seen)), rates)
        pulls.append((ratio - 1) / error)
    assert abs(np.mean(pulls)) < 0.2
    assert np.std(pulls) == pytest.approx(1, abs=0.15)


def test_the_demo_simulates_as_many_dimuons_as_the_cross_section_has() -> None:
    """Rossi's track length and pairs drawn as 1/k^2 make 4.14e-5, of which 59 % trigger."""
    found = production_of(load_campaign("dimuons"), np.random.default_rng(1), n=4000)
    assert found.scale == pytest.approx(1.0, abs=0.01 + 3 * found.scale_error)
    assert found.pairs == pytest.approx(3.97e-5, rel=0.005)


def test_a_campaign_without_dimuons_cannot_be_normalised() -> None:
    demo = load_campaign("demo")
    campaign = replace(demo, components=tuple(c for c in demo.components if c.name != "dimuon"))
    with pytest.raises(ValueError, match="0 components of dimuons"):
        production_of(campaign, np.random.default_rng(1))


def test_the_number_of_layers_of_weighted_simulation_is_known() -> None:
    assert N_COMPONENTS_WEIGHTED > 1
