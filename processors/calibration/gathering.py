"""A pass over the visible events of a catalogue that gathers sums by run, on any backend."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum

from na64.datasets.basics.identity import identity
from na64.datasets.catalogue.build import Catalogue
from na64.datasets.instrument.detector import Setup
from na64.processors import campaign
from na64.processors.calibration.cell_sums import cell_sums
from na64.processors.calibration.samples import SampledCells, sampled_cells
from na64.processors.calibration.spill_sums import spill_sums
from na64.processors.calibration.sums import Sums, sums_of
from na64.processors.events.ready_kernels import Variants, make_ready
from na64.processors.events.segment import read_segment
from na64.processors.execution.backend import Backend
from na64.processors.execution.executor import Outcome, Progress, run, silent
from na64.processors.execution.ledger import Array, Ledger, Partial
from na64.processors.execution.tasks import Options, Task, Work, package_code
from na64.processors.job import Job
from na64.processors.segments import Piece, halves, place_of, plan


class Purpose(Enum):
    """What sums are gathered for."""

    CALIBRATION = "calibration"
    MONITORING = "monitoring"


_MAKE: dict[Purpose, Callable[[SampledCells, Job], Sums]] = {
    Purpose.CALIBRATION: lambda sampled, job: cell_sums(sampled, _setup(sampled, job)),
    Purpose.MONITORING: lambda sampled, job: spill_sums(sampled, _setup(sampled, job), job.selection.index),
}


def _setup(sampled: SampledCells, job: Job) -> Setup:
    context = job.runs[sampled.run]
    return context.uncalibrated or context.setup


@dataclass(frozen=True, slots=True)
class GatheringContext:
    """What all segments share."""

    job: Job
    purpose: Purpose
    chunk_events: int | None = None
    variants: Variants | None = None


@dataclass(frozen=True, slots=True)
class Gathered:
    """Sums of every run, read from the ledger when they are asked for.

    Attributes
    ----------
    outcome : Outcome
    keys : dict of int to list of str
        Results that have events of each run.
    runs : tuple of int
    failures : tuple of str
        What was not read and why, one line each.
    """

    outcome: Outcome
    keys: Mapping[int, list[str]]
    runs: tuple[int, ...]
    failures: tuple[str, ...]

    def by_run(self) -> Iterator[tuple[int, Sums]]:
        """Yield the sums of each run, one run in memory at a time."""
        for number in self.runs:
            yield number, self.of_runs((number,))

    def of_runs(self, runs: tuple[int, ...]) -> Sums:
        """Sums over some runs together."""
        total = Sums()
        for number in runs:
            for key in self.keys.get(number, ()):
                total += _sums_in(self.outcome.results[key], number)
        return total


def _sums_in(partial: Partial, number: int) -> Sums:
    own = f"{number}/"
    return sums_of({name.removeprefix(own): a for name, a in partial.arrays.items() if name.startswith(own)})


def gather(
    catalogue: Catalogue,
    job: Job,
    purpose: Purpose,
    backend: Backend,
    ledger: Ledger,
    *,
    chunk_events: int | None = None,
    options: Options | None = None,
    progress: Progress = silent,
) -> Gathered:
    """Gather sums over the visible events of a catalogue; what the ledger holds is not gathered again.

    Parameters
    ----------
    catalogue : Catalogue
    job : Job
        Of the same catalogue, whose selection has a cut for every sample.
    purpose : Purpose
    backend : Backend
        Without influence on the sums.
    ledger : Ledger
    chunk_events : int, optional
        Events a worker reads at a time; without influence on the sums.
    options : Options, optional
        How a segment is tried; by default blind unless the job is of simulation.
    progress : callable
    """
    changed = campaign.find_changed_files(catalogue, job, options)
    planned = tasks_of(catalogue, job, purpose)
    tasks = [task for task in planned if task.path not in changed]
    work = Work(
        function=gather_segment,
        context=GatheringContext(job, purpose, chunk_events, campaign.variants_of(tasks, job)),
        prepare=prepare,
        options=options or Options(blind=not job.simulation),
        code=package_code(),
    )
    outcome = run(tasks, work, backend, ledger, progress=progress, split=lambda task: _split(task, purpose))
    if outcome.interrupted:
        raise KeyboardInterrupt
    failures = [f"{place_of(failure.task)}: {failure.reason}" for failure in outcome.failures]
    if failures and not outcome.done:
        raise RuntimeError(f"nothing could be read: {failures[0]}")
    keys: dict[int, list[str]] = {}
    for task in outcome.done:
        for number in task.payload.file.runs:
            keys.setdefault(number, []).append(task.key)
    return Gathered(outcome, keys, tuple(sorted(job.runs)), (*changed.values(), *sorted(failures)))


def tasks_of(catalogue: Catalogue, job: Job, purpose: Purpose) -> list[Task]:
    """Segments to be read, largest first, named by all that their sums depend on."""
    return [_named(task, purpose) for task in plan(catalogue, job)]


def _named(task: Task, purpose: Purpose) -> Task:
    return replace(task, key=identity([purpose, package_code(), task.key]))


def _split(task: Task, purpose: Purpose) -> tuple[Task, ...]:
    """Split a segment in two, unless the halves would be too small."""
    return tuple(
        _named(replace(task, key=identity([task.key, start, stop]), start=start, stop=stop), purpose)
        for start, stop in halves(task)
    )


def prepare(context: GatheringContext) -> None:
    """Make a worker ready."""
    make_ready(context.job, context.variants)


def gather_segment(task: Task, context: GatheringContext) -> Partial:
    """Read one segment and sum up its visible events, in a worker."""
    piece: Piece = task.payload
    job, totals = context.job, dict[int, Sums]()
    read = (piece.record, task.start, task.stop, job, piece.file)
    for events in read_segment(*read, chunk_events=context.chunk_events):
        for sampled in sampled_cells(events, job, piece.file):
            found = _MAKE[context.purpose](sampled, job)
            totals[sampled.run] = totals.get(sampled.run, Sums()) + found
    return _partial(totals)


def _partial(totals: Mapping[int, Sums]) -> Partial:
    arrays: dict[str, Array] = {
        f"{number}/{name}": array
        for number, sums in totals.items()
        for name, array in sums.to_arrays().items()
    }
    return Partial({"runs": sorted(totals)}, arrays)
