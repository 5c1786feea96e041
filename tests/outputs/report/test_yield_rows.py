from __future__ import annotations

import numpy as np
from matplotlib.text import Text

from na64.outputs.report.plots import MOST_POINTS, yields_by_run
from na64.outputs.report.yield_rows import MOST_ROWS, yield_rows
from na64.outputs.result.summary_facts import RegionFacts
from na64.outputs.result.table import Table
from na64.outputs.result.yields import YieldsRow, yield_groups

NAMES = ("region_I", "region_II", "region_III")
REGIONS = tuple(RegionFacts(name, ()) for name in NAMES)


def table(n_runs: int) -> Table[YieldsRow]:
    rows = [
        YieldsRow(
            run,
            "A" if run < n_runs // 2 else "B",
            None if run == 1 else 1e9,
            10,
            9,
            1,
            0,
            2,
            3,
            {"region_I": run % 2, "region_II": 0, "region_III": 1},
            {},
            "e-",
        )
        for run in range(n_runs)
    ]
    return Table(YieldsRow, rows, yield_groups(NAMES, weighted=False))


def test_particles_on_target_of_calibration_runs_are_in_no_sum() -> None:
    n_runs = 2 * MOST_ROWS
    first, *_ = yield_rows(table(n_runs).records(), others=(3,))
    second = yield_rows(table(n_runs).records(), others=(3,))[1]
    assert first["eot"] == 1e9
    assert (second["run"], second["eot"], second["recorded"]) == (
        "2\N{EN DASH}3 (2 runs, 1 of calibration or beam)",
        1e9,
        20,
    )


def test_few_runs_have_a_row_each() -> None:
    records = table(MOST_ROWS).records()
    assert yield_rows(records) == records


def test_neighbours_of_thousands_of_runs_are_summed_within_their_period() -> None:
    records = table(2001).records()
    rows = yield_rows(records)
    assert len(rows) <= MOST_ROWS + 2
    assert rows[0]["run"] == "0\N{EN DASH}10 (11 runs, 1 without EOT)"
    assert rows[0]["eot"] == 10e9
    for name in ("recorded", "processed", "skipped", "hidden", "selected", "region_I", "region_III"):
        assert sum(int(row[name] or 0) for row in rows) == sum(int(row[name] or 0) for row in records)
    assert [row["period"] for row in rows] == sorted(str(row["period"]) for row in rows)


def test_neighbours_are_drawn_together_and_tested_one_by_one() -> None:
    figure = yields_by_run(table(1200), regions=REGIONS, yields_after="trigger", label="data")
    drawn = figure.axes[0].lines[0].get_xdata()
    assert len(np.asarray(drawn)) <= MOST_POINTS
    assert "/1198" in figure.axes[0].texts[0].get_text()  # one run has no exposure
    assert any("a point is 10 runs" in text.get_text() for text in figure.findobj(Text))
