"""na64 efficiency: which part of the dark photons a selection keeps."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from na64.commands.verbs import SUCCESS, add_command, number, positive, refused, seed

_SELECTION = "invisible_2023"


def add(verbs: Any) -> None:
    """Declare the command."""
    text = (
        "Simulate dark photons by mass, or with --search the particles of a search by energy or by mass, "
        "process them with a selection, and write its efficiency for the box."
    )
    parser = add_command(verbs, "efficiency", _efficiency, text)
    selection = f"default: {_SELECTION}, for dark photons; else there is none"
    parser.add_argument("--selection", metavar="NAME_OR_TOML", help=selection)
    parser.add_argument("--to", type=Path, required=True, metavar="FILE.csv")
    search = (
        "positron: by missing energy too, of those that annihilate; others of na64 searches, or a card of "
        "your own: the channel that is counted in the selection's box"
    )
    parser.add_argument("--search", default="", metavar="NAME_OR_TOML", help=search)
    variant = "of the card of the search; default: its first"
    parser.add_argument("--variant", default="", metavar="NAME", help=variant)
    period = "whose beam and set-up is simulated; default: that of the layout"
    parser.add_argument("--period", default="", metavar="P", help=period)
    layout = "tout2023 (default; period 2023A), array2018 (default for searches by energy; period 2018)"
    parser.add_argument("--layout", metavar="LAYOUT", help=layout)
    masses = "GeV, 0.001 to 1; default: ten masses from 1 MeV to 1 GeV"
    parser.add_argument("--mass", type=number, nargs="+", metavar="M", help=masses)
    events = "a mass, or with --search a bin of energies; default: 20000, or 4000"
    parser.add_argument("--events", type=positive, metavar="N", help=events)
    parser.add_argument("--seed", type=seed, default=6406, metavar="S", help="same seed, same content")
    periods = "folder of periods of your own; default: $NA64_PERIODS"
    parser.add_argument("--periods", type=Path, metavar="DIR", help=periods)
    losses = "losses besides the simulated ones, may be repeated; default: packaged ones of the period"
    parser.add_argument("--losses", action="append", default=[], metavar="FILE|none", help=losses)
    reason = "with --add: why FILE.csv is right although it is not as na64 efficiency wrote it"
    parser.add_argument("--reason", default="", metavar="TEXT", help=reason)
    parser.add_argument("--add", action="store_true", help="keep what FILE.csv has of other periods")


def _efficiency(options: argparse.Namespace) -> int:
    from na64.commands.progress import Terminal
    from na64.outputs.analysis.efficiencies import DARK_PHOTON_SEARCHES, MASSES, efficiency

    search = options.search or DARK_PHOTON_SEARCHES[0]
    if search not in DARK_PHOTON_SEARCHES:
        from na64.outputs.analysis.boson_efficiencies import is_by_mass

        by_mass = is_by_mass(search)  # which refuses a search that is not known
        if options.selection is None:
            why = "needs --selection, whose box says which of its channels is meant"
            raise refused("search", search, why)
        return _boson_efficiency(options) if by_mass else _search_efficiency(options)
    if options.variant:
        raise refused("variant", options.variant, "is of searches whose particles are simulated by energy")
    if options.reason and not options.add:
        raise refused("reason", options.reason, "goes with --add, which keeps what a table has")

    with Terminal() as terminal:
        efficiency(
            to=options.to,
            selection=options.selection or _SELECTION,
            layout=options.layout or "tout2023",
            masses=options.mass or MASSES,
            events=options.events or 20_000,
            seed=options.seed,
            periods=options.periods,
            losses=options.losses,
            search=search,
            period=options.period,
            add=options.add,
            reason=options.reason,
            progress=terminal.progress("efficiency", "samples"),
            tell=terminal.tell,
        )
    return SUCCESS


def _boson_efficiency(options: argparse.Namespace) -> int:
    from na64.commands.progress import Terminal
    from na64.outputs.analysis.boson_efficiencies import EVENTS, boson_efficiency
    from na64.outputs.signal.efficiency.muon_injection import MUON_LAYOUT, MUON_MASSES

    for name in ("add", "reason", "variant"):
        if given := getattr(options, name):
            raise refused(name, given, f"not with --search {options.search}, whose table is made anew")
    with Terminal() as terminal:
        boson_efficiency(
            options.search,
            to=options.to,
            selection=options.selection,
            layout=options.layout or MUON_LAYOUT,
            events=options.events or EVENTS,
            seed=options.seed,
            masses=options.mass or MUON_MASSES,
            period=options.period,
            periods=options.periods,
            losses=options.losses,
            progress=terminal.progress("efficiency", "samples"),
            tell=terminal.tell,
        )
    return SUCCESS


def _search_efficiency(options: argparse.Namespace) -> int:
    from na64.commands.progress import Terminal
    from na64.outputs.analysis.search_efficiencies import EVENTS, search_efficiency

    for name in ("mass", "add", "reason"):
        if given := getattr(options, name):
            why = f"not with --search {options.search}, whose particles are simulated by energy"
            raise refused(name, given, why)
    with Terminal() as terminal:
        search_efficiency(
            options.search,
            variant=options.variant,
            to=options.to,
            selection=options.selection,
            layout=options.layout,
            events=options.events or EVENTS,
            seed=options.seed,
            periods=options.periods,
            period=options.period,
            losses=options.losses,
            progress=terminal.progress("efficiency", "bins of energy"),
            tell=terminal.tell,
        )
    return SUCCESS
