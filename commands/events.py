"""na64 events and na64 show: the visible events behind the numbers."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from na64.commands.verbs import INCOMPLETE, SUCCESS, add_command, positive, tell
from na64.commands.visible_output import complain

if TYPE_CHECKING:
    from na64.outputs.events.analysis import Analysis
    from na64.outputs.events.card import Card
    from na64.outputs.events.choice import Choice

_REGIONS = ("I", "II", "III", "elsewhere")
_FORMATS = ("parquet", "root", "csv")


def add(verbs: Any) -> None:
    """Declare the commands of this module."""
    _add_events(verbs)
    _add_show(verbs)


def _add_events(verbs: Any) -> None:
    text = "Write the visible events of a result: numbers, features, cells on request."
    parser = add_command(verbs, "events", _events, text)
    parser.add_argument("folder", type=Path, metavar="DIR", help="where na64 process wrote to")
    _add_choice(parser)
    parser.add_argument("--limit", type=positive, metavar="N", help="so many events at most")
    formats = "default: by the name of FILE, or parquet"
    parser.add_argument("--format", choices=_FORMATS, help=formats)
    parser.add_argument("--cells", action="store_true", help="energy, delay and window of every cell too")
    parser.add_argument("--to", type=Path, metavar="FILE", help="default: events.FORMAT in DIR")


def _add_show(verbs: Any) -> None:
    text = "Draw visible events of a result, one by one or on a contact sheet, and judge them cut by cut."
    parser = add_command(verbs, "show", _show, text)
    parser.add_argument("folder", type=Path, metavar="DIR", help="where na64 process wrote to")
    parser.add_argument("events", nargs="*", metavar="RUN:SPILL:EVENT", help="or choose with --after")
    _add_choice(parser)
    parser.add_argument("--limit", type=positive, metavar="N", help="so many chosen events; default: 12")
    parser.add_argument("--sheet", action="store_true", help="many events on a page")
    parser.add_argument("--to", type=Path, metavar="DIR", help="for the pictures; default: events in DIR")


def _add_choice(parser: argparse.ArgumentParser) -> None:
    opened = "events of the opened box, after na64 unblind; visible ones by default"
    parser.add_argument("--opened", action="store_true", help=opened)
    after = "events that pass this cut and all before, or visible; default: all cuts"
    parser.add_argument("--after", metavar="CUT", help=after)
    parser.add_argument("--region", choices=_REGIONS, help="only those in this region")
    parser.add_argument("--runs", metavar="8396-8458,8500", help="only these runs")


def _events(options: argparse.Namespace) -> int:
    from na64.commands.progress import progress
    from na64.outputs.blinding.opened_box import OPENED
    from na64.outputs.events.choice import counted
    from na64.outputs.events.skim import Format, write_events

    analysis, choice = _reopen(options)
    suffix = options.to.suffix.removeprefix(".") if options.to else ""
    format = Format(options.format or (suffix if suffix in _FORMATS else "parquet"))  # noqa: A001
    folder = options.folder / OPENED if options.opened else options.folder
    path = options.to or folder / f"events.{format}"
    expected = counted(analysis, choice)
    known = expected if expected is not None else max(analysis.n_opened.values())
    total = min(known, options.limit or known)
    _log(options, analysis, "events", choice=str(choice), cells=options.cells)
    path.parent.mkdir(parents=True, exist_ok=True)
    with progress("events", "events", sys.stderr) as show:
        show(0, total)
        written = write_events(
            analysis,
            choice,
            path,
            format=format,
            cells=options.cells,
            on_progress=lambda done: show(done, total),
        )
    kind = "opened event" if options.opened else "event"
    print(f"{written:,} {kind}{'' if written == 1 else 's'} {choice}: {path}")
    if expected is not None and written != total:
        print(f"not as counted: the result has {expected:,} of them")
        return INCOMPLETE
    return SUCCESS


def _show(options: argparse.Namespace) -> int:
    from na64.outputs.events.gallery import find, pictures
    from na64.outputs.events.table import lines

    if options.events and (options.after or options.region or options.runs or options.limit):
        raise ValueError("either events by number, or --after, --region, --runs and --limit")
    analysis, choice = _reopen(options, default_limit=12)
    _log(options, analysis, "show", choice=list(options.events) if options.events else str(choice))
    cards = _cards(options, analysis) if options.events else find(analysis, choice)
    folder = options.to or options.folder / "events"
    if not options.sheet:
        for card in cards:
            tell(lines(card))
            print()
    written = pictures(analysis, cards, folder, sheet=options.sheet)
    for path in written:
        print(f"picture: {path}")
    return SUCCESS if written or not cards else INCOMPLETE


def _cards(options: argparse.Namespace, analysis: Analysis) -> list[Card]:
    """Find events by number: visible ones, and those of the box if it was opened."""
    from na64.outputs.blinding.opened_box import read_opened
    from na64.outputs.events.analysis import reopen_box
    from na64.outputs.events.gallery import NoEventError, find

    try:
        return find(analysis, options.events)
    except NoEventError:
        if analysis.opening or read_opened(options.folder, analysis.products.summary) is None:
            raise
    opened = reopen_box(options.folder)
    _log(options, opened, "show", choice=list(options.events))
    return find(analysis, options.events, opened)


def _log(options: argparse.Namespace, analysis: Analysis, event: str, **details: object) -> None:
    """Log that somebody looks at single events of data."""
    from na64.outputs.result.request import log_use

    if not analysis.products.summary.is_data:
        return
    opened = {"freeze": analysis.opening.unblinding.freeze} if analysis.opening else {}
    named = {"selection": analysis.selection.name, "runs": options.runs, "events": analysis.kind}
    log_use(options.folder, event, {**named, **details, **opened})


def _reopen(options: argparse.Namespace, default_limit: int | None = None) -> tuple[Analysis, Choice]:
    from na64.datasets.catalogue.run_filter import chosen_runs
    from na64.outputs.events.analysis import reopen, reopen_box
    from na64.outputs.events.choice import Choice

    analysis = (reopen_box if options.opened else reopen)(options.folder)
    analysis.stage(options.after)
    runs = chosen_runs(options.runs, analysis.job.runs) if options.runs else None
    if analysis.other_code:
        complain("note: the result was made by another version of the code")
    return analysis, Choice(options.after, options.region, runs, options.limit or default_limit)
