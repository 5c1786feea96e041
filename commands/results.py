"""na64 report, status and why: what a stored result says."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from na64.commands.verbs import (
    INCOMPLETE,
    SUCCESS,
    add_command,
    add_json,
    any_text,
    positive,
    print_json,
    tell,
)

if TYPE_CHECKING:
    from na64.outputs.result.products import Products
    from na64.outputs.result.summary import Summary


def add(verbs: Any) -> None:
    """Declare the commands of this module."""
    _add_report(verbs)
    _add_status(verbs)
    _add_why(verbs)


def _add_report(verbs: Any) -> None:
    parser = add_command(verbs, "report", _report, "Draw plots and report.html again from the stored result.")
    parser.add_argument("folder", type=Path, metavar="DIR", help="where na64 process wrote to")
    parser.add_argument(
        "--label",
        type=any_text,
        metavar="TEXT",
        help="stands after NA64 in every figure, as Preliminary; kept until changed",
    )


def _add_status(verbs: Any) -> None:
    parser = add_command(verbs, "status", _status, "Say what is done, missing, failed and quarantined.")
    parser.add_argument("folder", type=Path, metavar="DIR", help="where na64 process wrote to")
    add_json(parser)


def _add_why(verbs: Any) -> None:
    parser = add_command(verbs, "why", _why, "Say what has changed since the stored result of a run.")
    parser.add_argument("folder", type=Path, metavar="DIR", help="where na64 process wrote to")
    parser.add_argument(
        "run", type=positive, nargs="?", metavar="RUN", help="a run; default: all of the result"
    )


def _report(options: argparse.Namespace) -> int:
    from na64.datasets.basics.turns import turn
    from na64.outputs.analysis.full_report import write_full_report
    from na64.outputs.report.write import is_finished
    from na64.outputs.result.product_names import PRODUCTS
    from na64.outputs.result.store import require_result

    require_result(options.folder)
    with turn(options.folder, PRODUCTS, "na64 report"):
        print(f"report: {write_full_report(options.folder, options.label)}")
    return SUCCESS if is_finished(options.folder) else INCOMPLETE


def _status(options: argparse.Namespace) -> int:
    from dataclasses import replace

    from na64.outputs.batch import submissions
    from na64.outputs.blinding.opened_box import as_opened, read_opened
    from na64.outputs.result.messages import of_status
    from na64.outputs.result.store import RESULT, read_result, require_result
    from na64.outputs.result.summary import Verdict
    from na64.outputs.result.verdict import verdict_problems

    if not options.json:
        tell(_of_batch(options.folder))
    if submissions.submission_numbers(options.folder) and not (options.folder / RESULT).exists():
        return _no_products("na64 merge writes them", options)
    if (options.folder / "partials").exists() and not (options.folder / RESULT).exists():
        return _no_products("the same na64 process goes on where it was", options)
    require_result(options.folder)
    products = read_result(options.folder)
    problems, summary = verdict_problems(products), products.summary
    if problems:  # judged by what is stored, not by what it says of itself
        reasons = (*summary.reasons, *(p for p in problems if p not in (*summary.reasons, *summary.failures)))
        summary = replace(summary, verdict=Verdict.INCOMPLETE, reasons=reasons)
    shown = as_opened(products, read_opened(options.folder, summary)).summary
    summary = replace(summary, opening=shown.opening)
    if options.json:
        print_json(_as_json(products, summary))
    else:
        tell(of_status(summary))
    return INCOMPLETE if problems else SUCCESS


def _no_products(what_next: str, options: argparse.Namespace) -> int:
    if options.json:
        print_json({"verdict": None, "reasons": [f"no products yet: {what_next}"]})
    else:
        print(f"no products yet: {what_next}")
    return INCOMPLETE


def _as_json(products: Products, summary: Summary) -> dict[str, Any]:
    """What `na64 status` says, and the tables of all runs, as a program reads it."""
    return {
        "verdict": summary.verdict.value,
        "selection": summary.selection.name,
        "label": summary.label,
        "scope": summary.scope,
        "reasons": list(summary.reasons),
        "failures": list(summary.failures),
        "warnings": list(summary.warnings),
        "totals": dict(summary.totals),
        "not_read": [{"file": name, "reason": reason} for name, reason in summary.files.not_read],
        "yields": products.yields.records(),
        "cutflow": [row for row in products.cutflow.records() if row["run"] == "all"],
    }


def _of_batch(folder: Path) -> Iterator[str]:
    from na64.outputs.batch import batch_system, submissions

    sent = submissions.submissions(folder)
    return submissions.status(folder, {place: batch_system.queued(each) for place, each in sent.items()})


def _why(options: argparse.Namespace) -> int:
    from na64.outputs.result.why import why

    tell(why(options.folder, options.run))
    return SUCCESS
