"""A Dask scheduler that is not ours: who answers there, with which code, and whether it may be asked."""

from __future__ import annotations

import hashlib
import logging
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
import pytest
from distributed import LocalCluster

import na64
from na64.processors.execution.backend import WorkersLostError
from na64.processors.execution.backends import IterativeBackend
from na64.processors.execution.dask_backend import DaskBackend, is_private
from na64.processors.execution.ledger import Partial
from na64.processors.execution.tasks import Done, Report, Task, Work, package_code

cloudpickle.register_pickle_by_value(sys.modules[__name__])  # workers cannot import this module

Starter = Callable[[str | None, str], subprocess.Popen[bytes]]

TASKS = [Task(hashlib.sha256(str(n).encode()).hexdigest(), "run.root", n, n + 10) for n in range(12)]


def _sum(task: Task, offset: int) -> Partial:
    return Partial({}, {"sum": np.array([task.start + offset])})


def _collect(backend: DaskBackend | IterativeBackend, code: str | None = None) -> dict[str, Report]:
    return {task.key: report for task, report in backend.map(Work(_sum, 5, code=code), TASKS)}


@pytest.mark.parametrize(
    ("address", "private"),
    [
        ("tls://cluster.example.org:8786", True),
        ("tcp://127.0.0.1:8786", True),
        ("tcp://[::1]:8786", True),
        ("localhost:8786", True),
        ("tcp://cluster.example.org:8786", False),
        ("10.0.0.1:8786", False),
        ("tcp://127.0.0.1.example.org:8786", False),
        ("ws://10.0.0.1:8786", False),
    ],
)
def test_addresses_are_private_on_this_machine_or_when_encrypted(address: str, private: bool) -> None:
    assert is_private(address) is private


def test_a_scheduler_elsewhere_must_be_encrypted_or_accepted() -> None:
    with pytest.raises(ValueError, match=r"expected a tls:// address"):
        DaskBackend(scheduler="tcp://10.0.0.1:8786")
    DaskBackend(scheduler="tcp://10.0.0.1:8786", insecure=True).close()


def test_an_encrypted_scheduler_is_not_asked_without_certificates() -> None:
    with pytest.raises(ValueError, match=r"tls://127\.0\.0\.1:1: no certificates; a cluster file"):
        _ = DaskBackend(scheduler="tls://127.0.0.1:1").client


@pytest.fixture(scope="module")
def empty_scheduler() -> Iterator[str]:
    with LocalCluster(
        n_workers=0, processes=False, host="127.0.0.1", protocol="tcp", dashboard_address="127.0.0.1:0"
    ) as cluster:
        yield cluster.scheduler_address


