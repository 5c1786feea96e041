"""Campaigns of particles that decay to an electron pair behind a dump, for the efficiency by energy."""

from __future__ import annotations

import math
from dataclasses import replace

from na64.datasets.conditions.periods import load_periods, period_of_run
from na64.datasets.synthetic import Campaign, load_campaign
from na64.datasets.synthetic.campaign import Trigger
from na64.datasets.synthetic.component_kinds import ComponentKind
from na64.outputs.signal.efficiency.alp_injection import Wanted

PAIR_CAMPAIGN = "visible_signal"
"""Whose particle is simulated, with other energies and places of decay."""

PAIR_ENERGIES = (30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0, 100.0, 110.0, 120.0, 130.0, 140.0, 150.0)
"""GeV: edges of the bins."""

PAIR_LAYOUT = "visible2018"


def pair_campaign(energies: tuple[float, float], wanted: Wanted) -> Campaign:
    """Campaign of such particles only; every one is recorded, and the trigger is told by its bit.

    Parameters
    ----------
    energies : (float, float), GeV
    wanted : Wanted
        Its places of decay are the ends of the dump and of the space behind it.

    Raises
    ------
    ValueError
        They are not finite.
    """
    campaign = load_campaign(PAIR_CAMPAIGN)
    component = next(one for one in campaign.components if one.kind is ComponentKind.ELECTRON_PAIR)
    if campaign.dump is None or not math.isfinite(wanted.last):
        raise ValueError(f"channel {wanted.channel}: its pairs are simulated between two places only")
    low, high = (energy / campaign.beam.energy for energy in energies)
    parameters = {**component.parameters, "lowest": low, "highest": high}
    signal = replace(component, trigger=Trigger.BEAM, bias=1.0, parameters=parameters)
    dump = replace(campaign.dump, length=wanted.first, volume=wanted.last - wanted.first)
    return replace(campaign, components=(signal,), runs=campaign.runs[:1], dump=dump)


def pair_period() -> str:
    """Name of the period whose runs the campaign has."""
    run = load_campaign(PAIR_CAMPAIGN).runs[0].run
    period = period_of_run(run, load_periods())
    if period is None:
        raise ValueError(f"campaign {PAIR_CAMPAIGN}: run {run} is in no period")
    return period.name
