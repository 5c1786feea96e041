"""Campaigns of signal only, in the beam and the set-up of a period."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from na64.datasets.conditions.conditions import RunType
from na64.datasets.conditions.periods import Period, period_of_run
from na64.datasets.reading.layout import load_layout
from na64.datasets.synthetic import Campaign, load_campaign
from na64.datasets.synthetic.campaign import Component, Geometry, Trigger
from na64.datasets.synthetic.component_kinds import ComponentKind
from na64.datasets.synthetic.dark_photon import load_spectrum
from na64.datasets.synthetic.electromagnetic import Grid
from na64.datasets.synthetic.simulation import find_geometry

_USUAL = "signal"
_CAMPAIGNS = (_USUAL, "positron_2022", "positron_2023")
"""Packaged campaigns whose beam and response signal is simulated with; of each beam the first."""

_MARGIN = 8.0
"""GeV at a beam of 100 GeV, below the box's threshold, from which dark photons are made: some look larger."""


def signal_campaign(mass: float, *, threshold: float, base: Campaign | None = None) -> Campaign:
    """Make a campaign of dark photons only; every one is recorded, and the trigger is told by its bit.

    Parameters
    ----------
    mass : float, GeV
    threshold : float, GeV
        Missing energy at which the box begins.
    base : Campaign, optional
        Whose beam and set-up it has; by default electrons of 100 GeV.

    Raises
    ------
    ValueError
        The spectrum is not known down to the threshold.
    """
    campaign = load_campaign(_USUAL) if base is None else base
    energy, least = campaign.beam.energy, float(load_spectrum().fraction[0])
    if threshold < least * energy:
        raise ValueError(
            f"a signal box that begins at {threshold:g} GeV of missing energy, of a beam of {energy:g} GeV: "
            f"expected {least * energy:g} GeV or more; a box is as large as that of the packaged period that "
            "has the same runs"
        )
    lowest = max((threshold - _MARGIN * energy / 100) / energy, least)
    return _only(campaign, ComponentKind.DARK_PHOTON, {"mass": mass, "lowest": lowest})


def annihilation_campaign(lowest: float, highest: float, base: Campaign) -> Campaign:
    """The same of positrons that annihilate with energies (GeV) between two, all of which are missing."""
    energy = base.beam.energy
    fractions = {"lowest": lowest / energy, "highest": highest / energy}
    return _only(base, ComponentKind.ANNIHILATION, fractions)


def _only(campaign: Campaign, kind: ComponentKind, parameters: dict[str, float]) -> Campaign:
    signal = Component(kind.value, kind, Trigger.BEAM, {RunType.PHYSICS: 1.0}, 1.0, parameters)
    return replace(campaign, components=(signal,), runs=campaign.runs[:1], bad=())


def base_campaign(layout: str, name: str, known: Mapping[str, Period]) -> tuple[Campaign, Period | None]:
    """Campaign whose beam and set-up are those of a period, and the period.

    Parameters
    ----------
    layout : str
    name : str
        Of the period; empty for the one of the layout's ECAL, whose runs the packaged campaigns are of.
    known : mapping of str to Period

    Raises
    ------
    ValueError
        There is no such period, it has no runs, or nothing simulates its beam.
    """
    usual = load_campaign(_USUAL)
    if not name:
        run = usual.runs[0].run + find_geometry(usual, load_layout(layout)).run_shift
        period = period_of_run(run, known)
        if period is None or _has_beam(usual, period):
            return usual, period
        return placed(_of_beam(period), period, run), period
    period = period_with_runs(name, known)
    return placed(_of_beam(period), period, period.runs[0][0]), period


def period_with_runs(name: str, known: Mapping[str, Period]) -> Period:
    """Period in whose runs something can be simulated.

    Raises
    ------
    ValueError
        There is no such period, or it has no runs.
    """
    if name not in known:
        raise ValueError(f"period {name} is not known: expected one of {', '.join(known)}")
    if not known[name].runs:
        raise ValueError(
            f"period {name} has no runs: state them in a copy of it (na64 init period NAME --like {name}) "
            "in a folder for --periods"
        )
    return known[name]


def _of_beam(period: Period) -> Campaign:
    for name in _CAMPAIGNS:
        campaign = load_campaign(name)
        if _has_beam(campaign, period):
            return campaign
    beams = (load_campaign(name).beam for name in _CAMPAIGNS)
    there = ", ".join(f"{beam.particle} of {beam.energy:g} GeV" for beam in beams)
    own = f"{period.beam_particle} of {period.beam_energy:g} GeV"
    raise ValueError(f"period {period.name}: nothing simulates its beam, {own}: there are {there}")


def _has_beam(campaign: Campaign, period: Period) -> bool:
    return (campaign.beam.particle, campaign.beam.energy) == (period.beam_particle, period.beam_energy)


def placed(campaign: Campaign, period: Period, run: int) -> Campaign:
    """Put a run of a campaign into a period, with the ECAL that the period has."""
    _, n_x, n_y = period.setup.calorimeter.shape
    first = replace(campaign.runs[0], run=run, type=RunType.PHYSICS)
    geometry = Geometry(Grid(n_x, n_y, period.setup.beam_cell), 0)
    return replace(campaign, geometries=(geometry,), runs=(first,), bad=())
