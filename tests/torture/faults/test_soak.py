"""Ten thousand small chunks with random faults, for ten minutes: nothing wrong, nothing leaks.

``NA64_SOAK_SECONDS`` sets another time, for both kinds of workers together.
"""

from __future__ import annotations

import gc
import hashlib
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cloudpickle
import numpy as np
import psutil
import pytest

from na64.processors.execution.backend import Backend
from na64.processors.execution.backends import ExecutorKind, open_backend
from na64.processors.execution.executor import Outcome, run
from na64.processors.execution.ledger import Ledger, Partial
from na64.processors.execution.tasks import Options, Task, Work

cloudpickle.register_pickle_by_value(sys.modules[__name__])  # workers cannot import this module

N_CHUNKS = 10_000
STEP = 7
SECONDS = float(os.environ.get("NA64_SOAK_SECONDS", "600"))
DEADLINE = 30.0
MB = 1_000_000

ONCE = {"read": 20, "kill": 2}
"""How many chunks a round meet a fault that passes: they have a result all the same."""

ALWAYS = {
    "raise": (5, "ValueError: not a number"),
    "poison": (1, "its worker ended"),
    "hang": (1, f"not done within {DEADLINE:g} s"),
}
"""How many chunks a round have a fault that stays, and why they then have no result."""


def chunks() -> list[Task]:
    return [
        Task(hashlib.sha256(str(start).encode()).hexdigest(), f"run_{start}.root", start, start + STEP)
        for start in range(0, STEP * N_CHUNKS, STEP)
    ]


def work(task: Task, faults: str) -> Partial:
    """Sum the numbers of the events, unless a file asks for a fault."""
    for name in ("read", "kill"):
        if taken(Path(faults) / f"{name} {task.start}"):
            happen(name)
    for name in ("raise", "poison", "hang"):
        if (Path(faults) / f"{name} {task.start}").exists():
            happen(name)
    return Partial({}, {"sum": np.array([sum(range(task.start, task.stop))])})


def taken(path: Path) -> bool:
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    return True


def happen(name: str) -> None:
    if name in ("kill", "poison"):
        os.kill(os.getpid(), signal.SIGKILL)
    if name == "hang":
        time.sleep(1000)
    raise OSError(5, "the disk coughs") if name == "read" else ValueError("not a number")


def sow(faults: Path, draw: random.Random, *, hang: bool) -> dict[int, str]:
    """Ask for faults at random chunks; return why a chunk will have no result, by where it begins.

    A chunk has one fault, and who is killed beside another is then done alone: nobody else dies three times.
    """
    lasting = {name: number for name, (number, _) in ALWAYS.items() if hang or name != "hang"}
    names = [name for name, number in (ONCE | lasting).items() for _ in range(number)]
    places = dict(zip(draw.sample(range(0, STEP * N_CHUNKS, STEP), len(names)), names, strict=True))
    shutil.rmtree(faults, ignore_errors=True)
    faults.mkdir(parents=True)
    for start, name in places.items():
        (faults / f"{name} {start}").touch()
    return {start: ALWAYS[name][1] for start, name in places.items() if name in ALWAYS}


def one_round(backend: Backend, folder: Path, draw: random.Random) -> int:
    """Begin with an empty ledger, and go on until everything has a result; return the number of faults."""
    hang = draw.random() < 1 / 3
    failing = sow(folder / "faults", draw, hang=hang)
    n_faults = len(list((folder / "faults").iterdir()))
    shutil.rmtree(folder / "ledger", ignore_errors=True)
    options = Options(blind=False, backoff=0.01, deadline=DEADLINE if hang else None)
    job = Work(work, str(folder / "faults"), options=options)
    first = run(chunks(), job, backend, Ledger(folder / "ledger"))
    reasons = {failure.task.start: failure.reason for failure in first.failures}
    assert reasons.keys() == failing.keys(), reasons
    assert all(failing[start] in reason for start, reason in reasons.items()), reasons
    check(first, failing)
    shutil.rmtree(folder / "faults")
    second = run(chunks(), job, backend, Ledger(folder / "ledger"))
    assert second.is_complete
    assert second.n_resumed == N_CHUNKS - len(failing)
    check(second, {})
    return n_faults


def check(outcome: Outcome, failing: dict[int, str]) -> None:
    """Every chunk has the result that is its own, but for those that fail."""
    results = {task.start: int(outcome.results[task.key].arrays["sum"][0]) for task in outcome.done}
    expected = {start: sum(range(start, start + STEP)) for start in range(0, STEP * N_CHUNKS, STEP)}
    assert results == {start: total for start, total in expected.items() if start not in failing}
    assert len(outcome.done) == len(outcome.results) == len(results)


def usage() -> dict[str, int]:
    """What must not grow: files, processes and memory of the driver, and memory of its largest worker."""
    gc.collect()
    me = psutil.Process()
    workers = me.children(recursive=True)
    return {
        "files": len(list(Path("/proc/self/fd").iterdir())),
        "processes": len(workers),
        "memory": me.memory_info().rss,
        "worker": max((size_of(worker) for worker in workers), default=0),
    }


def size_of(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0


@pytest.mark.soak
@pytest.mark.parametrize("kind", [ExecutorKind.PROCESSES, ExecutorKind.DASK])
def test_ten_thousand_chunks_with_faults_leak_nothing(
    kind: ExecutorKind, tmp_path: Path, tell: Callable[[str, str, str], None]
) -> None:
    draw, start, n_faults = random.Random(64), time.monotonic(), 0
    before, used = usage(), list[dict[str, int]]()
    with open_backend(kind, workers=2) as backend:
        while time.monotonic() < start + SECONDS / 2 or len(used) < 4:
            n_faults += one_round(backend, tmp_path, draw)
            used.append(usage())
    after = usage()
    grown = {name: used[-1][name] - used[len(used) // 2][name] for name in before}
    assert grown["files"] <= 5
    assert grown["processes"] <= 1
    assert grown["memory"] <= 20 * MB
    assert grown["worker"] <= 20 * MB
    assert after["processes"] <= before["processes"] + 1  # the tracker of shared resources stays
    assert after["files"] <= before["files"] + 8
    tell(
        f"{len(used) * N_CHUNKS} chunks, {kind.value}",
        "EQUAL",
        f"{n_faults} faults in {time.monotonic() - start:.0f} s; memory {grown['memory'] / MB:+.0f} MB, "
        f"of a worker {grown['worker'] / MB:+.0f} MB, files {grown['files']:+d} in the second half",
    )
