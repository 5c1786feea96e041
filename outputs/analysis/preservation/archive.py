"""The zip file of a bundle: written the same byte for byte, and read without trust in what it says."""

from __future__ import annotations

import stat
import unicodedata
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from na64.datasets.basics.atomic_file import written_whole
from na64.datasets.basics.plain_text import visible

_TIME = (1980, 1, 1, 0, 0, 0)
_MODE = stat.S_IFREG | 0o644
_BLOCK = 1 << 20
_ENCRYPTED = 1
_LONGEST_NAME = 250
_RESERVED = frozenset('<>:"|?*\\')
"""Letters that mean something else to some file system."""


class DamagedError(ValueError):
    """A bundle, or a file that goes with it, is not what it should be; the message names the file."""


def write_archive(path: Path, contents: Mapping[str, bytes]) -> None:
    """Zip file whose bytes follow from names and contents alone: no times, no compression.

    Compressed bytes would be those of one version of zlib; and what is not compressed cannot unpack to more
    than is there.

    Parameters
    ----------
    path : Path
        Replaced once the new file is whole.
    contents : mapping of str to bytes
        By name with ``/`` between folders, in the order of the file.
    """
    with written_whole(path) as stream, zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name, data in contents.items():
            if problem := _problem_of_name(name):
                raise ValueError(f"{visible(name)}: cannot be put into a bundle: {problem}")
            entry = zipfile.ZipInfo(name, _TIME)
            entry.create_system, entry.external_attr = 3, _MODE << 16
            archive.writestr(entry, data)


class Archive:
    """A zip file whose entries are plain files, each once, inside the folder that they are unpacked to.

    Parameters
    ----------
    archive : zipfile.ZipFile
    path : Path
        For messages.

    Raises
    ------
    DamagedError
        Some entry is something else.
    """

    def __init__(self, archive: zipfile.ZipFile, path: Path) -> None:
        self._archive, self._path = archive, path
        self._entries: dict[str, zipfile.ZipInfo] = {}
        seen: set[str] = set()
        for entry in archive.infolist():
            if problem := _problem_of_name(entry.orig_filename) or _problem_of_entry(entry):
                raise self._damaged(entry.orig_filename, problem)
            # On some file systems names that differ in case or accents only are one file.
            key = unicodedata.normalize("NFC", entry.filename).casefold()
            if key in seen:
                raise self._damaged(entry.filename, "is there twice")
            seen.add(key)
            self._entries[entry.filename] = entry
        for name in self._entries:
            if any(str(above) in self._entries for above in PurePosixPath(name).parents):
                raise self._damaged(name, "lies in a folder that is a file")
        if sum(entry.file_size for entry in self._entries.values()) > path.stat().st_size:
            raise DamagedError(f"{path}: its entries are longer than the file, some lie in others")

    @property
    def names(self) -> frozenset[str]:
        """Names of the files in it."""
        return frozenset(self._entries)

    def size(self, name: str) -> int:
        """Length of a file, bytes."""
        return self._entries[name].file_size

    def read(self, name: str) -> bytes:
        """Content of a file.

        Raises
        ------
        DamagedError
            It is not there, or not what its checksum is of.
        """
        return b"".join(self._blocks(name))

    def digest(self, name: str) -> str:
        """Hash (sha256) of a file, read block by block."""
        found = sha256()
        for block in self._blocks(name):
            found.update(block)
        return found.hexdigest()

    def unpack(self, folder: Path) -> None:
        """Files below an empty folder; none takes the place of one that is there."""
        for name in sorted(self._entries):
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("xb") as file:
                for block in self._blocks(name):
                    file.write(block)

    def _blocks(self, name: str) -> Iterator[bytes]:
        if name not in self._entries:
            raise self._damaged(name, "is missing")
        try:
            with self._archive.open(self._entries[name]) as stream:
                while block := stream.read(_BLOCK):
                    yield block
        except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as error:
            raise self._damaged(name, str(error)) from None

    def _damaged(self, name: str, problem: str) -> DamagedError:
        return DamagedError(f"{self._path}: {visible(name)[:_LONGEST_NAME]}: {problem}")


@contextmanager
def open_archive(path: Path) -> Iterator[Archive]:
    """Zip file, looked at entry by entry before any is read.

    Raises
    ------
    DamagedError
        It is no zip file, or has entries that are no plain files.
    FileNotFoundError
    """
    with path.open("rb") as stream, _zip_file(stream, path) as archive:
        yield Archive(archive, path)


def _zip_file(stream: BinaryIO, path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(stream)
    except (zipfile.BadZipFile, NotImplementedError, UnicodeDecodeError, ValueError) as error:
        raise DamagedError(f"{path}: is not a zip file that is whole: {error}") from None


def _problem_of_name(name: str) -> str:
    """Reason why a name is not that of a file below a folder on every file system."""
    parts = name.split("/")
    if not name or len(name.encode(errors="replace")) > _LONGEST_NAME:
        return "its name is empty or too long"
    if any(part in ("", ".", "..") for part in parts):
        return "its name leads out of the folder, or is that of a folder"
    if not name.isprintable() or _RESERVED & {*name} or any(part.endswith((" ", ".")) for part in parts):
        return "its name has characters that names of files should not have"
    return ""


def _problem_of_entry(entry: zipfile.ZipInfo) -> str:
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        return "is a link or something else that is no file"
    if entry.flag_bits & _ENCRYPTED:
        return "is encrypted"
    if entry.compress_type != zipfile.ZIP_STORED or entry.file_size != entry.compress_size:
        return "is compressed, which na64 bundle never does: it may unpack to anything"
    return ""
