"""From changes of the efficiency under variations to errors of the signal.

A variation is one error for all periods that know it, of the size and in the direction that it has in each.
The two of a pair count once, with the mean of their sizes; pairs and single variations are independent.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from na64.outputs.signal.efficiency.efficiency_variations import EfficiencyChange

_PAIRS = (("_up", "_down"), ("_wide", "_narrow"), ("_loose", "_tight"))
"""How the names of the two directions of a variation end."""


@dataclass(frozen=True, slots=True)
class SystematicEffect:
    """Error of the signal from a variation, or from the two of a pair, at a mass.

    Attributes
    ----------
    name : str
        Without the direction, for a pair.
    members : tuple of str
    changes, errors : tuple of float
        Relative change of the signal under each member, and its statistical error.
    effect : float
        Mean of the absolute changes: also right where both go the same way. Its sign is that of the change
        under the first member, or of both.
    source : str
        Where the sizes of the variations come from.
    """

    name: str
    members: tuple[str, ...]
    changes: tuple[float, ...]
    errors: tuple[float, ...]
    effect: float
    source: str


def systematic_effects(changes: Sequence[EfficiencyChange], mass: float) -> tuple[SystematicEffect, ...]:
    """What variations do to the signal of a period at a mass in GeV."""
    groups: dict[str, list[EfficiencyChange]] = {}
    names = {one.name for one in changes}
    for one in changes:
        groups.setdefault(_stem(one.name, names), []).append(one)
    for members in groups.values():
        members.sort(key=lambda member: member.name.endswith(tuple(second for _, second in _PAIRS)))
    return tuple(_systematic_effect(stem, members, mass) for stem, members in groups.items())


def _systematic_effect(stem: str, members: Sequence[EfficiencyChange], mass: float) -> SystematicEffect:
    pairs = [tuple(float(number) for number in member.at(mass)) for member in members]
    changes, errors = zip(*pairs, strict=True)
    mean = math.fsum(map(abs, changes)) / len(changes)
    return SystematicEffect(
        stem,
        tuple(member.name for member in members),
        changes,
        errors,
        math.copysign(mean, changes[0]),
        "; ".join(dict.fromkeys(filter(None, (member.source for member in members)))),
    )


def averaged(parts: Iterable[tuple[float, Sequence[SystematicEffect]]]) -> tuple[SystematicEffect, ...]:
    """What variations do to the signal of all periods: signs included, nothing in one that lacks it.

    Parameters
    ----------
    parts : iterable of (float, sequence of SystematicEffect)
        Of every period the signal fraction and the effects.
    """
    found: dict[str, SystematicEffect] = {}
    for signal_fraction, own in parts:
        for systematic in own:
            part = _scaled(systematic, signal_fraction)
            found[systematic.name] = _sum(found[systematic.name], part) if systematic.name in found else part
    return tuple(found.values())


def _scaled(systematic: SystematicEffect, signal_fraction: float) -> SystematicEffect:
    changes, errors = (
        tuple(signal_fraction * number for number in own) for own in (systematic.changes, systematic.errors)
    )
    return replace(systematic, changes=changes, errors=errors, effect=signal_fraction * systematic.effect)


def _sum(one: SystematicEffect, other: SystematicEffect) -> SystematicEffect:
    changes = tuple(map(math.fsum, zip(one.changes, other.changes, strict=True)))
    errors = tuple(map(math.hypot, one.errors, other.errors))
    return replace(one, changes=changes, errors=errors, effect=one.effect + other.effect)


def quadrature_sum(found: Iterable[SystematicEffect]) -> float:
    """Quadrature sum: exactly what a log-normal error for each of them is together."""
    return math.hypot(*(systematic.effect for systematic in found))


def _stem(name: str, names: set[str]) -> str:
    """Name of the pair that a variation is of, or its own."""
    for pair in _PAIRS:
        for own, other in (pair, pair[::-1]):
            stem = name.removesuffix(own)
            if stem != name and stem + other in names:
                return stem
    return name
