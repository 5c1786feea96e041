"""The efficiency that a published limit implies, beside the simulated one: what the losses do not explain."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from na64.datasets.conditions.losses import PublishedLimit
from na64.outputs.signal.curves import load_curve
from na64.outputs.signal.efficiency.losses import AppliedLoss, Counts, factor_of
from na64.outputs.signal.yields import yield_per_eot

NOT_EXPLAINED = "not explained"
"""Name of the row that says what is left, and never counts."""


@dataclass(frozen=True, slots=True)
class Compared:
    """Efficiencies for dark photons of one mass.

    Attributes
    ----------
    mass : float
        GeV.
    simulated : float
        Of the selection, without further losses.
    live, delivered : float
        With all losses, per dark photon of live exposure, and of delivered exposure.
    implied : float
        That of the published limit.
    """

    mass: float
    simulated: float
    live: float
    delivered: float
    implied: float

    @property
    def before(self) -> float:
        """Published over simulated."""
        return self.implied / self.simulated

    @property
    def after(self) -> float:
        """Published over that with all losses, for exposure delivered."""
        return self.implied / self.delivered


def implied_efficiency(limit: PublishedLimit, mass: float) -> float:
    """Efficiency of a published limit on the mixing: ``events / (EOT yield eps^2)``; nan where there is none.

    Parameters
    ----------
    limit : PublishedLimit
    mass : float
        GeV.
    """
    low, high = limit.resonance
    if low < mass < high:
        return math.nan
    eps = float(load_curve(limit.curve).at(mass))
    return limit.events / (limit.on_target * yield_per_eot(mass, threshold=limit.threshold) * eps**2)


def compared(
    simulated: Sequence[tuple[float, float]], losses: Sequence[AppliedLoss], limit: PublishedLimit
) -> tuple[Compared, ...]:
    """Efficiencies at the masses at which the published limit is of the same process.

    Parameters
    ----------
    simulated : sequence of (float, float)
        Mass in GeV and efficiency, of the threshold of the limit.
    losses : sequence of AppliedLoss
    limit : PublishedLimit
    """
    live, delivered = (factor_of(losses, delivered=kind) for kind in (False, True))
    rows = (
        Compared(mass, value, value * live, value * delivered, implied_efficiency(limit, mass))
        for mass, value in simulated
        if value > 0
    )
    return tuple(row for row in rows if math.isfinite(row.implied))


def not_explained(rows: Sequence[Compared], limit: PublishedLimit, **of: str) -> AppliedLoss:
    """Row of a table of losses: the published efficiency over that with all losses, mean over the masses."""
    ratios = [row.after for row in rows]
    mean = math.exp(math.fsum(map(math.log, ratios)) / len(ratios))
    label = f"published limit of {limit.on_target:.3g} electrons on target over all that is known"
    note = f"{min(ratios):.2f} to {max(ratios):.2f} over {len(ratios)} masses; never applied"
    return AppliedLoss(NOT_EXPLAINED, label, limit.source, mean, None, 1.0, Counts.NEVER, False, note, **of)


def comparison_lines(rows: Sequence[Compared]) -> Iterator[str]:
    """Table by mass, before and after the losses."""
    yield "  mass [MeV]  simulated  with losses  delivered  published    before    after"
    for row in rows:
        yield (
            f"  {1e3 * row.mass:10.4g}{row.simulated:11.3f}{row.live:13.3f}{row.delivered:11.3f}"
            f"{row.implied:11.3f}{row.before:10.2f}{row.after:9.2f}"
        )
