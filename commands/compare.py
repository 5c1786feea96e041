"""na64 compare, overlay and stability: results beside each other, and against time."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from na64.commands.verbs import SUCCESS, add_command, tell
from na64.commands.visible_output import complain

if TYPE_CHECKING:
    from na64.outputs.comparison.compare import Comparison
    from na64.outputs.result.products import Products


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
    parser.add_argument("--only", metavar="VARIABLE,...", help="draw and test these only")
    parser.add_argument("--to", type=Path, metavar="DIR", help="default: overlay in DATA")


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
    from na64.datasets.basics.atomic_file import write_bytes
    from na64.outputs.comparison.compare import lines
    from na64.outputs.comparison.compare_plot import draw_comparison
    from na64.outputs.report.drawing import write_figure

    found = _found(options)
    tell(lines(found))
    folder: Path = options.to or options.second / "compare"
    tables = {"cutflow": found.cutflow, "runs": found.runs}
    if found.same_events:
        tables["events"] = found.events
    for name, table in tables.items():
        write_bytes(folder / f"{name}.csv", table.to_csv())
    write_figure(folder, "compare", partial(draw_comparison, found))
    print(f"tables and plot: {folder}")
    return SUCCESS


def _overlay(options: argparse.Namespace) -> int:
    from na64.datasets.basics.atomic_file import write_bytes
    from na64.outputs.comparison.overlay import Source, check_apart, eot_of, lines, overlay, table_of
    from na64.outputs.comparison.overlay_plot import pages
    from na64.outputs.report.drawing import write_figure
    from na64.outputs.result.store import read_result

    sources = []
    for folder in options.simulations:
        products = read_result(folder)
        sources.append(Source(folder.name, products, eot_of(products)))
    check_apart(sources)
    only = options.only.split(",") if options.only else None
    found = overlay(read_result(options.data), sources, only=only)
    tell(lines(found))
    folder = options.to or options.data / "overlay"
    write_bytes(folder / "overlay.csv", table_of(found).to_csv())
    for name, make in pages(found):
        write_figure(folder, name, make)
    print(f"table and plots: {folder}")
    return SUCCESS


def _stability(options: argparse.Namespace) -> int:
    from na64.datasets.basics.atomic_file import write_bytes
    from na64.outputs.comparison.drift import gather
    from na64.outputs.comparison.stability import lines, stability, table_of
    from na64.outputs.comparison.stability_plot import pages
    from na64.outputs.events.analysis import reopen
    from na64.outputs.report.drawing import write_figure

    analysis = reopen(options.folder)
    analysis.stage(options.after)
    found = stability(gather(analysis, options.after))
    tell(lines(found))
    folder = options.to or options.folder / "stability"
    write_bytes(folder / "stability.csv", table_of(found).to_csv())
    for name, make in pages(found, analysis.products.summary.label):
        write_figure(folder, name, make)
    print(f"table and plots: {folder}")
    return SUCCESS


def _found(options: argparse.Namespace) -> Comparison:
    from na64.outputs.comparison.compare import compare_events, compare_rates
    from na64.outputs.comparison.pairing import changes
    from na64.outputs.events.analysis import reopen
    from na64.outputs.result.store import read_result

    folders = (options.first, options.second)
    one, other = (read_result(folder) for folder in folders)
    names = (_name(options.first, one), _name(options.second, other))
    for products in (one, other):
        if options.after is not None and options.after not in products.cutflow.column("cut"):
            raise KeyError(f'selection {products.summary.selection.name} has no cut "{options.after}"')
    if options.other_events or not (options.same_events or _is_same(one, other)):
        return compare_rates((one, other), after=options.after, names=names)
    analyses = [reopen(folder) for folder in folders]
    for analysis in analyses:
        if analysis.other_code:
            complain(f"note: {analysis.folder} was made by another version of the code")
    found = list(changes(analyses[0], analyses[1], options.after))
    return compare_events((one, other), found, after=options.after, names=names)


def _name(folder: Path, products: Products) -> str:
    summary = products.summary
    return f"{folder.name}: {summary.selection.name}, {summary.label}, {summary.scope}"


def _is_same(one: Products, other: Products) -> bool:
    """Tell if two results are of the same events: of the same files, or of the same runs of real data."""
    files = [
        {value for run in products.summary.runs for name, value in run.identities.items() if "file " in name}
        for products in (one, other)
    ]
    runs = [{run.run for run in products.summary.runs} for products in (one, other)]
    recorded = not (one.summary.has_truth or other.summary.has_truth)
    return bool(files[0] & files[1]) or (recorded and bool(runs[0] & runs[1]))
