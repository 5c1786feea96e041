"""Folders of what can be made again, kept for the next program of the same user and nobody else."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def private_folder(name: str, parents: tuple[Path, ...] | None = None) -> Path | None:
    """Folder of a name in the first of the parents where it can be made and written, and is ours alone.

    Parameters
    ----------
    name : str
    parents : tuple of Path, optional
        By default ``$NUMBA_CACHE_DIR`` if it is set, else ``na64`` in the user's folder of caches, or one of
        the user among the temporary ones.

    Returns
    -------
    Path or None
        None if no parent can be written.
    """
    places = _parents() if parents is None else parents
    return next((parent / name for parent in places if _is_ours(parent / name)), None)


def _parents() -> tuple[Path, ...]:
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    if chosen:
        return (Path(chosen),)
    shared = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111 (no home is no error)
    return Path(shared) / "na64", Path(tempfile.gettempdir()) / f"na64-{os.getuid()}"


def _is_ours(folder: Path) -> bool:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            status = folder.stat()
    except OSError:
        return False
    return status.st_uid == os.getuid() and status.st_mode & 0o077 == 0
