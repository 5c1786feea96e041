"""Memory of workers: what they may take, what they keep, and what they use again."""

from __future__ import annotations

import hashlib
import os
import platform
import resource
import statistics
import sys
import threading
from collections.abc import Callable
from typing import Any

import cloudpickle
import numpy as np
import psutil
import pytest

from na64.processors.execution.backend import Backend
from na64.processors.execution.backends import ExecutorKind, open_backend
from na64.processors.execution.dask_backend import DaskBackend
from na64.processors.execution.ledger import Partial, decode
from na64.processors.execution.memory import keep_freed_memory
from na64.processors.execution.processes import ProcessesBackend
from na64.processors.execution.tasks import Done, Failed, Options, Report, Task, Work

cloudpickle.register_pickle_by_value(sys.modules[__name__])  # workers cannot import this module

N_TASKS = 12
FAST = Options(blind=False, backoff=0.0)


def _tasks(payloads: dict[int, Any] | None = None) -> list[Task]:
    keys = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(N_TASKS)]
    return [Task(key, "run.root", n, n + 1, (payloads or {}).get(n)) for n, key in enumerate(keys)]


def _collect(backend: Backend, work: Work, tasks: list[Task]) -> dict[str, Report]:
    return {task.key: report for task, report in backend.map(work, tasks)}


def test_a_process_that_asks_for_too_much_memory_has_an_error_and_lives() -> None:
    def fill(task: Task, _context: object) -> Partial:
        return Partial({"pid": os.getpid(), "size": np.empty(task.payload, np.uint8).nbytes})

    tasks = _tasks({number: 4_000_000_000 if number == 5 else 1_000_000 for number in range(N_TASKS)})
    with ProcessesBackend(1, memory=2_000_000_000) as backend:
        reports = _collect(backend, Work(fill), tasks)
    failed = reports.pop(tasks[5].key)
    assert isinstance(failed, Failed)
    assert "MemoryError" in failed.reason
    assert failed.divisible
    done = [decode(key, report.data) for key, report in reports.items() if isinstance(report, Done)]
    assert len({partial.header["pid"] for partial in done}) == 1
    assert len(done) == N_TASKS - 1


def _count_page_faults(_task: Task, _context: object) -> Partial:
    keep_freed_memory()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    [b"x" * (1 << 24) for _ in range(5)]
    return Partial({"faults": resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before}, {})


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told")
@pytest.mark.parametrize("kind", [ExecutorKind.PROCESSES, ExecutorKind.DASK])
def test_a_worker_uses_freed_memory_again(kind: ExecutorKind) -> None:
    with open_backend(kind, workers=1) as backend:
        reports = _collect(backend, Work(_count_page_faults, options=FAST), _tasks())
    faults = [decode(key, one.data).header["faults"] for key, one in reports.items() if isinstance(one, Done)]
    assert faults[0] > 10_000
    assert statistics.median(faults) < 100


def test_a_dask_worker_that_keeps_a_lot_of_memory_goes_on_working() -> None:
    def hoard(task: Task, limit: int) -> Partial:
        if task.payload is not None:
            missing = int(task.payload * limit) - psutil.Process().memory_info().rss
            sys.modules["hoard"] = np.ones(missing, np.uint8)  # type: ignore[assignment]
            threading.Event().wait(0.3)  # until it has been looked at
        return Partial({"pid": os.getpid()})

    limit = 1_000_000_000
    with DaskBackend(workers=1, memory=limit) as backend:
        reports = _collect(backend, Work(hoard, limit, options=FAST), _tasks({0: 0.87}))
    done = [decode(key, report.data) for key, report in reports.items() if isinstance(report, Done)]
    assert len(done) == N_TASKS
    assert len({partial.header["pid"] for partial in done}) == 1


@pytest.mark.parametrize("make", [ProcessesBackend, DaskBackend])
def test_no_memory_at_all_is_refused(make: Callable[..., Backend]) -> None:
    with pytest.raises(ValueError, match="memory is 0: expected at least 1"):
        make(workers=1, memory=0)


def test_the_least_that_makes_sense_is_accepted() -> None:
    ProcessesBackend(1, memory=1).close()
