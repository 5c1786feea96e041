"""na64 process: a selection over a catalogue."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from na64.commands.request import add_request, asked_of, plan_of
from na64.commands.verbs import INCOMPLETE, SUCCESS, add_command, positive, tell
from na64.commands.workers import add_workers, workers_of
from na64.datasets.basics.garbage import imports

if TYPE_CHECKING:
    from na64.outputs.analysis.plans import Plan

_INSECURE_HELP = "accept a scheduler on another host that does not encrypt: all who reach it can run code"


def add(verbs: Any) -> None:
    """Declare the command."""
    parser = add_command(
        verbs, "process", _process, "Run a selection over a catalogue; resumes what was begun."
    )
    add_request(parser, several=True)
    to = "default: results/<identity>; of several selections each goes to DIR/NAME"
    parser.add_argument("--to", type=Path, metavar="DIR", help=to)
    add_workers(parser)
    pages = "serve the pages of Dask to this machine; they show everybody on it what workers do"
    parser.add_argument("--dashboard", action="store_true", help=pages)
    parser.add_argument("--insecure", action="store_true", help=_INSECURE_HELP)
    parser.add_argument("--memory", type=positive, metavar="MB", help="of a worker on this machine, at most")
    parser.add_argument("--fresh", action="store_true", help="count again what was counted before")
    parser.add_argument("--no-report", action="store_true", help="numbers only; na64 report draws them later")
    parser.add_argument("--dry-run", action="store_true", help="say what would be read, and stop")
    sample = "read a few pieces, say what time and space the rest would take, and stop"
    parser.add_argument("--estimate", action="store_true", help=sample)


def _process(options: argparse.Namespace) -> int:
    with imports():
        import na64.outputs.analysis.counting  # noqa: F401

    act = _tell_estimate if options.estimate else _tell_plan if options.dry_run else _count
    if len(options.selection) == 1:
        return act(options, options.selection[0], options.to)
    codes = []
    for selection, name in _names(options).items():
        to = None if options.to is None else options.to / name
        print(f"selection {name}{'' if to is None else f': {to}'}")
        codes.append(act(options, selection, to))
    return max(codes)


def _names(options: argparse.Namespace) -> dict[str, str]:
    """Names of several selections, by how they were asked for; all are loaded before anything is counted."""
    found: dict[str, str] = {}
    for selection in options.selection:
        name = plan_of(options, selection).job.selection.name
        if name in found.values():
            raise ValueError(
                f"--selection {selection}: {name} is asked for twice, and each has a folder of its name"
            )
        found[selection] = name
    return found


def _count(options: argparse.Namespace, selection: str, to: Path | None) -> int:
    from na64.commands.progress import Terminal
    from na64.outputs.analysis.counting import process

    with Terminal() as terminal:
        result = process(
            options.catalogue,
            selection=selection,
            to=to,
            store=options.store,
            dashboard=options.dashboard,
            insecure=options.insecure,
            memory=options.memory,
            fresh=options.fresh,
            replace=options.replace,
            report=not options.no_report,
            command=options.command_line if len(options.selection) == 1 else (),
            progress=terminal.progress("process", "events"),
            check_progress=terminal.progress("check", "files", at_end=False),
            tell=terminal.tell,
            note=terminal.note,
            **asked_of(options),
            **workers_of(options),
        )
    return INCOMPLETE if result.summary.reasons else SUCCESS


def _tell_plan(options: argparse.Namespace, selection: str, to: Path | None) -> int:
    from na64.outputs.analysis.counting import default_folder
    from na64.outputs.analysis.executor_choice import seconds_left
    from na64.outputs.analysis.plans import store_of
    from na64.outputs.result import messages
    from na64.processors.events.feature_store import FeatureStore
    from na64.processors.execution.ledger import Ledger

    plan = plan_of(options, selection)
    partials = (to or default_folder(plan)) / "partials"
    ledger = Ledger(partials) if partials.exists() else None
    store = FeatureStore(store_of(options.store, plan.path, make=False))
    seconds = seconds_left(plan.tasks, plan.catalogue.good, plan.job, ledger, store, fresh=options.fresh)
    tell(messages.of_plan(plan.catalogue, list(plan.job.runs), plan.tasks, seconds, _workers(options)))
    return SUCCESS


def _tell_estimate(options: argparse.Namespace, selection: str, to: Path | None) -> int:
    from na64.outputs.analysis.counting import default_folder
    from na64.outputs.analysis.plans import log_sample

    plan = plan_of(options, selection)
    folder = to or default_folder(plan)
    log_sample(plan)
    tell(_estimate(plan, folder, options))
    return SUCCESS


def _estimate(plan: Plan, folder: Path, options: argparse.Namespace) -> Iterator[str]:
    from na64.commands.time_estimate import estimate
    from na64.outputs.analysis.plans import store_of
    from na64.processors.events.feature_store import FeatureStore
    from na64.processors.execution.ledger import Ledger

    partials = folder / "partials"
    ledger = Ledger(partials) if partials.exists() and not options.fresh else None
    store = None if options.fresh else FeatureStore(store_of(options.store, plan.path, make=False))
    return estimate(plan.job, plan.tasks, ledger=ledger, store=store, workers=_workers(options))


def _workers(options: argparse.Namespace) -> int:
    import os

    return options.workers or os.cpu_count() or 1
