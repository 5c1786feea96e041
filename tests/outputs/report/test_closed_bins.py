"""Nothing of a hidden bin is shown, whatever a histogram holds there."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import hist
import numpy as np
import pytest

from na64.outputs.report.closed_bins import closed_areas, hidden_bins, without_hidden
from na64.outputs.report.display import displayed
from na64.outputs.report.write import write_report
from na64.outputs.result.products import Products
from na64.outputs.result.store import read_result, write_numbers
from na64.outputs.result.summary_facts import BoxFacts, ClosedEdges, ClosedFacts

MADE_BY = {"version": "1", "command": "na64 process cat.json", "packages": {"numpy": "2"}}
BOX = BoxFacts("2023A", 60.0, 1.0, 5.0, 0.5, "", (0, 1))
OTHER = ClosedFacts("other", "", (None, None), (None, None), False, (ClosedEdges("s4", 0.3, None),))


def plane(*names: str, edges: tuple[float, ...] = (0.0, 1.0, 1.5, 10.0)) -> hist.Hist[Any]:
    axes = [hist.axis.Variable([0.0, 60.0, 65.0, 70.0], name=names[0])]
    axes += [hist.axis.Variable(edges, name=name) for name in names[1:]]
    found: hist.Hist[Any] = hist.Hist(*axes, storage=hist.storage.Int64())
    found.view(flow=True)[...] = 7
    return found


def areas(histogram: hist.Hist[Any], *boxes: BoxFacts) -> np.ndarray[Any, Any]:
    return hidden_bins(histogram, closed_areas([str(axis.name) for axis in histogram.axes], boxes))


def test_bins_of_box_and_guard_are_hidden_and_no_other() -> None:
    hidden = areas(plane("ecal", "hcal"), BOX)
    expected = np.zeros((5, 5), np.bool_)
    expected[:3, :3] = True  # below the axes, and up to 65 and 1.5 GeV
    np.testing.assert_array_equal(hidden, expected)


def test_a_bin_that_is_hidden_in_part_is_not_hidden() -> None:
    assert areas(plane("ecal", "hcal", edges=(0.0, 1.4, 1.6)), BOX).sum() == 3 * 2


def test_axes_in_another_order_hide_the_same() -> None:
    turned: hist.Hist[Any] = hist.Hist(*reversed(plane("ecal", "hcal").axes), storage=hist.storage.Int64())
    np.testing.assert_array_equal(areas(turned, BOX), areas(plane("ecal", "hcal"), BOX).T)


def test_a_box_hides_only_where_all_of_its_bounds_are_on_axes() -> None:
    assert not areas(plane("ecal"), BOX).any()
    assert not areas(plane("s4", "hcal"), BOX).any()
    both = areas(plane("ecal", "s4", edges=(0.0, 0.3, 1.0)), replace(BOX, others=(OTHER,)))
    np.testing.assert_array_equal(both, np.tile([False, False, True, True], (5, 1)))


def test_results_that_state_only_the_plane_of_a_box_hide_it_too() -> None:
    old = ClosedFacts("other", "", (None, 60.0), (None, None), True)
    np.testing.assert_array_equal(
        areas(plane("ecal", "hcal"), replace(BOX, is_rectangle=False, others=(old,)))[:, 0],
        [True, True, False, False, False],
    )
    assert closed_areas(("ecal", "hcal"), [replace(BOX, is_rectangle=False)]) == []


def test_infinite_ends_are_where_nothing_is_stated() -> None:
    (area,) = closed_areas(("ecal", "hcal"), [BOX, BOX])
    assert area.ends == ((-math.inf, 65.0), (-math.inf, 1.5))
    assert area.box == ((-math.inf, 60.0), (-math.inf, 1.0))


@pytest.fixture
def stored(case: Any, tmp_path: Path) -> Products:
    folder = tmp_path / "result"
    write_numbers(folder, facts=case.facts, tallies=case.tallies, booking=case.booking, made_by=MADE_BY)
    return read_result(folder)


def planted(products: Products, number: int) -> Products:
    """The result with events in every hidden bin, where none can be."""
    histograms = {}
    for name, found in products.histograms.items():
        changed = found.copy()
        hidden = areas(changed, *products.summary.boxes)
        assert hidden.any() == name.startswith("plane_")
        view: Any = changed.view(flow=True)
        view[hidden] = number
        histograms[name] = changed
    return replace(products, histograms=histograms)


def test_the_page_does_not_depend_on_what_hidden_bins_hold(
    stored: Products, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Products] = []

    def keep(products: Products, status: str) -> list[Any]:
        drawn.append(products)
        return []

    monkeypatch.setattr("na64.outputs.report.figures.drawings", keep)
    pages = [
        write_report(tmp_path / "result", planted(stored, number)).read_bytes() for number in (0, 3, 77_345)
    ]
    assert pages[0] == pages[1] == pages[2]
    assert b"77345" not in pages[2]
    for products in drawn:  # figures are made of the same
        for name, histogram in products.histograms.items():
            hidden = areas(histogram, *products.summary.boxes)
            assert not histogram.view(flow=True)[hidden].any(), name


def test_simulation_is_shown_as_it_is(stored: Products) -> None:
    simulated = replace(stored, summary=replace(stored.summary, is_data=False))
    assert without_hidden(displayed(simulated)).histograms["plane_after_visible"].values()[0, 0] > 0
    assert without_hidden(displayed(stored)).histograms["plane_after_visible"].values()[0, 0] == 0
