"""The same cuts on the same features in a Parquet file, by DuckDB and by polars: what else one could take.

They count the events of each run after every cut; what is left out with one cut less, planes and histograms
are ours alone. Both are optional, and what is not installed is left out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial, reduce
from importlib import import_module
from operator import and_
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from na64.benchmarks.counts import BenchmarkCounts
from na64.benchmarks.programs import Program
from na64.benchmarks.sample import BenchmarkSample
from na64.datasets.reading.read import read_batches
from na64.datasets.reading.stored import first_line
from na64.processors.counting.counting import needed_features
from na64.processors.events.segment import needed_columns
from na64.processors.events.visible_events import visible_events
from na64.processors.features.varied_features import feature_rows
from na64.processors.job import build_job, file_context
from na64.selections.cut import Cut
from na64.selections.selection import Selection

DUCKDB = "DuckDB, cut flow per run on Parquet"
POLARS = "polars, cut flow per run on Parquet"

RunFlows = dict[int, tuple[int, ...]]
"""By run: events before any cut, and after each."""


def write_features(sample: BenchmarkSample, selection: Selection, path: Path) -> None:
    """Write the run and the features that the cuts need of all events of a sample, as Parquet."""
    catalogue = sample.catalogue()
    job, (record,) = build_job(catalogue, selection), catalogue.files
    rows = {name: number for number, name in enumerate(feature_rows(selection))}
    names = [name for name in needed_features(selection) if name in rows]
    schema = pa.schema([("run", pa.int32()), *((name, pa.float32()) for name in names)])
    columns = needed_columns(job, sample.layout)
    with pq.ParquetWriter(path, schema) as writer:
        for events in read_batches(record, sample.layout, 0, sample.n_events, columns=columns, native=False):
            for part in visible_events(events, job, file_context(record, job)):
                run = np.full(part.values.shape[1], part.run, np.int32)
                writer.write_table(
                    pa.table([run, *(part.values[rows[name]] for name in names)], schema=schema)
                )


def parquet_programs(path: Path, selection: Selection) -> tuple[list[Program], list[str]]:
    """List the programs whose libraries are installed, and say why others are left out.

    Raises
    ------
    ValueError
        A cut that is more than intervals.
    """
    for cut in selection.cuts:
        if cut.clauses or cut.when or any(one.limits or one.lowest for one in cut.intervals):
            raise ValueError(f"cut {cut.name}: not only intervals")
    programs, left_out = [], []
    for module, (name, count) in _KNOWN.items():
        try:
            library = import_module(module)
        except ImportError as error:
            left_out.append(f"{name}: left out, {first_line(error)}")
        else:
            programs.append(Program(name, partial(_flow, partial(count, library, path, selection))))
    return programs, left_out


def _flow(count: Callable[[], RunFlows]) -> BenchmarkCounts:
    return BenchmarkCounts(passed=tuple(map(sum, zip(*count().values(), strict=True))))


def _by_duckdb(duckdb: Any, path: Path, selection: Selection) -> RunFlows:
    conditions = [_as_sql(cut) for cut in selection.cuts]
    stages = [" AND ".join(conditions[: n + 1]) for n in range(len(conditions))]
    counts = ", ".join(f"count(*) FILTER (WHERE {stage})" for stage in stages)
    with duckdb.connect(config={"threads": 1}) as connection:
        query = f"SELECT run, count(*), {counts} FROM read_parquet(?) GROUP BY run ORDER BY run"  # noqa: S608
        return {run: tuple(flow) for run, *flow in connection.execute(query, [str(path)]).fetchall()}


def _as_sql(cut: Cut) -> str:
    return " AND ".join(
        f"{one.feature} BETWEEN '{_number(one.low)}'::FLOAT AND '{_number(one.high)}'::FLOAT"
        for one in cut.intervals
    )


def _number(value: float) -> str:
    return repr(value) if math.isfinite(value) else "infinity" if value > 0 else "-infinity"


def _by_polars(polars: Any, path: Path, selection: Selection) -> RunFlows:
    stages = list(_polars_stages(polars, selection))
    counts = [polars.len(), *(stage.sum().alias(f"after_{n}") for n, stage in enumerate(stages))]
    table = polars.scan_parquet(path).group_by("run").agg(counts).sort("run").collect()
    return {run: tuple(flow) for run, *flow in table.rows()}


def _polars_stages(polars: Any, selection: Selection) -> Iterator[Any]:
    stage = None
    for cut in selection.cuts:
        holds = reduce(
            and_,
            (
                polars.col(one.feature).is_between(
                    *(polars.lit(end, polars.Float32) for end in (one.low, one.high))
                )
                for one in cut.intervals
            ),
        )
        stage = holds if stage is None else stage & holds
        yield stage


_KNOWN: dict[str, tuple[str, Callable[[Any, Path, Selection], RunFlows]]] = {
    "duckdb": (DUCKDB, _by_duckdb),
    "polars": (POLARS, _by_polars),
}
