"""Constants of cells undo what is wrong with recorded columns."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from na64.datasets.instrument.calibrated_detector import calibrate_detector
from na64.datasets.instrument.columns import Cells, EventColumns, Hits
from na64.datasets.instrument.detector import Detector, Setup
from na64.datasets.instrument.roles import CellOrder
from na64.processors.features.compute import compute
from na64.processors.features.window_arguments import canonical
from na64.tests.processors.features.random_events import SETUP, as_hits, random_events

N_EVENTS = 300


def constants_of(detector: Detector, seed: int) -> dict[str, tuple[float, ...]]:
    rng = np.random.default_rng(seed)
    return {
        "scale": tuple(rng.uniform(0.5, 2.0, detector.n_cells)),
        "delay": tuple(rng.normal(0, 5, detector.n_cells)),
        "sigma": tuple(rng.uniform(0.5, 2.0, detector.n_cells) * (rng.random(detector.n_cells) < 0.7)),
        "baseline": tuple(rng.normal(0, 0.05, detector.n_cells)),
    }


def mended(cells: Cells, detector: Detector, constants: dict[str, tuple[float, ...]]) -> Cells:
    """Ten lines of NumPy: what the cells would have been recorded as by a detector without faults."""
    assert cells.time is not None
    assert cells.time_sigma is not None
    scale, delay, sigma, baseline = (
        np.array(constants[name]) for name in ("scale", "delay", "sigma", "baseline")
    )
    energy = np.where(cells.energy != 0, cells.energy - baseline, 0.0) * scale
    recorded = cells.time_sigma[:, list(detector.sigma_of_cell)]
    return replace(
        cells, energy=energy, time=cells.time - delay, time_sigma=np.where(sigma > 0, sigma, recorded)
    )


def calibrated(setup: Setup, seed: int = 5) -> Setup:
    return setup.with_detectors(
        *(calibrate_detector(one, **constants_of(one, seed)) for one in setup.detectors.values())
    )


def of_hits(events: EventColumns) -> EventColumns:
    """The same events, only the cells that were hit."""
    hits = {
        name: as_hits(events.cells(name), np.array(SETUP.detectors[name].sigma_of_cell))
        for name in events.detectors
    }
    return replace(events, detectors=dict(hits))


@pytest.mark.parametrize("kind", ["cells", "hits"])
def test_features_are_those_of_mended_columns(kind: str) -> None:
    events = random_events(N_EVENTS)
    wanted = dict(events.detectors)
    for name, cells in events.detectors.items():
        assert isinstance(cells, Cells)
        detector = SETUP.detectors[name]
        wanted[name] = mended(cells, detector, constants_of(detector, 5))
    plain = SETUP.with_detectors(
        *(replace(one, sigma_of_cell=tuple(range(one.n_cells))) for one in SETUP.detectors.values())
    )
    bad = np.zeros(N_EVENTS, bool)
    truth = compute(replace(events, detectors=wanted), plain, bad=bad)
    given = events if kind == "cells" else of_hits(events)
    found = compute(given, calibrated(SETUP), bad=bad)
    assert found.index == truth.index
    rows = [row for name, row in found.index.items() if name not in ("shower_chi2", "ecal_chi2")]
    np.testing.assert_allclose(found.values[rows], truth.values[rows], rtol=2e-5, atol=1e-5)
    other = compute(given, SETUP, bad=bad)
    assert not np.allclose(other["ecal"], truth["ecal"], rtol=1e-2)


def test_columns_keep_their_types_and_what_is_not_finite() -> None:
    detector = SETUP.calorimeter
    found = calibrate_detector(detector, **constants_of(detector, 1))
    energy = np.ones((2, 60), np.float32)
    energy[0, 3] = np.nan
    time = np.full((2, 60), np.inf, np.float32)
    cells = canonical(Cells(energy, time, time, np.ones((2, 60), np.float32)), found)
    assert isinstance(cells, Cells)
    assert cells.time is not None
    assert cells.time_sigma is not None
    assert {cells.energy.dtype, cells.time.dtype, cells.time_sigma.dtype} == {np.dtype(np.float32)}
    assert np.isnan(cells.energy[0, 3])
    assert np.isinf(cells.time).all()


def test_hits_in_cells_that_do_not_exist_stay_as_they_are() -> None:
    detector = SETUP.modules
    found = calibrate_detector(detector, **constants_of(detector, 1))
    cell, ones = np.array([0, -1, 36, 200]), np.ones(4)
    hits = Hits(np.array([0, 4]), cell, ones, ones, ones, ones)
    changed = canonical(hits, found)
    assert isinstance(changed, Hits)
    assert changed.time is not None
    assert changed.energy[1:].tolist() == [1.0] * 3
    assert changed.time[1:].tolist() == [1.0] * 3
    assert changed.energy[0] != 1.0


def test_constants_are_numbered_as_the_period_is_whatever_the_files_do() -> None:
    detector = replace(SETUP.calorimeter, cell_order=CellOrder.X_FASTEST)
    delay = tuple(float(cell) for cell in range(60))
    zero = (0.0,) * 60
    found = calibrate_detector(detector, scale=(1.0,) * 60, delay=delay, sigma=zero, baseline=zero)
    time = np.array(detector.order, np.float64)[None]
    cells = canonical(Cells(np.ones((1, 60)), np.arange(60.0)[None], time * 0, None), found)
    assert isinstance(cells, Cells)
    assert cells.time is not None
    np.testing.assert_array_equal(cells.time, time - np.array(delay))


def test_files_without_times_need_none() -> None:
    detector = SETUP.detectors["srd"]
    found = calibrate_detector(detector, **constants_of(detector, 1))
    cells = canonical(Cells(np.ones((2, 3))), found)
    assert isinstance(cells, Cells)
    assert cells.time is None
    assert cells.time_sigma is None


def test_resolutions_of_the_period_are_kept_where_the_file_has_none() -> None:
    detector = SETUP.detectors["srd"]
    constants = {**constants_of(detector, 1), "sigma": (0.5, 0.0, 2.0)}
    found = calibrate_detector(detector, **constants)
    time = np.zeros((2, 3))
    cells = canonical(Cells(np.ones((2, 3)), time, time), found)
    assert isinstance(cells, Cells)
    assert cells.time_sigma is not None
    assert cells.time_sigma[0].tolist() == [0.5, 1.0, 2.0]
    events = EventColumns(
        2, {}, {"srd": Hits(np.array([0, 1, 2]), np.array([0, 1]), np.ones(2), np.zeros(2))}
    )
    hits = canonical(events.cells("srd"), found)
    assert isinstance(hits, Hits)
    assert hits.time_sigma is not None
    assert hits.time_sigma.tolist() == [0.5, 1.0]
