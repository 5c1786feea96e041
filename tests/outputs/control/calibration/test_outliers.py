"""Outliers among places: false ones are as rare as stated, and true ones are found."""

from __future__ import annotations

import numpy as np
import pytest

from na64.outputs.control.calibration.followed import BEAM, Place, Row, Rows
from na64.outputs.control.calibration.outliers import Series, limit_of, outliers_of, series_of

N_PLACES, N_CELLS = 40, 30
RUNS = [Place(run, None, "p physics") for run in range(N_PLACES)]


def means(rng: np.random.Generator, scatter: float = 0.0) -> list[tuple[Place, Rows]]:
    error = np.full(N_CELLS, 0.5)
    return [
        (place, {("ecal", "time"): Row(rng.normal(3, np.hypot(0.5, scatter), N_CELLS), error)})
        for place in RUNS
    ]


def shares(rng: np.random.Generator, p: float, n: int) -> list[tuple[Place, Rows]]:
    trials = np.full(N_CELLS, n)
    listed: list[tuple[Place, Rows]] = []
    for place in RUNS:
        hits = rng.binomial(n, p, N_CELLS)
        listed.append((place, {("ecal", "occupancy"): Row(hits / n, np.ones(N_CELLS), hits, trials)}))
    return listed


def false_alarms(series: list[Series]) -> int:
    return len(outliers_of(series, limit_of(series)))


def test_chance_alone_makes_hardly_an_outlier() -> None:
    rng = np.random.default_rng(1)
    assert sum(false_alarms(series_of(means(rng))) for _ in range(20)) <= 1
    for p, n in ((0.001, 200), (0.02, 100), (0.5, 300), (0.98, 50)):
        assert sum(false_alarms(series_of(shares(rng, p, n))) for _ in range(10)) <= 1


def test_places_that_scatter_more_than_by_chance_are_judged_by_their_scatter() -> None:
    rng = np.random.default_rng(2)
    assert sum(false_alarms(series_of(means(rng, scatter=3.0))) for _ in range(10)) <= 3


def test_a_cell_that_is_off_is_named_with_its_place() -> None:
    rng = np.random.default_rng(3)
    listed = means(rng)
    listed[7][1]["ecal", "time"].value[11] += 8.0
    (series,) = series_of(listed)
    (found,) = outliers_of([series], limit_of([series]))
    assert (found.place.run, found.detector, found.cell, found.quantity) == (7, "ecal", 11, "time")
    assert found.value - found.usual == pytest.approx(8, abs=2)
    assert found.z > 7


def test_a_share_that_is_off_is_named() -> None:
    listed = shares(np.random.default_rng(4), 0.02, 200)
    row = listed[5][1]["ecal", "occupancy"]
    assert row.hits is not None
    row.hits[3], row.value[3] = 80, 0.4
    series = series_of(listed)
    (found,) = outliers_of(series, limit_of(series))
    assert (found.place.run, found.cell) == (5, 3)


def test_spills_are_compared_within_their_run_and_runs_of_other_types_never() -> None:
    error = np.array([0.1])
    spills = [
        (Place(run, spill, "p physics"), {(BEAM, "time"): Row(np.array([10.0 * run]), error)})
        for run in (1, 2)
        for spill in range(6)
    ]
    (series,) = series_of(spills)
    assert not outliers_of([series], limit_of([series]))
    runs = [
        (Place(run, None, kind), {(BEAM, "time"): Row(np.array([value]), error)})
        for kind, value in (("p physics", 1.0), ("p calibration", 50.0))
        for run in range(4)
    ]
    (series,) = series_of(runs)
    assert not outliers_of([series], limit_of([series]))


def test_too_few_places_are_not_tested() -> None:
    (series,) = series_of(means(np.random.default_rng(1))[:2])
    assert np.isnan(series.z).all()
    assert limit_of([series]).n_looks == 0
