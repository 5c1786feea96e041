"""na64 efficiency: which part of the dark photons a selection keeps."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from na64.commands.verbs import SUCCESS, add_command, positive, tell

if TYPE_CHECKING:
    from na64.outputs.signal.efficiency.efficiency import Point

_MASSES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)


def add(verbs: Any) -> None:
    """Declare the command."""
    text = (
        "Simulate dark photons by mass, process them with a selection, and write its efficiency for the box."
    )
    parser = add_command(verbs, "efficiency", _efficiency, text)
    parser.add_argument("--selection", default="invisible_2023", metavar="NAME_OR_TOML")
    parser.add_argument("--to", type=Path, required=True, metavar="FILE.csv")
    layout = "tout2023 (default; period 2023A), array2018 (period 2018)"
    parser.add_argument("--layout", default="tout2023", metavar="LAYOUT", help=layout)
    masses = "GeV, 0.001 to 1; default: ten masses from 1 MeV to 1 GeV"
    parser.add_argument("--mass", type=float, nargs="+", default=_MASSES, metavar="M", help=masses)
    parser.add_argument("--events", type=positive, default=20_000, metavar="N", help="a mass; default: 20000")
    parser.add_argument("--seed", type=int, default=6406, metavar="S", help="same seed, same content")
    periods = "folder of periods of your own; default: $NA64_PERIODS"
    parser.add_argument("--periods", type=Path, metavar="DIR", help=periods)
    reason = "with --add: why FILE.csv is right although it is not as na64 efficiency wrote it"
    parser.add_argument("--reason", default="", metavar="TEXT", help=reason)
    parser.add_argument("--add", action="store_true", help="keep what FILE.csv has of other periods")


def _efficiency(options: argparse.Namespace) -> int:
    from na64.commands.progress import progress
    from na64.datasets.basics.atomic_file import write_bytes
    from na64.datasets.conditions.period_folder import folder_of_environment
    from na64.outputs.report.drawing import write_figure
    from na64.outputs.result.origin import seal_csv
    from na64.outputs.signal import figures
    from na64.outputs.signal.efficiency import efficiency, efficiency_variations, injection
    from na64.selections.selection import load_selection

    selection = load_selection(options.selection)
    periods = options.periods or folder_of_environment()
    plan = injection.Injection(selection, options.layout, options.events, options.seed, periods)
    before = _before(options) if options.add and options.to.exists() else []
    masses = sorted(set(options.mass))
    with progress("efficiency", "masses", sys.stderr) as show:
        found = list(injection.inject(masses, plan, progress=show))
    done = {measured.point.period for measured in found}
    points = [point for point in before if point.period not in done]
    points += [measured.point for measured in found]
    options.to.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(options.to, seal_csv(efficiency.efficiency_table(points).to_csv()))
    beside = efficiency_variations.variations_path(options.to)
    varied = efficiency_variations.read_variations(beside) if before else []
    varied = [entry for entry in varied if entry.period not in done]
    varied += [entry for measured in found for entry in measured.varied]
    if varied:
        write_bytes(beside, seal_csv(efficiency_variations.variations_table(varied).to_csv()))
    else:
        beside.unlink(missing_ok=True)
    make = partial(figures.draw_efficiencies, points)
    write_figure(options.to.parent, options.to.stem, make, formats=("png",))
    tell(injection.describe(found))
    print(f"{options.to}: {len(points)} points")
    if varied:
        print(f"{beside}: {len(varied)} changes under variations")
    return SUCCESS


def _before(options: argparse.Namespace) -> list[Point]:
    """Read what the table has, if it is as it was written: the new seal must not cover what was edited."""
    from na64.outputs.result.origin import Origin, check, unseal_csv
    from na64.outputs.signal.efficiency.efficiency import read_points

    _, found = unseal_csv(options.to.read_bytes())
    makes = "na64 efficiency without --add makes a new one"
    check(str(options.to), found, Origin(), of="", makes=makes, reason=options.reason)
    return read_points(options.to)
