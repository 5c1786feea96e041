"""Simulate axion-like particles by energy, process them with a selection, and count them in the box."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

from na64.datasets.catalogue import build as files
from na64.datasets.catalogue.build import Catalogue
from na64.datasets.synthetic import Campaign, load_campaign, simulate
from na64.datasets.synthetic.campaign import Trigger
from na64.datasets.synthetic.component_kinds import ComponentKind
from na64.outputs.result.descriptions import box_facts, period_facts, selection_facts
from na64.outputs.result.origin import setup_identity
from na64.outputs.signal.efficiency.by_energy import EnergyRow
from na64.outputs.signal.efficiency.injection import (
    Injection,
    check_alike,
    check_simulated,
    count_in_box,
)
from na64.outputs.signal.efficiency.losses import Flow
from na64.outputs.statistics.binomial import binomial_error
from na64.processors.job import build_job

ENERGIES = (15.0, 17.5, 20.0, 22.5, 25.0, 30.0, 40.0, 45.0, 47.5, 50.0, 52.5, 55.0, 70.0, 90.0, 100.0)
"""GeV: edges of the bins; the trigger takes hardly an event with less."""

CAMPAIGN = "alp_signal"
"""Whose particle is simulated, with other energies and places of decay."""

_BEYOND = 1e15
"""mm; nothing decays farther."""


@dataclass(frozen=True, slots=True)
class Counted:
    """A row of the table, and what is left in the box after every cut.

    Attributes
    ----------
    row : EnergyRow
    flow : (int, dict of str to int)
        Events in the box, and after each cut.
    """

    row: EnergyRow
    flow: Flow


@dataclass(frozen=True, slots=True)
class Wanted:
    """Of which channel of which search an efficiency is.

    Attributes
    ----------
    search, channel : str
    first, last : float, mm
        Where the particles decay; the last one is infinite for everything beyond the first.
    """

    search: str
    channel: str
    first: float
    last: float


def photon_pair_campaign(energies: tuple[float, float], wanted: Wanted) -> Campaign:
    """Campaign of axion-like particles only; every one is recorded, and the trigger is told by its bit."""
    campaign = load_campaign(CAMPAIGN)
    component = next(entry for entry in campaign.components if entry.kind is ComponentKind.ALP)
    low, high = (energy / campaign.beam.energy for energy in energies)
    last = wanted.last if math.isfinite(wanted.last) else _BEYOND
    places = {"decays_from": wanted.first, "decays_to": last}
    parameters = {**component.parameters, **places, "lowest": low, "highest": high}
    signal = replace(component, trigger=Trigger.BEAM, bias=1.0, parameters=parameters)
    return replace(campaign, components=(signal,), runs=campaign.runs[:1])


def inject_alps(
    plan: Injection,
    wanted: Wanted,
    edges: Sequence[float] = ENERGIES,
    make: Callable[[tuple[float, float], Wanted], Campaign] = photon_pair_campaign,
) -> Iterator[list[Counted]]:
    """Simulate and count one bin of energies after the other, each period of it.

    Parameters
    ----------
    plan : Injection
        Its number of events is that of a bin.
    wanted : Wanted
    edges : sequence of float, GeV
    make : callable
        Makes the campaign of a bin; that of other particles counts alike.

    Raises
    ------
    ValueError
        No period that is simulated has a box of the selection's search; or a cut divides its runs.
    """
    for bin_ in pairwise(edges):
        with TemporaryDirectory(prefix="na64-signal-") as name:
            folder = Path(name)
            simulate(
                make(bin_, wanted),
                to=folder,
                n_events=plan.n_events,
                seed=plan.seed,
                layout=plan.layout,
            )
            catalogue = files.build([folder], simulation=True, layout=plan.layout, folder=plan.periods)
            yield list(_counted(catalogue, plan, wanted, bin_))


def _counted(
    catalogue: Catalogue, plan: Injection, wanted: Wanted, energies: tuple[float, float]
) -> Iterator[Counted]:
    job = build_job(catalogue, plan.selection)
    check_simulated(job)
    known = catalogue.known_periods()
    counts, _ = count_in_box(catalogue, job)
    facts = selection_facts(job.selection, job.plugin)
    for name, found in sorted(counts.items()):
        period, (in_box, *after) = known[name], found.tolist()
        check_alike(plan.selection, period)
        n = sum(catalogue.runs[run] for run, one in job.runs.items() if one.period == name)
        row = EnergyRow(
            *(wanted.search, wanted.channel, name, *energies, after[-1] / n, binomial_error(after[-1], n)),
            *(n, in_box, after[-1]),
            wanted.first,
            wanted.last if math.isfinite(wanted.last) else None,
            *(facts.name, facts.cuts_identity),
            setup_identity(period_facts(period), box_facts(period, plan.selection.search)),
        )
        yield Counted(row, (in_box, dict(zip(job.selection.cut_names, after, strict=True))))


def describe_alps(found: Sequence[Counted]) -> Iterator[str]:
    """Efficiency of every bin, as a terminal shows it."""
    for one in found:
        row = one.row
        yield (
            f"period {row.period}, {row.energy_low:g} to {row.energy_high:g} GeV: {row.efficiency:.3f} +- "
            f"{row.error:.3f} ({row.n_in_box} of {row.n_simulated} in the box)"
        )
