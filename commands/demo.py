"""na64 demo: the whole line on a simulated campaign."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

from na64.commands.verbs import SUCCESS, add_command, positive, tell


def add(verbs: Any) -> None:
    """Declare the command."""
    text = "Simulate a small campaign, catalogue it as data, process it blind and write the reports."
    parser = add_command(verbs, "demo", _demo, text)
    folder = Path("results/demo")
    parser.add_argument("--to", type=Path, default=folder, metavar="DIR", help="default: %(default)s")
    parser.add_argument("--events", type=positive, metavar="N", help="recorded events; default: 240,000")
    parser.add_argument("--workers", type=positive, metavar="N", help="default: the number of cores")


def _demo(options: argparse.Namespace) -> int:
    began = time.monotonic()
    folder: Path = options.to
    data, catalogue = str(folder / "data"), str(folder / "catalogue.json")
    n_events = ["--events", str(options.events)] if options.events else []
    workers = ["--workers", str(options.workers)] if options.workers else []
    executor = ["--executor", "dask"]
    selections = ("invisible_2023", "dimuon_2023")
    process = [
        ["process", catalogue, "--selection", name, "--to", str(folder / name), *executor, *workers]
        for name in selections
    ]
    simulate = ["simulate", "demo", "--to", data, *n_events]
    for line in (simulate, ["catalogue", data, "--to", catalogue], *process):
        print(f"$ na64 {' '.join(line)}")
        code: int = options.program([*line, *(["--debug"] if options.debug else [])])
        if code != SUCCESS:
            return code
    print(f"done in {time.monotonic() - began:.0f} s; open the reports:")
    tell(f"  {folder / name / 'report.html'}" for name in selections)
    return SUCCESS
