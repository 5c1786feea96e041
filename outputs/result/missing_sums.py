"""What a signal box is about and files do not have: without it events of data are hidden."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

from na64.datasets.basics.run_ranges import runs_in_words
from na64.datasets.catalogue.build import Catalogue, FileRecord
from na64.datasets.instrument.detector import Setup
from na64.datasets.instrument.features import FEATURES
from na64.datasets.instrument.recipes import further_features, made_of_what
from na64.datasets.reading.layout import Layout
from na64.outputs.result.messages import counted
from na64.outputs.result.summary import RunAccounting
from na64.processors.counting.file_counts import FileCounts
from na64.processors.job import Job
from na64.processors.run_contexts import RunContext

FilesOfRuns: TypeAlias = Mapping[tuple[str, int], FileCounts]
"""Events of each run in each file, by path and run."""

Missing: TypeAlias = dict[str, tuple[str, ...]]
"""Features that a box needs and a file lacks, with their missing branches: none if the layout has none."""


def missing_sums(job: Job) -> Iterator[str]:
    """One line for each layout and period of a job of data where all events are hidden for lack of a sum.

    Parameters
    ----------
    job : Job
    """
    if job.simulation:
        return
    periods = {context.period: context for context in job.runs.values()}
    for layout in job.layouts.values():
        for name, context in sorted(periods.items()):
            if missing := _lacking(layout, context):
                yield (
                    f"layout {layout.name} has no {', '.join(missing)}, which the signal box of period "
                    f"{name} is about: events of data are hidden for lack of them"
                )


def unjudged_of(catalogue: Catalogue, job: Job, files: FilesOfRuns) -> dict[int, dict[str, int]]:
    """Hidden events of data by run and feature, in files without what a signal box needs of that feature.

    Which files those are follows from their branches alone.

    Parameters
    ----------
    catalogue : Catalogue
    job : Job
    files : mapping of (path, run) to FileCounts
    """
    found: dict[int, dict[str, int]] = {}
    for run, features, n_events in _hidden(catalogue, job, files):
        of_run = found.setdefault(run, {})
        for name in features:
            of_run[name] = of_run.get(name, 0) + n_events
    return found


def hidden_for_lack(
    catalogue: Catalogue, job: Job, files: FilesOfRuns, runs: Sequence[RunAccounting]
) -> Iterator[str]:
    """One line for each feature of a signal box that some files lack, and one about runs hidden as a whole.

    Nothing is said that branches and the published numbers of hidden events do not say.

    Parameters
    ----------
    catalogue : Catalogue
    job : Job
    files : mapping of (path, run) to FileCounts
    runs : sequence of RunAccounting
        Of the same job.
    """
    if not job.hides:
        return
    groups: dict[tuple[str, tuple[str, ...], tuple[str, ...]], dict[int, int]] = {}
    for run, features, n_events in _hidden(catalogue, job, files):
        own = tuple(
            name for name, branches in features.items() if branches
        )  # `missing_sums` tells the others
        branches = tuple(dict.fromkeys(branch for name in own for branch in features[name]))
        if own:
            of_group = groups.setdefault((job.runs[run].period, own, branches), {})
            of_group[run] = of_group.get(run, 0) + n_events
    processed = {run.run: run.accounting["processed"] for run in runs}
    for (period, names, branches), of_group in groups.items():
        of_all = counted(sum(processed[run] for run in of_group), "processed event")
        quoted = ", ".join(f'"{branch}"' for branch in branches)
        yield (
            f"{sum(of_group.values()):,} of {of_all} of {runs_in_words(of_group)} are hidden, being in files "
            f"without {quoted}: the signal box of period {period} is about {', '.join(names)}, made of that"
        )
    yield from _of_whole_runs(job, [run for run in runs if not run.unjudged])


def _of_whole_runs(job: Job, runs: Iterable[RunAccounting]) -> Iterator[str]:
    """Line about runs whose files may have everything, and all of whose events are hidden."""
    whole = {run.run: run.accounting["processed"] for run in runs if run.visible == 0}
    whole = {run: n_events for run, n_events in whole.items() if n_events}
    if whole:
        names = dict.fromkeys(name for run in whole for box in job.runs[run].boxes for name in box.features)
        yield (
            f"all {counted(sum(whole.values()), 'processed event')} of {runs_in_words(whole)} are hidden: "
            f"of none do {', '.join(names)} show that it is outside of the signal boxes"
        )


def _hidden(catalogue: Catalogue, job: Job, files: FilesOfRuns) -> Iterator[tuple[int, Missing, int]]:
    """Run, what a box needs and the file lacks, and number of hidden events, of files that lack something."""
    records = {record.path: record for record in catalogue.good} if job.hides else {}
    known: dict[tuple[str, tuple[str, ...], int], Missing] = {}
    for (path, run), counts in files.items() if job.hides else ():
        record, context = records[path], job.runs[run]
        key = record.layout, record.missing_columns, id(context.setup)
        if key not in known:
            known[key] = dict(_of_file(job.layouts[record.layout], record, context))
        if counts.hidden and known[key]:
            yield run, known[key], counts.hidden


def _of_file(
    layout: Layout, record: FileRecord, context: RunContext
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Features that a box needs and a file lacks, each with the branches that it is made of and lacks."""
    names = {branch.column: branch.names for branch in layout.branches()}
    of_layout = _lacking(layout, context)
    for name in _lacking(layout.without(record.missing_columns), context):
        made_of = (*made_of_what((name,), context.setup), *layout.sums.get(name, ()))
        parts = tuple(f"{one}_" for one in made_of)
        missing = [c for c in record.missing_columns if c in made_of or c.startswith(parts)]
        branches = (branch for column in missing for branch in names[column])
        yield name, () if name in of_layout else tuple(dict.fromkeys(branches))


def _lacking(layout: Layout, context: RunContext) -> tuple[str, ...]:
    """Features without which every event is hidden: of a needed bound, or of all bounds of a box."""
    found: list[str] = []
    for box in context.boxes:
        by_bound = [
            [name for name in bound.features if not may_have(layout, name, context.setup)]
            for bound in box.bounds
        ]
        for bound, missing in zip(box.bounds, by_bound, strict=True):
            if bound.needed or all(by_bound):
                found += missing
    return tuple(dict.fromkeys(found))


def may_have(layout: Layout, name: str, setup: Setup) -> bool:
    """Whether files of a layout may have a feature: as it is, or all that it is made of."""
    if name in layout.columns or name == "bad_spill":
        return True
    if name == "trigger_physics":
        return "trigger" in layout.columns
    for formula in setup.formulas:
        if formula.name == name:
            constants = dict(setup.constants)
            return all(one in constants or may_have(layout, one, setup) for one in formula.inputs)
    known = FEATURES | {feature.name: feature for feature in further_features(setup)}
    detectors = known[name].detectors if name in known else ()
    return bool(detectors) and all(one in layout.detectors for one in detectors)
