"""What Dask workers bring and cost: none, one and two of them in turns, each cluster warm."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from na64.benchmarks.counts import bench_selection
from na64.benchmarks.programs import process_anew
from na64.benchmarks.sample import BenchmarkSample
from na64.datasets.catalogue import build as catalogues
from na64.datasets.catalogue.build import Catalogue
from na64.processors.execution.backends import ExecutorKind, open_backend

MANY_HITS, ONE_DENSE = "16 files of hits", "one dense file, LZ4"
"""What workers are measured with."""

_BUSY = ("user", "nice", "system", "irq", "softirq", "steal")


@dataclass(frozen=True, slots=True)
class Turn:
    """One pass over all events.

    Attributes
    ----------
    rate : float
        Events a second.
    cpu : float
        ns an event, of driver, scheduler and workers.
    others : float
        Cores that were busy with something else, stolen ones included.
    stolen : float
        Cores that the host of a virtual machine gave to somebody else, as far as it tells.
    """

    rate: float
    cpu: float
    others: float = 0.0
    stolen: float = 0.0


@dataclass(frozen=True, slots=True)
class WorkersResult:
    """Steady state of a Dask cluster on this machine: workers started and warm.

    Attributes
    ----------
    workers : int
        0: this process, without Dask.
    turns : tuple of Turn
        One a round.
    """

    workers: int
    turns: tuple[Turn, ...]

    def median(self, name: str) -> float:
        """Return the median of an attribute of the turns."""
        return float(statistics.median(getattr(turn, name) for turn in self.turns))

    def ratio(self, other: WorkersResult, name: str) -> float:
        """Return the median, over the rounds, of an attribute relative to that of another result."""
        pairs = zip(self.turns, other.turns, strict=True)
        return float(statistics.median(getattr(one, name) / getattr(two, name) for one, two in pairs))


def measure_workers(
    samples: Sequence[BenchmarkSample], folder: Path, rounds: int, numbers: Sequence[int] = (0, 1, 2)
) -> list[WorkersResult]:
    """Process samples with each number of workers, 0 1 2, 0 1 2, by a new cluster every time."""
    whole = catalogues.build([sample.path for sample in samples], simulation=True)
    turns: dict[int, list[Turn]] = {workers: [] for workers in numbers}
    for _ in range(rounds):
        for workers in numbers:
            turns[workers].append(_take_turn(whole, folder, workers))
    return [WorkersResult(workers, tuple(taken)) for workers, taken in turns.items()]


def _take_turn(whole: Catalogue, folder: Path, workers: int) -> Turn:
    selection = bench_selection()
    with open_backend(
        ExecutorKind.DASK if workers else ExecutorKind.ITERATIVE, workers=max(workers, 1)
    ) as backend:
        process_anew(whole, selection, folder, backend=backend)  # now every worker is warm
        before, began, own = psutil.cpu_times(), time.monotonic(), family_cpu()
        process_anew(whole, selection, folder, backend=backend)
        after, wall, own = psutil.cpu_times(), time.monotonic() - began, family_cpu() - own
    spent = {name: getattr(after, name, 0.0) - getattr(before, name, 0.0) for name in _BUSY}
    n_events = sum(whole.runs.values())
    others = max(sum(spent.values()) - own, 0.0)
    return Turn(n_events / wall, 1e9 * own / n_events, others / wall, spent["steal"] / wall)


def family_cpu() -> float:
    """Return the CPU seconds of this process and of the processes that it has started and that live."""
    driver = psutil.Process()
    times = [process.cpu_times() for process in (driver, *driver.children(recursive=True))]
    return float(sum(one.user + one.system for one in times))
