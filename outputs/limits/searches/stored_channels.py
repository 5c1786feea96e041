"""The channels of a search from stored results: each is of the channel whose box its selection is for."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from na64.outputs.limits.efficiency import MAKES
from na64.outputs.limits.exposure import LimitInput, PeriodExposure, check_apart
from na64.outputs.limits.inputs import Background
from na64.outputs.limits.searches.card import Card, Variant
from na64.outputs.limits.searches.contour import ExcludedCouplings, contour
from na64.outputs.limits.searches.crossing import Exchanged, RadiatedByMuons
from na64.outputs.limits.searches.expected import Category, CouplingCategories
from na64.outputs.limits.searches.kept import Efficiency
from na64.outputs.limits.searches.sources import Source
from na64.outputs.result.origin import FoundOrigin, Origin, check, unseal_csv
from na64.outputs.signal.beam import CrossingBeam
from na64.outputs.signal.efficiency.by_energy import (
    EnergyEfficiency,
    efficiency_name,
    load_energy_efficiency,
)
from na64.outputs.signal.efficiency.by_mass import MassEfficiency, load_mass_efficiency
from na64.outputs.signal.efficiency.losses_file import losses_path
from na64.outputs.statistics.expected import is_summable

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class StoredChannel:
    """A period of a stored result as a channel of a search.

    Attributes
    ----------
    category : Category
        Particles and fate of the card; exposure, efficiency, background and count of the result.
    efficiency : EnergyEfficiency or MassEfficiency
    path : Path
        Of the efficiency.
    folder : Path
        Of the result.
    period : str
    stated : str
        Why the efficiency is right, if it does not say so itself.
    """

    category: Category
    efficiency: EnergyEfficiency | MassEfficiency
    path: Path
    folder: Path
    period: str
    stated: str = ""


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
        Table of the efficiency, of one result; by default the one in the folder of each.
    delivered : bool
        The exposure is that delivered.
    reason : str
        Why an efficiency is right that does not say that it is of the result.

    Raises
    ------
    ValueError
        A result is of no channel or of another period, two of a channel share a run, or an efficiency is
        missing or of something else.
    """
    if efficiency is not None and len(exposures) > 1:
        raise ValueError(
            f"--efficiency {efficiency}: is for one result; of several each folder has its own "
            f"{efficiency_name(card.name)}"
        )
    channels = {id(one): channel_of_box(card, variant, one.search) for one in exposures}
    for name in dict.fromkeys(one.name for one in channels.values()):
        check_apart([one for one in exposures if channels[id(one)].name == name])
    is_open = all(one.is_open for one in exposures)
    found = []
    for exposure, background in zip(exposures, backgrounds, strict=True):
        path = Path(efficiency) if efficiency else exposure.folder / efficiency_name(card.name)
        whole = math.fsum(period.eot for period in exposure.periods)
        for period in exposure.periods:
            _check_period(card, exposure, period)
            category = channel_of_box(card, variant, exposure.search, period.period)
            kept = _load_efficiency(path, card, category, period.period, delivered=delivered)
            stated = _check_efficiency(path, kept, category, exposure, period=period.period, reason=reason)
            share = background, period.eot / whole
            made = _category(category, period, kept, share, is_open=is_open)
            found.append(StoredChannel(made, kept, path, exposure.folder, period.period, stated))
    return tuple(found)


def _load_efficiency(
    path: Path, card: Card, category: Category, period: str, *, delivered: bool
) -> EnergyEfficiency | MassEfficiency:
    """Efficiency of a channel: by mass if muons radiate its particles, and by energy otherwise."""
    for source in category.sources:
        if isinstance(source, RadiatedByMuons):
            return load_mass_efficiency(
                path, search=card.name, period=period, threshold=source.threshold, delivered=delivered
            )
    return load_energy_efficiency(
        path, search=card.name, channel=category.name, period=period, delivered=delivered
    )


def _check_period(card: Card, exposure: LimitInput, period: PeriodExposure) -> None:
    if period.period not in card.periods:
        raise ValueError(
            f"{exposure.folder}: period {period.period} is none of search {card.name}: "
            f"{', '.join(card.periods)}"
        )


