"""na64 limits and na64 project: from stored results to limits on the dark photon, and those to expect."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from na64.commands.verbs import (
    SUCCESS,
    add_command,
    add_json,
    add_reason,
    number,
    positive,
    print_json,
    refused,
)

_OF_DARK_PHOTONS: dict[str, object] = {
    "toys": None,
    "threshold": None,
    "points": 37,
    "resonant": None,
    "alpha_d": 0.1,
    "curve": [],
}
"""Options of `na64 limits` that a search with boxes of its own does not have, and their defaults."""


def add(verbs: Any) -> None:
    """Declare the commands of this module."""
    _add_limits(verbs)
    _add_project(verbs)


def _add_limits(verbs: Any) -> None:
    text = "Set limits on the dark photon with stored results; expected ones only while a box is closed."
    parser = add_command(verbs, "limits", _limits, text)
    parser.add_argument("folders", nargs="+", type=Path, metavar="DIR", help="where na64 process wrote to")
    background = "FILE, N+-DN or seed_2021; once for all, or once a DIR; default: background.csv in each DIR"
    parser.add_argument("--background", action="append", default=[], metavar="FILE|N+-DN", help=background)
    efficiency = "of dark photons above the threshold; default: efficiency.csv in each DIR"
    parser.add_argument("--efficiency", metavar="FILE|VALUE", help=efficiency)
    levels = "confidence level, may be repeated; default: 0.9 and 0.95"
    parser.add_argument("--level", action="append", type=number, metavar="CL", help=levels)
    delivered = "count particles delivered: the dead time is in the efficiency, or in the losses of a file"
    parser.add_argument("--delivered", action="store_true", help=delivered)
    parser.add_argument("--toys", type=positive, metavar="N", help="draw N experiments, do not sum outcomes")
    parser.add_argument("--to", type=Path, metavar="OUT", help="default: DIR, if there is one only")
    add_json(parser)
    search = "write the contour of a search too, contour.csv: one of na64 searches, or a card of your own"
    parser.add_argument("--search", default="", metavar="NAME_OR_TOML", help=search)
    variant = "which particle of the card of --search; default: its first"
    parser.add_argument("--variant", default="", metavar="NAME", help=variant)
    _add_physics(parser)


def _add_project(verbs: Any) -> None:
    text = "Compute the limits to expect of an exposure, or the reference contour of a search."
    parser = add_command(verbs, "project", _project, text)
    eot = "particles on target; may be repeated; needed without --reference"
    parser.add_argument("--eot", type=number, action="append", metavar="EOT", help=eot)
    background = "FILE, N+-DN or seed_2021; needed without --reference"
    parser.add_argument("--background", metavar="FILE|N+-DN", help=background)
    at = "exposure that the background is of; default: it is of every exposure asked for"
    parser.add_argument("--at", type=number, metavar="EOT", help=at)
    scaling = "of the background with exposure, from --at on; default: linear"
    choices = ("linear", "constant")
    parser.add_argument("--scaling", choices=choices, help=scaling)
    efficiency = "of dark photons above the threshold; needed without --reference"
    parser.add_argument("--efficiency", metavar="FILE|VALUE", help=efficiency)
    period = "of beam, box and efficiency; default: e- of 100 GeV and a threshold of 50 GeV"
    parser.add_argument("--period", default="", metavar="P", help=period)
    delivered = "the particles are those delivered: the live time in the losses of a file counts"
    parser.add_argument("--delivered", action="store_true", help=delivered)
    parser.add_argument("--level", type=number, default=0.9, metavar="CL", help="default: %(default)s")
    to = "write projection.csv, or contour.csv, and figures there"
    parser.add_argument("--to", type=Path, metavar="OUT", help=to)
    search = "with --reference: one of na64 searches, or a card of your own"
    parser.add_argument("--search", metavar="NAME_OR_TOML", help=search)
    reference = "draw what the configuration on the card of --search excludes, beside published points"
    parser.add_argument("--reference", action="store_true", help=reference)
    variant = "which configuration of the card; default: its first"
    parser.add_argument("--variant", default="", metavar="NAME", help=variant)
    _add_physics(parser)
    parser.set_defaults(own_parser=parser)


def _add_physics(parser: argparse.ArgumentParser) -> None:
    add_reason(parser)
    face = "count upper limits of a background table as their value, with an error as large"
    parser.add_argument("--limits-at-face-value", action="store_true", help=face)
    error = "relative error of the signal yield; default: %(default)s"
    parser.add_argument("--signal-error", type=number, default=0.1, metavar="R", help=error)
    threshold = "least missing energy in GeV; default: where the box of the period begins"
    parser.add_argument("--threshold", type=number, metavar="E", help=threshold)
    points = "masses from 1 MeV to 1 GeV; default: %(default)s"
    parser.add_argument("--points", type=positive, default=37, metavar="N", help=points)
    resonant = "add dark photons from positrons of the shower, which decay to such dark matter"
    parser.add_argument("--resonant", choices=("dirac", "scalar"), help=resonant)
    alpha = "coupling alpha_D of dark matter for --resonant; default: %(default)s"
    parser.add_argument("--alpha-d", type=number, default=0.1, metavar="A", help=alpha)
    curve = "table of a limit to draw beside the published ones, may be repeated"
    parser.add_argument("--curve", action="append", type=Path, default=[], metavar="FILE", help=curve)


def _limits(options: argparse.Namespace) -> int:
    if options.variant and not options.search:
        raise refused("variant", options.variant, "is of a card, which --search names")
    _check_matter(options)
    if options.search and _is_by_channels(options):
        return _channel_limits(options)
    from na64.outputs.analysis.limits import limits
    from na64.outputs.analysis.listening import silent
    from na64.outputs.result.product_names import LIMITS

    limits(
        options.folders,
        background=options.background,
        efficiency=options.efficiency,
        levels=options.level or (0.9, 0.95),
        delivered=options.delivered,
        toys=options.toys,
        to=options.to,
        search=options.search,
        variant=options.variant,
        tell=silent if options.json else print,
        **_physics(options),
    )
    if options.json:
        written = (options.to or options.folders[0]) / LIMITS
        print_json(json.loads(written.read_bytes()))
    return SUCCESS


def _is_by_channels(options: argparse.Namespace) -> bool:
    from na64.outputs.analysis.channel_limits import is_by_channels

    return is_by_channels(options.search, options.variant)


def _channel_limits(options: argparse.Namespace) -> int:
    """Set limits on a search whose channels are counted in boxes of their own."""
    for name, default in _OF_DARK_PHOTONS.items():
        given = getattr(options, name)
        if given != default:
            why = f"not for --search {options.search}, whose channels its card states"
            raise refused(name, given, why)
    from na64.outputs.analysis.channel_limits import channel_limits
    from na64.outputs.analysis.listening import silent
    from na64.outputs.result.product_names import CONTOUR_FACTS

    channel_limits(
        options.folders,
        search=options.search,
        variant=options.variant,
        background=options.background,
        efficiency=options.efficiency,
        levels=options.level or (0.9, 0.95),
        delivered=options.delivered,
        to=options.to,
        reason=options.reason,
        limits_at_face_value=options.limits_at_face_value,
        signal_error=options.signal_error,
        tell=silent if options.json else print,
    )
    if options.json:
        print_json(json.loads(((options.to or options.folders[0]) / CONTOUR_FACTS).read_bytes()))
    return SUCCESS


def _project(options: argparse.Namespace) -> int:
    if options.reference or options.search or options.variant:
        return _reference(options)
    for name in ("eot", "background", "efficiency"):
        if getattr(options, name) is None:
            raise ValueError(f"--{name} is needed, or --search NAME --reference")
    if options.scaling is not None and options.at is None:
        raise refused("scaling", options.scaling, "goes with --at, the exposure that the background is of")
    _check_matter(options)
    from na64.outputs.analysis.limits import project

    project(
        eot=options.eot,
        background=options.background,
        efficiency=options.efficiency,
        at=options.at,
        scaling=options.scaling or "linear",
        period=options.period,
        delivered=options.delivered,
        level=options.level,
        to=options.to,
        tell=print,
        **_physics(options),
    )
    return SUCCESS


def _reference(options: argparse.Namespace) -> int:
    """Draw the reference contour of a search; the card states what options of a projection would."""
    if not (options.reference and options.search):
        raise ValueError("--search NAME and --reference go together")
    from na64.outputs.analysis.searches import reference

    allowed = {"search", "reference", "variant", "to", "level", "debug"}
    parser: argparse.ArgumentParser = options.own_parser
    for action in parser._actions:
        if action.dest not in allowed and getattr(options, action.dest, None) not in (action.default, None):
            why = f"not for --reference, the card of {options.search} states it"
            raise refused(action.dest, getattr(options, action.dest), why)
    reference(options.search, to=options.to, variant=options.variant, level=options.level, tell=print)
    return SUCCESS


def _check_matter(options: argparse.Namespace) -> None:
    """Refuse a coupling of dark matter where no dark matter counts."""
    if options.alpha_d != _OF_DARK_PHOTONS["alpha_d"] and options.resonant is None:
        raise refused("alpha_d", options.alpha_d, "is of dark matter, which --resonant adds")


def _physics(options: argparse.Namespace) -> dict[str, Any]:
    """Values of the options that both commands have."""
    names = ("limits_at_face_value", "signal_error", "threshold", "points", "resonant", "alpha_d", "reason")
    return {name: getattr(options, name) for name in names} | {"curves": options.curve}
