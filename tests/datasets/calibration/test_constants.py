"""Constants of cells by range of runs: what holds for a run, and what becomes of a set-up."""

from __future__ import annotations

from dataclasses import replace

import pytest

from na64.datasets.basics.identity import identity
from na64.datasets.calibration.constants import (
    BadCell,
    Calibration,
    CellValues,
    Defect,
    DetectorConstants,
    Quantity,
    RunRange,
)
from na64.datasets.calibration.thresholds import threshold_of
from na64.datasets.conditions.periods import load_periods
from na64.datasets.instrument.calibrated_detector import CalibratedDetector
from na64.tests.datasets.calibration.example_constants import calibration_of

SETUP = load_periods()["2023A"].setup
NOISY = BadCell("ecal", 7, Defect.NOISY, "test")
DEAD = BadCell("hcal", 3, Defect.DEAD, "test")


def test_a_set_up_gets_the_constants_of_its_runs() -> None:
    changes = {("ecal", Quantity.SCALE): {5: 1.1}, ("hcal", Quantity.DELAY): {2: -3.0}}
    found = calibration_of(changes, bad=(NOISY, DEAD)).setup_of(8703, "2023A", SETUP)
    ecal, hcal = found.calorimeter, found.modules
    assert isinstance(ecal, CalibratedDetector)
    assert isinstance(hcal, CalibratedDetector)
    assert [ecal.scale[cell] for cell in (4, 5, 7)] == [1.0, 1.1, 0.0]  # a noisy cell counts as empty
    assert (hcal.scale[3], hcal.delay[2], hcal.delay[3]) == (1.0, -3.0, 0.0)  # a dead one stays
    assert ecal.timing == SETUP.calorimeter.timing
    assert ecal.beam_cell == SETUP.calorimeter.beam_cell
    assert found.template == SETUP.template


def test_runs_of_a_range_share_one_set_up() -> None:
    found = calibration_of({})
    assert found.setup_of(8701, "2023A", SETUP) is found.setup_of(8705, "2023A", SETUP)


def test_a_set_up_without_calibration_is_called_as_before() -> None:
    """What calibrated cells have besides is in no identity of others."""
    assert identity(SETUP.calorimeter) == identity(load_periods()["2023A"].setup.calorimeter)
    assert "delay" not in set(SETUP.calorimeter.__dataclass_fields__)


def test_a_template_takes_the_place_of_the_periods_own() -> None:
    assert SETUP.template is not None
    template = replace(SETUP.template, core=6.0)
    (part,) = calibration_of({}).ranges
    found = Calibration("x", (replace(part, template=template),), {})
    assert found.setup_of(8701, "2023A", SETUP).template == template


def test_the_identity_is_of_numbers_and_not_of_names() -> None:
    one = calibration_of({("ecal", Quantity.SCALE): {5: 1.1}})
    assert one.identity == calibration_of({("ecal", Quantity.SCALE): {5: 1.1}}, name="other").identity
    others = (
        calibration_of({("ecal", Quantity.SCALE): {5: 1.2}}),
        calibration_of({("ecal", Quantity.DELAY): {5: 1.1}}),
        calibration_of({("ecal", Quantity.SCALE): {5: 1.1}}, (8701, 8706)),
        calibration_of({("ecal", Quantity.SCALE): {5: 1.1}}, bad=(NOISY,)),
    )
    assert len({one.identity, *(other.identity for other in others)}) == 5


def test_a_run_outside_of_all_ranges_is_refused_by_name() -> None:
    for run in (8700, 8706):
        with pytest.raises(
            ValueError, match=rf"^run {run} has no calibration: example covers runs 8701-8705$"
        ):
            calibration_of({}).range_of(run)


def test_other_cells_or_expected_times_are_refused() -> None:
    later = replace(SETUP.calorimeter, timing=replace(SETUP.calorimeter.timing, expected=(1.0,) * 60))
    lacking = load_periods()["2018"].setup
    for setup, why in (
        (SETUP.with_detectors(later), "ecal is not what it was made for"),
        (lacking, "period mine: ecal is not what it was made for: 60 cells then and 72 now"),
    ):
        with pytest.raises(ValueError, match=why):
            calibration_of({}).setup_of(8701, "mine", setup)


def test_ranges_are_apart_and_ascending() -> None:
    (part,) = calibration_of({}).ranges
    after = replace(part, first=8705, last=8709)
    with pytest.raises(ValueError, match="runs 8705-8709 are not after runs 8701-8705"):
        Calibration("x", (part, after), {})
    with pytest.raises(ValueError, match="has no range"):
        Calibration("x", (), {})
    with pytest.raises(ValueError, match="runs 5 to 4 are none"):
        RunRange(5, 4, "2023A", {})
    with pytest.raises(ValueError, match="bad cell ecal 60 is not there"):
        replace(part, bad=(replace(NOISY, cell=60),))


def test_values_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="not finite"):
        CellValues((float("nan"),), (0.0,), (1,), ("led",))
    with pytest.raises(ValueError, match="not equally many"):
        CellValues((1.0,), (0.0, 0.0), (1,), ("led",))
    one = CellValues((1.0,), (0.0,), (1,), ("led",))
    with pytest.raises(ValueError, match="sigma is missing"):
        DetectorConstants("x", {Quantity.SCALE: one, Quantity.DELAY: one})
    known = dict.fromkeys((Quantity.DELAY, Quantity.SIGMA, Quantity.BASELINE), one)
    negative = CellValues((-1.0,), (0.0,), (1,), ("led",))
    with pytest.raises(ValueError, match="scale -1 is below 0"):
        DetectorConstants("x", {**known, Quantity.SCALE: negative})


def test_every_detector_has_a_threshold() -> None:
    assert threshold_of(SETUP.calorimeter) == 0.3
    assert threshold_of(SETUP.detectors["srd"]) == 0.001
    further = replace(SETUP.detectors["srd"], name="hodo", mip=0.002)
    assert threshold_of(further) == 0.001
    assert threshold_of(replace(further, mip=None, threshold=0.5)) == 0.5
    assert threshold_of(replace(further, mip=None, pedestal=0.7)) == 0.7
