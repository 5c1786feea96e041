"""The catalogue on disk: canonical JSON, written in one step, paths relative to it where that makes sense."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from enum import Enum
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any

from na64.datasets.basics.atomic_file import write_bytes
from na64.datasets.basics.garbage import collection_paused
from na64.datasets.basics.named import named, shortened
from na64.datasets.basics.run_ranges import of_ranges, to_ranges
from na64.datasets.basics.toml import TomlTable
from na64.datasets.catalogue.records import Catalogue, FileRecord, SampleKind, Status
from na64.datasets.catalogue.table_folders import TABLES, TableFolder
from na64.datasets.conditions.bad_spills import BadEntry, BadList
from na64.datasets.conditions.conditions import (
    EXPOSURES,
    Quality,
    RunFacts,
    RunType,
    SpillFacts,
    spill_columns,
)
from na64.datasets.conditions.period_folder import PeriodFolder
from na64.datasets.conditions.reconstruction import tags_of
from na64.datasets.reading.files import is_url

VERSION = 5
"""Changes when a reader of the file could notice."""

SEAL = "seal"
"""Key of a hash of all the rest: what was edited by hand may say that data are simulation."""

_UNSEALED = "0" * 64

_OF_SPILLS: Mapping[str, type] = {
    **dict.fromkeys(EXPOSURES, float),
    "quality": str,
    "prescale": int,
    "good_fraction": float,
}
"""Columns of the spills of a run besides their numbers, in the order of `SpillFacts`."""


def save(catalogue: Catalogue, path: Path) -> None:
    """Write a catalogue; the same catalogue gives the same bytes."""
    plain = _plain(catalogue, path.parent.resolve()) | {SEAL: _UNSEALED}
    data = f"{json.dumps(plain, indent=1, sort_keys=True, allow_nan=False)}\n".encode()
    write_bytes(path, data.replace(_sealed(_UNSEALED), _sealed(sha256(data).hexdigest()), 1))


@collection_paused()
def load(path: Path) -> Catalogue:
    """Read a catalogue.

    Raises
    ------
    KeyError, ValueError
        It is not one, or was edited; names the file and the place.
    """
    data = path.read_bytes()
    try:
        content = json.loads(data, object_pairs_hook=_unique, parse_constant=_refuse)
    except RecursionError:
        raise ValueError(f"{path.name}: not a catalogue: nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"{path.name}: not a catalogue: {error}") from error
    if not isinstance(content, dict) or (found := content.get("na64_catalogue")) is None:
        raise ValueError(f"{path.name}: not a catalogue")
    if found != VERSION:
        shown = shortened(str(found), 20)
        raise ValueError(f"{path.name}: a catalogue of version {shown}, expected {VERSION}: make it again")
    with named(path.name):
        table = TomlTable(content, path.name)
        table.integer("na64_catalogue")
        seal, catalogue = table.text(SEAL), _catalogue(table, path.parent.resolve())
        table.done()
    if sha256(data.replace(_sealed(seal), _sealed(_UNSEALED), 1)).hexdigest() != seal:
        raise ValueError(f"{path.name}: it was edited after it was written; na64 catalogue makes it again")
    return catalogue


def _sealed(seal: str) -> bytes:
    """The place of the seal in a file."""
    return f'"{SEAL}": {json.dumps(seal)}'.encode()


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is there twice")
    return found


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is not a number")


def _plain(catalogue: Catalogue, folder: Path) -> dict[str, Any]:
    return {
        "na64_catalogue": VERSION,
        "kind": catalogue.kind.value,
        "files": [_plain_record(record, folder) for record in catalogue.files],
        "run_facts": [_stated(facts) for facts in catalogue.run_facts.values()],
        "spills": [_plain_spills(run, spills) for run, spills in catalogue.spills_of_runs.items()],
        "bad": [_stated(entry) for entry in catalogue.bad.entries],
        "layouts": catalogue.layouts,
        "folders": [_plain_folder(one, folder) for one in catalogue.folders],
        **_plain_periods(catalogue.periods, folder),
    }


def _plain_folder(one: TableFolder, folder: Path) -> dict[str, Any]:
    return {field.name: getattr(one, field.name) for field in fields(one)} | {
        "folder": _relative(one.folder, folder)
    }


def _plain_periods(periods: PeriodFolder | None, folder: Path) -> dict[str, Any]:
    if periods is None:
        return {}
    return {"periods": {"path": _relative(periods.path, folder), "files": periods.files}}


def _plain_spills(run: int, spills: Sequence[SpillFacts]) -> dict[str, Any]:
    """Write the spills of a run as columns: one value where all are equal, nothing where none is stated."""
    columns = spill_columns(spills)
    plain: dict[str, Any] = {"run": run, "spill": to_ranges(columns["spill"])}
    for name in _OF_SPILLS:
        values = columns[name]
        if any(value is not None for value in values):
            plain[name] = values[0] if values.count(values[0]) == len(values) else values
    return plain


def _stated(facts: RunFacts | BadEntry) -> dict[str, Any]:
    stated = {name: value for name, value in asdict(facts).items() if value is not None}
    return {name: value.value if isinstance(value, Enum) else value for name, value in stated.items()}


def _plain_record(record: FileRecord, folder: Path) -> dict[str, Any]:
    plain = {field.name: getattr(record, field.name) for field in fields(record)}
    if not record.version:  # as of every local file
        del plain["version"]
    return plain | {
        "path": _relative(record.path, folder),
        "aliases": [_relative(alias, folder) for alias in record.aliases],
        "runs": {str(run): entries for run, entries in record.runs.items()},
        "production": record.production.stated(),
        "segments": [0, *(stop for _, stop in record.segments)],
        "spills": [{str(run): to_ranges(spills) for run, spills in part.items()} for part in record.spills],
    }


def _relative(path: str, folder: Path) -> str:
    """Write a path relative to the catalogue, unless the two share no folder but the root."""
    if is_url(path) or os.path.commonpath([path, folder]) == os.sep:
        return path
    return os.path.relpath(path, folder)


def _absolute(path: str, folder: Path) -> str:
    return path if is_url(path) else os.path.normpath(folder / path)


def _catalogue(table: TomlTable, folder: Path) -> Catalogue:
    run_facts = [_run_facts(entry) for entry in table.tables("run_facts")]
    spills = (facts for entry in table.tables("spills") for facts in _spill_facts(entry))
    layouts = table.table("layouts")
    return Catalogue(
        kind=SampleKind(table.text("kind")),
        files=tuple(_record(entry, folder) for entry in table.tables("files")),
        run_facts={facts.run: facts for facts in run_facts},
        spills={(facts.run, facts.spill): facts for facts in spills},
        bad=BadList(tuple(_bad_entry(entry) for entry in table.tables("bad"))),
        layouts={name: layouts.text(name) for name in layouts.names()},
        folders=tuple(_table_folder(entry, folder) for entry in table.tables("folders")),
        periods=_periods(table.table("periods"), folder) if table.has("periods") else None,
    )


def _table_folder(entry: TomlTable, folder: Path) -> TableFolder:
    rows = entry.table("rows")
    return TableFolder(
        folder=_absolute(entry.text("folder"), folder),
        rows={name: rows.integer(name) for name in TABLES if rows.has(name)},
        unread=entry.texts("unread"),
        problem=entry.text("problem"),
        gone=entry.texts("gone"),
    )


def _periods(entry: TomlTable, folder: Path) -> PeriodFolder:
    files = entry.table("files")
    return PeriodFolder(
        _absolute(entry.text("path"), folder), {name: files.text(name) for name in files.names()}
    )


def _record(entry: TomlTable, folder: Path) -> FileRecord:
    runs, cuts = entry.table("runs"), entry.integers("segments")
    return FileRecord(
        path=_absolute(entry.text("path"), folder),
        sha256=entry.text("sha256"),
        xxh3=entry.text("xxh3"),
        size=entry.integer("size"),
        format=entry.text("format"),
        tree=entry.text("tree"),
        layout=entry.text("layout"),
        entries=entry.integer("entries"),
        runs=dict(sorted((int(run), runs.integer(run)) for run in runs.names())),
        segments=tuple(pairwise(cuts)),
        spills=tuple(_spills(part) for part in entry.tables("spills")),
        status=Status(entry.text("status")),
        reason=entry.text("reason"),
        accepted=entry.text("accepted"),
        aliases=tuple(_absolute(alias, folder) for alias in entry.texts("aliases")),
        truth=entry.flag("truth"),
        production=tags_of(entry.table("production")),
        version=entry.text("version", ""),
        missing_columns=entry.texts("missing_columns", ()),
    )


def _spills(part: TomlTable) -> dict[int, tuple[int, ...]]:
    return dict(sorted((int(run), of_ranges(part.text(run), part.place(run))) for run in part.names()))


def _run_facts(entry: TomlTable) -> RunFacts:
    return RunFacts(
        run=entry.integer("run"),
        type=RunType(entry.text("type")),
        particle=entry.text("particle", None),
        energy=entry.number("energy", None),
        **{name: entry.number(name, None) for name in EXPOSURES},
        triggers=entry.integer("triggers", None),
    )


def _spill_facts(entry: TomlTable) -> Iterator[SpillFacts]:
    run = entry.integer("run")
    numbers = of_ranges(entry.text("spill"), entry.place("spill"))
    rows = zip(
        numbers, *(entry.column(name, len(numbers), kind) for name, kind in _OF_SPILLS.items()), strict=True
    )
    for spill, delivered, live, quality, prescale, fraction in rows:
        yield SpillFacts(run, spill, delivered, live, Quality(quality), prescale, fraction)


def _bad_entry(entry: TomlTable) -> BadEntry:
    return BadEntry(
        run=entry.integer("run"),
        spill=entry.integer("spill", None),
        start=entry.integer("start", None),
        stop=entry.integer("stop", None),
    )
