"""na64 dimuon and probe: the benchmark of Region I, and what single cuts keep."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from na64.commands.verbs import INCOMPLETE, SUCCESS, add_command, add_reason, tell


def add(verbs: Any) -> None:
    """Declare the commands of this module."""
    _add_dimuon(verbs)
    _add_probe(verbs)


def _add_dimuon(verbs: Any) -> None:
    text = "Compare the dimuons of Region I with simulation, and fit the muon peaks of the HCAL."
    parser = add_command(verbs, "dimuon", _dimuon, text)
    parser.add_argument("folder", type=Path, metavar="DATA_DIR", help="where na64 process wrote the data to")
    simulation = "the same selection of simulation with exposure"
    parser.add_argument("simulation", type=Path, metavar="SIM_DIR", help=simulation)
    campaign = "of the simulation, if it has dimuons only: normalise it by the cross-section of muon pairs"
    parser.add_argument("--campaign", metavar="NAME_OR_TOML", help=campaign)
    add_reason(parser)
    no_runs = "do not read the partial results for the peaks of single runs"
    parser.add_argument("--no-runs", action="store_true", help=no_runs)


def _add_probe(verbs: Any) -> None:
    text = (
        "Give the efficiency of single cuts by run against intensity, of the events that pass all the others."
    )
    parser = add_command(verbs, "probe", _probe, text)
    parser.add_argument("folders", type=Path, nargs="+", metavar="DIR", help="where na64 process wrote to")


def _dimuon(options: argparse.Namespace) -> int:
    from na64.datasets.basics.turns import turn
    from na64.outputs.result.product_names import PRODUCTS
    from na64.outputs.result.store import require_result

    require_result(options.folder)
    with turn(options.folder, PRODUCTS, "na64 dimuon"):
        return _benchmark(options)


def _benchmark(options: argparse.Namespace) -> int:
    from na64.outputs.analysis.full_report import renew_report
    from na64.outputs.background.inputs import check_simulation
    from na64.outputs.control.dimuon import files, names
    from na64.outputs.control.dimuon.benchmark import runs_left_out
    from na64.outputs.result.lacks import check_values
    from na64.outputs.result.store import read_result

    data, simulation = read_result(options.folder), read_result(options.simulation)
    check_values(data.summary, str(options.folder))
    check_values(simulation.summary, str(options.simulation))
    production = _production(options.campaign) if options.campaign else None
    found = files.compare_results(data, simulation, production)
    compared = (str(options.simulation), str(options.folder))
    stated = check_simulation(data, simulation, *compared, reason=options.reason)
    peaks = files.find_peaks(options.folder, data, by_run=not options.no_runs)
    files.write_comparison(options.folder, data, found, peaks)
    tell(files.of_comparison(found))
    for folder, products in ((options.folder, data), (options.simulation, simulation)):
        tell(runs_left_out(folder.name, products))
    tell(files.of_peaks(peaks))
    tell([stated] if stated else [])
    print(f"table: {options.folder / names.DIMUON}; plots: {options.folder / names.FIGURES}")
    tell(renew_report(options.folder))
    return SUCCESS


def _production(campaign: str) -> Any:
    import numpy as np

    from na64.datasets.synthetic.campaign_reader import load_campaign
    from na64.outputs.control.dimuon.production import production_of

    return production_of(load_campaign(campaign), np.random.default_rng(64))


def _probe(options: argparse.Namespace) -> int:
    from na64.datasets.basics.turns import turn
    from na64.outputs.result.product_names import PRODUCTS
    from na64.outputs.result.store import require_result

    is_probed = True
    for folder in options.folders:
        require_result(folder)
        with turn(folder, PRODUCTS, "na64 probe"):
            is_probed &= _probe_one(folder)
    return SUCCESS if is_probed else INCOMPLETE


def _probe_one(folder: Path) -> bool:
    """Probe the cuts of a result, and return whether there are events to do that with."""
    from na64.outputs.analysis.full_report import renew_report
    from na64.outputs.control.dimuon import files, names
    from na64.outputs.result.store import read_result

    products = read_result(folder)
    tell(files.check_probed(products))
    print(f"{products.summary.selection.name}, {products.summary.label}; of events that pass all others:")
    found = files.write_efficiencies(folder, products)
    tell(files.of_efficiencies(found))
    print(f"table: {folder / names.EFFICIENCIES}")
    tell(renew_report(folder))
    return bool(found)
