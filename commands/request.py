"""What na64 process and na64 submit share: what is asked for, and what is written of it."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from na64.commands.report_sections import complete_report
from na64.commands.verbs import INCOMPLETE, PRODUCTS, SUCCESS, positive, tell
from na64.commands.visible_output import complain

if TYPE_CHECKING:
    from na64.datasets.catalogue.build import Catalogue
    from na64.outputs.result.request import Request
    from na64.processors.campaign import CampaignResult
    from na64.processors.execution.tasks import Task
    from na64.processors.job import Job


COUNTING_PATIENCE = 2.0
"""Seconds that a job waits for another one that counts into the same folder, before it is told so."""


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
    replace = "remove the result of another selection or catalogue from DIR, and all that was made of it"
    parser.add_argument("--replace", action="store_true", help=replace)
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
    from na64.datasets.conditions.period_folder import check_environment
    from na64.outputs.result.messages import counted
    from na64.processors.campaign import plan
    from na64.processors.features.plugin import load_plugin
    from na64.processors.job import build_job
    from na64.selections.selection import load_selection

    catalogue = files.load(options.catalogue)
    check_environment(catalogue.periods, options.catalogue)
    if not catalogue.good:
        raise ValueError(f"{options.catalogue}: has no file that can be read; na64 catalogue says why")
    if not catalogue.runs:
        raise ValueError(f"{options.catalogue}: {counted(len(catalogue.good), 'file')} without any events")
    plugin = load_plugin(options.plugin) if options.plugin else None
    selection = load_selection(options.selection, extra_features=plugin.features if plugin else None)
    runs = chosen_runs(options.runs, catalogue.runs) if options.runs else None
    job = build_job(catalogue, selection, runs=runs, plugin=plugin)
    return Asked(catalogue, job, plan(catalogue, job, limit=options.limit), runs)


def log_request(options: argparse.Namespace, asked: Asked, folder: Path) -> Request:
    """Log that a job begins, and return what was asked for."""
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


def what_is_hidden(request: Request, folder: Path) -> Iterator[str]:
    """Lines that tell what a pass over data hides, as the log has it; none for simulation."""
    from na64.outputs.result.audit_log import details_of
    from na64.outputs.result.hidden_regions import lines_of_pass

    if request.audit:
        yield from lines_of_pass(details_of(request.log(folder), request.audit))


def claim_folder(folder: Path, asked: Asked, options: argparse.Namespace) -> None:
    """Refuse a folder with the result of something else, or empty it if `--replace` says so."""
    from na64.datasets.basics.turns import turn
    from na64.outputs.blinding.replacement import claim

    with turn(folder, PRODUCTS, "na64 process"):
        tell(claim(folder, asked.catalogue, asked.job, path=options.catalogue, replace=options.replace))


def log_sample(options: argparse.Namespace, asked: Asked) -> None:
    """Log that a part of data is read to tell what the rest would take."""
    from na64.datasets.catalogue.build import Kind
    from na64.outputs.result.audit_log import append
    from na64.outputs.result.request import LOG, ranges

    if asked.catalogue.kind is Kind.DATA:
        details = {
            "selection": asked.job.selection.name,
            "catalogue": asked.catalogue.identity,
            "runs": ranges(asked.job.runs),
        }
        append(options.catalogue.with_name(LOG), "estimate", details)


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
    from na64.outputs.result import messages, store
    from na64.outputs.result.assembly import summarise
    from na64.outputs.result.provenance import provenance
    from na64.outputs.result.request import request_file
    from na64.outputs.result.spills import known_spills
    from na64.processors.counting.booking import book

    booking = book(job.selection)
    periods = catalogue.known_periods()
    summary = summarise(catalogue, job, result, booking, periods, scope=scope)
    inputs = {record.sha256: record.name for record in catalogue.good}
    command = [str(argument) for argument in options.command_line]
    made_by = provenance(command=command, inputs=inputs, summary=summary)
    spills = known_spills(catalogue, job, periods, result)
    store.write_numbers(
        folder,
        facts=summary,
        tallies=result.tallies,
        booking=booking,
        made_by=made_by,
        spills=spills,
        beside=request_file(request),
    )
    tell(messages.of_result(summary))
    if options.no_report:
        print(f"numbers: {folder}")
    else:
        _draw_report(folder)
    return INCOMPLETE if summary.reasons else SUCCESS


def _draw_report(folder: Path) -> None:
    """Write the report; the verdict that was told before, and the exit code, do not depend on it."""
    from na64.datasets.basics.error_line import error_line

    try:
        print(f"report: {complete_report(folder)}", flush=True)
    except Exception as problem:
        complain(f"na64: the report is not written: {error_line(problem)}")
