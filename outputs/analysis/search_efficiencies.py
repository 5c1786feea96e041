"""The part of the particles of a search that a selection keeps, channel by channel."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

from na64.datasets.conditions.period_folder import folder_of_environment
from na64.datasets.conditions.periods import Period, features_of_periods, load_periods
from na64.datasets.synthetic import Campaign
from na64.outputs.analysis.efficiency_files import write_efficiency
from na64.outputs.analysis.listening import Listener, Progress, Tell, no_progress, silent
from na64.outputs.limits.searches.card import Card, Variant, load_card
from na64.outputs.limits.searches.expected import Category
from na64.outputs.limits.searches.fates import Branching, ElectronPair, TwoPhotons
from na64.outputs.limits.searches.stored_channels import channel_of_box
from na64.outputs.signal import figures
from na64.outputs.signal.efficiency.alp_injection import (
    ENERGIES,
    Counted,
    Wanted,
    describe_alps,
    inject_alps,
    photon_pair_campaign,
)
from na64.outputs.signal.efficiency.by_energy import efficiency_table
from na64.outputs.signal.efficiency.campaigns import period_with_runs
from na64.outputs.signal.efficiency.injection import Injection, setup_of
from na64.outputs.signal.efficiency.losses import factor_of, loss_lines
from na64.outputs.signal.efficiency.measured_losses import WantedLosses
from na64.outputs.signal.efficiency.meson_injection import (
    MESON_LAYOUT,
    meson_campaign,
    meson_energies,
)
from na64.outputs.signal.efficiency.pair_injection import (
    PAIR_LAYOUT,
    pair_campaign,
    pair_energies,
    pair_period,
)
from na64.selections.selection import load_selection

LAYOUT = "array2018"
"""Of the only set-up that axion-like particles are simulated in."""

EVENTS = 4000
"""Simulated in each bin."""


def search_efficiency(
    search: str,
    *,
    to: str | Path,
    selection: str | Path,
    variant: str = "",
    layout: str | Path | None = None,
    events: int = EVENTS,
    seed: int = 6406,
    energies: Sequence[float] | None = None,
    periods: str | Path | None = None,
    period: str = "",
    losses: str | Path | Sequence[str | Path] = (),
    progress: Progress = no_progress,
    tell: Tell = silent,
) -> list[Counted]:
    """Efficiency of a selection for the particles of a search, by their energy, from simulation.

    Which channel of the card it is of is decided by the box that the selection is for.

    Parameters
    ----------
    search : str
        Name of the search, or the path of its card.
    to : str or Path
        ``.csv`` that it is written to; losses besides the simulated ones and a figure go beside it.
    selection : str or Path
        Name of a packaged selection, or a TOML file.
    variant : str
        Of the card; by default its first.
    layout : str or Path, optional
        By default the one of the set-up in which the particles are simulated.
    events : int
        Simulated in each bin of energies.
    seed : int
        The same seed gives the same content.
    energies : sequence of float, optional
        GeV, edges of the bins.
    periods : str or Path, optional
        Folder of periods of your own; by default ``$NA64_PERIODS``.
    period : str
        Of mesons and electron pairs, whose beam and set-up is simulated; by default that of the first channel
        of mesons, and 2018V of pairs.
    losses : str, Path or several
        Files with the losses of the periods, or ``"none"``; by default the packaged ones.
    progress : callable
        Takes the numbers of bins done and of all.
    tell : callable
        Takes lines about what was found.

    Returns
    -------
    list of na64.outputs.signal.efficiency.alp_injection.Counted
        One a period and bin.

    Raises
    ------
    KeyError, ValueError, FileNotFoundError
        A search, selection or layout that cannot be used.
    """
    place, folder = Path(to), Path(periods) if periods is not None else folder_of_environment()
    known = load_periods(folder)
    features = features_of_periods(known.values(), together=False)
    chosen = load_selection(selection, other_features=features)
    card = load_card(search)
    simulated = _simulated(card, card.variant(variant), chosen.search, period, known)
    wanted, edges = simulated.wanted, simulated.energies if energies is None else energies
    asked = WantedLosses(losses)
    plan = Injection(chosen, str(layout or simulated.layout), events, seed, folder)
    found: list[Counted] = []
    bins = [*pairwise(edges)]
    progress(0, len(bins))
    for done, counted in enumerate(inject_alps(plan, wanted, edges, simulated.make)):
        found += counted
        asked.check([one.row.period for one in counted], whole=False)
        progress(done + 1, len(bins))
    periods_found = sorted({one.row.period for one in found})
    if not any(one.row.n_selected for one in found):
        names = " and ".join(periods_found)
        raise ValueError(
            f"selection {chosen.name}: keeps no simulated event of period {names}; is it for that set-up, or "
            "is another --period meant?"
        )
    asked.check(periods_found)
    made = [
        loss
        for name in periods_found
        for own in [[one for one in found if one.row.period == name]]
        for loss in asked.beside(own[0].row, [one.flow for one in own], setup_of(known[name]))
    ]
    rows = [one.row for one in found]
    draw = partial(figures.draw_energy_efficiencies, rows)
    write_efficiency(place, efficiency_table(rows), made, draw)
    Listener(tell=tell).say(describe_alps(found))
    if made:
        tell(f"losses besides the simulated ones, x {factor_of(made, delivered=False):.3f} for live exposure")
        Listener(tell=tell).say(loss_lines(made))
    tell(f"{place}: channel {wanted.channel} of search {card.name}, {len(rows)} rows, as simulated")
    return found


@dataclass(frozen=True, slots=True)
class _Simulated:
    """How the particles of a channel are simulated: what is wanted, campaigns by energy, bins and layout."""

    wanted: Wanted
    make: Callable[[tuple[float, float], Wanted], Campaign]
    energies: tuple[float, ...]
    layout: str


def _simulated(
    card: Card, variant: Variant, search: str, period: str, known: Mapping[str, Period]
) -> _Simulated:
    category = channel_of_box(card, variant, search)
    fate = category.fate
    if isinstance(fate, Branching):
        return _of_mesons(card, channel_of_box(card, variant, search, period), period, known)
    if isinstance(fate, ElectronPair):
        return _of_pairs(card, variant, search, pair_period(period))
    if period:
        raise ValueError(f"--period: not with --search {card.name}, whose particles are of one set-up only")
    if isinstance(fate, TwoPhotons):
        wanted = Wanted(card.name, category.name, fate.stretch.first, fate.stretch.last)
        return _Simulated(wanted, photon_pair_campaign, ENERGIES, LAYOUT)
    raise ValueError(
        f"search {card.name}: nothing simulates the particles of channel {category.name}; what decays to two "
        "photons or an electron pair, or a meson to nothing is simulated, and dark photons without --search"
    )


def _of_pairs(card: Card, variant: Variant, search: str, period: str) -> _Simulated:
    """Electron pairs of a period, behind the dump of its channel."""
    category = channel_of_box(card, variant, search, period)
    if not isinstance(category.fate, ElectronPair):
        raise ValueError(f"search {card.name}: channel {category.name} counts no electron pairs")
    stretch = category.fate.stretch
    wanted = Wanted(card.name, category.name, stretch.first, stretch.last)
    make = partial(pair_campaign, period=period)
    return _Simulated(wanted, make, pair_energies(period), PAIR_LAYOUT)


def _of_mesons(card: Card, category: Category, period: str, known: Mapping[str, Period]) -> _Simulated:
    """Mesons of the beam of a period, which decay where they are made or wherever their kind does."""
    own = period_with_runs(period or category.period, known)
    wanted = Wanted(card.name, category.name, 0.0, math.inf)
    make = partial(meson_campaign, period=own)
    return _Simulated(wanted, make, meson_energies(own), MESON_LAYOUT)
