"""Data and simulation beside each other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import hist
import numpy as np
import pytest

from na64.outputs.comparison.overlay import (
    Overlay,
    ScaledSimulation,
    check_apart,
    overlay,
)
from na64.outputs.comparison.overlay_plot import draw_page
from na64.outputs.comparison.overlay_table import hidden_note, lines, table_of
from na64.outputs.report.style import style
from na64.outputs.result.products import Products
from na64.outputs.result.store import read_result
from na64.outputs.result.summary_facts import ClosedFacts, CutFacts, HistogramFacts, Role
from na64.run import main


@pytest.fixture(scope="module")
def data(result: Path) -> Products:
    return read_result(result)


def axis(name: str = "hcal_0") -> Any:
    return hist.axis.Regular(30, 0, 30, name=name, label=f"{name} [GeV]")


def with_eot(products: Products, eot: float | None) -> Products:
    runs = tuple(replace(run, eot_delivered=eot) for run in products.summary.runs)
    return replace(products, summary=replace(products.summary, runs=runs))


def with_one(products: Products, values: Any, weights: Any = None) -> Products:
    storage = hist.storage.Int64() if weights is None else hist.storage.Weight()
    one = hist.Hist(axis(), storage=storage).fill(values, weight=weights)
    fact = HistogramFacts("hcal_0", "HCAL 0", "after hcal topology", Role.SELECTION, "hcal_topology")
    summary = replace(products.summary, histograms=(fact,))
    return replace(products, summary=summary, histograms={"hcal_0": one})


def test_simulations_are_added_at_equal_electrons_on_target_with_their_weights(data: Products) -> None:
    random = np.random.default_rng(1)
    x, w = random.exponential(6, 500), random.uniform(0.1, 3, 500)
    n_runs = len(data.summary.physics_runs)
    assert n_runs < len(data.summary.runs)
    measured = with_eot(with_one(data, random.exponential(6, 900)), 1e9)
    one = with_eot(with_one(data, x, w), 5e8)
    other = with_eot(with_one(data, x[:100], w[:100]), 4e9)
    sources = [ScaledSimulation("one", one), ScaledSimulation("other", other)]
    found = overlay(measured, sources)
    (shown,) = found.distributions
    edges = np.array([*axis().edges, np.inf])
    first = np.histogram(x, edges, weights=w)[0] * 2
    second = np.histogram(x[:100], edges, weights=w[:100])[0] / 4
    assert shown.parts[0][1:] == pytest.approx(first)
    assert shown.expected[1:] == pytest.approx(first + second)
    variance = (
        np.histogram(x, edges, weights=w * w)[0] * 4
        + np.histogram(x[:100], edges, weights=w[:100] ** 2)[0] / 16
    )
    assert shown.variance[1:] == pytest.approx(variance)
    assert found.norm == f"at equal exposure: {n_runs * 1e9:.4g} electrons on target in physics runs"


def test_without_electrons_on_target_only_shapes_are_compared_and_it_is_said(data: Products) -> None:
    x = np.random.default_rng(2).exponential(6, 400)
    measured, simulated = with_eot(with_one(data, x), None), with_one(data, x, np.full(400, 7.0))
    found = overlay(measured, [ScaledSimulation("sim", with_eot(simulated, 1e9))])
    (shown,) = found.distributions
    assert shown.expected.sum() == pytest.approx(400)
    assert "normalised to the data, shapes only: no electrons on target are stated for run" in found.norm
    known = with_eot(measured, 1e9)
    assert (
        "electrons on target of sim are not known"
        in overlay(known, [ScaledSimulation("sim", with_eot(simulated, None))]).norm
    )


def with_beam(products: Products, *particles: str) -> Products:
    runs = products.summary.runs
    changed = tuple(replace(run, particle=particles[n % len(particles)]) for n, run in enumerate(runs))
    return replace(products, summary=replace(products.summary, runs=changed))


def test_exposures_of_other_beams_are_not_compared(data: Products) -> None:
    one = with_eot(with_one(data, [1.0, 2.0]), 1e9)
    positrons, mixed = with_beam(one, "e+"), with_beam(one, "e-", "mu-")
    norm = overlay(one, [ScaledSimulation("sim", positrons)]).norm
    assert norm.endswith("shapes only: the data are of electrons on target, sim of positrons on target")
    for measured, simulated, name in ((mixed, one, "the data"), (one, mixed, "sim")):
        found = overlay(measured, [ScaledSimulation("sim", simulated)])
        assert f"{name} have electrons on target and muons on target" in found.norm
        assert found.distributions[0].expected.sum() == pytest.approx(2)
    assert "positrons on target" in overlay(positrons, [ScaledSimulation("sim", positrons)]).norm


def test_other_bins_are_not_compared(data: Products) -> None:
    one, other = with_one(data, [1.0]), with_one(data, [1.0])
    other.histograms["hcal_0"] = hist.Hist(hist.axis.Regular(31, 0, 30, name="hcal_0"))  # type: ignore[index]
    with pytest.raises(ValueError, match="no distribution in common"):
        overlay(one, [ScaledSimulation("sim", other)])


def test_sums_of_a_weight_are_not_compared_as_counts(data: Products) -> None:
    plain = with_one(data, [1.0])
    (fact,) = plain.summary.histograms
    facts = (replace(fact, weight="ecal [GeV]"),)
    weighted = replace(plain, summary=replace(plain.summary, histograms=facts))
    for one, other in ((weighted, plain), (plain, weighted), (weighted, weighted)):
        with pytest.raises(ValueError, match="no distribution in common"):
            overlay(one, [ScaledSimulation("sim", other)])


@pytest.fixture(scope="module")
def real(data: Products, simulated: Path) -> Overlay:
    other = read_result(simulated)
    return overlay(data, [ScaledSimulation("small", other)])


def test_a_campaign_agrees_with_another_of_its_kind_where_nothing_is_hidden(real: Overlay) -> None:
    whole = [one for one in real.distributions if one.hidden_share == 0.0 and one.found.n_degrees]
    assert len(whole) >= 4
    assert min(one.found.p_chi2 for one in whole) > 1e-4


def test_it_is_said_where_simulation_has_what_data_hide(real: Overlay) -> None:
    early = next(one for one in real.distributions if one.name == "srd_sum")
    assert early.hidden_share is not None
    assert 0.03 < early.hidden_share < 0.5
    assert "of the simulation is where data are hidden" in "\n".join(lines(real))
    late = next(one for one in real.distributions if one.name == "hcal_0")
    assert late.hidden_share is not None
    assert late.hidden_share < early.hidden_share


def test_it_is_said_where_nobody_knows_how_much_of_the_simulation_data_hide(data: Products) -> None:
    """Without a plane of energies after the cut of a histogram."""
    early = next(fact for fact in data.summary.histograms if fact.name == "srd_sum")
    summary = replace(data.summary, histograms=(early,))
    measured = replace(data, summary=summary, histograms={early.name: data.histograms[early.name]})
    (found,) = overlay(measured, [ScaledSimulation("sim", measured)]).distributions
    assert "an unknown part of the simulation is where data are hidden" in hidden_note(found)


def test_planes_are_compared_outside_the_hidden_region(data: Products) -> None:
    name = "plane_after_shower_chi2"
    points = np.array([[10, 0.5], [64.5, 1.4], [64.5, 1.6], [65.5, 0.2], [10, 30.0]])
    plane = hist.Hist(*data.histograms[name].axes, storage=hist.storage.Int64()).fill(*points.T)
    facts = tuple(fact for fact in data.summary.histograms if fact.name == name)
    summary = replace(data.summary, histograms=facts)
    measured = with_eot(replace(data, summary=summary, histograms={name: plane}), 1.0)
    found = overlay(measured, [ScaledSimulation("sim", measured)])
    ecal, hcal = found.distributions
    assert [one.name for one in (ecal, hcal)] == ["ecal", "hcal"]
    # A bin that the hidden region reaches into is closed as a whole: of 1.6 GeV in HCAL too.
    assert np.flatnonzero(ecal.expected).tolist() == [11, 66]
    assert np.flatnonzero(hcal.expected).tolist() == [1, 31]
    assert ecal.counts.sum() == 2


def test_planes_are_compared_outside_the_box_of_another_search(data: Products) -> None:
    name = "plane_after_shower_chi2"
    points = np.array([[64.5, 1.6], [72.5, 0.5], [73.5, 0.5], [91.5, 0.5], [92.5, 0.5], [80.0, 30.0]])
    plane = hist.Hist(*data.histograms[name].axes, storage=hist.storage.Int64()).fill(*points.T)
    other = ClosedFacts("alp", "", (73.0, 92.0), (None, 1.0), covers=True)
    boxes = tuple(replace(box, is_rectangle=False, others=(other,)) for box in data.summary.boxes)
    facts = tuple(fact for fact in data.summary.histograms if fact.name == name)
    summary = replace(data.summary, histograms=facts, boxes=boxes)
    measured = with_eot(replace(data, summary=summary, histograms={name: plane}), 1.0)
    ecal, hcal = overlay(measured, [ScaledSimulation("sim", measured)]).distributions
    assert np.flatnonzero(ecal.expected).tolist() == [65, 73, 81, 93]
    assert hcal.counts.sum() == 4


def with_other_box(data: Products, other: ClosedFacts) -> Products:
    boxes = tuple(replace(box, others=(other,)) for box in data.summary.boxes)
    return replace(data, summary=replace(data.summary, boxes=boxes))


def test_a_box_of_other_features_hides_an_unknown_part_and_closes_no_plane(data: Products) -> None:
    before = overlay(data, [ScaledSimulation("sim", data)])
    other = ClosedFacts("alp", "", (None, None), (None, None), covers=False)
    found = overlay(with_other_box(data, other), [ScaledSimulation("sim", data)])
    for one, same in zip(found.distributions, before.distributions, strict=True):
        assert one.counts.tolist() == same.counts.tolist()
        assert "an unknown part of the simulation" in hidden_note(one) or one.hidden_share is None
    partly = ClosedFacts("alp", "", (73.0, 92.0), (None, None), covers=False)
    found = overlay(with_other_box(data, partly), [ScaledSimulation("sim", data)])
    early = next(one for one in found.distributions if one.name == "srd_sum")
    assert "an unknown part of the simulation is where data are hidden" in hidden_note(early)


def test_the_page_has_ratios_and_the_table_every_variable(real: Overlay) -> None:
    with style():
        figure = draw_page(real, real.distributions[:4], real.label)
    labels = [axes.get_ylabel() for axes in figure.axes]
    assert labels.count("ratio") == 4
    assert len(table_of(real).rows) == len(real.distributions) > 30


def test_the_command_writes_table_and_pages(
    result: Path, simulated: Path, tmp_path: Path, capsys: Any
) -> None:
    few = simulated.parent / "few"
    line = ["overlay", str(result), str(simulated), "--to", str(few)]
    assert main([*line, "--only", "hcal_9"]) == 2
    assert main([*line, "--only", "hcal_0,srd_sum"]) == 0
    said = capsys.readouterr().out
    assert "chi2 / degrees" in said
    assert (few / "overlay.csv").read_bytes().startswith(b"variable,events,data,simulation,scale,chi2")
    assert [path.name for path in few.glob("*.png")] == ["overlay_1.png"]


def test_a_simulation_is_not_added_to_itself(data: Products) -> None:
    other = replace(data, summary=replace(data.summary, products={"yields.csv": "another"}))
    sources = [ScaledSimulation("one", data), ScaledSimulation("other", other)]
    check_apart(sources)
    with pytest.raises(ValueError, match="one and copy are the same result: it would count twice"):
        check_apart([*sources, ScaledSimulation("copy", data)])


def test_a_calibration_run_changes_no_scale(data: Products) -> None:
    one = with_eot(with_one(data, [1.0, 2.0]), 1e9)
    physics = replace(one, summary=replace(one.summary, runs=one.summary.physics_runs))
    assert len(physics.summary.runs) < len(one.summary.runs)
    for measured, simulated in ((one, physics), (physics, one)):
        found = overlay(measured, [ScaledSimulation("sim", simulated)])
        assert found.distributions[0].scale == 1.0
        norm = overlay(physics, [ScaledSimulation("sim", physics)]).norm
        assert found.norm == norm + (" in physics runs" if measured is one else "")
    unstated = tuple(
        run if run in physics.summary.runs else replace(run, eot_delivered=None) for run in one.summary.runs
    )
    without = replace(one, summary=replace(one.summary, runs=unstated))
    assert "at equal exposure" in overlay(without, [ScaledSimulation("sim", one)]).norm


def test_events_of_calibration_runs_in_a_histogram_are_stated(real: Overlay) -> None:
    (said,) = [line for line in lines(real) if "of the data, taken for calibration" in line]
    assert said.startswith("run 8703 of the data")
    assert said.endswith("in a histogram, no part in the exposure")


def test_histograms_of_events_after_other_cuts_are_left_out(
    data: Products, real: Overlay, simulated: Path
) -> None:
    other = read_result(simulated)
    cuts = other.summary.selection.cuts
    place = next(n for n, cut in enumerate(cuts) if cut.name == "vhcal")

    def with_cuts(*changed: CutFacts) -> Overlay:
        selection = replace(other.summary.selection, cuts=changed)
        summary = replace(other.summary, selection=selection)
        return overlay(data, [ScaledSimulation("small", replace(other, summary=summary))])

    shown = {(one.name, one.events) for one in real.distributions}
    assert not any("left out" in line for line in lines(real))
    for found in (
        with_cuts(*cuts[:place], *cuts[place + 1 :]),
        with_cuts(*cuts[:place], replace(cuts[place], more=("something else",)), *cuts[place + 1 :]),
    ):
        left = shown - {(one.name, one.events) for one in found.distributions}
        assert {events for _, events in left} >= {"all cuts but srd", "after hcal topology"}
        assert "after master time" not in {events for _, events in left}
        assert all(("vhcal" in one.events) for one in found.distributions if "all cuts but" in one.events)
        (said,) = [line for line in lines(found) if line.startswith("left out: ")]
        assert said.endswith("since small has other cuts (cut vhcal)")
    renamed = with_cuts(*cuts[:place], replace(cuts[place], label="another name"), *cuts[place + 1 :])
    assert {(one.name, one.events) for one in renamed.distributions} == shown
    assert not any("left out" in line for line in lines(renamed))
