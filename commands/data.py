"""na64 simulate and na64 catalogue: run files, and what is known of them."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from na64.commands.verbs import INCOMPLETE, SUCCESS, add_command, positive, tell

if TYPE_CHECKING:
    from na64.datasets.catalogue.build import Catalogue


def add(verbs: Any) -> None:
    """Declare the commands of this module."""
    _add_simulate(verbs)
    _add_catalogue(verbs)


def _add_simulate(verbs: Any) -> None:
    text = "Write run files, conditions and a truth file of a simulated campaign."
    parser = add_command(verbs, "simulate", _simulate, text)
    packaged = "a TOML file, or a packaged campaign: demo, dimuons, signal, small, small2018"
    parser.add_argument("campaign", metavar="CAMPAIGN.toml", help=packaged)
    parser.add_argument("--to", type=Path, required=True, metavar="DIR", help="made if it is not there")
    parser.add_argument("--events", type=positive, metavar="N", help="recorded events of all runs together")
    parser.add_argument("--seed", type=int, metavar="S", help="same seed, same content")
    layouts = "tout2023 (default), array2018, hits, or a TOML file"
    parser.add_argument("--layout", default="tout2023", metavar="LAYOUT", help=layouts)
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
    parser.add_argument("--settled", type=float, default=300.0, metavar="S", help=settled)
    deadline = "longest time that a server may take for an answer; default: %(default)s"
    parser.add_argument("--deadline", type=positive, default=60, metavar="SECONDS", help=deadline)
    parser.add_argument(
        "--accept", metavar="FILE", help="in quarantine, by name or sha256: it was reviewed and stays out"
    )
    reason = "why: with --accept, or with --simulation of physics runs that do not say what was simulated"
    parser.add_argument("--reason", metavar="TEXT", help=reason)


def _simulate(options: argparse.Namespace) -> int:
    from na64.commands.progress import progress
    from na64.datasets.synthetic.campaign_reader import load_campaign
    from na64.datasets.synthetic.simulation import simulate

    campaign = load_campaign(options.campaign)
    total = options.events or campaign.n_events
    with progress("simulate", "events", sys.stderr) as show:
        done = 0
        show(done, total)

        def on_block(n_events: int) -> None:
            nonlocal done
            done += n_events
            show(done, total)

        paths = simulate(
            campaign,
            to=options.to,
            n_events=options.events,
            seed=options.seed,
            layout=options.layout,
            format=options.format,
            on_progress=on_block,
        )
    print(f"{len(paths)} run files in {options.to}")
    return SUCCESS


def _catalogue(options: argparse.Namespace) -> int:
    from na64.datasets.basics.turns import turn

    _check_reason(options)
    # Read and written by one at a time: what another has added meanwhile must not be lost.
    with turn(options.to.parent, options.to.name, "na64 catalogue", patience=math.inf):
        return _register(options)


def _register(options: argparse.Namespace) -> int:
    from na64.commands.progress import progress
    from na64.datasets.catalogue import build as files
    from na64.datasets.servers.patience import Patience
    from na64.outputs.result import messages
    from na64.outputs.result.catalogue_log import log_catalogue

    previous = files.load(options.to) if options.update or options.accept else None
    with progress("catalogue", "files", sys.stderr) as show:
        show(0, 0)
        built = files.build(
            options.paths,
            simulation=options.simulation,
            period=options.period,
            layout=options.layout,
            previous=previous,
            folder=_period_folder(options, previous),
            settled=options.settled,
            patience=Patience(options.deadline),
            accept={options.accept: options.reason} if options.accept else None,
            progress=show,
        )
    _check_claims(built, previous, options)
    files.save(built, options.to)
    tell(_of_secrets(options.paths))
    log_catalogue(built, options.to, reason=options.reason)
    tell(messages.of_catalogue(built, options.to, built.known_periods()))
    return INCOMPLETE if built.unreviewed else SUCCESS


def _of_secrets(paths: Iterable[str]) -> Iterator[str]:
    """Say of which URLs a part is not kept, so that it is known before a job asks for them."""
    from na64.datasets.basics.addresses import file_name, is_url, public_url

    for path in paths:
        if is_url(path) and public_url(path) != path:
            yield (
                f"note: {file_name(path)}: user, password and query of its URL are not kept; "
                "a job takes them from the configuration of fsspec"
            )


def _check_reason(options: argparse.Namespace) -> None:
    if options.reason is not None and not options.reason.strip():
        raise ValueError("--reason is empty")
    if options.accept is not None and options.reason is None:
        raise ValueError("--accept and --reason go together")
    if options.reason is not None and options.accept is None and not options.simulation:
        raise ValueError("--reason goes with --accept or --simulation")


def _period_folder(options: argparse.Namespace, previous: Catalogue | None) -> Path | None:
    """Folder of the user's periods: the one given, the one known, or that of the environment."""
    from na64.datasets.conditions.period_folder import check_environment, folder_of_environment

    if previous is None or options.periods is not None:
        return options.periods or folder_of_environment()
    check_environment(previous.periods, options.to)
    if not options.update:
        previous.known_periods()  # refuses other ones: only --update takes what has changed
    return None


def _check_claims(built: Catalogue, previous: Catalogue | None, options: argparse.Namespace) -> None:
    """Refuse that a physics run is called simulation without a word: its events would not be hidden."""
    from na64.datasets.catalogue.claims import physics_runs_claimed

    claimed = physics_runs_claimed(built, built.known_periods(), previous)
    if claimed and options.reason is None:
        run, record = next(iter(claimed.items()))
        more = f" (and {len(claimed) - 1} more)" if len(claimed) > 1 else ""
        raise ValueError(
            f"{record.name}: does not say what was simulated, and run {run} is a physics run{more}: "
            "--simulation needs --reason"
        )
