"""na64 efficiency: which part of the dark photons a selection keeps."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from na64.commands.verbs import SUCCESS, add_command, positive


def add(verbs: Any) -> None:
    """Declare the command."""
    text = (
        "Simulate dark photons by mass, process them with a selection, and write its efficiency for the box."
    )
    parser = add_command(verbs, "efficiency", _efficiency, text)
    parser.add_argument("--selection", default="invisible_2023", metavar="NAME_OR_TOML")
    parser.add_argument("--to", type=Path, required=True, metavar="FILE.csv")
    search = "invisible (default); positron: an efficiency by missing energy too, of those that annihilate"
    parser.add_argument("--search", default="invisible", metavar="NAME", help=search)
    period = "whose beam and set-up is simulated; default: that of the layout"
    parser.add_argument("--period", default="", metavar="P", help=period)
    layout = "tout2023 (default; period 2023A), array2018 (period 2018)"
    parser.add_argument("--layout", default="tout2023", metavar="LAYOUT", help=layout)
    masses = "GeV, 0.001 to 1; default: ten masses from 1 MeV to 1 GeV"
    parser.add_argument("--mass", type=float, nargs="+", metavar="M", help=masses)
    parser.add_argument("--events", type=positive, default=20_000, metavar="N", help="a mass; default: 20000")
    parser.add_argument("--seed", type=int, default=6406, metavar="S", help="same seed, same content")
    periods = "folder of periods of your own; default: $NA64_PERIODS"
    parser.add_argument("--periods", type=Path, metavar="DIR", help=periods)
    losses = "losses besides the simulated ones, may be repeated; default: packaged ones of the period"
    parser.add_argument("--losses", action="append", default=[], metavar="FILE|none", help=losses)
    reason = "with --add: why FILE.csv is right although it is not as na64 efficiency wrote it"
    parser.add_argument("--reason", default="", metavar="TEXT", help=reason)
    parser.add_argument("--add", action="store_true", help="keep what FILE.csv has of other periods")


def _efficiency(options: argparse.Namespace) -> int:
    from na64.commands.progress import Terminal
    from na64.outputs.analysis.efficiencies import MASSES, efficiency

    with Terminal() as terminal:
        efficiency(
            to=options.to,
            selection=options.selection,
            layout=options.layout,
            masses=options.mass or MASSES,
            events=options.events,
            seed=options.seed,
            periods=options.periods,
            losses=options.losses,
            search=options.search,
            period=options.period,
            add=options.add,
            reason=options.reason,
            progress=terminal.progress("efficiency", "samples"),
            tell=terminal.tell,
        )
    return SUCCESS
