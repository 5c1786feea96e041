"""A Dask scheduler that is not ours: who answers there, with which code, and whether it may be asked."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import cloudpickle
import numpy as np
import pytest
from distributed import LocalCluster

import na64
from na64.processors.execution.backend import WorkersLostError
from na64.processors.execution.backends import IterativeBackend
from na64.processors.execution.dask_backend import DaskBackend, is_private
from na64.processors.execution.ledger import Partial
from na64.processors.execution.tasks import Report, Task, Work

cloudpickle.register_pickle_by_value(sys.modules[__name__])  # workers cannot import this module

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
def foreign_worker(empty_scheduler: str, tmp_path: Path) -> Iterator[Callable[[str | None], None]]:
    """Starts a worker as an administrator would, with the given source of na64 in place of ours."""
    started: list[subprocess.Popen[bytes]] = []

    def start(source: str | None) -> None:
        if source is not None:
            (tmp_path / "na64.py").write_text(source)
        command = [sys.executable, "-m", "dask", "worker", empty_scheduler]
        options = ["--no-nanny", "--no-dashboard", "--nthreads", "1", "--local-directory", str(tmp_path)]
        environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
        started.append(
            subprocess.Popen(
                command + options,
                cwd=tmp_path,
                env=environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        )

    yield start
    for process in started:
        process.terminate()
        process.wait()


def _expect_refusal(scheduler: str, code: str | None, message: str) -> None:
    with (
        DaskBackend(scheduler=scheduler, patience=30.0) as backend,
        pytest.raises(WorkersLostError, match=message),
    ):
        _collect(backend, code)


def test_a_worker_without_our_package_is_named(
    empty_scheduler: str, foreign_worker: Callable[[str | None], None]
) -> None:
    foreign_worker("raise ImportError('not installed')\n")
    _expect_refusal(empty_scheduler, None, r"worker tcp://127\.0\.0\.1:\d+ has no package na64")


def test_a_worker_with_another_version_is_named(
    empty_scheduler: str, foreign_worker: Callable[[str | None], None]
) -> None:
    foreign_worker("__version__ = '0.0.1'\n")
    _expect_refusal(empty_scheduler, None, rf"has na64 0\.0\.1: expected {na64.__version__}")


def test_a_worker_with_our_package_works_but_not_with_other_code(
    empty_scheduler: str, foreign_worker: Callable[[str | None], None]
) -> None:
    foreign_worker(None)
    with DaskBackend(scheduler=empty_scheduler) as backend:
        assert _collect(backend) == _collect(IterativeBackend())
    _expect_refusal(empty_scheduler, "f" * 64, r"with other code \([0-9a-f]{12}\): expected ffffffffffff")


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
