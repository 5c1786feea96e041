from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from na64.datasets.catalogue.build import Catalogue, build, load, save
from na64.datasets.conditions.period_folder import check_environment, folder_of_environment, read_folder
from na64.run import main

Writer = Callable[..., Path]


@pytest.fixture
def folder(tmp_path: Path, edited: Callable[..., Path]) -> Path:
    """A folder with a copy of 2023A under another name and for other runs."""
    path = tmp_path / "periods"
    edited("period", "2023A", path, ("8396", "9000"), ("8999", "9999"), to="mine")
    (path / "README").write_text("nothing that is read")
    return path


@pytest.fixture
def run(write_run: Writer) -> Path:
    return write_run()


def made(run: Path, folder: Path | None, previous: Catalogue | None = None) -> Catalogue:
    return build([run], simulation=False, folder=folder, previous=previous)


def test_a_catalogue_keeps_the_folder_relative_to_itself(tmp_path: Path, run: Path, folder: Path) -> None:
    catalogue = made(run, folder)
    assert catalogue.known_periods().keys() >= {"2023A", "mine"}
    save(catalogue, tmp_path / "c.json")
    stored = json.loads((tmp_path / "c.json").read_text())["periods"]
    assert stored["path"] == "periods"
    assert stored["files"].keys() == {"mine.toml"}
    assert load(tmp_path / "c.json") == catalogue
    moved = tmp_path / "moved"
    moved.mkdir()
    for name in ("c.json", "periods"):
        (tmp_path / name).rename(moved / name)
    assert "mine" in load(moved / "c.json").known_periods()
    with pytest.raises(ValueError, match="periods: is not a folder of periods"):
        catalogue.known_periods()


def test_a_catalogue_without_a_folder_has_the_packaged_periods(tmp_path: Path, run: Path) -> None:
    catalogue = made(run, None)
    save(catalogue, tmp_path / "c.json")
    assert "periods" not in json.loads((tmp_path / "c.json").read_text())
    assert "mine" not in load(tmp_path / "c.json").known_periods()


def test_the_content_of_the_folder_is_in_the_identity_and_its_place_is_not(
    tmp_path: Path, run: Path, folder: Path
) -> None:
    before = made(run, folder)
    assert before.identity != made(run, None).identity
    other = folder.rename(tmp_path / "elsewhere")
    assert made(run, other).identity == before.identity
    (other / "mine.bad.csv").write_text("run,spill\n9000,1\n")
    assert made(run, other).identity != before.identity


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda f: (f / "mine.toml").write_text((f / "mine.toml").read_text() + "\n"),
            "mine.toml has changed",
        ),
        (lambda f: (f / "mine.runs.csv").write_text("run\n9000\n"), "mine.runs.csv is new"),
        (lambda f: (f / "mine.toml").unlink(), "mine.toml has gone"),
    ],
)
def test_other_content_is_refused_until_an_update(
    run: Path, folder: Path, change: Callable[[Path], object], said: str
) -> None:
    catalogue = made(run, folder)
    change(folder)
    with pytest.raises(ValueError, match=f"{said} since the catalogue was made; na64 catalogue --update"):
        catalogue.known_periods()
    made(run, None, previous=catalogue).known_periods()


def test_what_is_read_is_what_counts(run: Path, folder: Path) -> None:
    catalogue = made(run, folder)
    (folder / "README").write_text("something else")
    (folder / "deeper").mkdir()
    catalogue.known_periods()


def test_a_folder_that_is_not_there_is_an_error(run: Path, folder: Path) -> None:
    for missing in (folder / "none", folder / "mine.toml"):
        with pytest.raises(ValueError, match="is not a folder of periods"):
            read_folder(missing)
        with pytest.raises(ValueError, match="is not a folder of periods"):
            made(run, missing)


def test_another_folder_in_the_environment_is_refused(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = read_folder(folder)
    monkeypatch.delenv("NA64_PERIODS", raising=False)
    check_environment(None, Path("c.json"))
    check_environment(known, Path("c.json"))
    monkeypatch.setenv("NA64_PERIODS", "")
    assert folder_of_environment() is None
    monkeypatch.setenv("NA64_PERIODS", str(folder))
    assert folder_of_environment() == folder
    check_environment(known, Path("c.json"))
    with pytest.raises(ValueError, match=r"c.json was made without periods of a folder: unset it, or let"):
        check_environment(None, Path("c.json"))
    monkeypatch.setenv("NA64_PERIODS", str(tmp_path))
    with pytest.raises(ValueError, match=r"c.json was made with those in .*periods: unset it"):
        check_environment(known, Path("c.json"))


def test_the_commands_take_the_folder_of_the_catalogue(
    tmp_path: Path,
    run: Path,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    target, out = tmp_path / "c.json", str(tmp_path / "out")
    line = ["catalogue", str(run), "--to", str(target)]
    process = ["process", str(target), "--selection", "dimuon_2023", "--to", out, "--dry-run"]
    monkeypatch.setenv("NA64_PERIODS", str(folder))
    assert main(line) == 0
    known = load(target).periods
    assert known == read_folder(folder)
    assert main(process) == 0
    monkeypatch.delenv("NA64_PERIODS")
    assert main(process) == 0
    (folder / "mine.bad.csv").write_text("run\n9000\n")
    assert main(process) == 2
    assert "mine.bad.csv is new since the catalogue was made" in capsys.readouterr().err
    assert main([*line, "--accept", run.name, "--reason", "x"]) == 2
    assert load(target).periods == known
    assert main([*line, "--update"]) == 0
    assert load(target).periods == read_folder(folder)
    assert main(process) == 0
    assert main(line) == 0
    assert load(target).periods is None
    monkeypatch.setenv("NA64_PERIODS", str(folder))
    for command in (process, [*line, "--update"]):
        assert main(command) == 2
        assert "was made without periods of a folder" in capsys.readouterr().err
    assert main([*line, "--update", "--periods", str(folder)]) == 0
    assert load(target).periods == read_folder(folder)
    assert main([*line, "--periods", str(tmp_path / "none")]) == 2
    assert f"{tmp_path / 'none'}: is not a folder of periods" in capsys.readouterr().err
