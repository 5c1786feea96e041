"""The main job: from a catalogue and a job to the tallies of every run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from na64.datasets.catalogue.build import Catalogue
from na64.processors.counting.file_counts import FileCounts
from na64.processors.counting.tally import Tally
from na64.processors.events.feature_store import FeatureStore
from na64.processors.events.ready_kernels import Variants, make_ready, stored_variants
from na64.processors.events.segment import empty_tally, process_segment
from na64.processors.execution.backend import Backend
from na64.processors.execution.cost import Meter
from na64.processors.execution.executor import Outcome, Progress, run, silent
from na64.processors.execution.file_checks import check_files
from na64.processors.execution.ledger import Array, DamagedError, Ledger, Partial
from na64.processors.execution.tasks import Options, Task, Work, package_code
from na64.processors.job import Job, file_context
from na64.processors.segments import Piece, feature_key, halves, place_of, plan

PLUGIN = "plugin"
"""Key of the header of a partial result."""


@dataclass(frozen=True, slots=True)
class CountingContext:
    """What all segments share."""

    job: Job
    chunk_events: int | None
    store: FeatureStore | None = None
    fresh: bool = False
    variants: Variants | None = None


@dataclass(frozen=True, slots=True)
class CampaignResult:
    """What came of a job.

    Attributes
    ----------
    tallies : dict of int to Tally
        By run; every run of the job has one.
    recorded : dict of int to int
        Events by run, as catalogued.
    failures : tuple of str
        What was not read and why, one line each.
    n_resumed : int
        Segments whose counts were in the ledger.
    interrupted : bool
        Ctrl-C was pressed.
    read : tuple of (sha256, start, stop)
        The ranges of files that were read.
    plugin_texts : tuple of str
        Texts of the plug-in, as sha256, that features were made with: comments may have changed in between.
    files : dict of (path, run) to FileCounts
        Events of each run in each file.
    """

    tallies: dict[int, Tally]
    recorded: dict[int, int]
    failures: tuple[str, ...]
    n_resumed: int
    interrupted: bool
    read: tuple[tuple[str, int, int], ...] = ()
    plugin_texts: tuple[str, ...] = ()
    files: dict[tuple[str, int], FileCounts] = field(default_factory=dict)

    @property
    def missing(self) -> dict[int, int]:
        """Events by run that were recorded and not read."""
        return {run: self.missing_of(run) for run in self.tallies}

    def missing_of(self, run: int) -> int:
        """Events of a run that were recorded and not read."""
        return self.recorded[run] - self.tallies[run].read


def process(
    catalogue: Catalogue,
    job: Job,
    backend: Backend,
    ledger: Ledger,
    *,
    tasks: Iterable[Task] | None = None,
    chunk_events: int | None = None,
    store: FeatureStore | None = None,
    options: Options | None = None,
    fresh: bool = False,
    changed: Mapping[str, str] | None = None,
    progress: Progress = silent,
) -> CampaignResult:
    """Count a catalogue; what the ledger holds is not counted again.

    Parameters
    ----------
    catalogue : Catalogue
    job : Job
        Of the same catalogue, see `na64.processors.job.build_job`.
    backend : Backend
    ledger : Ledger
    tasks : iterable of Task, optional
        Segments that are counted, of those that `na64.processors.segments.plan` lists; the others are missing
        in the result. By default all.
    chunk_events : int, optional
        Events a worker reads at a time; without influence on the result.
    store : FeatureStore, optional
        Has the features of earlier jobs, and keeps those of this one.
    options : Options, optional
        How a segment is tried; by default blind unless the job is of simulation.
    fresh : bool
        Count again, from the cells, what the ledger or the store holds.
    changed : mapping of str to str, optional
        What `find_changed_files` has found before; by default files are checked here.
    progress : callable
    """
    changed = find_changed_files(catalogue, job, options) if changed is None else changed
    planned = plan(catalogue, job) if tasks is None else tasks
    usable = [task for task in planned if task.path not in changed]
    work = Work(
        function=count_segment,
        context=CountingContext(job, chunk_events, store, fresh, variants_of(usable, job)),
        prepare=prepare,
        options=options or Options(blind=not job.simulation),
        code=package_code(),
    )
    outcome = run(
        usable,
        work,
        backend,
        ledger,
        fresh=fresh,
        progress=progress,
        split=lambda task: _split(task, job),
        check=check_accounting,
    )
    tallies, files, texts = _merge(outcome, job)
    return CampaignResult(
        tallies=tallies,
        recorded={number: catalogue.runs[number] for number in job.runs},
        failures=(*changed.values(), *_failures(outcome)),
        n_resumed=outcome.n_resumed,
        interrupted=outcome.interrupted,
        read=tuple((task.payload.file.sha256, task.start, task.stop) for task in outcome.done),
        plugin_texts=texts,
        files=files,
    )


def _split(task: Task, job: Job) -> tuple[Task, ...]:
    """Split a segment in two, unless the halves would be too small."""
    piece: Piece = replace(task.payload, is_part=True)
    return tuple(Task(job.result_key(piece.file, *ends), task.path, *ends, piece) for ends in halves(task))


def find_changed_files(
    catalogue: Catalogue,
    job: Job,
    options: Options | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, str]:
    """Find the files of a job that are not any more what was registered; by path, with the reason.

    Parameters
    ----------
    catalogue : Catalogue
    job : Job
    options : Options, optional
        Their deadline holds for one file.
    progress : callable, optional
        Called with the number of files done and the number of all.
    """
    records = [record for record in catalogue.good if file_context(record, job).runs]
    return check_files(records, deadline=options.deadline if options else None, progress=progress)


def _failures(outcome: Outcome) -> Iterator[str]:
    """What was not read, in the order of the files: which came first in time is nobody's business."""
    reasons = [(failure.task, failure.reason) for failure in outcome.failures]
    reasons += [(task, "not begun") for task in outcome.untried]
    for task, reason in sorted(reasons, key=lambda pair: (pair[0].path, pair[0].start)):
        yield f"{place_of(task)}: {reason}"


