"""Local files looked at by several processes: hashing and opening them is what a catalogue waits for."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from functools import partial
from pathlib import Path

from na64.datasets.basics.parent_process import end_with_parent
from na64.datasets.catalogue.inspection import Expectation, inspect
from na64.datasets.catalogue.records import FileRecord

_OPEN, _BYTES = 0.02, 4e8
"""Seconds that opening a file takes, and bytes that are hashed in one."""

_START = 4.0
"""Seconds of work below which one process is done before others have started."""


def inspect_files(
    paths: Sequence[str], expected: Expectation, *, workers: int = 1
) -> Iterator[tuple[str, FileRecord]]:
    """Look at local files, each as `inspect` does; in their order, whoever looks.

    Parameters
    ----------
    paths : sequence of str
    expected : Expectation
    workers : int
        Processes, where there is enough to do for them.

    Raises
    ------
    RuntimeError
        A process was lost.
    """
    n_workers = min(workers, len(paths))
    if n_workers < 2 or _seconds(paths) < _START:
        yield from ((path, inspect(path, expected)) for path in paths)
        return
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(n_workers, context, initializer=_begin)
    try:
        yield from zip(paths, pool.map(partial(inspect, expected=expected), paths, chunksize=8), strict=True)
    except BrokenProcessPool:
        raise RuntimeError("a process that looked at files was lost: --workers 1 does without") from None
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _seconds(paths: Sequence[str]) -> float:
    total = 0.0
    for path in paths:
        total += _OPEN
        with suppress(OSError):
            total += Path(path).stat().st_size / _BYTES
    return total


def _begin() -> None:
    """Leave Ctrl-C to the process that has started this one, and end with it."""
    end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
