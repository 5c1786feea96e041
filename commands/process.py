"""na64 process: a selection over a catalogue."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from na64.commands.verbs import INCOMPLETE, SUCCESS, add_command, positive, tell

if TYPE_CHECKING:
    from na64.datasets.catalogue import Catalogue
    from na64.processors.campaign import CampaignResult
    from na64.processors.job import Job

_INSECURE_HELP = "accept a scheduler on another host that does not encrypt: all who reach it can run code"
_STORE_HELP = "of features that later selections start from; default: features, beside the catalogue"


def add(verbs: Any) -> None:
    """Declare the command."""
    parser = add_command(
        verbs, "process", _process, "Run a selection over a catalogue; resumes what was begun."
    )
    parser.add_argument("catalogue", type=Path, metavar="CATALOGUE.json", help="made by na64 catalogue")
    selections = "dimuon_2022, dimuon_2023, invisible_2018, invisible_2023, systematics_2023, or a TOML file"
    parser.add_argument("--selection", required=True, metavar="NAME_OR_TOML", help=selections)
    parser.add_argument("--to", type=Path, metavar="DIR", help="default: results/<identity>")
    kinds = ("iterative", "processes", "dask")
    parser.add_argument("--executor", default="dask", choices=kinds, help="default: %(default)s")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="of a Dask cluster; default: one of its own")
    parser.add_argument("--workers", type=positive, metavar="N", help="default: the number of cores")
    parser.add_argument("--insecure", action="store_true", help=_INSECURE_HELP)
    parser.add_argument("--memory", type=positive, metavar="MB", help="of a worker on this machine, at most")
    deadline = "longest time for one piece of a file before it is given up; default: %(default)s"
    parser.add_argument("--deadline", type=positive, default=1800, metavar="SECONDS", help=deadline)
    parser.add_argument("--chunk-events", type=positive, metavar="N", help="most events read at a time")
    parser.add_argument("--runs", metavar="8396-8458,8500", help="only these runs")
    limit = "read this many events of each run; the result is INCOMPLETE"
    parser.add_argument("--limit", type=positive, metavar="N", help=limit)
    parser.add_argument("--store", type=Path, metavar="DIR", help=_STORE_HELP)
    parser.add_argument("--plugin", type=Path, metavar="FILE.py", help="features of your own")
    parser.add_argument("--fresh", action="store_true", help="count again what was counted before")
    parser.add_argument("--no-report", action="store_true", help="numbers only; na64 report draws them later")
    parser.add_argument("--dry-run", action="store_true", help="say what would be read, and stop")


def _process(options: argparse.Namespace) -> int:
    from na64.datasets import catalogue as files
    from na64.datasets.scope import chosen_runs
    from na64.outputs import messages
    from na64.outputs.request import begin, write_request
    from na64.processors.campaign import identity_of, plan
    from na64.processors.job import build_job
    from na64.processors.plugin import load_plugin
    from na64.selections.selection import load_selection

    catalogue = files.load(options.catalogue)
    plugin = load_plugin(options.plugin) if options.plugin else None
    selection = load_selection(options.selection, extra_features=plugin.features if plugin else None)
    runs = chosen_runs(options.runs, catalogue.runs) if options.runs else None
    job = build_job(catalogue, selection, runs=runs, plugin=plugin)
    tasks = plan(catalogue, job, limit=options.limit)
    options.workers = options.workers or os.cpu_count() or 1
    if options.dry_run:
        tell(messages.of_plan(catalogue, list(job.runs), tasks, options.workers))
        return SUCCESS
    folder = options.to or Path("results") / identity_of(tasks)[:16]
    request = begin(
        folder,
        job,
        catalogue,
        path=options.catalogue,
        selection=options.selection,
        plugin=options.plugin,
        runs=runs,
        limit=options.limit,
    )
    result = _count(catalogue, job, folder, options, n_events=sum(task.n_events for task in tasks))
    if result.interrupted:
        raise KeyboardInterrupt
    code = _write(catalogue, job, result, folder, options)
    write_request(folder, request)
    return code


def _count(
    catalogue: Catalogue, job: Job, folder: Path, options: argparse.Namespace, *, n_events: int
) -> CampaignResult:
    from na64.outputs.progress import progress
    from na64.processors.backends import Kind, open_backend
    from na64.processors.campaign import process
    from na64.processors.feature_store import FeatureStore
    from na64.processors.ledger import Ledger
    from na64.processors.tasks import Options

    kind = Kind(options.executor)
    if options.store is not None:
        options.store.mkdir(parents=True, exist_ok=True)
    memory = options.memory * 10**6 if options.memory else None
    backend = open_backend(
        kind,
        workers=options.workers,
        scheduler=options.scheduler,
        insecure=options.insecure,
        memory=memory,
    )
    with (
        backend,
        progress("process", "events", sys.stderr) as show,
    ):
        return process(
            catalogue,
            job,
            backend,
            Ledger(folder / "partials"),
            limit=options.limit,
            chunk_events=options.chunk_events,
            store=FeatureStore((options.store or options.catalogue.parent / "features").resolve()),
            options=Options(blind=not job.simulation, deadline=options.deadline),
            fresh=options.fresh,
            progress=lambda _done, _total, events: show(events, n_events),
        )


def _write(
    catalogue: Catalogue, job: Job, result: CampaignResult, folder: Path, options: argparse.Namespace
) -> int:
    from na64.datasets.periods import load_periods
    from na64.outputs import messages, store
    from na64.outputs.assembly import summarise
    from na64.outputs.provenance import provenance
    from na64.outputs.spills import known_spills
    from na64.processors.booking import book

    booking = book(job.selection)
    scope = f"runs {options.runs}" if options.runs else "all runs"
    periods = load_periods()
    summary = summarise(catalogue, job, result, booking, periods, scope=scope)
    inputs = {record.sha256: record.name for record in catalogue.good}
    command = [str(argument) for argument in options.command_line]
    made_by = provenance(command=command, inputs=inputs, summary=summary)
    write = store.write_numbers if options.no_report else store.write_products
    spills = known_spills(catalogue, job, periods, result)
    write(folder, facts=summary, tallies=result.tallies, booking=booking, made_by=made_by, spills=spills)
    tell(messages.of_result(summary))
    print(f"numbers: {folder}" if options.no_report else f"report: {folder / store.REPORT}")
    return INCOMPLETE if summary.reasons else SUCCESS