def variants_of(tasks: Iterable[Task], job: Job) -> Variants | None:
    """Shapes and dtypes of the cells in the files of tasks, see `stored_variants`."""
    return stored_variants([task.payload.record for task in tasks], job)


def check_accounting(partial: Partial) -> None:
    """Refuse a partial result whose hidden and visible events are not those that were processed.

    Raises
    ------
    DamagedError
    """
    for number, tally in tallies_of(partial).items():
        counts = tally.accounting
        if min(counts.values()) < 0 or tally.processed != tally.hidden + tally.visible:
            raise DamagedError(
                f"run {number}: {tally.processed} events were processed, {tally.hidden} are hidden and "
                f"{tally.visible} visible"
            )


def _merge(
    outcome: Outcome, job: Job
) -> tuple[dict[int, Tally], dict[tuple[str, int], FileCounts], tuple[str, ...]]:
    """Add the partial results of every run, in the order of their keys, one in memory at a time.

    What is known of each file comes second, then the texts of the plug-in that they were made with.
    """
    tallies = dict.fromkeys(sorted(job.runs), empty_tally(job))
    paths = {task.key: task.path for task in outcome.done}
    files: dict[tuple[str, int], FileCounts] = {}
    texts: set[str] = set()
    for key, partial in outcome.results.items():
        texts |= {partial.header[PLUGIN]} if PLUGIN in partial.header else set()
        for number, tally in tallies_of(partial).items():
            tallies[number] = tallies[number] + tally
            place = paths[key], number
            files[place] = files.get(place, FileCounts()) + FileCounts.of(tally)
    return tallies, files, tuple(sorted(texts))


def prepare(context: CountingContext) -> None:
    """Make a worker ready: compile, or load, the kernels it will need."""
    make_ready(context.job, context.variants)


def count_segment(task: Task, context: CountingContext) -> Partial:
    """Read and count one segment, in a worker."""
    piece: Piece = task.payload
    store = None if piece.is_part else context.store  # nobody asks for parts again
    meter = Meter()
    tallies = process_segment(
        piece.record,
        task.start,
        task.stop,
        context.job,
        piece.file,
        chunk_events=context.chunk_events,
        store=store,
        fresh=context.fresh,
        meter=meter,
    )
    made = partial_of(tallies)
    header = {**made.header, **_plugin_text(task, context.job, store)}
    return replace(made, header=header, cost=meter.cost(task.n_events))


def _plugin_text(task: Task, job: Job, store: FeatureStore | None) -> dict[str, str]:
    """Text of the plug-in that made the features of a task, as sha256: that of the store if it had them."""
    if job.plugin is None:
        return {}
    return {PLUGIN: (store.plugin_of(feature_key(task, job)) if store else "") or job.plugin_text}


def partial_of(tallies: dict[int, Tally]) -> Partial:
    """Take the tallies of a segment apart for the ledger."""
    headers: dict[str, object] = {}
    arrays: dict[str, Array] = {}
    for number, tally in tallies.items():
        headers[str(number)], parts = tally.to_arrays()
        arrays |= {f"{number}/{name}": array for name, array in parts.items()}
    return Partial({"runs": headers}, arrays)


def tallies_of(partial: Partial) -> dict[int, Tally]:
    """Return what `partial_of` took apart."""
    parts: dict[str, dict[str, Array]] = {number: {} for number in partial.header["runs"]}
    for name, array in partial.arrays.items():
        number, _, part = name.partition("/")
        parts[number][part] = array
    headers = partial.header["runs"]
    return {int(number): Tally.from_arrays(headers[number], parts[number]) for number in parts}
