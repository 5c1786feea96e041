"""na64 freeze, unblind and audit: a blind analysis from commitment to opening."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Any

from na64.commands.verbs import INCOMPLETE, SUCCESS, add_command, any_text, number, positive, refused
from na64.commands.workers import EXECUTORS

_HASH = re.compile(r"[0-9a-f]{64}")


def add(verbs: Any) -> None:
    """Declare the commands of this module."""
    _add_freeze(verbs)
    _add_unblind(verbs)
    _add_audit(verbs)


def _add_freeze(verbs: Any) -> None:
    parser = add_command(
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
    layout = "a layout whose ECAL, HCAL and trigger are not those of a packaged one, as they should be"
    parser.add_argument("--layout", action="append", default=[], metavar="NAME", help=layout)
    deviations = "why numbers of the periods are not the packaged ones, where they are not"
    parser.add_argument("--deviations", default="", metavar="TEXT", help=deviations)


def _add_unblind(verbs: Any) -> None:
    text = "Open the box of a frozen analysis; refused if anything differs from the manifest."
    parser = add_command(verbs, "unblind", _unblind, text)
    parser.add_argument("folder", type=Path, metavar="DIR", help="where na64 freeze wrote to")
    parser.add_argument("--freeze", required=True, metavar="HASH", help="what na64 freeze gave")
    parser.add_argument("--reason", required=True, type=any_text, metavar="TEXT", help="why now")
    approved = "twice: two people who agree"
    said: dict[str, Any] = {"type": any_text, "metavar": "NAME"}  # whoever tries with nobody is in the log
    parser.add_argument("--approved-by", action="append", required=True, help=approved, **said)
    stage = "open this fraction of the spills first"
    parser.add_argument("--stage", type=number, default=1.0, metavar="FRACTION", help=stage)
    parser.add_argument("--executor", default="processes", choices=EXECUTORS, help="default: %(default)s")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="of a Dask cluster")
    parser.add_argument("--workers", type=positive, metavar="N", help="default: the number of cores")


def _add_audit(verbs: Any) -> None:
    parser = add_command(
        verbs, "audit", _audit, "Verify the log of a blind analysis, without data; print a timeline."
    )
    parser.add_argument("path", type=Path, metavar="LOG_OR_DIR", help="a log, or the folder of a result")
    head = "a hash that the log had once, kept elsewhere"
    parser.add_argument("--head", action="append", default=[], metavar="HASH", help=head)


def _freeze(options: argparse.Namespace) -> int:
    from na64.outputs.analysis.blinding import freeze

    freeze(
        options.folder,
        background=options.background,
        expected_limit=options.expected_limit,
        upstream_blinding=options.upstream_blinding,
        after=options.after,
        layouts=options.layout,
        deviations=options.deviations,
        tell=print,
    )
    return SUCCESS


def _unblind(options: argparse.Namespace) -> int:
    from na64.outputs.analysis.blinding import unblind

    if options.workers is not None and (options.executor == "iterative" or options.scheduler):
        where = "a --scheduler has its own" if options.scheduler else "the iterative executor has none"
        raise refused("workers", options.workers, where)
    found = unblind(
        options.folder,
        freeze=options.freeze,
        reason=options.reason,
        approved_by=options.approved_by,
        stage=options.stage,
        executor=options.executor,
        workers=options.workers,
        scheduler=options.scheduler,
        tell=print,
    )
    return INCOMPLETE if found.opened.failures else SUCCESS


def _audit(options: argparse.Namespace) -> int:
    from na64.outputs.analysis.blinding import audit

    for head in options.head:
        if not _HASH.fullmatch(head):
            raise refused(
                "head", head, "expected the 64 hexadecimal digits of a line, as na64 audit prints them"
            )
    return SUCCESS if audit(options.path, heads=options.head, tell=print).holds else INCOMPLETE
