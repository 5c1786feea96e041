"""Tag and probe from the counts of a cut-flow."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from na64.outputs.control.cut_efficiencies import (
    LEAST_EVENTS,
    Probe,
    clopper_pearson,
    efficiencies,
    efficiency_table,
    intensities,
    trend_of,
)
from na64.outputs.result.store import read_result, write_numbers


@given(st.integers(0, 300), st.integers(1, 300))
def test_the_interval_is_that_of_clopper_and_pearson(passed: int, tagged: int) -> None:
    passed = min(passed, tagged)
    low, high = clopper_pearson(passed, tagged)
    exact = stats.binomtest(passed, tagged).proportion_ci(math.erf(math.sqrt(0.5)), "exact")
    assert (low, high) == pytest.approx((exact.low, exact.high), abs=1e-9)


def test_more_that_pass_than_were_tagged_is_refused() -> None:
    with pytest.raises(ValueError, match="5 of 4 events"):
        clopper_pearson(5, 4)


def _probes(rng: np.random.Generator, slope: float) -> list[Probe]:
    intensity = np.linspace(3e6, 6e6, 12)
    tagged = rng.integers(500, 1500, 12)
    passed = rng.binomial(tagged, 0.93 + slope * (intensity - 4.5e6))
    return [Probe(8700 + i, float(intensity[i]), int(tagged[i]), int(passed[i])) for i in range(12)]


@pytest.mark.parametrize("slope", [0.0, -1e-8])
def test_a_trend_is_found_with_an_honest_error(slope: float) -> None:
    pulls, p_values = [], []
    for seed in range(60):
        trend = trend_of(_probes(np.random.default_rng(seed), slope))
        assert trend is not None
        pulls.append((trend.slope - slope) / trend.slope_error)
        p_values.append(trend.p_value)
    assert abs(np.mean(pulls)) < 0.5
    assert 0.75 < np.std(pulls) < 1.25
    assert stats.kstest(p_values, "uniform").pvalue > 1e-3


def test_without_a_spread_of_intensity_or_failures_there_is_no_trend() -> None:
    assert trend_of([Probe(run, 4e6, 100, 50) for run in range(5)]) is None
    assert trend_of([Probe(run, 1e6 + run, 100, 100) for run in range(LEAST_EVENTS)]) is None
    assert trend_of([Probe(run, None, 100, 50) for run in range(5)]) is None


def test_the_counts_are_those_of_the_cut_flow(case: Any, tmp_path: Path) -> None:
    write_numbers(tmp_path, facts=case.facts, tallies=case.tallies, booking=case.booking, made_by={})
    products = read_result(tmp_path)
    found = efficiencies(products, intensities(tmp_path, products), ("momentum", "srd"))
    (momentum,) = found
    assert [(p.run, p.tagged, p.passed) for p in momentum.probes] == [(8700, 14, 12), (8701, 10, 8)]
    assert (momentum.total.tagged, momentum.total.passed) == (24, 20)
    assert momentum.trend is None
    assert efficiency_table(found).column("efficiency") == [12 / 14, 8 / 10]


def test_spills_that_are_not_those_of_the_result_are_refused(case: Any, tmp_path: Path) -> None:
    write_numbers(tmp_path, facts=case.facts, tallies=case.tallies, booking=case.booking, made_by={})
    with (tmp_path / "spills.csv").open("a") as table:
        table.write("8700,1,5e6,,,,good,yes\n")
    with pytest.raises(ValueError, match=r"spills\.csv is not the one that result\.json was written with"):
        intensities(tmp_path, read_result(tmp_path))
