"""na64 searches: which searches there are."""

from __future__ import annotations

import argparse
from typing import Any

from na64.commands.verbs import SUCCESS, add_command, tell


def add(verbs: Any) -> None:
    """Declare the command."""
    text = "List the searches: what each looks for, what is verified, how near it is to published points."
    parser = add_command(verbs, "searches", _searches, text)
    name = "of a search, or a card of your own; default: all"
    parser.add_argument("name", nargs="?", default="", metavar="NAME_OR_TOML", help=name)
    parser.add_argument(
        "--markdown", action="store_true", help="as a table in Markdown; of one search, as its page"
    )
    pictures = "as the table of the README, with states and pictures"
    parser.add_argument("--pictures", action="store_true", help=pictures)


def _searches(options: argparse.Namespace) -> int:
    from na64.outputs.analysis.searches import searches
    from na64.outputs.limits.searches.card import load_card
    from na64.outputs.limits.searches.listing import as_markdown, as_overview, as_page, as_text

    if options.name and options.markdown:
        tell(as_page(load_card(options.name)))
        return SUCCESS
    listed = searches(*[options.name] if options.name else [])
    if options.pictures:
        tell(as_overview(listed))
    else:
        tell(as_markdown(listed) if options.markdown else as_text(listed))
    return SUCCESS
