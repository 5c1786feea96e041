"""From changes of the efficiency under variations to an error of the signal.

A variation is common to all periods: its changes are averaged over the expected signal, signs included. The
two of a pair count once, with the mean of their sizes; pairs and single variations add in quadrature.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from na64.outputs.signal.variations import EfficiencyChange

_PAIRS = (("_up", "_down"), ("_wide", "_narrow"), ("_loose", "_tight"))
"""How the names of the two directions of a variation end."""


@dataclass(frozen=True, slots=True)
class Size:
    """Error of the signal from a variation, or from the two of a pair, at a mass.

    Attributes
    ----------
    name : str
        Without the direction, for a pair.
    members : tuple of str
    changes, errors : tuple of float
        Relative change of the signal under each member, and its statistical error.
    source : str
        Where the sizes of the variations come from.
    """

    name: str
    members: tuple[str, ...]
    changes: tuple[float, ...]
    errors: tuple[float, ...]
    source: str

    @property
    def value(self) -> float:
        """Mean of the absolute changes: also right where both go the same way."""
        return math.fsum(abs(change) for change in self.changes) / len(self.changes)


def sizes(parts: Iterable[tuple[float, Sequence[EfficiencyChange]]], mass: float) -> tuple[Size, ...]:
    """Give what variations do to the signal of a mass.

    Parameters
    ----------
    parts : iterable of (float, sequence of EfficiencyChange)
        Of every period the share of the signal and the changes; one without a variation does not change.
    mass : float
        GeV.
    """
    found: dict[str, tuple[float, float, str]] = {}
    for share, changes in parts:
        for one in changes:
            value, error = (share * float(number) for number in one.at(mass))
            before = found.get(one.name, (0.0, 0.0, one.source))
            found[one.name] = (before[0] + value, math.hypot(before[1], error), before[2])
    groups: dict[str, list[str]] = {}
    for name in found:
        groups.setdefault(_stem(name, found), []).append(name)
    return tuple(_size(stem, names, found) for stem, names in groups.items())


def _size(stem: str, names: list[str], found: dict[str, tuple[float, float, str]]) -> Size:
    changes, errors, sources = zip(*(found[name] for name in names), strict=True)
    return Size(stem, tuple(names), changes, errors, "; ".join(dict.fromkeys(filter(None, sources))))


def total(found: Iterable[Size]) -> float:
    """Quadrature sum: exactly what a log-normal error for each of them is together."""
    return math.hypot(*(size.value for size in found))


def _stem(name: str, known: Iterable[str]) -> str:
    """Name of the pair that a variation is of, or its own."""
    names = set(known)
    for pair in _PAIRS:
        for own, other in (pair, pair[::-1]):
            stem = name.removesuffix(own)
            if stem != name and stem + other in names:
                return stem
    return name
