"""na64 scan: other values of a cut."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from na64.commands.verbs import (
    INCOMPLETE,
    SUCCESS,
    add_command,
    add_fit_options,
    add_json,
    add_reason,
    number,
    positive,
    print_json,
    refused,
)

_STEPS = {1: 20, 2: 10}


def add(verbs: Any) -> None:
    """Declare the command."""
    text = "Try other values of one cut or two: background beside the box, efficiency, expected limit."
    parser = add_command(verbs, "scan", _scan, text)
    parser.add_argument("folder", type=Path, metavar="DIR", help="where na64 process wrote to")
    cut = "a bound of the selection, spelled as for --set; two of them make a map"
    parser.add_argument(
        "--cut", dest="cuts", action="append", required=True, metavar="CUT.FEATURE.BOUND", help=cut
    )
    first = "first value, in the unit of the selection's file; once for each --cut"
    parser.add_argument("--from", dest="first", action="append", type=_end, metavar="X", help=first)
    last = "last value; once for each --cut"
    parser.add_argument("--to", dest="last", action="append", type=_end, metavar="X", help=last)
    steps = "values, both ends included; default: 20, of a map 10 each"
    parser.add_argument("--steps", action="append", type=positive, metavar="N", help=steps)
    signal = "result of a simulated signal, same selection: gives the efficiency"
    parser.add_argument("--signal", type=Path, metavar="SIM_DIR", help=signal)
    component = "truth_component of the signal, where others are simulated too"
    parser.add_argument("--component", type=int, metavar="N", help=component)
    add_reason(parser)
    add_fit_options(parser)
    store = "of features; default: features, beside the catalogue"
    parser.add_argument("--store", type=Path, metavar="DIR", help=store)
    add_json(parser)
    parser.add_argument("--out", type=Path, metavar="DIR", help="default: scan in DIR of the result")


def _end(text: str) -> float:
    """End of a range; who gives a folder, as to the --to of other commands, is told of --out."""
    try:
        return number(text)
    except argparse.ArgumentTypeError:
        hint = "is no number: --from and --to are the ends of the range, --out is the folder"
        raise argparse.ArgumentTypeError(f'"{text}" {hint}') from None


def _scan(options: argparse.Namespace) -> int:
    from na64.commands.progress import Terminal
    from na64.outputs.analysis.listening import silent
    from na64.outputs.analysis.scans import scan
    from na64.outputs.limits.scan.table import as_json, nominal_row, table_of

    ranges, steps = _ranges(options)
    if options.component is not None and options.signal is None:
        raise refused("component", options.component, "is of a simulated signal, which --signal names")
    if options.reason and options.signal is None:
        raise refused("reason", options.reason, "is of a simulated signal, which --signal names")
    with Terminal() as terminal:
        found = scan(
            options.folder,
            ranges,
            steps=steps,
            signal=options.signal,
            component=options.component,
            end=options.end,
            start=options.start,
            hcal_start=options.hcal_start,
            hcal_stop=options.hcal_stop,
            one_slope=options.one_slope,
            store=options.store,
            to=options.out,
            reason=options.reason,
            progress=terminal.progress("scan", "events"),
            tell=silent if options.json else terminal.tell,
        )
    if options.json:
        print_json(
            {
                "selection": found.selection,
                "label": found.label,
                "counted": found.counted,
                "nominal": as_json(nominal_row(found))[0],
                "steps": as_json(table_of(found)),
            }
        )
    return SUCCESS if found.as_counted else INCOMPLETE


def _ranges(options: argparse.Namespace) -> tuple[dict[str, tuple[float, float]], list[int]]:
    """First and last value of every bound, and in how many steps."""
    cuts, first, last = options.cuts, options.first or [], options.last or []
    if len(cuts) > 2:
        raise ValueError(f"--cut: {len(cuts)} bounds, not 1 or 2")
    if len(set(cuts)) < len(cuts):
        raise ValueError(f"--cut {cuts[0]}: is there twice")
    if not len(first) == len(last) == len(cuts):
        raise ValueError(f"{len(cuts)} --cut with {len(first)} --from and {len(last)} --to: one of each")
    steps = options.steps or [_STEPS[len(cuts)]] * len(cuts)
    if len(steps) not in (1, len(cuts)):
        raise ValueError(f"{len(cuts)} --cut with {len(steps)} --steps: one for all, or one of each")
    return dict(zip(cuts, zip(first, last, strict=True), strict=True)), steps * (len(cuts) // len(steps))
