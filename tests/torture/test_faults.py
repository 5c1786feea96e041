"""Faults of machines under the real job: the reference byte for byte, or INCOMPLETE with what is missing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from na64.datasets.catalogue import Catalogue, save
from na64.outputs.assembly import summarise
from na64.processors import campaign as campaign_module
from na64.processors.backends import Backend, IterativeBackend, Kind, ProcessesBackend, open_backend
from na64.processors.booking import book
from na64.processors.campaign import partial_of, process
from na64.processors.job import Job, build_job
from na64.processors.ledger import Ledger, NoSpaceError, Partial, encode
from na64.processors.plugin import load_plugin
from na64.processors.tasks import Options, Task
from na64.selections.selection import load_selection

Tell = Callable[[str, str, str], None]

# A feature without meaning; what it does besides is asked for by files in a folder. Whoever takes the file of
# a fault has it, so that it happens once; that of a poison stays.
PLUGIN = """
import os, signal, time
from pathlib import Path
from na64.processors.plugin import feature

PLACE = Path({place!r})

def taken(name):
    try:
        (PLACE / name).rename(PLACE / f"{{name}}.taken")
    except FileNotFoundError:
        return False
    return True

@feature(name="nothing", unit="1")
def nothing(event):
    if len(event["ecal"]):
        mark = f"{{event['ecal'].sum():.4f}}"
        (PLACE / f"seen {{mark}}").touch()
        if (PLACE / f"poison {{mark}}").exists():
            os.kill(os.getpid(), signal.SIGKILL)
        if taken("hold"):
            (PLACE / "pid").write_text(str(os.getpid()))
            time.sleep(1000)
        if taken("hang"):
            time.sleep(1000)
        if taken("wait"):
            while not (PLACE / "go").exists():
                time.sleep(0.02)
    return 0 * event["ecal"]
