"""na64 submit, work and merge: jobs of a batch system where no ports may be opened."""

from __future__ import annotations

import argparse
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from na64.commands.request import add_request, plan_of
from na64.commands.verbs import INCOMPLETE, SUCCESS, add_command, positive, tell

if TYPE_CHECKING:
    from na64.outputs.analysis.plans import Plan
    from na64.outputs.batch.submissions import Submission
    from na64.processors.execution.tasks import Task

_MOST_JOBS = 1000
_EVENTS_OF_A_JOB = 100_000_000


def add(verbs: Any) -> None:
    """Declare the commands of this module."""
    _add_submit(verbs)
    text = "Count what the list of a batch job names; na64 submit writes it, the batch system runs it."
    parser = add_command(verbs, "work", _work, text)
    parser.add_argument("list", type=Path, metavar="JOB.json", help="DIR/batch/<submission>/jobs/<job>.json")
    text = "Write the products of what batch jobs have counted; INCOMPLETE while something is missing."
    parser = add_command(verbs, "merge", _merge, text)
    parser.add_argument("folder", type=Path, metavar="DIR", help="where na64 submit wrote to")
    parser.add_argument("--no-report", action="store_true", help="numbers only; na64 report draws them later")
    replace = "remove the result of another selection or catalogue from DIR, and all that was made of it"
    parser.add_argument("--replace", action="store_true", help=replace)


def _add_submit(verbs: Any) -> None:
    text = "Send a selection over a catalogue to a batch system; again, only what is missing."
    parser = add_command(verbs, "submit", _submit, text)
    add_request(parser)
    parser.add_argument("--chunk-events", type=positive, metavar="N", help="most events read at a time")
    shared = "a folder that the jobs see too; their results are shared there"
    parser.add_argument("--to", type=Path, required=True, metavar="DIR", help=shared)
    system = parser.add_mutually_exclusive_group(required=True)
    for name, where in (("condor", "HTCondor"), ("slurm", "SLURM")):
        system.add_argument(f"--{name}", dest="system", action="store_const", const=name, help=f"to {where}")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--jobs", type=positive, metavar="N", help="at most this many, of equal size")
    events = f"size of a job; default: {_EVENTS_OF_A_JOB:,}"
    size.add_argument("--events-per-job", type=positive, metavar="N", help=events)
    parser.add_argument("--workers", type=positive, default=1, metavar="N", help="cores of a job; default: 1")
    memory = "of a job; default: %(default)s"
    parser.add_argument("--memory", type=positive, default=3000, metavar="MB", help=memory)
    parser.add_argument("--minutes", type=positive, metavar="N", help="longest time that a job runs")
    more = "one more line for the batch system, as it writes them; may be repeated"
    parser.add_argument("--directive", action="append", default=[], metavar="LINE", help=more)
    parser.add_argument("--dry-run", action="store_true", help="say what would be sent, and stop")


def _submit(options: argparse.Namespace) -> int:
    from na64.datasets.basics.turns import turn
    from na64.outputs.analysis.plans import claim_folder, what_is_hidden
    from na64.outputs.batch import batch_system, submissions
    from na64.outputs.result.product_names import COUNTING, COUNTING_PATIENCE

    folder: Path = options.to
    batch_system.check_folder(submissions.System(options.system), folder)
    asked = plan_of(options, options.selection)
    missing, waiting = _missing(asked, folder)
    n_jobs = min(options.jobs or _n_jobs(missing, options.events_per_job), _MOST_JOBS)
    shares = submissions.split_tasks(missing, n_jobs)
    tell(_announce(asked, missing, waiting, len(shares)))
    if not shares:
        print(f"nothing to send: na64 merge {shlex.quote(str(folder))}" if not waiting else "nothing to send")
    if options.dry_run or not shares:
        return SUCCESS
    needs = batch_system.JobResources(options.memory, options.minutes, tuple(options.directive))
    with turn(folder, COUNTING, "na64 submit", patience=COUNTING_PATIENCE):
        tell(claim_folder(folder, asked, replace=options.replace))
    place, submission = submissions.write_submission(folder, _submission(asked, folder, options), shares)
    name = f"na64-{asked.job.selection.name}"
    _send(place, submission, batch_system.write_description(place, submission, needs, name))
    tell(what_is_hidden(submission.request, folder))
    print(f"when they have ended: na64 merge {shlex.quote(str(folder))}")
    return SUCCESS


