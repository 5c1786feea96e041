from __future__ import annotations

import pytest

from na64.outputs.result.skipped import too_many_skipped
from na64.outputs.result.summary import RunAccounting


def run(number: int, recorded: int, **skipped: int) -> RunAccounting:
    counts = {"recorded": recorded, "hidden": 0, "missing": 0}
    counts |= {f"skipped_{name}": n_events for name, n_events in skipped.items()}
    return RunAccounting(number, "2023A", "physics", counts | {"processed": recorded - sum(skipped.values())})


def test_nearly_all_events_skipped_is_told_with_run_share_and_reason() -> None:
    assert too_many_skipped([run(8701, 1000, cell_range=994), run(8702, 10)], 0.001) == (
        "skipped: 994 of 1,000 events of run 8701, 99.4 %, declared are at most 0.1 % (994 cell range)"
    )


@pytest.mark.parametrize(
    ("runs", "at_most", "is_told"),
    [
        ([], 0.001, False),
        ([run(1, 0)], 0.0, False),
        ([run(1, 10_000, nonfinite=10)], 0.001, False),
        ([run(1, 10_000, nonfinite=11)], 0.001, True),
        ([run(1, 10_000, nonfinite=11)], 0.01, False),
        ([run(1, 300, unequal_hits=1)], 0.001, False),
        ([run(1, 300, unequal_hits=1, nonfinite=1)], 0.001, True),
        ([run(1, 300, nonfinite=1), run(2, 300, nonfinite=1)], 0.001, True),
        ([run(1, 300, nonfinite=2), run(2, 10**6)], 0.001, True),  # one run of many
        ([run(1, 10, nonfinite=10)], 1.0, False),
    ],
)
def test_the_share_holds_for_all_runs_and_for_each(
    runs: list[RunAccounting], at_most: float, is_told: bool
) -> None:
    assert bool(too_many_skipped(runs, at_most)) is is_told
