"""na64 beam: momentum, angle, composition and SRD of the beam, from beam triggers."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from na64.commands.verbs import SUCCESS, add_command, names
from na64.commands.visible_output import complain


def add(verbs: Any) -> None:
    """Declare the command of this module."""
    text = "Measure momentum, angle and composition of the beam, and the SRD, from beam triggers by run."
    parser = add_command(verbs, "beam", _beam, text)
    folder = "where na64 process wrote to, with the selection beam_2023"
    parser.add_argument("folder", type=Path, metavar="DIR", help=folder)
    pure = "the same selection where only {} reach the detector: how efficient their tag is"
    parser.add_argument("--hadrons", type=Path, metavar="DIR", help=pure.format("hadrons"))
    parser.add_argument("--muons", type=Path, metavar="DIR", help=pure.format("muons"))
    positions = "features in mm that show where the beam is; default: first hits of the trackers"
    parser.add_argument("--positions", type=names, metavar="FEATURE,...", help=positions)
    settings = "TOML file of field, window of the SRD and tags; default: the packaged one"
    parser.add_argument("--settings", type=Path, metavar="FILE", help=settings)


def _beam(options: argparse.Namespace) -> int:
    from na64.outputs.analysis.beams import beam

    beam(
        options.folder,
        hadrons=options.hadrons,
        muons=options.muons,
        positions=options.positions,
        settings=options.settings,
        tell=print,
        note=complain,
    )
    return SUCCESS