def _n_jobs(tasks: list[Task], events: int | None) -> int:
    return max(1, -(-sum(task.n_events for task in tasks) // (events or _EVENTS_OF_A_JOB)))


def _missing(asked: Plan, folder: Path) -> tuple[list[Task], int]:
    """Return the segments that are neither counted nor in a queue, and how many are in one."""
    from na64.outputs.batch import batch_system, submissions
    from na64.processors.execution.ledger import Ledger

    ledger = Ledger(folder / "partials") if folder.exists() else None
    missing = [task for task in asked.tasks if ledger is None or ledger.get(task.key) is None]
    underway: set[str] = set()
    for place, submission in submissions.submissions(folder).items():
        for job in batch_system.queued(submission) or ():
            underway.update(submissions.keys_of_job(place, submission, job))
    wanted = [task for task in missing if task.key not in underway]
    return wanted, len(missing) - len(wanted)


def _announce(asked: Plan, missing: list[Task], waiting: int, n_jobs: int) -> Iterator[str]:
    from na64.outputs.result.messages import counted

    done = len(asked.tasks) - len(missing) - waiting
    events = sum(task.n_events for task in missing)
    queue = f", {waiting:,} in the queue" if waiting else ""
    yield f"{counted(len(asked.tasks), 'segment')}: {done:,} counted before{queue}, {len(missing):,} to send"
    if missing:
        yield f"{counted(n_jobs, 'job')} of about {counted(events // n_jobs, 'event')}"


def _submission(asked: Plan, folder: Path, options: argparse.Namespace) -> Submission:
    import os

    from na64.outputs.analysis.plans import store_of
    from na64.outputs.batch.submissions import Submission, System
    from na64.outputs.result.request import begin
    from na64.processors.execution.tasks import package_code

    folder.mkdir(parents=True, exist_ok=True)
    return Submission(
        system=System(options.system),
        request=begin(folder, asked.request, asked.job, asked.catalogue),
        result=asked.identity,
        code=package_code(),
        workers=options.workers,
        store=os.path.relpath(store_of(options.store, options.catalogue), folder.resolve()),
        chunk_events=options.chunk_events,
    )


def _send(place: Path, submission: Submission, description: Path) -> None:
    from dataclasses import replace

    from na64.outputs.batch import batch_system, submissions

    line = shlex.join(batch_system.command(submission.system, description))
    try:
        batch_id = batch_system.send(submission.system, description)
    except RuntimeError:
        shutil.rmtree(place)
        raise
    if batch_id is None:
        tell([f"{line.split()[0]} is not on this machine: where it is, run", f"  {line}"])
    else:
        submissions.rewrite(place, replace(submission, batch_id=batch_id))
        print(f"sent as {submission.system.value} {batch_id}: {description}")


def _work(options: argparse.Namespace) -> int:
    from na64.commands.progress import progress
    from na64.outputs.batch.batch_job import perform
    from na64.outputs.batch.submissions import events_of_job, read_submission

    path: Path = options.list.resolve(strict=True)
    if not path.stem.isdecimal():
        raise ValueError(f"{path}: not the list of a job")
    place, job = path.parents[1], int(path.stem)
    n_events = events_of_job(place, read_submission(place), job)
    with progress("work", "events", sys.stderr) as show:
        is_complete = perform(place, job, progress=lambda _done, _total, events: show(events, n_events))
    return SUCCESS if is_complete else INCOMPLETE


def _merge(options: argparse.Namespace) -> int:
    from na64.datasets.basics.turns import turn
    from na64.outputs.result.product_names import COUNTING, COUNTING_PATIENCE, PRODUCTS

    if not options.folder.exists():
        raise FileNotFoundError(2, "nothing was submitted", str(options.folder))
    with (
        turn(options.folder, COUNTING, "na64 merge", patience=COUNTING_PATIENCE),
        turn(options.folder, PRODUCTS, "na64 merge"),
    ):
        return _merge_into(options.folder, options)


def _merge_into(folder: Path, options: argparse.Namespace) -> int:
    from na64.commands.progress import Terminal
    from na64.datasets.basics.run_ranges import to_ranges
    from na64.outputs.analysis.counting import write_products
    from na64.outputs.analysis.listening import Listener
    from na64.outputs.batch import batch_job
    from na64.outputs.blinding.replacement import claim
    from na64.outputs.result.request import finish

    catalogue, job, result, submission = batch_job.merge(folder)
    claim(folder, catalogue, job, path=folder / submission.request.catalogue, replace=options.replace)
    runs = submission.request.runs
    scope = "all runs" if runs is None else f"runs {to_ranges(runs)}"
    terminal = Terminal()
    summary = write_products(
        catalogue,
        job,
        result,
        folder,
        request=submission.request,
        scope=scope,
        command=options.command_line,
        report=not options.no_report,
        listener=Listener(tell=terminal.tell, note=terminal.note),
    )
    finish(folder, submission.request)
    return INCOMPLETE if summary.reasons else SUCCESS
