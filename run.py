"""The na64 program: one command a verb; heavy imports wait until a command needs them."""

from __future__ import annotations

import argparse
import os
import sys
import time
import traceback
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from na64 import __version__

if TYPE_CHECKING:
    from na64.datasets.catalogue import Catalogue
    from na64.outputs.summary import Summary
    from na64.processors.job import Job

SUCCESS, INCOMPLETE, USAGE, INTERRUPTED = 0, 1, 2, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    argv : sequence of str, optional
        The command line without the program's name; ``sys.argv`` by default.

    Returns
    -------
    int
        0 success, 1 incomplete result or failed check, 2 bad usage or input, 130 interrupted.
    """
    options = _parser().parse_args(argv)
    options.command_line = list(sys.argv[1:] if argv is None else argv)
    try:
        code: int = options.verb(options)
    except KeyboardInterrupt:
        print("na64: interrupted; what was finished is kept and the same command resumes", file=sys.stderr)
        return INTERRUPTED
    except (ValueError, KeyError, OSError) as problem:
        if options.debug:
            traceback.print_exc()
        print(f"na64: {_line(problem)}", file=sys.stderr)
        return USAGE
    return code


def _line(problem: Exception) -> str:
    """One line for a person: a KeyError without its quotes, an OSError with its file."""
    text = str(problem.args[0]) if isinstance(problem, KeyError) and problem.args else str(problem)
    return " ".join(text.split())


# The command line


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="na64", description="Columnar event processing for the NA64 experiment."
    )
    parser.add_argument("--version", action="version", version=f"na64 {__version__}")
    verbs = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_demo(verbs)
    _add_simulate(verbs)
    _add_catalogue(verbs)
    _add_process(verbs)
    _add_report(verbs)
    _add_status(verbs)
    return parser


def _add(
    verbs: Any, name: str, verb: Callable[[argparse.Namespace], int], text: str
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = verbs.add_parser(name, help=text, description=text)
    parser.set_defaults(verb=verb)
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return parser


def _add_demo(verbs: Any) -> None:
    text = "Simulate a small campaign, catalogue it as data, process it blind and write the report."
    parser = _add(verbs, "demo", _demo, text)
    parser.add_argument(
        "--to", type=Path, default=Path("results/demo"), metavar="DIR", help="default: results/demo"
    )
    parser.add_argument("--workers", type=_positive, default=None, metavar="N", help="worker processes")


def _add_simulate(verbs: Any) -> None:
    parser = _add(verbs, "simulate", _simulate, "Write run files and a truth file of a simulated campaign.")
    parser.add_argument(
        "campaign", metavar="CAMPAIGN.toml", help="a file, or the name of a packaged campaign"
    )
    parser.add_argument("--to", type=Path, required=True, metavar="DIR")
    parser.add_argument("--events", type=_positive, metavar="N", help="recorded events in all")
    parser.add_argument("--seed", type=int, metavar="S", help="same seed, same content")
    parser.add_argument("--layout", default="tout2023", metavar="LAYOUT")
    parser.add_argument("--format", default="ttree", choices=("ttree", "rntuple", "parquet"))


def _add_catalogue(verbs: Any) -> None:
    parser = _add(verbs, "catalogue", _catalogue, "Register run files: structure only, no event content.")
    parser.add_argument("paths", nargs="+", metavar="PATH", help="files, folders, globs or URLs")
    parser.add_argument("--to", type=Path, required=True, metavar="CATALOGUE.json")
    parser.add_argument("--period", metavar="P", help="refuse files of another period")
    parser.add_argument(
        "--layout", metavar="L", help="refuse files of another layout (a name or a TOML file)"
    )
    parser.add_argument("--simulation", action="store_true", help="simulated files: not blinded")
    parser.add_argument("--update", action="store_true", help="keep what is registered, add what is new")
    parser.add_argument("--accept", metavar="SHA", help="a quarantined file was reviewed and stays out")
    parser.add_argument("--reason", metavar="TEXT", help="why, with --accept")


def _add_process(verbs: Any) -> None:
    parser = _add(verbs, "process", _process, "Run a selection over a catalogue; resumes what was begun.")
    parser.add_argument("catalogue", type=Path, metavar="CATALOGUE.json")
    parser.add_argument("--selection", required=True, metavar="NAME_OR_TOML")
    parser.add_argument("--to", type=Path, metavar="DIR", help="default: results/<identity>")
    parser.add_argument("--executor", default="dask", choices=("iterative", "processes", "dask"))
    parser.add_argument("--scheduler", metavar="ADDRESS", help="an existing Dask cluster")
    parser.add_argument("--workers", type=_positive, metavar="N", help="default: the number of cores")
    parser.add_argument("--chunk-events", type=_positive, metavar="N", help="largest piece read at once")
    parser.add_argument("--runs", metavar="8396-8458,8500", help="only these runs")
    parser.add_argument(
        "--limit", type=_positive, metavar="N", help="events per run; the result is incomplete"
    )
    parser.add_argument("--plugin", type=Path, metavar="FILE.py", help="features of your own")
    parser.add_argument("--fresh", action="store_true", help="forget earlier partial results")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done")


def _add_report(verbs: Any) -> None:
    parser = _add(verbs, "report", _report, "Write plots and report.html again from the stored result.")
    parser.add_argument("folder", type=Path, metavar="DIR")


def _add_status(verbs: Any) -> None:
    parser = _add(verbs, "status", _status, "What is done, missing, failed and quarantined.")
    parser.add_argument("folder", type=Path, metavar="DIR")


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return value


# What the commands do


def _demo(options: argparse.Namespace) -> int:
    folder: Path = options.to
    began = time.monotonic()
    main_line = [
        ["simulate", "demo", "--to", str(folder / "data")],
        ["catalogue", str(folder / "data"), "--to", str(folder / "catalogue.json")],
    ]
    for selection in ("invisible_2023", "dimuon_2023"):
        line = [
            "process",
            str(folder / "catalogue.json"),
            "--selection",
            selection,
            "--to",
            str(folder / selection),
        ]
        main_line.append([*line, *(["--workers", str(options.workers)] if options.workers else [])])
    for line in main_line:
        print(f"$ na64 {' '.join(line)}")
        code = main([*line, *(["--debug"] if options.debug else [])])
        if code != SUCCESS:
            return code
    print(f"done in {time.monotonic() - began:.0f} s; open the reports:")
    for selection in ("invisible_2023", "dimuon_2023"):
        print(f"  {folder / selection / 'report.html'}")
    return SUCCESS


def _simulate(options: argparse.Namespace) -> int:
    from na64.datasets.synthetic.campaign_reader import load_campaign
    from na64.datasets.synthetic.simulation import simulate

    campaign = load_campaign(options.campaign)
    with _progress("simulate", "events") as show:
        done = 0

        def on_block(n_events: int) -> None:
            nonlocal done
            done += n_events
            show(done, 0)

        paths = simulate(
            campaign,
            to=options.to,
            n_events=options.events,
            seed=options.seed,
            layout=options.layout,
            format=options.format,
            on_progress=on_block,
        )
    print(f"{len(paths)} run files in {options.to}")
    return SUCCESS


def _catalogue(options: argparse.Namespace) -> int:
    from na64.datasets import catalogue as files

    if (options.accept is None) != (options.reason is None):
        raise ValueError("--accept and --reason go together")
    with _progress("catalogue", "files") as show:
        built = files.build(
            options.paths,
            simulation=options.simulation,
            period=options.period,
            layout=options.layout,
            previous=files.load(options.to) if options.update or options.accept else None,
            accept={options.accept: options.reason} if options.accept else None,
            progress=show,
        )
    files.save(built, options.to)
    _note_claims(built, options.to)
    return _tell_catalogue(built, options.to)


def _note_claims(catalogue: Catalogue, path: Path) -> None:
    """Log files that are called simulation without saying what was simulated: nothing else would show it."""
    from na64.datasets.catalogue import Kind
    from na64.outputs.audit import append

    claimed = [record.sha256 for record in catalogue.good if not record.truth]
    if catalogue.kind is Kind.SIMULATION and claimed:
        append(path.with_name("audit.jsonl"), "catalogue_simulation", {"without_truth": claimed})


def _tell_catalogue(catalogue: Catalogue, path: Path) -> int:
    for line in catalogue.warnings:
        print(f"warning: {line}")
    for record in catalogue.unreviewed:
        print(f"{record.status.value}: {record.name}: {record.reason}")
    runs = catalogue.runs
    events = sum(runs.values())
    print(f"{path}: {catalogue.kind.value}, {len(catalogue.good)} files, {len(runs)} runs, {events:,} events")
    return INCOMPLETE if catalogue.unreviewed else SUCCESS


def _process(options: argparse.Namespace) -> int:
    from na64.datasets import catalogue as files
    from na64.datasets.periods import load_periods
    from na64.processors.campaign import identity_of, plan
    from na64.processors.job import build_job
    from na64.processors.plugin import load_plugin
    from na64.selections.selection import load_selection

    catalogue, periods = files.load(options.catalogue), load_periods()
    plugin = load_plugin(options.plugin) if options.plugin else None
    selection = load_selection(options.selection, extra_features=plugin.features if plugin else None)
    runs = _chosen_runs(options.runs, catalogue.runs) if options.runs else None
    job = build_job(catalogue, selection, runs=runs, periods=periods, plugin=plugin)
    if options.dry_run:
        return _tell_plan(catalogue, job, options)
    folder = options.to or Path("results") / identity_of(plan(catalogue, job, limit=options.limit))[:16]
    summary = _count_and_write(catalogue, job, folder, options)
    return _tell_result(summary, folder)


def _count_and_write(catalogue: Catalogue, job: Job, folder: Path, options: argparse.Namespace) -> Summary:
    from na64.datasets.periods import load_periods
    from na64.outputs.assembly import summarise
    from na64.outputs.provenance import provenance
    from na64.outputs.store import write_products
    from na64.processors.backends import Kind, open_backend
    from na64.processors.booking import book
    from na64.processors.campaign import process
    from na64.processors.ledger import Ledger

    workers = options.workers or os.cpu_count() or 1
    began = time.monotonic()
    with (
        open_backend(Kind(options.executor), workers=workers, scheduler=options.scheduler) as backend,
        _progress("process", "events") as show,
    ):
        result = process(
            catalogue,
            job,
            backend,
            Ledger(folder / "partials"),
            limit=options.limit,
            chunk_events=options.chunk_events,
            fresh=options.fresh,
            progress=lambda _done, _total, events: show(events, sum(catalogue.runs[run] for run in job.runs)),
        )
    if result.interrupted:
        raise KeyboardInterrupt
    spent = time.monotonic() - began
    booking = book(job.selection)
    scope = f"runs {options.runs}" if options.runs else "all runs"
    summary = summarise(catalogue, job, result, booking, load_periods(), scope=scope)
    print(
        f"{sum(tally.read for tally in result.tallies.values()):,} events in {spent:.1f} s; writing products"
    )
    inputs = {record.sha256: record.name for record in catalogue.good}
    command = [str(argument) for argument in options.command_line]
    made_by = provenance(command=command, inputs=inputs, summary=summary)
    write_products(folder, facts=summary, tallies=result.tallies, booking=booking, made_by=made_by)
    return summary


def _chosen_runs(text: str, known: Collection[int]) -> list[int]:
    """Give the runs of the catalogue that are in ``8396-8458,8500``."""
    chosen: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdigit() or (dash and not last.isdigit()):
            raise ValueError(f'--runs {text}: "{part}" is neither a run nor a range of runs')
        inside = {run for run in known if int(first) <= run <= int(last or first)}
        if not inside:
            raise ValueError(f'--runs {text}: no run of the catalogue is in "{part}"')
        chosen |= inside
    return sorted(chosen)


def _tell_plan(catalogue: Catalogue, job: Job, options: argparse.Namespace) -> int:
    from na64.processors.campaign import plan

    tasks = plan(catalogue, job, limit=options.limit)
    size = sum(record.size for record in catalogue.good if set(record.runs) & set(job.runs))
    events = sum(task.n_events for task in tasks)
    workers = options.workers or os.cpu_count() or 1
    print(f"{len(job.runs)} runs, {len(tasks)} segments, {events:,} events, files of {size / 1e6:,.1f} MB")
    seconds = events / (workers * _EVENTS_PER_SECOND)
    print(f"about {seconds:.0f} s on {workers} workers, and some seconds to start")
    return SUCCESS


_EVENTS_PER_SECOND = 2e5
"""A cautious rate of one worker, for estimates."""


def _tell_result(summary: Summary, folder: Path) -> int:
    totals = summary.totals
    counts = ["recorded", "processed", *(["hidden"] if summary.is_data else []), "selected"]
    print(f"{summary.verdict.value}: " + ", ".join(f"{totals[name]:,} {name}" for name in counts))
    print("regions: " + ", ".join(f"{name} {totals[f'region_{name}']:,}" for name in ("I", "II", "III")))
    for line in (*summary.reasons, *summary.failures):
        print(f"  {line}")
    for line in summary.warnings:
        print(f"warning: {line}")
    print(f"report: {folder / 'report.html'}")
    return INCOMPLETE if summary.reasons else SUCCESS


def _report(options: argparse.Namespace) -> int:
    from na64.outputs.store import read_result, write_report

    print(f"report: {write_report(options.folder, read_result(options.folder))}")
    return SUCCESS


def _status(options: argparse.Namespace) -> int:
    from na64.outputs.store import read_result

    summary = read_result(options.folder).summary
    print(f"{summary.selection.name}, {summary.label}, {summary.scope}")
    print("     run  period      recorded   processed     skipped     missing")
    for run in summary.runs:
        counts = run.accounting
        skipped = sum(number for name, number in counts.items() if name.startswith("skipped"))
        numbers = (counts["recorded"], counts["processed"], skipped, counts["missing"])
        print(f"{run.run:8d}  {run.period:8s}" + "".join(f"{number:12,d}" for number in numbers))
    for name, reason in summary.files.not_read:
        print(f"not read: {name}: {reason}")
    return _tell_result(summary, options.folder)


# Progress


@contextmanager
def _progress(what: str, unit: str) -> Iterator[Callable[[int, int], None]]:
    """Give a callable for (done, total): a bar on a terminal, else a line now and then."""
    if sys.stderr.isatty():
        with _bar(what) as show:
            yield show
        return
    last = time.monotonic()

    def show_line(done: int, total: int) -> None:
        nonlocal last
        if time.monotonic() - last > _SECONDS_BETWEEN_LINES or (total and done >= total):
            last = time.monotonic()
            print(f"{what}: {done:,}{f' of {total:,}' if total else ''} {unit}", file=sys.stderr)

    yield show_line


_SECONDS_BETWEEN_LINES = 10.0


@contextmanager
def _bar(what: str) -> Iterator[Callable[[int, int], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total or None)


if __name__ == "__main__":
    sys.exit(main())
