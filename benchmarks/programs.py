"""Our own programs on a sample: the floor of reading, our read, the whole job, the rerun."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import uproot

from na64.benchmarks.counts import BenchmarkCounts, counts_of
from na64.benchmarks.sample import BenchmarkSample
from na64.datasets.catalogue.build import Catalogue
from na64.datasets.reading.read import read_batches
from na64.datasets.synthetic.writers import RunFileFormat
from na64.processors.campaign import process
from na64.processors.counting.tally import Tally
from na64.processors.events.feature_store import FeatureStore
from na64.processors.events.segment import needed_columns
from na64.processors.execution.backend import Backend
from na64.processors.execution.backends import IterativeBackend
from na64.processors.execution.ledger import Ledger
from na64.processors.job import Job, build_job
from na64.selections.selection import Selection

FLOOR = "uproot, decompress only"
OWN_READ = "our read"
PROCESS = "process from cells"
RERUN = "rerun from features"


@dataclass(frozen=True, slots=True)
class Program:
    """Something to be timed.

    Attributes
    ----------
    name : str
    run : callable
        Does it once; gives what it counted, or None if it only reads.
    cpu : callable or None
        Seconds that the last run took, where it does not run in this process.
    """

    name: str
    run: Callable[[], BenchmarkCounts | None]
    cpu: Callable[[], float] | None = None


def decompress(sample: BenchmarkSample) -> None:
    """Decompress the baskets of the branches that are needed, and do nothing with them."""
    with uproot.open({str(sample.path): sample.layout.trees[0]}, object_cache=None, array_cache=None) as tree:
        for name in {name for branch in sample.layout.branches() for name in branch.names} & set(tree.keys()):
            branch = tree[name]
            for number in range(branch.num_baskets):
                branch.basket(number)


def own_read(sample: BenchmarkSample, job: Job) -> None:
    """Read the columns that the job needs, in the pieces that the job reads."""
    columns = needed_columns(job, sample.layout)
    for _ in read_batches(sample.path, sample.layout, 0, sample.n_events, columns=columns, native=False):
        pass


def process_anew(
    catalogue: Catalogue,
    selection: Selection,
    folder: Path,
    *,
    backend: Backend | None = None,
    store: Path | None = None,
) -> dict[int, Tally]:
    """Run the main job to the merged tallies, with no partial result remembered from before.

    Parameters
    ----------
    catalogue : Catalogue
    selection : Selection
    folder : Path
        For partial results; emptied.
    backend : Backend, optional
        This process by default.
    store : Path, optional
        Feature store: what it holds is not made from cells again, and what it lacks is added.
    """
    job = build_job(catalogue, selection)
    shutil.rmtree(folder, ignore_errors=True)
    result = process(
        catalogue,
        job,
        backend or IterativeBackend(),
        Ledger(folder),
        store=FeatureStore(store.resolve()) if store else None,
    )
    if result.failures:
        raise ValueError(result.failures[0])
    return result.tallies


def process_cells(
    catalogue: Catalogue, selection: Selection, folder: Path, *, store: Path | None = None
) -> BenchmarkCounts:
    """Do as `process_anew` in this process, and give what others count too."""
    return counts_of(process_anew(catalogue, selection, folder, store=store), selection)


def our_programs(sample: BenchmarkSample, selection: Selection, folder: Path) -> list[Program]:
    """List what we do with a sample; the first counts, and is what others are compared with."""
    open_data, blind_data = sample.catalogue(), sample.catalogue(blind=True)
    job = build_job(open_data, selection)
    store, partials = folder / "features", folder / "partials"

    def process_and_keep() -> BenchmarkCounts:
        shutil.rmtree(store, ignore_errors=True)
        return process_cells(open_data, selection, partials, store=store)

    def process_blind() -> None:
        process_cells(blind_data, selection, partials)

    programs = [
        Program(PROCESS, lambda: process_cells(open_data, selection, partials)),
        Program(OWN_READ, lambda: own_read(sample, job)),
        Program("process, blind", process_blind),
        Program("process and keep the features", process_and_keep),
        Program(RERUN, lambda: process_cells(open_data, selection, partials, store=store)),
    ]
    return (
        [Program(FLOOR, lambda: decompress(sample)), *programs]
        if sample.format is RunFileFormat.TTREE
        else programs
    )
