"""What na64 process and na64 submit share: what is asked for."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from na64.commands.verbs import packaged, positive

if TYPE_CHECKING:
    from na64.outputs.analysis.plans import Plan


def add_request(parser: argparse.ArgumentParser, *, several: bool = False) -> None:
    """Declare what says which events are counted and how, on this machine or another.

    With `several` more than one selection may be asked for, and ``selection`` is a list.
    """
    parser.add_argument("catalogue", type=Path, metavar="CATALOGUE.json", help="made by na64 catalogue")
    selections = f"{packaged('selections', 'signal_boxes')}, or a TOML file"
    if several:
        selections += "; may be repeated: a folder each, and cells are read once where features are the same"
    action = "append" if several else "store"
    parser.add_argument("--selection", required=True, action=action, metavar="NAME_OR_TOML", help=selections)
    setting = "another value for the selection, in the unit of its file; may be repeated"
    parser.add_argument(
        "--set", dest="settings", action="append", default=[], metavar="CUT.FEATURE.BOUND=VALUE", help=setting
    )
    constants = "constants of cells: the folder that na64 calibrate wrote, or a TOML file"
    parser.add_argument("--calibration", type=Path, metavar="NAME_OR_FILE", help=constants)
    parser.add_argument("--runs", metavar="8396-8458,8500", help="only these runs")
    limit = "read this many events of each run; the result is INCOMPLETE"
    parser.add_argument("--limit", type=positive, metavar="N", help=limit)
    store = "of features that later selections start from; default: features, beside the catalogue"
    parser.add_argument("--store", type=Path, metavar="DIR", help=store)
    replace = "remove the result of another selection or catalogue from DIR, and all that was made of it"
    parser.add_argument("--replace", action="store_true", help=replace)
    parser.add_argument("--plugin", type=Path, metavar="FILE.py", help="features of your own")


def plan_of(options: argparse.Namespace, selection: str) -> Plan:
    """Load what the options of `add_request` name, with one selection."""
    from na64.outputs.analysis.plans import load_plan

    return load_plan(options.catalogue, selection, **asked_of(options))


def asked_of(options: argparse.Namespace) -> dict[str, Any]:
    """Arguments of `na64.process` that the options of `add_request` are, besides catalogue and selection."""
    names = ("runs", "limit", "plugin", "settings", "calibration")
    return {name: getattr(options, name) for name in names}
