"""The signal boxes of periods: what their files declare, and never less than the packaged periods hide."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import reduce
from importlib.resources import files

from na64.datasets.basics.toml import TomlTable, load_table
from na64.datasets.basics.units import Quantity, read_quantity
from na64.datasets.conditions.periods import BOX_EDGES, Period, packaged_periods, unpackaged_runs
from na64.datasets.instrument.features import FEATURES
from na64.selections.interval import look_up
from na64.selections.signal_box import SignalBox

DEFAULT = "default"
"""Name of the box that simulation has in a period without one."""

_FILE = files(__package__) / "signal_boxes.toml"


def load_boxes() -> dict[str, SignalBox]:
    """Packaged boxes by the name of its period; `DEFAULT` is among them."""
    return {DEFAULT: default_box(), **{name: box_of(one) for name, one in packaged_periods().items()}}


def default_box() -> SignalBox:
    """The box that has what a period's own leaves out: guard band, sums and scales."""
    return _box(DEFAULT, {})


def box_of(period: Period) -> SignalBox:
    """The box of a period: its own, enlarged to hold those of the packaged periods with runs of it.

    Without any of them it is that of `default_box`, which is for simulation: see `check_declared`.
    """
    known = [one for one in packaged_periods().values() if one.box and period.shares_runs_with(one)]
    stated = [one for one in (period, *known) if one.box]
    if not stated:
        return _box(period.name, {})
    box = reduce(_enlarged, (_box(one.name, one.box) for one in stated))
    return replace(box, name=period.name)


def check_declared(period: Period) -> None:
    """Refuse data of a period without a box of its own, unless all its runs are in packaged periods.

    Raises
    ------
    ValueError
        Names the period, its runs, and what its file has to state.
    """
    if not period.box and (left := unpackaged_runs(period)):
        first, last = left[0]
        raise ValueError(
            f"period {period.name}: no signal box for runs {first} to {last}, so their data are refused: "
            f"{period.name}.toml needs a table [box] with ecal and hcal in GeV, each with its source"
        )


def _box(name: str, edges: dict[str, Quantity]) -> SignalBox:
    """Make a box of some edges, and of the default ones where there are none."""
    table = load_table(_FILE)
    version, default = table.integer("version"), table.table(DEFAULT)
    known = {edge: _edge(default, edge) for edge in BOX_EDGES} | edges
    box = SignalBox(
        name=name,
        version=version,
        **{edge: quantity.values[0] for edge, quantity in known.items()},
        ecal_sums=_sums(default, "ecal_sums"),
        hcal_sums=_sums(default, "hcal_sums"),
        scales=default.numbers("scales"),
        source="; ".join(f"{edge} {quantity.source}" for edge, quantity in known.items()),
    )
    table.done()
    return box


def _enlarged(box: SignalBox, other: SignalBox) -> SignalBox:
    """The smallest box that holds two boxes, with a guard band that holds their guard bands."""
    ecal, hcal = max(box.ecal, other.ecal), max(box.hcal, other.hcal)
    edges = (box.rectangle(), other.rectangle())
    enlarged = replace(
        box,
        ecal=ecal,
        hcal=hcal,
        ecal_guard=_reaching(ecal, max(edge.ecal_hidden for edge in edges)),
        hcal_guard=_reaching(hcal, max(edge.hcal_hidden for edge in edges)),
    )
    if enlarged == box:
        return box
    return replace(enlarged, source=f"{box.source}; enlarged to hold that of {other.name}: {other.source}")


def _reaching(edge: float, hidden: float) -> float:
    """The guard band from an edge to at least where the hidden region ends, however floats round."""
    guard = hidden - edge
    return guard if edge + guard >= hidden else math.nextafter(guard, math.inf)


def _edge(table: TomlTable, key: str) -> Quantity:
    found = read_quantity(table, key, "GeV")
    if len(found.values) != 1:
        raise ValueError(f"{table.place(key)}: {len(found.values)} values for one edge")
    return found


def _sums(table: TomlTable, key: str) -> tuple[str, ...]:
    return tuple(look_up(table, feature, FEATURES).name for feature in table.texts(key))
