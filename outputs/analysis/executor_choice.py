"""Executor that pays for a job of its size: workers of their own take seconds to start."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace

from na64.datasets.basics.addresses import is_url
from na64.datasets.catalogue.records import FileRecord
from na64.datasets.reading.root_files import codec_of
from na64.datasets.reading.stored import BadFileError, Format
from na64.outputs.analysis.workers import Workers
from na64.processors.events.feature_store import FeatureStore
from na64.processors.execution.ledger import Ledger
from na64.processors.execution.tasks import Task
from na64.processors.job import Job

_NS_A_BYTE = {"": 0.7, "LZ4": 0.7, "ZLIB": 3.2, "ZSTD": 1.5, "LZMA": 26.0}
"""What a stored byte takes by its codec on one core; ROOT's default takes five times what LZ4 does."""

_NS_A_BYTE_OF_PARQUET = 1.6
_NS_AN_EVENT = 5_000.0
"""Where no byte is known to be of a codec, as on a server."""

_NS_FROM_STORE = 250.0
"""An event of which the features are kept. All of these cautiously; docs/speed.md has what was measured."""

_START = 2.5
"""Seconds that a cluster of this machine takes to be ready and to end, its workers side by side."""


def seconds_left(
    tasks: Iterable[Task],
    files: Iterable[FileRecord],
    job: Job,
    ledger: Ledger | None,
    store: FeatureStore,
    *,
    fresh: bool = False,
) -> list[float]:
    """About how long each segment takes on one core that is not in the ledger yet.

    Parameters
    ----------
    tasks : iterable of Task
        As `na64.processors.segments.plan` lists them.
    files : iterable of FileRecord
        All that they are of.
    job : Job
    ledger : Ledger or None
        None: nothing was counted before.
    store : FeatureStore
        A segment of which it has the features is counted much faster.
    fresh : bool
        Both are passed over.
    """
    left = [task for task in tasks if fresh or ledger is None or not ledger.path(task.key).exists()]
    contexts = {task.payload.file.sha256: task.payload.file for task in left}
    keys = {sha256: job.feature_keys(context) for sha256, context in contexts.items()}
    records = {record.path: record for record in files}
    ns_an_event: dict[tuple[str, str], float] = {}
    found = []
    for task in left:
        key = keys[task.payload.file.sha256](task.start, task.stop)
        record = records[task.path]
        kind = record.layout, record.format  # files of a kind are taken to be compressed alike
        is_stored = not fresh and store.path(key).exists()
        if not is_stored and kind not in ns_an_event:
            ns_an_event[kind] = _ns_an_event(record)
        found.append(task.n_events * (_NS_FROM_STORE if is_stored else ns_an_event[kind]) * 1e-9)
    return found


def _ns_an_event(file: FileRecord) -> float:
    """What an event of a file takes on one core, from its stored bytes and how they are compressed."""
    if is_url(file.path):
        return _NS_AN_EVENT
    try:
        is_parquet = file.format == Format.PARQUET
        ns_a_byte = _NS_A_BYTE_OF_PARQUET if is_parquet else _NS_A_BYTE[codec_of(file.path)]
    except (OSError, BadFileError, KeyError):  # what is wrong with it is told where it is read
        return _NS_AN_EVENT
    return ns_a_byte * file.size / file.entries


def choose(workers: Workers, seconds: list[float]) -> tuple[Workers, str]:
    """Workers with an executor, and what is to be said if it was chosen here.

    A local Dask cluster is chosen where it saves more than it takes to start, and where an option needs it;
    this process otherwise.

    Parameters
    ----------
    workers : Workers
        Those with an executor are returned as they are.
    seconds : list of float
        Of every segment, see `seconds_left`.
    """
    if workers.executor is not None:
        return workers, ""
    if workers.needs_dask:
        return replace(workers, executor="dask"), ""
    if not seconds:
        return replace(workers, executor="iterative"), ""
    total, n_workers = sum(seconds), min(workers.count, len(seconds), os.cpu_count() or 1)
    saved = total - max(total / max(n_workers, 1), max(seconds, default=0.0))
    executor = "dask" if saved > _START else "iterative"
    where = f"a Dask cluster of {n_workers} workers" if executor == "dask" else "this process"
    said = f"about {total:.0f} s of work in {len(seconds):,} segments, done in {where}"
    return replace(workers, executor=executor), f"{said}; --executor chooses another"
