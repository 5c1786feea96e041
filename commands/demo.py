"""na64 demo: the whole line on a simulated campaign."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from na64.commands.verbs import SUCCESS, add_command, positive, tell

if TYPE_CHECKING:
    from na64.outputs.limits.searches.demonstration import Demonstration

Line = list[str]
"""Arguments of the program."""

_EVENTS = "4000"
"""Signal events of a mass: a demonstration, not a measurement."""

_EVENTS_OF_A_BIN = "1500"
"""The same of a bin of energies."""


def add(verbs: Any) -> None:
    """Declare the command."""
    text = "Simulate a small campaign, catalogue it as data, process it blind and write the reports."
    parser = add_command(verbs, "demo", _demo, text)
    folder = Path("results/demo")
    search = "estimate background and efficiency too, and set the limits of a search: one of na64 searches"
    parser.add_argument("--search", metavar="NAME", help=search)
    where = f"default: {folder}, with --search {folder.parent}/demo_NAME"
    parser.add_argument("--to", type=Path, metavar="DIR", help=where)
    parser.add_argument(
        "--events", type=positive, metavar="N", help="recorded events; default: the campaign's"
    )
    parser.add_argument("--workers", type=positive, metavar="N", help="default: the number of cores")


def _demo(options: argparse.Namespace) -> int:
    began = time.monotonic()
    demonstration = _demonstration(options.search or "invisible")
    name = f"demo_{options.search}" if options.search else "demo"
    folder: Path = options.to or Path("results") / name
    n_events = ["--events", str(options.events)] if options.events else []
    workers = ["--workers", str(options.workers)] if options.workers else []
    lines = list(_count(demonstration, folder, n_events, workers))
    if options.search:
        lines += _measure(demonstration, options.search, folder)
    for line in lines:
        print(f"$ na64 {' '.join(line)}")
        code: int = options.program([*line, *(["--debug"] if options.debug else [])])
        if code != SUCCESS:
            return code
    print(f"done in {time.monotonic() - began:.0f} s; open the reports:")
    processed = (*demonstration.selections, *demonstration.controls)
    tell(f"  {folder / name / 'report.html'}" for name in processed)
    return SUCCESS


def _demonstration(search: str) -> Demonstration:
    from na64.outputs.limits.searches.card import load_card
    from na64.outputs.limits.searches.listing import demo_lines

    card = load_card(search)
    if card.demonstration is None:
        lines = "; ".join(demo_lines(card))
        raise ValueError(f"search {search} has no demonstration of its own; instead, in this order: {lines}")
    return card.demonstration


def _count(
    demonstration: Demonstration, folder: Path, n_events: Sequence[str], workers: Sequence[str]
) -> Iterator[Line]:
    """Command lines from a campaign to results that were counted blind."""
    data, catalogue = str(folder / "data"), str(folder / "catalogue.json")
    periods = ["--periods", str(_state_runs(demonstration, folder))] if demonstration.runs else []
    layout = ["--layout", demonstration.layout]
    yield ["simulate", demonstration.campaign, "--to", data, *layout, *n_events]
    yield ["catalogue", data, "--to", catalogue, *periods]
    for name in (*demonstration.selections, *demonstration.controls):
        to = str(folder / name)
        yield ["process", catalogue, "--selection", name, "--to", to, "--executor", "dask", *workers]


def _measure(demonstration: Demonstration, search: str, folder: Path) -> Iterator[Line]:
    """Command lines from results to the limits of a search, and to reports of all that."""
    results = [str(folder / name) for name in demonstration.selections]
    periods = ["--periods", str(folder / "periods")] if demonstration.runs else []
    of = [word for period in demonstration.runs for word in ("--period", period)]
    for name, result in zip(demonstration.selections, results, strict=True):
        yield ["background", result]
        layout = ["--layout", demonstration.layout]
        yield ["efficiency", "--selection", name, *layout, *periods, *of, *_efficiency(search, folder / name)]
    yield ["limits", "--search", search, *results, "--to", str(folder / "limits")]
    for result in results:
        yield ["report", result]


def _efficiency(search: str, result: Path) -> Line:
    """Of what an efficiency is, where it is written to, and how many events are simulated for it."""
    from na64.outputs.analysis.channel_limits import is_by_channels
    from na64.outputs.analysis.efficiencies import DARK_PHOTON_SEARCHES
    from na64.outputs.signal.efficiency.by_energy import efficiency_name

    if not is_by_channels(search):
        of = ["--search", search] if search in DARK_PHOTON_SEARCHES else []
        return [*of, "--to", str(result / "efficiency.csv"), "--events", _EVENTS]
    return ["--search", search, "--to", str(result / efficiency_name(search)), "--events", _EVENTS_OF_A_BIN]


def _state_runs(demonstration: Demonstration, folder: Path) -> Path:
    """Write periods whose runs are not public with those of the campaign; give the folder."""
    from na64.datasets.basics.atomic_file import write_bytes
    from na64.datasets.conditions.own_period import stated_runs_text

    source = f"numbers of the simulated campaign {demonstration.campaign}, not of NA64"
    periods = folder / "periods"
    periods.mkdir(parents=True, exist_ok=True)
    for name, (first, last) in demonstration.runs.items():
        write_bytes(periods / f"{name}.toml", stated_runs_text(name, first, last, source).encode())
    return periods
