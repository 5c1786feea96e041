"""The channels of a search from stored results: each is of the channel whose box its selection is for."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from na64.datasets.conditions.stated_boxes import DEFAULT_SEARCH
from na64.outputs.limits.exposure import LimitInput, PeriodExposure, check_apart
from na64.outputs.limits.inputs import Background
from na64.outputs.limits.searches.card import Card, Variant, load_card
from na64.outputs.limits.searches.contour import ExcludedCouplings, contour
from na64.outputs.limits.searches.crossing import Exchanged, RadiatedByMuons
from na64.outputs.limits.searches.expected import BackgroundSources, Category, CouplingCategories
from na64.outputs.limits.searches.heavy_states import HeavyPair
from na64.outputs.limits.searches.kept import WHOLE
from na64.outputs.limits.searches.sources import Source
from na64.outputs.limits.searches.stored_efficiency import (
    StoredEfficiency,
    Wanted,
    by_energy,
    by_mass,
    of_dark_photons,
)
from na64.outputs.signal.beam import CrossingBeam
from na64.outputs.signal.efficiency.by_energy import efficiency_name
from na64.outputs.statistics.expected import is_summable
from na64.outputs.statistics.model import check_signal_error

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class StoredChannel:
    """A period of a stored result as a channel of a search.

    Attributes
    ----------
    category : Category
        Particles and fate of the card; exposure, efficiency, background and count of the result.
    efficiency : StoredEfficiency
    folder : Path
        Of the result.
    period : str
    """

    category: Category
    efficiency: StoredEfficiency
    folder: Path
    period: str


def has_boxes(variant: Variant) -> bool:
    """Whether stored results count its channels apart, each in a box of its own."""
    return any(category.box for category in variant.categories)


def channel_of_box(card: Card, variant: Variant, search: str, period: str = "") -> Category:
    """Channel that is counted in the box of a search.

    Parameters
    ----------
    card : Card
    variant : Variant
    search : str
    period : str
        Of the results that count it, if the card has a channel for each; the first of them without one.

    Raises
    ------
    ValueError
        There is none; names those that there are.
    """
    for category in variant.categories:
        if category.box == search and (not period or category.period in ("", period)):
            return category
    listed = [
        f"{one.name} in the box of search {one.box}" + (f" in period {one.period}" if one.period else "")
        for one in variant.categories
        if one.box
    ]
    known = ", ".join(listed) or "none of its channels in any"
    where = f"search {search}" + (f" in period {period}" if period else "")
    raise ValueError(f"search {card.name}: counts nothing in the box of {where}: {known}")


def stored_channels(
    card: Card,
    variant: Variant,
    exposures: Sequence[LimitInput],
    backgrounds: Sequence[Background],
    *,
    efficiency: str | None = None,
    delivered: bool = False,
    reason: str = "",
) -> tuple[StoredChannel, ...]:
    """Make a channel of every period of every result.

    Parameters
    ----------
    card : Card
    variant : Variant
    exposures : sequence of LimitInput
    backgrounds : sequence of Background
        One for each.
    efficiency : str, optional
        Table of the efficiency, or a number for dark photons, of one result; by default the table in the
        folder of each.
    delivered : bool
        The exposure is that delivered.
    reason : str
        Why an efficiency is right that does not say that it is of the result.

    Raises
    ------
    ValueError
        A result is of no channel or of another period, two of a channel share a run, a run is of two
        periods, or an efficiency is missing or of something else.
    """
    if efficiency is not None and len(exposures) > 1:
        raise ValueError(
            f"--efficiency {efficiency}: is for one result; of several each folder has its own "
            f"{efficiency_name(card.name)}"
        )
    channels = {id(one): channel_of_box(card, variant, one.search) for one in exposures}
    for name in dict.fromkeys(one.name for one in channels.values()):
        check_apart([one for one in exposures if channels[id(one)].name == name])
    _check_setups(exposures)
    wanted = Wanted(efficiency, delivered, reason)
    is_open = all(one.is_open for one in exposures)
    found = []
    for exposure, background in zip(exposures, backgrounds, strict=True):
        whole = math.fsum(period.on_target for period in exposure.periods)
        for period in exposure.periods:
            _check_period(card, exposure, period)
            category = channel_of_box(card, variant, exposure.search, period.period)
            kept = _efficiency(card, category, exposure, period, wanted)
            share = background, period.on_target / whole
            made = _category(category, exposure, period, kept, share, is_open=is_open)
            found.append(StoredChannel(made, kept, exposure.folder, period.period))
    return tuple(found)


def _efficiency(
    card: Card,
    category: Category,
    exposure: LimitInput,
    period: PeriodExposure,
    wanted: Wanted,
) -> StoredEfficiency:
    """Efficiency of the channel itself, or of the search whose results it is recast from."""
    if any(isinstance(source, RadiatedByMuons) for source in category.sources):
        return by_mass(card.name, category, exposure, period, wanted)
    if category.recast == DEFAULT_SEARCH:
        return of_dark_photons(exposure, period, wanted)
    of = card.name, category.name
    if category.recast:
        other = load_card(category.recast)
        of = other.name, channel_of_box(other, other.variant(), exposure.search, period.period).name
    return by_energy(of, category, exposure, period, wanted)


def _check_setups(exposures: Sequence[LimitInput]) -> None:
    """Refuse results that have a run of two periods: it has one set-up."""
    found: dict[int, tuple[str, Path]] = {}
    for exposure in exposures:
        for period in exposure.periods:
            for run in period.runs:
                name, folder = found.setdefault(run, (period.period, exposure.folder))
                if name != period.period:
                    raise ValueError(
                        f"run {run} is of period {name} in {folder}, of {period.period} in {exposure.folder}"
                    )


def _check_period(card: Card, exposure: LimitInput, period: PeriodExposure) -> None:
    if period.period not in card.periods:
        raise ValueError(
            f"{exposure.folder}: period {period.period} is none of search {card.name}: "
            f"{', '.join(card.periods)}"
        )


def _category(
    category: Category,
    exposure: LimitInput,
    period: PeriodExposure,
    efficiency: StoredEfficiency,
    share: tuple[Background, float],
    *,
    is_open: bool,
) -> Category:
    background, part = share
    fate, kept = category.fate, efficiency.kept
    if isinstance(fate, HeavyPair):  # the efficiency is of the pair, not of what decays to it
        fate, kept = _of_pair(fate, exposure, period, efficiency), WHOLE
    return replace(
        category,
        name=f"{category.name} {period.period}",
        exposure=period.on_target,
        efficiency=kept,
        background=background.n * part,
        background_error=background.error * part,
        background_sources=_sources(background, part, box=category.box, folder=exposure.folder),
        observed=period.observed if is_open else None,
        sources=tuple(_of_beam(source, period, efficiency.lowest) for source in category.sources),
        fate=fate,
    )


def _sources(background: Background, part: float, *, box: str, folder: Path) -> BackgroundSources:
    """Part of a background by its sources; those of another box are others, whatever their names."""
    own = f"{folder}: "
    values = background.values
    errors = [(name, size) for name, size in background.errors(own) if size]
    if errors and not values:
        raise ValueError(f"{folder}: a background of 0 has no error of {background.error:g}")
    return BackgroundSources(
        values * part,
        tuple((f"{box}: {name}", size / values) for name, size in errors),
        tuple((f"{box}: {name}", source.scaled(part)) for name, source in background.one_sided(own)),
    )


def _of_beam(source: Source, period: PeriodExposure, threshold: float) -> Source:
    """The process with the beam of a period, which has to be one that it is of."""
    if isinstance(period.beam, CrossingBeam) is not isinstance(source, RadiatedByMuons | Exchanged):
        raise ValueError(f"period {period.period}: the channel is of another beam than {period.beam.text}")
    return source.of_beam(period.beam, threshold)


def _of_pair(
    fate: HeavyPair, exposure: LimitInput, period: PeriodExposure, efficiency: StoredEfficiency
) -> HeavyPair:
    """The same with what the cuts of a result ask for."""
    least = dict(exposure.least).get(fate.adds_up)
    if least is None:
        raise ValueError(
            f"{exposure.folder}: selection {exposure.selection} has no cut on {fate.adds_up} from below, so "
            "how much energy may be missing is not known"
        )
    lost = period.beam.energy - least
    return replace(fate, least=efficiency.lowest, lost=lost, seen=efficiency.kept)


def channel_contour(
    card: Card, variant: Variant, channels: Sequence[StoredChannel], *, level: float, signal_error: float
) -> list[ExcludedCouplings]:
    """Excluded couplings at the masses of the card: observed, or the median expected while a box is closed.

    Masses at which an efficiency is not known are left out.
    Channels with too many outcomes to be told apart are counted as one, and one of which the background is
    hardly known weakens the others. Then all of them count or one alone, at each point whichever is expected
    to exclude more. The counts have no part in that.

    Parameters
    ----------
    card : Card
    variant : Variant
    channels : sequence of StoredChannel
    level : float
    signal_error : float
        Relative; the largest error of an efficiency adds to it, in quadrature.

    Raises
    ------
    ValueError
        The error is no relative error.
    """
    check_signal_error(signal_error)
    error = math.hypot(signal_error, max(one.efficiency.relative_error for one in channels))
    categories = tuple(one.category for one in channels)
    together = CouplingCategories(categories, level, error)
    masses = [mass for mass in variant.masses if all(one.efficiency.is_known(mass) for one in channels)]
    if is_summable(together.model([1.0] * len(categories))):
        return contour(together.excess, masses, card.coupling.grid)
    choices = [together, *(replace(together, categories=(category,)) for category in categories)]

    def excess(mass: float, couplings: Floats) -> Floats:
        expected = np.stack([_expected(one).excess(mass, couplings) for one in choices])
        if categories[0].observed is None:
            return np.asarray(expected.max(axis=0), np.float64)
        seen = np.stack([one.excess(mass, couplings) for one in choices])
        return np.asarray(np.take_along_axis(seen, expected.argmax(axis=0)[None], axis=0)[0], np.float64)

    return contour(excess, masses, card.coupling.grid)


def _expected(choice: CouplingCategories) -> CouplingCategories:
    """The same categories before anybody has looked."""
    return replace(choice, categories=tuple(replace(one, observed=None) for one in choice.categories))


def channels_without_result(variant: Variant, exposures: Iterable[LimitInput]) -> Iterator[str]:
    """Name the channels that no result is of."""
    there = {(one.search, period.period) for one in exposures for period in one.periods}
    for category in variant.categories:
        periods = [name for search, name in there if search == category.box]
        if not periods or (category.period and category.period not in periods):
            yield category.name


def channels_without_signal(card: Card, variant: Variant, channels: Iterable[StoredChannel]) -> Iterator[str]:
    """Name the channels that would see no particle, whatever its mass and coupling."""
    for one in channels:
        masses = filter(one.efficiency.is_known, variant.masses)
        if not any(one.category.events(mass, card.coupling.grid).any() for mass in masses):
            yield one.category.name


def channel_facts(channels: Iterable[StoredChannel]) -> Iterator[dict[str, object]]:
    """What every channel rests on, as a part of `contour.json`."""
    for one in channels:
        category, kept = one.category, one.efficiency.kept
        yield {
            "channel": category.name,
            "box": category.box,
            "period": one.period,
            "exposure": category.exposure,
            "background": [category.background, category.background_error],
            "observed": category.observed,
            "masses": list(kept.masses),
            "energies": list(kept.energies),
            "efficiency": list(kept.values),
            "efficiency_error": one.efficiency.relative_error,
            "selection": one.efficiency.selection,
            "cuts": one.efficiency.cuts,
            "stated": one.efficiency.stated,
        }
