"""Small run files with plain values, written by uproot and pyarrow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import uproot

from na64.datasets.instrument.columns import COLUMNS
from na64.datasets.reading.branch import Branch
from na64.datasets.reading.layout import Layout, load_layout
from na64.datasets.synthetic.writers import list_type

Values = dict[str, Any]

_CELLS = {"ecal": 60, "hcal": 36, "vhcal": 16, "srd": 3, "veto": 6}


def _event(branch: Branch, n_events: int, first: int, run: int) -> Any:
    known = {
        "run": np.full(n_events, run),
        "spill": np.full(n_events, 1),
        "event": np.arange(n_events) + first,
    }
    if COLUMNS[branch.column].dtype == "int64":
        return known.get(branch.column, np.arange(n_events) % 7).astype(np.int32)
    return (np.arange(n_events * int(np.prod(branch.shape))) / 8).reshape(n_events, *branch.shape)


@pytest.fixture
def make_values() -> Callable[..., Values]:
    """Branches of a layout with values that can be told apart; hits have 0, 1, 2, 0, 1, 2... an event."""

    def make(layout: Layout, n_events: int = 20, *, first: int = 0, run: int = 8701) -> Values:
        values: Values = {
            branch.names[0]: _event(branch, n_events, first, run)
            for branch in layout.event.values()
            if branch.required
        }
        n_hits = np.arange(n_events) % 3
        for detector in layout.detectors.values():
            for number, branch in enumerate(detector.columns.values()):
                for part, name in enumerate(branch.names):
                    if branch.jagged:
                        hits = np.arange(n_hits.sum()) + number
                        is_cell = branch.column.endswith("_cell")
                        hits, kind = (
                            (hits % _CELLS[detector.name], np.uint8) if is_cell else (hits, np.float32)
                        )
                        values[name] = ak.unflatten(hits.astype(kind), n_hits)
                    else:
                        size = n_events * int(np.prod(branch.shape))
                        cells = np.arange(size) / 16 + 1000 * part + 100 * number
                        values[name] = cells.reshape(n_events, *branch.shape)
        return values

    return make


def _tree_type(values: Any) -> Any:
    if isinstance(values, ak.Array):
        return list_type(ak.type(values).content.content.primitive)
    return np.dtype((values.dtype, values.shape[1:]))


def _write_tree(path: Path, tree: str, clusters: Sequence[Values]) -> None:
    with uproot.recreate(path) as file:
        stored = file.mktree(tree, {name: _tree_type(values) for name, values in clusters[0].items()})
        for values in clusters:
            if len(next(iter(values.values()))):
                stored.extend(values)


def _write_rntuple(path: Path, tree: str, clusters: Sequence[Values]) -> None:
    with uproot.recreate(path) as file:
        stored = None
        for values in clusters:
            events = ak.Array(values)
            stored = stored or file.mkrntuple(tree, events.layout.form)
            stored.extend(events)


def _arrow(values: Any) -> Any:
    if isinstance(values, ak.Array):
        return ak.to_arrow(values, extensionarray=False, list_to32=True)
    array = pa.array(np.ascontiguousarray(values).reshape(-1))
    for size in reversed(values.shape[1:]):
        array = pa.FixedSizeListArray.from_arrays(array, size)
    return array


def _write_parquet(path: Path, tree: str, clusters: Sequence[Values]) -> None:
    tables = [pa.table({name: _arrow(values) for name, values in cluster.items()}) for cluster in clusters]
    with pq.ParquetWriter(path, tables[0].schema, write_page_checksum=True) as writer:
        for table in tables:
            writer.write_table(table)


WRITERS = {"ttree": _write_tree, "rntuple": _write_rntuple, "parquet": _write_parquet}


@pytest.fixture
def write_file(tmp_path: Path) -> Callable[..., Path]:
    """Write clusters of branches into a file of any format."""

    def write(
        tree: str,
        *clusters: Values,
        container: str = "ttree",
        name: str | None = None,
        folder: Path = tmp_path,
    ) -> Path:
        path = folder / (name or ("run.parquet" if container == "parquet" else "run.root"))
        WRITERS[container](path, tree, clusters)
        return path

    return write


@pytest.fixture
def write_run(make_values: Callable[..., Any], write_file: Callable[..., Path]) -> Callable[..., Path]:
    """Write a good run file, or one with some branches changed (None: left out)."""

    def write(
        name: str | None = None,
        *,
        n_events: int = 6,
        run: int = 8701,
        first: int = 0,
        container: str = "ttree",
        tree: str = "tout",
        layout: str = "tout2023",
        **changed: Any,
    ) -> Path:
        values = make_values(load_layout(layout), n_events, run=run, first=first) | changed
        kept = {branch: array for branch, array in values.items() if array is not None}
        return write_file(tree, kept, container=container, name=name)

    return write
