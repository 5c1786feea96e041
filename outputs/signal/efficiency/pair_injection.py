"""Campaigns of particles that decay to an electron pair behind a dump, for the efficiency by energy."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from na64.datasets.synthetic import Campaign, load_campaign
from na64.datasets.synthetic.campaign import Trigger
from na64.datasets.synthetic.component_kinds import ComponentKind
from na64.outputs.signal.efficiency.alp_injection import Wanted

PAIR_CAMPAIGNS = {"2018V": "visible_signal", "2017V": "visible_signal_2017"}
"""Whose particle is simulated, with other energies and places of decay, by period; the first is usual."""

_LEAST, _WIDTH = 30.0, 10.0
"""GeV: least energy that is simulated, and width of a bin."""

PAIR_LAYOUT = "visible2018"


def pair_campaign(energies: tuple[float, float], wanted: Wanted, *, period: str) -> Campaign:
    """Campaign of such particles only; every one is recorded, and the trigger is told by its bit.

    Parameters
    ----------
    energies : (float, float), GeV
    wanted : Wanted
        Its places of decay are the ends of the dump and of the space behind it.
    period : str
        One of `PAIR_CAMPAIGNS`.

    Raises
    ------
    ValueError
        They are not finite.
    """
    campaign = load_campaign(PAIR_CAMPAIGNS[period])
    component = next(one for one in campaign.components if one.kind is ComponentKind.ELECTRON_PAIR)
    if campaign.dump is None or not math.isfinite(wanted.last):
        raise ValueError(f"channel {wanted.channel}: its pairs are simulated between two places only")
    low, high = (energy / campaign.beam.energy for energy in energies)
    parameters = {**component.parameters, "lowest": low, "highest": high}
    signal = replace(component, trigger=Trigger.BEAM, bias=1.0, parameters=parameters)
    dump = replace(campaign.dump, length=wanted.first, volume=wanted.last - wanted.first)
    return replace(campaign, components=(signal,), runs=campaign.runs[:1], dump=dump)


def pair_energies(period: str) -> tuple[float, ...]:
    """Edges of the bins up to the energy of the beam, GeV."""
    beam = load_campaign(PAIR_CAMPAIGNS[period]).beam.energy
    return tuple(np.arange(_LEAST, beam + _WIDTH / 2, _WIDTH).tolist())


def pair_period(wanted: str = "") -> str:
    """Name of the period whose set-up is simulated: the wanted one, or the usual one.

    Raises
    ------
    ValueError
        No campaign is of it.
    """
    if wanted and wanted not in PAIR_CAMPAIGNS:
        known = " or ".join(PAIR_CAMPAIGNS)
        raise ValueError(f"--period {wanted}: electron pairs are simulated for {known}")
    return wanted or next(iter(PAIR_CAMPAIGNS))
