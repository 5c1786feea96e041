"""Particles on target behind the events of a run that can be used."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from na64.datasets.bad import BadList
from na64.datasets.conditions import Quality, RunFacts, SpillFacts


@dataclass(frozen=True, slots=True)
class Exposure:
    """Particles on target; None is not known.

    Attributes
    ----------
    delivered : float or None
        All of them.
    live : float or None
        Those while the data acquisition could record; never to be scaled by a live time again.
    """

    delivered: float | None
    live: float | None


def exposure_of_run(
    facts: RunFacts,
    spills: Iterable[SpillFacts],
    bad: BadList,
    *,
    unread: frozenset[int] = frozenset(),
) -> Exposure:
    """Give the exposure of a run without its bad and its unread spills.

    The total of the run less that of the lost spills; where no total is stated, the sum of the other spills,
    whose list is taken as complete. Unknown if a number that this takes is unknown. Bad events within a spill
    cost nothing: which part of its exposure is theirs is not known.

    Parameters
    ----------
    facts : RunFacts
    spills : iterable of SpillFacts
        Those of other runs are passed over.
    bad : BadList
    unread : frozenset of int
        Spills of which events are missing.

    Raises
    ------
    ValueError
        The lost spills have more than the run; names the run and both numbers.
    """
    if bad.has_run(facts.run):
        return Exposure(0.0, 0.0)
    known = {spill.spill: spill for spill in spills if spill.run == facts.run}
    lost = {number for number, spill in known.items() if spill.quality is Quality.BAD} | unread
    lost |= {e.spill for e in bad.of_run(facts.run).entries if e.spill is not None and e.start is None}
    delivered = {number: spill.eot_delivered for number, spill in known.items()}
    live = {number: spill.eot_live for number, spill in known.items()}
    return Exposure(
        _left(f"run {facts.run}: eot_delivered", facts.eot_delivered, delivered, lost),
        _left(f"run {facts.run}: eot_live", facts.eot_live, live, lost),
    )


def _left(what: str, total: float | None, of_spill: dict[int, float | None], lost: set[int]) -> float | None:
    if total is None:
        kept = [of_spill[number] for number in of_spill.keys() - lost]
        return _sum(kept) if of_spill else None
    gone = _sum([of_spill.get(number) for number in lost])
    if gone is not None and gone > total * (1 + 1e-9):
        raise ValueError(f"{what} is {total} for the run and {gone} for its bad or unread spills")
    return None if gone is None else max(total - gone, 0.0)


def _sum(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return math.fsum(known) if len(known) == len(values) else None
