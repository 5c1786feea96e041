"""Opening run files: TTree, RNTuple and Parquet, told apart by content and read alike."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import fsspec

from na64.datasets.reading.parquet_files import open_parquet
from na64.datasets.reading.root_files import open_root
from na64.datasets.reading.stored import BadFileError, Location, RunFile

_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://")
_ROOT = b"root"
_PARQUET = b"PAR1"


def is_url(location: Location) -> bool:
    """Tell a URL from a path."""
    return isinstance(location, str) and _URL.match(location) is not None


def file_name(location: Location) -> str:
    """Give the last part of a path or URL, for messages."""
    return str(location).rstrip("/").rpartition("/")[2]


def open_binary(location: Location) -> BinaryIO:
    """Open a path or URL to read bytes."""
    if is_url(location):
        return fsspec.open(str(location), "rb").open()  # type: ignore[no-any-return]
    return Path(location).open("rb")


@contextmanager
def open_file(location: Location) -> Iterator[RunFile]:
    """Open a ROOT or Parquet file, whatever it is called.

    Raises
    ------
    BadFileError
        It is neither, or is broken.
    OSError
        It cannot be reached.
    """
    with open_binary(location) as handle:
        magic = handle.read(4)
        handle.seek(0)
        if magic == _PARQUET:
            with open_parquet(handle if is_url(location) else str(location)) as file:
                yield file
            return
    if magic != _ROOT:
        raise BadFileError(
            "neither ROOT nor Parquet: " + (f"begins with {magic!r}" if magic else "no content")
        )
    with open_root(str(location) if is_url(location) else str(Path(location).absolute())) as file:
        yield file
