"""Efficiency of a channel of a search by the mass of its particle, with the losses that count."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from na64.outputs.signal.efficiency.asked_rows import read_asked
from na64.outputs.signal.efficiency.efficiency import SignalEfficiency, load_efficiencies, read_points
from na64.outputs.signal.efficiency.losses import counted


@dataclass(frozen=True, slots=True)
class MassEfficiency:
    """Efficiency of a period by mass, of particles above the threshold of the channel.

    Attributes
    ----------
    found : SignalEfficiency
    threshold : float
        GeV that the particle takes at least.
    """

    found: SignalEfficiency
    threshold: float

    @property
    def lowest(self) -> float:
        """Least energy in it, GeV."""
        return self.threshold

    @property
    def nodes(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Masses in GeV and efficiencies to interpolate."""
        return tuple(self.found.mass.tolist()), tuple(self.found.value.tolist())

    @property
    def relative_error(self) -> float:
        """Largest of any mass, by the number of simulated events and the losses."""
        pairs = zip(self.found.value.tolist(), self.found.error.tolist(), strict=True)
        simulated = max((error / value for value, error in pairs if value), default=0.0)
        of_losses = (
            loss.relative_error for loss in counted(self.found.losses, delivered=self.found.delivered)
        )
        return math.hypot(simulated, *of_losses)

    @property
    def origin(self) -> tuple[str, str, str]:
        """Name of the selection, identity of its cuts, and that of the period."""
        return self.found.selection, self.found.cuts, self.found.setup


def load_mass_efficiency(
    path: Path, *, search: str, period: str, threshold: float, delivered: bool = False
) -> MassEfficiency:
    """Efficiency of a search in a period, by mass.

    Parameters
    ----------
    path : Path
    search, period : str
    threshold : float
        GeV, that of the channel.
    delivered : bool
        For exposure that was delivered.

    Raises
    ------
    ValueError
        There is no such file, or it is of something else; names what it has.
    """
    own = read_asked(path, read_points, search=search, period=period)
    others = sorted({point.threshold for point in own if point.threshold != threshold})
    if others:
        raise ValueError(
            f"{path}: of particles above {others[0]:g} GeV, the channel counts those above {threshold:g} GeV"
        )
    found = load_efficiencies(path, reference=threshold, periods=(period,), delivered=delivered)
    return MassEfficiency(found[period], threshold)
