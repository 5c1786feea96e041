"""From columns to the features of the events that may be looked at.

Everything after this module sees copies of visible events only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from na64.datasets.instrument.columns import Array, EventColumns
from na64.datasets.instrument.detector import Setup
from na64.datasets.instrument.recipes import feature_index
from na64.processors.counting.tally import ACCOUNTING
from na64.processors.features.compute import compute
from na64.processors.features.derived import Derivation
from na64.processors.features.feature_table import FeatureTable, Skip
from na64.processors.features.rows import take_rows
from na64.processors.features.varied_features import append_varied, changed_detectors, needed_part
from na64.processors.features.visible_cells import VisibleCellSource
from na64.processors.job import FileContext, Job
from na64.processors.run_contexts import RunContext
from na64.selections.hidden import hidden, is_open, visible_mask
from na64.selections.signal_box import SignalBox
from na64.selections.variations import Effect

_REASONS = {
    "skipped_nonfinite": Skip.NONFINITE,
    "skipped_cell_range": Skip.CELL_RANGE,
    "skipped_unequal_hits": Skip.UNEQUAL_HITS,
    "skipped_too_many_hits": Skip.TOO_MANY_HITS,
}


@dataclass(frozen=True, slots=True, eq=False)
class VisibleEvents:
    """The visible events of one run in a chunk, and how many others there were.

    Attributes
    ----------
    run : int
    values : (n_features, n_events) float32
        Rows as in `na64.processors.features.varied_features.feature_rows`: packaged features, those of the
        plug-in, and those that the variations change.
    weight : (n_events,) float64 or None
        Of weighted simulation.
    accounting : dict of str to int
        By `na64.processors.counting.tally.ACCOUNTING`.
    rows : (n_events,) int64 or None
        Where in the chunk each of them was; not known of features from a store.
    """

    run: int
    values: NDArray[np.float32]
    weight: NDArray[np.float64] | None
    accounting: dict[str, int]
    rows: NDArray[np.int64] | None = None


def visible_events(events: EventColumns, job: Job, file: FileContext) -> Iterator[VisibleEvents]:
    """Yield the visible events of each run that is asked for, by run; a run without events is not there.

    Parameters
    ----------
    events : EventColumns
    job : Job
    file : FileContext
        Where the events are from.
    """
    for run in sorted(set(file.runs).intersection(runs_of(events))):
        rows = np.flatnonzero(events.event["run"] == run)
        part = events if len(rows) == events.n_events else take_rows(events, rows)
        yield _of_run(part, rows, run, job, file)


def runs_of(events: EventColumns) -> list[int]:
    """Return the runs of a chunk, ascending."""
    numbers = events.event["run"]
    if events.n_events == 0:
        return []
    # Sorting costs more than all the cuts, and nearly every file is of one run.
    lowest, highest = int(numbers.min()), int(numbers.max())
    return [lowest] if lowest == highest else np.unique(numbers).tolist()


def _of_run(
    events: EventColumns, rows: NDArray[np.int64], run: int, job: Job, file: FileContext
) -> VisibleEvents:
    context = job.runs[run]
    table = features_of(events, context.setup, job, file)
    effects = job.selection.effects
    varied = [_varied(events, effect, context.setup, job, file) for effect in effects]
    moved = [part for part, effect in zip(varied, effects, strict=True) if effect in job.closing_effects]
    seen, opened = _may_be_seen(events, table, moved, (context, context.setup), job)
    for other in context.others if job.hides else ():
        seen_too, opened_too = seen_under(other, events, context, job, file)
        seen, opened = seen & seen_too, opened & opened_too
    skipped = _skipped(table, job)
    seen &= ~skipped
    values = table.values if seen.all() else np.compress(seen, table.values, axis=1)
    n_open = 0 if job.simulation else int(np.count_nonzero(seen & opened))
    accounting = _account(table, seen, skipped, n_open)
    derivation = derivation_of(events, seen, run, job, file)
    values = derivation.extended(values)
    if varied:
        values = append_varied(values, varied, seen, derivation)
    weight = _weight(events, seen) if job.weighted else None
    return VisibleEvents(run, values, weight, accounting, rows[seen])


def _may_be_seen(
    events: EventColumns,
    table: FeatureTable,
    varied: list[NDArray[np.float32]],
    of: tuple[RunContext, Setup],
    job: Job,
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Masks by what one set-up makes of events: which may be seen, and which no box concerns."""
    trigger, (context, setup) = events.event.get("trigger"), of
    seen = visible_mask(
        table.values,
        boxes=known_boxes(context.boxes, setup, context),
        run_type=context.type,
        trigger=trigger,
        nonfinite=table.skip == Skip.NONFINITE,
        simulation=not job.hides,
        varied=varied,
        index=table.index,
    )
    return seen, is_open(context.type, trigger, table.values)


