"""Real servers of Debian on the loopback address, each in a folder of its own, each ended by its process."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from na64.datasets.catalogue.build import load
from na64.run import main

SECONDS = 240.0
"""How long a test waits for anything: no outcome depends on it unless something hangs."""

# A feature without meaning that says when a worker has come to it, and holds it there if that is asked for.
PLUGIN = """
import os, time
from pathlib import Path
from na64.processors.features.plugin import feature

PLACE = Path({place!r})

@feature(name="nothing", unit="1")
def nothing(event):
    if set(event["ecal"].tolist()) == {{99.0}}:  # what plug-ins are tried on
        return 0 * event["ecal"]
    (PLACE / f"at {{os.getpid()}}").touch()
    end = time.monotonic() + 600
    while len(event["ecal"]) and (PLACE / "hold").exists() and time.monotonic() < end:
        time.sleep(0.05)
    return 0 * event["ecal"]
"""


def wait_until(is_so: Callable[[], bool], what: str, seconds: float = SECONDS) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, f"waited {seconds:g} s: {what}"
        time.sleep(0.1)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def require(package: str, *programs: str) -> None:
    """Skip a test where a server is not installed."""
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} not on this machine: apt-get install {package}")


@contextmanager
def open_folder() -> Iterator[Path]:
    """Make a folder that a server which is not root can see too."""
    with tempfile.TemporaryDirectory(prefix="na64-servers-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@contextmanager
def server(
    line: list[str], log: Path, *, environment: Mapping[str, str] | None = None, user: str | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server until it is not needed any more."""
    with log.open("ab") as said:
        process = subprocess.Popen(
            line,
            stdout=said,
            stderr=said,
            cwd=log.parent,
            env=os.environ | dict(environment or {}),
            user=user,
            group=None if user is None else "nogroup",
            extra_groups=None if user is None else [],
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)
            process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Servers:
    """What a server is made with."""

    require = staticmethod(require)
    open_folder = staticmethod(open_folder)
    free_port = staticmethod(free_port)
    wait_until = staticmethod(wait_until)

    @staticmethod
    def give_away(folder: Path) -> None:
        """Let a folder be that of whoever runs servers which refuse root."""
        if os.geteuid() == 0:
            shutil.chown(folder, "nobody", "nogroup")

    @staticmethod
    def begin(stack: ExitStack, line: list[str], log: Path, address: str) -> subprocess.Popen[bytes]:
        """Start a server that refuses root, and wait until it listens."""
        user = "nobody" if os.geteuid() == 0 else None
        process = stack.enter_context(server(line, log, user=user))
        wait_until(lambda: listens(process, address, log), f"nobody listens at {address}")
        return process

    @staticmethod
    def begin_here(stack: ExitStack, line: list[str], log: Path, address: str) -> subprocess.Popen[bytes]:
        """Start a server as who runs the test; wait until it listens, if it has an address."""
        process = stack.enter_context(server(line, log))
        if address:
            wait_until(lambda: listens(process, address, log), f"nobody listens at {address}")
        return process


def listens(process: subprocess.Popen[bytes], address: str, log: Path) -> bool:
    assert process.poll() is None, log.read_text()
    host, _, port = address.rpartition(":")
    with socket.socket() as one:
        return one.connect_ex((host, int(port))) == 0


@pytest.fixture(scope="session")
def servers() -> Servers:
    return Servers()


@dataclass(frozen=True)
class Holding:
    """A plug-in that can hold workers in the middle of a file."""

    place: Path
    plugin: Path

    def hold(self) -> None:
        self.release()
        (self.place / "hold").touch()

    def release(self) -> None:
        for path in self.place.iterdir():
            path.unlink()

    def wait(self, n_workers: int = 1) -> None:
        """Wait until so many workers have come to it."""
        wait_until(lambda: len(list(self.place.glob("at *"))) >= n_workers, "no worker has begun")

    @contextmanager
    def when_held(self, do: Callable[[], object]) -> Iterator[None]:
        """Do something, in a thread, as soon as a worker has come to it, and let everybody go on then."""
        with ThreadPoolExecutor(1) as thread:

            def watch() -> None:
                try:
                    self.wait()
                    do()
                finally:
                    self.release()

            watching = thread.submit(watch)
            yield
            watching.result()


@pytest.fixture
def holding(tmp_path: Path) -> Iterator[Holding]:
    place = tmp_path / "place"
    place.mkdir()
    plugin = tmp_path / "holding.py"
    plugin.write_text(PLUGIN.format(place=str(place)))
    found = Holding(place, plugin)
    yield found
    found.release()


