"""na64 simulate and na64 catalogue: run files, and what is known of them."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from na64.commands.verbs import INCOMPLETE, SUCCESS, add_command, number, packaged, positive, seed


def add(verbs: Any) -> None:
    """Declare the commands of this module."""
    _add_simulate(verbs)
    _add_catalogue(verbs)


def _add_simulate(verbs: Any) -> None:
    text = "Write run files, conditions and a truth file of a simulated campaign."
    parser = add_command(verbs, "simulate", _simulate, text)
    campaigns = f"a TOML file, or a packaged campaign: {packaged('datasets/synthetic/campaigns')}"
    parser.add_argument("campaign", metavar="CAMPAIGN.toml", help=campaigns)
    parser.add_argument("--to", type=Path, required=True, metavar="DIR", help="made if it is not there")
    parser.add_argument("--events", type=positive, metavar="N", help="recorded events of all runs together")
    parser.add_argument("--seed", type=seed, metavar="S", help="same seed, same content")
    layouts = (
        "tout2023, ana_tree, array2018, hits, muon2022, visible2018, or a TOML file; "
        "default: that of the campaign"
    )
    parser.add_argument("--layout", metavar="LAYOUT", help=layouts)
    parser.add_argument(
        "--format", default="ttree", choices=("ttree", "rntuple", "parquet"), help="default: %(default)s"
    )


def _add_catalogue(verbs: Any) -> None:
    parser = add_command(
        verbs, "catalogue", _catalogue, "Register run files: structure only, no event content."
    )
    parser.add_argument("paths", nargs="+", metavar="PATH", help="files, folders, globs or URLs")
    parser.add_argument("--to", type=Path, required=True, metavar="CATALOGUE.json", help="where to write it")
    parser.add_argument("--period", metavar="P", help="quarantine files of another period")
    layout = "quarantine files of another layout: a name or a TOML file"
    parser.add_argument("--layout", metavar="L", help=layout)
    periods = "folder of periods of your own, which belong to the catalogue; default: $NA64_PERIODS"
    parser.add_argument("--periods", type=Path, metavar="DIR", help=periods)
    parser.add_argument("--simulation", action="store_true", help="simulated files: not blinded")
    parser.add_argument("--update", action="store_true", help="keep what is registered, add what is new")
    settled = "a ROOT file that was not closed is pending until S seconds after its last change; default: 300"
    parser.add_argument("--settled", type=number, default=300.0, metavar="S", help=settled)
    deadline = "longest time that a server may take for an answer; default: %(default)s"
    parser.add_argument("--deadline", type=positive, default=60, metavar="SECONDS", help=deadline)
    workers = "processes that look at local files, where there are many; default: the number of cores"
    parser.add_argument("--workers", type=positive, metavar="N", help=workers)
    parser.add_argument(
        "--accept", metavar="FILE", help="in quarantine, by name or sha256: it was reviewed and stays out"
    )
    reason = "why: with --accept, or with --simulation of physics runs that do not say what was simulated"
    parser.add_argument("--reason", metavar="TEXT", help=reason)


def _simulate(options: argparse.Namespace) -> int:
    from na64.commands.progress import Terminal
    from na64.outputs.analysis.campaigns import simulate

    with Terminal() as terminal:
        paths = simulate(
            options.campaign,
            to=options.to,
            events=options.events,
            seed=options.seed,
            layout=options.layout,
            format=options.format,
            progress=terminal.progress("simulate", "events"),
        )
        terminal.tell(f"{len(paths)} run files in {options.to}")
    return SUCCESS


def _catalogue(options: argparse.Namespace) -> int:
    from na64.commands.progress import Terminal
    from na64.outputs.analysis.campaigns import catalogue

    with Terminal() as terminal:
        built = catalogue(
            options.paths,
            to=options.to,
            period=options.period,
            layout=options.layout,
            periods=options.periods,
            simulation=options.simulation,
            update=options.update,
            settled=options.settled,
            deadline=options.deadline,
            accept=options.accept,
            reason=options.reason,
            workers=options.workers or os.cpu_count() or 1,
            progress=terminal.progress("catalogue", "files"),
            tell=terminal.tell,
        )
    return INCOMPLETE if built.unreviewed else SUCCESS
