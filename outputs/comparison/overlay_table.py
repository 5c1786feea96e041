"""What is said of data and simulation beside each other: a table, and lines."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from na64.outputs.comparison.overlay import Distribution, Overlay
from na64.outputs.comparison.statistics import after_looks, probability, smallest_chance
from na64.outputs.result.table import Table


@dataclass(frozen=True, slots=True)
class OverlayRow:
    """Row of `overlay.csv`: a distribution in data and simulation.

    Attributes
    ----------
    variable, events : str
        The variable, and which events.
    data : int
        Events.
    simulation : float
        Scaled sum of weights.
    scale : float
    chi2 : float
    degrees : int
    p_chi2, ks, p_ks : float
        As in `Agreement`.
    hidden_share : float or None
        Share of the simulation that data would not show, if that is known.
    """

    variable: str
    events: str
    data: int
    simulation: float
    scale: float
    chi2: float
    degrees: int
    p_chi2: float
    ks: float
    p_ks: float
    hidden_share: float | None


def table_of(found: Overlay) -> Table[OverlayRow]:
    """Row a distribution."""
    rows = [
        OverlayRow(
            one.name,
            one.events,
            int(one.counts.sum()),
            float(one.expected.sum()),
            one.scale,
            one.found.chi2,
            one.found.n_degrees,
            one.found.p_chi2,
            one.found.ks,
            one.found.p_ks,
            None if one.hidden_share is None or math.isnan(one.hidden_share) else one.hidden_share,
        )
        for one in found.distributions
    ]
    return Table(OverlayRow, rows)


def lines(found: Overlay) -> Iterator[str]:
    """Agreement of each variable, the worst first."""
    yield f"data: {found.label}; simulation: {', '.join(found.names)}"
    yield found.norm
    yield from found.hidden
    yield from found.notes
    looked = [one for one in found.distributions if one.found.n_degrees]
    if not looked:
        yield "nothing can be compared: no variable has events enough"
        return
    yield f"{'variable':<22}{'data':>9}{'simulation':>12}{'chi2 / degrees':>18}{'p':>10}{'KS p':>10}  events"
    for one in sorted(looked, key=lambda one: (one.found.p_chi2, -one.found.chi2)):
        ratio = f"{one.found.chi2:.1f} / {one.found.n_degrees}"
        numbers = f"{one.counts.sum():>9,.0f}{one.expected.sum():>12,.0f}{ratio:>18}"
        tests = f"{probability(one.found.p_chi2):>10}{probability(one.found.p_ks):>10}"
        yield f"{one.name:<22}{numbers}{tests}  {one.events}{hidden_note(one)}"
    smallest = min(one.found.p_chi2 for one in looked)
    yield smallest_chance(smallest, after_looks(smallest, len(looked)), len(looked))
    yield "the looks are not independent: many variables are of the same events"


def hidden_note(one: Distribution) -> str:
    """Part of the simulation that is of events that data do not show, in words."""
    if one.hidden_share is None or one.hidden_share < 0.005:
        return ""
    if math.isnan(one.hidden_share):
        return "; an unknown part of the simulation is where data are hidden"
    if one.hidden is not None:
        return f"; {100 * one.hidden_share:.0f} % of the simulation is hidden as in data"
    return f"; {100 * one.hidden_share:.0f} % of the simulation is where data are hidden"