@pytest.fixture(scope="session")
def data(simulate: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return simulate(tmp_path_factory.mktemp("servers"), "small", 700)


@pytest.fixture(scope="session")
def catalogue(data: Path) -> Path:
    """List the files as simulation: what is counted is the same, and failures keep their texts."""
    listed = data.parent / "c.json"
    assert main(["catalogue", str(data), "--to", str(listed)]) == 0
    assert load(listed).good
    return listed


@pytest.fixture(scope="session")
def reference(catalogue: Path, canonical: Callable[[Path], dict[str, bytes]]) -> dict[str, bytes]:
    folder = catalogue.parent / "reference"
    line = ["process", str(catalogue), "--selection", "dimuon_2023", "--to", str(folder)]
    assert main([*line, "--executor", "iterative", "--no-report", "--store", str(folder / "features")]) == 0
    return canonical(folder)


@dataclass
class Slurm:
    """A SLURM of one node, `na64`, with one partition, `short`."""

    folder: Path
    configuration: Path
    stack: ExitStack
    daemons: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, *line: str) -> None:
        where = {"SLURM_CONF": str(self.configuration)}
        log = self.folder / f"{name}.out"
        self.daemons[name] = self.stack.enter_context(server([name, *line], log, environment=where))

    def ask(self, *line: str) -> str:
        done = subprocess.run(line, capture_output=True, text=True, timeout=60, check=True)
        return done.stdout.strip()

    def node(self) -> str:
        try:
            return self.ask("sinfo", "--noheader", "--format=%T")
        except subprocess.CalledProcessError:
            return "no answer"

    def queue(self) -> str:
        return self.ask("squeue", "--noheader", "--array", "--format=%i %T %r")

    def wait(self, is_so: Callable[[], bool], what: str) -> None:
        wait_until(is_so, what)

    def wait_for_the_queue(self) -> None:
        wait_until(lambda: not self.queue(), "jobs are still in the queue")

    def cancel_one(self) -> None:
        self.ask("scancel", self.queue().split()[0])

    def drain(self) -> None:
        self.ask("scontrol", "update", "nodename=na64", "state=drain", "reason=test")

    def resume(self) -> None:
        """Let a node that was drained work again; a controller that has just started may not know it yet."""
        line = ["scontrol", "update", "nodename=na64", "state=resume"]
        wait_until(lambda: "drain" not in self.node() or not subprocess.call(line), "the node is drained")
        wait_until(
            lambda: "no answer" not in self.node() and "drain" not in self.node(), "the node is drained"
        )

    def empty(self) -> None:
        self.resume()
        self.ask("scancel", "--me")
        self.wait_for_the_queue()


CONFIGURATION = """
ClusterName=na64
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={daemon}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
MpiDefault=none
ReturnToService=2
KillWait=2
SlurmdParameters=config_overrides
SchedulerParameters=batch_sched_delay=1,sched_interval=2
NodeName=na64 NodeHostname={host} NodeAddr=127.0.0.1 CPUs=4 RealMemory=16000 State=UNKNOWN
PartitionName=short Nodes=na64 Default=YES MaxTime=60 State=UP
"""


@pytest.fixture(scope="module")
def site() -> Iterator[Slurm]:
    """Start munge, the controller and the daemon of the node; everything listens on the loopback address."""
    require("slurmctld slurmd slurm-client munge", "munged", "slurmctld", "slurmd", "sbatch", "squeue")
    if os.geteuid() != 0:
        pytest.skip("the daemon of a SLURM node has to be root")
    with open_folder() as folder, ExitStack() as stack, pytest.MonkeyPatch.context() as environment:
        for name in ("state", "spool"):
            (folder / name).mkdir()
        (folder / "munge.key").write_bytes(os.urandom(128))
        (folder / "munge.key").chmod(0o600)
        text = CONFIGURATION.format(
            folder=folder,
            host=socket.gethostname().partition(".")[0],
            user="root",
            controller=free_port(),
            daemon=free_port(),
        )
        (folder / "slurm.conf").write_text(text)
        environment.setenv("SLURM_CONF", str(folder / "slurm.conf"))
        found = Slurm(folder, folder / "slurm.conf", stack)
        options = {"key-file": "munge.key", "socket": "munge.socket", "pid-file": "munged.pid"}
        options |= {"log-file": "munged.log", "seed-file": "munge.seed"}
        places = [f"--{name}={folder / value}" for name, value in options.items()]
        found.start("munged", "--foreground", "--force", *places)
        wait_until((folder / "munge.socket").exists, "munge")
        found.start("slurmctld", "-D", "-i")
        found.start("slurmd", "-D", "-N", "na64")
        wait_until(lambda: found.node() == "idle", "the node is not idle")
        yield found


@pytest.fixture
def slurm(site: Slurm) -> Iterator[Slurm]:
    yield site
    site.empty()
