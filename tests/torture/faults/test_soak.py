"""Ten thousand small chunks with random faults, for ten minutes: nothing wrong, nothing leaks.

``NA64_SOAK_SECONDS`` sets another time, for both kinds of workers together.
"""

from __future__ import annotations

import gc
import hashlib
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cloudpickle
import numpy as np
import psutil
import pytest

from na64.processors.backends import Backend, Kind, open_backend
from na64.processors.executor import run
from na64.processors.ledger import Ledger, Partial
from na64.processors.tasks import Options, Task, Work

cloudpickle.register_pickle_by_value(sys.modules[__name__])  # workers cannot import this module

N_CHUNKS = 10_000
SECONDS = float(os.environ.get("NA64_SOAK_SECONDS", "600"))
MB = 1_000_000


def chunks() -> list[Task]:
    return [
        Task(hashlib.sha256(str(n).encode()).hexdigest(), f"run_{n}.root", 7 * n, 7 * n + 7)
        for n in range(N_CHUNKS)
    ]


def work(task: Task, faults: str) -> Partial:
    """Sum the numbers of the events; a fault that a file asks for happens once."""
    for name in ("kill", "read", "raise", "hang"):
        if taken(Path(faults) / f"{name} {task.start}"):
            happen(name)
    return Partial({}, {"sum": np.array([sum(range(task.start, task.stop))])})


def taken(path: Path) -> bool:
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    return True


def happen(name: str) -> None:
    if name == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if name == "hang":
        time.sleep(1000)
    raise OSError(5, "the disk coughs") if name == "read" else ValueError("not a number")


def usage() -> dict[str, int]:
    """What must not grow: open files, processes and memory of the driver."""
    gc.collect()
    me = psutil.Process()
    return {
        "files": len(list(Path("/proc/self/fd").iterdir())),
        "processes": len(me.children(recursive=True)),
        "memory": me.memory_info().rss,
    }


def sow(faults: Path, draw: random.Random) -> int:
    """Ask for faults at random chunks; return for how many of them the chunk has no result at first."""
    counts = {"kill": 2, "read": 20, "raise": 5, "hang": 1}
    starts = draw.sample(range(0, 7 * N_CHUNKS, 7), sum(counts.values()))
    for name, n_faults in counts.items():
        for start in starts[:n_faults]:
            (faults / f"{name} {start}").touch()
        starts = starts[n_faults:]
    return counts["raise"] + counts["hang"]


def one_round(backend: Backend, folder: Path, draw: random.Random) -> None:
    """Begin with an empty ledger, and go on until everything has a result."""
    faults = folder / "faults"
    faults.mkdir(parents=True, exist_ok=True)
    n_failing = sow(faults, draw)
    for path in folder.rglob("*.partial"):
        path.unlink()
    job = Work(work, str(faults), options=Options(blind=False, backoff=0.01, deadline=20.0))
    first = run(chunks(), job, backend, Ledger(folder / "ledger"))
    assert 0 < len(first.failures) <= n_failing, first.failures
    assert len(first.results) + len(first.failures) == N_CHUNKS
    second = run(chunks(), job, backend, Ledger(folder / "ledger"))
    assert second.n_resumed == len(first.results)
    total = sum(int(partial.arrays["sum"][0]) for partial in second.results.values())
    assert second.is_complete
    assert total == sum(range(7 * N_CHUNKS))


@pytest.mark.soak
@pytest.mark.parametrize("kind", [Kind.PROCESSES, Kind.DASK])
def test_ten_thousand_chunks_with_faults_leak_nothing(
    kind: Kind, tmp_path: Path, tell: Callable[[str, str, str], None]
) -> None:
    draw, start, rounds = random.Random(64), time.monotonic(), 0
    before = usage()
    with open_backend(kind, workers=2) as backend:
        one_round(backend, tmp_path, draw)
        first, end = usage(), time.monotonic() + SECONDS / 2
        while time.monotonic() < end:
            one_round(backend, tmp_path, draw)
            rounds += 1
        last = usage()
    after = usage()
    assert last["files"] <= first["files"] + 5
    assert last["processes"] <= first["processes"] + 1
    assert last["memory"] <= first["memory"] + (100 + 3 * rounds) * MB
    assert after["processes"] <= before["processes"] + 1  # the tracker of shared resources stays
    assert after["files"] <= before["files"] + 8
    grown = (last["memory"] - first["memory"]) / MB
    seconds = time.monotonic() - start
    tell(
        f"{(1 + rounds) * N_CHUNKS} chunks, {kind.value}",
        "EQUAL",
        f"{seconds:.0f} s, memory {grown:+.0f} MB, files {last['files'] - first['files']:+d}",
    )
