from __future__ import annotations

from pathlib import Path

import pytest

from na64.datasets.catalogue.inputs import expand


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


HIDDEN = (".sys.v#.run.root", ".nfs0001.root", "._run.root", ".run.parquet", ".root")


@pytest.mark.parametrize("name", HIDDEN)
def test_a_folder_stands_for_what_a_shell_shows(name: str, tmp_path: Path) -> None:
    for each in ("a.root", "b.parquet", name):
        (tmp_path / each).touch()
    shown = tuple(f"{tmp_path}/{each}" for each in ("a.root", "b.parquet"))
    assert expand([tmp_path]) == shown
    assert expand([f"{tmp_path}/*"]) == shown
    assert expand([f"{tmp_path}/*.root"]) == shown[:1]
    assert expand([tmp_path / name]) == (f"{tmp_path}/{name}",)  # whoever names it means it


def test_a_folder_of_hidden_files_only_is_empty(tmp_path: Path) -> None:
    (tmp_path / ".run.root").touch()
    with pytest.raises(ValueError, match=r"no \*\.root or \*\.parquet in it"):
        expand([tmp_path])


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
