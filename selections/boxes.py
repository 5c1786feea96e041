"""The signal boxes of periods: what their files declare, and never less than the packaged periods hide."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import reduce
from importlib.resources import files

from na64.datasets.basics.toml import TomlTable, load_table
from na64.datasets.basics.units import Quantity, read_quantity
from na64.datasets.conditions.periods import Period, packaged_periods, unpackaged_runs
from na64.datasets.conditions.stated_boxes import BOX_EDGES, DEFAULT_SEARCH, StatedBound, StatedBox
from na64.datasets.instrument.features import FEATURES
from na64.selections.interval import look_up
from na64.selections.signal_box import PLANE, Bound, SignalBox, of_search

DEFAULT = "default"
"""Name of the box that simulation has in a period without one."""

_STATED = " and ".join(PLANE)
_FILE = files(__package__) / "signal_boxes.toml"


def load_boxes() -> dict[str, tuple[SignalBox, ...]]:
    """Packaged boxes by the name of their period; `DEFAULT` is among them."""
    known = {name: boxes_of(period) for name, period in packaged_periods().items()}
    return {DEFAULT: (default_box(),), **known}


def boxes_beside(search: str) -> Iterator[SignalBox]:
    """Packaged boxes that the regions of a selection for a search have to be outside of.

    These are the ones below two energies, of the periods that have a box of the search, or of all periods if
    none has one. Boxes of other kinds are of certain runs: a job with such runs says what they hide.
    """
    known = load_boxes().values()
    own = [boxes for boxes in known if of_search(boxes, search)]
    for boxes in own or known:
        yield from (box for box in boxes if box.is_rectangle)


def default_box() -> SignalBox:
    """The box that has what a period's own leaves out: guard band, sums and scales."""
    return _box(DEFAULT, StatedBox(DEFAULT_SEARCH, {}))


def boxes_of(period: Period) -> tuple[SignalBox, ...]:
    """The boxes of a period: its own, and those of the packaged periods with runs of it.

    Rectangles of one search are one: the smallest that holds all of them. Without any box it is that of
    `default_box`, which is for simulation: see `check_declared`.
    """
    known = [one for one in packaged_periods().values() if period.shares_runs_with(one)]
    stated = [_box(one.name, box) for one in (period, *known) for box in one.boxes]
    if not stated:
        return (replace(default_box(), name=period.name),)
    searches = [box.search for box in stated if box.is_rectangle]
    rectangles = [
        reduce(_enlarged, (box for box in stated if box.is_rectangle and box.search == search))
        for search in searches
    ]
    others = [box for box in stated if not box.is_rectangle]
    return tuple(dict.fromkeys((*(replace(box, name=period.name) for box in rectangles), *others)))


def check_declared(period: Period) -> None:
    """Refuse data of a period without a box of its own, unless all its runs are in packaged periods.

    Raises
    ------
    ValueError
        Names the period, its runs, and what its file has to state; or an edge that hides nearly nothing.
    """
    if not period.boxes and (left := unpackaged_runs(period)):
        first, last = left[0]
        raise ValueError(
            f"period {period.name}: no signal box for runs {first} to {last}, so their data are refused: "
            f"{period.name}.toml needs a table [box] with {_STATED} in GeV, each with its source"
        )
    _check_edges(period)


def _check_edges(period: Period) -> None:
    """Refuse an edge below its own guard band, as one that was written in MeV and meant in GeV."""
    for box in boxes_of(period):
        for bound in box.bounds if box.is_rectangle else ():
            if bound.high < bound.guard:
                raise ValueError(
                    f"period {period.name}: the edge of its signal box in {bound.name}, {bound.high:g} GeV, "
                    f"is below its guard band of {bound.guard:g} GeV, so its data are refused"
                )


def check_search(search: str, period: str, boxes: Sequence[SignalBox]) -> None:
    """Refuse data of a period in which no box is that of a search.

    Raises
    ------
    ValueError
        Names the search, the period and what there is.
    """
    known = dict.fromkeys(box.search for box in boxes)
    if search not in known:
        raise ValueError(f"period {period} has no signal box of search {search}, only of {', '.join(known)}")


def _box(name: str, stated: StatedBox) -> SignalBox:
    """Make a box of what is stated; the short form has the default edges where it states none."""
    table = load_table(_FILE)
    version, default = table.integer("version"), table.table(DEFAULT)
    scales, known = default.numbers("scales"), {edge: _edge(default, edge) for edge in BOX_EDGES}
    usual = {
        one: (_features(default, f"{one}_sums"), _features(default, f"{one}_implied_by")) for one in PLANE
    }
    table.done()
    try:
        if stated.bounds:
            bounds = tuple(_bound(bound, scales) for bound in stated.bounds)
        else:
            bounds = tuple(_rectangle({**known, **stated.edges}, usual, scales))
    except ValueError as error:
        raise ValueError(f"signal box {name}: {error}") from error
    return SignalBox(name, stated.search, version, bounds)


def _rectangle(
    edges: Mapping[str, Quantity], usual: Mapping[str, tuple[tuple[str, ...], ...]], scales: tuple[float, ...]
) -> Iterator[Bound]:
    for name, (sums, implied_by) in usual.items():
        edge, guard = edges[name], edges[f"{name}_guard"]
        if not edge.values[0] > 0:
            raise ValueError(f"edge at {edge.values[0]:g} GeV")
        yield Bound(
            features=sums,
            unit="GeV",
            low=-math.inf,
            high=edge.values[0],
            guard=guard.values[0],
            scales=scales,
            needed=True,
            implied_by=implied_by,
            source=f"{name} {edge.source}; {name}_guard {guard.source}",
        )


def _bound(stated: StatedBound, scales: tuple[float, ...]) -> Bound:
    """A bound; what is no energy is on no energy scale."""
    return Bound(
        features=stated.features,
        unit=stated.unit,
        low=stated.low,
        high=stated.high,
        guard=stated.guard,
        scales=scales if stated.unit == "GeV" else (1.0,),
        implied_by=stated.implied_by,
        source=f"{stated.features[0]} {stated.source}",
    )


def _enlarged(box: SignalBox, other: SignalBox) -> SignalBox:
    """The smallest rectangle that holds two, with a guard band that holds their guard bands."""
    bounds = tuple(
        replace(
            own,
            high=max(own.high, theirs.high),
            guard=_reaching(max(own.high, theirs.high), max(own.high_hidden, theirs.high_hidden)),
            features=tuple(dict.fromkeys((*own.features, *theirs.features))),
            needed=own.needed or theirs.needed,
            implied_by=tuple(name for name in own.implied_by if name in theirs.implied_by),
        )
        for own, theirs in zip(box.bounds, other.bounds, strict=True)
    )
    if bounds == box.bounds:
        return box
    first, last = bounds
    because = f"{last.source}; enlarged to hold that of {other.name}: {other.source}"
    return replace(box, bounds=(first, replace(last, source=because)))


def _reaching(edge: float, hidden: float) -> float:
    """The guard band from an edge to at least where the hidden region ends, however floats round."""
    guard = hidden - edge
    return guard if edge + guard >= hidden else math.nextafter(guard, math.inf)


def _edge(table: TomlTable, key: str) -> Quantity:
    found = read_quantity(table, key, "GeV")
    if len(found.values) != 1:
        raise ValueError(f"{table.place(key)}: {len(found.values)} values for one edge")
    return found


def _features(table: TomlTable, key: str) -> tuple[str, ...]:
    return tuple(look_up(table, feature, FEATURES).name for feature in table.texts(key))
