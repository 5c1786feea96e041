"""What the program says about a catalogue, a plan and a result, line by line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from na64.datasets.basics.named import shortened
from na64.datasets.catalogue.build import Catalogue
from na64.datasets.catalogue.table_folders import summary_of
from na64.datasets.catalogue.triggers import differences
from na64.datasets.conditions.periods import Period
from na64.datasets.reading.detection import fits_no_layout
from na64.outputs.result.summary import Summary, skipped_in
from na64.processors.execution.tasks import Task
from na64.selections.regions import short_name

_SOON = 10.0
"""Seconds; what takes less is not told more precisely."""


def of_catalogue(catalogue: Catalogue, path: Path, periods: Mapping[str, Period]) -> Iterator[str]:
    """Files that were registered, and those that were not and why."""
    for line in catalogue.warnings:
        yield f"warning: {line}"
    for run, text in differences(catalogue, periods).items():
        yield f"warning: run {run}: {text}"
    for record in catalogue.unreviewed:
        yield f"{record.status.value}: {record.name}: {record.reason}"
    unknown = [record.path for record in catalogue.unreviewed if fits_no_layout(record.reason)]
    if unknown:
        yield f"of no layout that is known: na64 inspect {unknown[0]} --to my_layout.toml proposes one"
    yield from summary_of(catalogue.folders if catalogue.good else ())
    if catalogue.periods is not None:
        yield f"periods of {catalogue.periods.path}: {', '.join(catalogue.periods.files) or 'none'}"
    runs = catalogue.runs
    counts = {"file": len(catalogue.good), "run": len(runs), "event": sum(runs.values())}
    said = ", ".join(counted(n, noun) for noun, n in counts.items())
    yield f"{path}: {catalogue.kind.value}, {said}{_left_out(catalogue)}"


def _left_out(catalogue: Catalogue) -> str:
    """How many files are not in it, by status, with the commonest reason where there are several."""
    left_out: dict[str, list[str]] = {}
    for record in catalogue.unreviewed:
        left_out.setdefault(record.status.value, []).append(record.reason)
    return "".join(f"; {_commonest(status, reasons)}" for status, reasons in left_out.items())


def _commonest(status: str, reasons: Sequence[str]) -> str:
    ((reason, number),) = Counter(reasons).most_common(1)
    share = f", {number:,} of them" if number < len(reasons) else ", all" if number > 1 else ""
    return f"{counted(len(reasons), 'file')} {status}{share}: {reason}"


def of_plan(
    catalogue: Catalogue, runs: Sequence[int], tasks: Sequence[Task], seconds: Sequence[float], workers: int
) -> Iterator[str]:
    """Events that a job would read, and about how long it would take.

    Parameters
    ----------
    catalogue : Catalogue
    runs : sequence of int
    tasks : sequence of Task
    seconds : sequence of float
        Of one core, of every segment that was not counted before.
    workers : int
    """
    paths = {task.path for task in tasks}
    size = sum(record.size for record in catalogue.good if record.path in paths)
    events = sum(task.n_events for task in tasks)
    yield (
        f"{counted(len(runs), 'run')}, {counted(len(tasks), 'segment')}, {counted(events, 'event')}, "
        f"files of {size / 1e6:,.1f} MB"
    )
    if not seconds:
        yield "all of it was counted before: only the products are written"
        return
    if done := len(tasks) - len(seconds):
        yield f"{counted(done, 'segment')} counted before, {len(seconds):,} to be counted"
    longest = max(sum(seconds) / workers, *seconds)
    about = "less than 10 s" if longest < _SOON else f"about {_duration(longest)}"
    yield f"{about} on {counted(workers, 'worker')}, and some seconds to start; --estimate measures it"


def _duration(seconds: float) -> str:
    for unit, length in (("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:,.0f} {unit}"
    return f"{seconds:.0f} s"


def of_result(summary: Summary) -> Iterator[str]:
    """Verdict, totals, and what is to be known about them."""
    totals = summary.totals
    counts = {"recorded": totals["recorded"], "processed": totals["processed"], "skipped": summary.skipped}
    counts |= {"hidden": totals["hidden"]} if summary.is_data else {}
    counts["selected"] = totals["selected"]
    yield f"{summary.verdict.value}: " + ", ".join(f"{number:,} {name}" for name, number in counts.items())
    if regions := summary.selection.region_names:
        yield "regions: " + ", ".join(f"{short_name(name)} {totals[name]:,}" for name in regions)
    known = [exposure for exposure in summary.exposures if exposure.delivered is not None]
    if len(known) > 1:
        listed = ", ".join(f"{exposure.delivered:.4g} {exposure.label}" for exposure in known)
        yield f"exposure: {listed}; kinds are not added"
    for line in (*summary.reasons, *summary.failures):
        yield f"  {line}"
    for line in summary.warnings:
        yield f"warning: {line}"


def of_status(summary: Summary) -> Iterator[str]:
    """Events that were read, run by run, and files that were not."""
    yield f"{summary.selection.name}, {summary.label}, {summary.scope}"
    yield "     run  period      recorded   processed     skipped     missing"
    for run in summary.runs:
        counts = run.accounting
        numbers = (counts["recorded"], counts["processed"], skipped_in(counts), counts["missing"])
        yield f"{run.run:8d}  {shortened(run.period, 40):8s}" + "".join(
            f"{number:12,d}" for number in numbers
        )
    for name, reason in summary.files.not_read:
        yield f"not read: {name}: {reason}"
    yield from of_result(summary)


def counted(number: int, noun: str) -> str:
    """Number of things, in English."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
