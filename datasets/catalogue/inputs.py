"""From what a user names on the command line to run files."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from na64.datasets.conditions.conditions import Conditions, read_conditions
from na64.datasets.conditions.production import Production, production_in
from na64.datasets.reading.files import is_url

CONDITIONS = "conditions"
"""Name of the folder with run, spill and bad-event tables beside run files."""

_PATTERNS = ("*.root", "*.parquet")


def expand(paths: Iterable[str | Path]) -> tuple[str, ...]:
    """Find the run files behind files, folders, globs and URLs.

    A folder stands for the ``*.root`` and ``*.parquet`` directly in it, without the truth that a simulation
    wrote beside them. Paths become absolute; URLs stay as they are.

    Raises
    ------
    ValueError
        Nothing is there; names the path.
    """
    found: list[str] = []
    for path in paths:
        found += [str(path)] if is_url(path) else [_absolute(file) for file in _expand_path(Path(path))]
    return tuple(dict.fromkeys(found))


def _absolute(path: Path) -> str:
    return os.path.abspath(path)  # noqa: PTH100  (resolve would follow links, and aliases are to be told)


def _expand_path(path: Path) -> Sequence[Path]:
    if path.is_dir():
        return _run_files(path)
    if path.exists() or path.is_symlink():
        return [path]
    if glob.has_magic(str(path)):
        matches = sorted(Path(match) for match in glob.glob(str(path)))  # noqa: PTH207  (absolute patterns too)
        files = [match for match in matches if not _is_truth(match)]
        if files:
            return files
    raise ValueError(f"{path}: no such file or folder")


def _run_files(folder: Path) -> Sequence[Path]:
    files = sorted(file for pattern in _PATTERNS for file in folder.glob(pattern) if not _is_truth(file))
    if not files:
        raise ValueError(f"{folder}: no {' or '.join(_PATTERNS)} in it")
    return files


def _is_truth(path: Path) -> bool:
    return path.suffix == ".parquet" and path.name.startswith("truth")


def production_beside(file: str) -> Production | None:
    """Read how a run file was made from the folder of conditions beside it; None for a URL."""
    return None if is_url(file) else production_in(Path(file).parent / CONDITIONS)


def conditions_beside(files: Iterable[str]) -> Conditions:
    """Read the tables in the ``conditions`` folders beside run files, each folder once.

    Raises
    ------
    ValueError
        A table is wrong, or two contradict each other.
    """
    folders = {(Path(file).parent / CONDITIONS).resolve() for file in files if not is_url(file)}
    total = Conditions()
    for folder in sorted(folders):
        if folder.is_dir():
            total = total + read_conditions(folder)
    return total
