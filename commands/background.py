"""na64 background: what a stored result says of its backgrounds."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from na64.commands.verbs import SUCCESS, add_command, add_fit_options, add_reason


def add(verbs: Any) -> None:
    """Declare the commands of this module."""
    _add_background(verbs)


def _add_background(verbs: Any) -> None:
    text = "Estimate the background in the closed box from what is beside it; write a table and plots."
    parser = add_command(verbs, "background", _background, text)
    parser.add_argument("folder", type=Path, metavar="DIR", help="where na64 process wrote to")
    rates = "sources that are products of rates; default: the packaged ones, which are incomplete"
    parser.add_argument("--rates", type=Path, metavar="TOML", help=rates)
    simulation = "result of simulated dimuons, same selection: the fraction of them that is lost"
    parser.add_argument("--simulation", type=Path, metavar="DIR", help=simulation)
    timing = "result of timing_beam on the same files: how often electrons lose energy to the time window"
    parser.add_argument("--timing", type=Path, metavar="DIR", help=timing)
    add_reason(parser)
    add_fit_options(parser)


def _background(options: argparse.Namespace) -> int:
    from na64.outputs.analysis.backgrounds import background

    background(
        options.folder,
        rates=options.rates,
        simulation=options.simulation,
        timing=options.timing,
        reason=options.reason,
        end=options.end,
        start=options.start,
        hcal_start=options.hcal_start,
        hcal_stop=options.hcal_stop,
        one_slope=options.one_slope,
        tell=print,
    )
    return SUCCESS
