"""The package that is installed is the tree that is here."""

from __future__ import annotations

import tomllib
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
FOLDERS = ("benchmarks", "commands", "datasets", "outputs", "processors", "selections")


def _setuptools() -> dict[str, Any]:
    with (ROOT / "pyproject.toml").open("rb") as stream:
        table: dict[str, Any] = tomllib.load(stream)["tool"]["setuptools"]
    return table


def _folders() -> set[Path]:
    holding = {path.parent for name in FOLDERS for path in (ROOT / name).rglob("*") if path.is_file()}
    return {folder for folder in holding if "__pycache__" not in folder.parts}


def test_every_folder_is_listed_as_a_package() -> None:
    expected = {"na64"} | {"na64." + ".".join(path.relative_to(ROOT).parts) for path in _folders()}
    assert set(_setuptools()["packages"]) == expected


def test_every_data_file_is_listed() -> None:
    listed = _setuptools()["package-data"]
    missing = []
    for folder in _folders():
        package = "na64." + ".".join(folder.relative_to(ROOT).parts)
        patterns = listed.get(package, [])
        data = [path for path in folder.iterdir() if path.is_file() and path.suffix != ".py"]
        missing += [path for path in data if not any(fnmatch(path.name, pattern) for pattern in patterns)]
    assert not missing


def test_only_the_program_ships_from_the_root() -> None:
    assert {path.name for path in ROOT.glob("*.py")} == {"__init__.py", "run.py"}


def test_the_lock_file_names_no_index() -> None:
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    assert lines
    assert all(line.count("==") == 1 and "/" not in line and not line.startswith("-") for line in lines)
