"""Events to tallies: of columns, and of a segment of a file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from na64.datasets.catalogue.records import FileRecord
from na64.datasets.catalogue.registered_events import registered_events
from na64.datasets.instrument.columns import EventColumns, Shape
from na64.datasets.reading.detector_layout import CellStorage, DetectorLayout
from na64.datasets.reading.layout import Layout
from na64.datasets.reading.read import Record
from na64.processors.counting import counting
from na64.processors.counting.tally import Tally, fixed_point
from na64.processors.events.feature_store import FeatureStore
from na64.processors.events.visible_events import VisibleEvents, visible_events
from na64.processors.execution.cost import Meter
from na64.processors.execution.ledger import DamagedError
from na64.processors.execution.memory import collect_garbage, keep_freed_memory, spare_what_is_loaded
from na64.processors.features import compute
from na64.processors.features.varied_features import feature_rows
from na64.processors.job import FileContext, Job


def process_columns(events: EventColumns, job: Job, file: FileContext) -> dict[int, Tally]:
    """Count the events of a chunk, run by run.

    Parameters
    ----------
    events : EventColumns
    job : Job
    file : FileContext
        Where the events are from.

    Returns
    -------
    dict of int to Tally
        By run; a run without events is not there.
    """
    return count_parts(visible_events(events, job, file), job)


def count_parts(
    parts: Iterable[VisibleEvents], job: Job, names: tuple[str, ...] | None = None
) -> dict[int, Tally]:
    """Count visible events, run by run, in the memory of one part.

    ``names`` are those of the features, if the parts do not have all of them.

    Raises
    ------
    ValueError
        Weights that are not finite or too large to be summed exactly.
    """
    counters: dict[int, counting.Counter] = {}
    for part in parts:
        if part.run not in counters:
            boxes = job.runs[part.run].boxes if job.hides else ()
            counters[part.run] = counting.Counter(
                job.selection_in(part.run), job.n_components, names, boxes=boxes
            )
        counters[part.run].add(part.values, _weight_components(part), part.accounting)
    return {run: counters[run].tally() for run in sorted(counters)}


def _weight_components(visible: VisibleEvents) -> NDArray[np.int64]:
    if visible.weight is None:
        return np.zeros((0, visible.values.shape[1]), np.int64)
    try:
        return fixed_point(visible.weight)
    except ValueError as error:
        raise ValueError(f"run {visible.run}: {error}") from error


def process_segment(
    record: Record | str | Path,
    start: int,
    stop: int,
    job: Job,
    file: FileContext,
    *,
    chunk_events: int | None = None,
    store: FeatureStore | None = None,
    fresh: bool = False,
    meter: Meter | None = None,
) -> dict[int, Tally]:
    """Read and count events ``start`` to ``stop`` (half open) of a run file.

    Parameters
    ----------
    record : Record, str or Path
        The file, as `na64.datasets.reading.read.read` takes it.
    start, stop : int
    job : Job
    file : FileContext
    chunk_events : int, optional
        Events in memory at a time, about; by default as many as are read fastest. The result does not depend
        on it.
    store : FeatureStore, optional
        The features are read from it if it has them, and kept in it if not.
    fresh : bool
        Read the cells whatever the store has.
    meter : Meter, optional
        Notes what it costs.

    Returns
    -------
    dict of int to Tally
        By run; a run without events is not there.
    """
    meter = meter or Meter()
    key = job.feature_key(file, start, stop)
    if store is not None and not fresh and (stored := _count_stored(store, key, job, meter)) is not None:
        return stored
    if isinstance(record, FileRecord):
        meter.note(record.size * (stop - start) // max(sum(record.runs.values()), 1), stored=False)
    batches = read_segment(record, start, stop, job, file, chunk_events=chunk_events, native=False)

    def visible(events: EventColumns) -> Iterable[VisibleEvents]:
        return visible_events(events, job, file)

    # Not a loop, which would hold each batch while the next is read: that takes its memory over.
    parts = chain.from_iterable(map(visible, meter.each(batches)))
    if store is None:
        return count_parts(parts, job)
    with store.writing(key, tuple(feature_rows(job.selection)), job.plugin_text) as kept:
        return count_parts(map(kept, parts), job)


def _count_stored(store: FeatureStore, key: str, job: Job, meter: Meter) -> dict[int, Tally] | None:
    """Count a segment from its features in a store; None if they are not there or damaged."""
    names = counting.needed_features(job.selection, job.closed_boxes)
    try:
        meter.note(store.path(key).stat().st_size, stored=True)
        return count_parts(meter.each(store.read(key, names)), job, names)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, DamagedError) as error:
        store.set_aside(key, error)
        return None


def read_segment(
    record: Record | str | Path,
    start: int,
    stop: int,
    job: Job,
    file: FileContext,
    *,
    chunk_events: int | None = None,
    more: tuple[str, ...] = (),
    native: bool = True,
) -> Iterator[EventColumns]:
    """Read events ``start`` to ``stop`` (half open) of a run file, with the columns that a job looks at.

    Parameters
    ----------
    record, start, stop, job, file, chunk_events
        As `process_segment` takes them.
    more : tuple of str
        Further columns.
    native : bool
        In the byte order of this machine, see `na64.datasets.reading.read.read_batches`.
    """
    layout = job.layouts[file.layout]
    columns = (*needed_columns(job, layout), *more)
    return registered_events(
        record, layout, start, stop, n_events=chunk_events, columns=columns, native=native
    )


def needed_columns(job: Job, layout: Layout) -> tuple[str, ...]:
    """Return the columns of a layout that a job looks at, whether or not a file has them."""
    unused = {"truth_component"} if job.weighted else {"truth_component", "weight"}
    return tuple(name for name in layout.columns if name not in unused)


def warm_up(job: Job, variants: Iterable[tuple[Shape, str]] | None = None) -> None:
    """Compile, or load from the cache, what a job needs: once a worker, before the first task.

    Parameters
    ----------
    job : Job
    variants : iterable of (Shape, str), optional
        Shapes and dtypes of the cell columns; by default all that the layouts allow.
    """
    keep_freed_memory()
    collect_garbage()
    if variants is None:
        variants = {
            (shape_of(detector), dtype)
            for layout in job.layouts.values()
            for detector in layout.detectors.values()
            if detector.kind is not CellStorage.POSITIONS
            for dtype in detector.columns["energy"].types
        }
    wanted = sorted(variants, key=str)
    for setup in {context.setup for context in job.runs.values()}:
        compute.warm_up(setup, wanted)
    values = np.zeros((len(feature_rows(job.selection)), 1), np.float32)
    counting.count_events(job.selection, values, np.zeros((job.n_components - 1, 1), np.int64))
    spare_what_is_loaded()


def shape_of(detector: DetectorLayout) -> Shape:
    """Shape of the columns of a detector, as kernels take them."""
    return Shape.HITS if detector.kind is CellStorage.HITS else Shape.CELLS


def empty_tally(job: Job) -> Tally:
    """Return the tally of no event."""
    return counting.empty_tally(job.selection, job.n_components)
