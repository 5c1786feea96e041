"""na64 compare, overlay and stability: results beside each other, and against time."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from na64.commands.verbs import SUCCESS, add_command, names, tell
from na64.commands.visible_output import complain


def add(verbs: Any) -> None:
    """Declare the commands of this module."""
    _add_compare(verbs)
    _add_overlay(verbs)
    _add_stability(verbs)


def _add_stability(verbs: Any) -> None:
    text = "Look for runs, spills and parts of the spill that are unlike the others."
    parser = add_command(verbs, "stability", _stability, text)
    parser.add_argument("folder", type=Path, metavar="DIR", help="where na64 process wrote to")
    after = "look at the events that pass this cut and all before; default: visible, all of them"
    parser.add_argument("--after", metavar="CUT", help=after)
    parser.add_argument("--to", type=Path, metavar="TO", help="default: stability in DIR")


def _add_overlay(verbs: Any) -> None:
    text = "Put simulations upon data: every histogram that all have, with ratios, chi2 and KS."
    parser = add_command(verbs, "overlay", _overlay, text)
    parser.add_argument("data", type=Path, metavar="DATA", help="where na64 process wrote the data to")
    simulations = "where it wrote simulations to; they are added up"
    parser.add_argument("simulations", type=Path, nargs="+", metavar="SIM", help=simulations)
    parser.add_argument("--only", type=names, metavar="VARIABLE,...", help="draw and test these only")
    hide = "hide in simulation what is hidden in data; reads simulated events again, opens nothing"
    parser.add_argument("--hide-in-simulation", action="store_true", help=hide)
    parser.add_argument("--to", type=Path, metavar="DIR", help="default: overlay or overlay_hidden in DATA")


def _add_compare(verbs: Any) -> None:
    text = "Put two results beside each other: cut-flows, runs, and the events gained and lost."
    parser = add_command(verbs, "compare", _compare, text)
    parser.add_argument("first", type=Path, metavar="A", help="where na64 process wrote to")
    parser.add_argument("second", type=Path, metavar="B", help="where it wrote another result to")
    parser.add_argument("--after", metavar="CUT", help="compare what is left after it; default: all cuts")
    of = parser.add_mutually_exclusive_group()
    of.add_argument("--same-events", action="store_true", help="match events by run, spill and event")
    of.add_argument("--other-events", action="store_true", help="compare rates")
    parser.add_argument("--to", type=Path, metavar="DIR", help="default: compare in B")


def _compare(options: argparse.Namespace) -> int:
    from na64.outputs.analysis.comparisons import compare

    same = True if options.same_events else False if options.other_events else None
    compare(
        options.first,
        options.second,
        after=options.after,
        same_events=same,
        to=options.to,
        tell=print,
        note=complain,
    )
    return SUCCESS


def _overlay(options: argparse.Namespace) -> int:
    from na64.commands.progress import Terminal
    from na64.outputs.analysis.comparisons import overlay

    with Terminal() as terminal:
        overlay(
            options.data,
            *options.simulations,
            only=options.only,
            to=options.to,
            hide_in_simulation=options.hide_in_simulation,
            progress=terminal.progress("overlay", "events"),
            tell=terminal.tell,
            note=terminal.note,
        )
    return SUCCESS


def _stability(options: argparse.Namespace) -> int:
    from na64.datasets.basics.atomic_file import write_bytes
    from na64.outputs.comparison.drift import gather
    from na64.outputs.comparison.stability import lines, stability, table_of
    from na64.outputs.comparison.stability_plot import Shown, pages
    from na64.outputs.events.analysis import reopen
    from na64.outputs.report.display import display_of
    from na64.outputs.report.drawing import write_figure
    from na64.outputs.report.heading import heading, read_status
    from na64.outputs.result.unreplaced import unreplaced

    analysis = reopen(options.folder)
    analysis.stage(options.after)
    found = stability(gather(analysis, options.after))
    tell(lines(found))
    folder = options.to or options.folder / "stability"
    products, units = analysis.products, analysis.units
    with unreplaced(options.folder, products.summary, "na64 stability"):
        write_bytes(folder / "stability.csv", table_of(found).to_csv())
        label = heading(products.summary, read_status(options.folder))
        shown = Shown(display_of(products.summary, products.histograms, units), units)
        for name, make in pages(found, label, shown):
            write_figure(folder, name, make)
    print(f"table and plots: {folder}")
    return SUCCESS
