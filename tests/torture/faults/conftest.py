"""A job in which faults can be asked for, and its driver as a process of its own."""

from __future__ import annotations

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

from na64.datasets.catalogue.build import Catalogue, save
from na64.outputs.result.assembly import summarise
from na64.processors.campaign import partial_of, process
from na64.processors.counting.booking import book
from na64.processors.execution.backend import Answers, Backend
from na64.processors.execution.backends import ExecutorKind, IterativeBackend, open_backend
from na64.processors.execution.ledger import Ledger, encode
from na64.processors.execution.processes import ProcessesBackend
from na64.processors.execution.tasks import Options, Task, Work
from na64.processors.features.plugin import load_plugin
from na64.processors.job import Job, build_job
from na64.selections.selection import load_selection

# A feature without meaning; what it does besides is asked for by files in a folder. Whoever takes the file of
# a fault has it, so that it happens once; a fault that is named "always" stays.
PLUGIN = """
import os, signal, time
from pathlib import Path
import numpy as np
from na64.processors.features.plugin import feature

PLACE = Path({place!r})

def taken(name):
    try:
        (PLACE / name).rename(PLACE / f"{{name}}.taken")
    except FileNotFoundError:
        return False
    return True

def grow():
    kept = []
    while True:
        kept.append(np.ones(10_000_000))
        time.sleep(0.05)

FAULTS = {{
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "grow": grow,
    "raise": lambda: 1 / 0,
    "hang": lambda: time.sleep(1000),
}}

@feature(name="nothing", unit="1")
def nothing(event):
    made_up = set(event["ecal"].tolist()) == {{99.0}}  # what plug-ins are tried on
    if len(event["ecal"]) and not made_up:
        mark = f"{{event['ecal'].sum():.4f}}"
        (PLACE / f"seen {{mark}}").touch()
        values = [f"{{value:.4f}}" for value in event["ecal"]]
        if any((PLACE / f"poison {{value}}").exists() for value in values):
            os.kill(os.getpid(), signal.SIGKILL)
        (PLACE / f"one {{values[0]}}").touch()
        for name, fault in FAULTS.items():
            if taken(name) or taken(f"{{name}} {{mark}}") or (PLACE / f"always {{name}} {{mark}}").exists():
                fault()
        if taken("hold") or taken(f"hold {{mark}}"):
            (PLACE / f"pid {{os.getpid()}}").touch()
            time.sleep(1000)
        if (PLACE / "slow").exists():
            (PLACE / f"at {{os.getpid()}}").write_text(mark)
            time.sleep(float((PLACE / "slow").read_text()))
            (PLACE / f"working {{os.getpid()}}").touch()
        if taken("wait"):
            (PLACE / f"pid {{os.getpid()}}").touch()
            while not (PLACE / "go").exists():
                time.sleep(0.02)
            (PLACE / f"back {{os.getpid()}}").touch()
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
        (self.place / f"{fault}.taken").unlink(missing_ok=True)
        (self.place / fault).touch()

    def forget(self) -> None:
        """Take back the faults that would go on for ever, or that nobody has taken."""
        for path in self.place.iterdir():
            if not path.name.startswith(("seen ", "one ")) and path.suffix != ".taken":
                path.unlink()

    def marks(self) -> list[str]:
        """Every chunk has one."""
        return sorted(path.name.removeprefix("seen ") for path in self.place.glob("seen *"))

    def an_event(self) -> str:
        """Name a visible event."""
        return sorted(path.name.removeprefix("one ") for path in self.place.glob("one *"))[0]

    @property
    def n_chunks(self) -> int:
        return len(self.catalogue.good)

    def run(self, backend: Backend, folder: Path, **options: Any) -> Any:
        parts = {"smallest_part": options.pop("smallest_part")} if "smallest_part" in options else {}
        more = {name: options.pop(name) for name in ("fresh", "chunk_events", "store") if name in options}
        ledger = Ledger(folder)
        return process(self.catalogue, self.job, backend, ledger, options=Options(**options), **parts, **more)

    def summary(self, result: Any, periods: Any) -> Any:
        return summarise(self.catalogue, self.job, result, book(self.job.selection), periods)

    def equals(self, result: Any) -> bool:
        """Tell if all numbers are those of the reference."""
        return not result.failures and content(result) == self.reference

    def patience(self, backend: Backend, folder: Path, least: float) -> float:
        """Return a deadline in whole seconds that a chunk keeps on this machine, however busy it is now."""
        start = time.monotonic()
        assert self.equals(self.run(backend, folder))
        return float(np.ceil(max(least, 4 * (time.monotonic() - start))))

    def shuffled(self, random: Any, stop_after: int | None = None) -> Backend:
        return Shuffled(random, stop_after)

    @contextmanager
    def for_each_pid(self, do: Callable[[int], None]) -> Iterator[None]:
        """Do something, in a thread, with every process that holds a chunk, as soon as it does."""
        end = threading.Event()

        def watch() -> None:
            while not end.wait(0.02):
                for path in self.place.glob("pid *"):
                    path.unlink()
                    do(int(path.name.removeprefix("pid ")))

        thread = threading.Thread(target=watch)
        thread.start()
        try:
            yield
        finally:
            end.set()
            thread.join()

    @contextmanager
    def driver(self, products: Path, *options: str) -> Iterator[subprocess.Popen[bytes]]:
        """``na64 process`` in a process of its own, which is ended if it has not."""
        listed = self.place.parent / "catalogue.json"
        save(self.catalogue, listed)
        command = [sys.executable, "-m", "na64.run", "process", str(listed), "--to", str(products)]
        command += ["--selection", "dimuon_2023", "--no-report", "--plugin", str(self.plugin), *options]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                yield process
            finally:
                process.kill()

    def wait_for_partials(self, products: Path, n_partials: int, process: subprocess.Popen[bytes]) -> None:
        end = time.monotonic() + 600
        while len(list((products / "partials").rglob("*.partial"))) < n_partials:
            assert process.poll() is None
            assert time.monotonic() < end
            time.sleep(0.02)


def content(result: Any) -> bytes:
    """All numbers of a result as bytes."""
    return encode("0" * 64, partial_of(result.tallies))


class Shuffled(Backend):
    """Performs everything in this process in a random order, and stops after some tasks as if it had died."""

    def __init__(self, random: Any, stop_after: int | None = None) -> None:
        self._random = random
        self._stop_after = stop_after

    def map(self, work: Work, tasks: Any) -> Answers:
        listed: list[Task] = list(tasks)
        self._random.shuffle(listed)
        for number, answer in enumerate(IterativeBackend().map(work, listed)):
            if number == self._stop_after:
                raise DriverGoneError
            yield answer


class DriverGoneError(BaseException):
    """The driver ends here, whatever it has."""


@pytest.fixture
def bench(campaign: Any, tmp_path: Path) -> Bench:
    """Blind data, and the plugin with the faults."""
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
    with open_backend(ExecutorKind.DASK, workers=2) as backend:
        yield backend


@pytest.fixture(scope="module")
def crew() -> Iterator[Backend]:
    with ProcessesBackend(2) as backend:
        yield backend


@pytest.fixture(params=["dask", "processes"])
def backend(request: pytest.FixtureRequest) -> Backend:
    name = "cluster" if request.param == "dask" else "crew"
    return request.getfixturevalue(name)  # type: ignore[no-any-return]
