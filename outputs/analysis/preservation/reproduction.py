"""A bundled result made again: the bundle and the run files checked, and products compared."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from na64.datasets.basics.identity import bytes_digest, file_digest
from na64.datasets.basics.json_records import read_object
from na64.datasets.basics.run_ranges import to_ranges
from na64.datasets.catalogue.build import Catalogue, FileRecord, load
from na64.outputs.analysis.listening import Progress, no_progress
from na64.outputs.analysis.preservation.archive import DamagedError, open_archive
from na64.outputs.analysis.preservation.bundling import CODE, LOCK
from na64.outputs.analysis.preservation.contents import (
    CALIBRATION,
    CATALOGUE,
    DATA,
    PLUGIN,
    RESULT,
    SELECTION,
)
from na64.outputs.analysis.preservation.crate import check_crate
from na64.outputs.analysis.preservation.lock import locked_versions, other_versions
from na64.outputs.result.provenance import code_digest
from na64.outputs.result.request import Request, read_request
from na64.outputs.result.store import PROVENANCE
from na64.outputs.result.store import RESULT as RESULT_FILE
from na64.outputs.result.summary import from_json

REPRODUCED = "reproduced"
"""Folder of the result that is made again."""


@dataclass(frozen=True, slots=True)
class Unpacked:
    """A bundle that was checked, in a folder.

    Attributes
    ----------
    folder : Path
    status : str
        Verdict, and whether the box is closed.
    """

    folder: Path
    status: str

    @property
    def request(self) -> Request:
        """What was asked for."""
        return read_request(self.folder / RESULT)

    @property
    def catalogue(self) -> Catalogue:
        """Run files, where they are looked for."""
        return load(self.folder / CATALOGUE)

    @property
    def lock(self) -> Path:
        """Versions of packages."""
        return self.folder / LOCK

    @property
    def wheel(self) -> Path:
        """The program.

        Raises
        ------
        DamagedError
            There is none.
        """
        found = sorted((self.folder / CODE).glob("*.whl"))
        if len(found) != 1:
            raise DamagedError(f"{CODE}: {len(found)} wheels, expected the one of the program")
        return found[0]

    @property
    def arguments(self) -> list[str]:
        """Words of the command that makes the result again."""
        request = self.request
        selection = request.selection
        if selection.endswith(".toml"):
            selection = str(self.folder / SELECTION / Path(selection).name)
        words = ["process", str(self.folder / CATALOGUE), "--selection", selection]
        words += [word for setting in request.settings for word in ("--set", setting)]
        if request.runs is not None:
            words += ["--runs", to_ranges(request.runs)]
        if request.limit is not None:
            words += ["--limit", str(request.limit)]
        if request.plugin is not None:
            words += ["--plugin", str(self.folder / PLUGIN / Path(request.plugin).name)]
        if request.calibration is not None:
            words += ["--calibration", str(self.folder / CALIBRATION / Path(request.calibration).name)]
        return [*words, "--to", str(self.folder / REPRODUCED), "--no-report"]


def unpack(bundle: Path, folder: Path) -> Unpacked:
    """Bundle in a folder, once every file of it was found to be as described.

    Raises
    ------
    DamagedError
        The bundle is not what was written; names the file.
    FileExistsError
        The folder has something in it.
    """
    with open_archive(bundle) as archive:
        root = check_crate(archive)
        if folder.exists() and any(folder.iterdir()):
            raise FileExistsError(
                17, "is not empty: a bundle is unpacked into a folder of its own", str(folder)
            )
        archive.unpack(folder)
    found = Unpacked(folder.resolve(), str(root.get("creativeWorkStatus", "")))
    _check_products(found)
    return found


def _check_products(found: Unpacked) -> None:
    """Check that the products are those of the result: a bundle may have been put together by hand."""
    for name, digest in _digests(found).items():
        path = found.folder / RESULT / name
        if not path.is_file() or bytes_digest(path.read_bytes()) != digest:
            raise DamagedError(f"{RESULT}/{name}: is not the one that {RESULT_FILE} was written with")


def _digests(found: Unpacked) -> dict[str, str]:
    return dict(from_json((found.folder / RESULT / RESULT_FILE).read_bytes()).products)


def place_data(found: Unpacked, data: Path, progress: Progress = no_progress) -> int:
    """Number of run files that were found by content below a folder and linked to where they are expected.

    Parameters
    ----------
    found : Unpacked
    data : Path
    progress : callable
        Takes the numbers of files done and of all.

    Raises
    ------
    DamagedError
        A file of the result is not there, or has other content; names it.
    """
    request = found.request
    good = sorted(found.catalogue.good, key=lambda record: record.path)
    needed = [r for r in good if request.runs is None or {*r.runs} & {*request.runs}]
    by_size = _by_size(data, {record.size for record in needed})
    hashes: dict[Path, str] = {}
    progress(0, len(needed))
    for done, record in enumerate(needed, start=1):
        source = _source(record, by_size.get(record.size, ()), hashes)
        if source is None:
            raise DamagedError(_missing(record, data))
        target = Path(record.path)
        if not target.is_relative_to(found.folder / DATA):
            raise DamagedError(f"{CATALOGUE}: {record.name} is outside the bundle")
        target.parent.mkdir(parents=True)
        target.symlink_to(source.resolve())
        progress(done, len(needed))
    return len(needed)


def _by_size(data: Path, sizes: set[int]) -> dict[int, list[Path]]:
    found: dict[int, list[Path]] = {}
    if not data.is_dir():
        raise NotADirectoryError(20, "is no folder of run files", str(data))
    for folder, folders, names in os.walk(data):
        folders.sort()
        for path in (Path(folder) / name for name in sorted(names)):
            if path.is_file() and (size := path.stat().st_size) in sizes:
                found.setdefault(size, []).append(path)
    return found


def _source(record: FileRecord, candidates: Iterable[Path], hashes: dict[Path, str]) -> Path | None:
    """Find the file with the content of a record; one of the same name is looked at first."""
    name = Path(record.path).name
    for path in sorted(candidates, key=lambda path: path.name != name):
        if path not in hashes:
            hashes[path] = file_digest(path).sha256
        if hashes[path] == record.sha256:
            return path
    return None


def _missing(record: FileRecord, data: Path) -> str:
    name = Path(record.path).name
    same = next((path for path in sorted(data.rglob("*")) if path.name == name and path.is_file()), None)
    if same is not None:
        return f"{same}: is not the {record.name} of the result: its content is another one"
    return f"{data}: {record.name} (sha256 {record.sha256[:12]}) is not there"


def what_differs(found: Unpacked, *, here: bool) -> Iterator[str]:
    """Python, and with `here` program and packages too, that are not those of the bundle, one line each."""
    made_by: dict[str, Any] = read_object(found.folder / RESULT / PROVENANCE)
    if made_by.get("python") != platform.python_version():
        yield f"python: {platform.python_version()} here, {made_by.get('python')} in the bundle"
    if not here:
        return
    if made_by.get("code") != (code := code_digest()):
        yield f"na64: the program here is {code[:12]}, that of the bundle {str(made_by.get('code'))[:12]}"
    yield from other_versions(locked_versions(found.lock.read_text(encoding="utf-8")))


def differences(found: Unpacked) -> Iterator[str]:
    """Products that were made again and are not byte for byte those of the bundle, one line each."""
    for name, digest in sorted(_digests(found).items()):
        path = found.folder / REPRODUCED / name
        if not path.is_file():
            yield f"{name}: was not made"
        elif file_digest(path).sha256 != digest:
            yield f"{name}: differs"


def n_products(found: Unpacked) -> int:
    """Number of products that are compared."""
    return len(_digests(found))
