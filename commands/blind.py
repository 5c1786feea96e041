"""na64 freeze, unblind and audit: a blind analysis from commitment to opening."""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from na64.commands.report_sections import renew_report
from na64.commands.verbs import (
    INCOMPLETE,
    PRODUCTS,
    SUCCESS,
    add_command,
    positive,
    require_result,
    tell,
)


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
    parser.add_argument("--reason", required=True, metavar="TEXT", help="why now")
    approved = "twice: two people who agree"
    parser.add_argument("--approved-by", action="append", required=True, metavar="NAME", help=approved)
    stage = "open this fraction of the spills first"
    parser.add_argument("--stage", type=float, default=1.0, metavar="FRACTION", help=stage)
    kinds = ("iterative", "processes", "dask")
    parser.add_argument("--executor", default="processes", choices=kinds, help="default: %(default)s")
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
    from na64.datasets.basics.turns import turn
    from na64.outputs.blinding.freeze import FREEZE, Declared, freeze

    declared = Declared(
        background=options.background,
        expected_limit=options.expected_limit,
        upstream=options.upstream_blinding,
        after=options.after,
        layouts=tuple(options.layout),
        deviations=options.deviations,
    )
    require_result(options.folder)
    with turn(options.folder, PRODUCTS, "na64 freeze"):
        digest = freeze(options.folder, declared)
    print(f"manifest: {options.folder / FREEZE}")
    print(f"commitment: {digest}")
    return SUCCESS


def _unblind(options: argparse.Namespace) -> int:
    from na64.datasets.basics.turns import turn
    from na64.outputs.blinding.opened_box import UNBLINDED
    from na64.outputs.blinding.unblind import Demand, unblind
    from na64.processors.execution.backends import Kind, open_backend

    demand = Demand(options.freeze, options.reason, tuple(options.approved_by), options.stage)
    workers = options.workers or os.cpu_count() or 1
    require_result(options.folder)
    # Whoever comes second waits for the first, and is then refused by what the log says.
    with turn(options.folder, "opening", "na64 unblind", patience=math.inf):
        with open_backend(Kind(options.executor), workers=workers, scheduler=options.scheduler) as backend:
            opened, evidence = unblind(options.folder, demand, backend)
        tell(opened.failures)
        print(f"UNBLINDED: {opened.total[0]:,} events in the box, {opened.total[-1]:,} pass all cuts")
        tell(_of_evidence(evidence))
        print(f"record: {options.folder / UNBLINDED}")
        if demand.fraction >= 1 and not opened.failures:
            with turn(options.folder, PRODUCTS, "na64 unblind"):
                _observe(options.folder, demand.freeze)
        _draw(options.folder)
    return INCOMPLETE if opened.failures else SUCCESS


def _of_evidence(evidence: Mapping[str, Any]) -> Iterator[str]:
    background, p_value = evidence["background"], evidence["p_value"]
    if p_value is None:
        yield f"no p-value: {evidence['why']}"
    else:
        z = evidence["significance"]
        size = "" if z is None or z <= 0 else f", {z:.2f} standard deviations"
        yield (
            f"background as frozen {background['n']:.3g} +- {background['error']:.2g}, "
            f"{evidence['observed']:,} observed: p {f'= {p_value:.3g}' if p_value else '< 1e-300'}{size}"
        )
    yield str(evidence["look_elsewhere"])


def _observe(folder: Path, freeze: str) -> None:
    """Set the observed limits; whatever stands against them does not take the opening with it."""
    from na64.outputs.blinding.freeze import read_manifest
    from na64.outputs.limits.messages import of_analysis
    from na64.outputs.limits.observed import observed_limits

    try:
        analysis = observed_limits(folder, freeze, read_manifest(folder, freeze))
    except (ValueError, KeyError, OSError, RuntimeError, ArithmeticError) as problem:
        why = " ".join(str(problem).split())
        print(f"no observed limits ({why}): na64 limits makes them")
        return
    if analysis is None:
        print("no observed limits: none were frozen; na64 limits makes them")
    else:
        tell(of_analysis(analysis))


def _draw(folder: Path) -> None:
    """Draw the opened plane, and the report again."""
    from na64.datasets.basics.turns import turn
    from na64.outputs.report.opened_plane import write_plane

    with turn(folder, PRODUCTS, "na64 unblind"):
        print(f"plane: {write_plane(folder)}")
        renew_report(folder)


def _audit(options: argparse.Namespace) -> int:
    from na64.outputs.blinding.examination import find_log, problems
    from na64.outputs.result import audit_log

    log = find_log(options.path)
    if not audit_log.altered(log):
        tell(audit_log.timeline(log))
    found = problems(options.path, options.head)
    torn = audit_log.torn(log)
    tell(f"ALTERED: {problem}" for problem in found)
    kept = "the next line that is added keeps what is left of it"
    tell(f"TORN: {problem} in {log.name}; {kept}" for problem in torn)
    if not found:
        print(f"the chain holds: {len(audit_log.entries(log))} lines, the last is {audit_log.head(log)}")
    return INCOMPLETE if found or torn else SUCCESS
