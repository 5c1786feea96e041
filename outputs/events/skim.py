"""Chosen events as columns, and files of them that ROOT, coffea and everybody else reads."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import uproot
from numpy.typing import NDArray

from na64.datasets.basics.atomic_file import Begun, remove_abandoned
from na64.outputs.events.analysis import ReopenedResult
from na64.outputs.events.event_filter import EventFilter, FilteredEvents, filter_events
from na64.outputs.result.unreplaced import unreplaced
from na64.processors.features.single_cells import cell_tables

TREE = "events"
"""Name of the tree in a ROOT file."""

NUMBERS = {"run": np.int32, "spill": np.int32, "event": np.int64, "entry": np.int64}
"""Numbers of an event, the columns before the features, and their types."""

_TRUTH = {"weight": np.float64, "truth_component": np.int32}
_ROWS = 100_000

Columns = dict[str, NDArray[Any]]


class SkimFormat(StrEnum):
    """Format of a file of events."""

    PARQUET = "parquet"
    ROOT = "root"
    CSV = "csv"


class EventWriter(Protocol):
    """Takes columns of events, a few thousand at a time."""

    def extend(self, columns: Columns) -> None:
        """Write events."""


def columns_of(filtered: FilteredEvents, analysis: ReopenedResult, *, cells: bool = False) -> Columns:
    """Chosen events as columns.

    Numbers of run, spill, event and entry in its file; how many cuts in a row it passes; its region (0 for
    elsewhere); weight and component of simulation; every feature; on request four columns a detector.

    Returns
    -------
    dict of str to (n_events,) or (n_events, n_cells) array
    """
    events, n_events = filtered.events, len(filtered.events.entry)
    numbers = events.columns.event
    found: Columns = {name: numbers[name].astype(kind) for name, kind in NUMBERS.items() if name in numbers}
    found["entry"] = events.entry
    found |= {"cuts_passed": filtered.cut_result.first.astype(np.int32)}
    found |= {"region": filtered.cut_result.region.astype(np.int32)}
    if analysis.job.simulation:
        found |= {name: numbers[name].astype(kind) for name, kind in _TRUTH.items() if name in numbers}
    found |= {name: events.values[row] for name, row in analysis.selection.index.items()}
    for name, column in _cells(filtered, analysis) if cells else ():
        if name in found:
            raise ValueError(f"{name}: is a feature and cells of a detector, so a file cannot have both")
        found[name] = column
    if any(len(column) != n_events for column in found.values()):
        raise ValueError(f"{events.name}: columns of different lengths")
    return found


def _cells(filtered: FilteredEvents, analysis: ReopenedResult) -> Iterable[tuple[str, NDArray[np.float32]]]:
    events = filtered.events
    layout = analysis.job.layouts[events.file.layout]
    tables = cell_tables(
        events.columns,
        analysis.job.runs[events.run].setup,
        residual_times=layout.time_is_residual,
        absent_nan=layout.absent_nan,
    )
    for detector, table in tables.items():
        for name in ("energy", "in_time", "delay", "window"):
            yield f"{detector}_cell_{name}", getattr(table, name).astype(np.float32)


def write_events(
    analysis: ReopenedResult,
    event_filter: EventFilter,
    path: Path,
    *,
    format: SkimFormat,  # noqa: A002
    cells: bool = False,
    on_progress: Callable[[int], None] = lambda _: None,
) -> int:
    """Write the chosen events of a result into a file, whole or not at all; memory does not grow with them.

    Parameters
    ----------
    analysis : ReopenedResult
    event_filter : EventFilter
    path : Path
    format : SkimFormat
    cells : bool
        Write four columns a detector too: energy, energy in time, delay and window of every cell.
    on_progress : callable
        Gets the number of events written so far.

    Returns
    -------
    int
        Events written.

    Raises
    ------
    ValueError
        There are no events, so no columns to write.
    na64.outputs.result.unreplaced.ReplacedError
        Another result came into the folder meanwhile.
    """
    written = 0
    with (
        _whole(path, analysis) as temporary,
        _open(temporary, format, _facts(analysis, event_filter)) as writer,
    ):
        for columns in _blocks(analysis, event_filter, cells=cells):
            writer.extend(columns)
            written += len(columns["run"])
            on_progress(written)
        if not written:
            raise ValueError(f"{analysis.folder.name}: no {analysis.kind} events {event_filter}")
    return written


def _blocks(analysis: ReopenedResult, event_filter: EventFilter, *, cells: bool) -> Iterator[Columns]:
    """Join small pieces, so that a file has row groups and baskets of a useful size."""
    pieces: list[Columns] = []
    held = 0
    most = _ROWS // 10 if cells else _ROWS
    for filtered in filter_events(analysis, event_filter, cells=cells):
        piece = columns_of(filtered, analysis, cells=cells)
        if pieces and pieces[0].keys() != piece.keys():
            raise ValueError("files with different detectors cannot be written with cells; choose runs")
        if len(piece["run"]):
            pieces.append(piece)
            held += len(piece["run"])
        if held >= most:
            yield _join(pieces)
            pieces, held = [], 0
    if pieces:
        yield _join(pieces)


def _join(pieces: list[Columns]) -> Columns:
    return {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}


def _facts(analysis: ReopenedResult, event_filter: EventFilter) -> dict[str, str]:
    """Description of the events that is written into the file."""
    summary = analysis.products.summary
    facts = {
        "events": f"{summary.label}, selection {analysis.selection.name}, {event_filter}",
        "selection": analysis.selection.identity,
        "cuts": json.dumps(analysis.selection.cut_names),
        "units": json.dumps(analysis.units),
    }
    return {f"na64_{name}": text for name, text in facts.items()}


@contextmanager
def _whole(path: Path, analysis: ReopenedResult) -> Iterator[Path]:
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_abandoned(path.parent)
    begun = Begun(path)
    try:
        yield begun.path
        with unreplaced(analysis.folder, analysis.products.summary, "na64 events"):
            begun.finish()
    finally:
        begun.end()


@contextmanager
def _open(path: Path, format: SkimFormat, facts: dict[str, str]) -> Iterator[EventWriter]:  # noqa: A002
    if format is SkimFormat.ROOT:
        with uproot.recreate(path, compression=uproot.ZSTD(3)) as file:
            yield _Root(file)
            for name, text in facts.items():  # after the tree: people open the first key
                file[name] = text
        return
    writer = _Arrow(path, facts, flat=format is SkimFormat.CSV)
    try:
        yield writer
    finally:
        writer.close()


class _Root:
    """A tree with one branch a column; cells are branches of a fixed length."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._tree: Any = None

    def extend(self, columns: Columns) -> None:
        if self._tree is None:
            types = {name: np.dtype((one.dtype, one.shape[1:])) for name, one in columns.items()}
            self._tree = self._file.mktree(TREE, types)
        self._tree.extend(columns)


