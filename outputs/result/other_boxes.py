"""Boxes of other searches beside that of a result: from which HCAL energy on they hide events of data."""

from __future__ import annotations

import math
from collections.abc import Iterator

from na64.datasets.conditions.periods import load_periods
from na64.datasets.instrument.detector import Setup
from na64.datasets.instrument.features import STANDARD
from na64.datasets.instrument.roles import MODULES
from na64.outputs.result.products import Products
from na64.outputs.result.summary_facts import BoxFacts, ClosedFacts
from na64.selections.boxes import boxes_of
from na64.selections.signal_box import Bound

_EVERY_PULSE = 1e5
"""ns: with a window as wide as this energy at any time is energy in time."""


def begins_above(box: BoxFacts, other: ClosedFacts, energy: float) -> bool:
    """Whether another box hides only events with at least some HCAL energy, in time, of the plane.

    Parameters
    ----------
    box : BoxFacts
        Of the period.
    other : ClosedFacts
    energy : float, GeV
    """
    return begins_at(box, other) >= energy


def other_boxes_begin(products: Products) -> Iterator[float]:
    """HCAL energies from which on other boxes hide events of data, GeV, as far as they are known."""
    if products.summary.is_data:
        for box in products.summary.boxes:
            edges = (begins_at(box, other) for other in box.others)
            yield from (math.floor(edge) for edge in edges if edge > 0)
    yield math.inf


def begins_at(box: BoxFacts, other: ClosedFacts) -> float:
    """HCAL energy of the plane below which another box hides nothing, GeV; 0 if that is not known.

    It is known of a packaged period by a lower edge on energies of HCAL modules that are in the plane.
    """
    period = load_periods().get(box.period)
    if period is None:
        return 0.0
    known = [one for one in boxes_of(period) if one.search == other.search and one.text() == other.text]
    edges = [
        bound.low_hidden / max(bound.scales)
        for one in known
        for bound in one.bounds
        if _is_in_plane(bound, period.setup, box.modules)
    ]
    return max(edges, default=0.0)


def _is_in_plane(bound: Bound, setup: Setup, modules: tuple[int, ...]) -> bool:
    """Whether every feature of a bound is a part of the HCAL energy that the plane shows."""
    if math.isinf(bound.low) or MODULES not in setup.detectors:
        return False
    width = setup.modules.timing.half_width
    at_any_time = width is not None and width >= _EVERY_PULSE
    return all(_is_part(name, setup, modules, at_any_time=at_any_time) for name in bound.features)


def _is_part(name: str, setup: Setup, modules: tuple[int, ...], *, at_any_time: bool) -> bool:
    parts = {f"{MODULES}_{one.name}": one.parts for one in setup.modules.sums}
    parts |= {
        feature: one.parts or setup.chosen_modules
        for feature, one in STANDARD.items()
        if one.feature.detectors == (MODULES,) and one.quantity in ("part", "some")
    }
    own = name.removesuffix("_total") if at_any_time else name
    return own in parts and {*parts[own]} <= {*modules}
