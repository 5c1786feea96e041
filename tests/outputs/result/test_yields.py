from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from na64.outputs.result.yields import constancy, poisson_errors, yields_table

CONTRACT = (
    "run,period,eot,recorded,processed,skipped,missing,hidden,selected,region_I,region_II,region_III,particle"
)

NAMES = ("region_I", "region_II", "region_III")


def test_columns_and_numbers_by_hand(case: Any) -> None:
    table = yields_table(case.facts.runs, case.tallies, stage=2, is_data=True, regions=NAMES)
    assert table.to_csv().decode() == (
        f"{CONTRACT}\n"
        # 22 visible + 7 hidden; regions after two cuts: rows hcal_out_of_time and none.
        "8700,2023A,2500000000,31,29,2,0,7,12,5,2,3,e-\n"
        "8701,2023A,,32,27,0,5,4,8,3,3,3,e-\n"
    )


def test_accounting_holds_in_every_row(case: Any) -> None:
    row: Any
    for row in yields_table(case.facts.runs, case.tallies, stage=2, is_data=True, regions=NAMES).records():
        assert row["recorded"] == row["processed"] + row["skipped"] + row["missing"]


def test_regions_are_taken_at_the_stage(case: Any) -> None:
    before = yields_table(case.facts.runs, case.tallies, stage=0, is_data=True, regions=NAMES).records()[0]
    assert (before["region_I"], before["region_II"], before["region_III"]) == (6, 3, 3)


def test_simulation_has_no_hidden_events(case: Any) -> None:
    table = yields_table(case.facts.runs, case.tallies, stage=2, is_data=False, regions=NAMES)
    assert table.column("hidden") == [None, None]


def test_weighted_simulation_has_sums_of_weights(weighted_case: Any) -> None:
    case = weighted_case
    table = yields_table(case.facts.runs, case.tallies, stage=2, is_data=False, regions=NAMES)
    names = ("selected", "region_I", "region_II", "region_III")
    weighted = [f"{name}_{part}" for name in names for part in ("sumw", "sumw2")]
    *counts, particle = CONTRACT.split(",")
    assert list(table.columns) == [*counts, *weighted, particle]
    row = table.records()[0]
    # Every layer of the made-up tally repeats the counts: coarse parts count 2^-24, fine parts 2^-54.
    unit = 2.0**-24 + 2.0**-54
    assert row["selected"] == 12
    assert row["selected_sumw"] == row["selected_sumw2"] == 12 * unit
    assert row["region_II_sumw"] == 2 * unit


def test_run_without_tally_has_zeros(case: Any) -> None:
    del case.tallies[8701]
    row = yields_table(case.facts.runs, case.tallies, stage=2, is_data=True, regions=NAMES).records()[1]
    assert [row[name] for name in ("selected", "region_I", "region_II", "region_III")] == [0, 0, 0, 0]


def test_order_of_runs_does_not_matter(case: Any) -> None:
    runs = case.facts.runs
    assert (
        yields_table(runs[::-1], case.tallies, stage=2, is_data=True, regions=NAMES).to_csv()
        == yields_table(runs, case.tallies, stage=2, is_data=True, regions=NAMES).to_csv()
    )


def test_unknown_reason_of_skipping_is_counted(case: Any) -> None:
    run = replace(
        case.facts.runs[0], accounting={**case.facts.runs[0].accounting, "skipped_other": 3, "recorded": 34}
    )
    assert yields_table([run], case.tallies, stage=2, is_data=True, regions=NAMES).column("skipped") == [5]


def test_constancy_by_hand() -> None:
    test = constancy(np.array([8.0, 12.0]), np.array([1.0, 1.0]))
    assert test is not None
    assert (test.rate, test.n_degrees, test.n_sparse) == (10.0, 1, 0)
    assert test.chi2 == pytest.approx(4 / 10 + 4 / 10)
    assert test.p_value == pytest.approx(math.erfc(math.sqrt(0.8 / 2)))


def test_constancy_follows_the_exposure() -> None:
    test = constancy(np.array([10.0, 30.0, 2.0]), np.array([5.0, 15.0, 1.0]))
    assert test is not None
    assert test.chi2 == pytest.approx(0)
    assert test.n_sparse == 1


@pytest.mark.parametrize("counts", [[], [4.0], [0.0, 0.0]])
def test_nothing_to_compare_is_no_test(counts: list[float]) -> None:
    assert constancy(np.array(counts), np.ones(len(counts))) is None


def test_p_value_is_uniform_for_a_constant_rate() -> None:
    random = np.random.default_rng(1)
    exposure = random.uniform(20, 60, 12)
    p_values = [constancy(random.poisson(exposure).astype(float), exposure) for _ in range(400)]
    assert stats.kstest([test.p_value for test in p_values if test is not None], "uniform").pvalue > 0.01


@given(st.integers(0, 10_000))
def test_poisson_interval_leaves_sixteen_percent_on_each_side(count: int) -> None:
    below, above = poisson_errors(np.array([float(count)]))[:, 0]
    tail = (1 - math.erf(math.sqrt(0.5))) / 2
    assert stats.poisson.cdf(count, count + above) == pytest.approx(tail, rel=1e-6)
    if count:
        assert stats.poisson.sf(count - 1, count - below) == pytest.approx(tail, rel=1e-6)
    else:
        assert below == 0