class _Arrow:
    """Parquet with page checksums, cells as lists; or CSV, with a column a cell."""

    def __init__(self, path: Path, facts: dict[str, str], *, flat: bool) -> None:
        self._path, self._facts, self._flat = path, facts, flat
        self._writer: Any = None

    def extend(self, columns: Columns) -> None:
        flat = _spread(columns) if self._flat else columns
        table = pa.table({name: _array(one) for name, one in flat.items()}).replace_schema_metadata(
            self._facts
        )
        if self._writer is None:
            self._writer = self._start(table.schema)
        self._writer.write_table(table)

    def _start(self, schema: Any) -> Any:
        if self._flat:
            options = pyarrow.csv.WriteOptions(quoting_style="none")
            return pyarrow.csv.CSVWriter(self._path, schema, write_options=options)
        return pq.ParquetWriter(self._path, schema, compression="zstd", write_page_checksum=True)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()


def _spread(columns: Columns) -> Columns:
    found: Columns = {}
    for name, column in columns.items():
        flat = column.ndim == 1
        found |= {name: column} if flat else {f"{name}_{n}": cell for n, cell in enumerate(column.T)}
    return found


def _array(column: NDArray[Any]) -> Any:
    if column.ndim == 1:
        return pa.array(column)
    offsets = np.arange(len(column) + 1, dtype=np.int32) * column.shape[1]
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(np.ascontiguousarray(column).ravel()))
