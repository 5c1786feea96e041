"""The reference contour of a search card, and how near it is to published points."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from na64.outputs.limits.searches.card import Card, Published, Variant
from na64.outputs.limits.searches.contour import ExcludedCouplings, contour, ranges, ranges_of_power
from na64.outputs.limits.searches.expected import CouplingCategories
from na64.outputs.limits.searches.published_points import load_points

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Nearness:
    """An edge of a contour over a published curve.

    Attributes
    ----------
    published : Published
    mass : (n,) float64, GeV
        Of the published points between the masses that are compared.
    ratio : (n,) float64
        nan where the contour has no such edge.
    """

    published: Published
    mass: Floats
    ratio: Floats

    @property
    def worst(self) -> float:
        """Ratio that is farthest from one; nan if an edge is missing at a point."""
        if not np.isfinite(self.ratio).all():
            return math.nan
        return float(self.ratio[np.argmax(np.abs(np.log(self.ratio)))])


@dataclass(frozen=True, slots=True)
class Reference:
    """The contour of a variant of a search.

    Attributes
    ----------
    card : Card
    variant : Variant
    level : float
    rows : tuple of ExcludedCouplings
    nearness : tuple of Nearness
    """

    card: Card
    variant: Variant
    level: float
    rows: tuple[ExcludedCouplings, ...]
    nearness: tuple[Nearness, ...]


def expectation_of(variant: Variant, level: float = 0.9) -> CouplingCategories:
    """Events of a variant, and the limit on them."""
    if not 0 < level < 1:
        raise ValueError(f"confidence level {level:g}: expected between 0 and 1")
    return CouplingCategories(variant.categories, level, variant.signal_error)


def reference_of(
    card: Card, name: str = "", *, level: float = 0.9, masses: Sequence[float] | None = None
) -> Reference:
    """Contour of a reference configuration, and its ratio to published points.

    Parameters
    ----------
    card : Card
    name : str
        Of the variant; by default the first one.
    level : float
    masses : sequence of float, optional
        GeV, rising; by default those of the variant.

    Raises
    ------
    KeyError
        The card has no such variant.
    """
    variant = card.variant(name)
    expectation = expectation_of(variant, level)
    chosen = tuple(masses if masses is not None else variant.masses)
    if expectation.is_power:
        rows = [row for mass in chosen for row in ranges_of_power(expectation.excess, mass)]
    elif variant.mesons:
        rows = [row for mass in chosen for row in ranges(expectation.excess, mass, card.coupling.grid)]
    else:
        rows = contour(expectation.excess, chosen, card.coupling.grid)
    return Reference(card, variant, level, tuple(rows), nearness_of(card, variant))


def nearness_of(card: Card, variant: Variant) -> tuple[Nearness, ...]:
    """Edges at the masses of the published points, over these; they are of 90 % CL."""
    expectation = expectation_of(variant)
    found = []
    for published in variant.published:
        points = load_points(published.curve)
        if any(points.plane is not one.plane for part in variant.categories for one in part.sources):
            raise ValueError(f"search {card.name}: {published.curve} is a curve of another coupling")
        inside = (points.mass >= published.lowest) & (points.mass <= published.highest)
        if not inside.any():
            raise ValueError(f"search {card.name}: {published.curve} has no point to compare with")
        edges = [_edge(expectation, float(mass), published.edge, card) for mass in points.mass[inside]]
        found.append(Nearness(published, points.mass[inside], np.array(edges) / points.value[inside]))
    return tuple(found)


def _edge(expectation: CouplingCategories, mass: float, edge: str, card: Card) -> float:
    if expectation.is_power:
        rows = ranges_of_power(expectation.excess, mass)
    else:
        rows = ranges(expectation.excess, mass, card.coupling.grid)
    return outermost(rows, edge)


def outermost(rows: Sequence[ExcludedCouplings], edge: str) -> float:
    """Lowest ``lower`` or highest ``upper`` edge of several ranges; nan if there is none."""
    values = [row.lower if edge == "lower" else row.upper for row in rows]
    known = [value for value in values if value is not None]
    if not known:
        return math.nan
    return min(known) if edge == "lower" else max(known)
