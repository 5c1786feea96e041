"""Simulate dark photons of a mass, process them with a selection, and count what is left in the box."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, product
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from na64.datasets.catalogue import build as files
from na64.datasets.catalogue.build import Catalogue
from na64.datasets.conditions.periods import Period, load_periods
from na64.datasets.conditions.stated_boxes import DEFAULT_SEARCH
from na64.datasets.instrument.features import FEATURES
from na64.datasets.synthetic import Campaign, load_campaign, simulate
from na64.datasets.synthetic.campaign import SimulatedBeam
from na64.outputs.result.descriptions import box_facts, period_facts, selection_facts
from na64.outputs.result.missing_sums import may_have
from na64.outputs.result.origin import setup_identity
from na64.outputs.signal.efficiency.campaigns import base_campaign, signal_campaign
from na64.outputs.signal.efficiency.efficiency import EfficiencyPoint
from na64.outputs.signal.efficiency.efficiency_variations import Varied
from na64.processors.counting.counting import apply_cuts, count_events
from na64.processors.events.segment import read_segment
from na64.processors.events.visible_events import VisibleEvents, visible_events
from na64.processors.features.varied_features import feature_rows, row_names
from na64.processors.job import Job, build_job, file_context
from na64.selections.boxes import boxes_of, load_boxes
from na64.selections.hidden import simulated_mask
from na64.selections.selection import Selection
from na64.selections.signal_box import SignalBox
from na64.selections.variations import Variation

Counts = NDArray[np.int64]
Values = NDArray[np.float32]

TRUTH = "truth.parquet"


@dataclass(frozen=True, slots=True)
class Measured:
    """A point, and what is left in the box after every cut.

    Attributes
    ----------
    point : EfficiencyPoint
    passed : dict of str to int
        By cut, in order.
    varied : tuple of Varied
        What each variation of the selection does.
    """

    point: EfficiencyPoint
    passed: dict[str, int]
    varied: tuple[Varied, ...] = ()


@dataclass(frozen=True, slots=True)
class Injection:
    """What is simulated for every mass.

    Attributes
    ----------
    selection : Selection
    layout : str
        It decides on the period: the campaign's run numbers follow the geometry of the layout's ECAL.
    n_events : int
        A mass.
    seed : int
    periods : Path or None
        Folder of periods besides the packaged ones.
    period : str
        Whose beam and set-up is simulated; empty for that of the layout.
    search : str
        Which one the efficiency is for, as its table says.
    """

    selection: Selection
    layout: str = "tout2023"
    n_events: int = 20_000
    seed: int = 6406
    periods: Path | None = None
    period: str = ""
    search: str = DEFAULT_SEARCH


def inject(
    masses: Sequence[float], injection: Injection, *, progress: Callable[[int, int], None] | None = None
) -> Iterator[Measured]:
    """Simulate and measure one mass (GeV) after the other.

    Parameters
    ----------
    masses : sequence of float
    injection : Injection
    progress : callable, optional
        Gets the masses done and to be done.
    """
    for done, mass in enumerate(masses):
        if progress is not None:
            progress(done, len(masses))
        with TemporaryDirectory(prefix="na64-signal-") as folder:
            yield from _inject_one(mass, injection, Path(folder))
    if progress is not None:
        progress(len(masses), len(masses))


def _inject_one(mass: float, injection: Injection, folder: Path) -> list[Measured]:
    base, period = base_campaign(injection.layout, injection.period, load_periods(injection.periods))
    # One campaign does for any period of its beam.
    own = boxes_of(period) if period is not None and injection.period else ()
    widest = max(box.rectangle().width for box in own or _boxes(injection) if box.is_rectangle)
    campaign = signal_campaign(mass, threshold=base.beam.energy - widest, base=base)
    catalogue = simulate_signal(campaign, injection, injection.seed, folder)
    return measure(
        catalogue, injection.selection, folder / TRUTH, mass=mass, beam=campaign.beam, search=injection.search
    )


def simulate_signal(campaign: Campaign, injection: Injection, seed: int, folder: Path) -> Catalogue:
    """Simulate the events of a campaign of signal into a folder, and catalogue them."""
    simulate(campaign, to=folder, n_events=injection.n_events, seed=seed, layout=injection.layout)
    return files.build([folder], simulation=True, layout=injection.layout, folder=injection.periods)


def _boxes(injection: Injection) -> Iterator[SignalBox]:
    yield from chain.from_iterable(load_boxes().values())
    if injection.periods is not None:
        yield from chain.from_iterable(map(boxes_of, load_periods(injection.periods).values()))


def measure(
    catalogue: Catalogue,
    selection: Selection,
    truth: Path,
    *,
    mass: float,
    beam: SimulatedBeam | None = None,
    search: str = DEFAULT_SEARCH,
) -> list[Measured]:
    """Count a simulated catalogue of dark photons, period by period.

    Parameters
    ----------
    catalogue : Catalogue
        Of simulation.
    selection : Selection
    truth : Path
        The truth file of the same campaign.
    mass : float, GeV
        Of the dark photon.
    beam : SimulatedBeam, optional
        That was simulated; by default electrons of 100 GeV.
    search : str
        Which one the efficiency is for.

    Raises
    ------
    ValueError
        The catalogue is of data, the truth has no dark photons, the beam is not that of a period, or a cut
        has other bounds in a part of a period.
    """
    simulated = load_campaign("signal").beam if beam is None else beam
    job, known = job_of(catalogue, selection, simulated)
    counts, flows = count_in_box(catalogue, job)
    generated = _generated(truth, job, simulated.energy)
    of = (beam_text(simulated), search)
    return [
        _measured(known[period], generated[period], (counts[period], flows[period]), job, mass=mass, of=of)
        for period in sorted(counts)
    ]


def beam_text(beam: SimulatedBeam) -> str:
    """Beam as tables say it: ``e+ of 70 GeV``."""
    return f"{beam.particle} of {beam.energy:g} GeV"


def job_of(
    catalogue: Catalogue, selection: Selection, beam: SimulatedBeam
) -> tuple[Job, Mapping[str, Period]]:
    """Job of a simulated catalogue, and the periods: of this beam, each with one efficiency."""
    job = build_job(catalogue, selection)
    check_simulated(job)
    known = catalogue.known_periods()
    for name in sorted({context.period for context in job.runs.values()}):
        check_alike(selection, known[name])
        own = known[name].beam_particle, known[name].beam_energy
        if own != (beam.particle, beam.energy):
            raise ValueError(
                f"period {name} has a beam of {own[0]} of {own[1]:g} GeV, simulated is {beam_text(beam)}"
            )
    return job, known


def check_simulated(job: Job) -> None:
    """Refuse features of a period, and cuts on a detector, that the simulated files cannot have."""
    own = {feature.name for feature in job.selection.period_features} & job.selection.inputs
    cut = {interval.feature for one in job.selection.cuts for interval in one.intervals}
    own |= {name for name in cut if name in FEATURES and FEATURES[name].detectors}
    for layout, context in product(job.layouts.values(), job.runs.values()):
        for name in sorted(own):
            if not may_have(layout, name, context.setup):
                raise ValueError(
                    f"selection {job.selection.name}: nothing simulates {name} of period {context.period} "
                    f"with layout {layout.name}, so no event would pass"
                )


def check_alike(selection: Selection, period: Period) -> None:
    """Refuse a period of which a cut divides the runs: those that are simulated stand for all of it."""
    n_runs = sum(last - first + 1 for first, last in period.runs)
    for cut in selection.cuts:
        for one in cut.when:
            shared = sum(
                max(min(last, end) - max(first, begin) + 1, 0)
                for first, last in one.runs
                for begin, end in period.runs
            )
            if 0 < shared < n_runs:
                raise ValueError(
                    f'cut {cut.name}: has other bounds in runs "{one.name}", a part of period {period.name}: '
                    "an efficiency is of all its runs, so give each part a selection of its own"
                )


def _edge(job: Job, run: int) -> float:
    """GeV of ECAL energy below which the box of a run is, of the search of the selection."""
    boxes = job.opened_boxes(run)
    if len(boxes) != 1:
        raise ValueError(
            f"run {run}: {len(boxes)} boxes of search {job.selection.search}, an efficiency is of one"
        )
    return boxes[0].rectangle().width


def _measured(
    known: Period,
    made: tuple[int, int],
    counted: tuple[Counts, Counts],
    job: Job,
    *,
    mass: float,
    of: tuple[str, str],
) -> Measured:
    period, (in_box, *after) = known.name, counted[0].tolist()
    edge = next(_edge(job, run) for run, one in job.runs.items() if one.period == period)
    threshold = known.beam_energy - edge
    names = (selection_facts(job.selection, job.plugin).cuts_identity, setup_of(known), *of)
    point = EfficiencyPoint(mass, period, job.selection.name, threshold, *made, in_box, after[-1], *names)
    varied = tuple(
        Varied(mass, period, job.selection.name, one.name, after[-1], gained, lost, one.label, one.source)
        for one, (gained, lost) in zip(job.selection.variations, counted[1].tolist(), strict=True)
    )
    return Measured(point, dict(zip(job.selection.cut_names, after, strict=True)), varied)


def setup_of(period: Period) -> str:
    """Name the numbers of a period, as results do."""
    return setup_identity(period_facts(period), box_facts(period))


def count_in_box(catalogue: Catalogue, job: Job) -> tuple[dict[str, Counts], dict[str, Counts]]:
    """Events in the box, then after every cut, by period; and those that each variation gains and loses."""
    counts: dict[str, Counts] = {}
    flows: dict[str, Counts] = {}
    for part in _parts(catalogue, job):
        context = job.runs[part.run]
        boxes, index = job.opened_boxes(part.run), job.selection.index
        inside = simulated_mask(part.values, boxes=boxes, simulation=job.simulation, index=index)
        values = np.compress(inside, part.values, axis=1)
        none = np.zeros((0, values.shape[1]), np.int64)
        passed = count_events(job.selection_in(part.run), values, none).passed()[0]
        counts[context.period] = counts.get(context.period, np.zeros_like(passed)) + passed
        moved = _moved(part.values, job, part.run)
        flows[context.period] = flows.get(context.period, np.zeros_like(moved)) + moved
    return counts, flows


def _moved(values: Values, job: Job, run: int) -> Counts:
    """Events that each variation brings into the box after all cuts, and takes away, (n_variations, 2)."""
    moved = np.zeros((len(job.selection.variations), 2), np.int64)
    if not len(moved):
        return moved
    nominal = _kept(values, job, run, None)
    for row, variation in zip(moved, job.selection.variations, strict=True):
        varied = _kept(values, job, run, variation)
        row[:] = np.count_nonzero(varied & ~nominal), np.count_nonzero(nominal & ~varied)
    return moved


def _kept(values: Values, job: Job, run: int, variation: Variation | None) -> NDArray[np.bool_]:
    """Which events are in the box and pass every cut, both by what a variation makes of them."""
    selection = replace(job.selection_in(run), variations=())
    rows = list(selection.index.values())
    if variation is not None:
        selection = replace(selection, cuts=variation.cuts_of(selection.cuts))
        index, names = feature_rows(job.selection), row_names(job.selection, variation.effect)
        rows = [index[names[name]] for name in selection.index]
    own = values[rows]
    passes = apply_cuts(selection, own).first == len(selection.cuts)
    kept: NDArray[np.bool_] = passes & simulated_mask(
        own, boxes=job.opened_boxes(run), simulation=job.simulation, index=selection.index
    )
    return kept


def _parts(catalogue: Catalogue, job: Job) -> Iterator[VisibleEvents]:
    for record in catalogue.good:
        file = file_context(record, job)
        for start, stop in record.segments:
            for events in read_segment(record, start, stop, job, file):
                yield from visible_events(events, job, file)


def _generated(truth: Path, job: Job, energy: float) -> dict[str, tuple[int, int]]:
    """Dark photons, and those above the threshold of the box, by period."""
    table = pq.read_table(truth, columns=["run", "dark_photon_energy"])
    run, own = table["run"].to_numpy(), table["dark_photon_energy"].to_numpy()
    if not (own > 0).any():
        raise ValueError(f"{truth.name}: no dark photons in it")
    numbers: dict[str, tuple[int, int]] = {}
    for number, context in job.runs.items():
        mine, above = (run == number) & (own > 0), own > energy - _edge(job, number)
        before = numbers.get(context.period, (0, 0))
        numbers[context.period] = (before[0] + int(mine.sum()), before[1] + int((mine & above).sum()))
    return numbers


def describe(found: Sequence[Measured]) -> Iterator[str]:
    """Efficiency of every mass, and the cuts that cost it."""
    for measured in found:
        point = measured.point
        yield (
            f"period {point.period}, {1000 * point.mass:g} MeV, above {point.threshold:g} GeV: "
            f"{point.efficiency:.3f} +- {point.error:.3f} ({_losses(measured)})"
        )
        for varied in measured.varied if point.n_selected else ():
            change = varied.change
            yield f"  {varied.variation}: {change.relative:+.2%} +- {change.relative_error:.2%}"


def _losses(measured: Measured) -> str:
    """Cuts that lose more than 1 % of what reaches them."""
    before, lost = measured.point.n_in_box, []
    for cut, after in measured.passed.items():
        if after < 0.99 * before:
            lost.append(f"{cut} -{100 * (1 - after / before):.0f} %")
        before = after
    return ", ".join(lost) or "no cut loses more than 1 %"
