"""Closed boxes as the log keeps them, and what one pass hides less than another."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from na64.datasets.conditions.stated_boxes import DEFAULT_SEARCH
from na64.selections.boxes import default_box
from na64.selections.signal_box import PLANE, Bound, SignalBox

_SHOWN = {name: name.upper() for name in PLANE}


def as_logged(box: SignalBox) -> dict[str, Any]:
    """A box as JSON has it: all that decides what is hidden, and where it comes from."""
    return {"search": box.search, "stated_by": box.name, "bounds": [_plain(bound) for bound in box.bounds]}


def of_log(plain: Mapping[str, Any]) -> SignalBox:
    """The box that `as_logged` wrote."""
    bounds = tuple(_bound(bound) for bound in plain["bounds"])
    return SignalBox(str(plain["stated_by"]), str(plain["search"]), 0, bounds)


def logged(region: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The boxes of a hidden region in the log; before there were several it had the edges of one."""
    if "boxes" in region:
        return tuple(region["boxes"])
    bounds = [
        replace(bound, high=float(region[name]), guard=0.0)
        for name, bound in zip(PLANE, default_box().bounds, strict=True)
    ]
    return (as_logged(SignalBox(str(region["period"]), DEFAULT_SEARCH, 0, tuple(bounds))),)


def less_than(now: Sequence[SignalBox], before: SignalBox) -> Iterator[str]:
    """What a box hid and no other of today may hide, in words; nothing if one hides all of it."""
    if any(box.hides_all_of(before) for box in now):
        return
    same = [box for box in now if box.search == before.search]
    if not same:
        yield f"not the box of search {before.search}, {before.text()}"
        return
    search = "" if before.search == DEFAULT_SEARCH else f"box of search {before.search}: "
    for text in min((list(_shrunk(box, before)) for box in same), key=len):
        yield f"{search}{text}"


def _shrunk(now: SignalBox, before: SignalBox) -> Iterator[str]:
    """Bounds of a box that another box does not keep, each beside the one that it has on the same feature."""
    for bound in now.bounds:
        if any(bound.covers(other) for other in before.bounds):
            continue
        other = next((other for other in before.bounds if other.name == bound.name), None)
        if other is None:
            yield f"only {_words(bound)}, by which it was not bound"
        elif missing := [name for name in other.features if name not in bound.features]:
            yield f"{_words(bound)}, not {_words(other)} by {', '.join(missing)} too"
        else:
            yield f"{_words(bound)}, not {_number(other)}"
    needed = {name for bound in now.bounds if bound.needed for name in bound.features}
    lost = [name for bound in before.bounds if bound.needed for name in bound.features if name not in needed]
    if lost:
        yield f"not where {', '.join(lost)} is not finite"


def _words(bound: Bound) -> str:
    return f"{_SHOWN.get(bound.name, bound.name)} {_side(bound)} {_number(bound)}{_unit(bound)}"


def _side(bound: Bound) -> str:
    if math.isinf(bound.low):
        return "below"
    return "above" if math.isinf(bound.high) else "between"


def _number(bound: Bound) -> str:
    edges = (edge for edge in (bound.low_hidden, bound.high_hidden) if math.isfinite(edge))
    return " and ".join(f"{edge:g}" for edge in edges)


def _unit(bound: Bound) -> str:
    return "" if bound.unit == "1" else f" {bound.unit}"


def _plain(bound: Bound) -> dict[str, Any]:
    return {
        "features": list(bound.features),
        "unit": bound.unit,
        "low": bound.low if math.isfinite(bound.low) else None,
        "high": bound.high if math.isfinite(bound.high) else None,
        "guard": bound.guard,
        "scales": list(bound.scales),
        "needed": bound.needed,
    }


def _bound(plain: Mapping[str, Any]) -> Bound:
    low, high = plain["low"], plain["high"]
    return Bound(
        features=tuple(map(str, plain["features"])),
        unit=str(plain["unit"]),
        low=-math.inf if low is None else float(low),
        high=math.inf if high is None else float(high),
        guard=float(plain["guard"]),
        scales=tuple(map(float, plain["scales"])),
        needed=bool(plain["needed"]),
    )
