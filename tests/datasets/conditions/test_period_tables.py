"""Tables beside a period: facts of single runs, spills and bad entries."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from na64.datasets.conditions.bad_spills import BadEntry
from na64.datasets.conditions.conditions import RunFacts, RunType
from na64.datasets.conditions.periods import Period, load_period, load_periods
from na64.tests.datasets.conditions.test_periods import copied


def with_tables(folder: Path) -> Period:
    copied(folder)
    (folder / "2023A.runs.csv").write_text(
        "run,type,particle,energy,eot_delivered,eot_live\n8701,,,,5e9,4e9\n8702,calibration,,,,\n8703,,e+,70,,\n"
    )
    (folder / "2023A.spills.csv").write_text("run,spill,quality\n8701,2,bad\n")
    (folder / "2023A.bad.csv").write_text("run,spill,start,stop\n8704,,,\n")
    return load_period(folder, "2023A")


def test_the_facts_of_a_run_are_its_own_then_the_periods(tmp_path: Path) -> None:
    period = with_tables(tmp_path)
    assert period.facts(8700) == RunFacts(8700, RunType.PHYSICS, "e-", 100.0)
    assert period.facts(8701) == RunFacts(8701, RunType.PHYSICS, "e-", 100.0, 5e9, 4e9)
    assert period.facts(8702) == RunFacts(8702, RunType.CALIBRATION, "e-", 100.0)
    assert period.facts(8703) == RunFacts(8703, RunType.PHYSICS, "e+", 70.0)
    assert period.bad.entries == (BadEntry(8701, 2), BadEntry(8704))


def test_facts_stated_elsewhere_add_and_must_agree(tmp_path: Path) -> None:
    period = with_tables(tmp_path)
    assert period.facts(8700, RunFacts(8700, RunType.BEAM)).type is RunType.BEAM
    assert period.facts(8702, RunFacts(8702, eot_live=3.0)).eot_live == 3.0
    with pytest.raises(
        ValueError, match=r"run 8701: eot_live is 4000000000\.0 in one place and 3\.0 in another"
    ):
        period.facts(8701, RunFacts(8701, eot_live=3.0))


def test_a_run_outside_the_period_has_no_facts_in_it() -> None:
    said = "run 9000 is not in period 2023A: it covers 8396 to 8999"
    with pytest.raises(ValueError, match=re.escape(said)):
        load_periods()["2023A"].facts(9000)


@pytest.mark.parametrize(
    ("table", "text"),
    [("runs", "run\n9000\n"), ("spills", "run,spill\n9000,1\n"), ("bad", "run\n9000\n")],
)
def test_tables_of_other_runs_are_refused(tmp_path: Path, table: str, text: str) -> None:
    copied(tmp_path)
    (tmp_path / f"2023A.{table}.csv").write_text(text)
    with pytest.raises(ValueError, match="period 2023A: run 9000 has facts but is not in 8396 to 8999"):
        load_period(tmp_path, "2023A")
