"""A range of runs ends where a cell jumps, and by chance hardly ever."""

from __future__ import annotations

import numpy as np

from na64.outputs.control.calibration.estimators import Estimate
from na64.outputs.control.calibration.run_ranges import Key, find_ranges

N_RUNS, N_CELLS = 12, 40


def runs(
    jumps: dict[tuple[int, int], float], seed: int, error: float = 0.3
) -> list[tuple[int, str, dict[Key, Estimate]]]:
    """Delays of cells in runs; ``jumps`` are by first run and cell."""
    rng = np.random.default_rng(seed)
    listed = []
    for run in range(N_RUNS):
        values = {}
        for cell in range(N_CELLS):
            true = sum(size for (first, which), size in jumps.items() if which == cell and run >= first)
            values["hcal", cell, "delay"] = Estimate(rng.normal(true, error), error, 100)
        listed.append((run, "p", values))
    return listed


def test_equal_runs_stay_together() -> None:
    for seed in range(20):
        groups, jumps = find_ranges(runs({}, seed), N_RUNS)
        assert (groups, jumps) == ([tuple(range(N_RUNS))], [])


def test_a_jump_begins_a_range_and_is_named() -> None:
    groups, jumps = find_ranges(runs({(5, 7): 4.0}, 1), N_RUNS)
    assert groups == [(0, 1, 2, 3, 4), (5, 6, 7, 8, 9, 10, 11)]
    (jump,) = jumps
    assert (jump.run, jump.detector, jump.cell, jump.quantity) == (5, "hcal", 7, "delay")
    assert "run 5: hcal cell 7: delay from" in str(jump)


def test_a_change_below_the_repeatability_of_runs_is_no_jump() -> None:
    small = runs({(5, 7): 0.2}, 1, error=1e-4)
    assert find_ranges(small, N_RUNS)[0] == [tuple(range(N_RUNS))]


def test_periods_are_never_joined() -> None:
    listed = [(run, "a" if run < 4 else "b", values) for run, _, values in runs({}, 1)]
    groups, jumps = find_ranges(listed, N_RUNS)
    assert (groups, jumps) == ([(0, 1, 2, 3), tuple(range(4, 12))], [])


def test_a_cell_that_is_missing_for_a_while_is_followed_on() -> None:
    listed = runs({(6, 7): 4.0}, 1)
    for run in (3, 4, 5):
        del listed[run][2]["hcal", 7, "delay"]
    assert find_ranges(listed, N_RUNS)[0] == [(0, 1, 2, 3, 4, 5), tuple(range(6, 12))]
