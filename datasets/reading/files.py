"""Opening run files: TTree, RNTuple and Parquet, told apart by content and read alike."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from na64.datasets.basics.addresses import Location, file_name, is_url
from na64.datasets.reading.parquet_files import open_parquet
from na64.datasets.reading.root_files import open_root
from na64.datasets.reading.stored import RunFile, StructureError
from na64.datasets.servers.patience import Patience
from na64.datasets.servers.remote import RemoteFile

__all__ = ["file_name", "is_url"]

_ROOT = b"root"
_PARQUET = b"PAR1"


def open_binary(location: Location, patience: Patience | None = None) -> BinaryIO | RemoteFile:
    """Open a path or URL to read bytes."""
    return RemoteFile(str(location), patience) if is_url(location) else Path(location).open("rb")


@contextmanager
def open_file(location: Location, patience: Patience | None = None) -> Iterator[RunFile]:
    """Open a ROOT or Parquet file, whatever it is called.

    Parameters
    ----------
    location : str or Path
        Path or URL.
    patience : Patience, optional
        How a server is asked.

    Raises
    ------
    BadFileError
        It is neither, or is broken.
    OSError
        It cannot be reached.
    """
    with open_binary(location, patience) as handle:
        magic = handle.read(4)
        handle.seek(0)
        if magic not in (_PARQUET, _ROOT):
            begins = f"begins with {magic!r}" if magic else "no content"
            raise StructureError(f"neither ROOT nor Parquet: {begins}")
        # Files of this machine are opened by the libraries themselves, which is faster.
        source = handle if isinstance(handle, RemoteFile) else str(Path(location).absolute())
        with open_parquet(source) if magic == _PARQUET else open_root(source) as file:
            yield file
