"""The na64 program: one command a verb; heavy imports wait until a command needs them."""

from __future__ import annotations

import argparse
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from na64 import __version__

if TYPE_CHECKING:
    from na64.datasets.catalogue import Catalogue
    from na64.processors.campaign import CampaignResult
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
    except (ValueError, KeyError, OSError, RuntimeError) as problem:
        if options.debug:
            traceback.print_exc()
        print(f"na64: {_line(problem)}", file=sys.stderr)
        return INCOMPLETE if isinstance(problem, RuntimeError) else USAGE
    return code


def _line(problem: Exception) -> str:
    """One line for a person: a KeyError without its quotes, an OSError with its file first."""
    text = str(problem)
    if isinstance(problem, KeyError) and problem.args:
        text = str(problem.args[0])
    elif isinstance(problem, OSError) and problem.strerror and problem.filename is not None:
        text = f"{problem.filename}: {problem.strerror}"
    return " ".join(text.split())


def _tell(lines: Iterable[str]) -> None:
    for line in lines:
        print(line)


# The command line


def _parser() -> argparse.ArgumentParser:
    text = "Columnar event processing for NA64: run files to blind cut-flows, histograms and yields."
    after = "na64 COMMAND --help says more. The straight line: simulate, catalogue, process."
    parser = argparse.ArgumentParser(prog="na64", description=text, epilog=after)
    parser.add_argument("--version", action="version", version=f"na64 {__version__}")
    verbs = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for add in (_add_demo, _add_simulate, _add_catalogue, _add_process, _add_report, _add_status):
        add(verbs)
    for add in (_add_why, _add_freeze, _add_unblind, _add_audit, _add_bench):
        add(verbs)
    return parser


def _add(
    verbs: Any, name: str, verb: Callable[[argparse.Namespace], int], text: str
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = verbs.add_parser(name, help=text, description=text)
    parser.set_defaults(verb=verb)
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return parser


def _add_demo(verbs: Any) -> None:
    text = "Simulate a small campaign, catalogue it as data, process it blind and write the reports."
    parser = _add(verbs, "demo", _demo, text)
    folder = Path("results/demo")
    parser.add_argument("--to", type=Path, default=folder, metavar="DIR", help="default: %(default)s")
    parser.add_argument("--events", type=_positive, metavar="N", help="recorded events; default: 240,000")
    parser.add_argument("--workers", type=_positive, metavar="N", help="default: the number of cores")


def _add_simulate(verbs: Any) -> None:
    text = "Write run files, conditions and a truth file of a simulated campaign."
    parser = _add(verbs, "simulate", _simulate, text)
    packaged = "a TOML file, or a packaged campaign: demo, signal, small, small2018"
    parser.add_argument("campaign", metavar="CAMPAIGN.toml", help=packaged)
    parser.add_argument("--to", type=Path, required=True, metavar="DIR", help="made if it is not there")
    parser.add_argument("--events", type=_positive, metavar="N", help="recorded events of all runs together")
    parser.add_argument("--seed", type=int, metavar="S", help="same seed, same content")
    layouts = "tout2023 (default), array2018, hits, or a TOML file"
    parser.add_argument("--layout", default="tout2023", metavar="LAYOUT", help=layouts)
    parser.add_argument(
        "--format", default="ttree", choices=("ttree", "rntuple", "parquet"), help="default: %(default)s"
    )


def _add_catalogue(verbs: Any) -> None:
    parser = _add(verbs, "catalogue", _catalogue, "Register run files: structure only, no event content.")
    parser.add_argument("paths", nargs="+", metavar="PATH", help="files, folders, globs or URLs")
    parser.add_argument("--to", type=Path, required=True, metavar="CATALOGUE.json", help="where to write it")
    parser.add_argument("--period", metavar="P", help="quarantine files of another period")
    layout = "quarantine files of another layout: a name or a TOML file"
    parser.add_argument("--layout", metavar="L", help=layout)
    parser.add_argument("--simulation", action="store_true", help="simulated files: not blinded")
    parser.add_argument("--update", action="store_true", help="keep what is registered, add what is new")
    parser.add_argument("--accept", metavar="SHA", help="a quarantined file was reviewed and stays out")
    parser.add_argument("--reason", metavar="TEXT", help="why, with --accept")


_STORE_HELP = "of features that later selections start from; default: features, beside the catalogue"


def _add_process(verbs: Any) -> None:
    parser = _add(verbs, "process", _process, "Run a selection over a catalogue; resumes what was begun.")
    parser.add_argument("catalogue", type=Path, metavar="CATALOGUE.json", help="made by na64 catalogue")
    selections = "dimuon_2022, dimuon_2023, invisible_2018, invisible_2023, or a TOML file"
    parser.add_argument("--selection", required=True, metavar="NAME_OR_TOML", help=selections)
    parser.add_argument("--to", type=Path, metavar="DIR", help="default: results/<identity>")
    kinds = ("iterative", "processes", "dask")
    parser.add_argument("--executor", default="dask", choices=kinds, help="default: %(default)s")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="of a Dask cluster; default: one of its own")
    parser.add_argument("--workers", type=_positive, metavar="N", help="default: the number of cores")
    parser.add_argument("--chunk-events", type=_positive, metavar="N", help="most events read at a time")
    parser.add_argument("--runs", metavar="8396-8458,8500", help="only these runs")
    limit = "read this many events of each run; the result is INCOMPLETE"
    parser.add_argument("--limit", type=_positive, metavar="N", help=limit)
    parser.add_argument("--store", type=Path, metavar="DIR", help=_STORE_HELP)
    parser.add_argument("--plugin", type=Path, metavar="FILE.py", help="features of your own")
    parser.add_argument("--fresh", action="store_true", help="count again what was counted before")
    parser.add_argument("--no-report", action="store_true", help="numbers only; na64 report draws them later")
    parser.add_argument("--dry-run", action="store_true", help="say what would be read, and stop")