def seen_under(
    setup: Setup, events: EventColumns, context: RunContext, job: Job, file: FileContext
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Masks by what another set-up of a run makes of events: which may be seen, and which no box concerns."""
    table = features_of(needed_part(events, job.box_detectors), setup, job, file)
    varied = [_varied(events, effect, setup, job, file) for effect in job.closing_effects]
    return _may_be_seen(events, table, varied, (context, setup), job)


def known_boxes(boxes: Sequence[SignalBox], setup: Setup, context: RunContext) -> tuple[SignalBox, ...]:
    """Boxes of a run that a set-up can judge: all but those whose features another of its set-ups has."""
    there, others = feature_index(setup).keys(), [feature_index(one).keys() for one in context.setups]
    return tuple(
        box
        for box in boxes
        if there >= {*box.features} or not any(other >= {*box.features} for other in others)
    )


def hidden_by(
    boxes: Sequence[SignalBox], events: EventColumns, context: RunContext, job: Job, file: FileContext
) -> NDArray[np.bool_]:
    """Which events some boxes hide under any set-up or variation, whatever the trigger says."""
    closed = np.zeros(events.n_events, bool)
    index = {name: row for row, name in enumerate(job.selection.recorded_features)}
    for setup in context.setups:
        known = known_boxes(boxes, setup, context)
        for effect in (Effect(), *job.closing_effects) if known else ():
            closed |= hidden(known, _varied(events, effect, setup, job, file), index)
    return closed


def _varied(
    events: EventColumns, effect: Effect, setup: Setup, job: Job, file: FileContext
) -> NDArray[np.float32]:
    """Compute the features that an effect changes, with those of boxes if it closes; others may be wrong."""
    closing = job.box_detectors if effect in job.closing_effects or not effect else ()
    part = needed_part(events, {*changed_detectors(effect, job.selection), *closing})
    return features_of(part, effect.of(setup), job, file).values


def features_of(events: EventColumns, setup: Setup, job: Job, file: FileContext) -> FeatureTable:
    """Compute what is made of the columns of events of one run, hidden ones too: here and for an opening.

    Its rows are those of the selection's ``recorded_features``; what the period does not have is nan.
    """
    layout, numbers = job.layouts[file.layout], events.event
    table = compute(
        events,
        setup,
        bad=job.bad_in(layout).mask(numbers["run"], numbers["spill"], numbers["event"]),
        residual_times=layout.time_is_residual,
        absent_nan=layout.absent_nan,
        profile_chi2=job.profile_chi2,
    ).with_rows(job.selection.recorded_features)
    if job.weighted and "weight" in numbers:
        lost = ~np.isfinite(numbers["weight"])
        table.skip[lost] = np.maximum(table.skip[lost], Skip.NONFINITE)
    return table


def derivation_of(
    events: EventColumns, chosen: NDArray[np.bool_], run: int, job: Job, file: FileContext
) -> Derivation:
    """What makes further features of chosen events of one run, and of their cells."""
    layout, context = job.layouts[file.layout], job.runs[run]
    rows = np.flatnonzero(chosen)
    cells = VisibleCellSource(events, rows, context.setup, layout.time_is_residual, layout.absent_nan)
    return Derivation(job.selection, job.plugin, context.constants, cells)


def _skipped(table: FeatureTable, job: Job) -> NDArray[np.bool_]:
    """Which events are not processed; one of data that is not finite is hidden instead."""
    skipped: NDArray[np.bool_] = table.skip != Skip.NONE
    return skipped if job.simulation else skipped & (table.skip != Skip.NONFINITE)


def _account(
    table: FeatureTable, seen: NDArray[np.bool_], skipped: NDArray[np.bool_], n_open: int
) -> dict[str, int]:
    accounting = dict.fromkeys(ACCOUNTING, 0)
    accounting["open"] = n_open
    accounting["processed"] = int(np.count_nonzero(~skipped))
    accounting["hidden"] = accounting["processed"] - int(np.count_nonzero(seen))
    for reason, code in _REASONS.items():
        accounting[reason] = int(np.count_nonzero(skipped & (table.skip == code)))
    return accounting


def _weight(events: EventColumns, seen: NDArray[np.bool_]) -> Array:
    if "weight" not in events.event:
        return np.ones(np.count_nonzero(seen))
    return events.event["weight"][seen].astype(np.float64)
