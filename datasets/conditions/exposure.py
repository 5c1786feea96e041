"""Particles on target behind the events of a run that can be used."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from na64.datasets.conditions.bad_spills import BadList
from na64.datasets.conditions.conditions import EXPOSURES, Quality, RunFacts, SpillFacts


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
    """Exposure of a run without its bad and its unread spills, and without that of bad events.

    The total of the run less that of the lost spills; where no total is stated, the sum of the other spills,
    whose list is taken as complete. Unknown if a number that this takes is unknown: bad events within a spill
    lose what its ``good_fraction`` leaves, and that has to be stated.

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
    kept = kept_fractions(facts.run, known, bad, unread)
    left = []
    for name in EXPOSURES:
        of_spill = {number: getattr(spill, name) for number, spill in known.items()}
        left.append(_left(f"run {facts.run}: {name}", getattr(facts, name), of_spill, kept))
    return Exposure(*left)


def kept_fractions(
    run: int, spills: Mapping[int, SpillFacts], bad: BadList, unread: frozenset[int] = frozenset()
) -> dict[int, float | None]:
    """Part of its exposure that each affected spill keeps; None is not known.

    Parameters
    ----------
    run : int
    spills : mapping of int to SpillFacts
        Of this run.
    bad : BadList
    unread : frozenset of int
    """
    entries = bad.of_run(run).entries
    kept = {e.spill: _good_fraction(spills.get(e.spill)) for e in entries if e.spill is not None}
    lost = {number for number, spill in spills.items() if spill.quality is Quality.BAD} | unread
    lost |= {entry.spill for entry in entries if entry.spill is not None and entry.start is None}
    return kept | dict.fromkeys(lost, 0.0)


def _good_fraction(spill: SpillFacts | None) -> float | None:
    return None if spill is None else spill.good_fraction


def _left(
    what: str, total: float | None, of_spill: dict[int, float | None], kept: dict[int, float | None]
) -> float | None:
    if total is None:
        left = [_part(of_spill[number], kept.get(number, 1.0)) for number in of_spill]
        return _sum(left) if of_spill else None
    gone = _sum([_part(of_spill.get(number), 1 - k if k is not None else None) for number, k in kept.items()])
    if gone is not None and gone > total * (1 + 1e-9):
        raise ValueError(f"{what} is {total} for the run and {gone} for its bad or unread spills")
    return None if gone is None else max(total - gone, 0.0)


def _part(value: float | None, fraction: float | None) -> float | None:
    """Part of a number that may be unknown; nothing of it is known to be zero."""
    if fraction == 0:
        return 0.0
    return None if value is None or fraction is None else value * fraction


def _sum(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return math.fsum(known) if len(known) == len(values) else None
