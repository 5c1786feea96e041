"""Figures of a calibration: what the events are, whole cells, and what was not measured."""

from __future__ import annotations

import dataclasses

import pytest
from matplotlib.figure import Figure

from na64.datasets.calibration.constants import (
    KEPT,
    CellValues,
    DetectorConstants,
    Quantity,
    RunRange,
    base_of,
)
from na64.datasets.conditions.periods import load_periods
from na64.datasets.instrument.roles import COUNTERS
from na64.outputs.control.calibration.figures import constants_figure

SHOWN = (Quantity.DELAY, Quantity.SIGMA, Quantity.SCALE)


@pytest.fixture(scope="module")
def drawn() -> Figure:
    """Three counters, with a scale that differs from one by little, and no resolution."""
    setup = load_periods()["2023A"].setup
    detector = setup.detectors[COUNTERS]
    n_cells = detector.n_cells
    kept = CellValues((0.0,) * n_cells, (0.0,) * n_cells, (0,) * n_cells, (KEPT,) * n_cells)
    scale = dataclasses.replace(kept, values=tuple(1.00444 + 1e-5 * cell for cell in range(n_cells)))
    values = dict.fromkeys(Quantity, kept) | {Quantity.SCALE: scale}
    constants = {COUNTERS: DetectorConstants(base_of(detector), values)}
    part = RunRange(8701, 8705, "2023A", constants, (), None, {})
    figure = constants_figure([part], COUNTERS, SHOWN, "simulated campaign\n2023A")
    figure.draw_without_rendering()
    return figure


def test_constants_say_what_the_events_are(drawn: Figure) -> None:
    said = [text.get_text() for text in drawn.texts]
    assert any("simulated campaign" in text for text in said)
    assert "2023A" in said


def test_cells_are_marked_at_whole_numbers(drawn: Figure) -> None:
    ticks = drawn.axes[-1].get_xticks()
    assert all(tick == round(tick) for tick in ticks)


def test_a_scale_is_read_without_an_offset(drawn: Figure) -> None:
    assert drawn.axes[2].yaxis.get_offset_text().get_text() == ""


def test_a_quantity_that_no_cell_has_says_so(drawn: Figure) -> None:
    said = [[text.get_text() for text in axes.texts] for axes in drawn.axes]
    assert said == [[], ["not measured"], []]
