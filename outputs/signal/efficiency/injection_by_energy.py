"""Simulate positrons that annihilate, bin by bin of the missing energy, and count what is left in the box."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

from na64.datasets.catalogue.build import Catalogue
from na64.datasets.conditions.periods import load_periods
from na64.datasets.synthetic.campaign import SimulatedBeam
from na64.outputs.result.descriptions import selection_facts
from na64.outputs.signal.efficiency.by_missing_energy import MissingEnergyPoint, energy_edges
from na64.outputs.signal.efficiency.campaigns import annihilation_campaign, base_campaign
from na64.outputs.signal.efficiency.injection import (
    Injection,
    beam_text,
    count_in_box,
    job_of,
    setup_of,
    simulate_signal,
)
from na64.selections.boxes import boxes_of
from na64.selections.signal_box import of_search


def inject_energies(
    injection: Injection, *, progress: Callable[[int, int], None] | None = None
) -> Iterator[MissingEnergyPoint]:
    """Simulate and measure positrons that annihilate, one bin of missing energy after the other.

    Parameters
    ----------
    injection : Injection
        Its events are for each bin.
    progress : callable, optional
        Gets the bins done and to be done.

    Raises
    ------
    ValueError
        The runs that are simulated are in no period, or the box of theirs is no rectangle.
    """
    base, period = base_campaign(injection.layout, injection.period, load_periods(injection.periods))
    if period is None:
        raise ValueError(f"layout {injection.layout}: the runs that are simulated with it are in no period")
    box = next(iter(of_search(boxes_of(period), injection.selection.search)), None)
    if box is None:
        raise ValueError(f"period {period.name} has no signal box of search {injection.selection.search}")
    energy = base.beam.energy
    edges = energy_edges(energy - box.rectangle().width, energy).tolist()
    for done, (low, high) in enumerate(pairwise(edges)):
        if progress is not None:
            progress(done, len(edges) - 1)
        campaign = annihilation_campaign(low, high, base)
        with TemporaryDirectory(prefix="na64-signal-") as folder:
            catalogue = simulate_signal(campaign, injection, injection.seed + done, Path(folder))
            yield from _measured_energies(catalogue, injection, (low, high), campaign.beam)
    if progress is not None:
        progress(len(edges) - 1, len(edges) - 1)


def _measured_energies(
    catalogue: Catalogue, injection: Injection, energies: tuple[float, float], beam: SimulatedBeam
) -> Iterator[MissingEnergyPoint]:
    job, known = job_of(catalogue, injection.selection, beam)
    cuts = selection_facts(job.selection, job.plugin).cuts_identity
    for name, passed in count_in_box(catalogue, job)[0].items():
        names = (cuts, setup_of(known[name]), beam_text(beam), injection.search)
        counts = (injection.n_events, int(passed[0]), int(passed[-1]))
        yield MissingEnergyPoint(*energies, name, job.selection.name, *counts, *names)


def describe_energies(points: Sequence[MissingEnergyPoint]) -> Iterator[str]:
    """Efficiency for positrons that annihilate: its plateau, and where half of it is left."""
    for period in dict.fromkeys(point.period for point in points):
        own = sorted((one for one in points if one.period == period), key=lambda one: one.energy_low)
        plateau = max(point.efficiency for point in own)
        seen = [point for point in own if point.efficiency > plateau / 2]
        if seen:
            yield (
                f"period {period}, positrons that annihilate: at most {plateau:.3f}, more than half of it "
                f"from {seen[0].energy_low:.4g} to {seen[-1].energy_high:.4g} GeV missing"
            )
