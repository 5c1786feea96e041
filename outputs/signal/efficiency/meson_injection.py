"""Campaigns of mesons that decay to nothing, in a beam of hadrons, for the efficiency of a search."""

from __future__ import annotations

from dataclasses import replace

from na64.datasets.conditions.periods import Period
from na64.datasets.synthetic import Campaign, load_campaign
from na64.datasets.synthetic.campaign import Trigger
from na64.datasets.synthetic.component_kinds import ComponentKind
from na64.outputs.signal.efficiency.alp_injection import Wanted
from na64.outputs.signal.efficiency.campaigns import placed

MESON_CAMPAIGN = "hadron_signal"
"""Whose mesons are simulated, in the runs of other periods."""

MESON_LAYOUT = "tout2023"

PARTICLES = ("pi-", "K-")
"""Beams that are simulated."""

_SPREAD = 0.1
"""Of the energy of the beam to either side: one bin, since a meson has the energy of the beam."""


def meson_energies(period: Period) -> tuple[float, float]:
    """Edges of the bin that all mesons of a beam are in, GeV."""
    return (1 - _SPREAD) * period.beam_energy, (1 + _SPREAD) * period.beam_energy


def meson_campaign(energies: tuple[float, float], wanted: Wanted, *, period: Period) -> Campaign:
    """Campaign of such mesons only; every one is recorded, and the trigger is told by its bit.

    Parameters
    ----------
    energies : (float, float), GeV
        Contain the energy of the beam.
    wanted : Wanted
    period : Period
        Whose beam and set-up is simulated, in its first run.

    Raises
    ------
    ValueError
        Nothing simulates its beam, or it is not in the bin.
    """
    campaign = load_campaign(MESON_CAMPAIGN)
    own = f"{period.beam_particle} of {period.beam_energy:g} GeV"
    if period.beam_particle not in PARTICLES or period.beam_energy != campaign.beam.energy:
        there = " and ".join(f"{one} of {campaign.beam.energy:g} GeV" for one in PARTICLES)
        raise ValueError(
            f"period {period.name}: no mesons of its beam, {own}, are simulated: there are {there}"
        )
    low, high = energies
    if not low <= period.beam_energy <= high:
        raise ValueError(f"channel {wanted.channel}: no meson of {own} has between {low:g} and {high:g} GeV")
    component = next(one for one in campaign.components if one.kind is ComponentKind.CHARGE_EXCHANGE)
    signal = replace(component, trigger=Trigger.BEAM, bias=1.0)
    beam = replace(campaign.beam, particle=period.beam_particle)
    return placed(replace(campaign, components=(signal,), beam=beam), period, period.runs[0][0])
