"""Tables of efficiencies by energy: read as written, and refused for another search, channel or selection."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from na64.outputs.result.origin import seal_csv
from na64.outputs.signal.efficiency.by_energy import (
    EnergyEfficiency,
    EnergyRow,
    efficiency_table,
    load_energy_efficiency,
    read_energy_rows,
)
from na64.outputs.signal.efficiency.losses import AppliedLoss
from na64.outputs.signal.efficiency.losses_file import losses_path, losses_table
from na64.outputs.statistics.binomial import binomial_error


def row(low: float = 15.0, high: float = 20.0, selected: int = 30, **changes: Any) -> EnergyRow:
    one = EnergyRow(
        *("alp", "decay", "2018", low, high, selected / 100, binomial_error(selected, 100)),
        n_simulated=100,
        n_in_box=80,
        n_selected=selected,
        first=1900.0,
        last=4900.0,
        selection="alp_2018",
        cuts="c0ffee",
        setup="abc",
    )
    return replace(one, **changes)


ROWS = (row(), row(20, 30, 60), row(30, 100, 70))
OF: dict[str, Any] = {"period": "2018", "selection": "alp_2018", "cuts": "c0ffee", "setup": "abc"}
LOSS = AppliedLoss("trigger", "", "test", 0.8, 0.08, **OF)


def write(path: Path, *rows: EnergyRow, losses: tuple[AppliedLoss, ...] = ()) -> Path:
    path.write_bytes(seal_csv(efficiency_table(rows).to_csv()))
    if losses:
        losses_path(path).write_bytes(seal_csv(losses_table(losses).to_csv()))
    return path


def load(path: Path, **of: Any) -> EnergyEfficiency:
    return load_energy_efficiency(path, **{"search": "alp", "channel": "decay", "period": "2018", **of})


def test_a_table_is_read_as_it_was_written(tmp_path: Path) -> None:
    beyond = row(channel="missing", last=None)
    path = write(tmp_path / "e.csv", *reversed(ROWS), beyond)
    assert sorted(read_energy_rows(path), key=str) == sorted([*ROWS, beyond], key=str)
    assert load(path).rows == ROWS
    assert load(path, channel="missing").rows == (beyond,)


def test_it_is_interpolated_between_the_middles_of_bins_with_the_losses_that_count(tmp_path: Path) -> None:
    live = replace(LOSS, loss="other", value=0.5, error=None)
    found = load(write(tmp_path / "e.csv", *ROWS, losses=(LOSS, live)))
    energies, values = found.nodes
    assert list(energies) == [15, 17.5, 25, 65, 100]
    assert values == pytest.approx([0.4 * value for value in (0.3, 0.3, 0.6, 0.7, 0.7)])
    assert found.lowest == 15
    of_counts = (sum(one.error**2 for one in ROWS)) ** 0.5 / 1.6
    assert found.relative_error == pytest.approx((of_counts**2 + 0.1**2) ** 0.5)


@pytest.mark.parametrize(
    ("of", "rows", "message"),
    [
        (
            {"search": "visible"},
            ROWS,
            "no efficiency of search visible, channel decay, period 2018, only of search alp",
        ),
        ({"channel": "missing"}, ROWS, "only of search alp, channel decay, period 2018"),
        ({"period": "2016"}, ROWS, "no efficiency of search alp, channel decay, period 2016"),
        ({}, (row(), row(25, 30)), "energies end at 20 and go on at 25 GeV"),
        ({}, (row(), row(20, 30, cuts="other")), "2 kinds of efficiency where one is expected"),
        ({}, (row(), row(20, 30, first=2000.0)), "2 kinds of efficiency where one is expected"),
    ],
)
def test_a_table_of_something_else_is_refused(
    tmp_path: Path, of: dict[str, str], rows: tuple[EnergyRow, ...], message: str
) -> None:
    path = write(tmp_path / "e.csv", *rows)
    with pytest.raises(ValueError, match=message):
        load(path, **of)


def test_losses_of_other_cuts_and_missing_files_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "e.csv", *ROWS, losses=(replace(LOSS, cuts="other"),))
    with pytest.raises(
        ValueError, match="loss trigger is of alp_2018 other abc, the efficiency of alp_2018 c0ffee"
    ):
        load(path)
    with pytest.raises(ValueError, match="there is no efficiency; na64 efficiency --search alp"):
        load(tmp_path / "none.csv")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"efficiency": 0.4}, "efficiency 0.4 is not 30 of 100"),
        ({"n_in_box": 20}, "30 selected of 20 in the box of 100"),
        ({"energy_high": 15.0}, "expected two energies above 0 that rise"),
    ],
)
def test_rows_that_cannot_be_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        row(**changes)
