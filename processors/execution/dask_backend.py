"""Tasks on a Dask cluster: one of our own on this machine, or one that exists already."""

from __future__ import annotations

import ipaddress
import logging
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

import cloudpickle
import dask
from distributed import Client, Future, LocalCluster, Security

from na64.processors.execution.backend import (
    SAFE_PATH,
    Answers,
    Backend,
    WorkersLostError,
    interrupts_blocked,
)
from na64.processors.execution.dask_stream import GONE, Stream
from na64.processors.execution.dask_worker import code_check, plugin_name, worker_plugin
from na64.processors.execution.tasks import Failed, Task, Work
from na64.processors.execution.worker_jobs import JobWatch

ENVIRONMENT = {
    # Tasks run in a thread, and glibc gives memory of threads back to the system whatever it is told: asking
    # for it anew, batch after batch, was a fifth of the time. What the main thread frees is kept.
    "MALLOC_ARENA_MAX": "1",
    SAFE_PATH: "1",
}
"""Variables that a worker must be started with."""

PRELOADS = tuple(f"distributed.{role}.preload" for role in ("client", "scheduler", "nanny", "worker"))
"""Settings of Dask that name code to be run when a part of it starts."""

SETTINGS = {
    **{f"distributed.nanny.pre-spawn-environ.{name}": value for name, value in ENVIRONMENT.items()},
    # A task that was on a worker when it ended is done again by us, alone, so that the culprit is known.
    "distributed.scheduler.allowed-failures": 0,
    "distributed.scheduler.no-workers-timeout": "60s",
    "distributed.scheduler.worker-ttl": "60s",
    "distributed.comm.require-encryption": True,
    # It looks at the stack of a worker a hundred times a second, which costs a tenth, and keeps what it sees.
    "distributed.worker.profile.enabled": False,
    # Nor need its loops look at themselves fifty times a second, nor at network, disk and files twice.
    "distributed.admin.tick.interval": "1s",
    "distributed.admin.system-monitor.interval": "10s",
    # Workers keep the memory that they have had, so that one which pauses at 80 % would pause for ever, and
    # hold nothing that could be spilled. What takes 95 % is ended by its nanny.
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    # What the user has others preload is not ours, and may not even be there.
    **{name: [] for name in PRELOADS},
    # Nothing is served over HTTP: pages show tasks and exceptions to everybody on this machine.
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
}
_PAGES = {
    "distributed.scheduler.http.routes": ["distributed.http.statics"],
    "distributed.admin.system-monitor.interval": "500ms",
}
_log = logging.getLogger(__name__)

_ENCRYPTED = ("tls", "wss", "inproc", "gateway")
_ALLOWED_DEATHS = 2
_LOOK = 1.0  # s, after which the jobs of workers that have not come are looked at


@dataclass(frozen=True, slots=True)
class Connected:
    """What is connected.

    Attributes
    ----------
    client : Client
    local : LocalCluster or None
        Workers of this machine, to be replaced when they end.
    revive : callable or None
        Asks for workers in place of lost ones, where they do not come by themselves.
    jobs : JobWatch or None
        The jobs that workers are, to be looked at while there are none.
    end : callable or None
        Ends what came with the connection and goes with it.
    """

    client: Client
    local: LocalCluster | None = None
    revive: Callable[[], None] | None = None
    jobs: JobWatch | None = None
    end: Callable[[], None] | None = None


