"""na64 limits and na64 project: from stored results to limits on the dark photon, and those to expect."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from na64.commands.report_sections import renew_report
from na64.commands.verbs import (
    PRODUCTS,
    SUCCESS,
    add_command,
    add_reason,
    positive,
    require_result,
    tell,
)

if TYPE_CHECKING:
    from na64.outputs.limits.request import LimitsRequest


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
    parser.add_argument("--level", action="append", type=float, metavar="CL", help=levels)
    delivered = "count electrons delivered: the efficiency contains the dead time"
    parser.add_argument("--delivered", action="store_true", help=delivered)
    parser.add_argument("--toys", type=positive, metavar="N", help="throw N experiments, do not sum outcomes")
    parser.add_argument("--to", type=Path, metavar="OUT", help="default: DIR, if there is one only")
    _add_physics(parser)


def _add_project(verbs: Any) -> None:
    text = "Compute the limits to expect of an exposure."
    parser = add_command(verbs, "project", _project, text)
    eot = "electrons on target; may be repeated"
    parser.add_argument("--eot", type=float, action="append", required=True, metavar="EOT", help=eot)
    background = "FILE, N+-DN or seed_2021"
    parser.add_argument("--background", required=True, metavar="FILE|N+-DN", help=background)
    at = "exposure that the background is of; default: it is of every exposure asked for"
    parser.add_argument("--at", type=float, metavar="EOT", help=at)
    scaling = "of the background with exposure; default: %(default)s"
    choices = ("linear", "constant")
    parser.add_argument("--scaling", choices=choices, default="linear", help=scaling)
    efficiency = "of dark photons above the threshold"
    parser.add_argument("--efficiency", required=True, metavar="FILE|VALUE", help=efficiency)
    parser.add_argument("--period", default="", metavar="P", help="of the efficiency, if that is a file")
    parser.add_argument("--level", type=float, default=0.9, metavar="CL", help="default: %(default)s")
    parser.add_argument("--to", type=Path, metavar="OUT", help="write projection.csv and figures there")
    _add_physics(parser)


def _add_physics(parser: argparse.ArgumentParser) -> None:
    add_reason(parser)
    face = "count upper limits of a background table as their value, with an error as large"
    parser.add_argument("--limits-at-face-value", action="store_true", help=face)
    error = "relative error of the signal yield; default: %(default)s"
    parser.add_argument("--signal-error", type=float, default=0.1, metavar="R", help=error)
    threshold = "least missing energy in GeV; default: %(default)s"
    parser.add_argument("--threshold", type=float, default=50.0, metavar="E", help=threshold)
    points = "masses from 1 MeV to 1 GeV; default: %(default)s"
    parser.add_argument("--points", type=positive, default=37, metavar="N", help=points)
    resonant = "add dark photons from positrons of the shower, which decay to such dark matter"
    parser.add_argument("--resonant", choices=("dirac", "scalar"), help=resonant)
    alpha = "coupling alpha_D of dark matter for --resonant; default: %(default)s"
    parser.add_argument("--alpha-d", type=float, default=0.1, metavar="A", help=alpha)


def _limits(options: argparse.Namespace) -> int:
    from na64.datasets.basics.turns import turn
    from na64.outputs.limits.messages import of_analysis
    from na64.outputs.limits.request import make_limits

    folders: list[Path] = options.folders
    if options.to is None and len(folders) > 1:
        raise ValueError("limits of several results need --to")
    folder = options.to or folders[0]
    for one in folders:
        require_result(one)
    with turn(folder, PRODUCTS, "na64 limits"):
        tell(of_analysis(make_limits(folders, _request(options), folder)))
        renew_report(folder)
    return SUCCESS


def _request(options: argparse.Namespace) -> LimitsRequest:
    from na64.outputs.limits.request import LimitsRequest

    return LimitsRequest(
        background=tuple(options.background),
        efficiency=options.efficiency,
        levels=tuple(options.level or (0.9, 0.95)),
        delivered=options.delivered,
        limits_at_face_value=options.limits_at_face_value,
        toys=options.toys,
        signal_error=options.signal_error,
        threshold=options.threshold,
        points=options.points,
        resonant=options.resonant,
        alpha_d=options.alpha_d,
        reason=options.reason,
    )


def _project(options: argparse.Namespace) -> int:
    from na64.outputs.limits.efficiency import read_efficiency
    from na64.outputs.limits.inputs import background_of, flat_of
    from na64.outputs.limits.messages import of_projections
    from na64.outputs.limits.products import write_projections
    from na64.outputs.limits.projection import Scaling, project
    from na64.outputs.limits.request import LimitsRequest, check_projection

    asked = LimitsRequest(
        threshold=options.threshold,
        points=options.points,
        resonant=options.resonant,
        alpha_d=options.alpha_d,
        reason=options.reason,
    )
    scaling = Scaling(options.scaling)
    background = background_of(options.background, limits_at_face_value=options.limits_at_face_value)
    efficiency = flat_of(options.efficiency) or read_efficiency(
        Path(options.efficiency), options.period, threshold=options.threshold
    )
    stated = check_projection(options.background, options.efficiency, options.period, reason=options.reason)
    projections = [
        project(
            eot,
            background,
            efficiency,
            asked.per_eot,
            at=options.at,
            scaling=scaling,
            level=options.level,
            signal_error=options.signal_error,
            masses=asked.masses,
            resonant=asked.matter,
        )
        for eot in options.eot
    ]
    words = scaling.words if options.at else "background as stated, for every exposure"
    tell((*of_projections(projections, words), *stated))
    if options.to:
        write_projections(options.to, projections, "; ".join((words, *stated)), asked.matter)
        print(f"projection: {options.to}")
    return SUCCESS
