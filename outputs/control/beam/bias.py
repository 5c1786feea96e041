"""Whether a cut of a result has chosen the particles that are to be measured."""

from __future__ import annotations

import math

from na64.outputs.control.beam.names import SELECTION
from na64.outputs.result.summary_facts import IntervalFacts, SelectionFacts

_HARMLESS = frozenset({"bad_spill", "master_time", "track_pvalue"})
"""Features that a cut may be on: they are of the spill, the clock and the quality of the track's fit."""

_NO_MOMENTUM = 1000.0
"""GeV, more than any beam of NA64: a bound from here on takes away fits that failed, and no particle."""


def check_unbiased(selection: SelectionFacts, *, has_beam_mask: bool = False) -> None:
    """Refuse a selection that chooses among the particles of the beam, or does not choose beam triggers.

    Parameters
    ----------
    selection : SelectionFacts
    has_beam_mask : bool
        Beam triggers are known by their bits, and need not be those without the physics trigger.

    Raises
    ------
    ValueError
        Names the first cut that does, or what is missing.
    """
    for cut in selection.cuts:
        for interval in cut.intervals:
            if not _is_harmless(interval):
                raise ValueError(
                    f"selection {selection.name}: cut {cut.name} acts on {interval.feature}: na64 beam would "
                    f"measure the cut and not the beam; process {SELECTION}"
                )
        if cut.more:
            raise ValueError(
                f"selection {selection.name}: cut {cut.name} asks for more than one window a feature "
                f"({cut.more[0]}): na64 beam does not know what it chooses; process {SELECTION}"
            )
    intervals = (interval for cut in selection.cuts for interval in cut.intervals)
    if not has_beam_mask and not any(_takes_beam_triggers(interval) for interval in intervals):
        raise ValueError(
            f"selection {selection.name}: no cut trigger_physics = 0: what the physics trigger takes was "
            f"chosen by the ECAL; process {SELECTION}"
        )


def _takes_beam_triggers(interval: IntervalFacts) -> bool:
    low = -math.inf if interval.low is None else interval.low
    return (
        interval.feature == "trigger_physics"
        and interval.high is not None
        and low <= 0 <= interval.high < 1
        and not interval.table
    )


def _is_harmless(interval: IntervalFacts) -> bool:
    if interval.feature == "track_momentum":
        low = -math.inf if interval.low is None else interval.low
        high = math.inf if interval.high is None else interval.high
        return not interval.table and low <= 1e-6 and high >= _NO_MOMENTUM
    return interval.feature in _HARMLESS or _takes_beam_triggers(interval)
