"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from glob import escape
from pathlib import Path
from typing import BinaryIO


@contextmanager
def written_whole(path: Path) -> Iterator[BinaryIO]:
    """Write under a temporary name beside the file; what is complete takes the place of what was there.

    Who may read it is as for any new file of the user.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.writing")
    try:
        with temporary.open("xb") as file:
            yield file
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: Path, data: bytes) -> None:
    """Write a small file whole, into a folder that is made if there is none, and force it onto the disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    sync(path.parent)


def write_together(
    folder: Path, contents: Mapping[str, bytes], *, seal: str, without: Iterable[str] = ()
) -> None:
    """Write files that belong together: while the seal is there, all the others are whole and of one kind.

    All are on the disk under temporary names before the first takes its place, so that a full disk leaves
    what was there before. Then the seal goes, the others come, and the new seal comes last. What a writer
    that was killed has left of them is removed, so that there must be one writer at a time.

    Parameters
    ----------
    folder : Path
        Made if there is none.
    contents : mapping of str to bytes
        By name.
    seal : str
        One of the names.
    without : iterable of str
        Names that must not be there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    remove_leftovers(folder, contents)
    mark = secrets.token_hex(4)
    with ExitStack() as leftovers:
        staged = {name: folder / f".{name}.{mark}.writing" for name in contents}
        for name, temporary in staged.items():
            leftovers.callback(temporary.unlink, missing_ok=True)
            with temporary.open("xb") as file:
                file.write(contents[name])
                file.flush()
                os.fsync(file.fileno())
        (folder / seal).unlink(missing_ok=True)
        sync(folder)
        for name in without:
            (folder / name).unlink(missing_ok=True)
        for name, temporary in staged.items():
            if name != seal:
                temporary.replace(folder / name)
        sync(folder)
        staged[seal].replace(folder / seal)
        sync(folder)


def remove_leftovers(folder: Path, names: Iterable[str]) -> None:
    """Remove what writers of these files left when they were killed; nobody may be writing them."""
    for name in names:
        for left in folder.glob(f".{escape(name)}.*.writing"):
            left.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Force a file or a folder onto the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
