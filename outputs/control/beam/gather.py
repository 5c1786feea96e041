"""Beam triggers of a result, read again and added up by run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from na64.datasets.basics.toml import unknown
from na64.datasets.conditions.conditions import RunType
from na64.datasets.instrument.features import INDEX
from na64.datasets.instrument.roles import Role
from na64.outputs.control.beam.bias import check_unbiased
from na64.outputs.control.beam.settings import BeamSettings
from na64.outputs.control.beam.sums import BeamSums, counters_in, needed
from na64.outputs.events.analysis import ReopenedResult
from na64.processors.counting.counting import apply_cuts
from na64.processors.reread_events import EventBatch


@dataclass(frozen=True, slots=True)
class Sample:
    """Runs of one type, beam particle and energy, which may be added up.

    Attributes
    ----------
    type, particle : str
        The particle is empty where nobody stated it.
    energy : float
        GeV.
    """

    type: str
    particle: str
    energy: float

    @property
    def name(self) -> str:
        """As ``physics e- 100 GeV``."""
        return " ".join(filter(None, (self.type, self.particle, f"{self.energy:g} GeV")))


@dataclass(frozen=True, slots=True)
class GatheredBeam:
    """Sums by run.

    Attributes
    ----------
    runs : mapping of int to BeamSums
        Runs with any beam trigger.
    samples : mapping of Sample to tuple of int
        Runs of each.
    left_out : mapping of int to str
        Runs that are not measured, and why.
    partly_hidden : tuple of int
        Runs whose beam triggers in a closed box are hidden too.
    """

    runs: dict[int, BeamSums]
    samples: dict[Sample, tuple[int, ...]]
    left_out: dict[int, str]
    partly_hidden: tuple[int, ...]

    def total(self, sample: Sample) -> BeamSums:
        """All runs of a sample."""
        runs = [self.runs[run] for run in self.samples[sample]]
        total = BeamSums(runs[0].counters, runs[0].positions, known=set(runs[0].known))
        for sums in runs:
            total += sums
        return total


def gather_beam(
    analysis: ReopenedResult, settings: BeamSettings, positions: Sequence[str] | None = None
) -> GatheredBeam:
    """Read the visible events of a result again and add up its beam triggers by run.

    Parameters
    ----------
    analysis : ReopenedResult
    settings : BeamSettings
    positions : sequence of str, optional
        Features (mm) whose spread is wanted; by default the first hits of the trackers.

    Raises
    ------
    ValueError
        A cut has chosen particles, events have different weights, or there is no beam trigger.
    KeyError
        No such feature.
    """
    check_unbiased(analysis.products.summary.selection, has_beam_mask=settings.beam_mask is not None)
    wanted = _positions(analysis, positions)
    _check_planes(analysis, settings)
    samples, left_out = _samples(analysis)
    energies = {run: sample.energy for run, sample in samples.items()}
    runs: dict[int, BeamSums] = {}
    weights: set[float] = set()
    for run, events in _beam_triggers(analysis, tuple(samples), settings.beam_mask):
        weights |= _weights(events)
        if len(weights) > 1:
            raise ValueError(
                f"run {run}: events with weights from {min(weights):g} to {max(weights):g}: na64 beam counts "
                "beam triggers, and does not add weights"
            )
        counters = counters_in(analysis.selection.index)
        features = {
            name: events.values[analysis.selection.index[name]].astype(np.float64)
            for name in needed(counters, wanted, settings.planes)
        }
        runs.setdefault(run, BeamSums(counters, wanted)).add(features, energies[run], settings)
    if not runs:
        raise ValueError(
            f"{analysis.folder.name}: no beam trigger passes the cuts: there is nothing to measure"
        )
    left_out |= {run: "no beam trigger" for run in samples if run not in runs}
    found: dict[Sample, tuple[int, ...]] = {}
    for run in sorted(runs):
        found[samples[run]] = (*found.get(samples[run], ()), run)
    hidden = tuple(run for run in sorted(runs) if _is_partly_hidden(analysis, samples[run]))
    return GatheredBeam(runs, found, dict(sorted(left_out.items())), hidden)


def _is_partly_hidden(analysis: ReopenedResult, sample: Sample) -> bool:
    """Whether beam triggers in a closed box are hidden: in physics runs if they fired the physics trigger."""
    if analysis.job.simulation or not RunType(sample.type).is_physics:
        return False
    takes_physics = not any(
        interval.feature == "trigger_physics"
        for cut in analysis.products.summary.selection.cuts
        for interval in cut.intervals
    )
    return sample.type == "unknown" or takes_physics


def _samples(analysis: ReopenedResult) -> tuple[dict[int, Sample], dict[int, str]]:
    """Sample of each run, and the runs whose beam energy nobody stated."""
    summary = analysis.products.summary
    samples, left_out = {}, {}
    for run in summary.runs:
        particle, energy = summary.beam_of(run)
        if energy > 0:
            samples[run.run] = Sample(run.type, particle, energy)
        else:
            left_out[run.run] = "its beam energy is not stated"
    return samples, left_out


def _positions(analysis: ReopenedResult, asked: Sequence[str] | None) -> tuple[str, ...]:
    features = analysis.selection.features
    if asked is None:
        trackers = dict.fromkeys(
            f"{one.name}_first_hit"
            for context in analysis.job.runs.values()
            for one in context.setup.further
            if one.role is Role.TRACKER
        )
        return tuple(name for name in trackers if name in features)
    for name in asked:
        if name not in features:
            raise KeyError(unknown("feature", name, features))
        if features[name].unit != "mm":
            raise ValueError(f"feature {name} is in {features[name].unit}, not a position in mm")
    return tuple(dict.fromkeys(asked))


def _check_planes(analysis: ReopenedResult, settings: BeamSettings) -> None:
    for plane in settings.planes:
        if plane.position not in analysis.selection.features:
            raise KeyError(f"plane {plane.detector} is no tracker of the periods of these runs")


def _beam_triggers(
    analysis: ReopenedResult, runs: Sequence[int], mask: int | None
) -> Iterator[tuple[int, EventBatch]]:
    """Visible events that pass all cuts and are on no bad list."""
    for events in analysis.read_events(runs=runs):
        selection = analysis.job.selection_in(events.run)
        passed = apply_cuts(selection, events.values).first == len(selection.cuts)
        passed &= events.values[INDEX["bad_spill"]] != 1
        if mask is not None:
            if "trigger" not in events.columns.event:
                raise ValueError(f"{events.name}: has no trigger word to look for beam triggers in")
            passed &= (events.columns.event["trigger"] & mask) != 0
        rows = np.flatnonzero(passed)
        if rows.size:
            yield events.run, events.take(rows)


def _weights(events: EventBatch) -> set[float]:
    return set(np.unique(events.columns.event.get("weight", np.ones(1))).tolist())
