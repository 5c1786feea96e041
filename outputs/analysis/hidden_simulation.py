"""Simulation counted again without the events that would be hidden if they were data."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from na64.datasets.basics.run_ranges import runs_in_words
from na64.outputs.analysis.executor_choice import choose, seconds_left
from na64.outputs.analysis.listening import Listener
from na64.outputs.analysis.plans import store_of
from na64.outputs.analysis.workers import Workers
from na64.outputs.comparison.overlay import ScaledSimulation
from na64.outputs.events.analysis import ReopenedResult, reopen
from na64.outputs.result.request import catalogue_path, read_request
from na64.outputs.result.store import histograms_of
from na64.processors import campaign
from na64.processors.campaign import CampaignResult
from na64.processors.counting.booking import book
from na64.processors.events.feature_store import FeatureStore
from na64.processors.execution.ledger import Ledger
from na64.processors.execution.tasks import Options
from na64.processors.job import Job
from na64.processors.run_contexts import contexts_of_runs
from na64.processors.segments import plan
from na64.selections.hidden import OPEN_RUN_TYPES
from na64.selections.signal_box import SignalBox
from na64.selections.variations import Effect


@dataclass(frozen=True, slots=True)
class _Region:
    """What is hidden in a run: boxes with their guard bands, under which variations."""

    boxes: tuple[SignalBox, ...]
    effects: tuple[Effect, ...]

    @property
    def key(self) -> tuple[frozenset[str], frozenset[str]]:
        """What has to be equal for the same events to be hidden."""
        effects = frozenset(text for effect in self.effects for text in effect.texts())
        return frozenset(box.identity for box in self.boxes), effects

    def __str__(self) -> str:
        boxes = " and ".join(sorted(f"{box.text()} for {box.search}" for box in self.boxes))
        effects = sorted(text for effect in self.effects for text in effect.texts())
        return f"what is {boxes}{', under ' if effects else ''}{', '.join(effects)}"


def hide_as_in_data(
    data: Path, sources: Iterable[tuple[Path, ScaledSimulation]], listener: Listener
) -> list[ScaledSimulation]:
    """Simulations without the events that lie where the data hide theirs; nothing of data is read.

    Parameters
    ----------
    data : Path
        Where `na64 process` wrote the data to.
    sources : iterable of (Path, ScaledSimulation)
        Results of simulation, as stored, with their folders.
    listener : Listener
        Takes the numbers of events counted and of all, and what is to be known besides.

    Raises
    ------
    ValueError
        Nothing is hidden in the data, not the same in all runs, or other events than would be in a
        simulation; a result is not as it was made, or events of it cannot be read any more.
    """
    recorded = reopen(data)
    region = _region_of_data(data, recorded)
    return [_hidden(folder, source, data, region, listener) for folder, source in sources]


def _region_of_data(folder: Path, data: ReopenedResult) -> _Region:
    """What is hidden in all runs of the data that are not open."""
    if not data.products.summary.is_data:
        raise ValueError(f"{folder}: is simulation, in which nothing is hidden")
    return _region(folder, data.job)


def _region(folder: Path, job: Job) -> _Region:
    closed = {run: context for run, context in job.runs.items() if context.type not in OPEN_RUN_TYPES}
    regions = {run: _Region(context.boxes, job.closing_effects) for run, context in closed.items()}
    if not regions:
        raise ValueError(f"{folder}: has calibration and beam runs only, in which nothing is hidden")
    first, *others = {region.key: run for run, region in regions.items()}.values()
    if others:
        raise ValueError(
            f"{folder}: runs {others[0]} and {first} hide other events: process the runs of one period at a "
            "time (--runs)"
        )
    return regions[first]


def _hidden(
    folder: Path, source: ScaledSimulation, data: Path, region: _Region, listener: Listener
) -> ScaledSimulation:
    """One simulation, counted again."""
    if source.products.summary.is_data:
        raise ValueError(f"{folder}: was catalogued as data, so that its events are hidden already")
    simulated = reopen(folder)
    if simulated.other_code:
        raise ValueError(f"{folder}: was made by another version of the code; na64 process makes it anew")
    job = hiding_as_data(simulated)
    own = _region(folder, job)
    if own.key != region.key:
        raise ValueError(f"{folder}: would hide {own}, but {data} hides {region}: other events")
    result = _count(folder, simulated, job, listener)
    _check(folder, source, result)
    shown = histograms_of(result.tallies, book(job.selection))
    n_hidden = sum(tally.hidden for tally in result.tallies.values())
    open_runs = [run for run, context in job.runs.items() if context.type in OPEN_RUN_TYPES]
    note = f", none of {runs_in_words(open_runs)}, where data are not hidden either" if open_runs else ""
    return replace(
        source,
        products=replace(source.products, histograms=shown),
        whole=source.products,
        hidden=f"hidden in {source.name} as in data: {n_hidden:,} of {_n_events(result):,} events{note}",
    )


def hiding_as_data(simulated: ReopenedResult) -> Job:
    """Job of a simulated result under which events are hidden as they would be of data.

    Raises
    ------
    ValueError
        Nothing says what is to be hidden of a run.
    """
    job, catalogue = simulated.job, simulated.catalogue
    periods, facts = catalogue.known_periods(), catalogue.run_facts
    contexts = contexts_of_runs(job.runs, periods, facts, calibration=job.calibration)
    return replace(job, runs=contexts, hides_as_data=True)


def _count(folder: Path, simulated: ReopenedResult, job: Job, listener: Listener) -> CampaignResult:
    ledger = Ledger(folder / "partials")
    store = FeatureStore(store_of(None, catalogue_path(folder, read_request(folder))))
    tasks = plan(simulated.catalogue, job, limit=simulated.limit)
    n_events = sum(task.n_events for task in tasks)
    seconds = seconds_left(tasks, simulated.catalogue.good, job, ledger, store)
    workers, _ = choose(Workers(None), seconds)
    with workers.open(listener.warn) as backend:
        return campaign.process(
            simulated.catalogue,
            job,
            backend,
            ledger,
            tasks=tasks,
            store=store,
            options=Options(blind=False),
            progress=lambda _done, _total, events: listener.progress(events, n_events),
        )


def _n_events(result: CampaignResult) -> int:
    return sum(tally.processed for tally in result.tallies.values())


def _check(folder: Path, source: ScaledSimulation, result: CampaignResult) -> None:
    """Refuse other events than those of the stored result."""
    if result.interrupted:
        raise KeyboardInterrupt
    if (stored := source.products.summary.totals["processed"]) != (now := _n_events(result)):
        why = f": {result.failures[0]}" if result.failures else ""
        raise ValueError(f"{folder}: {now:,} events can be read now, {stored:,} were when it was made{why}")
