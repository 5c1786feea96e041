"""na64 events and na64 show: the visible events behind the numbers."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from na64.commands.verbs import INCOMPLETE, SUCCESS, add_command, positive
from na64.commands.visible_output import complain

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
    text = "Draw visible events of a result, one by one or on a contact sheet, and list the cuts they pass."
    parser = add_command(verbs, "show", _show, text)
    parser.add_argument("folder", type=Path, metavar="DIR", help="where na64 process wrote to")
    parser.add_argument("events", nargs="*", metavar="RUN:SPILL:EVENT", help="or choose with --after")
    _add_choice(parser)
    parser.add_argument("--limit", type=positive, metavar="N", help="so many chosen events; default: 12")
    parser.add_argument("--sheet", action="store_true", help="many events on a page")
    parser.add_argument("--to", type=Path, metavar="DIR", help="for the pictures; default: events in DIR")


def _add_choice(parser: argparse.ArgumentParser) -> None:
    opened = "the events of the opened box in place of the visible ones, after na64 unblind"
    parser.add_argument("--opened", action="store_true", help=opened)
    after = "events that pass this cut and all before, or visible; default: all cuts"
    parser.add_argument("--after", metavar="CUT", help=after)
    region = "only those in this region, as the selection calls it, or elsewhere"
    parser.add_argument("--region", metavar="NAME", help=region)
    parser.add_argument("--runs", metavar="8396-8458,8500", help="only these runs")


def _events(options: argparse.Namespace) -> int:
    from na64.commands.progress import Terminal
    from na64.outputs.analysis.single_events import events

    with Terminal() as terminal:
        written = events(
            options.folder,
            **_choice(options),
            cells=options.cells,
            format=options.format,
            to=options.to,
            progress=terminal.progress("events", "events"),
            tell=terminal.tell,
            note=terminal.note,
        )
    return SUCCESS if written.as_counted else INCOMPLETE


def _show(options: argparse.Namespace) -> int:
    from na64.outputs.analysis.single_events import show

    shown = show(
        options.folder,
        *options.events,
        **_choice(options),
        sheet=options.sheet,
        to=options.to,
        tell=print,
        note=complain,
    )
    return SUCCESS if shown.pictures or not shown.records else INCOMPLETE


def _choice(options: argparse.Namespace) -> dict[str, Any]:
    """Values of the options that choose events."""
    return {name: getattr(options, name) for name in ("after", "region", "runs", "limit", "opened")}