def _add_report(verbs: Any) -> None:
    parser = _add(verbs, "report", _report, "Draw plots and report.html again from the stored result.")
    parser.add_argument("folder", type=Path, metavar="DIR", help="where na64 process wrote to")


def _add_status(verbs: Any) -> None:
    parser = _add(verbs, "status", _status, "Say what is done, missing, failed and quarantined.")
    parser.add_argument("folder", type=Path, metavar="DIR", help="where na64 process wrote to")


def _add_why(verbs: Any) -> None:
    parser = _add(verbs, "why", _why, "Say what has changed since the stored result of a run.")
    parser.add_argument("folder", type=Path, metavar="DIR", help="where na64 process wrote to")
    parser.add_argument("run", type=_positive, metavar="RUN", help="number of the run")


def _add_freeze(verbs: Any) -> None:
    parser = _add(
        verbs, "freeze", _freeze, "Fix a blind analysis: write its manifest, whose hash commits it."
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="where na64 process wrote to")
    default = "not stated"
    parser.add_argument("--background", default=default, metavar="TEXT", help="the estimate, with its error")
    parser.add_argument("--expected-limit", default=default, metavar="TEXT", help="the limit expected of it")
    upstream = "blinding applied to the files before"
    parser.add_argument("--upstream-blinding", default=default, metavar="TEXT", help=upstream)
    after = "the freeze under which the box was opened before"
    parser.add_argument("--after", default="", metavar="HASH", help=after)


def _add_unblind(verbs: Any) -> None:
    text = "Open the box of a frozen analysis; refused if anything differs from the manifest."
    parser = _add(verbs, "unblind", _unblind, text)
    parser.add_argument("folder", type=Path, metavar="DIR", help="where na64 freeze wrote to")
    parser.add_argument("--freeze", required=True, metavar="HASH", help="what na64 freeze gave")
    parser.add_argument("--reason", required=True, metavar="TEXT", help="why now")
    approved = "twice: two people who agree"
    parser.add_argument("--approved-by", action="append", required=True, metavar="NAME", help=approved)
    stage = "open this fraction of the spills first"
    parser.add_argument("--stage", type=float, default=1.0, metavar="FRACTION", help=stage)
    kinds = ("iterative", "processes", "dask")
    parser.add_argument("--executor", default="processes", choices=kinds, help="default: %(default)s")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="of a Dask cluster")
    parser.add_argument("--workers", type=_positive, metavar="N", help="default: the number of cores")


def _add_audit(verbs: Any) -> None:
    parser = _add(
        verbs, "audit", _audit, "Verify the log of a blind analysis, without data; print a timeline."
    )
    parser.add_argument("path", type=Path, metavar="LOG_OR_DIR", help="a log, or the folder of a result")
    head = "a hash that the log had once, kept elsewhere"
    parser.add_argument("--head", action="append", default=[], metavar="HASH", help=head)


def _add_bench(verbs: Any) -> None:
    text = "Measure the speed of this machine: the floor, our programs and others, after they counted alike."
    parser = _add(verbs, "bench", _bench, text)
    parser.add_argument("--events", type=_positive, default=1_000_000, metavar="N", help="default: 1000000")
    parser.add_argument("--to", type=Path, default=Path("results/bench"), metavar="DIR")
    parser.add_argument("--quick", action="store_true", help="one round, without workers, memory, scheduler")
    parser.add_argument(
        "--root-python", type=Path, metavar="PATH", help="an interpreter that has ROOT, for RDataFrame"
    )


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a positive whole number")
    return int(text)


# What the commands do


def _demo(options: argparse.Namespace) -> int:
    began = time.monotonic()
    folder: Path = options.to
    data, catalogue = str(folder / "data"), str(folder / "catalogue.json")
    n_events = ["--events", str(options.events)] if options.events else []
    workers = ["--workers", str(options.workers)] if options.workers else []
    selections = ("invisible_2023", "dimuon_2023")
    process = [
        ["process", catalogue, "--selection", name, "--to", str(folder / name), *workers]
        for name in selections
    ]
    simulate = ["simulate", "demo", "--to", data, *n_events]
    for line in (simulate, ["catalogue", data, "--to", catalogue], *process):
        print(f"$ na64 {' '.join(line)}")
        code = main([*line, *(["--debug"] if options.debug else [])])
        if code != SUCCESS:
            return code
    print(f"done in {time.monotonic() - began:.0f} s; open the reports:")
    _tell(f"  {folder / name / 'report.html'}" for name in selections)
    return SUCCESS