class DaskBackend(Backend):
    """Futures of `distributed`, a bounded number in flight, no graph and no Dask collection.

    Parameters
    ----------
    workers : int
        Worker processes of a cluster on this machine, with one thread each, encrypted.
    scheduler : str or None
        Address of a scheduler that exists already; `workers` has no meaning then.
    insecure : bool
        Accept an unencrypted scheduler on another host: everybody who reaches it can run code as its owner.
    bundle : int or None
        Tasks in a submission; None: as many as take a worker a quarter of a second, at most 16. When a worker
        ends, all tasks of its bundle are done again.
    memory : int or None, bytes
        Of a worker of our own cluster, which is ended when it takes more; None: its part of the machine's.
    dashboard : bool
        Serve the pages of Dask on the loopback address: everybody on this machine sees when each task ran.
    opener : callable or None
        Makes the connection, in place of `workers` and `scheduler`; see
        `na64.processors.execution.cluster_backend`.
    patience : float, s
        How long to wait for a connection, for a first worker, and for an answer of every worker.
    """

    def __init__(
        self,
        *,
        workers: int = 1,
        scheduler: str | None = None,
        insecure: bool = False,
        bundle: int | None = None,
        memory: int | None = None,
        dashboard: bool = False,
        opener: Callable[[], Connected] | None = None,
        patience: float = 60.0,
    ) -> None:
        if any(number is not None and number < 1 for number in (workers, bundle, memory)):
            raise ValueError(
                f"workers are {workers}, bundle is {bundle}, memory is {memory}: expected at least 1"
            )
        if scheduler is not None and not insecure and not is_private(scheduler):
            raise ValueError(
                f"scheduler {scheduler} is on another host and not encrypted: expected a tls:// address"
            )
        self._n_workers = workers
        self._address = scheduler
        self._bundle = bundle
        self._memory: int | str = "auto" if memory is None else memory
        self._dashboard = dashboard
        self._opener = opener
        self._patience = patience
        self._cluster: Connected | None = None

    @property
    def client(self) -> Client:
        """The connection, made when it is first asked for."""
        if self._cluster is None:
            self._cluster = self._open()
        return self._cluster.client

    def _open(self) -> Connected:
        if self._opener is not None:
            return self._opener()
        return self._start() if self._address is None else self._connect(self._address)

    def _start(self) -> Connected:
        warn_of_preloads()
        settings = own_settings() | (_PAGES if self._dashboard else {})
        with dask.config.set(settings), interrupts_blocked():
            local = LocalCluster(
                n_workers=self._n_workers,
                threads_per_worker=1,
                memory_limit=self._memory,
                processes=True,
                host="127.0.0.1",
                protocol="tls",
                security=True,
                dashboard_address="127.0.0.1:0",
                scheduler_kwargs={"dashboard": self._dashboard},
                silence_logs=logging.CRITICAL,
                preload=[],  # what follows holds for workers too that take the place of others later
                preload_nanny=[],
                config={"distributed": dask.config.get("distributed")},
            )
            return Connected(Client(local, set_as_default=False), local)

    def _connect(self, address: str) -> Connected:
        if address.startswith("tls://") and Security().get_connection_args("client")["ssl_context"] is None:
            raise ValueError(f"scheduler {address}: no certificates; a cluster file has them in [tls]")
        try:
            client = connect(address, timeout=self._patience)
        except GONE as error:
            raise WorkersLostError(f"no scheduler answers at {address} ({type(error).__name__})") from None
        return Connected(client)

    def _revive(self) -> None:
        """Start workers in place of lost ones: a nanny gives up on one that ends while it starts."""
        if self._cluster is not None and self._cluster.local is not None:
            self._cluster.local.scale(self._n_workers)
        elif self._cluster is not None and self._cluster.revive is not None:
            self._cluster.revive()

    def _wait_for_a_worker(self) -> None:
        end = time.monotonic() + self._patience
        while True:
            left = end - time.monotonic()
            with suppress(TimeoutError):
                self.client.wait_for_workers(1, timeout=min(_LOOK, max(left, 0.01)))
                return
            if fault := self._jobs_fault():
                raise WorkersLostError(fault)
            if left < _LOOK:
                address, jobs = self._scheduler_address, self._cluster and self._cluster.jobs
                waiting = jobs.waiting() if jobs else ""
                said = f"scheduler {address} has no workers after {self._patience:g} s"
                raise WorkersLostError(f"{said}: {waiting}" if waiting else said)

    def _jobs_fault(self, after: float = 0.0) -> str:
        jobs = None if self._cluster is None else self._cluster.jobs
        return "" if jobs is None else jobs.fault(after)

    def close(self) -> None:
        """End the connection, and the cluster if it is our own."""
        cluster, self._cluster = self._cluster, None
        if cluster is not None:
            cluster.client.close()
            if cluster.local is not None:
                cluster.local.close()
            if cluster.end is not None:
                cluster.end()

    @property
    def _scheduler_address(self) -> str:
        scheduler: Any = self.client.scheduler  # declared as absent until the client has started
        return str(scheduler.address)

    def map(self, work: Work, tasks: Iterable[Task]) -> Answers:
        """Perform tasks; see `Backend.map`."""
        if self._address is not None or self._opener is not None:
            self._wait_for_a_worker()
            check_workers(self.client, work.code, self._patience)
        packed = cloudpickle.dumps(work)
        name = plugin_name(packed)
        self.client.register_plugin(worker_plugin(packed, work.code), name=name)
        stream = Stream(self.client, name, self._patience, self._revive, self._jobs_fault)
        try:
            yield from self._map(stream, iter(tasks))
        finally:
            stream.drop()
            # A scheduler or worker that was started again has not heard of it.
            with suppress(*GONE, ValueError, KeyError):
                self.client.unregister_worker_plugin(name)

    def _map(self, stream: Stream, tasks: Iterator[Task]) -> Answers:
        bundles = iter(lambda: list(islice(tasks, self._bundle or stream.bundle_size())), [])
        yield from stream.answers(bundles, stream.capacity)
        while stream.lost_tasks:
            yield from self._alone(stream, stream.lost_tasks.pop(0))

    def _alone(self, stream: Stream, task: Task) -> Answers:
        """Do a task that was on a worker when it ended, perhaps by no fault of its own."""
        for _ in range(_ALLOWED_DEATHS):
            yield from stream.answers(iter([[task]]), lambda: 1)
            if not stream.lost_tasks or stream.lost_tasks[-1] is not task:
                return
            stream.lost_tasks.pop()
        yield task, Failed(f"its worker ended, {1 + _ALLOWED_DEATHS} times", divisible=True)