def _check_efficiency(
    path: Path,
    kept: EnergyEfficiency | MassEfficiency,
    category: Category,
    exposure: LimitInput,
    *,
    period: str,
    reason: str,
) -> str:
    """Refuse an efficiency of other cuts, boxes or places of decay; or why it is taken all the same."""
    _check_stretch(path, kept, category)
    _, cuts, setup = kept.origin
    files = [one for one in (path, losses_path(path)) if one.is_file()]
    said = [unseal_csv(one.read_bytes())[1] for one in files]
    origin = Origin("", cuts, ((period, setup),))
    edited = any(one.is_edited for one in said)
    found = FoundOrigin(None if any(one.origin is None for one in said) else origin, edited)
    setups = tuple(pair for pair in exposure.origin.setups if pair[0] == period)
    wanted = Origin("", exposure.cuts, setups)
    return check(str(path), found, wanted, of=str(exposure.folder), makes=MAKES, reason=reason)


def _check_stretch(path: Path, kept: EnergyEfficiency | MassEfficiency, category: Category) -> None:
    """Refuse an efficiency of other places of decay than those of the card."""
    stretch = category.fate.stretch if category.fate else None
    if stretch is None or isinstance(kept, MassEfficiency):
        return
    own = kept.rows[0]
    last = math.inf if own.last is None else own.last
    if (own.first, last) != (stretch.first, stretch.last):
        raise ValueError(
            f"{path}: of decays between {own.first:g} and {last:g} mm, the card has {stretch.first:g} and "
            f"{stretch.last:g} mm; {MAKES}"
        )


def _category(
    category: Category,
    period: PeriodExposure,
    kept: EnergyEfficiency | MassEfficiency,
    share: tuple[Background, float],
    *,
    is_open: bool,
) -> Category:
    background, part = share
    nodes, values = kept.nodes
    by_mass = isinstance(kept, MassEfficiency)
    return replace(
        category,
        name=f"{category.name} {period.period}",
        exposure=period.eot,
        efficiency=Efficiency(values, masses=nodes) if by_mass else Efficiency(values, energies=nodes),
        background=background.n * part,
        background_error=background.error * part,
        observed=period.observed if is_open else None,
        sources=tuple(_of_beam(source, period, kept.lowest) for source in category.sources),
    )


def _of_beam(source: Source, period: PeriodExposure, threshold: float) -> Source:
    """The process with the beam of a period, which has to be one that it is of."""
    if isinstance(period.beam, CrossingBeam) is not isinstance(source, RadiatedByMuons | Exchanged):
        raise ValueError(f"period {period.period}: the channel is of another beam than {period.beam.text}")
    return source.of_beam(period.beam, threshold)


def channel_contour(
    card: Card, variant: Variant, channels: Sequence[StoredChannel], *, level: float, signal_error: float
) -> list[ExcludedCouplings]:
    """Excluded couplings at the masses of the card: observed, or the median expected while a box is closed.

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
    """
    error = math.hypot(signal_error, max(one.efficiency.relative_error for one in channels))
    categories = tuple(one.category for one in channels)
    together = CouplingCategories(categories, level, error)
    if is_summable(together.model([1.0] * len(categories))):
        return contour(together.excess, variant.masses, card.coupling.grid)
    choices = [together, *(replace(together, categories=(category,)) for category in categories)]

    def excess(mass: float, couplings: Floats) -> Floats:
        expected = np.stack([_expected(one).excess(mass, couplings) for one in choices])
        if categories[0].observed is None:
            return np.asarray(expected.max(axis=0), np.float64)
        seen = np.stack([one.excess(mass, couplings) for one in choices])
        return np.asarray(np.take_along_axis(seen, expected.argmax(axis=0)[None], axis=0)[0], np.float64)

    return contour(excess, variant.masses, card.coupling.grid)


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


def channel_facts(channels: Iterable[StoredChannel]) -> Iterator[dict[str, object]]:
    """What every channel rests on, as a part of `contour.json`."""
    for one in channels:
        nodes, values = one.efficiency.nodes
        selection, cuts, _ = one.efficiency.origin
        category = one.category
        yield {
            "channel": category.name,
            "box": category.box,
            "period": one.period,
            "exposure": category.exposure,
            "background": [category.background, category.background_error],
            "observed": category.observed,
            "masses" if isinstance(one.efficiency, MassEfficiency) else "energies": list(nodes),
            "efficiency": list(values),
            "efficiency_error": one.efficiency.relative_error,
            "selection": selection,
            "cuts": cuts,
            "stated": one.stated,
        }
