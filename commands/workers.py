"""Options of who does the work: executor, workers, and where they come from."""

from __future__ import annotations

import argparse
from typing import Any

from na64.commands.verbs import positive

EXECUTORS = ("iterative", "processes", "dask")

_NAMES = ("executor", "workers", "scheduler", "cluster", "chunk_events", "deadline")


def add_workers(parser: argparse.ArgumentParser) -> None:
    """Declare who reads events, how many at a time, and how long a piece of a file may take."""
    chosen = "default: iterative, or dask where its workers save more time than they take to start"
    parser.add_argument("--executor", choices=EXECUTORS, help=chosen)
    scheduler = "of a Dask cluster; default: one of its own"
    parser.add_argument("--scheduler", metavar="ADDRESS", help=scheduler)
    clusters = "gateway, htcondor, kubernetes, local, lxplus, slurm, or a TOML file: where workers come from"
    parser.add_argument("--cluster", metavar="NAME_OR_TOML", help=clusters)
    parser.add_argument("--workers", type=positive, metavar="N", help="default: the number of cores")
    parser.add_argument("--chunk-events", type=positive, metavar="N", help="most events read at a time")
    deadline = "longest time for one piece of a file before it is given up; default: %(default)s"
    parser.add_argument("--deadline", type=positive, default=1800, metavar="SECONDS", help=deadline)


def workers_of(options: argparse.Namespace) -> dict[str, Any]:
    """Arguments of a verb of `na64` that the options of `add_workers` are."""
    return {name: getattr(options, name) for name in _NAMES}