"""


@dataclass(frozen=True)
class Bench:
    """A job with faults to be asked for, and its faultless result."""

    place: Path
    plugin: Path
    catalogue: Catalogue
    job: Job
    reference: bytes

    def ask(self, fault: str) -> None:
        (self.place / fault).touch()

    def marks(self) -> list[str]:
        """Every chunk has one."""
        return sorted(path.name.removeprefix("seen ") for path in self.place.glob("seen *"))

    def run(self, backend: Backend, folder: Path, **options: Any) -> Any:
        return process(self.catalogue, self.job, backend, Ledger(folder), options=Options(**options))

    def verdict(self, result: Any, periods: Any) -> Any:
        return summarise(self.catalogue, self.job, result, book(self.job.selection), periods)


def content(result: Any) -> bytes:
    return encode("0" * 64, partial_of(result.tallies))


@pytest.fixture
def bench(campaign: Any, tmp_path: Path) -> Bench:
    place, plugin = tmp_path / "place", tmp_path / "faults.py"
    place.mkdir()
    plugin.write_text(PLUGIN.format(place=str(place)))
    loaded = load_plugin(plugin)
    catalogue = campaign.catalogue(simulation=False)
    selection = load_selection("dimuon_2023", extra_features=loaded.features)
    job = build_job(catalogue, selection, periods=campaign.periods, plugin=loaded)
    faultless = process(catalogue, job, IterativeBackend(), Ledger(tmp_path / "reference"))
    assert not faultless.failures
    return Bench(place, plugin, catalogue, job, content(faultless))


@pytest.fixture(scope="module")
def cluster() -> Iterator[Backend]:
    with open_backend(Kind.DASK, workers=2) as backend:
        yield backend


@pytest.fixture(scope="module")
def crew() -> Iterator[Backend]:
    with ProcessesBackend(2) as backend:
        yield backend


@pytest.fixture(params=["dask", "processes"])
def backend(request: pytest.FixtureRequest) -> Backend:
    name = "cluster" if request.param == "dask" else "crew"
    return request.getfixturevalue(name)  # type: ignore[no-any-return]


@contextmanager
def when(path: Path, do: Callable[[str], None]) -> Iterator[None]:
    """Do something in a thread as soon as a file has content."""

    def watch() -> None:
        end = time.monotonic() + 60
        while time.monotonic() < end and not (path.exists() and path.read_text()):
            time.sleep(0.02)
        do(path.read_text())

    thread = threading.Thread(target=watch)
    thread.start()
    yield
    thread.join()


def test_a_killed_worker_costs_nothing(bench: Bench, backend: Backend, tmp_path: Path, tell: Tell) -> None:
    bench.ask("hold")
    with when(bench.place / "pid", lambda text: os.kill(int(text), signal.SIGKILL)):
        result = bench.run(backend, tmp_path / "ledger")
    assert not result.failures
    assert content(result) == bench.reference
    tell(f"worker killed, {type(backend).__name__}", "EQUAL", "")


def test_a_poison_chunk_is_isolated(
    bench: Bench, backend: Backend, campaign: Any, tmp_path: Path, tell: Tell
) -> None:
    mark = bench.marks()[0]
    bench.ask(f"poison {mark}")
    result = bench.run(backend, tmp_path / "ledger")
    (failure,) = result.failures
    summary = bench.verdict(result, campaign.periods)
    assert summary.verdict.value == "INCOMPLETE"
    assert "its worker ended" in failure
    assert sum(result.missing.values()) > 0
    tell(f"poison chunk, {type(backend).__name__}", "INCOMPLETE", failure)
    (bench.place / f"poison {mark}").unlink()
    again = bench.run(backend, tmp_path / "ledger")
    assert again.n_resumed == len(bench.catalogue.good) - 1
    assert content(again) == bench.reference


def test_a_hung_read_is_given_up_and_made_up_for(
    bench: Bench, cluster: Backend, tmp_path: Path, tell: Tell
) -> None:
    bench.run(cluster, tmp_path / "warm")
    bench.ask("hang")
    result = bench.run(cluster, tmp_path / "ledger", deadline=4.0)
    (failure,) = result.failures
    assert failure.endswith("not done within 4 s")
    tell("hung read", "INCOMPLETE", failure)
    assert content(bench.run(cluster, tmp_path / "ledger")) == bench.reference


def test_a_transient_error_of_reading_is_tried_again(
    bench: Bench, cluster: Backend, tmp_path: Path, tell: Tell, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, count = bench.place, campaign_module.count_segment

    def cough(task: Task, shared: campaign_module.Shared) -> Partial:
        if not (place / f"coughed {task.key}").exists():
            (place / f"coughed {task.key}").touch()
            raise OSError(5, "the disk coughs")
        return count(task, shared)

    monkeypatch.setattr(campaign_module, "count_segment", cough)
    result = bench.run(cluster, tmp_path / "ledger", backoff=0.01)
    assert len(list(place.glob("coughed *"))) == len(bench.catalogue.good)
    assert not result.failures
    assert content(result) == bench.reference
    tell("transient OSError in every chunk", "EQUAL", "")


@pytest.mark.parametrize("damage", ["flip", "truncate", "empty", "swap", "lose"])
def test_damaged_partials_are_made_again(damage: str, bench: Bench, tmp_path: Path, tell: Tell) -> None:
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
    assert again.n_resumed == len(bench.catalogue.good) - 1
    assert content(again) == bench.reference
    tell(f"partial damaged: {damage}", "EQUAL", "")


def test_a_killed_driver_goes_on_where_it_was(bench: Bench, tmp_path: Path, tell: Tell) -> None:
    products, listed = tmp_path / "products", tmp_path / "catalogue.json"
    save(bench.catalogue, listed)
    command = [sys.executable, "-m", "na64.run", "process", str(listed), "--to", str(products), "--no-report"]
    command += ["--selection", "dimuon_2023", "--executor", "processes", "--workers", "2"]
    command += ["--plugin", str(bench.plugin)]
    bench.ask("wait")
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as driver:
        partials = products / "partials"
        while len(list(partials.rglob("*.partial"))) < 2:
            assert driver.poll() is None
            time.sleep(0.05)
        driver.kill()
    assert not (products / "result.json").exists()
    result = bench.run(IterativeBackend(), partials)
    assert result.n_resumed >= 2
    assert content(result) == bench.reference
    tell("driver killed", "EQUAL", f"{result.n_resumed} partials were there")


def test_a_full_disk_is_loud_and_loses_nothing(bench: Bench, tmp_path: Path, tell: Tell) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8k", "tmpfs", str(small)]
    if os.getuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("a small disk can be made by root only")
    try:
        with pytest.raises(NoSpaceError, match="no space left to keep results") as full:
            bench.run(IterativeBackend(), small / "ledger")
        tell("disk full", "REFUSED", str(full.value).replace(str(tmp_path), "..."))
        assert not list(small.rglob("*.writing"))
        subprocess.run(["mount", "-o", "remount,size=10m", str(small)], check=True)
        result = bench.run(IterativeBackend(), small / "ledger")
        assert content(result) == bench.reference
    finally:
        subprocess.run(["umount", str(small)], check=True)


@pytest.mark.soak
def test_a_stopped_worker_is_given_up(bench: Bench, crew: Backend, tmp_path: Path, tell: Tell) -> None:
    bench.run(crew, tmp_path / "warm")
    bench.ask("hold")
    with when(bench.place / "pid", lambda text: os.kill(int(text), signal.SIGSTOP)):
        result = bench.run(crew, tmp_path / "ledger", deadline=5.0)
    assert len(result.failures) == 1
    assert content(bench.run(crew, tmp_path / "ledger")) == bench.reference
    tell("worker stopped", "INCOMPLETE", result.failures[0])


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(20))
def test_a_random_schedule_of_faults(
    seed: int, bench: Bench, backend: Backend, tmp_path: Path, tell: Tell
) -> None:
    """Whatever happens, in whatever order: in the end the same bytes."""
    random = np.random.default_rng(seed)
    marks, done = bench.marks(), []
    for _ in range(6):
        fault = str(random.choice(["poison", "hang", "flip", "lose"]))
        done.append(fault)
        partials = sorted((tmp_path / "ledger").rglob("*.partial"))
        if fault == "poison":
            bench.ask(f"poison {random.choice(marks)}")
        elif fault == "hang":
            bench.ask(fault)
        elif partials:
            victim = partials[random.integers(len(partials))]
            data = bytearray(victim.read_bytes())
            data[random.integers(len(data))] ^= 4
            victim.write_bytes(data)
            if fault == "lose":
                victim.unlink()
        result = bench.run(backend, tmp_path / "ledger", deadline=5.0, backoff=0.01)
        n_missing = sum(result.missing.values())
        assert bool(n_missing) == bool(result.failures)
        for path in bench.place.glob("poison *"):
            path.unlink()
    result = bench.run(backend, tmp_path / "ledger")
    assert content(result) == bench.reference
    tell(f"schedule {seed}, {type(backend).__name__}", "EQUAL", ", ".join(done))
