"""Workers of a Dask cluster that are lost, replaced or new while there is work."""

from __future__ import annotations

import asyncio
import hashlib
import signal
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import cloudpickle
import numpy as np
import pytest
from distributed import Nanny, Worker

from na64.processors.execution.dask_backend import DaskBackend
from na64.processors.execution.ledger import Partial
from na64.processors.execution.tasks import Done, Failed, Options, Report, Task, Work

cloudpickle.register_pickle_by_value(sys.modules[__name__])  # workers cannot import this module

TASKS = [Task(hashlib.sha256(str(n).encode()).hexdigest(), "run.root", n, n + 1) for n in range(12)]


def _sum(task: Task, hanging: int | None) -> Partial:
    if task.start == hanging:
        threading.Event().wait()
    return Partial({}, {"sum": np.array([task.start])})


@pytest.fixture(scope="module")
def dask() -> Iterator[DaskBackend]:
    with DaskBackend(workers=2, bundle=1, patience=600.0) as backend:
        yield backend


def test_work_ends_where_a_worker_has_not_heard_of_it(dask: DaskBackend) -> None:
    def forget(dask_worker: Worker) -> int:
        names = [name for name in dask_worker.plugins if name.startswith("na64-")]
        return len([dask_worker.plugins.pop(name) for name in names])

    answers = dask.map(Work(_sum, None), TASKS)
    next(answers)
    assert list(dask.client.run(forget).values()) == [1, 1]  # as one that was started again this moment
    answers.close()
    again = list(dask.map(Work(_sum, None), TASKS))
    assert {task.start for task, report in again if isinstance(report, Done)} == set(range(12))


def test_workers_of_our_own_cannot_be_reached_from_outside_and_do_not_see_interrupts(
    dask: DaskBackend,
) -> None:
    def blocked() -> bool:
        return signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, [])

    client: Any = dask.client
    assert client.scheduler.address.startswith("tls://127.0.0.1:")
    list(dask.map(Work(_sum, None), TASKS))  # starts a worker anew where a test before lost one
    dask.client.wait_for_workers(2, timeout=600)
    assert list(dask.client.run(blocked).values()) == [True, True]
    server = client.cluster.scheduler.http_server
    assert server.address == "127.0.0.1"
    for page in ("status", "info/main/workers.html", "health", "metrics"):
        with pytest.raises(urllib.error.HTTPError, match="404") as refused:
            urllib.request.urlopen(f"http://127.0.0.1:{server.port}/{page}", timeout=600)
        refused.value.close()


def test_the_others_go_on_while_a_worker_is_replaced(
    dask: DaskBackend, monkeypatch: pytest.MonkeyPatch, patience: Callable[..., float]
) -> None:
    instantiate, may_start = Nanny.instantiate, threading.Event()

    async def wait(nanny: Nanny) -> Any:
        while not may_start.is_set():
            await asyncio.sleep(0.01)
        return await instantiate(nanny)

    reports: dict[int, Report] = {}
    dask.client.wait_for_workers(2, timeout=600)
    deadline = patience(lambda: list(dask.map(Work(_sum, None), TASKS)), least=1.0)
    monkeypatch.setattr(Nanny, "instantiate", wait)
    late = threading.Timer(120, may_start.set)  # or it would wait for ever instead of failing
    late.daemon = True
    for task, report in dask.map(Work(_sum, 0, options=Options(deadline=deadline)), TASKS):
        reports[task.start] = report
        if task.start == 0:  # its worker is replaced when the next answer is asked for
            late.start()
    was_late = may_start.is_set()
    may_start.set()
    late.cancel()
    assert reports.pop(0) == Failed(f"not done within {deadline:g} s", abandoned=True)
    assert sorted(n for n, report in reports.items() if isinstance(report, Done)) == list(range(1, 12))
    assert not was_late
