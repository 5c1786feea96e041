"""Faults of machines under the real job: the reference byte for byte, or INCOMPLETE with what is missing.

Numbers are of the list of faults that pipelines of this kind were seen to fail with; some more are in
`test_clusters`.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from na64.datasets.catalogue.build import load, save
from na64.outputs.result import provenance, store
from na64.processors import campaign as campaign_module
from na64.processors.counting.booking import book
from na64.processors.execution.backend import Backend
from na64.processors.execution.backends import IterativeBackend
from na64.processors.execution.ledger import NoSpaceError, Partial
from na64.processors.execution.processes import ProcessesBackend
from na64.processors.execution.tasks import Task

Tell = Callable[[str, str, str], None]


def send(number: signal.Signals, noted: list[int]) -> Callable[[int], None]:
    """Make a function that sends a signal to a process and notes its id."""

    def act(pid: int) -> None:
        noted.append(pid)
        os.kill(pid, number)

    return act


@pytest.mark.parametrize("n_kills", [1, pytest.param(3, marks=pytest.mark.soak)])
def test_killed_workers_cost_nothing(
    n_kills: int, bench: Any, backend: Backend, tmp_path: Path, tell: Tell
) -> None:
    for mark in bench.marks()[:n_kills]:
        bench.ask(f"hold {mark}")
    killed: list[int] = []
    with bench.for_each_pid(send(signal.SIGKILL, killed)):
        result = bench.run(backend, tmp_path / "ledger")
    assert len(killed) == n_kills
    assert bench.equals(result)
    tell(f"1, 15 workers killed: {n_kills}, {type(backend).__name__}", "EQUAL", "")


@pytest.mark.parametrize(
    "backend", ["processes", pytest.param("dask", marks=pytest.mark.soak)], indirect=True
)
def test_a_poison_chunk_is_isolated(
    bench: Any, backend: Backend, campaign: Any, tmp_path: Path, tell: Tell
) -> None:
    bench.ask(f"always kill {bench.marks()[0]}")
    result = bench.run(backend, tmp_path / "ledger")
    (failure,) = result.failures
    summary = bench.summary(result, campaign.periods)
    assert summary.verdict.value == "INCOMPLETE"
    assert "its worker ended" in failure
    assert sum(result.missing.values()) > 0
    tell(f"2 poison chunk, {type(backend).__name__}", "INCOMPLETE", failure)
    bench.forget()
    again = bench.run(backend, tmp_path / "ledger")
    assert again.n_resumed == bench.n_chunks - 1
    assert bench.equals(again)


@pytest.mark.soak
def test_a_poison_event_costs_its_neighbours_only(
    bench: Any, crew: Backend, campaign: Any, tmp_path: Path, tell: Tell
) -> None:
    bench.ask(f"poison {bench.an_event()}")
    result = bench.run(crew, tmp_path / "ledger", smallest_part=16)
    summary = bench.summary(result, campaign.periods)
    missing = sum(result.missing.values())
    tell("2 poison event", "INCOMPLETE", result.failures[0])
    assert summary.verdict.value == "INCOMPLETE"
    assert 0 < missing < 32
    lost = [run for run in summary.runs if run.accounting["missing"]]
    assert all(run.eot_delivered is None for run in lost)
    bench.forget()
    assert bench.equals(bench.run(crew, tmp_path / "ledger"))


@pytest.mark.soak
def test_a_chunk_that_takes_all_memory_fails_alone(
    bench: Any, tmp_path: Path, tell: Tell, monkeypatch: pytest.MonkeyPatch
) -> None:
    count, greedy = campaign_module.count_segment, bench.catalogue.good[0].path

    def grow(task: Task, shared: campaign_module.CountingContext) -> Partial:
        size = 10**12 if task.path == greedy else 10**3
        return count(task, shared) if np.empty(size, np.uint8).nbytes == size else Partial()

    with ProcessesBackend(1, memory=4_000_000_000) as backend:
        with monkeypatch.context() as patch:
            patch.setattr(campaign_module, "count_segment", grow)
            result = bench.run(backend, tmp_path / "ledger")
        (failure,) = result.failures
        assert "MemoryError" in failure
        assert bench.equals(bench.run(backend, tmp_path / "ledger"))
    tell("3 out of memory, ProcessesBackend", "INCOMPLETE", failure)


def test_a_hung_read_is_given_up_and_made_up_for(
    bench: Any, cluster: Backend, tmp_path: Path, tell: Tell
) -> None:
    deadline = bench.patience(cluster, tmp_path / "warm", least=4.0)
    bench.ask("hang")
    result = bench.run(cluster, tmp_path / "ledger", deadline=deadline)
    (failure,) = result.failures
    assert failure.endswith(f"not done within {deadline:g} s")
    tell("5 hung read", "INCOMPLETE", failure)
    assert bench.equals(bench.run(cluster, tmp_path / "ledger"))


def test_a_cluster_of_our_own_gives_up_workers_that_are_silent_for_a_minute(cluster: Any, tell: Tell) -> None:
    assert cluster.client.cluster.scheduler.worker_ttl == 60
    assert cluster.client.cluster.scheduler.allowed_failures == 0
    tell("6b silent worker: settings", "EQUAL", "given up after 60 s")


def test_a_driver_that_is_killed_twice_goes_on_where_it_was(bench: Any, tmp_path: Path, tell: Tell) -> None:
    products = tmp_path / "products"
    for n_partials in (1, 2):
        bench.ask("wait")
        with bench.driver(products, "--executor", "processes", "--workers", "2") as driver:
            bench.wait_for_partials(products, n_partials, driver)
    assert not (products / "result.json").exists()
    bench.forget()
    result = bench.run(IterativeBackend(), products / "partials")
    assert result.n_resumed >= 2
    assert bench.equals(result)
    tell("7, 8 driver killed twice", "EQUAL", f"{result.n_resumed} partials were there")


@pytest.mark.soak
def test_an_interrupted_driver_ends_with_130_and_keeps_what_it_has(
    bench: Any, tmp_path: Path, tell: Tell
) -> None:
    products = tmp_path / "products"
    (bench.place / "slow").write_text("3")
    with bench.driver(products, "--executor", "processes", "--workers", "1") as driver:
        bench.wait_for_partials(products, 1, driver)
        driver.send_signal(signal.SIGINT)
        (bench.place / "slow").write_text("0")
        assert driver.wait(timeout=600) == 130
    bench.forget()
    result = bench.run(IterativeBackend(), products / "partials")
    assert 1 <= result.n_resumed < bench.n_chunks
    assert bench.equals(result)
    tell("9 Ctrl-C", "EQUAL", f"exit code 130, {result.n_resumed} partials were there")


def test_a_transient_error_of_reading_is_tried_again(
    bench: Any, cluster: Backend, tmp_path: Path, tell: Tell, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, count = bench.place, campaign_module.count_segment

    def cough(task: Task, shared: campaign_module.CountingContext) -> Partial:
        if not (place / f"coughed {task.key}").exists():
            (place / f"coughed {task.key}").touch()
            raise OSError(5, "the disk coughs")
        return count(task, shared)

    monkeypatch.setattr(campaign_module, "count_segment", cough)
    result = bench.run(cluster, tmp_path / "ledger", backoff=0.01)
    assert len(list(place.glob("coughed *"))) == bench.n_chunks
    assert bench.equals(result)
    tell("10 transient OSError in every chunk", "EQUAL", "")


@pytest.mark.parametrize("n_bad", [1, 99])
def test_what_failed_is_told_and_what_did_not_is_kept(
    n_bad: int, bench: Any, campaign: Any, *, tmp_path: Path, tell: Tell, monkeypatch: pytest.MonkeyPatch
) -> None:
    count, bad = campaign_module.count_segment, set[str]()

    def fail(task: Task, shared: campaign_module.CountingContext) -> Partial:
        if task.key in bad or len(bad) < n_bad:
            bad.add(task.key)
            raise ZeroDivisionError("by chance")
        return count(task, shared)

    with monkeypatch.context() as patch:
        patch.setattr(campaign_module, "count_segment", fail)
        result = bench.run(IterativeBackend(), tmp_path / "ledger")
    assert len(result.failures) == len(bad) == min(n_bad, bench.n_chunks)
    assert bench.summary(result, campaign.periods).verdict.value == "INCOMPLETE"
    assert (result.missing == result.recorded) == (n_bad > 1)
    again = bench.run(IterativeBackend(), tmp_path / "ledger")
    assert again.n_resumed == bench.n_chunks - len(bad)
    assert bench.equals(again)
    case = "16 late exception" if n_bad == 1 else "11 every chunk fails"
    tell(case, "INCOMPLETE", result.failures[-1])


@pytest.mark.parametrize("damage", ["flip", "truncate", "empty", "swap", "lose"])
def test_damaged_partials_are_made_again(damage: str, bench: Any, tmp_path: Path, tell: Tell) -> None:
    folder = tmp_path / "ledger"
    bench.run(IterativeBackend(), folder)
    first, second, *_ = sorted(folder.rglob("*.partial"))
    data = bytearray(first.read_bytes())
    if damage == "flip":
        data[len(data) // 2] ^= 1
    changed = {"truncate": data[:-40], "empty": b"", "swap": second.read_bytes()}
    first.write_bytes(bytes(changed.get(damage, data)))
    if damage == "lose":
        first.unlink()
    again = bench.run(IterativeBackend(), folder)
    assert again.n_resumed == bench.n_chunks - 1
    assert bench.equals(again)
    tell(f"14 partial damaged: {damage}", "EQUAL", "made again")


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if os.getuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("a small disk can be made by root only")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_loud_and_loses_nothing(bench: Any, tmp_path: Path, tell: Tell) -> None:
    with small_disk(tmp_path / "small", "8k") as small:
        with pytest.raises(NoSpaceError, match="no space left to keep results") as full:
            bench.run(IterativeBackend(), small / "ledger")
        tell("12 disk full", "REFUSED", str(full.value).replace(str(tmp_path), "..."))
        assert not list(small.rglob("*.writing"))
        subprocess.run(["mount", "-o", "remount,size=10m", str(small)], check=True)
        assert bench.equals(bench.run(IterativeBackend(), small / "ledger"))


def test_a_full_disk_leaves_an_old_result_and_an_old_catalogue(
    bench: Any, campaign: Any, tmp_path: Path, tell: Tell
) -> None:
    result = bench.run(IterativeBackend(), tmp_path / "ledger")
    summary, booking = bench.summary(result, campaign.periods), book(bench.job.selection)
    made_by = provenance.provenance(command=["na64"], inputs={}, summary=summary)

    def write(folder: Path) -> None:
        store.write_numbers(folder, facts=summary, tallies=result.tallies, booking=booking, made_by=made_by)
        save(bench.catalogue, folder / "catalogue.json")

    with small_disk(tmp_path / "small", "10m") as small:
        write(small)
        before = {path.name: path.read_bytes() for path in small.iterdir()}
        with pytest.raises(OSError, match="No space"):
            (small / "filler").write_bytes(bytes(11_000_000))
        with pytest.raises(OSError, match=r"No space|no space"):
            write(small)
        with pytest.raises(OSError, match=r"No space|no space"):
            save(bench.catalogue, small / "catalogue.json")
        (small / "filler").unlink()
        assert {path.name: path.read_bytes() for path in small.iterdir()} == before
        assert load(small / "catalogue.json").identity == bench.catalogue.identity
    tell("13 disk full over an old result", "REFUSED", "the old files are whole")


@pytest.mark.soak
def test_a_stopped_worker_is_given_up(bench: Any, crew: Backend, tmp_path: Path, tell: Tell) -> None:
    deadline = bench.patience(crew, tmp_path / "warm", least=2.0)
    bench.ask("hold")
    stopped: list[int] = []
    with bench.for_each_pid(send(signal.SIGSTOP, stopped)):
        result = bench.run(crew, tmp_path / "ledger", deadline=deadline)
    assert len(stopped) == len(result.failures) == 1
    assert bench.equals(bench.run(crew, tmp_path / "ledger"))
    tell("6 worker stopped, ProcessesBackend", "INCOMPLETE", result.failures[0])
