"""What goes into a bundle: the result, and all that it was made of, without the run files."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path, PurePosixPath
from typing import Any

import na64
from na64.datasets.basics.identity import bytes_digest
from na64.datasets.basics.json_records import read_object, to_json
from na64.datasets.basics.toml import load
from na64.datasets.catalogue.build import Catalogue, save
from na64.datasets.reading.files import file_name, is_url
from na64.datasets.reading.layout import LAYOUTS
from na64.outputs.analysis.preservation.crate import Described
from na64.outputs.blinding.replacement import KEPT, MADE
from na64.outputs.result.product_names import LIMITS
from na64.outputs.result.request import LOG, REQUEST, Request, calibration_source, selection_source
from na64.outputs.result.store import DRAWN
from na64.processors.job import Job
from na64.selections.selection import SELECTIONS

CATALOGUE, RESULT = "catalogue.json", "result"
SELECTION, PLUGIN, PERIODS, CALIBRATION = "selection", "plugin", "periods", "calibration"
DATA = "data"
"""Folder beside the catalogue where run files are looked for, as `DATA`/NUMBER/NAME."""

_LAYOUTS, _INPUTS, _PACKAGED = "layouts", "inputs", "packaged"
_LEFT_OUT = ("metrics.json", "events", "events.*", REQUEST, DRAWN)
_PACKAGE = Path(na64.__file__).parent

_PRODUCTS = {
    "audit.jsonl": "log of every pass over the data, each line with the hash of the line before",
    "freeze.json": "commitment of the blind analysis",
    "provenance.json": "code, packages, inputs by sha256 and every number of the periods with its source",
    "report.html": "the result for people",
    "result.json": "verdict, accounting, what is blind, and the sha256 of the products",
    "unblinded.json": "what the opened box held, and who opened it",
}


def products_of(folder: Path) -> Iterator[Described]:
    """Files of a result that `na64` commands have made of it; skims of events, which they make again, not."""
    left_out = {path for pattern in _LEFT_OUT for path in folder.glob(pattern)}
    found = {path for pattern in (*MADE, *KEPT) for path in folder.glob(pattern)} - left_out
    for path in sorted(file for one in found for file in _files(one)):
        name = path.relative_to(folder).as_posix()
        described = _PRODUCTS.get(name, f"made by na64, {path.parent.name if '/' in name else 'product'}")
        yield Described(f"{RESULT}/{name}", path.read_bytes(), described)


def left_out_of(folder: Path) -> list[str]:
    """Names in the folder of a result that no bundle takes along, but for what can be made again."""
    known = {path for pattern in (*MADE, *KEPT, *_LEFT_OUT) for path in folder.glob(pattern)}
    others = {path.name for path in folder.iterdir() if path not in known and not path.name.startswith(".")}
    return sorted(others - {"partials"})


def _files(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield from (one for one in path.rglob("*") if one.is_file() and not one.name.startswith("."))
    elif path.is_file():
        yield path


def inputs_of_limits(folder: Path) -> Iterator[Described | str]:
    """Files outside the folder that its limits were made of; a line for each that is not as it was."""
    if not (folder / LIMITS).exists():
        return
    for file in read_object(folder / LIMITS).get("files", ()):
        path, digest = folder / str(file["path"]), str(file["sha256"])
        data = path.read_bytes() if path.is_file() else b""
        if bytes_digest(data) != digest:
            yield f"{path.name}, of which {LIMITS} was made, is not there as it was"
        elif not path.resolve().is_relative_to(folder.resolve()):
            yield Described(f"{_INPUTS}/{digest[:12]}-{path.name}", data, f"of which {LIMITS} was made")


def origins_of(folder: Path, request: Request, catalogue: Catalogue, job: Job) -> Iterator[Described]:
    """Catalogue, request, log, selection, plug-in, periods and layouts of a result.

    In the catalogue run files are where `na64 reproduce` puts them, and no folder of whoever made it.
    """
    yield from _catalogue_files(catalogue)
    yield Described(
        f"{RESULT}/{REQUEST}", to_json(asdict(_inside(request))), "what was asked of na64 process"
    )
    if request.audit:
        yield Described(LOG, request.log(folder).read_bytes(), _PRODUCTS[LOG])
    source = selection_source(folder, request)
    if isinstance(source, Path):
        yield Described(f"{SELECTION}/{source.name}", source.read_bytes(), "selection")
    if request.plugin is not None and job.plugin is not None:
        yield Described(f"{PLUGIN}/{job.plugin.name}", job.plugin.source.encode(), "features of the user")
    if (constants := calibration_source(folder, request)) is not None:
        yield Described(f"{CALIBRATION}/{constants.name}", constants.read_bytes(), "constants of cells")
    yield from _periods(catalogue)
    used = {context.period for context in job.runs.values()}
    yield from _packaged(source, used, job)


def _inside(request: Request) -> Request:
    """Request with paths inside the bundle."""
    selection, plugin = request.selection, request.plugin
    if selection not in SELECTIONS:
        selection = f"../{SELECTION}/{PurePosixPath(selection).name}"
    if plugin is not None:
        plugin = f"../{PLUGIN}/{PurePosixPath(plugin).name}"
    constants = request.calibration
    if constants is not None:
        constants = f"../{CALIBRATION}/{PurePosixPath(constants).name}"
    place = f"../{CATALOGUE}"
    return replace(request, catalogue=place, selection=selection, plugin=plugin, calibration=constants)


def _catalogue_files(catalogue: Catalogue) -> Iterator[Described]:
    with tempfile.TemporaryDirectory(prefix="na64-bundle-") as place:
        path = Path(place).resolve() / CATALOGUE
        save(_moved(catalogue, path.parent), path)
        data = path.read_bytes()
    yield Described(CATALOGUE, data, "run files by sha256, with their runs, exposure and bad spills")
    for name, text in sorted(catalogue.layouts.items()):
        yield Described(
            f"{_LAYOUTS}/{name}.toml", text.encode(), "layout of the run files, as in the catalogue"
        )


def _moved(catalogue: Catalogue, root: Path) -> Catalogue:
    """Catalogue whose files lie below a folder, in the order of the paths that they had."""
    order = sorted(range(len(catalogue.files)), key=lambda index: catalogue.files[index].path)
    places = {index: str(root / DATA / f"{number:05d}") for number, index in enumerate(order)}

    def moved(index: int) -> Any:
        record = catalogue.files[index]
        paths = [f"{places[index]}/{file_name(path)}" for path in (record.path, *record.aliases)]
        return replace(record, path=paths[0], aliases=tuple(paths[1:]))

    folders = tuple(
        one if is_url(one.folder) else replace(one, folder=str(root / "/".join(Path(one.folder).parts[-2:])))
        for one in catalogue.folders
    )
    own = catalogue.periods
    return replace(
        catalogue,
        files=tuple(moved(index) for index in range(len(catalogue.files))),
        folders=folders,
        periods=None if own is None else replace(own, path=str(root / PERIODS)),
    )


def _periods(catalogue: Catalogue) -> Iterator[Described]:
    """Files of the folder of the user's periods; `Catalogue.known_periods` has found them as they were."""
    own = catalogue.periods
    if own is None:
        return
    for name in sorted(own.files):
        yield Described(f"{PERIODS}/{name}", (Path(own.path) / name).read_bytes(), "period of the user")


def _packaged(source: str | Path, periods: set[str], job: Job) -> Iterator[Described]:
    """Files of the package that the job used, which are in the program too, to be read without it."""
    names = ["selections/signal_boxes.toml", *(f"selections/{name}.toml" for name in _bases(source))]
    names += [f"datasets/reading/layouts/{name}.toml" for name in job.layouts if name in LAYOUTS]
    folder = _PACKAGE / "datasets" / "conditions" / "periods"
    for period in sorted(periods):
        names += [path.relative_to(_PACKAGE).as_posix() for path in sorted(folder.glob(f"{period}.*"))]
    for name in names:
        data = (_PACKAGE / name).read_bytes()
        yield Described(f"{_PACKAGED}/{name}", data, f"copy of {name} of the program, to be read")


def _bases(source: str | Path) -> Iterator[str]:
    """Packaged selections that a selection is or stands on."""
    name = source if isinstance(source, str) else load(source).get("base")
    while isinstance(name, str):
        yield name
        name = load(_PACKAGE / "selections" / f"{name}.toml").get("base")