def _simulate(options: argparse.Namespace) -> int:
    from na64.datasets.synthetic.campaign_reader import load_campaign
    from na64.datasets.synthetic.simulation import simulate
    from na64.outputs.progress import progress

    campaign = load_campaign(options.campaign)
    total = options.events or campaign.n_events
    with progress("simulate", "events", sys.stderr) as show:
        done = 0
        show(done, total)

        def on_block(n_events: int) -> None:
            nonlocal done
            done += n_events
            show(done, total)

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
    from na64.outputs import messages
    from na64.outputs.progress import progress

    if (options.accept is None) != (options.reason is None):
        raise ValueError("--accept and --reason go together")
    with progress("catalogue", "files", sys.stderr) as show:
        show(0, 0)
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
    _tell(messages.of_catalogue(built, options.to))
    return INCOMPLETE if built.unreviewed else SUCCESS


def _note_claims(catalogue: Catalogue, path: Path) -> None:
    """Log files that are called simulation without saying what was simulated: nothing else would show it."""
    from na64.datasets.catalogue import Kind
    from na64.outputs.audit import append

    claimed = [record.sha256 for record in catalogue.good if not record.truth]
    if catalogue.kind is Kind.SIMULATION and claimed:
        append(path.with_name("audit.jsonl"), "catalogue_simulation", {"without_truth": claimed})


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
        _tell(messages.of_plan(catalogue, list(job.runs), tasks, options.workers))
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

    kind = Kind(options.executor)
    if options.store is not None:
        options.store.mkdir(parents=True, exist_ok=True)
    with (
        open_backend(kind, workers=options.workers, scheduler=options.scheduler) as backend,
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
    spills = known_spills(catalogue, job, periods)
    write(folder, facts=summary, tallies=result.tallies, booking=booking, made_by=made_by, spills=spills)
    _tell(messages.of_result(summary))
    print(f"numbers: {folder}" if options.no_report else f"report: {folder / store.REPORT}")
    return INCOMPLETE if summary.reasons else SUCCESS


def _report(options: argparse.Namespace) -> int:
    from na64.outputs.store import read_result, write_report

    print(f"report: {write_report(options.folder, read_result(options.folder))}")
    return SUCCESS


def _status(options: argparse.Namespace) -> int:
    from na64.outputs.messages import of_status
    from na64.outputs.store import read_result

    summary = read_result(options.folder).summary
    _tell(of_status(summary))
    return INCOMPLETE if summary.reasons else SUCCESS


def _why(options: argparse.Namespace) -> int:
    from na64.outputs.why import why

    _tell(why(options.folder, options.run))
    return SUCCESS


def _freeze(options: argparse.Namespace) -> int:
    from na64.outputs.freeze import FREEZE, Declared, freeze

    declared = Declared(
        options.background, options.expected_limit, options.upstream_blinding, after=options.after
    )
    digest = freeze(options.folder, declared)
    print(f"manifest: {options.folder / FREEZE}")
    print(f"commitment: {digest}")
    return SUCCESS


def _unblind(options: argparse.Namespace) -> int:
    from na64.outputs.unblind import UNBLINDED, Demand, unblind
    from na64.processors.backends import Kind, open_backend

    demand = Demand(options.freeze, options.reason, tuple(options.approved_by), options.stage)
    workers = options.workers or os.cpu_count() or 1
    with open_backend(Kind(options.executor), workers=workers, scheduler=options.scheduler) as backend:
        opened = unblind(options.folder, demand, backend)
    _tell(opened.failures)
    print(f"UNBLINDED: {opened.total[0]:,} events in the box, {opened.total[-1]:,} pass all cuts")
    print(f"record: {options.folder / UNBLINDED}")
    return INCOMPLETE if opened.failures else SUCCESS


def _audit(options: argparse.Namespace) -> int:
    from na64.outputs import audit
    from na64.outputs.examination import find_log, problems

    log = find_log(options.path)
    if not audit.verify(log):
        _tell(audit.timeline(log))
    found = problems(options.path, options.head)
    _tell(f"ALTERED: {problem}" for problem in found)
    if not found:
        print(f"the chain holds: {len(audit.entries(log))} lines, the last is {audit.head(log)}")
    return INCOMPLETE if found else SUCCESS


def _bench(options: argparse.Namespace) -> int:
    from na64.benchmarks.bench import Plan, run_bench
    from na64.benchmarks.table import write

    plan = Plan(options.events, 1, scaling=False) if options.quick else Plan(options.events)
    findings = run_bench(
        plan, options.to, root_python=options.root_python, say=lambda line: print(line, flush=True)
    )
    print(write(findings, options.to))
    return SUCCESS


if __name__ == "__main__":
    sys.exit(main())