def own_settings() -> dict[str, object]:
    """Return Dask's defaults and what we change of them, whatever the user has set for other programs."""
    defaults = dask.config.merge(*dask.config.defaults)["distributed"]
    return {"distributed": defaults, **SETTINGS}


def warn_of_preloads() -> None:
    """Name what the user has the parts of Dask run when they start, as it is not run here."""
    for name in PRELOADS:
        if preload := dask.config.get(name, None):
            _log.warning("%s in the settings of Dask is not used: %s", name, preload)


def connect(to: Any, **options: Any) -> Client:
    """Connect to a scheduler or a cluster, with nothing run that the user preloads."""
    with dask.config.set({"distributed.client.preload": []}):
        return Client(to, set_as_default=False, **options)


def is_private(address: str) -> bool:
    """Whether what is said to a scheduler stays on this machine or is encrypted."""
    parts = urlsplit(address if "://" in address else f"tcp://{address}")
    if parts.scheme in _ENCRYPTED or parts.hostname == "localhost":
        return True
    try:
        return ipaddress.ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return False


def check_workers(client: Client, code: str | None, patience: float) -> None:
    """Ask every worker for its version of this package.

    Raises
    ------
    WorkersLostError
        If one does not answer within the patience (s), has no na64 or another one.
    """
    asked = {
        name: client.submit(code_check(code), workers=[name], allow_other_workers=False, pure=False)
        for name in client.nthreads()
    }
    end = time.monotonic() + patience
    for name, future in asked.items():
        with suppress(TimeoutError):
            future.exception(timeout=max(0.0, end - time.monotonic()))
        if fault := _fault(future):
            raise WorkersLostError(f"worker {name} {fault}")


def _fault(future: Future[Any]) -> str:
    if future.status != "finished":
        return f"does not answer (its answer is {future.status})"
    return str(future.result())
