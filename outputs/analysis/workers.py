"""Where the work of a step is done: in this process, in others of this machine, or on a Dask cluster."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from na64.processors.execution.backend import Backend
from na64.processors.execution.backends import ExecutorKind, open_backend


@dataclass(frozen=True, slots=True)
class Workers:
    """Executor and its workers.

    Attributes
    ----------
    executor : str or None
        ``iterative``, ``processes`` or ``dask``; None is not chosen yet, see
        `na64.outputs.analysis.executor_choice`.
    number : int or None
        None: as many as this machine has cores.
    scheduler : str or None
        Address of a Dask cluster; None: one of our own.
    cluster : str or Path or None
        Name or TOML file of the kind of cluster that workers come from.
    dashboard, insecure : bool
    memory : int or None, MB
        Of a worker on this machine, at most.
    """

    executor: str | None
    number: int | None = None
    scheduler: str | None = None
    cluster: str | Path | None = None
    dashboard: bool = False
    insecure: bool = False
    memory: int | None = None

    @property
    def count(self) -> int:
        """Workers that are asked for."""
        return self.number or os.cpu_count() or 1

    @property
    def needs_dask(self) -> bool:
        """Whether only Dask has what is asked for, or workers of their own that memory can be set of."""
        return self.dashboard or bool(self.scheduler or self.cluster or self.memory)

    @property
    def is_elsewhere(self) -> bool:
        """Whether workers may be on other machines, which compile for themselves."""
        return bool(self.scheduler or self.cluster)

    @property
    def _bytes(self) -> int | None:
        return self.memory * 10**6 if self.memory else None

    def open(self, note: Callable[[str], None]) -> Backend:
        """Backend with these workers; `note` takes the address of the dashboard."""
        kind = ExecutorKind(self.executor)
        if self.dashboard:
            return self._with_pages(note)
        if self.cluster is not None:
            return self._on_cluster(kind)
        return open_backend(
            kind,
            workers=self.count,
            scheduler=self.scheduler,
            insecure=self.insecure,
            memory=self._bytes,
        )

    def _on_cluster(self, kind: ExecutorKind) -> Backend:
        if kind is not ExecutorKind.DASK or self.scheduler or self.cluster is None:
            raise ValueError(f"cluster {self.cluster} goes with the dask executor and without --scheduler")
        # distributed is slow to import
        clusters = import_module("na64.processors.execution.clusters")
        backends = import_module("na64.processors.execution.cluster_backend")
        cluster = clusters.load_cluster(str(self.cluster))
        backend: Backend = backends.open_cluster(cluster, workers=self.count, memory=self._bytes)
        return backend

    def _with_pages(self, note: Callable[[str], None]) -> Backend:
        if self.executor != "dask" or self.scheduler or self.cluster:
            raise ValueError(
                "--dashboard goes with workers of this machine: the dask executor and nothing else"
            )
        if find_spec("bokeh") is None:
            raise ValueError(
                "--dashboard needs the package bokeh, which is not installed: it is the extra na64[dashboard]"
            )
        module = import_module("na64.processors.execution.dask_backend")
        backend = module.DaskBackend(workers=self.count, memory=self._bytes, dashboard=True)
        note(f"dashboard: {backend.client.dashboard_link}")
        opened: Backend = backend
        return opened
