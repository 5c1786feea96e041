"""na64 process: a selection over a catalogue."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from na64.commands.request import (
    COUNTING_PATIENCE,
    Asked,
    add_request,
    claim_folder,
    log_request,
    log_sample,
    read_request,
    store_of,
    what_is_hidden,
    write_result,
)
from na64.commands.verbs import PRODUCTS, SUCCESS, add_command, positive, tell
from na64.commands.visible_output import complain

if TYPE_CHECKING:
    from na64.processors.campaign import CampaignResult
    from na64.processors.execution.backend import Backend

_INSECURE_HELP = "accept a scheduler on another host that does not encrypt: all who reach it can run code"


def add(verbs: Any) -> None:
    """Declare the command."""
    parser = add_command(
        verbs, "process", _process, "Run a selection over a catalogue; resumes what was begun."
    )
    add_request(parser)
    parser.add_argument("--to", type=Path, metavar="DIR", help="default: results/<identity>")
    kinds = ("iterative", "processes", "dask")
    parser.add_argument("--executor", default="dask", choices=kinds, help="default: %(default)s")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="of a Dask cluster; default: one of its own")
    clusters = "gateway, htcondor, kubernetes, local, lxplus, slurm, or a TOML file: where workers come from"
    parser.add_argument("--cluster", metavar="NAME_OR_TOML", help=clusters)
    pages = "serve the pages of Dask to this machine; they show everybody on it what workers do"
    parser.add_argument("--dashboard", action="store_true", help=pages)
    parser.add_argument("--workers", type=positive, metavar="N", help="default: the number of cores")
    parser.add_argument("--insecure", action="store_true", help=_INSECURE_HELP)
    parser.add_argument("--memory", type=positive, metavar="MB", help="of a worker on this machine, at most")
    deadline = "longest time for one piece of a file before it is given up; default: %(default)s"
    parser.add_argument("--deadline", type=positive, default=1800, metavar="SECONDS", help=deadline)
    parser.add_argument("--fresh", action="store_true", help="count again what was counted before")
    parser.add_argument("--no-report", action="store_true", help="numbers only; na64 report draws them later")
    parser.add_argument("--dry-run", action="store_true", help="say what would be read, and stop")
    sample = "read a few pieces, say what time and space the rest would take, and stop"
    parser.add_argument("--estimate", action="store_true", help=sample)


def _process(options: argparse.Namespace) -> int:
    from na64.datasets.basics.turns import turn
    from na64.outputs.result import messages
    from na64.processors.campaign import identity_of

    asked = read_request(options)
    options.workers = options.workers or os.cpu_count() or 1
    options.dry_run |= options.estimate
    if options.dry_run and not options.estimate:
        tell(messages.of_plan(asked.catalogue, list(asked.job.runs), asked.tasks, options.workers))
        return SUCCESS
    folder = options.to or Path("results") / identity_of(asked.tasks)[:16]
    if options.estimate:
        log_sample(options, asked)
        tell(_estimate(asked, folder, options))
        return SUCCESS
    with turn(folder, "counting", "na64 process", patience=COUNTING_PATIENCE):
        return _process_into(folder, asked, options)


def _process_into(folder: Path, asked: Asked, options: argparse.Namespace) -> int:
    from na64.datasets.basics.turns import turn
    from na64.outputs.result.request import finish

    claim_folder(folder, asked, options)
    request = log_request(options, asked, folder)
    for line in what_is_hidden(request, folder):
        complain(f"process: {line}")
    result = _count(asked, folder, options)
    if result.interrupted:
        raise KeyboardInterrupt
    scope = f"runs {options.runs}" if options.runs else "all runs"
    with turn(folder, PRODUCTS, "na64 process"):
        code = write_result(asked.catalogue, asked.job, result, folder, options, request=request, scope=scope)
        finish(folder, request)
    return code


def _estimate(asked: Asked, folder: Path, options: argparse.Namespace) -> Iterator[str]:
    from na64.commands.time_estimate import estimate
    from na64.processors.events.feature_store import FeatureStore
    from na64.processors.execution.ledger import Ledger

    partials = folder / "partials"
    ledger = Ledger(partials) if partials.exists() and not options.fresh else None
    store = None if options.fresh else FeatureStore(store_of(options))
    return estimate(asked.job, asked.tasks, ledger=ledger, store=store, workers=options.workers)


def _count(asked: Asked, folder: Path, options: argparse.Namespace) -> CampaignResult:
    from na64.commands.progress import progress
    from na64.datasets.basics.atomic_file import write_bytes
    from na64.outputs.result.metrics import METRICS, Metered, to_json
    from na64.processors.campaign import check, process
    from na64.processors.events.feature_store import FeatureStore
    from na64.processors.execution.ledger import Ledger
    from na64.processors.execution.tasks import Options

    n_events = sum(task.n_events for task in asked.tasks)
    store = FeatureStore(store_of(options))
    how = Options(blind=not asked.job.simulation, deadline=options.deadline)
    with progress("check", "files", sys.stderr, at_end=False) as show_files:
        faults = check(asked.catalogue, asked.job, how, progress=show_files)
    with (
        Metered(_backend(options)) as backend,
        progress("process", "events", sys.stderr, note=lambda: backend.note) as show,
    ):
        result = process(
            asked.catalogue,
            asked.job,
            backend,
            Ledger(folder / "partials"),
            limit=options.limit,
            chunk_events=options.chunk_events,
            store=store,
            options=how,
            faults=faults,
            fresh=options.fresh,
            progress=lambda _done, _total, events: show(events, n_events),
        )
    if backend.costs:
        write_bytes(folder / METRICS, to_json(backend))
    return result


def _backend(options: argparse.Namespace) -> Backend:
    from na64.processors.execution.backends import Kind, open_backend

    kind = Kind(options.executor)
    memory = options.memory * 10**6 if options.memory else None
    if options.dashboard:
        return _backend_with_pages(options, memory)
    if options.cluster is None:
        return open_backend(
            kind,
            workers=options.workers,
            scheduler=options.scheduler,
            insecure=options.insecure,
            memory=memory,
        )
    if kind is not Kind.DASK or options.scheduler:
        raise ValueError(f"cluster {options.cluster} goes with the dask executor and without --scheduler")
    from na64.processors.execution.cluster_backend import open_cluster
    from na64.processors.execution.clusters import load_cluster

    return open_cluster(load_cluster(options.cluster), workers=options.workers, memory=memory)


def _backend_with_pages(options: argparse.Namespace, memory: int | None) -> Backend:
    from importlib.util import find_spec

    if options.executor != "dask" or options.scheduler or options.cluster:
        raise ValueError("--dashboard goes with workers of this machine: the dask executor and nothing else")
    if find_spec("bokeh") is None:
        raise ValueError(
            "--dashboard needs the package bokeh, which is not installed: it is the extra na64[dashboard]"
        )
    from na64.processors.execution.dask_backend import DaskBackend

    backend = DaskBackend(workers=options.workers, memory=memory, dashboard=True)
    complain(f"dashboard: {backend.client.dashboard_link}")
    return backend
