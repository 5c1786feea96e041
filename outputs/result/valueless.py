"""Features that cuts and histograms look at and of which no event has a value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from na64.datasets.basics.run_ranges import runs_in_words
from na64.outputs.result.messages import counted
from na64.outputs.result.summary import RunAccounting
from na64.processors.counting.file_counts import FileCounts
from na64.selections.cut import Condition
from na64.selections.histograms import Axis
from na64.selections.selection import Selection


def valueless_of(files: Mapping[tuple[str, int], FileCounts]) -> dict[int, dict[str, int]]:
    """Visible events by run and feature in files where none of the run has a value of it.

    Parameters
    ----------
    files : mapping of (path, run) to FileCounts
    """
    found: dict[int, dict[str, int]] = {}
    for (_, run), counts in files.items():
        of_run = found.setdefault(run, {})
        for name in counts.valueless:
            of_run[name] = of_run.get(name, 0) + counts.visible
    return {run: dict(sorted(of_run.items())) for run, of_run in found.items()}


def in_all_runs(runs: Sequence[RunAccounting]) -> dict[str, int]:
    """Visible events of runs by feature in files where none has a value of it, in the order of the names."""
    names = sorted({name for run in runs for name in run.valueless})
    return {name: sum(run.valueless.get(name, 0) for run in runs) for name in names}


def warnings_of_valueless(selection: Selection, runs: Sequence[RunAccounting]) -> Iterator[str]:
    """One line a feature: how many events have no value of it, and what that does to cuts and histograms."""
    visible = sum(run.visible for run in runs)
    formulas = {formula.name: formula.text for formula in selection.formulas}
    for name, n_events in in_all_runs(runs).items():
        which = f"{name} ({formulas[name]})" if name in formulas else name
        if n_events == visible:
            head = f"no visible event has a value of {which}"
        else:
            some = f"{n_events:,} of {counted(visible, 'visible event')}"
            where = runs_in_words([run.run for run in runs if name in run.valueless])
            head = f"{some} are in files of {where} where none has a value of {which}"
        yield f"{head}: {'; '.join(_uses(selection, name))}"


def _needs(condition: Condition, name: str) -> bool:
    """Whether no event without a value of a feature meets a condition."""
    return any(interval.feature == name for interval in condition.intervals)


def _uses(selection: Selection, name: str) -> Iterator[str]:
    """What looks at a feature, and what comes of it without a value."""
    for cut in selection.cuts:
        if all(_needs(one, name) for one in cut.conditions):
            yield f"cut {cut.name} passes none of them"
        elif any(name in one.features for one in cut.conditions):
            yield f"cut {cut.name} looks at it"
    for region in selection.regions:
        if name in region.condition.features:
            yield f"{region.name} {'has none of them' if _needs(region.condition, name) else 'looks at it'}"
    for histogram in selection.histograms:
        if histogram.weight is not None and name == histogram.weight.feature:
            yield f"histogram {histogram.name} has none of them, being weighted with it"
    axes: dict[str, tuple[Axis, ...]] = {f"plane {plane.name}": plane.axes for plane in selection.planes}
    axes |= {f"histogram {histogram.name}": histogram.axes for histogram in selection.histograms}
    filled = (what for what, own in axes.items() if name in (axis.feature for axis in own))
    yield from (f"{what} has them in the overflow" for what in filled)
    made = (formula.name for formula in selection.formulas if name in formula.inputs)
    yield from (f"formula {what} is made of it" for what in made)
    for variation in selection.variations:
        if any(name in one.features for cut in variation.cuts for one in cut.conditions):
            yield f"variation {variation.name} looks at it"
