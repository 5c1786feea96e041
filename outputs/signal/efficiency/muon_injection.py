"""Simulate muons that radiated a boson, by its mass, process them, and count them in the box."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow.parquet as pq

from na64.datasets.conditions.conditions import RunType
from na64.datasets.conditions.periods import Period
from na64.datasets.synthetic import Campaign, load_campaign
from na64.datasets.synthetic.campaign import Component, Trigger
from na64.datasets.synthetic.component_kinds import ComponentKind
from na64.outputs.result.descriptions import box_facts, period_facts, selection_facts
from na64.outputs.result.origin import setup_identity
from na64.outputs.signal.efficiency.efficiency import EfficiencyPoint
from na64.outputs.signal.efficiency.injection import (
    TRUTH,
    Injection,
    Measured,
    beam_text,
    count_in_box,
    job_of,
    simulate_signal,
)
from na64.processors.job import Job

MUON_CAMPAIGN = "muon_2022"
"""Whose beam and set-up the muons have."""

MUON_LAYOUT = "muon2022"

MUON_MASSES = (0.001, 0.01, 0.03, 0.1, 0.2, 0.4, 0.6, 1.0)
"""GeV."""

LEAST = 70.0
"""GeV that the boson takes at least: some that take less than the threshold look as if they took more."""


@dataclass(frozen=True, slots=True)
class BosonPlan:
    """Of which muons an efficiency is.

    Attributes
    ----------
    plan : Injection
        Its number of events is that of a mass.
    period : Period
        With runs; those of the campaign are put into the first.
    threshold : float
        GeV: bosons that take more are generated, by the channel of the search.
    """

    plan: Injection
    period: Period
    threshold: float


def boson_campaign(mass: float, period: Period) -> Campaign:
    """Campaign of muons that radiated a boson; every one is recorded, and the trigger is told by its bit.

    Raises
    ------
    ValueError
        The period has another beam, or no runs.
    """
    base = load_campaign(MUON_CAMPAIGN)
    if not period.runs:
        raise ValueError(
            f"period {period.name} has no runs: state them in a copy of it (na64 init period NAME --like "
            f"{period.name}) in a folder for --periods"
        )
    beam = (base.beam.particle, base.beam.energy)
    if (period.beam_particle, period.beam_energy) != beam:
        raise ValueError(f"period {period.name}: nothing simulates its beam: there is {beam_text(base.beam)}")
    parameters = {"mass": mass, "lowest": LEAST / base.beam.energy}
    signal = Component(
        "boson", ComponentKind.MUON_BOSON, Trigger.BEAM, {RunType.PHYSICS: 1.0}, 1.0, parameters
    )
    run = replace(base.runs[0], run=period.runs[0][0], type=RunType.PHYSICS)
    return replace(base, components=(signal,), runs=(run,), bad=())


def inject_bosons(masses: Sequence[float], bosons: BosonPlan) -> Iterator[Measured]:
    """Simulate and count one mass (GeV) after the other."""
    for mass in masses:
        with TemporaryDirectory(prefix="na64-signal-") as name:
            folder, campaign = Path(name), boson_campaign(mass, bosons.period)
            catalogue = simulate_signal(campaign, bosons.plan, bosons.plan.seed, folder)
            job, known = job_of(catalogue, bosons.plan.selection, campaign.beam)
            counts, _ = count_in_box(catalogue, job)
            (in_box, *after) = counts[bosons.period.name].tolist()
            made = _generated(folder / TRUTH, bosons.threshold)
            point = _point(bosons, job, known[bosons.period.name], mass, (*made, in_box, after[-1]))
            yield Measured(point, dict(zip(job.selection.cut_names, after, strict=True)))


def _point(
    bosons: BosonPlan, job: Job, period: Period, mass: float, counts: tuple[int, int, int, int]
) -> EfficiencyPoint:
    facts = selection_facts(job.selection, job.plugin)
    beam = f"{period.beam_particle} of {period.beam_energy:g} GeV"
    setup = setup_identity(period_facts(period), box_facts(period, bosons.plan.selection.search))
    named = (facts.cuts_identity, setup, beam, bosons.plan.search)
    return EfficiencyPoint(mass, period.name, facts.name, bosons.threshold, *counts, *named)


def _generated(truth: Path, threshold: float) -> tuple[int, int]:
    """Bosons, and those that take more than the threshold."""
    energy = pq.read_table(truth, columns=["dark_photon_energy"])["dark_photon_energy"].to_numpy()
    return len(energy), int(np.count_nonzero(energy > threshold))
