"""na64 bench: how fast this machine is at it."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from na64.benchmarks.parts import QUICK, Part, parts_of
from na64.commands.verbs import INCOMPLETE, SUCCESS, add_command, positive


def add(verbs: Any) -> None:
    """Declare the command."""
    text = "Measure the speed of this machine: the floor, our programs and others, after they counted alike."
    parser = add_command(verbs, "bench", _bench, text)
    parser.add_argument("--events", type=positive, default=1_000_000, metavar="N", help="default: 1000000")
    parser.add_argument("--to", type=Path, default=Path("results/bench"), metavar="DIR")
    parser.add_argument("--quick", action="store_true", help="one round, without what takes long")
    only = f"these parts, separated by commas: {', '.join(part.value for part in Part)}"
    parser.add_argument("--only", type=_parts, metavar="PART,...", help=only)
    parser.add_argument(
        "--root-python", type=Path, metavar="PATH", help="an interpreter that has ROOT, for RDataFrame"
    )
    parser.add_argument("--scale", action="store_true", help="instead: the cost of a run more, step by step")
    runs = "with --scale: tiny runs of 150 spills, at most; default: %(default)s"
    parser.add_argument("--runs", type=positive, default=2000, metavar="N", help=runs)
    workers = "with --scale: that look at files side by side; default: %(default)s"
    parser.add_argument("--workers", type=positive, default=1, metavar="N", help=workers)


def _bench(options: argparse.Namespace) -> int:
    if options.scale:
        return _scale(options)
    from na64.benchmarks.bench import run_bench
    from na64.benchmarks.findings import Workload
    from na64.benchmarks.table import write

    plan = Workload(options.events)
    if options.quick:
        plan = replace(plan, rounds=1, parts=QUICK)
    if options.only:
        plan = replace(plan, parts=options.only)
    findings = run_bench(
        plan, options.to, root_python=options.root_python, say=lambda line: print(line, flush=True)
    )
    _show(write(findings, options.to))
    return SUCCESS


def _parts(names: str) -> tuple[Part, ...]:
    try:
        return parts_of(names)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _scale(options: argparse.Namespace) -> int:
    from na64.benchmarks.many_runs_cost import measure_many_runs, sizes_up_to, write

    costs = measure_many_runs(
        sizes_up_to(options.runs),
        options.to / "scale",
        workers=options.workers,
        say=lambda line: print(line, flush=True),
    )
    _show(write(costs, options.to))
    return SUCCESS if all(cost.is_linear for cost in costs) else INCOMPLETE


def _show(table: str) -> None:
    """Print a table line by line: within one the terminal shows the end of a line as letters."""
    for line in table.splitlines():
        print(line)
