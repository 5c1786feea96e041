"""Faults of a cluster that is not ours: its scheduler, its workers and who uses it are killed or stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from na64.processors.execution import dask_backend
from na64.processors.execution.backend import WorkersLostError
from na64.processors.execution.backends import ExecutorKind, open_backend
from na64.processors.execution.dask_backend import DaskBackend

Tell = Callable[[str, str, str], None]
pytestmark = pytest.mark.soak


@contextmanager
def someones_cluster(
    folder: Path, name: str, *workers: str, ttl: str = "60s"
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A scheduler and workers with some option, each a process; gives the address and the scheduler."""
    place = folder / f"{name}.json"
    commands = [["dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"]]
    for option in workers or ("--nanny",):
        worker = ["dask_worker", "--nthreads", "1", "--no-dashboard", "--local-directory", str(folder)]
        commands.append([*worker, option])
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.{module}", "--scheduler-file", str(place), *options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            env={**os.environ, "DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": ttl},
        )
        for module, *options in commands
    ]
    try:
        while not (place.exists() and "tcp://" in place.read_text()):
            assert processes[0].poll() is None
            time.sleep(0.1)
        yield place.read_text().split('"address": "')[1].split('"')[0], processes[0]
    finally:
        for process in reversed(processes):
            process.send_signal(signal.SIGCONT)
            process.terminate()
            process.wait(timeout=600)


def test_a_scheduler_that_is_killed_loses_nothing_that_was_done(
    bench: Any, tmp_path: Path, tell: Tell
) -> None:
    bench.ask(f"hold {bench.marks()[-1]}")
    with (
        someones_cluster(tmp_path, "first") as (address, scheduler),
        bench.for_each_pid(lambda _pid: scheduler.kill()),
        DaskBackend(scheduler=address, patience=20.0, bundle=1) as backend,
        pytest.raises(WorkersLostError, match=r"the scheduler has gone|no workers for") as lost,
    ):
        bench.run(backend, tmp_path / "ledger")
    bench.forget()
    with (
        someones_cluster(tmp_path, "second") as (address, _),
        DaskBackend(scheduler=address, patience=60.0) as backend,
    ):
        assert bench.equals(bench.run(backend, tmp_path / "ledger"))
    tell("4 scheduler killed and started again", "EQUAL", str(lost.value))


def test_a_driver_that_is_killed_leaves_the_cluster_of_others_usable(
    bench: Any, tmp_path: Path, tell: Tell
) -> None:
    products = tmp_path / "products"
    (bench.place / "slow").write_text("1")
    with someones_cluster(tmp_path, "cluster") as (address, _):
        options = ["--executor", "dask", "--scheduler", address]
        with bench.driver(products, *options) as driver:
            bench.wait_for_partials(products, 1, driver)
        bench.forget()
        with DaskBackend(scheduler=address, patience=60.0) as backend:
            result = bench.run(backend, products / "partials")
    assert 1 <= result.n_resumed < bench.n_chunks
    assert bench.equals(result)
    tell("7 driver of a cluster killed", "EQUAL", f"{result.n_resumed} partials were there")


def test_a_stopped_worker_of_our_own_is_ended_after_its_time_and_replaced(
    bench: Any, tmp_path: Path, tell: Tell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(dask_backend.SETTINGS, "distributed.scheduler.worker-ttl", "10s")
    stopped: list[int] = []
    with open_backend(ExecutorKind.DASK, workers=2) as backend, bench.for_each_pid(stop(stopped)):
        bench.run(backend, tmp_path / "warm")
        bench.ask("hold")
        result = bench.run(backend, tmp_path / "ledger")
        (pid,) = stopped
        assert not psutil.pid_exists(pid)
    assert bench.equals(result)
    tell("6 worker stopped, DaskBackend", "EQUAL", "ended after its time")


def test_a_stopped_worker_that_comes_back_changes_nothing(bench: Any, tmp_path: Path, tell: Tell) -> None:
    stopped: list[int] = []
    alone = ("--no-nanny", "--no-nanny")  # nobody ends the one that is silent
    with (
        someones_cluster(tmp_path, "cluster", *alone, ttl="10s") as (address, _),
        DaskBackend(scheduler=address, patience=60.0, bundle=1) as backend,
        bench.for_each_pid(stop(stopped)),
    ):
        bench.run(backend, tmp_path / "warm")
        bench.ask("wait")
        result = bench.run(backend, tmp_path / "ledger")
        (pid,) = stopped
        assert psutil.Process(pid).status() == psutil.STATUS_STOPPED
        bench.ask("go")
        os.kill(pid, signal.SIGCONT)
        wait_for(bench.place / f"back {pid}")
        again = bench.run(backend, tmp_path / "ledger", fresh=True)
    assert bench.equals(result)
    assert bench.equals(again)
    tell("6 worker stopped and continued, DaskBackend", "EQUAL", "what it had was done by another")


def stop(noted: list[int]) -> Callable[[int], None]:
    """Make a function that stops a process and notes its id."""

    def act(pid: int) -> None:
        noted.append(pid)
        os.kill(pid, signal.SIGSTOP)

    return act


def wait_for(path: Path) -> None:
    end = time.monotonic() + 600
    while not path.exists():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_a_worker_that_takes_all_memory_is_ended_and_its_chunk_named(
    bench: Any, tmp_path: Path, tell: Tell
) -> None:
    bench.ask(f"always grow {bench.marks()[0]}")
    with open_backend(ExecutorKind.DASK, workers=2, memory=1_500_000_000) as backend:
        result = bench.run(backend, tmp_path / "ledger")
        (failure,) = result.failures
        bench.forget()
        assert bench.equals(bench.run(backend, tmp_path / "ledger"))
    assert "its worker ended" in failure
    tell("3 out of memory, DaskBackend", "INCOMPLETE", failure)
