"""The part of the bosons that muons radiate which a selection keeps, by their mass."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from na64.datasets.conditions.period_folder import folder_of_environment
from na64.datasets.conditions.periods import Period, features_of_periods, load_periods
from na64.outputs.analysis.efficiency_files import write_efficiency
from na64.outputs.analysis.listening import Listener, Progress, Tell, no_progress, silent
from na64.outputs.limits.searches.card import Card, load_card
from na64.outputs.limits.searches.crossing import RadiatedByMuons
from na64.outputs.limits.searches.expected import Category
from na64.outputs.limits.searches.stored_channels import channel_of_box
from na64.outputs.signal import figures
from na64.outputs.signal.efficiency.efficiency import efficiency_table
from na64.outputs.signal.efficiency.injection import Injection, Measured, describe, setup_of
from na64.outputs.signal.efficiency.losses import loss_lines
from na64.outputs.signal.efficiency.measured_losses import WantedLosses
from na64.outputs.signal.efficiency.muon_injection import (
    MUON_LAYOUT,
    MUON_MASSES,
    BosonPlan,
    inject_bosons,
)
from na64.selections.selection import load_selection

EVENTS = 4000
"""Simulated for each mass."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Of which channel of which card an efficiency by mass is, and in which period."""

    card: Card
    category: Category
    period: Period


def is_by_mass(search: str, variant: str = "") -> bool:
    """Whether the particles of a search are simulated by mass: those that muons radiate."""
    categories = load_card(search).variant(variant).categories
    return any(one.box and _of_muons(one) is not None for one in categories)


def boson_efficiency(
    search: str,
    *,
    to: str | Path,
    selection: str | Path,
    variant: str = "",
    layout: str | Path = MUON_LAYOUT,
    events: int = EVENTS,
    seed: int = 6406,
    masses: Sequence[float] = MUON_MASSES,
    period: str = "",
    periods: str | Path | None = None,
    losses: str | Path | Sequence[str | Path] = (),
    progress: Progress = no_progress,
    tell: Tell = silent,
) -> list[Measured]:
    """Efficiency of a selection for the bosons that muons radiate, by mass, from simulation.

    Parameters
    ----------
    search : str
        Name of the search, or the path of its card.
    to : str or Path
        ``.csv`` that it is written to; losses besides the simulated ones and a figure go beside it.
    selection : str or Path
        Name of a packaged selection, or a TOML file; its box says which channel is meant.
    variant : str
        Of the card; by default its first.
    layout : str or Path
        Of the files that are simulated.
    events : int
        Simulated for each mass.
    seed : int
        The same seed gives the same content.
    masses : sequence of float
        GeV, 0.001 to 1.
    period : str
        In whose first run they are simulated; by default the first of the card.
    periods : str or Path, optional
        Folder of periods of your own; by default ``$NA64_PERIODS``.
    losses : str, Path or several
        Files with the losses of the period, or ``"none"``; by default the packaged ones.
    progress : callable
        Takes the numbers of masses done and of all.
    tell : callable
        Takes lines about what was found.

    Returns
    -------
    list of na64.outputs.signal.efficiency.injection.Measured
        One a mass.

    Raises
    ------
    KeyError, ValueError, FileNotFoundError
        A search, selection, layout, period or mass that cannot be used.
    """
    place, folder = Path(to), Path(periods) if periods is not None else folder_of_environment()
    known = load_periods(folder)
    chosen = load_selection(selection, other_features=features_of_periods(known.values(), together=False))
    wanted = _wanted(load_card(search), variant, chosen.search, period, known)
    asked = WantedLosses(losses)
    plan = Injection(chosen, str(layout), events, seed, folder, search=wanted.card.name)
    bosons = BosonPlan(plan, wanted.period, _threshold(wanted.category))
    found: list[Measured] = []
    ordered = sorted(set(masses))
    progress(0, len(ordered))
    for one in inject_bosons(ordered, bosons):
        found.append(one)
        progress(len(found), len(ordered))
    name = wanted.period.name
    if not any(one.point.n_selected for one in found):
        raise ValueError(
            f"selection {chosen.name}: keeps no simulated event of period {name}; is it for that set-up?"
        )
    asked.check([name])
    flows = [(one.point.n_in_box, one.passed) for one in found]
    made = asked.beside(found[0].point, flows, setup_of(wanted.period))
    points = [one.point for one in found]
    draw = partial(figures.draw_efficiencies, points)
    write_efficiency(place, efficiency_table(points), made, draw)
    Listener(tell=tell).say(describe(found))
    Listener(tell=tell).say(_beside_card(wanted.category, found))
    Listener(tell=tell).say(loss_lines(made))
    of = f"channel {wanted.category.name} of search {wanted.card.name}"
    tell(f"{place}: {of}, {len(found)} masses, as simulated")
    return found


def _wanted(card: Card, variant: str, box: str, period: str, known: Mapping[str, Period]) -> _Wanted:
    category = channel_of_box(card, card.variant(variant), box, period)
    if _of_muons(category) is None:
        raise ValueError(f"search {card.name}: muons make nothing that channel {category.name} counts")
    name = period or category.period or card.periods[0]
    if name not in known:
        raise ValueError(f"period {name} is not known: expected one of {', '.join(known)}")
    return _Wanted(card, category, known[name])


def _of_muons(category: Category) -> RadiatedByMuons | None:
    return next((one for one in category.sources if isinstance(one, RadiatedByMuons)), None)


def _threshold(category: Category) -> float:
    source = _of_muons(category)
    return 0.0 if source is None else source.threshold


def _beside_card(category: Category, found: Sequence[Measured]) -> Iterator[str]:
    """Efficiencies over those of the reference configuration, which were fitted to what is published."""
    for point in (one.point for one in found):
        reference = float(category.efficiency.at(point.mass, np.ones(1))[0])
        ratio = point.efficiency / reference
        yield f"  {1000 * point.mass:g} MeV: {ratio:.2f} times {reference:.3f} of the card"
