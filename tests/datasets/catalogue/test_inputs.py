from __future__ import annotations

from pathlib import Path

import pytest

from na64.datasets.catalogue.inputs import CONDITIONS, conditions_beside, expand
from na64.datasets.conditions.conditions import Conditions

RUNS = "run,type,particle,energy,eot_delivered,eot_live\n8701,,,,2e9,\n"


def test_a_url_has_no_folder_of_conditions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = "https://host/run.root"
    (tmp_path / "https:" / "host" / CONDITIONS).mkdir(parents=True)
    (tmp_path / "https:" / "host" / CONDITIONS / "runs.csv").write_text(RUNS)
    monkeypatch.chdir(tmp_path)
    assert conditions_beside([url]) == Conditions()
    assert set(conditions_beside([f"{tmp_path}/https:/host/run.root"]).run_facts) == {8701}


def test_folders_and_globs_are_expanded(tmp_path: Path) -> None:
    for name in ("a.root", "b.root", "c.parquet", "truth.parquet", "notes.txt"):
        (tmp_path / name).touch()
    (tmp_path / "d.root").mkdir()  # to be quarantined, not passed over

    def names(*paths: Path | str) -> list[str]:
        return [path.removeprefix(f"{tmp_path}/") for path in expand(paths)]

    assert names(tmp_path) == ["a.root", "b.root", "c.parquet", "d.root"]
    assert names(tmp_path / "[ab].root") == names(f"{tmp_path}/[ab].root") == ["a.root", "b.root"]
    assert names(tmp_path / "*.parquet") == ["c.parquet"]
    assert names(tmp_path / "truth.parquet") == ["truth.parquet"]
    assert names(tmp_path / "b.root", tmp_path) == ["b.root", "a.root", "c.parquet", "d.root"]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("missing.root", r"missing\.root: no such file or folder"),
        ("missing*.root", r"missing\*\.root: no such file or folder"),
        ("empty", r"empty: no \*\.root or \*\.parquet in it"),
    ],
)
def test_a_path_where_nothing_is_is_refused(path: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "truth.parquet").touch()
    with pytest.raises(ValueError, match=message):
        expand([tmp_path / path])
