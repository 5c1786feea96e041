"""How the cost grows: with events, cuts, histograms and chunks; and the memory."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from na64.benchmarks.counts import bench_selection
from na64.benchmarks.programs import Program, process_cells
from na64.benchmarks.sample import BenchmarkSample
from na64.benchmarks.workers import family_cpu
from na64.datasets.catalogue.build import Catalogue
from na64.processors.execution.backends import ExecutorKind, open_backend
from na64.processors.execution.executor import run
from na64.processors.execution.ledger import Ledger, Partial
from na64.processors.execution.tasks import Options, Task, Work
from na64.selections.histograms import Histogram
from na64.selections.selection import Selection, load_selection

_SAMPLING = 0.005
_KILOBYTE = 1024


def vary_selection(folder: Path, catalogue: Catalogue) -> list[Program]:
    """List the same job with fewer cuts and with more histograms."""
    full, own = bench_selection(), load_selection("dimuon_2023").histograms
    last = full.cuts[-1].name
    many = tuple(replace(own[n % len(own)], name=f"copy_{n}", after=last) for n in range(4 * len(own)))
    varied = {
        f"{n} cuts": _with(full, n_cuts=n, histograms=()) for n in (1, len(full.cuts) // 2, len(full.cuts))
    }
    varied |= {f"and {len(some)} histograms": replace(full, histograms=some) for some in (own, many)}
    return [
        Program(name, lambda one=selection: process_cells(catalogue, one, folder))  # type: ignore[misc]
        for name, selection in varied.items()
    ]


def _with(selection: Selection, *, n_cuts: int, histograms: tuple[Histogram, ...]) -> Selection:
    cuts = selection.cuts[:n_cuts]
    return replace(selection, cuts=cuts, histograms=histograms, yields_after=cuts[-1].name)


def peak_memory(sample: BenchmarkSample, folder: Path) -> float:
    """Return the largest anonymous memory, MB, of a new process that processes a sample."""
    catalogue = sample.catalogue()  # made here: making it holds the numbers of all events of a file
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_process_and_watch, catalogue, folder).result()


def _process_and_watch(catalogue: Catalogue, folder: Path) -> float:
    peak, stop = [0.0], threading.Event()

    def watch() -> None:
        while not stop.wait(_SAMPLING):
            peak[0] = max(peak[0], _anonymous_memory())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        process_cells(catalogue, bench_selection(), folder)
    finally:
        stop.set()
        watcher.join()
    return peak[0]


def _anonymous_memory() -> float:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * _KILOBYTE / 1e6
    return 0.0


@dataclass(frozen=True, slots=True)
class SchedulerResult:
    """Chunks that do nothing, through our Dask backend.

    Attributes
    ----------
    chunks : int
    kept : bool
        Each result is written to the ledger and on disk before the next.
    wall, cpu : float
        ms a chunk; CPU of driver, scheduler and workers.
    """

    chunks: int
    kept: bool
    wall: float
    cpu: float


class _Forgetful(Ledger):
    def store(self, key: str, data: bytes) -> None:
        pass


def measure_scheduler(n_chunks: int, folder: Path, *, kept: bool, workers: int = 2) -> SchedulerResult:
    """Send chunks that do nothing through the executor."""
    ledger = (Ledger if kept else _Forgetful)(folder / f"{n_chunks}")
    work = Work(function=_do_nothing, options=Options(blind=False))
    with open_backend(ExecutorKind.DASK, workers=workers) as backend:
        run(_nothings(workers, "warm"), work, backend, Ledger(folder / "warm"))
        cpu, began = family_cpu(), time.monotonic()
        run(_nothings(n_chunks, "chunk"), work, backend, ledger)
        wall, cpu = time.monotonic() - began, family_cpu() - cpu
    return SchedulerResult(n_chunks, kept, 1e3 * wall / n_chunks, 1e3 * cpu / n_chunks)


def _nothings(n_chunks: int, name: str) -> list[Task]:
    keys = (hashlib.sha256(f"{name} {n}".encode()).hexdigest() for n in range(n_chunks))
    return [Task(key, name, n, n + 1) for n, key in enumerate(keys)]


def _do_nothing(task: Task, _context: object) -> Partial:
    return Partial({"start": json.dumps(task.start)}, {})
