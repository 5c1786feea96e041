"""na64 report, status and why: what a stored result says."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from na64.commands.verbs import INCOMPLETE, SUCCESS, add_command, positive, tell


def add(verbs: Any) -> None:
    """Declare the commands of this module."""
    _add_report(verbs)
    _add_status(verbs)
    _add_why(verbs)


def _add_report(verbs: Any) -> None:
    parser = add_command(verbs, "report", _report, "Draw plots and report.html again from the stored result.")
    parser.add_argument("folder", type=Path, metavar="DIR", help="where na64 process wrote to")


def _add_status(verbs: Any) -> None:
    parser = add_command(verbs, "status", _status, "Say what is done, missing, failed and quarantined.")
    parser.add_argument("folder", type=Path, metavar="DIR", help="where na64 process wrote to")


def _add_why(verbs: Any) -> None:
    parser = add_command(verbs, "why", _why, "Say what has changed since the stored result of a run.")
    parser.add_argument("folder", type=Path, metavar="DIR", help="where na64 process wrote to")
    parser.add_argument("run", type=positive, metavar="RUN", help="number of the run")


def _report(options: argparse.Namespace) -> int:
    from na64.outputs.store import read_result, write_report

    print(f"report: {write_report(options.folder, read_result(options.folder))}")
    return SUCCESS


def _status(options: argparse.Namespace) -> int:
    from na64.outputs.messages import of_status
    from na64.outputs.store import read_result

    summary = read_result(options.folder).summary
    tell(of_status(summary))
    return INCOMPLETE if summary.reasons else SUCCESS


def _why(options: argparse.Namespace) -> int:
    from na64.outputs.why import why

    tell(why(options.folder, options.run))
    return SUCCESS
