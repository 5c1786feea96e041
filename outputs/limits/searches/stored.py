"""The contour of a search from stored results: exposure, background, efficiency and counts are theirs.

From the card come the particle, how it is made, and what is counted of it; nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from na64.outputs.limits.search import PeriodChannel, Search
from na64.outputs.limits.searches.card import Card, Variant
from na64.outputs.limits.searches.contour import ExcludedCouplings, contour, ranges_of_power
from na64.outputs.limits.searches.expected import counted
from na64.outputs.limits.searches.fates import Fate
from na64.outputs.limits.searches.sources import (
    Annihilated,
    Converted,
    Paired,
    Radiated,
    Source,
    number_of,
    spectrum_of,
)
from na64.outputs.signal.beam import ELECTRONS, Beam
from na64.outputs.signal.efficiency.by_missing_energy import POSITRON
from na64.outputs.statistics.cls import Toys, upper_limit
from na64.outputs.statistics.expected import expected_median
from na64.outputs.statistics.model import Model

Floats = NDArray[np.float64]

_OF_ELECTRONS = (Annihilated, Converted, Paired, Radiated)
"""Sources of beams that stored results are of."""


@dataclass(frozen=True, slots=True)
class Signal:
    """What a card says of a particle, whatever the beam.

    Attributes
    ----------
    sources : tuple of Source
    fate : Fate or None
    """

    sources: tuple[Source, ...]
    fate: Fate | None

    @property
    def annihilated(self) -> OfAnnihilation | None:
        """What positrons make; all of it leaves without a trace."""
        return next((OfAnnihilation(one) for one in self.sources if isinstance(one, Annihilated)), None)

    @property
    def others(self) -> Signal:
        """What is made in another way."""
        return Signal(tuple(one for one in self.sources if not isinstance(one, Annihilated)), self.fate)


@dataclass(frozen=True, slots=True)
class OfAnnihilation:
    """What positrons make by a card, as a period asks for it.

    Attributes
    ----------
    source : Annihilated
    """

    source: Annihilated

    def yield_per_eot(self, mass: float, threshold: float, beam: Beam) -> float:
        """Particles per particle on target at coupling 1."""
        return number_of(self.source.of_beam(beam, threshold), mass)

    def spectrum(self, mass: float, threshold: float, beam: Beam) -> tuple[Floats, Floats]:
        """The same by missing energy: energies in GeV and numbers, two (n,) float64."""
        made = spectrum_of(self.source.of_beam(beam, threshold), mass)
        return made.energy, made.number


@dataclass(frozen=True, slots=True)
class At:
    """Particles that are counted at one coupling, as a period asks for them.

    Attributes
    ----------
    signal : Signal
    coupling : float
    """

    signal: Signal
    coupling: float

    def __call__(self, mass: float, threshold: float, beam: Beam) -> float:
        """Particles per particle on target, over the square of the coupling."""
        one = np.array([self.coupling])
        return math.fsum(
            float(counted(source.of_beam(beam, threshold), self.signal.fate, mass, one)[0])
            for source in self.signal.sources
        )


def of_other_beams(variant: Variant) -> tuple[str, ...]:
    """Channels of other beams than stored results are of: muons and hadrons."""
    return tuple(
        category.name
        for category in variant.categories
        if not all(isinstance(source, _OF_ELECTRONS) for source in category.sources)
    )


def signal_of(card: Card, variant: Variant) -> Signal:
    """What results of a selection for missing energy can say of a search.

    Raises
    ------
    ValueError
        The search counts something else too, or differently in different beams.
    """
    signals, others = set(), of_other_beams(variant)
    for category in variant.categories:
        if category.box:
            raise ValueError(
                f"search {card.name}: its channels are counted in boxes of their own; na64 limits --search "
                f"{card.name} takes a result of each"
            )
        if category.fate is not None and not category.fate.is_missing_energy:
            raise ValueError(
                f"search {card.name}: channel {category.name} counts what no stored result has; "
                f"--reference draws the configuration of its card"
            )
        if category.name in others:
            continue
        sources = tuple(source.of_beam(ELECTRONS, ELECTRONS.energy / 2) for source in category.sources)
        signals.add(Signal(sources, category.fate))
    if not signals:
        raise ValueError(f"search {card.name}: results of electrons and positrons say nothing of its beams")
    if len(signals) != 1:
        raise ValueError(f"search {card.name}: its channels count different things")
    return signals.pop()


def check_stored(card: Card, variant: Variant, search: Search) -> None:
    """Refuse a contour for which the efficiencies of stored results do not say enough.

    Raises
    ------
    ValueError
        The card has an efficiency by energy, or the beam is one of positrons that annihilate, and the
        efficiency of a period is not by energy.
    """
    signal = signal_of(card, variant)
    by_energy = [one.name for one in variant.categories if one.efficiency.needs_energy]
    for period in _periods(search.periods, At(signal, 1.0)):
        efficiency = period.efficiency
        of_mass = efficiency.is_simulated and not signal.annihilated
        if by_energy and efficiency.by_energy is None and not of_mass:
            raise ValueError(
                f"search {card.name}: channel {by_energy[0]} has an efficiency by energy, that of "
                f"{period.name} is not: na64 efficiency --search {POSITRON} makes it"
            )


def stored_contour(card: Card, variant: Variant, search: Search, level: float) -> list[ExcludedCouplings]:
    """Excluded couplings at the masses of a card: observed, or the median that is expected of closed boxes.

    Parameters
    ----------
    card : Card
    variant : Variant
    search : Search
        Periods of the stored results.
    level : float
    """
    check_stored(card, variant, search)
    signal = signal_of(card, variant)

    def excess(mass: float, couplings: Floats) -> Floats:
        return np.array([_excess(search, signal, mass, float(coupling), level) for coupling in couplings])

    masses = [mass for mass in variant.masses if search.is_seen(mass)]
    if signal.fate is None or signal.fate.is_power:
        return [row for mass in masses for row in ranges_of_power(excess, mass)]
    return contour(excess, masses, card.coupling.grid)


def _excess(search: Search, signal: Signal, mass: float, coupling: float, level: float) -> float:
    """Signal events over the limit on them."""
    periods = tuple(_periods(search.periods, At(signal, coupling)))
    events = math.fsum(period.signal(mass) for period in periods) * coupling**2
    if not events > 0:
        return 0.0
    model, counts = replace(search, periods=periods).counted_at(mass)
    return events / _limit(model, counts, level, search.toys)


@lru_cache(4096)
def _limit(model: Model, counts: tuple[int, ...] | None, level: float, toys: Toys | None) -> float:
    """Limit on the signal events: observed, or the median that is expected of closed boxes."""
    if counts is None:
        return expected_median(model, level=level, toys=toys)
    return upper_limit(model, counts, level=level, toys=toys)


def _periods(periods: tuple[PeriodChannel, ...], made: At) -> Iterator[PeriodChannel]:
    others = replace(made, signal=made.signal.others)
    for period in periods:
        production = replace(
            period.production,
            by_radiation=others,
            resonant=None,
            by_annihilation=made.signal.annihilated,
        )
        yield replace(period, production=production)
