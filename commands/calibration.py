"""na64 calibrate, na64 monitor: constants of cells, and cells against run and spill."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from na64.commands.verbs import INCOMPLETE, SUCCESS, add_command, positive
from na64.commands.workers import add_workers, workers_of


def add(verbs: Any) -> None:
    """Declare the commands."""
    text = "Measure times, scales, noise and bad cells by range of runs, out of visible events."
    parser = add_command(verbs, "calibrate", _calibrate, text)
    _add_pass(parser, "folder of calibration.toml, tables, plots and a page")
    reference = "earlier calibration: what signals are scaled to, and what is kept where too little is there"
    parser.add_argument("--reference", type=Path, metavar="NAME_OR_FILE", help=reference)
    ranges = "ranges of runs with one set of constants each; default: found, a new one where a cell jumps"
    parser.add_argument("--ranges", default="", metavar="8701-8704,8705-8710", help=ranges)
    parser.add_argument("--per-run", action="store_true", help="constants of their own for every run")
    parser.add_argument("--name", metavar="NAME", help="of the calibration; default: that of the folder")
    least = "entries that a constant needs; a cell with fewer keeps the old one; default: %(default)s"
    parser.add_argument("--least", type=positive, default=50, metavar="N", help=least)
    text = "Follow gain, time, occupancy and noise of every cell by run and spill, and name outliers."
    _add_pass(add_command(verbs, "monitor", _monitor, text), "folder of tables, plots and a page")


def _add_pass(parser: argparse.ArgumentParser, to: str) -> None:
    """Declare what both have: which events, where, and who does it."""
    parser.add_argument("catalogue", type=Path, metavar="CATALOGUE.json", help="made by na64 catalogue")
    parser.add_argument("--to", type=Path, required=True, metavar="DIR", help=to)
    parser.add_argument("--runs", metavar="8396-8458,8500", help="only these runs")
    samples = "what the samples of events are, one cut each: calibration, or a TOML file on that base"
    parser.add_argument("--selection", default="calibration", metavar="NAME_OR_TOML", help=samples)
    add_workers(parser)
    parser.add_argument("--no-report", action="store_true", help="numbers only, no plots and no page")
    label = "after the name of the experiment in all figures, as Preliminary"
    parser.add_argument("--label", default="", metavar="TEXT", help=label)


def _common(options: argparse.Namespace) -> dict[str, Any]:
    return {
        "to": options.to,
        "runs": options.runs,
        "selection": options.selection,
        "report": not options.no_report,
        "label": options.label,
        **workers_of(options),
    }


def _calibrate(options: argparse.Namespace) -> int:
    from na64.commands.progress import Terminal
    from na64.outputs.analysis.calibrations import calibrate

    with Terminal() as terminal:
        found = calibrate(
            options.catalogue,
            reference=options.reference,
            ranges=options.ranges,
            per_run=options.per_run,
            name=options.name,
            least=options.least,
            progress=terminal.progress("calibrate", "events"),
            tell=terminal.tell,
            note=terminal.note,
            **_common(options),
        )
    return SUCCESS if found.is_complete else INCOMPLETE


def _monitor(options: argparse.Namespace) -> int:
    from na64.commands.progress import Terminal
    from na64.outputs.analysis.monitoring import monitor

    with Terminal() as terminal:
        found = monitor(
            options.catalogue,
            progress=terminal.progress("monitor", "events"),
            tell=terminal.tell,
            note=terminal.note,
            **_common(options),
        )
    return SUCCESS if found.is_complete else INCOMPLETE
