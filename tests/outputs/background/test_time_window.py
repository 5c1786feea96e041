"""Electrons that the time window brings into the box."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import hist
import numpy as np
import pytest

from na64.datasets.basics.run_ranges import to_ranges
from na64.datasets.synthetic import load_campaign
from na64.datasets.synthetic.digitisation import cells, master_time
from na64.datasets.synthetic.particles import Gun, electrons
from na64.datasets.synthetic.pile_up import overlay
from na64.outputs.background import time_window
from na64.outputs.background.estimate import Settings, estimate
from na64.outputs.background.section import SECTION
from na64.outputs.background.sidebands import box_of
from na64.outputs.background.table import BackgroundRow
from na64.outputs.background.time_window import (
    LATE,
    TAIL_AT_MOST,
    TIME_WINDOW,
    TOTAL,
    BeamElectrons,
    WindowLosses,
    computed_losses,
    measured_losses,
    most_out_of_time,
    time_window_row,
)
from na64.outputs.result.origin import origin_of
from na64.outputs.result.products import Products
from na64.outputs.result.store import read_result, write_numbers
from na64.outputs.result.summary_facts import CutFacts, HistogramFacts, IntervalFacts, Role
from na64.run import main

LAST = "plane_after_hcal_out_of_time"


@pytest.fixture
def products(case: Any, tmp_path: Path) -> Products:
    """The tiny result of data, with a box up to 60 GeV and a guard of 5, and 100 events of 70 to 71 GeV."""
    write_numbers(tmp_path, facts=case.facts, tallies=case.tallies, booking=case.booking, made_by={})
    return beside(read_result(tmp_path), {70: 100})


def beside(products: Products, events: dict[int, int]) -> Products:
    plane = products.histograms[LAST].copy()
    plane.view()[...] = 0
    for energy, n in events.items():
        plane.view()[energy, 0] = n
    return replace(products, histograms={**products.histograms, LAST: plane})


def timing(products: Products, lost: dict[float, int], n: int = 10_000) -> BeamElectrons:
    """Beam electrons of 99.5 GeV, so many of which lose an energy in GeV; the others lose nothing."""
    axes = (hist.axis.Regular(10, 95, 105, name=TOTAL), hist.axis.Regular(240, 0, 60, name=LATE))
    found = hist.Hist(*axes, storage=hist.storage.Double(), name="ecal_lost")
    found.fill(np.full(n - sum(lost.values()), 99.5), np.zeros(n - sum(lost.values())))
    for energy, several in lost.items():
        found.fill(np.full(several, 99.5), np.full(several, energy))
    return BeamElectrons(replace(products, histograms={"ecal_lost": found}), "times", "5eed" * 16)


def bounded(products: Products, most: float) -> Products:
    cut = CutFacts("late", (IntervalFacts(LATE, "GeV", "", high=most),))
    selection = replace(products.summary.selection, cuts=(cut, *products.summary.selection.cuts))
    return replace(products, summary=replace(products.summary, selection=selection))


def row_of(products: Products, times: BeamElectrons | None = None) -> BackgroundRow:
    found = time_window_row(products, box_of(products), times)
    assert found is not None
    return found


def test_each_loss_that_was_seen_counts_for_the_electrons_that_it_takes_into_the_box(
    products: Products,
) -> None:
    """70.5 GeV less 20 % is below 60 GeV, less 10 % is not: 100 events times 20 in 10,000."""
    row = row_of(products, timing(products, {20.0: 20, 10.0: 50}))
    assert (row.source, row.upper_limit) == (TIME_WINDOW, False)
    assert row.n == pytest.approx(0.2)
    assert row.error == pytest.approx(0.2 / np.sqrt(20))
    assert "100 electrons from 65 GeV up; 20 of 10000 beam electrons" in row.method
    nearer = beside(products, {66: 100, 70: 100})
    assert row_of(nearer, timing(products, {20.0: 20, 10.0: 50})).n == pytest.approx(0.2 + 0.7)


def test_few_losses_are_a_limit(products: Products) -> None:
    row = row_of(products, timing(products, {20.0: 3}))
    assert row.upper_limit
    assert row.n == pytest.approx(0.01 * 6.68078, rel=1e-4)
    assert row.most_likely == pytest.approx(0.03)
    many_of_few = beside(
        products, {66: 10_000, 76: 1}
    )  # 50 losses, of which one weighs as much as all others
    of_one = row_of(many_of_few, timing(products, {10.0: 1, 5.0: 49}))
    assert of_one.upper_limit


def test_a_limit_is_never_zero(products: Products) -> None:
    none_lost = row_of(products, timing(products, {}))
    assert none_lost.upper_limit
    assert none_lost.n == pytest.approx(2.302585 * 100 / 10_000)
    nothing = beside(products, {})
    for row in (
        row_of(nothing),
        row_of(nothing, timing(products, {20.0: 50})),
        row_of(nothing, timing(products, {})),
    ):
        assert row.upper_limit
        assert row.n
        assert row.n > 0
        assert row.most_likely == 0
    far = bounded(beside(products, {89: 1}), 30.0)
    assert row_of(far).n


def test_without_beam_electrons_the_tail_of_the_times_is_computed(products: Products) -> None:
    losses = computed_losses()
    n = 100 * losses.probability[losses.share > 1 - 60 / 70.5].sum()
    row = row_of(products)
    assert row.upper_limit
    assert row.n == pytest.approx(TAIL_AT_MOST * n)
    assert row.most_likely == pytest.approx(n)
    nearer = row_of(beside(products, {66: 100})).n
    assert nearer is not None
    assert row.n is not None
    assert nearer > 2 * row.n


def test_showers_of_the_computed_losses_are_those_of_the_beam() -> None:
    """Less of a shower of less energy is in one cell, so that another cell has a large share more often."""
    usual, low = computed_losses(), computed_losses(70.0)
    for least in (0.05, 0.1):
        above = [float(one.probability[one.share > least].sum()) for one in (usual, low)]
        assert 1.05 < above[1] / above[0] < 1.5


def test_the_losses_of_a_result_are_of_its_beam(products: Products, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []

    def losses(beam: float = 100.0) -> WindowLosses:
        asked.append(beam)
        return computed_losses(beam)

    monkeypatch.setattr(time_window, "computed_losses", losses)
    monkeypatch.setattr(time_window, "beam_energy", lambda _: 70.0)
    assert row_of(products).upper_limit
    assert asked == [70.0]


def test_energy_out_of_time_beyond_the_cut_brings_nothing_into_the_box(products: Products) -> None:
    times = timing(products, {20.0: 20, 40.0: 50})
    assert row_of(products, times).n == pytest.approx(0.7)
    assert row_of(bounded(products, 25.0), times).n == pytest.approx(0.2)
    assert row_of(bounded(beside(products, {70: 100, 90: 100}), 25.0), times).n == pytest.approx(0.2)
    assert most_out_of_time(bounded(products, 25.0)) == 25.0
    for most in (3.0, 5.0, 5.2):
        assert time_window_row(bounded(products, most), box_of(products), times) is None


def test_the_estimate_has_a_row_of_it_unless_a_cut_excludes_it(products: Products) -> None:
    assert estimate(products, Settings()).table.rows[-1].source == TIME_WINDOW
    sources = [row.source for row in estimate(bounded(products, 5.0), Settings()).table.rows]
    assert TIME_WINDOW not in sources
    measured = estimate(products, Settings(), timing=timing(products, {20.0: 20})).table.rows[-1]
    assert measured.n == pytest.approx(0.2)


def of_runs(electrons: BeamElectrons, *numbers: int) -> BeamElectrons:
    summary = electrons.products.summary
    runs = tuple(replace(summary.runs[0], run=number) for number in numbers)
    selection = replace(summary.selection, name="timing_beam")
    summary = replace(summary, runs=runs, selection=selection, identities={"catalogue": "c" * 64})
    return replace(electrons, products=replace(electrons.products, summary=summary))


def test_the_row_names_result_selection_catalogue_and_runs_of_its_electrons(products: Products) -> None:
    known = [run.run for run in products.summary.runs if run.accounting["processed"]]
    of_others = of_runs(timing(products, {20.0: 20}), 9001, 9002, 9005)
    method = row_of(products, of_others).method
    origin = "selection timing_beam, runs 9001-9002,9005, catalogue cccccccccccc, result 5eed5eed5eed"
    assert (
        f"; electron times from times: {origin}, INCOMPLETE; none of run {to_ranges(known)} of this result"
        in method
    )
    of_same = of_runs(timing(products, {20.0: 20}), *known, 9001)
    assert row_of(products, of_same).method.endswith(f"result {'5eed' * 3}, INCOMPLETE")
    assert "5eed" not in row_of(products).method


def test_product_terminal_and_report_name_the_electrons(
    simulate: Callable[..., Path],
    process: Callable[..., Path],
    undrawing: Callable[[], AbstractContextManager[None]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    files = simulate(tmp_path, "small", "300")
    out, electrons = (process(files, name, name=name) for name in ("invisible_2023", "timing_beam"))
    capsys.readouterr()
    with undrawing():
        assert main(["background", str(out), "--timing", str(electrons)]) == 0
    result = sha256((electrons / "result.json").read_bytes()).hexdigest()
    named = re.compile(
        "electron times from timing_beam: selection timing_beam, runs 8701-8703, catalogue [0-9a-f]{12}, "
        f"result {result[:12]}"
    )
    stated = json.loads((out / "background.json").read_text())["timing"]
    assert (stated["result"], stated["runs"], stated["verdict"]) == (result, "8701-8703", "COMPLETE")
    section = SECTION.write(out, read_result(out).summary.products, origin_of(out).result)
    texts = (capsys.readouterr().out, (out / "background.csv").read_text(), section)
    assert [len(named.findall(text)) for text in texts] == [1, 1, 1]


def test_times_that_were_not_measured_are_refused(products: Products) -> None:
    with pytest.raises(ValueError, match="process with --selection timing_beam"):
        measured_losses(products)
    with pytest.raises(ValueError, match="nothing is measured of their times"):
        measured_losses(timing(products, {}, n=0).products)
    counted = timing(products, {}, n=1).products
    facts = (HistogramFacts("ecal_lost", "", "", Role.SELECTION, weight="ecal [GeV]"),)
    weighted = replace(counted, summary=replace(counted.summary, histograms=facts))
    with pytest.raises(ValueError, match="process with --selection timing_beam"):
        measured_losses(weighted)


def test_simulated_electrons_lose_as_much_as_is_computed() -> None:
    """Electrons of 72 GeV enter a box of 60, without second particles, about three in ten thousand times."""
    campaign = load_campaign("demo")
    geometry, rng, n = campaign.geometries[0], np.random.default_rng(8), 25_000
    grid = geometry.grid
    gun = Gun(campaign.beam, grid, campaign.response, rng)
    energy = np.full(n, 72.0)
    alone = replace(campaign.pile_up, probability=0.0)
    deposits = electrons(gun, energy, energy)
    second, times = overlay(gun, alone, np.zeros(n, np.bool_)), master_time(n, rng)
    ecal = cells(deposits, second, times, response=campaign.response, pile_up=alone, rng=rng)["ecal"]
    late = np.abs(np.asarray(ecal.time) - np.asarray(ecal.expected_time)) >= 3 * np.asarray(ecal.time_sigma)
    in_time = np.where(late, 0.0, ecal.energy).reshape(n, 2, -1)
    centre = in_time[:, 1].argmax(axis=1) == grid.beam_cell[0] * grid.n_y + grid.beam_cell[1]
    seen = int(((in_time.sum(axis=(1, 2)) < 60) & centre).sum())
    losses = computed_losses()
    expected = n * losses.probability[losses.share > 1 - 60 / 72].sum()
    assert 5 < expected < 30
    assert seen == pytest.approx(expected, abs=4 * np.sqrt(expected))
