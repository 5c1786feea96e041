"""na64 bench: how fast this machine is at it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from na64.commands.verbs import SUCCESS, add_command, positive


def add(verbs: Any) -> None:
    """Declare the command."""
    text = "Measure the speed of this machine: the floor, our programs and others, after they counted alike."
    parser = add_command(verbs, "bench", _bench, text)
    parser.add_argument("--events", type=positive, default=1_000_000, metavar="N", help="default: 1000000")
    parser.add_argument("--to", type=Path, default=Path("results/bench"), metavar="DIR")
    parser.add_argument("--quick", action="store_true", help="one round, without workers, memory, scheduler")
    parser.add_argument(
        "--root-python", type=Path, metavar="PATH", help="an interpreter that has ROOT, for RDataFrame"
    )


def _bench(options: argparse.Namespace) -> int:
    from na64.benchmarks.bench import Workload, run_bench
    from na64.benchmarks.table import write

    plan = Workload(options.events, 1, scaling=False) if options.quick else Workload(options.events)
    findings = run_bench(
        plan, options.to, root_python=options.root_python, say=lambda line: print(line, flush=True)
    )
    print(write(findings, options.to))
    return SUCCESS
