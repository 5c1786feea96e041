"""What travels by value to Dask workers, which may have another na64 or none: work, a question, an end."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from distributed import Nanny, WorkerPlugin

import na64
from na64.processors.execution.tasks import Report

Raw: TypeAlias = tuple[str, str, float, list[Report]]
"""An `Answer` as plain values: the worker may not know that class."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a worker says of a bundle of tasks.

    Attributes
    ----------
    worker : str
        Its address.
    fault : str
        Why it did nothing: it has other code than the driver, or none. Empty if it did all.
    seconds : float
    reports : list of Report
        One a task.
    """

    worker: str
    fault: str = ""
    seconds: float = 0.0
    reports: list[Report] = field(default_factory=list)


def code_check(code: str | None) -> Callable[[], str]:
    """Return a function that says what is wrong with the na64 of a worker; empty if nothing is.

    Parameters
    ----------
    code : str or None
        `na64.processors.execution.tasks.package_code` of the driver; None: any with the same version.
    """
    expected = na64.__version__

    def check() -> str:
        import importlib  # noqa: PLC0415

        try:
            version = str(importlib.import_module("na64").__version__)
        except (ImportError, AttributeError):
            return "has no package na64"
        except Exception as error:
            return f"cannot load its na64 ({type(error).__name__})"
        if version != expected:
            return f"has na64 {version}: expected {expected}"
        try:
            found = str(importlib.import_module("na64.processors.execution.tasks").package_code())
        except Exception:  # whatever it is that is called na64 there
            found = ""
        if code is not None and found != code:
            return f"has na64 {version} with other code ({found[:12]}): expected {code[:12]}"
        return ""

    return check


def plugin_name(packed: bytes) -> str:
    """Name of the `worker_plugin` of some work, by its content."""
    return f"na64-{hashlib.sha256(packed).hexdigest()}"


def worker_plugin(packed: bytes, code: str | None) -> WorkerPlugin:
    """Return the work as it stands on every worker of a cluster, those included that come later.

    Parameters
    ----------
    packed : bytes
        A pickled `na64.processors.execution.tasks.Work`.
    code : str or None
        As in `code_check`, which every worker answers before its first task.
    """
    check = code_check(code)

    class WorkPlugin(WorkerPlugin):
        name = plugin_name(packed)

        def __init__(self) -> None:
            self._fault: str | None = None

        def setup(self, worker: Any) -> None:
            import sys  # noqa: PLC0415

            # Frames that CPython 3.11 shows while it collects garbage may not be frames yet: who looks at the
            # stacks of tasks a hundred times a second ends the process now and then. The loop is not
            # looked at either, by distributed itself.
            if sys.version_info[:2] == (3, 11) and (looks := worker.periodic_callbacks.pop("profile", None)):
                looks.stop()

        def fault(self) -> str:
            if self._fault is None:
                self._fault = check()
            return self._fault

        def perform(self, tasks: bytes) -> list[Report]:
            import importlib  # noqa: PLC0415
            import pickle  # noqa: PLC0415

            if not hasattr(self, "_worker"):
                self._worker = importlib.import_module("na64.processors.execution.tasks").Worker(packed)
            # From the driver, over the cluster's connection; never from a disk.
            return [self._worker.perform(task) for task in pickle.loads(tasks)]  # noqa: S301

    return WorkPlugin()


def performer(name: str) -> Callable[[bytes], Raw]:
    """Return a function that does tasks, one after the other, with the `worker_plugin` of that name."""

    def perform(tasks: bytes) -> Raw:
        import time  # noqa: PLC0415

        from distributed import get_worker  # noqa: PLC0415

        worker, start = get_worker(), time.monotonic()
        found: Any = worker.plugins.get(name)
        fault = "has not taken the work" if found is None else found.fault()
        reports = [] if fault else found.perform(tasks)
        return worker.address, fault, time.monotonic() - start, reports

    return perform


def ender() -> Callable[[Nanny], Coroutine[None, None, bool]]:
    """Return a function that ends the worker of the nanny that runs it, which then starts another."""

    async def end(dask_worker: Nanny) -> bool:
        import asyncio  # noqa: PLC0415
        import os  # noqa: PLC0415
        import signal  # noqa: PLC0415

        if (worker := dask_worker.pid) is not None:
            os.kill(worker, signal.SIGKILL)  # it waits in a thread, and would not end before that does
        while worker is not None and dask_worker.pid == worker:
            await asyncio.sleep(0.01)
        return True

    return end
