"""From exposure, background and efficiency to limits over mass.

The number of events is ``eps^2 * sum EOT_i yield_i(m) efficiency_i(m)``, with the yield of the beam of each
period. The background does not depend on the mass, so a limit is one on the number of signal events; the mass
turns it into one on eps.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from na64.datasets.conditions.on_target import KindExposure, add_by_kind
from na64.outputs.limits.dark_matter import ALPHAS, Resonant
from na64.outputs.limits.losses import loss_effects
from na64.outputs.limits.production import BY_ELECTRONS, Production
from na64.outputs.limits.variations import SystematicEffect, averaged, quadrature_sum, systematic_effects
from na64.outputs.signal.efficiency.by_missing_energy import MissingEnergyEfficiency
from na64.outputs.signal.efficiency.efficiency_variations import EfficiencyChange
from na64.outputs.signal.efficiency.losses import AppliedLoss
from na64.outputs.statistics.cls import Toys, upper_limit
from na64.outputs.statistics.expected import Expected, counted_together, expected_limits
from na64.outputs.statistics.model import Channel, Effects, Model, OneSided, check_signal_error

Numbers = NDArray[np.float64]

_DIGITS = 3
"""Decimals of shares and errors at which two masses have the same limit on the number of events."""


class EfficiencyFunction(Protocol):
    """Share of the dark photons above the threshold that are seen in the box."""

    @property
    def source(self) -> str:
        """Where it comes from."""

    @property
    def changes(self) -> tuple[EfficiencyChange, ...]:
        """What variations of the selection do to it."""

    @property
    def losses(self) -> tuple[AppliedLoss, ...]:
        """Losses besides the simulated ones, as far as they are listed."""

    @property
    def is_simulated(self) -> bool:
        """Whether losses that are not simulated have to be known of it."""

    @property
    def delivered(self) -> bool:
        """Whether a live time of its losses counts."""

    @property
    def by_energy(self) -> MissingEnergyEfficiency | None:
        """That of positrons that annihilate, by missing energy; None: that of the mass."""

    @property
    def mass(self) -> Numbers:
        """Masses in GeV; it is known from the first to the last."""

    def at(self, mass: ArrayLike) -> tuple[Numbers, Numbers]:
        """Efficiency and error at masses in GeV."""


@dataclass(frozen=True, slots=True)
class PeriodChannel:
    """A run period as a channel.

    Attributes
    ----------
    name : str
    on_target : float
        Particles on target.
    background : float
        Events of the sources that have a value.
    errors : Effects
        Errors of the background, in events, by name: periods that name the same one have it in common.
    efficiency : EfficiencyFunction
    observed : int or None
        Events in the box; None while it is closed.
    production : Production
        Dark photons that its beam makes.
    one_sided : OneSided
        Sources of background that are limits, by name as the errors are.
    """

    name: str
    on_target: float
    background: float
    errors: Effects
    efficiency: EfficiencyFunction
    observed: int | None
    production: Production = BY_ELECTRONS
    one_sided: OneSided = ()

    def __post_init__(self) -> None:
        of_beam = self.production.annihilation is not None and self.production.beam.particle == "e+"
        if of_beam and self.efficiency.is_simulated and self.efficiency.by_energy is None:
            raise ValueError(
                f"{self.name}: positrons of the beam annihilate, and {self.efficiency.source} has no "
                "efficiency by missing energy: na64 efficiency --search positron makes it, or state one"
            )

    @property
    def expected(self) -> float:
        """Events of background, limits with the mean of their distribution."""
        return self.background + math.fsum(source.mean for _, source in self.one_sided)

    @property
    def background_error(self) -> float:
        """Error of the background, of all sources, in quadrature."""
        deviations = (source.deviation for _, source in self.one_sided)
        return math.hypot(*(error for _, error in self.errors), *deviations)

    def effects(self, mass: float) -> tuple[SystematicEffect, ...]:
        """Errors of the efficiency that other periods may have too: of variations, and of losses."""
        own = loss_effects(self.efficiency.losses, delivered=self.efficiency.delivered)
        return (*systematic_effects(self.efficiency.changes, mass), *own)

    def signal(self, mass: float) -> float:
        """Signal events at eps = 1, for a mass in GeV."""
        return self.on_target * self.seen(mass)[0]

    def seen(self, mass: float) -> tuple[float, float]:
        """Dark photons that are seen per particle on target at eps = 1, and the error of their efficiency."""
        value, error = (float(number) for number in self.efficiency.at(mass))
        by_energy, production = self.efficiency.by_energy, self.production
        if by_energy is None or production.annihilation is None:
            made = production.radiated(mass) + production.annihilated(mass) if value else 0.0
            return value * made, error * made
        made = production.radiated(mass) if value else 0.0
        spectrum = production.annihilation.spectrum(mass, by_energy.lowest, production.beam)
        number, uncertain = by_energy.seen(*spectrum)
        return value * made + number, math.hypot(error * made, uncertain)

    def channel(self, mass: float, signal_fraction: float, *, is_alone: bool) -> Channel:
        """Set up the counting of a dark photon of this mass, of which this fraction is seen here.

        Parameters
        ----------
        mass : float
            GeV.
        signal_fraction : float
        is_alone : bool
            No other period has this efficiency; else its error is one for all that have it.
        """
        value, error = self.seen(mass)
        if not self.background and any(size for _, size in self.errors):
            raise ValueError(f"{self.name}: a background of 0 has no error of {self.background_error:g}")
        relative = round(error / value, _DIGITS)
        effects = [(size.name, round(size.effect, _DIGITS)) for size in self.effects(mass)]
        if relative and not is_alone:
            effects.append((self.efficiency.source, relative))
        return Channel(
            self.name,
            self.background,
            signal_fraction=signal_fraction,
            signal_fraction_error=relative if is_alone else 0.0,
            signal_effects=tuple(effects),
            background_effects=tuple((name, size / self.background) for name, size in self.errors if size),
            one_sided=self.one_sided,
        )


@dataclass(frozen=True, slots=True)
class LimitPoint:
    """Limits at a mass.

    Attributes
    ----------
    mass : float
        GeV.
    yield_per_eot : float or None
        Dark photons above the threshold per particle on target, at eps = 1: mean over the exposure; None for
        particles of several kinds, which are not added.
    resonant_share : float
        Part of them that positrons make.
    sensitivity : float
        Signal events at eps = 1.
    efficiency : float
        Mean over the exposure.
    observed : float or None
        Limit on the signal events.
    expected : Expected
        Limits on the signal events without a signal.
    """

    mass: float
    yield_per_eot: float | None
    resonant_share: float
    sensitivity: float
    efficiency: float
    observed: float | None
    expected: Expected

    def eps(self, events: float) -> float:
        """Mixing at which so many signal events are expected."""
        return math.sqrt(events / self.sensitivity)


@dataclass(frozen=True, slots=True)
class Search:
    """All that limits are computed from.

    Attributes
    ----------
    periods : tuple of PeriodChannel
    signal_error : float
        Relative error of the yield, common to all periods; variations and losses of the efficiency add to it.
    toys : Toys or None
        Throw them in place of summing over outcomes.
    """

    periods: tuple[PeriodChannel, ...]
    signal_error: float = 0.1
    toys: Toys | None = None
    _known: dict[tuple[Model, float], tuple[float | None, Expected]] = field(
        default_factory=dict, compare=False, repr=False
    )

    def __post_init__(self) -> None:
        check_signal_error(self.signal_error)

    @property
    def exposures(self) -> tuple[KindExposure, ...]:
        """Particles on target of all periods, by kind."""
        return add_by_kind((p.production.beam.particle, p.on_target, None) for p in self.periods)

    @property
    def resonant(self) -> Resonant | None:
        """What is added to the yield of every period."""
        return self.periods[0].production.resonant

    @property
    def alphas(self) -> tuple[float, ...]:
        """Couplings alpha_D that the limits are of: any, unless the yield depends on it."""
        return (self.resonant.alpha_d,) if self.resonant else ALPHAS

    @property
    def background(self) -> tuple[float, float]:
        """Events of all periods without a signal, and the error: linear where in common, else quadratic."""
        errors: dict[str, float] = {}
        for period in self.periods:
            deviations = ((name, source.deviation) for name, source in period.one_sided)
            for name, size in (*period.errors, *deviations):
                errors[name] = errors.get(name, 0.0) + size
        return math.fsum(period.expected for period in self.periods), math.hypot(*errors.values())

    @property
    def observed(self) -> tuple[int, ...] | None:
        """Events in the box by period; None if any is closed."""
        counts = tuple(period.observed for period in self.periods if period.observed is not None)
        return counts if len(counts) == len(self.periods) else None

    def known(self, mass: float) -> bool:
        """Whether every efficiency is known at this mass."""
        known = [period.efficiency.mass for period in self.periods]
        return all(masses[0] <= mass <= masses[-1] for masses in known)

    def is_seen(self, mass: float) -> bool:
        """Whether some period would see a dark photon of this mass, and every efficiency is known there."""
        return self.known(mass) and bool(self.seen_at(mass))

    def seen_at(self, mass: float) -> tuple[PeriodChannel, ...]:
        """Periods that would see a dark photon of this mass."""
        return tuple(period for period in self.periods if period.seen(mass)[0] > 0)

    def counts_at(self, mass: float) -> tuple[int, ...] | None:
        """Events in the box of the periods that would see a dark photon; None if any period is closed."""
        if self.observed is None:
            return None
        return tuple(period.observed or 0 for period in self.seen_at(mass))

    def model(self, mass: float) -> Model:
        """Set up the counting experiment for a dark photon of this mass.

        Raises
        ------
        ValueError
            No period would see it.
        """
        periods = self.seen_at(mass)
        if not periods:
            raise ValueError(f"mass {mass:g} GeV: the efficiency is 0 in every period")
        signal_fractions = _rounded(
            [signal_fraction for _, signal_fraction in self._signal_fractions(mass) if signal_fraction]
        )
        with_it = by_efficiency(periods)
        channels = [
            period.channel(mass, signal_fraction, is_alone=len(with_it[period.efficiency.source]) == 1)
            for period, signal_fraction in zip(periods, signal_fractions, strict=True)
        ]
        return Model(tuple(channels), self.signal_error)

    def _signal_fractions(self, mass: float) -> list[tuple[PeriodChannel, float]]:
        """Part of the signal of every period."""
        seen = [period.signal(mass) for period in self.periods]
        return [(period, part / math.fsum(seen)) for period, part in zip(self.periods, seen, strict=True)]

    def all_effects_at(self, mass: float) -> tuple[SystematicEffect, ...]:
        """What variations and losses do to the signal of all periods at a mass in GeV."""
        return averaged(
            (signal_fraction, period.effects(mass))
            for period, signal_fraction in self._signal_fractions(mass)
        )

    def effects_at(self, mass: float) -> tuple[SystematicEffect, ...]:
        """What variations of the efficiency do to the signal of all periods at a mass in GeV."""
        return averaged(
            (signal_fraction, systematic_effects(period.efficiency.changes, mass))
            for period, signal_fraction in self._signal_fractions(mass)
        )

    def signal_error_at(self, mass: float) -> float:
        """Relative error of all signal: of the yield, and of variations and losses in quadrature."""
        varied = quadrature_sum(self.all_effects_at(mass))
        return round(math.hypot(self.signal_error, varied), _DIGITS) if varied else self.signal_error

    def point(self, mass: float, level: float) -> LimitPoint:
        """Limits at a mass in GeV."""
        resonant = math.fsum(p.on_target * p.production.annihilated(mass) for p in self.periods)
        made = math.fsum(p.on_target * p.production.radiated(mass) for p in self.periods) + resonant
        seen = math.fsum(period.signal(mass) for period in self.periods)
        observed, expected = self._limits(mass, level)
        mean = made / math.fsum(p.on_target for p in self.periods) if len(self.exposures) == 1 else None
        return LimitPoint(mass, mean, resonant / made, seen, seen / made, observed, expected)

    def counted_at(self, mass: float) -> tuple[Model, tuple[int, ...] | None]:
        """Model and counts of the limits: of all periods together if there are too many outcomes."""
        model, counts = self.model(mass), self.counts_at(mass)
        return (model, counts) if self.toys else counted_together(model, counts)

    def is_counted_together(self, mass: float) -> bool:
        """Whether the periods are counted as one for a dark photon of this mass."""
        return len(self.counted_at(mass)[0].channels) < len(self.seen_at(mass))

    def _limits(self, mass: float, level: float) -> tuple[float | None, Expected]:
        model, counts = self.counted_at(mass)
        key = model, level
        if key not in self._known:
            observed = None
            if counts is not None:
                observed = upper_limit(model, counts, level=level, toys=self.toys)
            self._known[key] = observed, expected_limits(model, level=level, toys=self.toys)
        return self._known[key]


def masses(first: float = 1e-3, last: float = 1.0, n: int = 37) -> tuple[float, ...]:
    """Masses in GeV, equidistant in the logarithm, to four digits."""
    return tuple(float(f"{mass:.4g}") for mass in np.geomspace(first, last, n))


def effect_ranges(search: Search) -> dict[str, tuple[float, float, SystematicEffect]]:
    """Smallest and largest size of every variation or pair over the masses of `masses`, and one of them."""
    found: dict[str, tuple[float, float, SystematicEffect]] = {}
    for mass in filter(search.known, masses()):
        for size in search.effects_at(mass) if search.seen_at(mass) else ():
            value = abs(size.effect)
            low, high, _ = found.get(size.name, (value, value, size))
            found[size.name] = min(low, value), max(high, value), size
    return found


def shared_errors(search: Search) -> dict[str, list[str]]:
    """Errors of the background that several periods have in common, with the names of these periods."""
    found: dict[str, list[str]] = {}
    for period in search.periods:
        for name, _ in (*period.errors, *period.one_sided):
            found.setdefault(name, []).append(period.name)
    return {name: periods for name, periods in found.items() if len(periods) > 1}


def by_efficiency(periods: Sequence[PeriodChannel]) -> dict[str, list[str]]:
    """Names of the periods that have an efficiency, by its source."""
    found: dict[str, list[str]] = {}
    for period in periods:
        found.setdefault(period.efficiency.source, []).append(period.name)
    return found


def _rounded(signal_fractions: Sequence[float]) -> list[float]:
    """Round shares so that they still add up to one: the limit hardly feels it and is computed once."""
    rounded = [max(round(signal_fraction, _DIGITS), 10.0**-_DIGITS) for signal_fraction in signal_fractions]
    total = math.fsum(rounded)
    return [signal_fraction / total for signal_fraction in rounded]
