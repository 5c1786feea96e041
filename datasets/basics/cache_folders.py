"""Folders of one user alone, for what takes time to be made anew: compiled kernels, lists of fonts."""

from __future__ import annotations

import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path


def user_caches() -> tuple[Path, ...]:
    """Places for a cache of this user, the best first; none of them may exist.

    Returns
    -------
    tuple of Path
        Absolute: in the user's own cache, and in the folder for temporary files, where nobody else can
        replace what is in a folder of ours.
    """
    shared = os.environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(shared):  # noqa: PTH117  (text, perhaps of no path)
        shared = os.path.expanduser("~/.cache")  # noqa: PTH111  (no home is no error)
    found = [Path(shared) / "na64"]
    with suppress(OSError):
        found.append(Path(tempfile.gettempdir()) / f"na64-{os.getuid()}")
    return tuple(path for path in found if path.is_absolute())


def private_folder(name: str) -> Path | None:
    """Make a folder in the first of `user_caches` where that is possible."""
    return next((parent / name for parent in user_caches() if make_private(parent / name)), None)


def has_home() -> bool:
    """Whether other packages can keep settings and caches where users have them."""
    places = [
        os.path.expanduser(os.environ.get(name) or default)  # noqa: PTH111  (no home is no error)
        for name, default in (("XDG_CONFIG_HOME", "~/.config"), ("XDG_CACHE_HOME", "~/.cache"))
    ]
    try:
        for place in filter(os.path.isabs, places):
            os.makedirs(place, exist_ok=True)  # noqa: PTH103
    except OSError:
        return False
    return all(os.path.isabs(place) and os.access(place, os.W_OK) for place in places)  # noqa: PTH117


def make_private(folder: Path) -> bool:
    """Make a folder, and the one that it is in; whether only we can change what is in it.

    What is in a cache is run. The folder must be ours alone. Where it is, and a link that stands for it, must
    be ours or the machine's, and nobody else may put another one in its place.
    """
    try:
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            own, parent = folder.stat(), folder.parent.stat()
            links = folder.lstat(), folder.parent.lstat()
    except OSError:
        return False
    is_ours = own.st_uid == os.getuid() and not own.st_mode & 0o077
    is_kept = not parent.st_mode & 0o022 or bool(parent.st_mode & stat.S_ISVTX)
    return is_ours and is_kept and {one.st_uid for one in (parent, *links)} <= {os.getuid(), 0}
