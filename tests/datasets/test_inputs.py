from __future__ import annotations

from pathlib import Path

import pytest

from na64.datasets.conditions import Conditions
from na64.datasets.inputs import CONDITIONS, conditions_beside

RUNS = "run,type,particle,energy,eot_delivered,eot_live\n8701,,,,2e9,\n"


def test_a_url_has_no_folder_of_conditions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = "https://host/run.root"
    (tmp_path / "https:" / "host" / CONDITIONS).mkdir(parents=True)
    (tmp_path / "https:" / "host" / CONDITIONS / "runs.csv").write_text(RUNS)
    monkeypatch.chdir(tmp_path)
    assert conditions_beside([url]) == Conditions()
    assert set(conditions_beside([f"{tmp_path}/https:/host/run.root"]).run_facts) == {8701}
