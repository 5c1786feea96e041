"""From what a user names on the command line to run files."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from na64.datasets.reading.files import is_url
from na64.datasets.servers.patience import Patience
from na64.datasets.servers.remote_folders import expand_url

_PATTERNS = ("*.root", "*.parquet")


def expand(paths: Iterable[str | Path], patience: Patience | None = None) -> tuple[str, ...]:
    """Find the run files behind files, folders, globs and URLs.

    A folder stands for the ``*.root`` and ``*.parquet`` directly in it that a shell shows: not for names that
    begin with a dot, nor for the truth that a simulation wrote beside them. Paths become absolute. Of URLs
    only those of XRootD may be folders and globs.

    Parameters
    ----------
    paths : iterable of str or Path
    patience : Patience, optional
        How a server is asked.

    Raises
    ------
    ValueError
        Nothing is there; names the path.
    """
    found: list[str] = []
    for path in paths:
        if is_url(path):
            found += expand_url(str(path), _PATTERNS, lambda name: not _is_truth(Path(name)), patience)
        else:
            found += [_absolute(file) for file in _expand_path(Path(path))]
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
    listed = (file for pattern in _PATTERNS for file in folder.glob(pattern))
    files = sorted(file for file in listed if not file.name.startswith(".") and not _is_truth(file))
    if not files:
        raise ValueError(f"{folder}: no {' or '.join(_PATTERNS)} in it")
    return files


def _is_truth(path: Path) -> bool:
    return path.suffix == ".parquet" and path.name.startswith("truth")
