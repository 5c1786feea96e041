"""Events that a search expects, one formula for all: particles on target x production x fate x efficiency.

    N(m, c) = sum over categories  POT c^2 int dE dz (d2N/dE dz)(m) efficiency(m, E) K(E, z; m, c)

with production at coupling 1 per particle on target, and K the probability of what the category counts: 1 for
missing energy of a particle that does not decay in the detector. Mesons are made whatever their branching
ratio, which is then c itself, in K.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from na64.outputs.limits.searches.fates import Fate
from na64.outputs.limits.searches.kept import WHOLE, Efficiency
from na64.outputs.limits.searches.sources import Made, Source, deep_spectrum_of, number_of, spectrum_of
from na64.outputs.statistics.cls import upper_limit
from na64.outputs.statistics.expected import expected_median
from na64.outputs.statistics.model import Channel, Effects, Model, OneSided

Floats = NDArray[np.float64]

_DIGITS = 2
"""Decimals of the shares of the signal at which two points have the same limit."""


def counted(
    source: Source, fate: Fate | None, mass: float, couplings: Floats, efficiency: Efficiency = WHOLE
) -> Floats:
    """Particles that are counted per particle on target, over the power of the coupling: (n,) float64."""
    stretch = fate.stretch if fate else None
    needs_energy = efficiency.needs_energy or (fate is not None and fate.needs_energy)
    if stretch is None and not needs_energy:
        made = Made(np.zeros(1), np.array([number_of(source, mass)]))
    elif stretch is not None and stretch.radiation_length:
        made = deep_spectrum_of(source, mass)
    else:
        made = spectrum_of(source, mass)
    number = made.number * efficiency.at(mass, made.energy)
    if fate is None:
        return np.full(len(couplings), number.sum())
    depth = made.depth if made.depth is not None else np.zeros(len(number))
    result: Floats = fate.probability(mass, couplings, made.energy, depth) @ number
    return result


@dataclass(frozen=True, slots=True)
class BackgroundSources:
    """Background of a stored result by its sources, whose errors other channels may have too.

    Attributes
    ----------
    value : float
        Events of the sources that have a value.
    effects : Effects
        Relative errors of these by name.
    one_sided : OneSided
        Sources that are limits, by name.
    """

    value: float
    effects: Effects = ()
    one_sided: OneSided = ()


@dataclass(frozen=True, slots=True)
class Category:
    """Events of a beam that are counted together.

    Attributes
    ----------
    name : str
    exposure : float
        Particles on target.
    efficiency : Efficiency
        Of what has the energy and the fate that are counted.
    background, background_error : float
        Events, of all sources.
    observed : int or None
        None: the median is expected.
    sources : tuple of Source
    fate : Fate or None
        None: all of them leave without a trace.
    box : str
        Search of the box in which stored results count them; empty where no stored result can say.
    period : str
        Of these results; empty where those of any period count them alike.
    recast : str
        Search of which these results are, where it is not the card's own: whose efficiency counts.
    background_sources : BackgroundSources or None
        None: one source, with the error of its own.
    """

    name: str
    exposure: float
    efficiency: Efficiency
    background: float
    background_error: float
    observed: int | None
    sources: tuple[Source, ...]
    fate: Fate | None = None
    box: str = ""
    period: str = ""
    recast: str = ""
    background_sources: BackgroundSources | None = None

    def channel(self, share: float) -> Channel:
        """Counting of a signal of which this share is seen here."""
        if (sources := self.background_sources) is None:
            return Channel(self.name, self.background, self.background_error, share)
        return Channel(
            self.name,
            sources.value,
            signal_fraction=share,
            background_effects=sources.effects,
            one_sided=sources.one_sided,
        )

    def events(self, mass: float, couplings: Floats) -> Floats:
        """Signal events for a mass in GeV and each coupling: (n,) float64."""
        made = [
            couplings**source.power * counted(source, self.fate, mass, couplings, self.efficiency)
            for source in self.sources
        ]
        result: Floats = self.exposure * np.sum(made, axis=0)
        return result

    @property
    def is_power(self) -> bool:
        """Whether the events go with the square of the coupling at every coupling."""
        return (self.fate is None or self.fate.is_power) and all(one.power == 2 for one in self.sources)


@dataclass(frozen=True, slots=True)
class CouplingCategories:
    """Categories that share a coupling, and the limit on their events.

    Attributes
    ----------
    categories : tuple of Category
    level : float
    signal_error : float
        Relative error of the signal, in common.
    """

    categories: tuple[Category, ...]
    level: float = 0.9
    signal_error: float = 0.0

    def __post_init__(self) -> None:
        seen = [category.observed is None for category in self.categories]
        if not seen or any(seen) != all(seen):
            raise ValueError("categories of a search are either all observed, or all expected")

    @property
    def is_power(self) -> bool:
        """Whether the events go with the square of the coupling at every coupling."""
        return all(category.is_power for category in self.categories)

    def events(self, mass: float, couplings: Floats) -> Floats:
        """Signal events by category, for a mass in GeV and each coupling: (n_categories, n) float64."""
        return np.stack([category.events(mass, couplings) for category in self.categories])

    def excess(self, mass: float, couplings: Floats) -> Floats:
        """Signal events over the upper limit on them, of each coupling: (n,) float64, excluded from 1 on."""
        by_category = self.events(mass, couplings)
        total = by_category.sum(axis=0)
        if self.is_without_events:
            return np.asarray(total / self.limit([1.0, *[0.0] * (len(by_category) - 1)]), dtype=np.float64)
        limits = [self.limit(column) for column in by_category.T.tolist()]
        result: Floats = total / np.array(limits)
        return result

    def model(self, events: Sequence[float]) -> Model:
        """Counting experiment for signal events in these proportions; categories without any are left out."""
        whole = math.fsum(events)
        channels = [
            one.channel(share / whole)
            for one, share in zip(self.categories, events, strict=True)
            if share > 0
        ]
        return Model(tuple(channels), self.signal_error)

    @property
    def is_without_events(self) -> bool:
        """Whether nothing is observed: the limit on the sum then depends on no background and no share."""
        return all(category.observed == 0 for category in self.categories)

    def limit(self, events: Sequence[float]) -> float:
        """Upper limit on the events of all categories, for signal in these proportions."""
        total = math.fsum(events)
        if not total > 0:
            return math.inf
        return _limit(self, tuple(round(part / total, _DIGITS) for part in events))


@lru_cache(4096)
def _limit(search: CouplingCategories, shares: tuple[float, ...]) -> float:
    """Upper limit on the signal events by exact CLs, or its median while nothing is observed."""
    model = search.model(shares)
    pairs = zip(search.categories, shares, strict=True)
    observed = [one.observed for one, share in pairs if share > 0 and one.observed is not None]
    if observed:
        return upper_limit(model, observed, level=search.level)
    return expected_median(model, level=search.level)