@pytest.fixture
def foreign_worker(tmp_path: Path) -> Iterator[Starter]:
    """Starts a worker as an administrator would, with the given source of na64 in place of ours."""
    started: list[subprocess.Popen[bytes]] = []

    def start(source: str | None, scheduler: str) -> subprocess.Popen[bytes]:
        folder = tmp_path / str(len(started))
        folder.mkdir()
        if source is not None:
            (folder / "na64.py").write_text(source)
        command = [sys.executable, "-m", "dask", "worker", scheduler]
        options = ["--no-nanny", "--no-dashboard", "--nthreads", "1", "--local-directory", str(folder)]
        environment = {**os.environ, "PYTHONPATH": str(folder)}
        started.append(
            subprocess.Popen(
                command + options,
                cwd=folder,
                env=environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        )
        return started[-1]

    yield start
    for process in started:
        process.kill()  # one whose scheduler has gone does not always listen to less
        process.wait()


def _expect_refusal(scheduler: str, code: str | None, message: str) -> None:
    with (
        DaskBackend(scheduler=scheduler, patience=600.0) as backend,
        pytest.raises(WorkersLostError, match=message),
    ):
        _collect(backend, code)


def test_a_worker_without_our_package_is_named(empty_scheduler: str, foreign_worker: Starter) -> None:
    foreign_worker("raise ImportError('not installed')\n", empty_scheduler)
    _expect_refusal(empty_scheduler, None, r"worker tcp://127\.0\.0\.1:\d+ has no package na64")


def test_a_worker_with_another_version_is_named(empty_scheduler: str, foreign_worker: Starter) -> None:
    foreign_worker("__version__ = '0.0.1'\n", empty_scheduler)
    _expect_refusal(empty_scheduler, None, rf"has na64 0\.0\.1: expected {na64.__version__}")


def test_a_worker_with_our_package_works_but_not_with_other_code(
    empty_scheduler: str, foreign_worker: Starter
) -> None:
    foreign_worker(None, empty_scheduler)
    with DaskBackend(scheduler=empty_scheduler, patience=600.0) as backend:
        assert _collect(backend) == _collect(IterativeBackend())
    _expect_refusal(empty_scheduler, "f" * 64, r"with other code \([0-9a-f]{12}\): expected ffffffffffff")


def _sum_with_company(task: Task, folder: Path) -> Partial:
    """Wait, unless it is the first task, until the other worker is there and was refused."""
    while task.start and not (folder / "refused").exists():
        time.sleep(0.02)
    return _sum(task, 5)


class _Refusal(logging.Handler):
    """Lets the worker that waits go on when another was refused."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.lines: list[str] = []
        self._folder = folder

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())
        (self._folder / "refused").touch()


@contextmanager
def refusals(refusal: _Refusal) -> Iterator[list[str]]:
    log = logging.getLogger("na64.processors.execution.dask_stream")
    log.addHandler(refusal)
    try:
        yield refusal.lines
    finally:
        log.removeHandler(refusal)


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ("raise ImportError('not installed')\n", "has no package na64"),
        ("1 / 0\n", r"cannot load its na64 \(ZeroDivisionError\)"),
        ("__version__ = '0.0.1'\n", rf"has na64 0\.0\.1: expected {na64.__version__}"),
        (
            f"__version__ = '{na64.__version__}'\n",
            r"has na64 \S+ with other code \(\): expected [0-9a-f]{12}",
        ),
    ],
    ids=["none", "broken", "version", "code"],
)
def test_a_worker_that_comes_late_is_asked_and_the_others_do_its_part(
    foreign_worker: Starter, source: str, fault: str, tmp_path: Path
) -> None:
    options = {"processes": False, "host": "127.0.0.1", "protocol": "tcp", "dashboard_address": "127.0.0.1:0"}
    work = Work(_sum_with_company, tmp_path, code=package_code())
    with (
        refusals(_Refusal(tmp_path)) as lines,
        LocalCluster(n_workers=1, threads_per_worker=1, **options) as cluster,
    ):
        address = cluster.scheduler_address
        with DaskBackend(scheduler=address, bundle=1, patience=600.0) as backend:
            answers = backend.map(work, TASKS)
            found = [next(answers)]  # the first worker has another task now, and waits in it
            foreign_worker(source, address)
            backend.client.wait_for_workers(2, timeout=600)
            found += list(answers)
    assert all(isinstance(report, Done) for _, report in found)
    assert {task.key for task, _ in found} == {task.key for task in TASKS}
    (line,) = lines
    assert re.fullmatch(rf"worker tcp://127\.0\.0\.1:\d+ {fault}: it is given nothing to do", line)


def test_tasks_whose_worker_ends_beside_a_refused_one_are_done_by_the_next(
    foreign_worker: Starter, empty_scheduler: str, tmp_path: Path
) -> None:
    class Exchange(_Refusal):
        def emit(self, record: logging.LogRecord) -> None:
            first.kill()
            first.wait()
            foreign_worker(None, empty_scheduler)
            super().emit(record)

    first = foreign_worker(None, empty_scheduler)
    work = Work(_sum_with_company, tmp_path, code=package_code())
    with (
        refusals(Exchange(tmp_path)) as lines,
        DaskBackend(scheduler=empty_scheduler, bundle=1, patience=600.0) as backend,
    ):
        answers = backend.map(work, TASKS)
        found = [next(answers)]
        foreign_worker("__version__ = '0.0.1'\n", empty_scheduler)
        backend.client.wait_for_workers(2, timeout=600)
        found += list(answers)
    assert sorted(task.start for task, report in found if isinstance(report, Done)) == list(range(12))
    assert len(lines) == 1


@pytest.mark.skipif(
    sys.version_info[:2] != (3, 11), reason="only CPython 3.11 shows frames that are none yet"
)
def test_nobody_looks_at_the_stack_of_a_task() -> None:
    """Dask's profiler does, on workers that others have started, and crashes them now and then."""
    work = Work(_sum, 0, code=package_code())
    options: dict[str, Any] = {"processes": False, "protocol": "tcp", "dashboard_address": "127.0.0.1:0"}
    with (
        LocalCluster(n_workers=1, threads_per_worker=1, host="127.0.0.1", **options) as cluster,
        DaskBackend(scheduler=cluster.scheduler_address, bundle=1) as backend,
    ):
        assert list(backend.client.run(_profiled).values()) == [True]
        answers = backend.map(work, TASKS)
        next(answers)
        cluster.scale(2)  # one that comes later too
        backend.client.wait_for_workers(2, timeout=600)
        assert list(backend.client.run(_profiled).values()) == [False, False]
        assert all(isinstance(report, Done) for _, report in answers)


def _profiled(dask_worker: Any) -> bool:
    found = dask_worker.periodic_callbacks.get("profile")
    return found is not None and found.is_running()


def test_a_scheduler_without_workers_is_named() -> None:
    with LocalCluster(
        n_workers=0, processes=False, host="127.0.0.1", protocol="tcp", dashboard_address="127.0.0.1:0"
    ) as cluster:
        address = cluster.scheduler_address
        with (
            DaskBackend(scheduler=address, patience=0.2) as backend,
            pytest.raises(WorkersLostError, match="has no workers after"),
        ):
            _collect(backend)


def test_a_scheduler_that_does_not_answer_is_named() -> None:
    with (
        DaskBackend(scheduler="tcp://127.0.0.1:9", patience=0.2) as backend,
        pytest.raises(WorkersLostError, match=r"no scheduler answers at tcp://127\.0\.0\.1:9"),
    ):
        _collect(backend)
