"""What na64 process and na64 submit share: what is asked for, and what is written of it."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from na64.commands.verbs import INCOMPLETE, SUCCESS, positive, tell

if TYPE_CHECKING:
    from na64.datasets.catalogue.build import Catalogue
    from na64.outputs.result.request import Request
    from na64.processors.campaign import CampaignResult
    from na64.processors.execution.tasks import Task
    from na64.processors.job import Job


def add_request(parser: argparse.ArgumentParser) -> None:
    """Declare what says which events are counted and how, on this machine or another."""
    parser.add_argument("catalogue", type=Path, metavar="CATALOGUE.json", help="made by na64 catalogue")
    selections = (
        "dimuon_2022, dimuon_2023, efficiency_beam, efficiency_random, invisible_2018, invisible_2023, "
        "systematics_2023, or a TOML file"
    )
    parser.add_argument("--selection", required=True, metavar="NAME_OR_TOML", help=selections)
    parser.add_argument("--chunk-events", type=positive, metavar="N", help="most events read at a time")
    parser.add_argument("--runs", metavar="8396-8458,8500", help="only these runs")
    limit = "read this many events of each run; the result is INCOMPLETE"
    parser.add_argument("--limit", type=positive, metavar="N", help=limit)
    store = "of features that later selections start from; default: features, beside the catalogue"
    parser.add_argument("--store", type=Path, metavar="DIR", help=store)
    parser.add_argument("--plugin", type=Path, metavar="FILE.py", help="features of your own")


@dataclass(frozen=True, slots=True)
class Asked:
    """What the options of `add_request` come to."""

    catalogue: Catalogue
    job: Job
    tasks: list[Task]
    runs: list[int] | None


def read_request(options: argparse.Namespace) -> Asked:
    """Load what the options of `add_request` name."""
    from na64.datasets.catalogue import build as files
    from na64.datasets.catalogue.run_filter import chosen_runs
    from na64.processors.campaign import plan
    from na64.processors.features.plugin import load_plugin
    from na64.processors.job import build_job
    from na64.selections.selection import load_selection

    catalogue = files.load(options.catalogue)
    if not catalogue.good:
        raise ValueError(f"{options.catalogue}: has no file that can be read; na64 catalogue says why")
    plugin = load_plugin(options.plugin) if options.plugin else None
    selection = load_selection(options.selection, extra_features=plugin.features if plugin else None)
    runs = chosen_runs(options.runs, catalogue.runs) if options.runs else None
    job = build_job(catalogue, selection, runs=runs, plugin=plugin)
    return Asked(catalogue, job, plan(catalogue, job, limit=options.limit), runs)


def log_request(options: argparse.Namespace, asked: Asked, folder: Path) -> Request:
    """Log that a job begins, and give what was asked for."""
    from na64.outputs.result.request import begin

    return begin(
        folder,
        asked.job,
        asked.catalogue,
        path=options.catalogue,
        selection=options.selection,
        plugin=options.plugin,
        runs=asked.runs,
        limit=options.limit,
    )


def store_of(options: argparse.Namespace) -> Path:
    """Return the folder of the feature store, made if it was named."""
    if options.store is not None and not options.dry_run:
        options.store.mkdir(parents=True, exist_ok=True)
    folder: Path = options.store or options.catalogue.parent / "features"
    return folder.resolve()


def write_result(
    catalogue: Catalogue,
    job: Job,
    result: CampaignResult,
    folder: Path,
    options: argparse.Namespace,
    *,
    request: Request,
    scope: str,
) -> int:
    """Write the products of what was counted, say what they are, and return the exit code."""
    from na64.datasets.conditions.periods import load_periods
    from na64.outputs.result import messages, store
    from na64.outputs.result.assembly import summarise
    from na64.outputs.result.provenance import provenance
    from na64.outputs.result.request import request_file
    from na64.outputs.result.spills import known_spills
    from na64.processors.counting.booking import book

    booking = book(job.selection)
    periods = load_periods()
    summary = summarise(catalogue, job, result, booking, periods, scope=scope)
    inputs = {record.sha256: record.name for record in catalogue.good}
    command = [str(argument) for argument in options.command_line]
    made_by = provenance(command=command, inputs=inputs, summary=summary)
    write = store.write_numbers if options.no_report else store.write_products
    spills = known_spills(catalogue, job, periods, result)
    write(
        folder,
        facts=summary,
        tallies=result.tallies,
        booking=booking,
        made_by=made_by,
        spills=spills,
        beside=request_file(request),
    )
    tell(messages.of_result(summary))
    print(f"numbers: {folder}" if options.no_report else f"report: {folder / store.REPORT}")
    return INCOMPLETE if summary.reasons else SUCCESS
