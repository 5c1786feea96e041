"""Boxes that tests are about, and an account of what they hide that shares nothing with the package's."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from na64.datasets.basics.units import Quantity
from na64.datasets.conditions.stated_boxes import StatedBox
from na64.datasets.instrument.features import INDEX
from na64.selections.boxes import default_box
from na64.selections.signal_box import Bound, SignalBox

ECAL = ("ecal", "ecal_total")
HCAL = ("hcal", "hcal_total", "hcal_01", "hcal_012", "hcal_012_total")


def rectangle(
    base: SignalBox,
    *,
    ecal: dict[str, Any] | None = None,
    hcal: dict[str, Any] | None = None,
    **both: Any,
) -> SignalBox:
    """A box below two energies with changed bounds."""
    first, last = base.bounds
    changed = (replace(first, **{**both, **(ecal or {})}), replace(last, **{**both, **(hcal or {})}))
    return replace(base, bounds=changed)


def edges_of(box: SignalBox) -> tuple[float, float, float, float]:
    """Where a box ends in ECAL and HCAL, and its guard bands."""
    ecal, hcal = box.bounds
    return (ecal.high, hcal.high, ecal.guard, hcal.guard)


def stated_box(**edges: float) -> tuple[StatedBox, ...]:
    """What a period states in the short form; nothing of no edge."""
    if not edges:
        return ()
    return (StatedBox("invisible", {e: Quantity((value,), "GeV", f"my {e}") for e, value in edges.items()}),)


def bound(name: str, *others: str, **given: Any) -> Bound:
    """A bound in GeV on a feature and others that might be the same."""
    known: dict[str, Any] = {"unit": "GeV", "low": -math.inf, "high": math.inf, "guard": 0.0} | given
    return Bound((name, *others), **known)


TWO_SIDED = SignalBox(
    "tests",
    "band",
    1,
    (
        bound("ecal", "ecal_total", low=45.0, high=75.0, guard=3.0),
        bound("hcal", "hcal_012", high=1.0, guard=0.5, implied_by=("hcal_0",)),
    ),
)
DECAY = SignalBox(
    "tests",
    "alp",
    1,
    (
        bound("ecal", "ecal_total", high=85.0, guard=5.0),
        bound("hcal_0", high=1.0, guard=0.5),
        bound("hcal_012", "hcal_012_total", low=15.0, guard=2.0),
        bound("hcal_r", unit="1", high=0.06, guard=0.01),
    ),
)
DUMP = SignalBox("tests", "alp", 1, (bound("ecal", high=30.0, guard=1.0), bound("hcal", high=0.5)))
UNIONS: dict[str, tuple[SignalBox, ...]] = {
    "rectangle": (default_box(),),
    "two-sided": (TWO_SIDED,),
    "two searches": (default_box(), DECAY),
    "two boxes of a search": (DECAY, DUMP),
    "all": (default_box(), TWO_SIDED, DECAY, DUMP),
}


def twin_outside(one: Bound, features: Any) -> tuple[Any, Any]:
    """Which events are provably outside by a bound, and where all is finite."""
    wide = features[[INDEX[name] for name in one.features]].astype(np.float64)
    finite = np.isfinite(wide).all(axis=0)
    above, below = finite.copy(), finite.copy()
    with np.errstate(invalid="ignore"):
        for scale in one.scales:
            above &= (wide >= (one.high + one.guard) / scale).all(axis=0)
            below &= (wide <= (one.low - one.guard) / scale).all(axis=0)
    return above | below, finite


def twin_hidden(boxes: Iterable[Any], features: Any) -> Any:
    """Which events some boxes hide."""
    closed = np.zeros(features.shape[1], bool)
    for box in boxes:
        outside, known = np.zeros_like(closed), np.ones_like(closed)
        for one in box.bounds:
            beyond, finite = twin_outside(one, features)
            outside |= beyond
            known &= finite | (not one.needed)
        closed |= ~(outside & known)
    return closed


def twin_inside(boxes: Iterable[Any], features: Any) -> Any:
    """Which events are in one of some boxes themselves."""
    inside = np.zeros(features.shape[1], bool)
    for box in boxes:
        values = [(one, features[INDEX[one.features[0]]].astype(np.float64)) for one in box.bounds]
        inside |= np.all([_keeps(one, value) for one, value in values], axis=0)
    return inside


def twin_drawn(boxes: Iterable[Any], features: Any) -> Any:
    """Which events a plane may show."""
    drawn = np.ones(features.shape[1], bool)
    for box in boxes:
        beyond = np.zeros_like(drawn)
        for one in box.bounds:
            value = features[INDEX[one.features[0]]].astype(np.float64)
            beyond |= (value >= one.high + one.guard) & (one.high < math.inf)
            beyond |= (value <= one.low - one.guard) & (one.low > -math.inf)
        drawn &= beyond
    return drawn


def _keeps(one: Any, value: Any) -> Any:
    return (
        ~np.isnan(value)
        & ~((value <= one.low) & (one.low > -math.inf))
        & ~((value >= one.high) & (one.high < math.inf))
    )
