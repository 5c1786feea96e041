from __future__ import annotations

from typing import Any

from na64.outputs.result.cutflow import cutflow_table, regions_table
from na64.processors.counting.tally import Tally

NAMES = ("region_I", "region_II", "region_III")


def test_cutflow_by_hand(case: Any) -> None:
    lines = cutflow_table(case.tallies, case.booking.cuts).to_csv().decode().splitlines()
    assert lines == [
        "run,cut,passed,alone,n_minus_one",
        "8700,visible,22,22,12",
        "8700,master_time,18,21,14",
        "8700,momentum,15,21,14",
        "8700,hcal_out_of_time,12,21,14",
        "8701,visible,23,23,8",
        "8701,master_time,20,22,10",
        "8701,momentum,13,22,10",
        "8701,hcal_out_of_time,8,22,10",
        "all,visible,45,45,20",
        "all,master_time,38,43,24",
        "all,momentum,28,43,24",
        "all,hcal_out_of_time,20,43,24",
    ]


def test_regions_by_hand(case: Any) -> None:
    lines = regions_table(case.tallies, case.booking.cuts, regions=NAMES).to_csv().decode().splitlines()
    assert lines[:5] == [
        "run,cut,region_I,region_II,region_III,elsewhere",
        "8700,visible,6,3,3,10",
        "8700,master_time,5,3,3,7",
        "8700,momentum,5,2,3,5",
        "8700,hcal_out_of_time,5,2,1,4",
    ]
    assert lines[-1] == "all,hcal_out_of_time,7,4,3,6"


def test_regions_and_elsewhere_are_all_that_passed(case: Any) -> None:
    passed = cutflow_table(case.tallies, case.booking.cuts).column("passed")
    regions = regions_table(case.tallies, case.booking.cuts, regions=NAMES)
    rows: Any = regions.rows
    found = [sum(row.regions.values()) + row.elsewhere for row in rows]
    assert found == passed


def test_last_rows_are_the_sum_of_all_runs(case: Any) -> None:
    records: Any = cutflow_table(case.tallies, case.booking.cuts).records()
    for cut in ("visible", *case.booking.cuts):
        *runs, everything = [row for row in records if row["cut"] == cut]
        for column in ("passed", "alone", "n_minus_one"):
            assert everything[column] == sum(row[column] for row in runs)


def test_weighted_simulation_is_counted(weighted_case: Any, case: Any) -> None:
    weighted = cutflow_table(weighted_case.tallies, case.booking.cuts)
    assert weighted.to_csv() == cutflow_table(case.tallies, case.booking.cuts).to_csv()


def test_no_runs_is_a_header() -> None:
    tallies: dict[int, Tally] = {}
    assert cutflow_table(tallies, ["a"]).to_csv() == b"run,cut,passed,alone,n_minus_one\n"
