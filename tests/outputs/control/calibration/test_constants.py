"""Constants by the first method that is sure enough, and the old ones where none is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from na64.datasets.calibration.constants import CellValues, DetectorConstants, Quantity, RunRange
from na64.datasets.conditions.periods import load_periods
from na64.outputs.control.calibration import constants
from na64.outputs.control.calibration.constants import RangeInput, constants_of
from na64.outputs.control.calibration.estimators import Estimate, Peak
from na64.outputs.control.calibration.measuring import CellMeasurement, Measurement
from na64.processors.calibration.sums import Sums
from na64.tests.datasets.calibration.example_constants import calibration_of

SETUP = load_periods()["2023A"].setup
NOTHING = CellMeasurement(None, None, 0, {}, dict.fromkeys(("electrons", "muons", "led"), 0), None)
EVENTS = dict.fromkeys(("particles", "random", "electrons", "muons", "led"), 0)


def peak(place: float, error: float = 0.01) -> Peak:
    return Peak(Estimate(place, error, 100), Estimate(1.0, error, 100))


def made(
    monkeypatch: pytest.MonkeyPatch, cells: dict[int, Any], name: str, reference: RunRange | None = None
) -> DetectorConstants:
    """Constants of a detector whose cells show something."""
    listed = tuple(replace(NOTHING, **cells.get(c, {})) for c in range(SETUP.detectors[name].n_cells))
    found = Measurement({name: listed}, {name: EVENTS}, None, 100.0)
    monkeypatch.setattr(constants, "measure", lambda *_: found)
    asked = RangeInput(8701, 8705, "2023A", SETUP, 100.0, reference, 50)
    return constants_of(Sums(), asked)[0].detectors[name]


def reference_of(name: str, signals: dict[Quantity, dict[int, float]], scale: float = 1.0) -> RunRange:
    """Earlier constants with signals of cells, each with an error of 1 %."""
    (part,) = calibration_of({(name, Quantity.SCALE): dict.fromkeys(range(36), scale)}).ranges
    known = part.detectors[name]
    n_cells, values = known.n_cells, dict(known.values)
    for quantity, of_cells in signals.items():
        numbers = tuple(of_cells.get(cell, 0.0) for cell in range(n_cells))
        methods = tuple("led" if cell in of_cells else "kept" for cell in range(n_cells))
        errors = tuple(0.01 * number for number in numbers)
        values[quantity] = CellValues(numbers, errors, (100,) * n_cells, methods)
    return replace(part, detectors={name: replace(known, values=values)})


def test_delays_of_the_light_pulser_are_less_what_it_has_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    cells: dict[int, Any] = {c: {"delay": peak(c), "led_delay": peak(c + 20.0)} for c in range(5)}
    cells[7] = {"led_delay": peak(23.0)}
    found = made(monkeypatch, cells, "hcal").values[Quantity.DELAY]
    assert (found.values[3], found.methods[3]) == (3.0, "particles")
    assert (found.values[7], found.methods[7]) == (3.0, "led")
    few = {c: cells[c] for c in (0, 1, 7)}
    found = made(monkeypatch, few, "hcal").values[Quantity.DELAY]
    assert (found.values[7], found.methods[7], found.errors[7]) == (0.0, "kept", 0.0)


def test_the_light_pulser_says_nothing_of_the_resolution(monkeypatch: pytest.MonkeyPatch) -> None:
    cells: dict[int, Any] = {c: {"delay": peak(0.0), "led_delay": peak(0.0)} for c in range(5)}
    cells[7] = {"led_delay": peak(0.0)}
    found = made(monkeypatch, cells, "hcal").values[Quantity.SIGMA]
    assert (found.methods[3], found.methods[7], found.values[7]) == ("particles", "kept", 0.0)


def test_scales_are_relative_to_the_reference_and_to_the_first_sure_signal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    signals = {Quantity.MUONS: {4: 3.0, 5: 3.0}, Quantity.LED: {4: 10.0, 5: 10.0, 6: 10.0}}
    sure, unsure = Estimate(2.4, 0.001, 900), Estimate(2.4, 0.2, 60)
    led = Estimate(8.0, 0.01, 200)
    cells = {
        4: {"signals": {"muons": sure, "led": led}},
        5: {"signals": {"muons": unsure, "led": led}},
        6: {"signals": {"led": Estimate(8.0, 2.0, 60)}},
        7: {"signals": {"led": led}},
    }
    reference = reference_of("hcal", signals, scale=1.1)
    found = made(monkeypatch, cells, "hcal", reference).values[Quantity.SCALE]
    assert [found.methods[cell] for cell in (4, 5, 6, 7)] == ["muons", "led", "kept", "kept"]
    assert found.values[4] == pytest.approx(3.0 / 2.4, rel=1e-5)
    assert found.values[5] == pytest.approx(10.0 / 8.0, rel=1e-5)
    assert found.errors[4] == pytest.approx(3.0 / 2.4 * 0.01, rel=0.01)
    assert [found.values[cell] for cell in (6, 7)] == [1.1, 1.1]  # of the reference


def test_a_signal_is_kept_under_the_new_scale(monkeypatch: pytest.MonkeyPatch) -> None:
    signals = {Quantity.LED: {4: 10.0}}
    cells = {4: {"signals": {"led": Estimate(8.0, 0.01, 200)}}}
    found = made(monkeypatch, cells, "hcal", reference_of("hcal", signals)).values[Quantity.LED]
    assert found.values[4] == pytest.approx(10.0)


def test_a_stated_mip_is_what_muons_are_scaled_to(monkeypatch: pytest.MonkeyPatch) -> None:
    cells = {2: {"signals": {"muons": Estimate(0.00963, 1e-5, 500)}}}
    found = made(monkeypatch, cells, "veto").values[Quantity.SCALE]
    assert found.values[2] == pytest.approx(10.7 / 9.63, rel=1e-4)
    assert found.methods[2] == "muons"
    assert found.n_measured == 1


def test_a_reference_for_other_cells_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    part = reference_of("hcal", {})
    other = replace(part, detectors={"hcal": replace(part.detectors["hcal"], base="0" * 12)})
    with pytest.raises(ValueError, match="reference: hcal of period 2023A is not what it was made for"):
        made(monkeypatch, {}, "hcal", other)


def test_nothing_measured_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    found = made(monkeypatch, {}, "hcal")
    assert {listed.n_measured for listed in found.values.values()} == {0}
    assert np.unique(found.values[Quantity.SCALE].values).tolist() == [1.0]
