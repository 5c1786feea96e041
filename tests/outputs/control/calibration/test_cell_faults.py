"""Dead and noisy cells are those that are unlike the others, and hardly ever others."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from na64.datasets.calibration.constants import Defect
from na64.datasets.conditions.periods import load_periods
from na64.outputs.control.calibration.cell_faults import CellCounts, adjacent, bad_cells

DETECTORS = load_periods()["2023A"].setup.detectors
N = 36


def counts(**changed: Any) -> CellCounts:
    rng = np.random.default_rng(1)
    usual = CellCounts(
        n_led=200,
        led=np.full(N, 200),
        particles=rng.poisson(500, N),
        n_random=1000,
        random=rng.binomial(1000, 0.01, N),
        expected={},
        seen={"muons": np.full(N, 100)},
    )
    return replace(usual, **changed)


def found(one: CellCounts) -> dict[int, Defect]:
    return {bad.cell: bad.defect for bad in bad_cells({"hcal": one}, DETECTORS)}


def with_cell(values: Any, cell: int, value: int) -> Any:
    changed = np.array(values)
    changed[cell] = value
    return changed


def test_good_cells_are_good() -> None:
    assert found(counts()) == {}
    assert found(counts(n_led=0, led=np.zeros(N, np.int64))) == {}
    nothing = np.zeros(N, np.int64)
    assert found(counts(n_led=0, led=nothing, particles=nothing, n_random=0, random=nothing)) == {}


def test_a_cell_that_no_flash_lights_is_dead() -> None:
    assert found(counts(led=with_cell(counts().led, 4, 3))) == {4: Defect.DEAD}
    # Of a detector without a light pulser nothing follows from it.
    assert found(counts(led=np.zeros(N, np.int64))) == {}


def test_a_cell_without_the_pulses_of_those_beside_it_is_dead() -> None:
    silent = counts(n_led=0, particles=with_cell(counts().particles, 4, 2))
    assert found(silent) == {4: Defect.DEAD}
    few = counts(n_led=0, particles=with_cell(np.full(N, 40), 4, 0))
    assert found(few) == {}
    edge = counts(n_led=0, particles=with_cell(counts().particles, 4, 20))  # as at the edge of a shower
    assert found(edge) == {}


def test_a_cell_that_lost_the_signals_of_the_reference_is_dead() -> None:
    share = with_cell(np.full(N, 0), 7, 1) * 0.5
    lost = counts(expected={"muons": (300, share)}, seen={"muons": with_cell(np.full(N, 100), 7, 2)})
    assert found(lost) == {7: Defect.DEAD}
    assert found(counts(expected={"muons": (300, share)})) == {}


def test_a_cell_with_something_in_many_random_triggers_is_noisy() -> None:
    assert found(counts(random=with_cell(counts().random, 9, 340))) == {9: Defect.NOISY}
    assert found(counts(random=with_cell(counts().random, 9, 90))) == {}  # below a tenth
    assert found(counts(random=np.full(N, 340))) == {}  # all are alike
    dead = counts(led=with_cell(counts().led, 9, 0), random=with_cell(counts().random, 9, 340))
    assert found(dead) == {9: Defect.DEAD}


def test_cells_beside_each_other_are_in_one_plane() -> None:
    hcal = DETECTORS["hcal"]
    assert sorted(adjacent(hcal, 4)) == [1, 3, 5, 7]
    assert sorted(adjacent(hcal, 9)) == [10, 12]
    assert list(adjacent(DETECTORS["srd"], 1)) == [0, 2]
