"""na64 background and dimuon: what a stored result says of its backgrounds and of its benchmark."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from na64.commands.report_sections import renew_report
from na64.commands.verbs import (
    PRODUCTS,
    SUCCESS,
    add_command,
    add_reason,
    require_result,
    tell,
)


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
    add_reason(parser)
    end = "end of fits in E_ECAL; default: below the turn-on of the trigger, which is measured"
    parser.add_argument("--end", type=float, metavar="GEV", help=end)
    start = "begin of fits in E_ECAL; default: the edge of the guard band"
    parser.add_argument("--start", type=float, metavar="GEV", help=start)
    parser.add_argument("--hcal-start", type=float, metavar="GEV", help="the same in E_HCAL")
    stop = "end of fits in E_HCAL; default: %(default)s"
    parser.add_argument("--hcal-stop", type=float, default=20.0, metavar="GEV", help=stop)


def _background(options: argparse.Namespace) -> int:
    from na64.datasets.basics.turns import turn

    require_result(options.folder)
    with turn(options.folder, PRODUCTS, "na64 background"):
        return _estimate(options)


def _estimate(options: argparse.Namespace) -> int:
    from na64.outputs.background.estimate import Settings, estimate
    from na64.outputs.background.files import of_estimate, write_background
    from na64.outputs.background.inputs import stated_inputs
    from na64.outputs.result.store import read_result

    products = read_result(options.folder)
    simulation = read_result(options.simulation) if options.simulation else None
    stated = stated_inputs(
        options.folder, products, options.rates, simulation, str(options.simulation), reason=options.reason
    )
    settings = Settings(
        options.rates, options.end, options.hcal_stop, start=options.start, hcal_start=options.hcal_start
    )
    found = estimate(products, settings, simulation)
    written = write_background(options.folder, products, found, stated)
    if products.summary.reasons:
        print(f"INCOMPLETE: {products.summary.reasons[0]}")
    tell(of_estimate(found))
    print(f"table: {written[0]}")
    renew_report(options.folder)
    return SUCCESS
